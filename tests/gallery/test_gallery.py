"""The gallery keeps its promises: spectrum, rank, cost, refusals."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from symrank import gallery
from symrank.errors import OptionError

ROUNDING = 1e-12  # n eps for n of a few dozen and eigenvalues of order one, times 100


@pytest.mark.parametrize("name", gallery.SPECTRA)
@given(n=st.integers(0, 60))
def test_spectra_are_ascending_of_norm_one_and_of_the_asked_size(name, n):
    lam = gallery.SPECTRA[name](n)
    assert lam.shape == (n,)
    assert lam.dtype == np.float64
    assert (np.diff(lam) >= 0).all()
    assert np.abs(lam).max(initial=0.0) in (0.0, 1.0)
    assert (lam >= 0).all() or name == "indefinite"


@pytest.mark.parametrize(
    ("name", "rank"),
    [
        ("gapped", 16),
        ("log-uniform", 24),
        ("half log-uniform", 12),
        ("marchenko-pastur", 12),
        ("clustered", 18),
        ("two-level", 12),
        ("indefinite", 18),
        ("identity", 24),
        ("zero", 0),
        ("low rank", 2),
        ("one zero", 23),
    ],
)
def test_ranks_at_24_are_those_written_here(name, rank):
    assert np.count_nonzero(gallery.SPECTRA[name](24)) == rank
    assert len(gallery.SPECTRA) == 11


def test_marchenko_pastur_is_the_limit_of_sample_covariances():
    n = 600
    samples = np.random.default_rng(0).standard_normal((n // 2, n))
    lam = np.linalg.eigvalsh(samples.T @ samples / n)
    expected = gallery.SPECTRA["marchenko-pastur"](n)
    # the limit has edges (1 -+ sqrt(1/2))^2; finite samples stray by about n^(-2/3) = 0.014
    assert np.abs(lam / lam.max() - expected).max() < 0.03


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128])
def test_dense_has_its_spectrum_and_is_hermitian_to_the_last_bit(dtype):
    lam = gallery.SPECTRA["indefinite"](20)
    A = gallery.dense(lam, 1, dtype)
    assert A.dtype == dtype
    np.testing.assert_array_equal(A, A.conj().T)
    tolerance = ROUNDING if np.finfo(dtype).eps < 1e-10 else 1e-5
    np.testing.assert_allclose(np.linalg.eigvalsh(A), lam, atol=tolerance)


def test_haar_is_orthogonal_and_not_biased_in_sign():
    rng = np.random.default_rng(0)
    corners = [gallery.haar(3, rng)[0, 0] for _ in range(400)]
    # uniform on [-1, 1]: mean 0 with standard error 1/sqrt(3 * 400) = 0.029
    assert abs(np.mean(corners)) < 4.5 * 0.029
    Q = gallery.haar(5, rng, complex)
    np.testing.assert_allclose(Q @ Q.conj().T, np.eye(5), atol=ROUNDING)


def test_diagonal_has_exactly_this_spectrum():
    lam = np.array([0.5, 0.0, -2.0], dtype=np.float32)
    D = gallery.diagonal(lam)
    assert D.format == "csr"
    assert D.dtype == np.float32
    np.testing.assert_array_equal(D.toarray(), np.diag(lam))
    assert not np.shares_memory(D.data, lam)
    assert gallery.diagonal(np.ones(1_000_000)).nnz == 1_000_000


@given(shape=st.lists(st.integers(1, 4), min_size=1, max_size=3), remove=st.floats(0.0, 1.0))
def test_laplacians_have_zero_row_sums_and_their_rank(shape, remove):
    L = gallery.grid_laplacian(shape, remove, 5)
    dense = L.toarray()
    np.testing.assert_array_equal(dense, dense.T)
    np.testing.assert_array_equal(dense.sum(axis=0), 0.0)
    assert set(np.unique(dense[~np.eye(len(dense), dtype=bool)])) <= {-1.0, 0.0}
    assert gallery.laplacian_rank(L) == np.linalg.matrix_rank(dense, hermitian=True)


def test_a_full_grid_is_the_kronecker_sum_of_paths():
    def path(k):
        B = np.diff(np.eye(k), axis=0)
        return B.T @ B

    expected = np.kron(path(3), np.eye(4)) + np.kron(np.eye(3), path(4))
    np.testing.assert_array_equal(gallery.grid_laplacian((3, 4)).toarray(), expected)


def test_the_fraction_of_removed_edges_is_the_asked_one():
    L = gallery.grid_laplacian((200, 200), 0.3, 1)
    edges = 2 * 200 * 199
    kept = L.diagonal().sum() / 2
    # binomial: standard deviation sqrt(0.3 * 0.7 * edges)
    assert abs(kept - 0.7 * edges) < 4.5 * (0.21 * edges) ** 0.5
    assert L.indices.dtype == np.int32


def test_laplacian_rank_ignores_stored_zeros_and_leaves_its_input_alone():
    L = sp.csr_array(([0.0, 0.0, 0.0], ([0, 0, 1], [0, 1, 1])), shape=(2, 2))
    assert gallery.laplacian_rank(L) == 0
    assert L.nnz == 3


def test_spiked_covariance_has_its_powers_and_no_other():
    lam = np.linalg.eigvalsh(gallery.spiked_covariance(30, 4, 2).to_dense())
    np.testing.assert_allclose(lam[-4:], [1.0, 2.0, 3.0, 4.0], atol=ROUNDING)
    np.testing.assert_allclose(lam[:-4], 0.0, atol=ROUNDING)
    assert gallery.spiked_covariance(3, 0, 0).n == 3


@pytest.mark.parametrize(
    "widths", [(3, 3), (3, 3, 3, 3), (2, 5, 3, 4), (4, 2, 6, 2), (1, 1)], ids=str
)
def test_balanced_networks_reach_their_target_with_layers_of_equal_strength(widths):
    network = gallery.linear_network(0, widths=widths, rng=4)
    product = np.eye(widths[0])
    for W in network.weights:
        product = W @ product
    np.testing.assert_allclose(product, network.target, atol=ROUNDING)
    for before, after in zip(network.weights, network.weights[1:], strict=False):
        np.testing.assert_allclose(before @ before.T, after.T @ after, atol=ROUNDING)
    assert network.rank == widths[0] * widths[-1]
    assert network.n == network.hessian().n == sum(W.size for W in network.weights)
    H = network.hessian().to_dense()
    assert np.linalg.matrix_rank(H, hermitian=True) == network.rank


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_published_minima_are_roots_turned_by_one_rotation(depth):
    network = gallery.linear_network(4, depth=depth, rng=4, minimum="published")
    product = np.eye(4)
    for W in network.weights:
        product = W @ product
    np.testing.assert_allclose(product, network.target, atol=ROUNDING)
    np.testing.assert_allclose(network.target, network.target.T, atol=ROUNDING)
    for W in network.weights:
        np.testing.assert_allclose(
            np.linalg.svd(W, compute_uv=False),
            np.linalg.svd(network.target, compute_uv=False) ** (1 / depth),
            atol=ROUNDING,
        )
    if depth > 1:  # a root itself would be symmetric
        assert np.abs(network.weights[0] - network.weights[0].T).max() > 0.1
    for W in network.weights[2:-1]:
        np.testing.assert_array_equal(W, network.weights[1])


def test_the_same_seed_gives_the_same_problem():
    for make in (
        lambda rng: gallery.dense([1.0, 2.0], rng),
        lambda rng: gallery.grid_laplacian((5, 5), 0.5, rng).toarray(),
        lambda rng: gallery.spiked_covariance(5, 2, rng).to_dense(),
        lambda rng: gallery.linear_network(3, rng=rng).target,
    ):
        np.testing.assert_array_equal(make(3), make(np.random.default_rng(3)))
        assert np.abs(make(3) - make(4)).max() > 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: gallery.grid_laplacian((3,), 1.5), r"remove=1\.5.*\[0, 1\]"),
        (lambda: gallery.spiked_covariance(3, 4), r"num_signals=4.*n=3"),
        (lambda: gallery.linear_network(0, widths=(3, 2, 3)), r"widths=\(3, 2, 3\).*at least 3"),
        (lambda: gallery.linear_network(3, depth=0), r"two or more"),
        (lambda: gallery.linear_network(0), r"positive widths"),
        (lambda: gallery.linear_network(2, minimum="sharp"), r"minimum='sharp'.*\"balanced\""),
        (
            lambda: gallery.linear_network(2, widths=(2, 3, 2), minimum="published"),
            r"published.*widths=\(2, 3, 2\).*equal widths",
        ),
    ],
)
def test_impossible_problems_are_refused(call, message):
    with pytest.raises(OptionError, match=message):
        call()
