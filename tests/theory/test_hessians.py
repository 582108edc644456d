"""Proposition 2: where it fails, and under which conditions it holds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from symrank.errors import OptionError
from symrank.theory import (
    compare_hessians,
    riemannian_covariance,
    stationary_loss,
    stationary_range,
)
from tests.theory.problems import definite, seeds, semidefinite, sizes


def test_proposition_2_fails_as_printed():
    H1, H2 = np.diag([1.0, 0.0, 0.0]), np.diag([0.0, 1.0, 1.0])
    found = compare_hessians(H1, H2, np.eye(3), np.diag([10.0, 1.0, 1.0]))
    assert found.ranks == (1, 2)
    assert found.losses == pytest.approx((2.5, 0.5))
    assert not found.is_nested
    assert not found.is_isotropic
    assert not found.is_guaranteed


@given(seed=seeds, n=st.integers(2, 6))
def test_nested_ranges_order_the_losses(seed, n):
    rng = np.random.default_rng(seed)
    G, Sigma = definite(rng, n), definite(rng, n)
    r1, r2 = sorted(rng.integers(1, n + 1, 2))
    basis = rng.standard_normal((n, r2))
    mix = rng.standard_normal((r2, r1))
    H1, H2 = basis @ mix @ mix.T @ basis.T, basis @ definite(rng, r2) @ basis.T
    found = compare_hessians(H1, H2, G, Sigma)
    assert found.losses[0] <= found.losses[1] * (1.0 + 1e-9)
    if np.linalg.cond(basis) * np.linalg.cond(mix) < 100.0:  # the range is known to 1e-8
        assert found.ranks == (r1, r2)
        assert found.is_nested
        assert found.is_guaranteed


@given(seed=seeds, n=sizes)
def test_isotropic_noise_orders_the_losses_by_rank(seed, n):
    rng = np.random.default_rng(seed)
    G = definite(rng, n, spread=3.0)
    r1, r2 = (int(r) for r in rng.integers(0, n + 1, 2))
    H1, H2 = semidefinite(rng, n, r1), semidefinite(rng, n, r2)
    found = compare_hessians(H1, H2, G, riemannian_covariance(G, 4.0))
    assert found.losses == pytest.approx((r1, r2), abs=1e-9)
    assert found.is_isotropic
    assert found.is_guaranteed == (r1 <= r2)


@given(seed=seeds, n=sizes)
def test_the_range_holds_every_hessian_and_is_attained(seed, n):
    rng = np.random.default_rng(seed)
    G, Sigma = definite(rng, n), definite(rng, n)
    rank = int(rng.integers(0, n + 1))
    low, high = stationary_range(G, Sigma, rank)
    loss = stationary_loss(semidefinite(rng, n, rank), G, Sigma)
    assert low - 1e-10 <= loss <= high + 1e-10
    # G H = projector on eigenvectors of G Sigma: H = V V' with (G Sigma) V = V mu, as a check
    root = np.linalg.cholesky(G)
    V = np.linalg.solve(root.T, np.linalg.eigh(root.T @ Sigma @ root)[1])
    assert stationary_loss(V[:, :rank] @ V[:, :rank].T, G, Sigma) == pytest.approx(low, rel=1e-9)
    top = V[:, n - rank :]
    assert stationary_loss(top @ top.T, G, Sigma) == pytest.approx(high, rel=1e-9)


@given(seed=seeds, n=st.integers(2, 6))
def test_without_isotropy_some_pair_of_equal_rank_is_not_ordered(seed, n):
    rng = np.random.default_rng(seed)
    low, high = stationary_range(definite(rng, n), definite(rng, n), 1)
    assert low < high


def test_what_is_refused():
    with pytest.raises(OptionError, match="rank=3 must lie between 0 and n = 2"):
        stationary_range(np.eye(2), np.eye(2), 3)
    with pytest.raises(OptionError, match="positive semidefinite"):
        compare_hessians(np.eye(2), np.diag([1.0, -1.0]), np.eye(2), np.eye(2))


def test_nothing_is_ordered_with_itself():
    empty = np.zeros((0, 0))
    assert compare_hessians(empty, empty, empty, empty).is_guaranteed
    zero = np.zeros((2, 2))
    found = compare_hessians(zero, np.eye(2), np.eye(2), np.diag([1.0, 2.0]))
    assert found.ranks == (0, 2)
    assert found.is_nested
