"""Losses whose expansion is known: a polynomial about theta_0, with kinks if asked for."""

import numpy as np

SPACING = 1e-5  # of kinks


class Polynomial:
    """L = c + slope <b, d> + d'A d / 2 + cubic (sum d)^3 + quartic sum d^4, and kinks."""

    def __init__(
        self, A, *, at=1.0, seed=0, constant=0.0, slope=0.0, cubic=0.0, quartic=0.0, kinks=0.0
    ):
        rng = np.random.default_rng(seed)
        self.A, self.n = np.asarray(A), len(A)
        self.theta0 = at * rng.standard_normal(self.n)
        self.b = slope * rng.standard_normal(self.n)
        self.constant, self.cubic, self.quartic, self.kinks = constant, cubic, quartic, kinks

    def loss_and_grad(self, Theta):
        d = Theta - self.theta0[:, None]
        Ad, s = self.A @ d, d.sum(axis=0)
        loss = self.constant + self.b @ d + 0.5 * (d * Ad).sum(axis=0) + self.cubic * s**3
        loss = loss + self.quartic * (d**4).sum(axis=0)
        grad = self.b[:, None] + Ad + 3.0 * self.cubic * s**2 + 4.0 * self.quartic * d**3
        if self.kinks:  # over many of them the loss has a curvature of 2 kinks / SPACING more
            m, size = np.rint(d / SPACING), 2.0 * self.kinks
            loss = loss + size * (m * d - 0.5 * SPACING * m * m).sum(axis=0)
            grad = grad + size * m
        return loss, grad

    def hessian(self):
        return self.A


class NoHessian:
    """The same loss, known by values and gradients alone."""

    def __init__(self, problem):
        self.problem, self.n, self.theta0 = problem, problem.n, problem.theta0

    def loss_and_grad(self, Theta):
        return self.problem.loss_and_grad(Theta)
