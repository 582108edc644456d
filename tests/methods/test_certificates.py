"""The laws that Gaussian columns obey, at a failure probability that can be seen to occur."""

import functools

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from symrank import gallery
from symrank.methods import Goal
from symrank.methods.spaces.certificates import Cuts, chi, spectral_norm
from symrank.spectrum import margins, threshold
from symrank.support import probes

OFTEN = 0.1  # in place of LOOK_FAILURE
TRIALS = 1500
Z = 4.5  # a correct law fails one such check in 150 000
SPREAD = Z * (OFTEN * (1.0 - OFTEN) / TRIALS) ** 0.5
N, P = 12, 5


@pytest.fixture
def often(monkeypatch):
    monkeypatch.setattr(margins, "LOOK_FAILURE", OFTEN)


@pytest.fixture(params=[np.float64, np.complex128])
def dtype(request):
    return np.dtype(request.param)


@functools.cache
def all_columns(seed, dtype):
    return probes.gaussian(seed, 0, P * TRIALS, N, dtype)


def columns(seed, dtype, trial):
    return all_columns(seed, dtype)[:, P * trial : P * (trial + 1)]


def goal(**options):
    fields = {
        "n": N, "dtype": np.dtype(float), "atol": None, "rtol": None, "half_width": 0.5,
        "open_ended": True, "confidence": 0.95, "max_matvecs": 100, "seed": 0,
    }  # fmt: skip
    return Goal(**(fields | options))


def test_chi_is_the_quantile_of_the_chi_law():
    for p in (1, 12, 16):
        assert scipy.stats.chi2.cdf(chi(p, False) ** 2, p) == pytest.approx(1e-10, rel=1e-6)
        # 2 |u* Omega|^2 has 2 p degrees of freedom where the columns are complex
        assert scipy.stats.chi2.cdf(2 * chi(p, True) ** 2, 2 * p) == pytest.approx(1e-10, rel=1e-6)


def test_law_1_fails_as_often_as_it_says(often, seed, dtype):
    u = gallery.haar(N, seed, dtype)[:, 0]
    limit = chi(P, dtype.kind == "c")
    falls = [np.linalg.norm(u.conj() @ columns(seed, dtype, t)) < limit for t in range(TRIALS)]
    assert abs(np.mean(falls) - OFTEN) < SPREAD


@pytest.mark.parametrize("rank", [1, 4])
def test_law_2_bounds_what_lies_outside(often, seed, dtype, rank):
    lam = np.zeros(N)
    lam[:rank] = np.linspace(2.0, 1.0, rank)
    C = gallery.dense(lam, seed, dtype)
    limit = chi(P, dtype.kind == "c")
    epsilon = [spectral_norm(C @ columns(seed, dtype, t)) / limit for t in range(TRIALS)]
    falls = np.mean(np.array(epsilon) < 2.0 * (1 - 1e-12))
    if rank == 1:  # the law is an equality
        assert abs(falls - OFTEN) < SPREAD
    else:
        assert falls < OFTEN + SPREAD


@given(
    seed=st.integers(0, 10**6),
    k=st.integers(0, 8),
    tau=st.floats(1e-4, 2.0),
    is_complex=st.booleans(),
)
def test_law_3_bounds_singular_values_eigenvalues_and_the_count(seed, k, tau, is_complex):
    rng = np.random.default_rng(seed)
    dtype = np.dtype(complex if is_complex else float)
    lam = rng.choice([-1.0, 1.0], N) * 10.0 ** rng.uniform(-6, 0, N)
    A = gallery.dense(lam, rng, dtype)
    Q, _ = np.linalg.qr(A @ probes.gaussian(seed, 0, k, N, dtype))
    epsilon = spectral_norm(A - Q @ (Q.conj().T @ A))
    s = np.zeros(N)
    s[:k] = np.linalg.svd(A @ Q, compute_uv=False)
    sigma = np.sort(np.abs(lam))[::-1]
    assert (s <= sigma + 1e-13).all()
    assert (sigma <= s + epsilon + 1e-13).all()
    T = Q @ (Q.conj().T @ A @ Q) @ Q.conj().T
    assert spectral_norm(A - T) <= 2 * epsilon + 1e-13

    cuts = Cuts.of(goal(atol=tau), sigma[0], sigma[0])
    low, high = cuts.rank_bounds(s[:k], epsilon, N)
    assert low <= np.count_nonzero(sigma > tau) <= high


