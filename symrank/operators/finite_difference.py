r"""The Hessian of a function known by its gradient, by central differences.

    D(h) v = (g(theta + h v) - g(theta - h v)) / (2 h) = H v + a h^2 + O(h^4) + r / h,    |v| = 1,

a from the third derivative of g, r its rounding. The best step balances the two. Neither is known,
so D is computed on a ladder of steps h_j = h_0 / RATIO^j, and with d_j = |D(h_j) v - D(h_(j+1)) v|

    d_j ~ a h_j^2 above the best step,    d_j ~ r / h_(j+1) below it:

r is the largest d_j h_(j+1) among tiny steps (below TINY, where a h^2 is nothing; a gradient that
computes in single precision shows it there), and the step is the one with the least of
max(d_j, r / h_j). SAFETY times the error there, over |H|, is the noise.

A gradient with kinks (ReLU) obeys no such law: while kinks lie within h of theta, d_j falls like h
or not at all, and once there are none it falls at once, from any size. So where d_j lies clearly
above rounding, its order log(d_j / d_(j+1)) / log RATIO must be at most the upper one of ORDERS,
and where it is small against H v besides, at least the lower one; else the gradient is not smooth,
and no noise measured on some directions would bound that of others. (Seen: 2.0 at every step for
tanh and SiLU; for ReLU -1 to 1, then 4 to 9.)
"""

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from symrank.errors import NonFiniteError, OperatorError
from symrank.operators.base import Operator
from symrank.support import foreign
from symrank.support.options import check_noise, check_number
from symrank.support.typing import Array, FloatArray

__all__ = ["FiniteDifferenceHessian", "finite_difference_hessian"]

RATIO = 8.0  # of two steps: truncation falls by 64, rounding grows by 8
LARGEST = 0.125  # the first step, in |theta|
NUM_STEPS = 14  # down to 2e-13 |theta|, where rounding is all
TINY = 1e-6  # in |theta|: 60 times shorter than the best step of double precision
NUM_DIRECTIONS = 4  # half of them Gaussian, and with each its product and an axis
BEGIN = 1e-5  # in |theta|: a step to multiply with before the best one is known
POWER_STEPS = 3  # towards the largest eigenvalue, where errors and |H| are largest
ORDERS = 1.3, 5.0  # 2 for a smooth gradient, 4 where its third derivative vanishes
ABOVE = 16.0  # times rounding: clearly above it
SMALL = 0.05  # of H v: here the leading term of a smooth gradient rules
LARGE = 10.0  # of H v: beyond it a gradient may grow as it likes, by an exponential for one
SAFETY = 4.0  # the largest of a few errors against that of all directions
MOST = 0.1  # what `rank` takes as a noise lies below it


