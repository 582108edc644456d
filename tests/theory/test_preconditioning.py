"""Corollary 3 and Proposition 3: the maximum, the comparison, and where they need a condition."""

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given
from hypothesis import strategies as st

from symrank.errors import NotSymmetricError, OptionError
from symrank.theory import (
    compare_preconditioners,
    expected_loss,
    largest_stationary_loss,
    optimal_preconditioner,
    stationary_loss,
)
from tests.theory.problems import definite, seeds, semidefinite, sizes

ROUNDING = 1e-10


def unit(G):
    return G / np.linalg.norm(G)


@given(seed=seeds, n=sizes)
def test_corollary_3(seed, n):
    rng = np.random.default_rng(seed)
    H, Sigma = definite(rng, n), definite(rng, n)
    G = optimal_preconditioner(Sigma)
    assert np.linalg.norm(G) == pytest.approx(1.0)
    best = stationary_loss(H, G, Sigma)
    assert best == pytest.approx(largest_stationary_loss(Sigma, n), rel=ROUNDING)
    for _ in range(5):
        assert stationary_loss(H, unit(definite(rng, n)), Sigma) <= best * (1.0 + ROUNDING)
    near = unit(G + 0.01 * semidefinite(rng, n, n))
    assert best * (1.0 - 1e-2) < stationary_loss(H, near, Sigma) <= best * (1.0 + ROUNDING)


def test_corollary_3_needs_a_definite_hessian():
    """H = diag(1, 0), Sigma = diag(1, 100): Sigma / |Sigma|_F gives 1 % of what I / |I|_F gives."""
    H, Sigma = np.diag([1.0, 0.0]), np.diag([1.0, 100.0])
    printed = stationary_loss(H, optimal_preconditioner(Sigma), Sigma)
    assert printed == pytest.approx(0.25 / np.sqrt(10001.0))
    assert stationary_loss(H, np.eye(2) / np.sqrt(2.0), Sigma) > 50.0 * printed


@given(seed=seeds, n=st.integers(2, 6))
def test_the_supremum_for_a_singular_hessian(seed, n):
    rng = np.random.default_rng(seed)
    rank = int(rng.integers(1, n))
    H, Sigma = semidefinite(rng, n, rank), definite(rng, n)
    sup = largest_stationary_loss(Sigma, rank)
    for _ in range(5):
        assert stationary_loss(H, unit(definite(rng, n)), Sigma) < sup
    lam, Q = np.linalg.eigh(Sigma)
    lam[: n - rank] = 1e-7  # G near the best approximation of Sigma of that rank
    near = unit((Q * lam) @ Q.T)
    overlap = np.linalg.svd(scipy.linalg.orth(H, 1e-9).T @ Q[:, n - rank :])[1].min()
    if overlap > 0.05:  # else a much smaller 1e-7 is needed to be near
        assert stationary_loss(H, near, Sigma) == pytest.approx(sup, rel=1e-3)


def test_eq_4_has_no_best_preconditioner():
    H, Sigma, losses = np.eye(2), np.eye(2), []
    for small in (1e-2, 1e-4):
        G = unit(np.diag([1.0, small]))
        losses.append(stationary_loss(H, G, Sigma, preconditioned_noise=False))
    assert losses[1] > 90.0 * losses[0]


@given(seed=seeds, n=sizes, scale=st.floats(1e-6, 1e6))
def test_proposition_3_without_its_condition(seed, n, scale):
    rng = np.random.default_rng(seed)
    Sigma = scale * definite(rng, n, spread=2.0)
    H, root = definite(rng, n), scipy.linalg.sqrtm(Sigma).real
    adam = np.linalg.inv(root)
    found = compare_preconditioners(Sigma)
    assert found.noise_power == pytest.approx(np.trace(Sigma))
    assert found.sgd == pytest.approx(stationary_loss(H, np.eye(n), Sigma), rel=ROUNDING)
    assert found.adam == pytest.approx(stationary_loss(H, adam, Sigma), rel=1e-8)
    unit_sgd, unit_adam = (stationary_loss(H, unit(G), Sigma) for G in (np.eye(n), adam))
    assert found.sgd_unit == pytest.approx(unit_sgd, rel=ROUNDING)
    assert found.adam_unit == pytest.approx(unit_adam, rel=1e-8)
    assert found.sgd_unit >= found.adam_unit * (1.0 - ROUNDING)
    if n == 1:
        assert found.is_isotropic
    elif np.linalg.cond(Sigma) > 1.01:
        assert not found.is_isotropic
        assert found.sgd_unit > found.adam_unit  # at any tr(Sigma)
    if found.noise_power > n * (1.0 + ROUNDING):  # eq. (17) orders the preconditioners as they are
        assert found.sgd > found.adam


def test_eq_18_is_not_strict_for_white_noise():
    """Sigma = 2 I: tr(Sigma) = 2 n > n, and the two losses are equal."""
    found = compare_preconditioners(2.0 * np.eye(3))
    assert found.noise_power > 3.0
    assert found.is_isotropic
    assert found.sgd_unit == pytest.approx(found.adam_unit, rel=1e-15)


def test_eq_18_holds_below_the_printed_condition():
    found = compare_preconditioners(np.diag([0.1, 0.4]))
    assert found.noise_power < 2.0
    assert found.sgd_unit > found.adam_unit


def test_proposition_3_needs_a_definite_hessian():
    H, Sigma = np.diag([1.0, 0.0]), np.diag([1.0, 100.0])
    sgd = stationary_loss(H, unit(np.eye(2)), Sigma)
    adam = stationary_loss(H, unit(np.diag([1.0, 0.1])), Sigma)
    assert np.trace(Sigma) > 2.0
    assert sgd < adam


def test_eq_17_is_not_necessary_for_the_preconditioners_as_they_are():
    found = compare_preconditioners(np.diag([1.4**2, 0.1**2]))
    assert found.noise_power < 2.0
    assert found.sgd > found.adam


@given(seed=seeds, n=sizes)
def test_eq_16_the_loss_leaves_its_start(seed, n):
    rng = np.random.default_rng(seed)
    H, G, Sigma = semidefinite(rng, n, 1), definite(rng, n), definite(rng, n)
    assert (expected_loss(H, G, Sigma, [1e-9, 1.0, 1e3]) > 0.0).all()


def test_what_is_refused():
    for call in (optimal_preconditioner, compare_preconditioners):
        with pytest.raises(OptionError, match="Sigma must be positive definite"):
            call(np.diag([1.0, 0.0]))
        with pytest.raises(NotSymmetricError, match="Sigma is not symmetric"):
            call([[1.0, 0.5], [0.0, 1.0]])
    with pytest.raises(OptionError, match="rank=3"):
        largest_stationary_loss(np.eye(2), 3)
