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
from symrank import Langevin, Preconditioner, Progress, Status, gallery
from symrank.answer.result import RankResult
from symrank.errors import (
    NonFiniteError,
    NotSymmetricError,
    OperatorError,
    OptionError,
    SymrankError,
)
from symrank.shell.report import describe
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


def test_lanczos_gives_the_same_answer_for_sparse_and_linear_operator():
    """A sparse matrix is multiplied inside the kernel, so the last bits differ, and no more."""
    A = gallery.grid_laplacian((30, 20), remove=0.3, rng=4)
    by_matrix = symrank.rank(A, method="lanczos", rng=9, check=False)
    by_products = symrank.rank(spla.aslinearoperator(A), method="lanczos", rng=9, check=False)
    assert by_matrix.rank == by_products.rank
    assert by_matrix.interval() == by_products.interval()
    assert by_matrix.evidence.null_low == pytest.approx(by_products.evidence.null_low, rel=1e-9)


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
        (
            np.eye(4) + np.triu(np.ones((4, 4))) * 1e-6,
            NotSymmetricError,
            r"not symmetric.*\(A \+ A.T\)/2.*hermitian=False",
        ),
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
        ({"method": "qr"}, r"method='qr' is unknown: choose one of chebyshev, dense, inertia"),
        ({"method": 3}, r"method=3 is no method: pass a name or one of Chebyshev, Dense, Inertia"),
        ({"preconditioner": "ilu"}, r"preconditioner='ilu' is unknown"),
        ({"preconditioner": np.ones(2)}, r"preconditioner is 2x2 and the operator 3x3"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(OptionError, match=message) as caught:
        symrank.rank(np.eye(3), **options)
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, SymrankError)


def test_progress_is_told():
    seen: list[Progress] = []
    A = gallery.grid_laplacian((70, 70))
    result = symrank.rank(A, "lanczos", rng=3, max_matvecs=3000, progress=seen.append)
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
    result = symrank.rank(A, "lanczos", rng=3, precision=1e-5, progress=Interrupting(8 * 200))
    assert result.status is Status.INTERRUPTED
    low, high = result.interval()
    assert low <= 4899 <= high
    assert result.history[-1][1:] == (low, high)
    same = symrank.rank(A, "lanczos", rng=3, precision=1e-5)
    assert same.history[: len(result.history)] == result.history


def test_an_interrupt_before_the_first_round_is_an_interrupt():
    A = gallery.grid_laplacian((70, 70))
    with pytest.raises(KeyboardInterrupt):
        symrank.rank(A, "lanczos", rng=3, progress=Interrupting(8 * 20))


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


def badly_scaled(empty):
    """A tridiagonal matrix of condition 4, its rows scaled over five decades; empty rows."""
    n = 600 - empty
    core = sp.diags_array([0.3, 1.0, 0.3], offsets=[-1, 0, 1], shape=(n, n))
    D = sp.diags_array(10.0 ** np.random.default_rng(3).uniform(-5, 0, n))
    return sp.block_diag([D @ core @ D, sp.csr_array((empty, empty))]).tocsr()


def test_jacobi_lets_lanczos_converge_on_a_small_budget(seed):
    for empty in (0, 100):
        A = badly_scaled(empty)
        options = {"method": "lanczos", "max_matvecs": 1000, "precision": 15, "rng": seed}
        plain = symrank.rank(A, **options)
        better = symrank.rank(A, preconditioner="jacobi", **options)
        assert plain.status is Status.NO_GAP_FOUND
        assert better.status is Status.CONVERGED
        low, high = better.interval(0.9999)
        assert low <= 600 - empty <= high
        if empty == 0:
            assert better.rank == 600  # nothing to sample: every vector has all its mass above


@pytest.mark.parametrize("method", ["dense", "lanczos", "langevin"])
def test_every_method_runs_on_the_congruent_operator(method):
    A = gallery.dense(gallery.SPECTRA["gapped"](40), 6)
    root = 10.0 ** np.random.default_rng(1).uniform(-0.3, 0.3, 40)
    options = {"method": method, "rng": 6, "check": False}
    result = symrank.rank(A, preconditioner=Preconditioner.diagonal(root**2), **options)
    by_hand = symrank.rank(root[:, None] * A * root, **options)
    assert result.rank == by_hand.rank
    assert result.threshold == pytest.approx(by_hand.threshold, rel=1e-9)
    np.testing.assert_allclose(result.samples, by_hand.samples, rtol=1e-6)


def test_a_tolerance_and_a_step_size_speak_of_g_a():
    A, g = np.diag([8.0, 1.0, 0.5, 0.0]), np.array([0.125, 1.0, 0.5, 1.0])  # G A = 1, 1, 0.25, 0
    for method in ("dense", "lanczos"):
        result = symrank.rank(A, method, preconditioner=g, atol=0.3, rng=1)
        assert (result.rank, result.threshold) == (2, pytest.approx(0.3))
    eta = Langevin(num_steps=60, burn_in=20, step_size=1.0)  # 2 / lambda_max is 2, and 1/4 of A
    assert np.isfinite(symrank.rank(A, eta, preconditioner=g, rng=1).estimate)


def test_the_preconditioner_is_named_only_where_there_is_one():
    plain = symrank.rank(np.eye(3))
    G = Preconditioner.from_factor(np.tril(np.ones((3, 3))), name="Cholesky")
    named = symrank.rank(np.eye(3), preconditioner=G)
    assert (plain.preconditioner, named.preconditioner) == ("", "Cholesky")
    assert "dense preconditioned by Cholesky, " in str(named)
    assert "precondition" not in str(plain)
    assert describe(named, "m")["preconditioner"].startswith("Cholesky: cut and gaps")
    assert "preconditioner" not in describe(plain, "m")
    assert RankResult.from_dict(named.to_dict()).preconditioner == "Cholesky"


def test_records_from_before_preconditioners_can_be_read():
    record = symrank.rank(np.eye(3)).to_dict()
    del record["preconditioner"]
    assert RankResult.from_dict(record).preconditioner == ""


def test_jacobi_on_entries_that_are_not_finite_names_them():
    A = np.eye(3)
    A[0, 1] = A[1, 0] = np.nan
    with pytest.raises(NonFiniteError, match=r"A\[0, 1\] = nan"):
        symrank.rank(A, preconditioner="jacobi")
    with pytest.raises(NonFiniteError, match=r"A\[2, 2\] = inf"):
        symrank.rank(np.diag([1.0, 1.0, np.inf]), preconditioner="jacobi")


def test_an_operator_that_is_not_symmetric_is_refused_under_a_congruence_too():
    A = np.triu(np.ones((4, 4)))
    for G in ("jacobi", Preconditioner.from_factor(np.tril(np.ones((4, 4))))):
        with pytest.raises(NotSymmetricError, match="not symmetric"):
            symrank.rank(A, preconditioner=G, rng=1)


@pytest.mark.parametrize("method", ["lanczos", "langevin"])
@pytest.mark.parametrize("exponent", [-100, -31, 31, 60, 110])
def test_float32_of_any_size(method, exponent):
    A = (gallery.diagonal([3.0, 2.0, 1.0, 1.0, 0.0, 0.0]) * 2.0**exponent).astype(np.float32)
    result = symrank.rank(A, method, rng=1)
    assert result.rank == 4
