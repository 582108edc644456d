r"""The caller's loss, looked at where it comes in, and its even part about theta_0.

For g_0 the gradient at theta_0 the tilted loss L - <g_0, theta - theta_0> has the same Hessian and
is stationary at theta_0. The mean of it over an antithetic pair theta_0 +- delta is

    E(delta) = (L(theta_0 + delta) + L(theta_0 - delta)) / 2 - L(theta_0)
             = <delta, A delta> / 2 + (fourth order)
    grad E   = (grad L(theta_0 + delta) - grad L(theta_0 - delta)) / 2 = A delta + (third order)

The tilt cancels, and so do all odd orders: a point that is not stationary, and the cubic term.
Sums and differences are in double precision whatever the loss computes in.
"""

import math
from typing import Any

import numpy as np

from symrank.errors import (
    ChangedOperatorError,
    NonFiniteError,
    NotSymmetricError,
    OperatorError,
)
from symrank.support import foreign
from symrank.support.typing import Array, FloatArray

__all__ = ["Losses", "is_loss_problem"]

WHAT = "loss_and_grad"
ROUNDING = 100.0  # eps of |L|, and eps sqrt(n) of |g|: what two calls may differ by
DOUBLE = float(np.finfo(np.float64).eps)
NEAR = 1e-3  # of |theta_0|: the second point of the door
FAR = 0.1  # of |theta_0|: where a loss shows more than its second derivative
APART = (
    0.1  # relative: a loss is nearly quadratic over that distance, and a wrong gradient is wrong
)
TINY = float(np.finfo(np.float64).tiny)
WANTED = "Return losses of shape (k,) and gradients of shape (n, k) for parameters (n, k)."


def is_loss_problem(A: Any) -> bool:
    """Tell whether the caller passed a loss; no property of it is asked for its value."""
    return callable(getattr(type(A), WHAT, None) or getattr(A, WHAT, None))


class Losses:
    """A `LossProblem` with what its values are worth.

    Parameters
    ----------
    problem
        A `LossProblem`.

    Attributes
    ----------
    theta0 : ndarray
        (n,), a copy in double precision.
    loss0 : float
        L(theta_0).
    grad0 : ndarray
        (n,), the gradient there.
    loss_eps, grad_eps : float
        Units of rounding of what the problem returns.

    Raises
    ------
    OperatorError
        Where `n` and `theta0` do not fit, the gradient is not that of the loss, or
        `loss_and_grad` returns something else than numbers of the right shape.
    NonFiniteError
        Where the loss or its gradient at theta_0 is not finite.
    NotSymmetricError
        Where two calls with the same parameters differ by more than rounding.
    """

    def __init__(self, problem: Any) -> None:
        self.problem = problem
        with foreign.callers_code():
            n, theta0 = getattr(problem, "n", None), getattr(problem, "theta0", None)
        self.theta0 = _parameters(n, theta0)
        self.n = self.theta0.size
        self.loss_eps = self.grad_eps = DOUBLE
        step = NEAR * (float(np.linalg.norm(self.theta0)) or 1.0) / math.sqrt(self.n)
        signs = np.where(np.arange(self.n) % 3 == 0, -step, step)
        self._door = self.theta0[:, None] + np.stack([np.zeros(self.n), signs], axis=1)
        self._losses, self._grads = self.evaluate(self._door)
        self.loss0, self.grad0 = float(self._losses[0]), self._grads[:, 0].copy()
        self._check_gradient()
        change = self._change()
        if not change <= ROUNDING:
            raise NotSymmetricError(
                "the loss is not deterministic: two calls with the same parameters differ by "
                f"{change:.3g} units of rounding, and {ROUNDING:.0f} are allowed. Freeze it: one "
                "fixed set of data, dropout off, batch statistics and seeds fixed."
            )

    def _check_gradient(self) -> None:
        """Raise where the loss does not rise to the second point as its gradients say."""
        delta = self._door[:, 1] - self._door[:, 0]
        rise = float(self._losses[1] - self._losses[0])
        said = float(0.5 * delta @ (self._grads[:, 0] + self._grads[:, 1]))
        rounding = ROUNDING * self.loss_eps * float(np.abs(self._losses).max())
        if abs(rise - said) > APART * (abs(rise) + abs(said)) + rounding:
            raise OperatorError(
                f"the gradient is not that of the loss: at a distance of {NEAR:.0e} of theta0 the "
                f"loss has risen by {rise:.6g}, and its gradients say {said:.6g}. Return the "
                "gradient of what is returned as the loss: both sums, or both means, over the "
                "same data."
            )

    @property
    def num_door(self) -> int:
        """Gradient evaluations of the constructor."""
        return 4

    def evaluate(self, Theta: Array) -> tuple[FloatArray, FloatArray]:
        """Return losses (k,) and gradients (n, k) at the columns of `Theta`, in double precision.

        Raises
        ------
        OperatorError, NonFiniteError
            As for the class.
        """
        found: list[Any] = []

        def call(X: Array) -> Any:
            found.append(self.problem.loss_and_grad(X))
            return found[0][1] if _is_pair(found[0]) else None

        try:
            shape = Theta.shape
            grad = foreign.product_of(call, Theta, shape, np.dtype(np.float64), "the gradient")
        except OperatorError:
            if found and not _is_pair(found[0]):
                raise OperatorError(
                    f"loss_and_grad returned a {type(found[0]).__name__}, and a pair is wanted. "
                    f"{WANTED}"
                ) from None
            raise
        loss = _losses(found[0][0], Theta.shape[1])
        self.grad_eps = max(self.grad_eps, _eps(found[0][1]))
        self.loss_eps = max(self.loss_eps, _eps(found[0][0]))
        return loss, grad

    def even(self, delta: Array) -> tuple[FloatArray, FloatArray]:
        """Return E (k,) and its gradient (n, k) at the columns of `delta`; 2 k evaluations."""
        k = delta.shape[1]
        loss, grad = self.evaluate(self.theta0[:, None] + np.concatenate([delta, -delta], axis=1))
        rise = 0.5 * ((loss[:k] - self.loss0) + (loss[k:] - self.loss0))
        return rise, np.ascontiguousarray(0.5 * (grad[:, :k] - grad[:, k:]))

    def look(self) -> None:
        """Evaluate at the door again, 2 evaluations.

        Raises
        ------
        ChangedOperatorError
            Where the loss is another one.
        """
        change = self._change()
        if not change <= ROUNDING:
            raise ChangedOperatorError(
                "the loss changed during the run: at the same parameters it differs by "
                f"{change:.3g} units of rounding from what it was, and {ROUNDING:.0f} are allowed. "
                "Freeze it: one fixed set of data, fixed weights and seeds."
            )

    def seen(self) -> dict[str, FloatArray]:
        """Return what tells this loss from another one, by one evaluation far from theta_0."""
        size = FAR * (float(np.linalg.norm(self.theta0)) or 1.0) / math.sqrt(self.n)
        far = self.theta0 + size * np.cos(np.arange(self.n))
        loss, grad = self.evaluate(far[:, None])
        return {
            "parameters": self.theta0,
            "losses": np.concatenate([self._losses, loss]),
            "gradients": np.concatenate([self._grads, grad], axis=1),
        }

    def _change(self) -> float:
        """Return how far the door has moved, in units of rounding."""
        loss, grad = self.evaluate(self._door)
        size = float(np.abs(self._losses).max()) * self.loss_eps
        length = float(np.linalg.norm(self._grads, axis=0).max())
        moved = float(np.linalg.norm(grad - self._grads, axis=0).max())
        of_loss = float(np.abs(loss - self._losses).max()) / max(size, TINY)
        of_grad = moved / max(length * self.grad_eps * math.sqrt(self.n), TINY)
        return max(of_loss, of_grad)