def claims(seed, dtype, lam, k, tau, solver, trials=TRIALS):
    """Tell for each trial whether eq. (4) claims that at most k eigenvalues lie in [-tau, tau]."""
    vectors = gallery.haar(N, seed, dtype)
    A = (vectors * lam) @ vectors.conj().T
    Z, inverse = vectors[:, :k], solver(A)
    limit = chi(P, dtype.kind == "c")
    found = []
    for trial in range(trials):
        Omega = columns(seed, dtype, trial)
        Y = inverse @ (Omega - Z @ (Z.conj().T @ Omega))
        W = Omega - A @ Y
        W -= Z @ (Z.conj().T @ W)
        found.append(spectral_norm(W) + tau * spectral_norm(Y) < limit)
    return found


def pseudo_inverse(A):
    return np.linalg.pinv(A, rtol=1e-10, hermitian=True)


def damped(A):
    return A @ np.linalg.inv(A @ A + 1e-3 * np.eye(N))


def halved(A):
    return 0.5 * damped(A)


def test_law_4_claims_too_little_as_rarely_as_it_says(often, seed, dtype):
    # one null vector is missing from Z: every claim is false
    lam = np.concatenate([np.zeros(3), np.linspace(-1.0, -0.5, N - 3)])
    false = np.mean(claims(seed, dtype, lam, 2, 0.0, pseudo_inverse))
    assert abs(false - OFTEN) < SPREAD  # W is that null vector's part alone: an equality


@pytest.mark.parametrize("solver", [pseudo_inverse, damped, halved])
@pytest.mark.parametrize("tau", [1e-2, 0.2])
def test_law_4_covers_eigenvalues_up_to_the_cut(often, seed, dtype, tau, solver):
    lam = np.concatenate([np.zeros(2), [tau], np.linspace(-1.0, -0.5, N - 3)])
    false = np.mean(claims(seed, dtype, lam, 2, tau, solver))
    assert false < OFTEN + SPREAD


def test_law_4_at_its_own_failure_probability_proves_a_true_nullity(seed, dtype):
    lam = np.concatenate([np.zeros(2), np.linspace(-1.0, -0.5, N - 2)])
    assert all(claims(seed, dtype, lam, 2, 1e-4, pseudo_inverse, trials=50))
    assert not any(claims(seed, dtype, lam, 1, 1e-4, pseudo_inverse, trials=50))


def test_cuts_without_a_tolerance_ask_for_a_clear_gap():
    floor = threshold.cut(2.0, np.finfo(float).eps, None, None)
    cuts = Cuts.of(goal(), 2.0, 2.1)
    assert cuts.low == floor
    assert cuts.high == pytest.approx(floor * 1.05)
    assert cuts.clear == threshold.CROWD * cuts.high
    low, high = cuts.rank_bounds(np.array([1.0, 2 * floor]), 0.0, N)
    assert (low, high) == (1, 2)  # 2 floor counts, but is no clear case
    assert cuts.rank_bounds(np.array([1.0]), 2 * floor, N) == (1, N)


def test_cuts_with_a_tolerance_leave_only_rounding_open():
    cuts = Cuts.of(goal(atol=0.1), 2.0, 2.0)
    assert cuts.low == cuts.high == 0.1
    assert 0.1 < cuts.clear < 0.1 + 1e-13
    assert cuts.rank_bounds(np.array([1.0, 0.1]), 0.0, N) == (1, 2)
    assert cuts.rank_bounds(np.array([1.0, 0.0999]), 0.0, N) == (1, 1)
    assert cuts.rank_bounds(np.array([1.0, 0.0999]), 0.01, N) == (1, 2)


@pytest.mark.parametrize("shape", [(7, 3), (3, 7), (4, 4), (5, 0), (0, 3)])
def test_spectral_norm_of_any_shape(shape, dtype):
    X = np.random.default_rng(3).standard_normal(shape).astype(dtype)
    expected = np.linalg.norm(X, 2) if X.size else 0.0
    assert spectral_norm(X) == pytest.approx(expected, rel=1e-13)
