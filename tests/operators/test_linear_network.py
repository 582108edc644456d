"""The linear network: eqs. (24), (25) against the loss itself."""

import numpy as np
import pytest

from symrank import gallery
from symrank.errors import OperatorError
from symrank.operators import LinearNetworkHessian, Scaled

FINITE_DIFFERENCE = 1e-5  # central differences of a degree 2M polynomial at step 1e-3: h^2 = 1e-6
COVARIANCE = gallery.dense([3.0, 2.0, 0.5], 4)


def product(layers):
    W = layers[0]
    for layer in layers[1:]:
        W = layer @ W
    return W


def loss(theta, shapes, target, sigma_x):
    """E|y - W x|^2 up to a constant, where y = target x + noise."""
    layers, start = [], 0
    for shape in shapes:
        stop = start + shape[0] * shape[1]
        layers.append(theta[start:stop].reshape(shape))
        start = stop
    error = product(layers) - target
    return np.trace(error @ sigma_x @ error.T)


@pytest.mark.parametrize("sigma_x", [None, COVARIANCE], ids=["identity", "covariance"])
@pytest.mark.parametrize("widths", [(3, 2), (3, 3, 3), (3, 4, 2), (3, 3, 3, 4)], ids=str)
def test_it_is_the_second_difference_of_the_loss_at_a_minimum(widths, sigma_x):
    network = gallery.linear_network(0, widths=widths, rng=1)
    shapes = [W.shape for W in network.weights]
    theta = np.concatenate([W.ravel() for W in network.weights])
    sigma = np.eye(3) if sigma_x is None else sigma_x
    h = 1e-3
    H = LinearNetworkHessian(network.weights, sigma_x).to_dense()

    steps = h * np.eye(theta.size)
    for i in range(theta.size):
        for j in range(i, theta.size):
            plus, minus = steps[i] + steps[j], steps[i] - steps[j]
            values = [
                loss(theta + s, shapes, network.target, sigma) for s in (plus, -plus, minus, -minus)
            ]
            second = (values[0] + values[1] - values[2] - values[3]) / (4 * h**2)
            assert abs(H[i, j] - second) < FINITE_DIFFERENCE * np.abs(H).max()


@pytest.mark.parametrize("minimum", ["balanced", "published"])
@pytest.mark.parametrize("d", [3, 4])
def test_rank_is_d_squared(d, minimum):
    network = gallery.linear_network(d, rng=2, minimum=minimum)
    H = network.hessian().to_dense()
    assert np.linalg.matrix_rank(H, hermitian=True) == network.rank == d * d


def test_a_singular_covariance_lowers_the_rank_by_its_nullity():
    network = gallery.linear_network(3, depth=3, rng=2)
    singular = gallery.dense([2.0, 1.0, 0.0], 3)
    H = LinearNetworkHessian(network.weights, singular).to_dense()
    assert np.linalg.matrix_rank(H, hermitian=True) == 3 * 2


@pytest.mark.parametrize("size", [1e-3, 1e5])
def test_it_is_the_hessian_itself_however_extreme_the_layers_are(size):
    """Entries beyond the range in which `gram` leaves its factor alone, in single precision."""
    weights = [size * np.diag([1.0, 2.0, 3.0]) for _ in range(3)]
    twin = LinearNetworkHessian(weights).to_dense()
    H = LinearNetworkHessian([W.astype(np.float32) for W in weights])
    x = np.arange(1, H.n + 1) / H.n
    expected = twin @ x
    # three products of layers on each side, each right to a few units of single precision
    tolerance = 20 * np.finfo(np.float32).eps * np.abs(expected).max()
    np.testing.assert_allclose(H @ x.astype(np.float32), expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_shorter_side_has_the_same_eigenvalues_but_zeros(dtype):
    network = gallery.linear_network(4, depth=3, rng=5)
    H = LinearNetworkHessian([(1e-3 * W).astype(dtype) for W in network.weights])
    short = Scaled(H, 2.0**20).shorter_side()
    assert (H.n, short.n) == (48, 16)
    lam = 2.0**20 * np.linalg.eigvalsh(H.to_dense())
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(
        np.linalg.eigvalsh(short.to_dense()), lam[32:], atol=50 * eps * lam[-1]
    )
    np.testing.assert_allclose(lam[:32], 0.0, atol=50 * eps * lam[-1])


def test_it_is_positive_semidefinite_and_its_size_counts_all_parameters():
    H = LinearNetworkHessian([np.ones((2, 3)), np.ones((4, 2))])
    assert H.n == 14
    assert H.name == "Hessian of a linear network 3-2-4"
    assert np.linalg.eigvalsh(H.to_dense()).min() > -1e-12


@pytest.mark.parametrize(
    ("weights", "sigma_x", "message"),
    [
        ([], None, r"at least one layer.*weights="),
        ([np.ones(3)], None, r"layer W_1 has shape \(3,\).*real matrix"),
        ([np.eye(2), 1j * np.eye(2)], None, r"layer W_2.*complex128.*real matrix"),
        ([np.eye(2), np.eye(3)], None, r"W_2 of shape \(3, 3\).*2 columns.*W_1 first"),
        ([np.eye(2)], np.eye(3), r"shape \(3, 3\).*takes 2 inputs.*\(2, 2\)"),
        ([np.eye(2)], np.diag([1.0, -1.0]), r"smallest eigenvalue -1.*positive semidefinite"),
        ([np.eye(2)], np.array([[1.0, 1.0], [0.0, 1.0]]), r"asymmetry 1,.*Pass a symmetric"),
    ],
)
def test_networks_that_do_not_fit_are_refused(weights, sigma_x, message):
    with pytest.raises(OperatorError, match=message):
        LinearNetworkHessian(weights, sigma_x)
