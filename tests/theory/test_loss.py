"""Theorem 1, Proposition 1, Corollaries 1 and 2, Remark 1, eqs. (13), (14) by independent roads."""

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given
from hypothesis import strategies as st

from symrank.errors import NonFiniteError, NotSymmetricError, OperatorError, OptionError
from symrank.theory import (
    expected_loss,
    loss_slope,
    rank_from_loss,
    riemannian_covariance,
    stationary_loss,
    trace_from_slope,
)
from tests.theory.problems import (
    definite,
    indefinite,
    limit_by_eigenvectors,
    loss_by_lyapunov,
    printed_loss,
    seeds,
    semidefinite,
    sizes,
)

INTEGRATED = 1e-8  # relative error of the integrated Lyapunov equation, with its rtol of 1e-11
ROUNDING = 1e-11  # of well-conditioned matrices of order six
Z_MAX = 5.0  # standard errors: one false alarm in two million
EYE = np.eye(2)


@given(seed=seeds, n=sizes, plain=st.booleans(), saddle=st.booleans())
def test_theorem_1_solves_the_lyapunov_equation(seed, n, plain, saddle):
    rng = np.random.default_rng(seed)
    G, Sigma = definite(rng, n), definite(rng, n)
    H = indefinite(rng, n) if saddle else semidefinite(rng, n, rng.integers(0, n + 1))
    D = Sigma if plain else G @ Sigma @ G
    t = np.array([0.0, 0.1, 0.7, 2.0])
    found = expected_loss(H, G, Sigma, t, preconditioned_noise=not plain)
    assert found == pytest.approx(loss_by_lyapunov(H, G, D, t), rel=INTEGRATED, abs=INTEGRATED)


