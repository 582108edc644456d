"""Calls of every method that take some rounds, and how two answers are compared."""

import json

import numpy as np
import scipy.sparse.linalg as sla

import symrank
from symrank import gallery
from symrank.run.checkpoint import remembered
from tests.cases.losses import Polynomial

LARGE = 2000  # all its eigenvalues are not computed without being asked for


def by_products(dtype=np.float64, n=300):
    """The caller's code: with a witness at the door, and a look after every round."""
    rank = 2 * n // 3
    lam = np.append(np.geomspace(1e-2, 1.0, rank), np.zeros(n - rank))[:, None]
    lam = lam.astype(np.zeros(0, dtype).real.dtype)
    return sla.LinearOperator((n, n), matmat=lambda X: lam * X, matvec=lambda x: lam[:, 0] * x,
                              dtype=dtype)  # fmt: skip


def laplacian(side=20):
    return gallery.grid_laplacian((side, side), remove=0.4, rng=3)


def spikes():
    return gallery.spiked_covariance(600, 20, rng=0)


def loss():
    H = np.diag(np.append(np.linspace(0.5, 1.0, 12), np.zeros(8)))
    return Polynomial(H, quartic=1e-3)


def rectangle():
    rng = np.random.default_rng(5)
    return rng.standard_normal((400, 60)) @ rng.standard_normal((60, 300))


CALLS = {
    "lanczos": (by_products, {"method": "lanczos", "precision": 0.03}),
    "lanczos, single": (
        lambda: by_products(np.float32), {"method": "lanczos", "max_matvecs": 3000}
    ),
    "lanczos, complex": (
        lambda: by_products(np.complex128), {"method": "lanczos", "max_matvecs": 3000}
    ),
    "langevin": (by_products, {"method": "langevin", "max_matvecs": 1500}),
    "langevin, Euler-Maruyama": (
        by_products,
        {"method": symrank.Langevin(scheme="euler-maruyama", noise="gaussian"),
         "max_matvecs": 1500},
    ),
    "chebyshev": (by_products, {"method": "chebyshev", "max_matvecs": 1500}),
    "ubaru-saad": (
        by_products, {"method": symrank.UbaruSaad(variant="published"), "max_matvecs": 1500}
    ),
    "projection": (laplacian, {"method": "projection", "max_matvecs": 1500}),
    "sketch of the range": (spikes, {"method": symrank.Sketch(basis=True)}),
    "sketch of the null space": (laplacian, {"method": symrank.Sketch(side="null")}),
    "dense": (laplacian, {"method": "dense"}),
    "inertia": (laplacian, {"method": "inertia"}),
    "a loss": (loss, {"method": "langevin", "max_matvecs": 1500}),
    "the choice": (lambda: by_products(n=LARGE), {}),
    "the choice, of a rectangle": (rectangle, {"max_matvecs": 150}),
    "singular values": (rectangle, {"method": "lanczos", "max_matvecs": 1500}),
    "multigrid": (laplacian, {"preconditioner": "amg", "max_matvecs": 1500}),
}  # fmt: skip


def ask(name, **options):
    make, given = CALLS[name]
    return symrank.rank(make(), rng=7, **{**given, **options})


def record(result):
    """All that a result says, but for the time that it took."""
    told = result.to_dict(measure=getattr(result, "measure", None) is not None)
    return {k: v for k, v in told.items() if k not in ("seconds", "rows", "total")}


def as_text(result):
    return json.dumps(record(result), default=lambda x: np.asarray(x).tolist())


class Log:
    """The tasks that were begun and those that were finished, by what is multiplied in them."""

    def __init__(self, monkeypatch):
        self.begun, self.kept = [], []
        run, keep = remembered.Timed.do, remembered.Remembered._keep

        def logged(work, task, state, tick):
            self.begun.append((work.number, work.round_, task))
            return run(work, task, state, tick)

        def kept(crew, save, step, state, spent):
            keep(crew, save, step, state, spent)
            self.kept.append(step.name)

        monkeypatch.setattr(remembered.Timed, "do", logged)
        monkeypatch.setattr(remembered.Remembered, "_keep", kept)
