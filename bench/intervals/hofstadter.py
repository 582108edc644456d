r"""The integrated density of states of a lattice in a magnetic field, against one `eigsh`.

    python -m bench.intervals.hofstadter [--length 320] [--seconds 900]

H = sum of exp(i theta) c* c over the bonds of an L x L torus with the flux P/Q through every cell,
n = L^2 = 102 400, complex Hermitian and known by its products alone. With Q a divisor of L its
eigenvalues are those of L^2 / Q matrices of order Q (Bloch), so the staircase is known exactly.

One run of `symrank.rank` and its `cdf` at 200 energies, simultaneous at 95 %; then
`scipy.sparse.linalg.eigsh(k=200, which="SA")` of the same operator, in a process that is ended
after ``--seconds``. Seconds are those of one core; CPU time beside wall time, as others may use the
machine.
"""

import argparse
import multiprocessing
import os
import time
from typing import Any

os.environ.setdefault("NUMBA_NUM_THREADS", "1")  # one core, before numba is loaded
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import scipy.sparse.linalg as spla

import symrank
from bench import record

P, Q = 1, 5
ENERGIES = 200
BUDGET = 4096  # products: 8 probes of 512 steps
CONFIDENCE = 0.95
SEED = 20240131


def hamiltonian(length: int) -> spla.LinearOperator:
    """Return H by its products; Landau gauge, the phase grows with the first coordinate."""
    phase = np.exp(2j * np.pi * P / Q * np.arange(length))[:, None, None]

    def matmat(X: np.ndarray) -> np.ndarray:
        Z = X.reshape(length, length, -1).astype(np.complex128, copy=False)
        out = np.empty_like(Z)
        out[1:], out[0] = Z[:-1], Z[-1]
        out[:-1] += Z[1:]
        out[-1] += Z[0]
        hop = phase * Z
        out[:, 1:] += hop[:, :-1]
        out[:, 0] += hop[:, -1]
        hop = phase.conj() * Z
        out[:, :-1] += hop[:, 1:]
        out[:, -1] += hop[:, 0]
        return out.reshape(X.shape)

    n = length * length
    return spla.LinearOperator(
        (n, n), matvec=lambda x: matmat(x.reshape(n, 1))[:, 0], matmat=matmat, dtype=np.complex128
    )


def eigenvalues(length: int) -> np.ndarray:
    """Return all eigenvalues, ascending, by Bloch's theorem: cells of Q sites."""
    found = []
    for second in 2.0 * np.pi * np.arange(length) / length:
        own = 2.0 * np.cos(second - 2.0 * np.pi * P / Q * np.arange(Q))
        for first in 2.0 * np.pi * np.arange(length // Q) / (length // Q):
            H = np.diag(own).astype(np.complex128)
            H[np.arange(1, Q), np.arange(Q - 1)] += 1.0
            H[np.arange(Q - 1), np.arange(1, Q)] += 1.0
            H[0, -1] += np.exp(-1j * first)
            H[-1, 0] += np.exp(1j * first)
            found.append(H)
    return np.sort(np.linalg.eigvalsh(np.array(found)).ravel())


def timed(what: Any) -> tuple[Any, float, float]:
    """Return what was found, wall seconds and CPU seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    found = what()
    return found, time.perf_counter() - wall, time.process_time() - cpu


def staircase(length: int) -> tuple[Any, Any]:
    """Return the result of one run and its curve at all energies."""
    result = symrank.rank(
        hamiltonian(length), method="lanczos", max_matvecs=BUDGET, confidence=CONFIDENCE, rng=SEED
    )
    left, right = result.measure.ritz_values[[0, -1]]
    energies = np.linspace(left, right, ENERGIES + 2)[1:-1]
    return result, result.cdf(energies, simultaneous=True)


def lowest(length: int, answers: Any) -> None:
    """Send the time of one eigsh, and its last eigenvalue."""
    rng = np.random.default_rng(SEED)
    v0 = rng.standard_normal(length * length) + 1j * rng.standard_normal(length * length)
    H = hamiltonian(length)
    options = {"k": ENERGIES, "which": "SA", "v0": v0, "return_eigenvectors": False}
    found, wall, cpu = timed(lambda: spla.eigsh(H, **options))
    answers.put((wall, cpu, float(np.max(found))))


def eigsh(length: int, limit: float) -> dict[str, Any]:
    """Return the times of eigsh, or that it was ended."""
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    child = context.Process(target=lowest, args=(length, answers))
    child.start()
    child.join(limit)
    if child.is_alive():
        child.terminate()
        return {"is_ended": True, "seconds": limit, "cpu_seconds": None, "highest": None}
    wall, cpu, highest = answers.get()
    return {"is_ended": False, "seconds": wall, "cpu_seconds": cpu, "highest": highest}


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--length", type=int, default=320)
    parser.add_argument("--seconds", type=float, default=900.0)
    args = record.arguments(parser, "intervals/hofstadter")
    n = args.length**2
    staircase(10 * Q)  # compiles the kernels
    (result, curve), wall, cpu = timed(lambda: staircase(args.length))
    lam = eigenvalues(args.length)
    truth = np.searchsorted(lam, curve.x, side="right")
    apart = np.abs(lam[np.clip(truth, 0, n - 1)] - curve.x) > 1e-9
    held = (curve.low <= truth) & (truth <= curve.high)
    width = (curve.high - curve.low) / n
    figures = {
        "n": n, "flux": [P, Q], "energies": ENERGIES, "confidence": CONFIDENCE,
        "products": result.num_matvecs, "probes": len(result.measure.runs),
        "steps": max(run.alpha.size for run in result.measure.runs),
        "seconds": wall, "cpu_seconds": cpu,
        "held": int(held.sum()), "judged": int(apart.sum()),
        "mean_width_share": float(width.mean()), "largest_width_share": float(width.max()),
        "largest_error_share": float(np.abs(curve.estimate - truth).max() / n),
    }  # fmt: skip
    print(figures, flush=True)
    figures["eigsh"] = eigsh(args.length, args.seconds)
    print(figures["eigsh"])
    print(record.save(args.save, figures))


if __name__ == "__main__":
    main()
