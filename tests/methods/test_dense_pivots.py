"""Pivots of dense matrices: what LAPACK's L and D prove, and that it is as small as it is said."""

import time

import numpy as np
import pytest

import symrank
from symrank import Inertia
from symrank.choice import auto, policy
from symrank.gallery.haar import haar
from symrank.methods.pivots import inertia, ldl_dense
from symrank.methods.pivots.ldl_dense import DenseSolvers, Shifted
from symrank.spectrum.outcome import Status

EPS = float(np.finfo(float).eps)


def matrix(lam, rng, dtype=float):
    """A dense Hermitian matrix with these eigenvalues."""
    wide = np.complex128 if np.dtype(dtype).kind == "c" else np.float64
    Q = haar(len(lam), rng, wide)
    A = (Q * np.asarray(lam)) @ Q.conj().T
    return ((A + A.conj().T) / 2).astype(dtype)


def factors(result):
    return result.diagnostics["shifts"]


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.complex128, np.complex64])
def test_both_signs_and_zeros_are_counted(dtype, rng):
    lam = np.concatenate([rng.uniform(0.1, 1.0, 40), np.zeros(23), -rng.uniform(0.1, 1.0, 17)])
    result = symrank.rank(matrix(lam, rng, dtype), "inertia", rng=1)
    assert result.inertia == (40, 23, 17)
    assert result.status is Status.EXACT
    assert len(factors(result)) == 4


def test_what_is_all_needs_no_second_look(rng):
    """Lower bounds that meet n are the count: one factorisation, or two for both signs."""
    positive, indefinite = (
        symrank.rank(matrix(lam, rng), "inertia", rng=1)
        for lam in (np.linspace(1.0, 2.0, 60), np.linspace(-1.0, 1.0, 60))
    )
    assert (len(factors(positive)), len(factors(indefinite))) == (1, 2)
    assert (positive.rank, indefinite.inertia) == (60, (30, 0, 30))


def test_a_semidefinite_matrix_takes_three(rng):
    result = symrank.rank(matrix([0.0] * 9 + [1.0] * 50, rng), "inertia", rng=1)
    assert len(factors(result)) == 3
    assert result.inertia == (50, 9, 0)


@pytest.mark.parametrize("window", [(0.25, 0.75), (-0.3, 0.3), (-np.inf, -0.1), (0.55, np.inf)])
def test_windows_are_counted(window, rng):
    lam = np.linspace(-1.0, 1.0, 71)
    result = symrank.count(matrix(lam, rng), *window, method="inertia", rng=1)
    assert result.rank == ((lam > window[0]) & (lam <= window[1])).sum()
    assert result.status is Status.EXACT


def test_an_eigenvalue_on_a_cut_is_left_open(rng):
    result = symrank.rank(matrix(np.linspace(0.0, 1.0, 51), rng), "inertia", atol=0.5, rng=1)
    assert result.interval() == (25, 26)
    assert result.status is not Status.EXACT


def test_zeros_of_a_matrix_are_zeros():
    assert symrank.rank(np.zeros((30, 30)), "inertia", rng=1).inertia == (0, 30, 0)
    assert symrank.rank(np.zeros((1, 1)), "inertia", rng=1).rank == 0


@pytest.mark.parametrize("kind", [float, complex])
@pytest.mark.parametrize("n", [1, 2, 3, 64, 65, 150])  # one panel, a block across two, and some
def test_the_product_with_the_error_is_that_of_the_factors(n, kind, rng):
    """G of eq. (2) against the entries of P L D L* P*, which no bound enters."""
    A = matrix(rng.standard_normal(n), rng, kind)
    np.fill_diagonal(A, 0.0)  # blocks of two, whose rows come from anywhere
    B = Shifted(A, 0.3)
    F = DenseSolvers(np.inf).factorise(B)
    D = np.diag(F.main).astype(kind) + np.diag(F.below, -1) + np.diag(F.below.conj(), 1)
    PL = np.empty_like(F.L)
    PL[F.order] = np.tril(F.L, -1) + np.eye(n)
    whole = A - 0.3 * np.eye(n) - PL @ D @ PL.conj().T
    Z = rng.standard_normal((n, 5)) * kind(1.0)
    Z += 0.0 if kind is float else 1j * rng.standard_normal((n, 5))
    assert np.abs(F.error(B, Z) - whole @ Z).max() <= 1e3 * EPS * np.abs(Z).max()
    values = np.linalg.eigvalsh(D)
    assert (F.n_plus, F.n_minus) == ((values > 0).sum(), (values < 0).sum())
    assert np.linalg.norm(whole, 2) <= 200 * EPS * np.abs(values).max()  # LAPACK is stable


