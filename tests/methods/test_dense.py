"""Dense: NumPy's cut, and no certainty where eigenvalues crowd round it."""

from functools import partial

import numpy as np
import pytest
import scipy.sparse.linalg as spla
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import symrank
from symrank import Status, gallery
from symrank.operators import Squared, as_operator, augmented, gram


@given(
    hnp.arrays(np.int64, st.integers(1, 7).map(lambda n: (n, n)), elements=st.integers(-3, 3)),
)
def test_agrees_with_numpy_on_small_integers(A):
    S = A + A.T
    result = symrank.rank(S)
    assert result.rank == np.linalg.matrix_rank(S, hermitian=True)
    assert result.inertia == (
        (np.linalg.eigvalsh(S) > 1e-10).sum(),
        S.shape[0] - result.rank,
        (np.linalg.eigvalsh(S) < -1e-10).sum(),
    )


@pytest.mark.parametrize("seed", range(50))
def test_a_spectrum_without_a_gap_is_never_called_exact(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(150, 400))
    lam = 10.0 ** -np.sort(rng.uniform(0.0, 22.0, n)) * rng.choice([1.0, rng.choice([-1, 1])], n)
    result = symrank.rank(np.diag(lam))
    assert result.status is Status.NO_GAP_FOUND
    low, high = result.interval()
    assert low < high


def test_tolerances_have_numpys_meaning():
    A = np.diag([4.0, 2.0, 1e-3, -1e-5, 0.0])
    assert symrank.rank(A).rank == 4
    assert symrank.rank(A, rtol=1e-4).rank == 3  # above 4e-4
    assert symrank.rank(A, atol=1e-2).rank == 2
    assert symrank.rank(A, atol=1e-2, rtol=0.6).rank == 1
    assert symrank.rank(A, rtol=1e-4).threshold == pytest.approx(4e-4)


def test_an_eigenvalue_on_the_cut_is_left_open():
    result = symrank.rank(np.diag([1.0, 0.5, 0.5, 0.1]), atol=0.5)
    assert result.status is Status.NO_GAP_FOUND
    assert result.interval() == (1, 3)


def test_an_implicit_operator_costs_n_products():
    A = symrank.gram(np.ones((30, 20)))
    result = symrank.rank(A, check=False)
    assert result.method == "dense"
    assert result.rank == 1
    assert result.num_matvecs <= 21


def test_gaps_and_eigenvalues_are_reported():
    result = symrank.rank(gallery.dense(gallery.SPECTRA["two-level"](40), 2))
    assert [round(gap.count) for gap in result.gaps] == [20, 10]
    assert len(result.diagnostics["eigenvalues"]) == 40


RECTANGLES = {"tall": (70, 30), "wide": (30, 70), "square": (40, 40), "column": (50, 1)}


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
@pytest.mark.parametrize("shape", RECTANGLES.values(), ids=RECTANGLES)
@pytest.mark.parametrize("make", [augmented, partial(gram, side="rows"), gram])
def test_singular_values_give_the_same_spectrum(make, shape, dtype, rng):
    """Two roads: LAPACK on the symmetric matrix itself, and on the factor."""
    A = rng.standard_normal(shape) + (1j if dtype is np.complex128 else 0.0)
    A[:, : shape[1] // 2] = 0.0
    operator = make(A.astype(dtype))
    direct = np.linalg.eigvalsh(operator.to_dense().astype(np.complex128))
    result = symrank.rank(operator, "dense", rng=1)
    found = np.array(result.diagnostics["eigenvalues"])  # of the shorter side
    found = np.sort(np.append(found, np.zeros(operator.n - found.size)))
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(found, direct, atol=10 * operator.n * eps * np.abs(direct).max())
    assert result.rank == (2 if make is augmented else 1) * np.linalg.matrix_rank(A.astype(dtype))


@pytest.mark.parametrize("size", [1e-200, 1.0, 1e200])
def test_singular_values_of_extreme_size(size, rng):
    A = rng.standard_normal((20, 50)) * size
    for operator, rank in ((augmented(A), 40), (gram(A), 20)):
        result = symrank.rank(operator, "dense", rng=1)
        assert (result.rank, result.status) == (rank, Status.EXACT)
    values = np.array(symrank.rank(augmented(A), "dense").diagnostics["eigenvalues"])
    np.testing.assert_allclose(values[-20:][::-1], np.linalg.svd(A, compute_uv=False))


def test_a_factor_known_by_its_products_takes_as_many_as_its_shorter_side(rng):
    A = rng.standard_normal((300, 20))
    for B in (A, A.T):
        implicit = augmented(spla.aslinearoperator(B))
        result = symrank.rank(implicit, "dense", rng=1, check=False)
        assert (result.rank, result.status) == (40, Status.EXACT)
        assert 20 <= result.num_matvecs <= 22  # and one or two for the size of A


def test_products_of_an_operator_that_takes_several_are_counted_once():
    lam = np.append(np.ones(30), np.zeros(10))
    base = spla.LinearOperator((40, 40), matvec=lambda x: lam * x.ravel(), dtype=float)
    operator = Squared(as_operator(base))
    result = symrank.rank(operator, "dense", rng=1, check=False)
    assert 80 <= result.num_matvecs <= 84
