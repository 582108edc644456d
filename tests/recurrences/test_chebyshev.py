"""Chebyshev blocks: exact moments, extension, dtypes, and a spectrum that leaves the interval."""

import numpy as np
import pytest

from symrank import gallery
from symrank.operators import as_operator
from symrank.recurrences import chebyshev
from symrank.support import probes
from tests.device import ON_HOST


def run(operator, num_probes, num_steps, ends=(-1.0, 1.0), seed=5, kernel=None):
    Z = probes.gaussian(seed, 0, num_probes, operator.n, operator.dtype)
    centre, half_width = 0.5 * (ends[1] + ends[0]), 0.5 * (ends[1] - ends[0])
    state = chebyshev.start(Z, centre, half_width)
    return Z, chebyshev.extend(state, operator, num_steps, lambda _: None, kernel)


def exact(lam, Z, ends, degree):
    """<v, T_j(B) v> of a diagonal operator, by the cosine."""
    x = (lam - 0.5 * (ends[1] + ends[0])) / (0.5 * (ends[1] - ends[0]))
    angle = np.arccos(np.clip(x, -1.0, 1.0))
    return np.cos(np.arange(degree + 1)[:, None] * angle) @ np.abs(Z) ** 2


@pytest.mark.parametrize("name", ON_HOST)
@pytest.mark.parametrize("ends", [(-1.0, 1.0), (-0.5, 3.0)])
def test_moments_of_a_diagonal_operator_are_exact(rng, name, ends):
    lam = rng.uniform(*ends, 300)
    Z, state = run(as_operator(gallery.diagonal(lam)), 5, 40, ends, kernel=name)
    assert state.num_steps == 40
    # 80 steps of rounding eps each, on sums of 300 numbers of size 1
    np.testing.assert_allclose(state.moments, exact(lam, Z, ends, 80), atol=1e-11)
    assert state.is_bounded


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128])
def test_every_dtype(rng, dtype):
    lam = np.linspace(-0.9, 1.0, 60)
    A = gallery.dense(lam, rng, dtype)
    eigenvalues, Q = np.linalg.eigh(A.astype(np.complex128))
    Z, state = run(as_operator(A), 3, 12, (-1.001, 1.001))
    expected = exact(eigenvalues, Q.conj().T @ Z, (-1.001, 1.001), 24)
    # the operator is the rounded one; 12 products, each off by some eps |A||t|
    atol = 60 * 500 * float(np.finfo(dtype).eps)
    np.testing.assert_allclose(state.moments, expected, atol=atol)
    assert state.moments.dtype == np.float64


def test_going_on_is_the_same_as_going_through(rng):
    operator = as_operator(gallery.grid_laplacian((9, 11)))
    _, through = run(operator, 3, 20, (0.0, 8.0))
    _, first = run(operator, 3, 7, (0.0, 8.0))
    _, none = run(operator, 3, 0, (0.0, 8.0))
    assert none.num_steps == 0
    for part, rest in ((first, 13), (none, 20)):
        whole = chebyshev.extend(part, operator, rest, lambda _: None)
        np.testing.assert_array_equal(whole.moments, through.moments)
        np.testing.assert_array_equal(whole.T, through.T)


def test_columns_do_not_depend_on_blocking(rng):
    operator = as_operator(gallery.grid_laplacian((30, 41)))
    _, state = run(operator, 5, 6, (0.0, 8.0))
    for j in range(5):
        single = chebyshev.start(probes.gaussian(5, j, 1, 1230, operator.dtype), 4.0, 4.0)
        single = chebyshev.extend(single, operator, 6, lambda _: None)
        np.testing.assert_allclose(single.moments[:, 0], state.moments[:, j], rtol=1e-12)


def test_tick_counts_every_product():
    ticks = []
    operator = as_operator(np.eye(5))
    state = chebyshev.start(probes.gaussian(1, 0, 3, 5, operator.dtype), 0.0, 1.0)
    chebyshev.extend(state, operator, 4, ticks.append)
    assert ticks == [3, 3, 3, 3]


def test_an_eigenvalue_outside_is_told():
    lam = np.append(np.linspace(-1.0, 1.0, 500), 1.05)
    _, state = run(as_operator(gallery.diagonal(lam)), 2, 30)
    assert not state.is_bounded
