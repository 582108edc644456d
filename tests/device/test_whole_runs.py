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
# what may differ: the clock, the name, and the pattern, which is looked at on the host
OF_THE_PLACE = {"structural_rank", "kernel", "seconds", "history"}


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
FEW = ("lanczos", "baoab", "chebyshev")
ALL = [(name, method) for name in ("csr float64", "csr float32") for method in METHODS] + [
    (name, method) for name in (*SPARSE, *OTHERS) if name[:5] != "csr f" for method in FEW
]


@pytest.mark.parametrize(("name", "method"), ALL)
def test_a_rank_has_the_bits_of_the_cpu(device, name, method):
    there, here = pair(name)
    options = {"rng": SEED, "max_matvecs": 240, "check": is_known_by_products(name)}
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


# What is refused, what goes home, and what stays.


def test_a_block_stays_where_it_is(device):
    A = as_operator(pair("csr float32")[0])
    X = np.ones((A.n, 2), np.float32)
    there = A.matmat(stand_in.ndarray(X))
    assert isinstance(there, stand_in.ndarray)
    np.testing.assert_array_equal(there.get(), A.matmat(X))
    np.testing.assert_array_equal((A @ stand_in.ndarray(X[:, 0])).get(), A @ X[:, 0])
    np.testing.assert_allclose(A.to_dense(), grid(np.float32).toarray())
    for block in (np.ones((A.n + 1, 2)), stand_in.ndarray(np.ones((A.n + 1, 2)))):
        with pytest.raises(OperatorError, match=r"Pass X\.T"):
            A.matmat(block)
    with pytest.raises(OperatorError, match="complex128 block"):
        A.matmat(stand_in.ndarray(np.ones((A.n, 1), complex)))


def test_duplicates_are_added_and_the_callers_matrix_is_left_alone(device):
    rows, columns = np.array([0, 0, 1, 1]), np.array([1, 1, 0, 0])
    given = sp.csr_matrix((np.ones(4), columns, [0, 2, 4]), shape=(2, 2))
    A = as_operator(stand_in.csr_matrix(given))
    np.testing.assert_array_equal(A.to_dense(), [[0, 2], [2, 0]])
    assert given.nnz == rows.size


@pytest.mark.parametrize(("method", "said"), [
    (None, "copied to the host once"), ("dense", "copied to the host once"),
    ("sketch", "block by block"), ("projection", "block by block"), ("lanczos", ""),
])  # fmt: skip
def test_what_works_on_the_host_says_so(device, method, said):
    there, here = pair("csr float64")
    found = symrank.rank(there, method, rng=SEED, max_matvecs=3000)
    low, high = found.interval()
    assert low <= gallery.laplacian_rank(here) <= high
    assert [note for note in found.notes if "lives on a device" in note] == (
        [found.notes[-1]] if said else []
    )
    assert said in "".join(found.notes)


def test_pivots_need_entries_on_the_host(device):
    with pytest.raises(OptionError, match="entries"):
        symrank.rank(pair("csr float64")[0], "inertia")


def test_a_precision_is_refined_on_the_device(device):
    there, here = pair("csr float64")
    found, expected = (
        symrank.rank(A, symrank.Lanczos(), rng=SEED, max_matvecs=100, check=False).refine(
            precision=5, max_matvecs=100
        )
        for A in (there, here)
    )
    assert differences(found, expected) == set()


@pytest.mark.parametrize("method", ["lanczos", "baoab", "chebyshev"])
def test_the_bits_do_not_depend_on_what_fits(method):
    options = {"rng": SEED, "max_matvecs": 200, "check": False}
    expected = symrank.rank(grid(), METHODS[method], **options)
    n = grid().shape[0]
    with stand_in.installed(free=20 * n * 8) as pool:  # three of the columns, at five or six each
        found = symrank.rank(pair("csr float64")[0], METHODS[method], **options)
    assert differences(found, expected) == set()
    assert {what for what, _ in pool.log} == {"record", "wait"}


def test_what_does_not_fit_is_said_in_columns():
    with (
        stand_in.installed(free=1000),
        pytest.raises(DeviceMemoryError, match=r"takes \d+ bytes .* 0 columns fit.*A.get\(\)"),
    ):
        symrank.rank(pair("csr float64")[0], "lanczos")


def test_memory_that_another_program_takes_is_said_in_columns(device, monkeypatch):
    import cupy

    def full(*_):
        raise cupy.cuda.memory.OutOfMemoryError("out of memory")

    A = as_operator(pair("csr float64")[0])
    monkeypatch.setattr(cupy, "empty", full)
    with pytest.raises(DeviceMemoryError, match="columns fit") as caught:
        symrank.rank(A, "lanczos", check=False)
    assert isinstance(caught.value.__cause__, cupy.cuda.memory.OutOfMemoryError)


@pytest.mark.parametrize("G", ["diagonal", "jacobi"])
def test_a_diagonal_preconditioner_works_there(device, G):
    A = sp.csr_array(grid() + sp.diags_array(np.geomspace(1e-3, 1e3, grid().shape[0])))
    g = 1.0 / A.diagonal() if G == "diagonal" else G
    found = symrank.rank(
        stand_in.csr_matrix(sp.csr_matrix(A)),
        "lanczos",
        preconditioner=g,
        rng=SEED,
        max_matvecs=300,
    )
    low, high = found.interval()
    assert (found.kernel, found.num_matvecs > 0) == ("gpu_cupy", True)
    assert low <= A.shape[0] <= high


def test_an_extreme_norm_is_scaled_there(device):
    A = grid() * 2.0**300
    found = symrank.rank(
        stand_in.csr_matrix(sp.csr_matrix(A)), "lanczos", rng=SEED, max_matvecs=300
    )
    low, high = found.interval()
    assert low <= gallery.laplacian_rank(grid()) <= high


class Tensor:
    """Of PyTorch, on a GPU."""

    __module__ = "torch"
    is_cuda, layout = True, "torch.strided"

    def __init__(self, array):
        self.array, self.dtype, self.shape = array, f"torch.{array.dtype}", array.shape

    def __dlpack__(self, **options):
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()

    def detach(self):
        return self

    resolve_conj = resolve_neg = detach


def test_a_tensor_of_a_gpu_is_taken_by_its_memory(device):
    A = dense()
    found = symrank.rank(Tensor(A), "lanczos", rng=SEED, max_matvecs=300, check=False)
    expected = symrank.rank(A, "lanczos", rng=SEED, max_matvecs=300, check=False)
    assert differences(found, expected) == set()


def test_a_sketch_is_not_chosen_for_a_device():
    """What `reconsider` would take on the host works on the host."""
    import dataclasses

    from symrank.choice import policy
    from symrank.methods import Seen
    from symrank.run.budget import Budget
    from symrank.run.job import prepare
    from symrank.run.options import Options

    A = gallery.spiked_covariance(9000, 20, rng=0)
    job = prepare(A, Options(seed=1), Budget(20_000, None, None))
    seen = Seen(
        low=15, high=25, likely=20.0, is_met=False, is_resolved=True, solve_length=10.0,
        seconds=5.0,
    )  # fmt: skip
    facts = job.operator.facts
    here = policy.reconsider(facts, job.goal, seen, 600, (19_000, 100.0))
    assert here is not None
    there = dataclasses.replace(facts, is_on_device=True)
    found = policy.reconsider(there, job.goal, seen, 600, (19_000, 100.0))
    assert found is None or found.method.name != "sketch"