def _is_pair(found: Any) -> bool:
    return isinstance(found, tuple | list) and len(found) == 2


def _parameters(n: Any, theta0: Any) -> FloatArray:
    """Return theta_0 as a fresh vector of doubles, or raise."""
    try:
        given: Array = np.asarray(theta0)
    except Exception as error:  # what another library raises is not to be foreseen
        raise OperatorError(f"theta0 makes no NumPy array: {error}. Pass a vector (n,).") from error
    if given.ndim != 1 or given.dtype.kind not in "biuf" or not given.size:
        raise OperatorError(
            f"theta0 has shape {given.shape} and dtype {given.dtype}, and the parameters are one "
            "vector of real numbers (n,), n >= 1. Pass them raveled and concatenated."
        )
    if n != given.size:
        raise OperatorError(
            f"n = {n!r} and theta0 has {given.size} entries: n is the number of parameters. "
            "Return theta0.size."
        )
    vector = given.astype(np.float64)
    if not np.isfinite(vector).all():
        bad = int(np.flatnonzero(~np.isfinite(vector))[0])
        raise NonFiniteError(
            f"theta0 holds infinities or NaN, the first at entry {bad}: {vector[bad]}. Training "
            "has diverged, or a parameter was never set."
        )
    return vector


def _losses(given: Any, k: int) -> FloatArray:
    """Return k losses as doubles, or raise."""
    try:
        loss: Array = np.asarray(given)
    except Exception as error:
        raise OperatorError(f"the losses make no NumPy array: {error}. {WANTED}") from error
    if loss.shape != (k,) or loss.dtype.kind not in "biuf":
        raise OperatorError(
            f"loss_and_grad returned losses of shape {loss.shape} and dtype {loss.dtype} for {k} "
            f"columns. {WANTED}"
        )
    loss = loss.astype(np.float64)
    if not np.isfinite(loss).all():
        raise NonFiniteError(
            f"{int((~np.isfinite(loss)).sum())} of {k} losses are infinite or NaN. Look for "
            "overflow, a logarithm of zero or missing data."
        )
    return loss


def _eps(given: Any) -> float:
    """Return the unit of rounding of an array that came in."""
    dtype = np.asarray(given).dtype
    return float(np.finfo(dtype).eps) if dtype.kind == "f" else DOUBLE
