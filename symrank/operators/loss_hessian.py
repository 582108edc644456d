r"""The Hessian of a loss at theta_0: its own products, or central differences of gradients.

    A x ~ |x| (grad L(theta_0 + h u) - grad L(theta_0 - h u)) / 2 h,    u = x / |x|

errs by O(h^2) of truncation and O(eps |g| / h) of rounding, and by O(1) where a kink lies between
the two points. The step is the one of a decade each at which differences over h and h / 2 agree
best for random directions, the rounding of the gradient at theta_0 included, and twice what they
then differ by is the `noise` of the products. A product counts as two gradient evaluations,
whichever it is made of.
"""

from typing import Any

import numpy as np

from symrank.errors import OperatorError
from symrank.operators.base import Operator, summed_product
from symrank.operators.coerce import as_operator
from symrank.operators.losses import Losses
from symrank.operators.witness import norms
from symrank.support import foreign
from symrank.support.typing import Array, FloatArray

__all__ = ["LossHessian"]

DECADES = range(1, 9)  # h from 1e-1 to 1e-8 of |theta_0|
DIRECTIONS = 1
SAFETY = 2.0  # times the measured difference: it was seen in a few directions
MOST_NOISE = 0.05  # differences that agree no better tell no spectrum
PRODUCT_ERROR = 10.0  # eps |A||x|: what a product in single precision may err by
TINY = float(np.finfo(np.float64).tiny)


class LossHessian(Operator):
    """The Hessian of a `LossProblem` at `theta0`, symmetric (n, n), float64.

    Parameters
    ----------
    losses
        The loss.
    rng
        For the directions in which the step is chosen.

    Attributes
    ----------
    step : float or None
        h; None where the problem has a ``hessian()``.
    num_spent : int
        Gradient evaluations of the constructor.

    Raises
    ------
    OperatorError
        Where ``problem.hessian()`` is of another order, or no step gives differences that agree
        within 5 %.
    """

    matvecs_per_product = 2

    def __init__(self, losses: Losses, rng: Any = None) -> None:
        self.losses = losses
        self.given: Operator | None = None
        self.step: float | None = None
        self.num_spent = 0
        hessian = getattr(losses.problem, "hessian", None)
        super().__init__((losses.n, losses.n), np.float64, name="Hessian of a loss")
        self.is_foreign = True
        if callable(hessian):
            with foreign.callers_code():
                found = hessian()
            self.given = as_operator(found)
            rounding = PRODUCT_ERROR * float(np.finfo(self.given.dtype).eps)
            is_single = self.given.dtype.itemsize < self.dtype.itemsize
            self.noise = max(self.given.noise, rounding if is_single else 0.0)
            if self.given.n != self.n or self.given.dtype.kind == "c":
                raise OperatorError(
                    f"hessian() is {self.given!r}, and the loss has n = {self.n} real parameters: "
                    "return the Hessian with respect to all of theta0."
                )
        else:
            self._choose_step(np.random.default_rng(rng))

    def _matmat(self, X: Array) -> Array:
        if self.given is not None:
            return np.asarray(summed_product(self.given, X), np.float64)
        assert self.step is not None
        return self._differences(X, self.step)

    def _differences(self, X: Array, h: float) -> FloatArray:
        """Return central differences over h, column by column of unit length."""
        length = norms(X)
        unit = X / np.where(length > 0.0, length, 1.0)
        return np.asarray(self.losses.even(h * unit)[1] * (length / h))

    @property
    def _slope(self) -> float:
        """Length of the gradient at theta_0: its rounding is what differences are made of."""
        return float(np.linalg.norm(self.losses.grad0))

    def _choose_step(self, rng: np.random.Generator) -> None:
        """Keep the step at which differences over h and h / 2 agree best, and their noise."""
        scale = float(np.linalg.norm(self.losses.theta0)) or 1.0
        X = rng.standard_normal((self.n, DIRECTIONS))
        length = float(norms(X).max())
        found = []
        for decade in DECADES:
            h = scale * 10.0**-decade
            Y, Z = self._differences(X, h), self._differences(X, 0.5 * h)
            size = float(norms(Z).min())
            rounding = length * self.losses.grad_eps * self._slope / (0.5 * h)
            error = float(norms(Y - Z).max()) + rounding
            found.append((error / size if size > TINY else np.inf, h))
            self.num_spent += 8 * DIRECTIONS
        difference, self.step = min(found)
        if not np.isfinite(difference):  # the gradient is the same everywhere
            difference, self.step = 0.0, scale * 10.0 ** -DECADES[0]
        self.noise = SAFETY * difference
        if not self.noise <= MOST_NOISE:
            raise OperatorError(
                "central differences of the gradient tell no Hessian: over h and h / 2 they "
                f"differ by {difference:.2g} of their size at best (h = {self.step:.1g}). The loss "
                "has kinks (ReLU, max, |x|), or its gradient is wrong or too noisy. Give the "
                "problem a hessian(), or compute in double precision."
            )