@given(seed=seeds, n=sizes, plain=st.booleans())
def test_theorem_1_is_its_matrix_formula(seed, n, plain):
    rng = np.random.default_rng(seed)
    H, G, Sigma = indefinite(rng, n), definite(rng, n), definite(rng, n)
    t = rng.uniform(0.0, 2.0)
    if plain:
        factor, power = np.linalg.inv(G), scipy.linalg.expm(-2.0 * t * G @ H)
    else:
        factor, power = G, scipy.linalg.expm(-2.0 * t * H @ G)
    exact = 0.25 * np.trace(Sigma @ factor @ (np.eye(n) - power))
    found = expected_loss(H, G, Sigma, t, preconditioned_noise=not plain)
    assert float(found) == pytest.approx(exact, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("plain", [False, True])
def test_simulated_paths_agree(rng, plain):
    """Exact transitions of the process, one Gaussian draw a path: no step size enters."""
    n, t, paths = 4, 0.8, 40_000
    H, G, Sigma = indefinite(rng, n), definite(rng, n), definite(rng, n)
    D = Sigma if plain else G @ Sigma @ G
    # covariance by Van Loan's block exponential
    block = np.block([[G @ H, D], [np.zeros((n, n)), -H @ G]])
    power = scipy.linalg.expm(block * t)
    C = scipy.linalg.expm(-G @ H * t) @ power[:n, n:]
    theta = np.linalg.cholesky(0.5 * (C + C.T)) @ rng.standard_normal((n, paths))
    loss = 0.5 * np.einsum("ik,ij,jk->k", theta, H, theta)
    z = (loss.mean() - expected_loss(H, G, Sigma, t, preconditioned_noise=not plain)) / (
        loss.std(ddof=1) / np.sqrt(paths)
    )
    assert abs(z) < Z_MAX


def test_small_steps_of_the_sde_agree(rng):
    """Euler-Maruyama on eq. (3) itself, with the printed G Sigma^(1/2): a bias of order eta."""
    G, Sigma = np.diag([1.0, 10.0]), np.array([[10.0, 9.0], [9.0, 10.0]])
    H = np.outer([1.0, -0.1], [1.0, -0.1])
    eta, steps, paths = 2e-3, 500, 20_000
    root = scipy.linalg.sqrtm(Sigma).real
    theta = np.zeros((2, paths))
    for _ in range(steps):
        noise = rng.standard_normal((2, paths))
        theta += -eta * G @ H @ theta + np.sqrt(eta) * G @ root @ noise
    loss = 0.5 * (theta * (H @ theta)).sum(axis=0)
    exact = expected_loss(H, G, Sigma, eta * steps)
    allowed = Z_MAX * loss.std() / np.sqrt(paths) + 2.0 * eta * exact
    assert abs(loss.mean() - exact) < allowed
    assert abs(loss.mean() - printed_loss(H, G, Sigma, eta * steps)) > 10.0 * allowed


def test_eq_5_as_printed_is_another_number():
    """The limit of a loss that cannot be negative: 5/11, printed -16.1."""
    G, Sigma = np.diag([1.0, 10.0]), np.array([[10.0, 9.0], [9.0, 10.0]])
    H = np.outer([10.0, -1.0], [10.0, -1.0])
    assert stationary_loss(H, G, Sigma) == pytest.approx(5.0 / 11.0, rel=ROUNDING)
    assert limit_by_eigenvectors(G @ H, G, Sigma) == pytest.approx(-7090.0 / 440.0, rel=1e-9)
    assert limit_by_eigenvectors(H @ G, G, Sigma) == pytest.approx(5.0 / 11.0, rel=1e-9)
    assert printed_loss(H, G, Sigma, 0.1) < 0.0 < expected_loss(H, G, Sigma, 0.1)
    assert float(loss_slope(H, G, Sigma)) == pytest.approx(100.0, rel=ROUNDING)
    assert 0.5 * np.trace(Sigma @ G @ G @ H) == pytest.approx(-3545.0)  # eq. (13), printed


@given(seed=seeds, n=sizes)
def test_eq_5_holds_as_printed_where_noise_and_preconditioner_commute(seed, n):
    rng = np.random.default_rng(seed)
    H, G = semidefinite(rng, n, rng.integers(0, n + 1)), definite(rng, n)
    Sigma = 0.3 * G @ G + scipy.linalg.inv(G)
    for t in (0.1, 1.0):
        found = expected_loss(H, G, Sigma, t)
        assert float(found) == pytest.approx(printed_loss(H, G, Sigma, t), rel=1e-8, abs=1e-9)


@given(seed=seeds, n=st.integers(2, 6))
def test_eq_5_holds_for_every_hessian_only_where_they_commute(seed, n):
    """K = Sigma G - G Sigma: the slopes at 0 differ for H = K G - G K, by |H|^2 / 4."""
    rng = np.random.default_rng(seed)
    G, Sigma = definite(rng, n), definite(rng, n)
    K = Sigma @ G - G @ Sigma
    H = K @ G - G @ K
    printed = 0.5 * np.trace(Sigma @ G @ G @ H)
    gap = printed - float(loss_slope(H, G, Sigma))
    assert gap == pytest.approx(0.25 * np.sum(H * H), rel=1e-7, abs=1e-9)


@given(seed=seeds, n=sizes, plain=st.booleans())
def test_proposition_1_is_the_limit(seed, n, plain):
    rng = np.random.default_rng(seed)
    H, G = semidefinite(rng, n, rng.integers(0, n + 1)), definite(rng, n)
    Sigma = definite(rng, n)
    limit = stationary_loss(H, G, Sigma, preconditioned_noise=not plain)
    late = expected_loss(H, G, Sigma, 200.0, preconditioned_noise=not plain)
    assert limit == pytest.approx(float(late), rel=ROUNDING, abs=ROUNDING)


@given(seed=seeds, n=sizes)
def test_proposition_1_in_matrices(seed, n):
    """Q = P J P^-1 of H G is the projector on range(H) along the vectors that H G maps to zero."""
    rng = np.random.default_rng(seed)
    H, G = semidefinite(rng, n, rng.integers(1, n + 1)), definite(rng, n)
    Sigma = definite(rng, n)
    B = scipy.linalg.orth(H, 1e-9)
    Q = B @ np.linalg.solve(B.T @ G @ B, B.T @ G)
    np.testing.assert_allclose(Q @ H @ G, H @ G, atol=1e-10)
    np.testing.assert_allclose(H @ G @ Q, H @ G, atol=1e-10)
    exact = 0.25 * np.trace(Sigma @ G @ Q)
    assert stationary_loss(H, G, Sigma) == pytest.approx(exact, rel=1e-9)


@given(seed=seeds, n=sizes)
def test_corollary_1(seed, n):
    rng = np.random.default_rng(seed)
    H, G, Sigma = definite(rng, n), definite(rng, n), definite(rng, n)
    assert stationary_loss(H, G, Sigma) == pytest.approx(0.25 * np.trace(Sigma @ G), rel=ROUNDING)
    plain = stationary_loss(H, G, Sigma, preconditioned_noise=False)
    assert plain == pytest.approx(0.25 * np.trace(Sigma @ np.linalg.inv(G)), rel=ROUNDING)


@given(seed=seeds, n=sizes, sigma2=st.floats(1e-6, 1e6), plain=st.booleans())
def test_corollary_2_reveals_the_rank(seed, n, sigma2, plain):
    rng = np.random.default_rng(seed)
    rank = int(rng.integers(0, n + 1))
    H, G = semidefinite(rng, n, rank), definite(rng, n, spread=4.0)
    Sigma = sigma2 * G if plain else riemannian_covariance(G, sigma2)
    loss = stationary_loss(H, G, Sigma, preconditioned_noise=not plain)
    assert float(rank_from_loss(loss, sigma2)) == pytest.approx(rank, abs=1e-9)


def test_corollary_2_needs_a_minimum():
    with pytest.raises(OptionError, match="positive semidefinite"):
        stationary_loss(np.diag([1.0, -1.0]), EYE, EYE)
    assert float(expected_loss(np.diag([1.0, -1.0]), EYE, EYE, 10.0)) < -1e7


@given(seed=seeds, n=sizes, sigma2=st.floats(0.01, 100.0))
def test_remark_1(seed, n, sigma2):
    """G Sigma^(1/2) = sigma G^(1/2): eqs. (3) and (10) are the same equation, draw by draw."""
    G = definite(np.random.default_rng(seed), n)
    root = scipy.linalg.sqrtm(riemannian_covariance(G, sigma2)).real
    assert G @ root == pytest.approx(np.sqrt(sigma2) * scipy.linalg.sqrtm(G).real, abs=1e-8)


@given(seed=seeds, n=sizes, plain=st.booleans())
def test_eq_13_is_the_derivative(seed, n, plain):
    rng = np.random.default_rng(seed)
    H, G, Sigma = indefinite(rng, n), definite(rng, n), definite(rng, n)
    t, h = rng.uniform(0.1, 1.0), 1e-4
    points = t + h * np.array([-2.0, -1.0, 1.0, 2.0])
    loss = expected_loss(H, G, Sigma, points, preconditioned_noise=not plain)
    slope = loss @ np.array([1.0, -8.0, 8.0, -1.0]) / (12.0 * h)
    found = loss_slope(H, G, Sigma, t, preconditioned_noise=not plain)
    assert float(found) == pytest.approx(slope, rel=1e-7, abs=1e-7)


@given(seed=seeds, n=sizes)
def test_eq_14_gives_the_trace(seed, n):
    rng = np.random.default_rng(seed)
    H, Sigma = indefinite(rng, n), definite(rng, n)
    G = np.linalg.inv(scipy.linalg.sqrtm(Sigma).real)
    found = trace_from_slope(loss_slope(H, 3.0 * G, Sigma), 9.0)
    assert float(found) == pytest.approx(np.trace(H), abs=1e-9)
    of_product = trace_from_slope(loss_slope(H, G, riemannian_covariance(G, 2.0)), 2.0)
    assert float(of_product) == pytest.approx(np.trace(G @ H), abs=1e-9)


@given(seed=seeds, n=sizes, t=st.floats(0.0, 3.0))
def test_the_filter_of_white_noise(seed, n, t):
    H, eye = semidefinite(np.random.default_rng(seed), n, n), np.eye(n)
    exact = np.trace(eye - scipy.linalg.expm(-2.0 * H * t))
    assert 4.0 * float(expected_loss(H, eye, eye, t)) == pytest.approx(exact, abs=1e-10)


def test_a_case_by_hand():
    """H = diag(2, 0), G = diag(3, 1), Sigma = diag(5, 7): 15/4 (1 - exp(-12 t))."""
    found = expected_loss(np.diag([2, 0]), np.diag([3, 1]), np.diag([5, 7]), [[0.25], [1e-12]])
    assert found.shape == (2, 1)
    assert found[0, 0] == pytest.approx(3.75 * (1.0 - np.exp(-3.0)), rel=ROUNDING)
    assert found[1, 0] == pytest.approx(45e-12, rel=1e-10)  # expm1 keeps the digits of small t


def test_a_saddle_leaves_the_numbers_and_a_null_mode_does_not():
    H = np.diag([1.0, 0.0, -1.0])
    assert expected_loss(H, np.eye(3), np.eye(3), 1e5) == -np.inf
    assert expected_loss(np.zeros((3, 3)), np.eye(3), np.eye(3), 1e5) == 0.0
    assert expected_loss(np.zeros((0, 0)), np.zeros((0, 0)), np.zeros((0, 0)), 1.0) == 0.0


@pytest.mark.parametrize("t", [30.0, 1e5])
def test_rounding_is_no_noise(rng, t):
    """A saddle whose falling direction no noise reaches, turned by a random rotation."""
    Q = scipy.linalg.qr(rng.standard_normal((5, 5)))[0]
    H = Q @ np.diag([1.0, 2.0, 3.0, 0.0, -1.0]) @ Q.T
    Sigma = Q @ np.diag([1.0, 1.0, 1.0, 5.0, 0.0]) @ Q.T
    assert float(expected_loss(H, np.eye(5), Sigma, t)) == pytest.approx(0.75, rel=ROUNDING)
    assert float(loss_slope(H, np.eye(5), Sigma, t)) == pytest.approx(0.0, abs=ROUNDING)


def test_rounding_is_no_eigenvalue(rng):
    H, G = semidefinite(rng, 30, 11), definite(rng, 30, spread=6.0)
    Sigma = riemannian_covariance(G)
    assert float(rank_from_loss(stationary_loss(H, G, Sigma), 1.0)) == pytest.approx(11, abs=1e-6)


@pytest.mark.parametrize(
    ("H", "G", "Sigma", "error", "words"),
    [
        ([[1.0, 2.0], [0.0, 1.0]], EYE, EYE, NotSymmetricError, "H is not symmetric"),
        (EYE, [[1.0, 2.0], [0.0, 1.0]], EYE, NotSymmetricError, "G is not symmetric"),
        (EYE, np.diag([1.0, 0.0]), EYE, OptionError, "G must be positive definite"),
        (EYE, EYE, np.diag([1.0, -1.0]), OptionError, "Sigma must be positive semidefinite"),
        (np.ones((2, 3)), EYE, EYE, OperatorError, r"H must be a dense square matrix.*\(2, 3\)"),
        (EYE, np.eye(3), EYE, OperatorError, r"H is \(2, 2\), G is \(3, 3\)"),
        (EYE, EYE, np.eye(3), OperatorError, r"Sigma is \(3, 3\)"),
        (1j * EYE, EYE, EYE, OperatorError, "H must be a real matrix"),
        (np.nan * EYE, EYE, EYE, NonFiniteError, "H holds infinities or NaN"),
    ],
)
def test_messages(H, G, Sigma, error, words):
    with pytest.raises(error, match=words):
        expected_loss(H, G, Sigma, 1.0)


@pytest.mark.parametrize("t", [-1.0, np.inf, np.nan, [1.0, -2.0]])
def test_times_are_finite_and_not_negative(t):
    with pytest.raises(OptionError, match="finite and at least 0"):
        expected_loss(EYE, EYE, EYE, t)


@pytest.mark.parametrize("noise_var", [0.0, -1.0, np.inf, np.nan])
def test_noise_is_positive(noise_var):
    for call in (rank_from_loss, trace_from_slope):
        with pytest.raises(OptionError, match="noise_var"):
            call(1.0, noise_var)
    with pytest.raises(OptionError, match="noise_var"):
        riemannian_covariance(EYE, noise_var)
