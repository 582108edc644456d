"""Loss and gradient of linear networks, and minima for any covariance and target."""

import numpy as np
import pytest

from symrank import gallery
from symrank.errors import OperatorError, OptionError
from symrank.gallery.network_loss import network_loss_and_grad
from symrank.operators import LossProblem

COMPLEX_STEP = 1e-30  # no difference is formed, so nothing cancels
ROUNDING = 1e-11
WIDTHS = [(3, 2), (2, 3, 2), (3, 3, 4), (4, 2, 5, 2), (2, 2, 3, 3, 2, 2)]
IDENTITY_OR_NOT = pytest.mark.parametrize("whitened", [True, False])


def network_of(widths, rng, *, whitened):
    sigma_x = None if whitened else gallery.dense(np.linspace(0.5, 2.0, widths[0]), rng)
    return gallery.linear_network(0, widths=widths, rng=rng, sigma_x=sigma_x)


def product(weights):
    W = weights[0]
    for layer in weights[1:]:
        W = layer @ W
    return W


@IDENTITY_OR_NOT
@pytest.mark.parametrize("widths", WIDTHS, ids=str)
def test_the_gradient_is_the_complex_step_of_the_loss(widths, whitened, rng):
    network = network_of(widths, rng, whitened=whitened)
    theta = network.theta0 + 0.3 * rng.standard_normal(network.n)

    _, grad = network.loss_and_grad(theta[:, None])
    loss, _ = network.loss_and_grad(theta[:, None] + 1j * COMPLEX_STEP * np.eye(network.n))

    np.testing.assert_allclose(grad[:, 0], loss.imag / COMPLEX_STEP, atol=ROUNDING, rtol=ROUNDING)
    assert np.abs(grad).max() > 0.1


@IDENTITY_OR_NOT
@pytest.mark.parametrize("widths", WIDTHS, ids=str)
def test_at_theta0_loss_and_gradient_vanish_and_the_hessian_is_the_operator(widths, whitened, rng):
    network = network_of(widths, rng, whitened=whitened)
    theta0 = network.theta0[:, None]
    V = rng.standard_normal((network.n, 4))

    loss, grad = network.loss_and_grad(theta0)
    _, moved = network.loss_and_grad(theta0 + 1j * COMPLEX_STEP * V)

    assert abs(loss[0]) < ROUNDING**2
    np.testing.assert_allclose(grad, 0.0, atol=ROUNDING)
    np.testing.assert_allclose(moved.imag / COMPLEX_STEP, network.hessian() @ V, atol=ROUNDING)


@pytest.mark.parametrize("widths", [(3, 2), (4, 3, 2), (2, 4, 3)], ids=str)
def test_the_loss_is_the_mean_square_over_a_data_set_above_its_minimum(widths, rng):
    """Eq. (23), with the covariances of the data."""
    x = rng.standard_normal((widths[0], 40)) * np.linspace(1.0, 2.0, widths[0])[:, None]
    y = rng.standard_normal((widths[-1], widths[0])) @ x + rng.standard_normal((widths[-1], 40))
    network = gallery.linear_network(
        0, widths=widths, rng=rng, sigma_x=x @ x.T / 40, sigma_yx=y @ x.T / 40
    )
    fit, *_ = np.linalg.lstsq(x.T, y.T, rcond=None)
    theta = network.theta0 + 0.2 * rng.standard_normal(network.n)
    weights, start = [], 0
    for W in network.weights:
        weights.append(theta[start : start + W.size].reshape(W.shape))
        start += W.size

    def mean_square(W):
        return ((y - W @ x) ** 2).sum(axis=0).mean()

    np.testing.assert_allclose(network.target, fit.T, atol=ROUNDING)
    np.testing.assert_allclose(
        network.loss_and_grad(theta[:, None])[0],
        mean_square(product(weights)) - mean_square(fit.T),
        rtol=ROUNDING,
    )


@pytest.mark.parametrize("minimum", ["balanced", "published"])
def test_a_block_is_its_columns(minimum, rng):
    network = gallery.linear_network(3, depth=4, rng=rng, minimum=minimum)
    Theta = network.theta0[:, None] + 0.1 * rng.standard_normal((network.n, 5))

    loss, grad = network.loss_and_grad(Theta)

    assert isinstance(network, LossProblem)
    assert loss.shape == (5,)
    assert grad.shape == Theta.shape
    assert grad.flags.c_contiguous
    for j in range(5):
        one, its_grad = network.loss_and_grad(Theta[:, j : j + 1])
        np.testing.assert_allclose(one, loss[j : j + 1], rtol=ROUNDING)
        np.testing.assert_allclose(its_grad, grad[:, j : j + 1], atol=ROUNDING)
    loss, grad = network.loss_and_grad(Theta[:, :0])
    assert loss.shape == (0,)
    assert grad.shape == (network.n, 0)


