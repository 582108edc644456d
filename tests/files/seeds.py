"""Small good files of every format: what the mutations start from."""

import gzip
import io

import numpy as np
import scipy.io
import scipy.sparse as sp

__all__ = ["SEEDS", "matrices"]

FIELDS = {"b": "integer", "i": "integer", "u": "integer", "f": "real", "c": "complex"}


def matrices() -> dict[str, np.ndarray]:
    """Return matrices of many dtypes, with zeros, extreme entries and one row."""
    rng = np.random.default_rng(20240131)
    A = np.diag([3.0, 1.0, 0.0, 0.0, 2.0])
    A[0, 1] = A[1, 0] = 0.5
    B = rng.standard_normal((12, 4))
    B = B @ B.T
    J = rng.standard_normal((6, 6))
    C = np.where(rng.random((30, 30)) < 0.1, rng.standard_normal((30, 30)), 0.0)
    whole = np.add.outer(np.arange(4), np.arange(4))
    return {
        "diagonal": A,
        "dense": B,
        "sparse": C + C.T,
        "hermitian": B[:6, :6] + 1j * (J - J.T),
        "integer": whole,
        "extreme": np.diag([1e300, 5e-324, -1e-300, 0.0]),
        "single": B.astype(np.float32),
        "bytes": whole.astype(np.int8),
        "bits": whole % 2 == 1,
        "zero": np.zeros((3, 3)),
        "one": np.ones((1, 1)),
        "wide": C[:4, :],
    }


def _written(write, *args, **options) -> bytes:
    file = io.BytesIO()
    write(file, *args, **options)
    return file.getvalue()


def _numpy(M):
    yield "dense.npy", _written(np.save, M)
    yield "fortran.npy", _written(np.save, np.asfortranarray(M))
    yield "dense.npz", _written(np.savez, K=M)
    yield "packed.npz", _written(np.savez_compressed, K=M)
    for kind in ("csr", "csc", "coo", "dia", "bsr"):
        for is_packed in (False, True):
            sparse = sp.csr_array(M).asformat(kind)
            yield f"{kind}.npz", _written(sp.save_npz, sparse, compressed=is_packed)


def _matrix_market(M):
    plain = M.astype(int) if M.dtype == bool else M
    symmetry = "general"
    if M.shape[0] == M.shape[1]:
        symmetry = "hermitian" if np.iscomplexobj(M) else "symmetric"
    for kind in {"general", symmetry}:
        for form, value in (("array", plain), ("coordinate", sp.coo_array(plain))):
            text = _written(scipy.io.mmwrite, value, symmetry=kind, field=FIELDS[plain.dtype.kind])
            yield f"{form}.mtx", text
            yield f"{form}.mtx.gz", gzip.compress(text, mtime=0)
    text = _written(scipy.io.mmwrite, sp.coo_array(M), field="pattern", symmetry="general")
    yield "pattern.mtx", text


def _matlab(M):
    full = M.astype(np.uint8) if M.dtype == bool else M
    for value, form in ((full, "full"), (sp.csc_matrix(M), "sparse")):
        for is_packed in (False, True):
            raw = _written(scipy.io.savemat, {"K": value}, do_compression=is_packed)
            yield f"{form}.mat", raw
    yield "old.mat", _written(scipy.io.savemat, {"K": full}, format="4")
    if not np.iscomplexobj(M):
        yield "oldsparse.mat", _written(scipy.io.savemat, {"K": sp.csc_matrix(M)}, format="4")
    problem = {"id": 7, "A": sp.csc_matrix(M), "aux": {"c": np.array([1, "a"], dtype=object)}}
    yield "problem.mat", _written(scipy.io.savemat, {"Problem": problem})


def _all():
    for name, M in matrices().items():
        for writer in (_numpy, _matrix_market, _matlab):
            for form, raw in writer(M):
                yield f"{name}.{form}", raw


SEEDS: list[tuple[str, bytes]] = list(_all())
"""Name and bytes; the name ends as the format has it."""


def suffix(name: str) -> str:
    """Return the end of a name that tells the format."""
    return ".mtx.gz" if name.endswith(".mtx.gz") else name[name.rindex(".") :]
