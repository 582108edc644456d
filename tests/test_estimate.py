"""rank(): invariances, extreme scales, representations, options, interruption, time."""

import time

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.linalg as spla
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import symrank
from symrank import Progress, Status, gallery
from symrank.errors import (
    NonFiniteError,
    NotSymmetricError,
    OperatorError,
    OptionError,
    SymrankError,
)
from tests.cases.operators import CASES

matrices = hnp.arrays(
    np.int64, st.integers(1, 6).map(lambda n: (n, n)), elements=st.integers(-2, 2)
).map(lambda A: A + A.T)


def rank(A):
    return symrank.rank(A, rng=5).rank


@pytest.mark.parametrize("name", CASES)
def test_every_operator_has_its_exact_rank(name):
    case = CASES[name]()
    assert rank(case.operator) == case.rank


@given(matrices, st.integers(0, 2**32))
def test_orthogonal_similarity_keeps_the_rank(A, seed):
    Q = gallery.haar(A.shape[0], np.random.default_rng(seed))
    B = Q @ A @ Q.T
    assert rank((B + B.T) / 2) == rank(A)


@given(matrices, st.integers(-330, 330), st.sampled_from([1.0, -3.0]))
def test_scaling_by_660_binary_orders_keeps_the_rank(A, exponent, sign):
    assert rank(A * sign * 2.0**exponent) == rank(A)


@given(matrices, matrices)
def test_direct_sum_adds_ranks(A, B):
    assert rank(sp.block_diag([A, B])) == rank(A) + rank(B)


@given(matrices, matrices)
def test_kronecker_product_multiplies_ranks(A, B):
    assert rank(symrank.kron(A, B)) == rank(A) * rank(B)


@given(hnp.arrays(np.int64, st.tuples(st.integers(1, 6), st.integers(1, 6)),
                  elements=st.integers(-2, 2)))  # fmt: skip
def test_augmented_has_twice_the_rank_of_gram(A):
    r = np.linalg.matrix_rank(A)
    assert rank(symrank.augmented(A)) == 2 * r
    assert rank(symrank.gram(A)) == r


@given(matrices)
def test_representations_agree(A):
    dense = A.astype(float)
    answers = {rank(A), rank(sp.coo_array(A)), rank(spla.aslinearoperator(dense))}
    assert answers == {np.linalg.matrix_rank(dense, hermitian=True)}


def test_lanczos_gives_the_same_bits_for_sparse_and_linear_operator():
    A = gallery.grid_laplacian((30, 20), remove=0.3, rng=4)
    by_matrix = symrank.rank(A, method="lanczos", rng=9, check=False)
    by_products = symrank.rank(spla.aslinearoperator(A), method="lanczos", rng=9, check=False)
    assert by_matrix.evidence == by_products.evidence


@pytest.mark.parametrize("scale", [1e-300, 1e-160, 1e160, 1e300])
@pytest.mark.parametrize("method", ["dense", "lanczos", "langevin"])
@pytest.mark.parametrize("implicit", [False, True])
def test_extreme_scales(scale, method, implicit):
    lam = gallery.SPECTRA["clustered"](40)
    A = gallery.dense(lam, 6) * scale
    result = symrank.rank(spla.aslinearoperator(A) if implicit else A, method=method, rng=6)
    low, high = result.interval()
    assert low <= 30 <= high
    assert result.threshold < 1e-2 * scale
    if method == "dense":
        assert result.rank == 30
        np.testing.assert_allclose(
            np.array(result.diagnostics["eigenvalues"])[-10:] / scale, lam[-10:], rtol=1e-10
        )


def test_a_tolerance_is_in_the_units_of_the_caller():
    A = np.diag([4e-300, 2e-300, 1e-303])
    for method in ("dense", "lanczos"):
        result = symrank.rank(A, method=method, atol=1e-301, rng=1)
        assert result.rank == 2
        assert result.threshold == pytest.approx(1e-301)


@pytest.mark.parametrize(
    ("A", "error", "message"),
    [
        (np.ones((3, 2)), OperatorError, r"3x2.*symrank.augmented.*symrank.gram"),
        (np.triu(np.ones((4, 4))), NotSymmetricError, r"not symmetric.*\(A \+ A.T\)/2"),
        (np.diag([1.0, np.nan]), NonFiniteError, r"A\[1, 1\] = nan"),
        (np.diag([1.0, np.inf]), NonFiniteError, r"A\[1, 1\] = inf"),
        (spla.aslinearoperator(np.diag([1.0, np.inf])), NonFiniteError, r"infinities or NaN"),
        ("matrix.mtx", OperatorError, r"str"),
        (None, OperatorError, r"None"),
    ],
)
def test_bad_operators(A, error, message):
    with pytest.raises(error, match=message):
        symrank.rank(A)


