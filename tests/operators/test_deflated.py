"""Known null vectors: the rank stays, the zeros that are known go."""

import numpy as np
import pytest

import symrank
from symrank import Status, gallery
from symrank.errors import OptionError
from symrank.operators import as_operator
from symrank.operators.deflated import Deflated


def with_null_space(n, k, dtype, seed):
    """Return A of rank n - k - 2, and a basis of k of its null vectors."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, n))
    if np.dtype(dtype).kind == "c":
        X = X + 1j * rng.standard_normal((n, n))
    U, _ = np.linalg.qr(X)
    lam = np.concatenate([np.zeros(k + 2), rng.uniform(0.5, 1.0, n - k - 2)])
    lam[-1] = -1.0
    A = (U * lam) @ U.conj().T
    A = (A + A.conj().T) / 2
    return A.astype(dtype), U[:, :k] @ rng.standard_normal((k, k)), lam[k:]


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128])
@pytest.mark.parametrize("k", [1, 4])
def test_the_spectrum_is_what_is_left(dtype, k):
    A, Q, rest = with_null_space(40, k, dtype, 3)
    B = Deflated(as_operator(A), Q)
    assert B.shape == (40 - k, 40 - k)
    dense = B.to_dense()
    eps = np.finfo(dtype).eps
    assert np.abs(dense - dense.conj().T).max() < 100 * eps
    np.testing.assert_allclose(np.linalg.eigvalsh(dense), np.sort(rest), atol=200 * eps)
    assert B.null_residual() < 100 * eps


@pytest.mark.parametrize("method", ["dense", "lanczos", "sketch", "langevin", None])
def test_rank_and_inertia_are_those_of_the_whole(method):
    A, Q, _ = with_null_space(60, 3, float, 4)
    result = symrank.rank(A, method, deflate=Q, rng=1)
    low, high = result.interval()
    assert low <= 55 <= high
    assert (result.n, result.num_deflated) == (60, 3)
    if result.inertia is not None:
        assert result.inertia == (54, 5, 1)
        assert result.inertia_intervals() == ((54, 54), (5, 5), (1, 1))


def test_a_connected_laplacian_without_its_constant_has_full_rank():
    L = gallery.grid_laplacian((70, 70))
    plain = symrank.rank(L, "lanczos", rng=1, precision=50)
    known = symrank.rank(L, "lanczos", rng=1, precision=50, deflate=np.ones((4900, 1)))
    assert known.interval()[1] == 4899  # that the constant is null is known now
    assert plain.interval()[1] == 4900
    _, (low, high), _ = known.inertia_intervals()
    assert low <= 1 <= high
    assert low == 1


def test_records_keep_the_number():
    A, Q, _ = with_null_space(30, 2, float, 5)
    result = symrank.rank(A, deflate=Q, rng=1)
    again = symrank.RankResult.from_dict(result.to_dict())
    assert again.num_deflated == 2
    assert again.inertia == result.inertia


@pytest.mark.parametrize(
    ("Q", "message"),
    [
        (np.ones((5, 1)), r"deflate has shape \(5, 1\)"),
        (np.ones((60, 0)), r"deflate has shape \(60, 0\)"),
        (np.ones((60, 2)), "depend on each other"),
        (np.full((60, 1), np.nan), "infinities or NaN"),
        (np.ones((60, 1)) * 1j, "complex128"),
        (np.ones((60, 1)), "no null vectors"),
    ],
)
def test_what_is_no_basis_of_null_vectors_is_refused(Q, message):
    A, _, _ = with_null_space(60, 3, float, 4)
    with pytest.raises(OptionError, match=message):
        symrank.rank(A, deflate=Q, rng=1)


def test_options_that_do_not_go_together_are_refused():
    A, Q, _ = with_null_space(20, 1, float, 6)
    with pytest.raises(OptionError, match="deflate and preconditioner"):
        symrank.rank(A, deflate=Q, preconditioner="jacobi")


def test_the_scale_of_the_operator_plays_no_part():
    A, Q, _ = with_null_space(40, 2, float, 7)
    for scale in (1e-250, 1e250):
        result = symrank.rank(scale * A, deflate=Q, rng=1)
        assert (result.rank, result.status) == (36, Status.EXACT)


@pytest.mark.parametrize("k", [1, 30, 50])
def test_spectral_sums_hold_the_zeros_that_were_taken_out(k):
    """tr exp(-A) = tr of the rest + k: f(0) = 1 for every known null vector, with no error."""
    lam = np.append(np.linspace(0.5, 2.0, 70), np.zeros(50))
    Q, _ = np.linalg.qr(np.random.default_rng(8).standard_normal((120, 120)))
    A = (Q * lam) @ Q.T
    A = (A + A.T) / 2
    result = symrank.rank(A, "lanczos", deflate=Q[:, 70 : 70 + k], rng=1, max_matvecs=4000)
    found = result.measure.trace(lambda x: np.exp(-x), kind="completely monotone")
    low, high = found.interval(1.0 - 1e-6)
    assert low <= np.exp(-lam).sum() <= high
    assert result.measure.num_zeros == k
    assert low > k  # each counts with certainty
    again = symrank.RankResult.from_dict(result.to_dict(measure=True))
    assert again.measure.trace(np.cosh).value == result.measure.trace(np.cosh).value
    _, (least, most), _ = result.inertia_intervals(1.0 - 1e-6)
    assert k <= least <= 50 <= most <= 120  # not twice
    with pytest.raises(OptionError, match=f"{k} eigenvalues are known to be zero"):
        result.measure.trace(lambda x: 1.0 / x)
