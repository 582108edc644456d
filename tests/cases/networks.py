"""Small networks in NumPy with hand-made gradients, as `LossProblem`s; their Hessian is exact.

Two hidden layers, mean squared error over fixed data, theta_0 the weights of the teacher that made
the targets, up to a residual. With no residual theta_0 is a global minimum of loss zero, and the
Hessian is 2 J' J / N: semidefinite. The gradient is analytic in theta where the activation is, so
its complex step is a column of the Hessian to the last digit; of ReLU it is that of automatic
differentiation.
"""

import numpy as np

WIDTHS = (4, 8, 6, 2)
NUM_DATA = 24
STEP = 1e-30  # of complex steps: no difference is taken


def tanh(z):
    t = np.tanh(z)
    return t, 1.0 - t * t


def silu(z):
    with np.errstate(over="ignore"):
        s = 1.0 / (1.0 + np.exp(-z))
    return z * s, s * (1.0 + z * (1.0 - s))


def relu(z):
    on = z.real > 0.0
    return z * on, on.astype(z.dtype)


ACTIVATIONS = {"tanh": tanh, "silu": silu, "relu": relu}


class SmallNetwork:
    """See the module; `precision` float32 computes in single precision."""

    def __init__(
        self, activation="tanh", *, seed=0, residual=0.0, precision=np.float64, num_data=NUM_DATA
    ):
        rng = np.random.default_rng(seed)
        self.shapes = list(zip(WIDTHS[1:], WIDTHS[:-1], strict=True))
        self.sizes = [size for a, b in self.shapes for size in (a * b, a)]
        self.n = sum(self.sizes)
        self.act, self.precision = ACTIVATIONS[activation], precision
        parts = []
        for a, b in self.shapes:
            parts += [rng.standard_normal(a * b) / np.sqrt(b), 0.3 * rng.standard_normal(a)]
        self.theta0 = np.concatenate(parts)
        self.x = rng.standard_normal((num_data, WIDTHS[0]))
        self.y = np.zeros((num_data, WIDTHS[-1]))
        self.y = self.outputs(self.theta0[:, None])[0] + residual * rng.standard_normal(
            self.y.shape
        )

    def layers(self, Theta):
        stops = np.cumsum(self.sizes)[:-1]
        parts = np.split(Theta.T, stops, axis=1)
        return [
            (W.reshape(-1, *shape), b)
            for W, b, shape in zip(parts[::2], parts[1::2], self.shapes, strict=True)
        ]

    def outputs(self, Theta):
        h = self.x
        layers = self.layers(Theta)
        for i, (W, b) in enumerate(layers):
            z = h @ W.swapaxes(1, 2) + b[:, None, :]
            h = z if i == len(layers) - 1 else self.act(z)[0]
        return h

    def loss_and_grad(self, Theta):
        Theta = np.asarray(Theta)
        if Theta.dtype.kind != "c":
            Theta = Theta.astype(self.precision)
        real = np.empty(0, Theta.dtype).real.dtype
        layers, inputs, slopes = self.layers(Theta), [self.x.astype(real)], []
        for i, (W, b) in enumerate(layers):
            z = inputs[-1] @ W.swapaxes(1, 2) + b[:, None, :]
            h, slope = (z, None) if i == len(layers) - 1 else self.act(z)
            inputs.append(h)
            slopes.append(slope)
        error = inputs.pop() - self.y.astype(real)
        loss = (error * error).sum(axis=(1, 2)) / len(self.x)
        back, grads = 2.0 * error / len(self.x), []
        for i in range(len(layers) - 1, -1, -1):
            if slopes[i] is not None:
                back = back * slopes[i]
            grads = [(back.swapaxes(1, 2) @ inputs[i]), back.sum(axis=1), *grads]
            back = back @ layers[i][0]
        return loss, np.concatenate([g.reshape(len(loss), -1) for g in grads], axis=1).T

    def dense_hessian(self):
        Theta = self.theta0[:, None] + 1j * STEP * np.eye(self.n)
        H = self.loss_and_grad(Theta)[1].imag / STEP
        return 0.5 * (H + H.T)


class WithHessian(SmallNetwork):
    """The same with its Hessian given."""

    def hessian(self):
        return self.dense_hessian()