def test_an_operator_that_changes_is_refused():
    rng = np.random.default_rng(3)
    A = spla.LinearOperator((5, 5), matvec=lambda x: rng.random() * x, dtype=float)
    with pytest.raises(NotSymmetricError, match="not deterministic"):
        symrank.rank(A)


def test_checks_can_be_skipped():
    A = np.triu(np.ones((4, 4)))
    assert symrank.rank(A, check=False).rank == 4  # eigvalsh reads one triangle: all ones


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"atol": -1.0}, r"atol=-1.0 must be a finite number >= 0"),
        ({"rtol": np.nan}, r"rtol=nan must be a finite number >= 0"),
        ({"precision": 0.0}, r"precision=0.0 must be positive"),
        ({"confidence": 1.0}, r"confidence=1.0 must lie between 0 and 1"),
        ({"max_matvecs": 0}, r"max_matvecs=0 must be at least 1"),
        ({"max_seconds": 0.0}, r"max_seconds=0.0 must be positive"),
        ({"rng": -3}, r"rng=-3 must be a non-negative integer"),
        ({"rng": "seed"}, r"rng='seed' must be a non-negative integer"),
        ({"method": "qr"}, r"method='qr' is unknown: choose one of dense, lanczos"),
        ({"method": 3}, r"method=3 is no method: pass a name or one of Dense, Lanczos"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(OptionError, match=message) as caught:
        symrank.rank(np.eye(3), **options)
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, SymrankError)


def test_large_operators_go_to_lanczos_and_small_budgets_too():
    large = symrank.rank(gallery.diagonal(np.ones(4001)), rng=1)
    assert large.method == "lanczos"
    assert "4001 > 4000" in large.reason
    poor = symrank.rank(symrank.gram(np.eye(500)), rng=1, max_matvecs=100)
    assert poor.method == "lanczos"
    assert "500 products and max_matvecs is" in poor.reason
    assert poor.num_matvecs <= 100


def test_progress_is_told():
    seen: list[Progress] = []
    A = gallery.grid_laplacian((70, 70))
    result = symrank.rank(A, rng=3, max_matvecs=3000, progress=seen.append)
    assert [p.num_matvecs for p in seen] == sorted(p.num_matvecs for p in seen)
    assert seen[-1].num_matvecs == result.num_matvecs
    assert seen[-1].max_matvecs == 3000
    assert seen[0].interval is None
    assert seen[-1].interval is not None


class Interrupting:
    """Raises KeyboardInterrupt after some products, as Ctrl-C would."""

    def __init__(self, after):
        self.after = after

    def __call__(self, progress):
        if progress.num_matvecs > self.after:
            raise KeyboardInterrupt


def test_an_interrupted_run_returns_its_last_round():
    A = gallery.grid_laplacian((70, 70))
    result = symrank.rank(A, rng=3, precision=1e-5, progress=Interrupting(8 * 200))
    assert result.status is Status.INTERRUPTED
    low, high = result.interval()
    assert low <= 4899 <= high
    assert result.history[-1][1:] == (low, high)
    same = symrank.rank(A, rng=3, precision=1e-5)
    assert same.history[: len(result.history)] == result.history


def test_an_interrupt_before_the_first_round_is_an_interrupt():
    with pytest.raises(KeyboardInterrupt):
        symrank.rank(gallery.grid_laplacian((70, 70)), rng=3, progress=Interrupting(8 * 20))


def test_time_is_a_budget_too():
    def slow(X):
        time.sleep(0.001)
        return lam[:, None] * X

    lam = np.linspace(1e-10, 1.0, 5000)
    A = spla.LinearOperator(
        (5000, 5000), matvec=lambda x: slow(x[:, None])[:, 0], matmat=slow, dtype=float
    )
    result = symrank.rank(A, rng=3, max_seconds=0.2, precision=1e-5)
    assert result.num_matvecs < 20_000
    assert result.status is Status.BUDGET_SPENT
