"""What needs a device: the stand-in's promises, kept by CuPy itself."""

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.linalg as spla

import symrank
from bench.gpu.bits import bits
from bench.gpu.sizes import TINY
from symrank import gallery, kernels
from symrank.errors import MissingBackendError
from symrank.operators import as_operator

pytestmark = pytest.mark.gpu
SEED = 4


@pytest.fixture(scope="module")
def K():
    try:
        return kernels.load("gpu_cupy")
    except MissingBackendError as error:
        pytest.skip(str(error))


def grid(dtype=float):
    return sp.csr_array(gallery.grid_laplacian((40, 50), remove=0.4, rng=1)).astype(dtype)


def differences(there, here):
    there, here = there.to_dict(), here.to_dict()
    return {key for key in here if there[key] != here[key]} - {"kernel", "seconds", "history"}


def test_bits_are_those_of_the_cpu(K):
    assert bits(K, TINY)["different"] == []


@pytest.mark.parametrize("method", ["lanczos", "langevin", "chebyshev", "ubaru-saad"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("kind", ["csr", "csc", "coo"])
def test_whole_runs_have_the_bits_of_the_cpu(K, method, dtype, kind):
    import cupyx.scipy.sparse as there

    A = grid(dtype)
    own = getattr(there, f"{kind}_matrix")(there.csr_matrix(sp.csr_matrix(A)))
    options = {"rng": SEED, "max_matvecs": 1500, "check": False}
    found, expected = (symrank.rank(one, method, **options) for one in (own, A))
    assert found.kernel == "gpu_cupy"
    assert differences(found, expected) == set()


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.complex128, np.complex64])
def test_products_are_those_of_the_host(K, dtype):
    import cupyx.scipy.sparse as there

    rng = np.random.default_rng(1)
    X, is_complex = rng.standard_normal((300, 3)), np.dtype(dtype).kind == "c"
    X = (X + 1j * rng.standard_normal((300, 3)) if is_complex else X).astype(dtype)
    dense = gallery.dense(np.linspace(0.0, 1.0, 300), 2, dtype)
    sparse = sp.random_array((300, 300), density=0.02, rng=rng)
    sparse = sparse * (1.0 + 0.5j) if is_complex else sparse
    sparse = sp.csr_matrix((sparse + sparse.conj().T).astype(dtype))
    rounding = 100 * np.finfo(dtype).eps  # of sums of 300 terms below 1
    for own, host in ((K.xp.asarray(dense), dense), (there.csr_matrix(sparse), sparse)):
        A, Y = as_operator(own), host @ X
        np.testing.assert_allclose(A.matmat(X), Y, atol=rounding * np.abs(Y).max())
        stays = A.matmat(K.xp.asarray(X))
        assert isinstance(stays, K.xp.ndarray)
        np.testing.assert_array_equal(stays.get(), A.matmat(X))
        entries = host if isinstance(host, np.ndarray) else host.toarray()
        np.testing.assert_array_equal(A.to_dense(), entries)


@pytest.mark.parametrize("has_blocks", [True, False])
def test_a_linear_operator_is_multiplied_there(K, has_blocks):
    from cupyx.scipy.sparse.linalg import LinearOperator

    d = np.repeat([2.0, 1.0, 0.0], 400)
    own = K.xp.asarray(d)

    def vector(x):
        return own * x

    def block(X):
        return own[:, None] * X

    shape = (d.size, d.size)
    A = LinearOperator(shape, vector, matmat=block if has_blocks else None, dtype=float)
    B = spla.LinearOperator(shape, lambda x: d * x, dtype=float)
    options = {"rng": SEED, "max_matvecs": 1000}
    assert differences(*(symrank.rank(one, "lanczos", **options) for one in (A, B))) == set()


def test_a_tensor_is_taken_by_its_memory(K):
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("PyTorch finds no GPU")
    A = grid()
    tensor = torch.sparse_csr_tensor(A.indptr, A.indices, A.data, A.shape).cuda()
    options = {"rng": SEED, "max_matvecs": 1500, "check": False}
    found, expected = (symrank.rank(one, "lanczos", **options) for one in (tensor, A))
    assert differences(found, expected) == set()
    dense = torch.from_numpy(A.toarray()).cuda()
    low, high = symrank.rank(dense, rng=SEED).interval()
    assert low <= gallery.laplacian_rank(A) <= high


def test_a_preconditioner_and_a_window(K):
    import cupyx.scipy.sparse as there

    A = sp.csr_array(grid() + sp.diags_array(np.geomspace(1e-3, 1e3, 2000)))
    own = there.csr_matrix(sp.csr_matrix(A))
    low, high = symrank.rank(own, "lanczos", preconditioner="jacobi", rng=SEED).interval()
    assert low <= 2000 <= high
    for method in (None, "lanczos", "ubaru-saad"):
        low, high = symrank.count(own, 10.0, 100.0, method, rng=SEED).interval()
        lam = np.linalg.eigvalsh(A.toarray())
        assert low <= np.count_nonzero((lam > 10.0) & (lam <= 100.0)) <= high
