"""Differences of gradients: the step, the declared noise, kinks."""

import numpy as np
import pytest

import symrank
from symrank.errors import NonFiniteError, OperatorError, OptionError


def tanh_network(num_samples=30, dtype=np.float64):
    return network(np.tanh, lambda z: 1.0 - np.tanh(z) ** 2, num_samples, dtype)


def relu_network(num_samples):
    return network(lambda z: np.maximum(z, 0.0), lambda z: np.sign(np.maximum(z, 0.0)), num_samples)


def network(act, slope, num_samples, dtype=np.float64, d=4, w=8):
    """Return the gradient of a network with one hidden layer, and a point."""
    rng = np.random.default_rng(num_samples)
    X, y = rng.standard_normal((num_samples, d)), rng.standard_normal(num_samples)

    def grad(theta):
        theta = theta.astype(dtype)
        W, a = theta[: w * d].reshape(w, d), theta[w * d :]
        Z = X.astype(dtype) @ W.T
        e = (act(Z) @ a - y.astype(dtype)) / dtype(num_samples)
        first = (e[:, None] * a * slope(Z)).T @ X.astype(dtype)
        return np.concatenate([first.ravel(), act(Z).T @ e])

    return grad, rng.standard_normal(w * d + w)


def powers(theta):
    """Gradient of sum x^4 / 4 - exp(x): a diagonal Hessian 3 x^2 - exp(x)."""
    return theta**3 - np.exp(theta)


POINT = np.linspace(-1.5, 2.0, 40)
EXACT = np.diag(3.0 * POINT**2 - np.exp(POINT))


@pytest.mark.parametrize("scale", [1.0, 1e-150, 1e150])
def test_the_error_is_small_and_within_the_declared_noise(scale):
    H = symrank.finite_difference_hessian(lambda t: scale * powers(t), POINT)
    norm = np.abs(EXACT).max()
    rng = np.random.default_rng(3)
    for X in (rng.standard_normal((40, 30)), np.eye(40)):
        error = np.linalg.norm(H.matmat(X) / scale - EXACT @ X, axis=0)
        assert (error <= H.noise * norm * np.linalg.norm(X, axis=0)).all()
    assert H.noise < 1e-7  # eps^(2/3) = 4e-11 times the margins


def test_single_precision_inside_is_seen():
    H = symrank.finite_difference_hessian(*tanh_network(dtype=np.float32))
    exact = symrank.finite_difference_hessian(*tanh_network()).to_dense()
    error = np.linalg.norm(H.to_dense() - exact, axis=0)
    assert 1e-7 < H.noise < 1e-2
    assert (error <= H.noise * np.linalg.norm(exact, 2)).all()


def test_a_quadratic_takes_a_long_step_and_is_exact_to_rounding():
    d = np.repeat([3.0, 1.0, 0.0], 10)
    H = symrank.finite_difference_hessian(lambda t: d * t, np.ones(30))
    assert H.noise < 1e-12
    assert symrank.rank(H).interval() == (20, 20)


@pytest.mark.parametrize("num_samples", [30, 300, 3000])
def test_kinks_are_refused_and_named(num_samples):
    grad, theta = relu_network(num_samples)
    with pytest.raises(OperatorError, match=r"not smooth.*ReLU.*step="):
        symrank.finite_difference_hessian(grad, theta)


def test_a_step_that_is_stated_is_taken_and_its_error_declared():
    grad, theta = tanh_network()
    exact = symrank.finite_difference_hessian(grad, theta).to_dense()
    H = symrank.finite_difference_hessian(grad, theta, step=1e-3)
    assert H.step == 1e-3
    error = np.linalg.norm(H.to_dense() - exact, axis=0)
    assert (error <= H.noise * np.linalg.norm(exact, 2)).all()
    assert 1e-9 < H.noise < 1e-3
    assert symrank.finite_difference_hessian(grad, theta, step=1e-3, noise=1e-4).noise == 1e-4


def test_an_error_beyond_use_is_refused():
    with pytest.raises(OperatorError, match="err by"):
        symrank.finite_difference_hessian(lambda t: t**3, np.zeros(5))  # the Hessian is zero
    rng = np.random.default_rng(0)
    with pytest.raises(OperatorError, match=r"err by|not smooth"):
        symrank.finite_difference_hessian(lambda t: t + 0.1 * rng.standard_normal(5), np.ones(5))


def test_a_long_step_may_leave_the_domain():
    point = np.full(10, 0.05)
    point[0] = 2.0
    H = symrank.finite_difference_hessian(lambda t: np.log(np.where(t > 0.0, t, np.nan)), point)
    error = np.abs(H.to_dense() - np.diag(1.0 / point)).max()
    assert error <= H.noise / point.min()
    with pytest.raises(NonFiniteError, match="the gradient"):
        symrank.finite_difference_hessian(lambda t: t + np.nan, point)


@pytest.mark.parametrize(
    ("options", "kind", "remedy"),
    [
        ({"theta": np.ones((2, 2))}, OperatorError, "theta.ravel"),
        ({"theta": [np.nan]}, OperatorError, "finite"),
        ({"grad": 3.0}, OperatorError, "a function of it"),
        ({"grad": lambda t: t[:1]}, OperatorError, "of the same shape"),
        ({"step": 0.0}, OptionError, "positive"),
        ({"noise": 1.0}, OptionError, "between 0 and 0.1"),
    ],
)
def test_what_is_refused_is_named(options, kind, remedy):
    given = {"grad": powers, "theta": POINT} | options
    with pytest.raises(kind, match=remedy):
        symrank.finite_difference_hessian(given.pop("grad"), given.pop("theta"), **given)


def test_no_parameters_at_all():
    assert symrank.rank(symrank.finite_difference_hessian(powers, np.ones(0))).rank == 0