class FiniteDifferenceHessian(Operator):
    """The operator that `finite_difference_hessian` returns.

    Attributes
    ----------
    step : float
        The length of the step along a unit vector.
    """

    def __init__(self, grad: Any, theta: FloatArray, step: float | None, noise: float | None):
        super().__init__((theta.size, theta.size), np.float64, name="Hessian by differences")
        self.grad, self.theta = grad, theta
        self.is_foreign = True
        self.step = 1.0 if step is None else step
        self.noise = 0.0 if noise is None else noise
        if theta.size:
            self._gradient(theta)
            if step is None:
                self._choose_step()
            if noise is None:
                self.noise = self._measured()
        self.name = f"Hessian by central differences of step {self.step:.2g}"

    def _matmat(self, X: Array) -> Array:
        product = np.zeros_like(X)
        for j in range(X.shape[1]):
            length = _length(X[:, j])
            if length > 0.0:
                product[:, j] = length * self._difference(X[:, j] / length, self.step)
        return product

    def _gradient(self, theta: FloatArray) -> FloatArray:
        return foreign.product_of(self.grad, theta, theta.shape, self.dtype, "the gradient")

    def _difference(self, v: FloatArray, step: float) -> FloatArray:
        """Return D(h) v for a unit vector."""
        forth, back = self._gradient(self.theta + step * v), self._gradient(self.theta - step * v)
        difference: FloatArray = (forth - back) / (2.0 * step)
        return difference

    def _choose_step(self) -> None:
        """Set the step of the smallest error, or raise where there are kinks."""
        size = _length(self.theta) or 1.0
        steps = LARGEST * size * RATIO ** -np.arange(float(NUM_STEPS))
        self.step = BEGIN * size
        ladders = [self._ladder(v, steps) for v in self._directions(seed=0)]
        for ladder in ladders:
            self._check_smooth(ladder)
        best = int(np.argmin(np.max([ladder.errors for ladder in ladders], axis=0)))
        self.step = float(steps[best])

    def _ladder(self, v: FloatArray, steps: FloatArray) -> "_Ladder":
        with foreign.overflow_allowed():
            products = [self._within(v, float(step)) for step in steps]
        changes = [
            _length(b - a) if np.isfinite(a).all() else math.inf
            for a, b in itertools.pairwise(products)
        ]
        is_tiny = steps[1:] < TINY * steps[0] / LARGEST
        r = float((np.asarray(changes) * steps[1:])[is_tiny].max())
        best = int(np.argmin(np.maximum(changes, r / steps[:-1])))
        return _Ladder(steps, np.asarray(changes), r, _length(products[best]))

    def _within(self, v: FloatArray, step: float) -> FloatArray:
        """Return D(h) v; infinite where a long step leaves the domain of the function."""
        try:
            return self._difference(v, step)
        except NonFiniteError:
            if step <= TINY * (_length(self.theta) or 1.0):
                raise
            return np.where(v < 0.0, -np.inf, np.inf)

    def _check_smooth(self, ladder: "_Ladder") -> None:
        at = ladder.kink()
        if at is None:
            return
        change = ladder.changes[at] / ladder.size
        raise OperatorError(
            f"the gradient is not smooth: a product changes by {change:.2g} of its size where the "
            f"step goes from {ladder.steps[at]:.2g} to {ladder.steps[at + 1]:.2g}, and not like "
            "its square; so do kinks, as of ReLU. Use automatic differentiation "
            "(symrank.torch.hessian), a smooth activation, or state the scale at which the "
            "curvature is meant: step=..."
        )

    def _directions(self, seed: int) -> Iterator[FloatArray]:
        """Yield unit vectors: Gaussian ones, their products, and axes on which these are large.

        The error is cubic in the direction, and may be largest along an axis.
        """
        rng = np.random.default_rng(seed)
        for _ in range(NUM_DIRECTIONS // 2):
            v = rng.standard_normal(self.n)
            yield v / _length(v)
            for _ in range(POWER_STEPS):
                v = self._difference(v / (_length(v) or 1.0), self.step)
            yield v / _length(v) if _length(v) else np.eye(1, self.n)[0]
            yield np.eye(1, self.n, int(np.argmax(np.abs(v))))[0]

    def _measured(self) -> float:
        """Return the error of a product over |H|, at the step and its neighbours."""
        worst, norm = 0.0, 0.0
        for v in self._directions(seed=1):
            product = self._difference(v, self.step)
            norm = max(norm, _length(product))
            below = _length(self._difference(v, self.step / RATIO) - product)
            above = _length(self._difference(v, self.step * 2.0) - product)
            worst = max(worst, below, above / 3.0)  # D(2h) - D(h) = 3 a h^2
        noise = SAFETY * worst / norm if norm > 0.0 else 0.0
        if noise < MOST:
            return noise
        raise OperatorError(
            f"products by differences of step {self.step:.2g} err by {noise:.2g} of the largest "
            "curvature, so that no eigenvalue can be told from their error. Pass another step=..., "
            "a gradient in double precision, or state the error by noise=..."
        )


@dataclass(frozen=True, eq=False)
class _Ladder:
    """How a product changes from step to step."""

    steps: FloatArray
    changes: FloatArray  # d_j, one fewer
    r: float  # rounding of a product is r / h
    size: float  # |H v|

    @property
    def errors(self) -> FloatArray:
        """What a product may err by at every step but the last."""
        return np.maximum(self.changes, self.r / self.steps[:-1])

    def kink(self) -> int | None:
        """Return a rung whose change has no order of a smooth gradient; None where all have."""
        rounding = self.r / self.steps[1:]
        is_above = self.changes > ABOVE * rounding
        is_small = (self.changes < SMALL * self.size) & np.append(is_above[1:], False)
        for j in np.flatnonzero(is_above[:-1] & (self.changes < LARGE * self.size)[:-1]):
            later = max(float(self.changes[j + 1]), float(rounding[j + 1]))
            order = math.log(float(self.changes[j]) / later) / math.log(RATIO)
            if order > ORDERS[1] or (is_small[j] and order < ORDERS[0]):
                return int(j)
        return None


def _length(x: FloatArray) -> float:
    """Return |x| without squares that leave the range of the numbers."""
    largest = float(np.abs(x).max(initial=0.0))
    if not largest < math.inf:
        return math.inf
    return largest * float(np.linalg.norm(x / largest)) if largest > 0.0 else 0.0


def finite_difference_hessian(
    grad: Callable[[FloatArray], Any],
    theta: npt.ArrayLike,
    *,
    step: float | None = None,
    noise: float | None = None,
) -> FiniteDifferenceHessian:
    r"""Return the Hessian of a function of which only the gradient is known.

    A product takes two gradients. Their error is about 1e-9 of the largest curvature for gradients
    in double precision, it is declared as `noise`, and eigenvalues below 50 of it are not counted:
    where there is automatic differentiation it knows more, at about the same price.

    Parameters
    ----------
    grad
        From parameters (n,) in double precision to the gradient (n,), the same every time.
    theta
        The parameters (n,) at which the Hessian is meant; a copy is kept.
    step
        Length of the step along a unit vector. Default: found on a ladder of steps, by about a
        hundred gradients, where the errors of truncation and rounding balance.
    noise
        Relative error of a product, ``|error| <= noise |A||x|``. Default: measured.

    Returns
    -------
    FiniteDifferenceHessian

    Raises
    ------
    OperatorError
        Where the gradient is not smooth, as of a network with ReLU: differences of one step are no
        differences of another, and no step was given. Or where the error is beyond use.
    NonFiniteError
        Where a gradient holds infinities or NaN.

    See Also
    --------
    symrank.torch.hessian, symrank.jax.hessian : by automatic differentiation.

    Examples
    --------
    >>> import numpy as np
    >>> import symrank
    >>> H = symrank.finite_difference_hessian(lambda x: np.array([x[0] ** 3, 0.0]), [1.0, 1.0])
    >>> symrank.rank(H).rank
    1
    """
    theta = np.array(theta, dtype=np.float64)
    if theta.ndim != 1 or not callable(grad):
        raise OperatorError(
            f"theta has shape {theta.shape} and grad is a {type(grad).__name__}; a vector (n,) and "
            "a function of it are wanted. Pass theta.ravel()."
        )
    if not np.isfinite(theta).all():
        raise OperatorError("theta holds infinities or NaN. Pass parameters that are finite.")
    if step is not None:
        rule = "is a length in the space of the parameters: positive and finite."
        step = check_number("step", step, lambda x: 0.0 < x < math.inf, rule)
    if noise is not None:
        noise = check_noise(noise)
    return FiniteDifferenceHessian(grad, theta, step, noise)
