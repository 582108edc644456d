"""Dense: NumPy's cut, and no certainty where eigenvalues crowd round it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import symrank
from symrank import Status, gallery


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
