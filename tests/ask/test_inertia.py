"""inertia: signs from pivots, eigenvalues and samples, and the status that they deserve."""

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.linalg as spla

import symrank
from symrank import Signature, Status, gallery
from symrank.ask import exactly
from symrank.errors import OptionError
from tests.adversary.builders import pairs


def operator(lam):
    """Return the diagonal, by products alone."""
    return spla.LinearOperator(
        (lam.size,) * 2,
        matvec=lambda x: lam * x.ravel(),
        matmat=lambda X: lam[:, None] * X,
        dtype=float,
    )


SIGNS = np.concatenate([np.linspace(0.5, 1, 40), np.zeros(7), np.linspace(-1, -0.2, 13)])


@pytest.mark.parametrize("method", [None, "inertia", "dense"])
@pytest.mark.parametrize("kind", ["dense", "sparse", "Hermitian"])
def test_of_a_matrix_it_is_exact(rng, method, kind):
    A = gallery.dense(SIGNS, rng=1) if kind != "sparse" else pairs(SIGNS, 0.25, rng).A
    if kind == "Hermitian":
        turn = np.exp(1j * np.arange(60))
        A = turn[:, None] * A * turn.conj()
        A = (A + A.conj().T) / 2
    found = symrank.inertia(A, method, rng=1)
    assert tuple(found) == (40, 7, 13) == (found.positive, found.zero, found.negative)
    assert found.intervals() == ((40, 40), (7, 7), (13, 13))
    assert (found.status, found.width, found.n) == (Status.EXACT, 0, 60)
    assert "40 positive, 7 zero, 13 negative" in str(found)


def test_a_large_sparse_matrix_takes_pivots_whatever_sampling_costs(rng):
    lam = np.tile(SIGNS, 110)
    found = symrank.inertia(pairs(lam, 0.25, rng).A, rng=1)
    assert (found.result.method, tuple(found)) == ("inertia", (4400, 770, 1430))


def test_equal_rows_are_taken_out_before_the_pivots(rng):
    A = pairs(SIGNS, 0.25, rng).A
    rows = np.concatenate([np.arange(60), rng.integers(0, 60, 30)])
    found = symrank.inertia(A[rows][:, rows], "inertia", rng=1)
    quick = symrank.inertia(A[rows][:, rows], rng=1)
    assert tuple(quick) == tuple(found)
    assert sum(quick) == 90


def test_by_products_every_interval_meets_the_precision():
    """A full rank is known from one probe; its signs take as many as half of n does."""
    lam = np.where(np.arange(6000) % 5 < 3, 1.0, -1.0) * np.linspace(1, 2, 6000)
    found = symrank.inertia(operator(lam), rng=1, precision=0.004)
    assert found.status is Status.CONVERGED
    assert 0 < found.width <= 48
    assert found.result.interval() == (6000, 6000)
    for (low, high), truth in zip(found.intervals(1 - 1e-9), (3600, 0, 2400), strict=True):
        assert low <= truth <= high
    for number, (low, high) in zip(found, found.intervals(), strict=True):
        assert low <= number <= high


def test_a_small_budget_says_that_the_signs_are_open():
    lam = np.where(np.arange(6000) % 5 < 3, 1.0, -1.0) * np.linspace(1, 2, 6000)
    found = symrank.inertia(operator(lam), rng=1, precision=0.001, max_matvecs=1500)
    assert found.status is Status.BUDGET_SPENT
    assert sum(found) == 6000


@pytest.mark.parametrize("floors", [1.5, 60.0])
@pytest.mark.parametrize(("method", "floor"), [("inertia", 500), ("dense", 40)])
def test_what_crowds_at_the_floor_may_be_zero_or_of_its_sign(floors, method, floor):
    tiny = -floors * floor * np.finfo(float).eps
    lam = np.concatenate([np.ones(20), -np.ones(8), np.full(3, tiny), np.zeros(9)])
    found = symrank.inertia(gallery.diagonal(lam), method, rng=1)
    (plus, zero, minus), status = found.intervals(), found.status
    assert plus[0] <= 20 <= plus[1]
    assert zero[0] <= 9 <= zero[1]
    assert minus[0] <= 8 < 11 <= minus[1]
    assert status is not Status.EXACT


