"""Golub-Kahan blocks: their two relations, extension, the Jacobi matrix of squares, breakdown."""

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.linalg as spla

from symrank.errors import NonFiniteError
from symrank.operators import augmented, gram
from symrank.recurrences import lanczos
from symrank.support import probes

EPS = float(np.finfo(float).eps)
MAKES = [np.asarray, sp.csr_array, spla.aslinearoperator]


def run(X, num_probes, num_steps, kernel=None):
    modulus = augmented(X).modulus().operator
    Z = probes.gaussian(5, 0, num_probes, modulus.n, modulus.dtype)
    return lanczos.extend(lanczos.start(Z), modulus, num_steps, lambda _: None, kernel)


def rectangle(m, n, dtype=np.float64, seed=1):
    rng = np.random.default_rng(seed)
    X, Y = rng.standard_normal((2, m, n))
    return X + 1j * Y if dtype is np.complex128 else X


@pytest.mark.parametrize("make", MAKES)
@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
@pytest.mark.parametrize("shape", [(9, 30), (30, 9)])
def test_all_steps_give_the_singular_values(make, dtype, shape):
    X = rectangle(*shape, dtype=dtype)
    (found,) = lanczos.runs(run(make(X), 1, 9), EPS)
    expected = np.linalg.svd(X, compute_uv=False)[::-1]
    np.testing.assert_allclose(found.ritz_values, expected, rtol=1e-9)


@pytest.mark.parametrize("kernel", ["reference", "cpu_numba"])
def test_steps_are_those_of_lanczos_with_the_squares(kernel):
    """T = L L^T: k steps with X X^H are as many products, and know the same polynomials."""
    X = rectangle(40, 70)
    state = run(X, 3, 8, kernel)
    operator = gram(X, "rows")
    Z = probes.gaussian(5, 0, 3, 40, operator.dtype)
    other = lanczos.extend(lanczos.start(Z), operator, 8, lambda _: None)
    a, b = state.alpha, state.beta
    np.testing.assert_allclose(a**2 + np.vstack([np.zeros(3), b[:-1] ** 2]), other.alpha, rtol=1e-9)
    np.testing.assert_allclose(a * b, other.beta, rtol=1e-9)


def test_going_on_is_the_same_as_going_through():
    X = sp.random_array((40, 60), density=0.2, rng=np.random.default_rng(0)).tocsr()
    through = run(X, 3, 20)
    modulus = augmented(X).modulus().operator
    parts = lanczos.extend(run(X, 3, 7), modulus, 13, lambda _: None)
    for name in ("alpha", "beta", "U", "U_prev"):
        np.testing.assert_array_equal(getattr(parts, name), getattr(through, name))


def test_a_step_is_told_once():
    ticks = []
    modulus = augmented(np.eye(5, 7)).modulus().operator
    state = lanczos.start(probes.gaussian(1, 0, 3, 5, modulus.dtype))
    lanczos.extend(state, modulus, 4, ticks.append)
    assert ticks == [3, 3, 3, 3]


@pytest.mark.parametrize("rank", [0, 1, 3])
def test_a_closed_space_is_known_to_be_one(rank):
    rng = np.random.default_rng(2)
    X = rng.standard_normal((20, rank)) @ rng.standard_normal((rank, 30))
    (found,) = lanczos.runs(run(X, 1, 20), EPS)
    assert found.is_exact
    assert found.alpha.size <= rank + 1
    low, high = found.null_mass(1e-6)
    assert high - low < 1e-9


def test_a_product_that_is_not_finite_is_named():
    modulus = (
        augmented(
            spla.LinearOperator(
                (4, 6), lambda x: x[:4] * np.nan, rmatvec=lambda y: np.append(y, y[:2])
            )
        )
        .modulus()
        .operator
    )
    state = lanczos.start(probes.gaussian(1, 0, 1, 4, modulus.dtype))
    with pytest.raises(NonFiniteError):
        lanczos.extend(state, modulus, 2, lambda _: None)