def test_a_factorisation_that_is_off_is_never_believed(rng, monkeypatch):
    """Factors of another matrix: the error is seen, and nothing is proved."""
    own = DenseSolvers.factorise
    off = 1e-3 * np.diag(np.arange(60.0))

    def factorise(self, B):
        return own(self, Shifted(B.matrix + off, B.shift))

    monkeypatch.setattr(DenseSolvers, "factorise", factorise)
    result = symrank.rank(matrix([0.0] * 20 + [1.0] * 40, rng), "inertia", rng=1)
    assert result.interval() == (0, 60)
    assert not any(one["is_proof"] for one in factors(result))


def test_pivots_next_to_zero_have_no_sign():
    main, below = np.array([1.0, 1.0, 2.0]), np.array([1.0, 0.0])
    signs = ldl_dense._signs(main, below)  # the block of ones has a zero eigenvalue
    assert sorted(np.sign(signs).tolist()) == [0.0, 1.0, 1.0]


def test_time_that_is_up_leaves_the_rest_open(rng):
    A = matrix([0.0] * 20 + [1.0] * 40, rng)
    result = symrank.rank(A, "inertia", max_seconds=1e-9, rng=1)
    low, high = result.interval()
    assert low <= 40 <= high
    assert result.status is Status.BUDGET_SPENT


@pytest.fixture
def small(monkeypatch):
    """Let the choice take small matrices for large ones."""
    monkeypatch.setattr(inertia, "LEAST_DENSE", 100)
    monkeypatch.setattr(policy, "LEAST_NARROW", 100)
    monkeypatch.setattr(policy.costs, "dense_pivots_seconds", lambda n: 1e-9 * n)


@pytest.mark.parametrize(
    ("lam", "method"),
    [
        (np.linspace(0.5, 1.0, 300), "inertia"),
        (np.append(np.linspace(-1.0, 1.0, 20), np.zeros(280)), "sketch"),
        (np.append(np.linspace(0.5, 1.0, 200), np.zeros(100)), "inertia"),
    ],
)
def test_a_large_dense_matrix_is_counted_by_what_is_cheapest(lam, method, rng, small):
    result = symrank.rank(matrix(lam, rng), rng=1)
    assert (result.rank, result.method) == (np.count_nonzero(lam), method)
    assert result.status is Status.EXACT


@pytest.mark.parametrize(("dtype", "unit"), [(np.float64, 1.0), (np.float32, 2.0**30)])
def test_a_wide_matrix_is_not_sketched(dtype, unit, rng, small, monkeypatch):
    """In single precision the square of a product with a product would overflow there."""
    ran = []
    own = auto.run
    monkeypatch.setattr(auto, "run", lambda job, method, *rest: ran.append(method.name) or own(
        job, method, *rest))  # fmt: skip
    symrank.rank(matrix(unit * np.linspace(0.5, 1.0, 300), rng, dtype), rng=1)
    assert ran == ["inertia"]


def counted_after_a_sketch(lam, rng, **options):
    """A rank whose sketch finds more than it has room for: few eigenvalues carry a full rank."""
    return symrank.rank(matrix(lam, rng), rng=1, **options)


def test_a_clock_that_ends_the_sketch_leaves_an_answer(rng, small, monkeypatch):
    """The time is up in its second round: what then runs has nothing to fall back on but itself."""
    now, ahead = time.perf_counter, [0.0]

    def end(progress):
        if progress.interval is not None:
            ahead[0] = 1e6

    monkeypatch.setattr(time, "perf_counter", lambda: now() + ahead[0])
    lam = np.geomspace(1.0, 1e-7, 300)
    result = counted_after_a_sketch(lam, rng, max_seconds=60.0, progress=end)
    low, high = result.interval()
    assert ahead[0]
    assert low <= 300 <= high
    assert result.method != "sketch"


def test_a_key_that_is_pressed_in_the_sketch_ends_the_run(rng, small):
    def press(progress):
        if progress.interval is not None:
            raise KeyboardInterrupt

    result = counted_after_a_sketch(np.geomspace(1.0, 1e-7, 300), rng, progress=press)
    assert (result.method, result.status) == ("sketch", Status.INTERRUPTED)


def test_the_offer_is_cheaper_than_all_eigenvalues():
    A = symrank.operators.as_operator(np.eye(3500))
    goal = symrank.plan(np.eye(3500), rng=1).choice
    assert goal.method.name == "inertia"
    assert Inertia().offer_dense(A.facts).seconds[1] < symrank.methods.costs.dense_seconds(3500)
