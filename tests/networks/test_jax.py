"""The Hessian of a loss in JAX."""

import numpy as np
import pytest

import symrank
from symrank.errors import NotSymmetricError, OperatorError

jax = pytest.importorskip("jax")
jnp = jax.numpy


def loss(params, x, y):
    return jnp.mean((jnp.tanh(x @ params["first"]) @ params["last"] - y) ** 2)


def problem(dtype):
    rng = np.random.default_rng(0)
    shapes = {"first": (5, 8), "last": (8, 3)}
    params = {k: jnp.asarray(rng.standard_normal(v), dtype) for k, v in shapes.items()}
    x, y = (jnp.asarray(rng.standard_normal((40, k)), dtype) for k in (5, 3))
    return params, x, y


def dense(params, *data):
    theta, unravel = jax.flatten_util.ravel_pytree(params)
    return np.asarray(jax.hessian(lambda t: loss(unravel(t), *data))(theta))


def test_it_is_the_dense_hessian():
    with jax.enable_x64(True):
        params, *data = problem(np.float64)
        H = symrank.jax.hessian(loss, params, *data)
        twin = dense(params, *data)
        error = np.abs(H.matmat(np.eye(H.n)) - twin).max()
        assert error <= 1e-10 * np.abs(twin).max()
        assert H.noise < 1e-13
        low, high = symrank.rank(H).interval()
    assert low <= np.linalg.matrix_rank(twin, hermitian=True) <= high


def test_noise_is_above_the_error_of_single_precision():
    params, *data = problem(np.float32)
    H = symrank.jax.hessian(loss, params, *data)
    assert H.dtype == np.float32
    with jax.enable_x64(True):
        wide = jax.tree.map(lambda one: jnp.asarray(np.asarray(one), np.float64), (params, *data))
        twin = dense(*wide)
    X = np.random.default_rng(1).standard_normal((H.n, 20)).astype(np.float32)
    error = np.linalg.norm(H.matmat(X) - twin @ X, axis=0)
    assert (error <= H.noise * np.linalg.norm(twin, 2) * np.linalg.norm(X, axis=0)).all()
    assert 1e-9 < H.noise < 1e-4
    assert symrank.jax.hessian(loss, params, *data, noise=1e-3).noise == 1e-3


def test_what_is_refused_is_named():
    with pytest.raises(OperatorError, match="real floating-point"):
        symrank.jax.hessian(lambda p: 0.0, {"n": jnp.arange(3)})
    with pytest.raises(OperatorError, match="one real number"):
        symrank.jax.hessian(lambda p: p, jnp.ones(3))
    state = np.random.default_rng(0)
    with pytest.raises(NotSymmetricError, match="two gradients"):
        symrank.jax.hessian(lambda p: jnp.sum(p**2) * state.random(), jnp.ones(3))