def test_no_sign_is_claimed_that_was_not_seen():
    found = symrank.inertia(gallery.grid_laplacian((30, 30)), symrank.Sketch(side="null"), rng=1)
    assert found.result.status is Status.EXACT
    assert found.intervals() == ((0, 899), (1, 1), (0, 899))
    assert found.status is Status.NO_GAP_FOUND


@pytest.mark.parametrize("method", [None, "inertia"])
def test_units_that_decide_leave_the_sign_open(method):
    A = np.diag([1e30, -1.0, 0.0])
    found = symrank.inertia(A, method, rng=1)
    assert found.status is Status.NO_GAP_FOUND
    assert [low <= k <= high for (low, high), k in zip(found.intervals(), (1, 1, 1), strict=True)]
    assert found.intervals()[2][1] >= 1
    assert tuple(symrank.inertia(A, preconditioner="equilibrate")) == (1, 1, 1)


def test_pivots_that_prove_too_little_give_way_to_samples(monkeypatch, wrong_factors):
    """Factors that are wrong are no evidence: the answer is that of sampling."""
    monkeypatch.setattr(exactly, "exact_method", lambda job: symrank.Inertia())
    found = symrank.inertia(gallery.diagonal(np.tile(SIGNS, 20)), rng=1)
    assert found.result.method == "lanczos"
    for (low, high), truth in zip(found.intervals(1 - 1e-9), (800, 140, 260), strict=True):
        assert low <= truth <= high


@pytest.mark.parametrize("A", [np.zeros((0, 0)), np.zeros((3, 3)), sp.csr_array((3, 3))])
@pytest.mark.parametrize("method", [None, "lanczos"])
def test_nothing_is_neither(A, method):
    n = A.shape[0]
    found = symrank.inertia(A, method, rng=1)
    assert found.intervals() == ((0, 0), (n, n), (0, 0))
    assert tuple(found) == (0, n, 0)


def test_a_record_of_signs(rng):
    exact = symrank.inertia(gallery.dense(SIGNS, rng=1))
    assert Signature.from_dict(exact.to_dict()).intervals() == exact.intervals()
    sampled = symrank.inertia(operator(np.tile(SIGNS, 20)), "lanczos", rng=1)
    again = Signature.from_dict(sampled.to_dict(measure=True))
    assert again.intervals() == sampled.intervals()
    assert tuple(again) == tuple(sampled)
    assert again.status is sampled.status


def test_what_it_cannot_take_is_named():
    with pytest.raises(OptionError, match=r"count\(A, tau, inf\)"):
        symrank.inertia(np.eye(3), atol=1.0)
    G = symrank.Preconditioner.from_products(lambda R: R, 3)
    with pytest.raises(OptionError, match="equilibrate"):
        symrank.inertia(np.eye(3), preconditioner=G)


@pytest.mark.parametrize("seed", [3, 42])
def test_signs_of_a_matrix_with_many_structural_zeros(seed):
    """The pattern bounds the rank, and the pivots' guess of the signs is none of its proofs."""
    rng = np.random.default_rng(seed)
    half = sp.random_array((1300, 1300), density=1.2 / 1300, rng=rng)
    A = sp.csr_array(half + half.T)
    lam = np.linalg.eigvalsh(A.toarray())
    tiny = 1e-12 * np.abs(lam).max()  # nothing lies between 1e-13 and 1e-9 of the largest
    truth = (lam > tiny).sum(), (np.abs(lam) <= tiny).sum(), (lam < -tiny).sum()
    found = symrank.inertia(A, rng=seed)
    for (low, high), right in zip(found.intervals(1 - 1e-9), truth, strict=True):
        assert low <= right <= high
    assert sum(found) == 1300
