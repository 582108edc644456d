"""Whole runs of CuPy's arrays have the bits of `cpu_numba`; what is refused, and what goes home.

The kernels are the GPU's text on the host, and the arrays refuse to be mixed with NumPy's
(`tests.device.stand_in`). What a result says is compared field by field, diagnostics included.
"""

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.linalg as spla

import symrank
from symrank import gallery, kernels
from symrank.errors import DeviceMemoryError, OperatorError, OptionError
from symrank.operators import as_operator
from tests.device import host, stand_in

pytestmark = pytest.mark.skipif(bool(host.why_not()), reason=host.why_not() or "-")
SEED = 4
OF_THE_PLACE = {"kernel", "seconds", "history"}  # what may differ: the clock, and the name


@pytest.fixture
def device():
    with stand_in.installed() as pool:
        yield pool


def grid(dtype=float):
    return sp.csr_array(gallery.grid_laplacian((15, 21), remove=0.4, rng=1)).astype(dtype)


def signed():
    """Indefinite, in single precision: both roads multiply twice by the same kernel."""
    L = grid(np.float32)
    return sp.csr_array(L - sp.diags_array(np.full(L.shape[0], 0.5, np.float32)))


def dense(dtype=float):
    lam = np.repeat([0.0, 0.3, 1.0], 45)
    return gallery.dense(lam, 2, dtype)


def path(phase=1.0):
    """Products with the Laplacian of a path, whose edges turn by `phase`: whatever X is."""

    def matmat(X):
        Y = 2.0 * X
        Y[1:] -= phase * X[:-1]
        Y[:-1] -= np.conj(phase).item() * X[1:]
        return Y

    return matmat


N = 300
TURN = complex(np.exp(0.3j))
SPARSE = {
    "csr float64": grid,
    "csr float32": lambda: grid(np.float32),
    "csr int64": lambda: sp.csr_array(np.rint(4 * grid()).astype(np.int64)),
    "csc": lambda: sp.csc_array(grid()),
    "indefinite float32": signed,
    "diagonal": lambda: sp.csr_array(sp.diags_array(np.r_[np.linspace(0.1, 1, 200), [0.0] * 100])),
    "diagonal float32": lambda: sp.csr_array(
        sp.diags_array(np.r_[np.zeros(50), np.linspace(0.1, 1, 200)].astype(np.float32))
    ),
}
OTHERS = {
    "dense float64": dense,
    "dense float32": lambda: dense(np.float32),
    "dense complex128": lambda: dense(complex),
    "LinearOperator": lambda: (path(), float),
    "LinearOperator float32": lambda: (path(), np.float32),
    "LinearOperator complex": lambda: (path(TURN), complex),
}


def pair(name):
    """An operator of the device, and the same one of the host."""
    if name in SPARSE:
        A = SPARSE[name]()
        return stand_in.csr_matrix(type(A)(A), A.format), A
    A = OTHERS[name]()
    if isinstance(A, np.ndarray):
        return stand_in.ndarray(A), A
    call, dtype = A
    there = stand_in.LinearOperator((N, N), call, matmat=call, dtype=dtype)
    return there, spla.LinearOperator((N, N), matvec=call, matmat=call, dtype=dtype)


def differences(there, here):
    there, here = there.to_dict(), here.to_dict()
    return {key for key in here if there[key] != here[key]} - OF_THE_PLACE


def is_known_by_products(name):
    return name.startswith("LinearOperator")


METHODS = {
    "lanczos": symrank.Lanczos(),
    "baoab": symrank.Langevin(num_chains=5),
    "gaussian leimkuhler-matthews": symrank.Langevin(
        scheme="leimkuhler-matthews", noise="gaussian", num_chains=3, num_steps=60
    ),
    "euler-maruyama": symrank.Langevin(scheme="euler-maruyama", num_chains=4, num_steps=60),
    "chebyshev": symrank.Chebyshev(),
    "ubaru-saad": symrank.UbaruSaad(),
}
ALL = [(name, method) for name in SPARSE for method in METHODS] + [
    (name, method) for name in OTHERS for method in ("lanczos", "baoab", "chebyshev")
]


@pytest.mark.parametrize(("name", "method"), ALL)
def test_a_rank_has_the_bits_of_the_cpu(device, name, method):
    there, here = pair(name)
    options = {"rng": SEED, "max_matvecs": 400, "check": is_known_by_products(name)}
    found = symrank.rank(there, METHODS[method], **options)
    expected = symrank.rank(here, METHODS[method], **options)
    assert (found.kernel, expected.kernel) == ("gpu_cupy", kernels.load().__name__.split(".")[-1])
    assert differences(found, expected) == set()
    assert [x for _, *x in found.history] == [x for _, *x in expected.history]


@pytest.mark.parametrize("method", [symrank.Lanczos(), symrank.UbaruSaad(num_vectors=3)])
@pytest.mark.parametrize("name", ["csr float32", "LinearOperator complex"])
def test_a_count_has_the_bits_of_the_cpu(device, name, method):
    there, here = pair(name)
    options = {"rng": SEED, "max_matvecs": 500, "check": is_known_by_products(name)}
    if isinstance(method, symrank.UbaruSaad):
        here = Host(here)  # a shifted matrix has entries on the host, and products on the device
    found = symrank.count(there, 0.3, 1.5, method, **options)
    expected = symrank.count(here, 0.3, 1.5, method, **options)
    assert differences(found, expected) == set()


class Host(symrank.operators.Operator):
    """A host operator that hides its entries: what the device makes of it."""

    def __init__(self, A):
        self.A = as_operator(A)
        super().__init__(self.A.shape, self.A.dtype, name="hidden")

    def _facts(self):
        import dataclasses

        known, of = super()._facts(), self.A.facts
        return dataclasses.replace(known, work=of.work, largest=of.largest)

    def _matmat(self, X):
        return self.A.matmat(X)
