"""Filters against the recurrence of the mode's variance, step by step."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from symrank import filters


@given(lam=st.floats(0.0, 1.0), eta=st.floats(1e-3, 1.9), k=st.integers(0, 60))
def test_euler_maruyama_filter_is_the_variance_recurrence(lam, eta, k):
    q, v = 1.0 - eta * lam, 0.0
    for _ in range(k):
        v = q * q * v + eta  # Var theta_(k+1) with unit noise
    theta_grad, grad_grad = lam * v, lam * lam * v
    energy = filters.euler_maruyama(np.array(lam), eta, np.array(k), "energy")
    corrected = filters.euler_maruyama(np.array(lam), eta, np.array(k), "corrected")
    assert energy == pytest.approx(2 * theta_grad, abs=1e-12)
    assert corrected == pytest.approx(2 * theta_grad - eta * grad_grad, abs=1e-12)


@given(lam=st.floats(0.0, 1.0), eta=st.floats(1e-3, 1.9), first=st.integers(0, 40))
def test_mean_decay_is_the_mean(lam, eta, first):
    k = np.arange(first, first + 25)
    direct = ((1.0 - eta * lam) ** (2 * k)).mean()
    # the geometric sum loses digits where q^2 is close to 1: eps / (1 - q^2), at most 1e-12 here
    assert filters.mean_decay(np.array(lam), eta, first, first + 25) == pytest.approx(
        direct, abs=1e-6
    )