def test_stacks_may_have_a_target_each(rng):
    networks = [gallery.linear_network(3, depth=3, rng=rng) for _ in range(4)]
    layers = [np.stack(same) for same in zip(*(net.weights for net in networks), strict=True)]
    layers[1] += 0.1
    target = np.stack([net.target for net in networks])

    loss, grads = network_loss_and_grad(layers, target)

    for j, net in enumerate(networks):
        theta = np.concatenate([W[j].ravel() for W in layers])
        one, grad = net.loss_and_grad(theta[:, None])
        np.testing.assert_allclose(loss[j], one[0], rtol=ROUNDING)
        np.testing.assert_allclose(np.concatenate([g[j].ravel() for g in grads]), grad[:, 0])


@pytest.mark.parametrize(
    ("widths", "rho", "rank_x", "rank"),
    [
        ((4, 3), 2, 4, 12),  # one layer: r_x d_y
        ((4, 3), 1, 2, 6),
        ((4, 2, 3), 2, 4, 10),  # rho (r_x + d_y - rho)
        ((4, 4, 4, 4), 1, 4, 7),
        ((4, 3, 5, 4), 3, 4, 15),
        ((4, 5, 5, 3), 2, 3, 8),
        ((3, 2, 3), 0, 3, 0),
        ((4, 4, 4), 4, 4, 16),
    ],
)
def test_the_rank_for_targets_and_inputs_of_any_rank(widths, rho, rank_x, rank, rng):
    d_x, d_y = widths[0], widths[-1]
    sigma_x = gallery.dense(np.append(np.zeros(d_x - rank_x), np.linspace(1.0, 3.0, rank_x)), rng)
    sigma_yx = rng.standard_normal((d_y, rho)) @ rng.standard_normal((rho, d_x)) @ sigma_x

    network = gallery.linear_network(0, widths=widths, rng=rng, sigma_x=sigma_x, sigma_yx=sigma_yx)

    lam = np.linalg.eigvalsh(network.hessian().to_dense())
    assert network.rank == rank
    assert (lam > 1e-9 * max(1.0, lam[-1])).sum() == rank
    np.testing.assert_allclose(product(network.weights), network.target, atol=ROUNDING)
    np.testing.assert_allclose(network.target @ sigma_x, sigma_yx, atol=ROUNDING)
    np.testing.assert_allclose(network.loss_and_grad(network.theta0[:, None])[1], 0.0, atol=1e-9)


def test_a_drawn_target_keeps_to_the_range_of_the_inputs(rng):
    sigma_x = gallery.dense([0.0, 0.0, 1.0, 2.0], rng)
    network = gallery.linear_network(4, depth=3, rng=rng, sigma_x=sigma_x)
    H = network.hessian().to_dense()
    assert network.rank == np.linalg.matrix_rank(H, hermitian=True, rtol=1e-9) == 2 * (2 + 4 - 2)
    np.testing.assert_allclose(product(network.weights), network.target, atol=ROUNDING)
    assert np.abs(network.target).max() > 0.1


@pytest.mark.parametrize(
    ("Theta", "message"),
    [
        (np.zeros(45), r"shape \(45,\).*n = 45\. Pass Theta\[:, None\]"),
        (np.zeros((44, 2)), r"shape \(44, 2\).*n = 45\.$"),
        (np.zeros((45, 1), dtype=object), r"dtype object.*block of numbers"),
    ],
)
def test_other_shapes_are_refused(Theta, message):
    with pytest.raises(OperatorError, match=message):
        gallery.linear_network(3, rng=0).loss_and_grad(Theta)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sigma_yx": np.eye(3)}, r"shape \(3, 3\).*\(2, 2\)"),
        ({"sigma_yx": np.full((2, 2), np.nan)}, "finite"),
        (
            {"sigma_yx": np.eye(2), "sigma_x": np.diag([1.0, 0.0])},
            r"outside the range of sigma_x: a part of 1,",
        ),
        ({"sigma_yx": np.eye(2), "minimum": "published"}, r"draws its own target"),
        ({"sigma_x": np.eye(2), "minimum": "published"}, r"draws its own target"),
        ({"sigma_yx": np.eye(2), "widths": (2, 1, 2)}, r"rank 2: pass hidden widths of at least 2"),
    ],
)
def test_impossible_minima_are_refused(options, message):
    with pytest.raises(OptionError, match=message):
        gallery.linear_network(2, **options)
