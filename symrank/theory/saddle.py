r"""How long the expected loss stays above its start at a saddle point (Definition 1, eq. (19)).

With p_i = w_i / sum w, E f(theta_t) < f(theta_0) if and only if F(t) > 0,

    F(t) = sum p_i (exp(-2 lam_i t) - 1),    F(0) = 0,    F'' >= 0.

A convex function that starts at 0 is negative up to one time at most and positive after it: so
"for all later times" holds as well, and Newton's method from the right of the root descends to it.
Each w_i is at least lambda_min(Sigma G), which gives the bound of Proposition 4.
"""

import math

import numpy as np
import numpy.typing as npt

from symrank.errors import OptionError
from symrank.theory.modes import Modes, modes

__all__ = ["escape_time", "escape_time_bound"]

MAX_NEWTON = 200  # each step of a function that grows like exp gains a digit at the least
STOP = 4.0 * np.finfo(np.float64).eps  # relative


def escape_time(
    H: npt.ArrayLike,
    G: npt.ArrayLike,
    Sigma: npt.ArrayLike,
    *,
    preconditioned_noise: bool = True,
) -> float:
    r"""Return the time after which the expected loss lies below its start (Definition 1).

    It is the infimum of the times with E f(theta_t) < f(theta_0), theta_0 = 0; at the time itself
    the two are equal. Where the loss falls from the start, tr(H G Sigma G) <= 0, it is 0; where H
    is positive semidefinite it is infinite.

    Parameters
    ----------
    H
        (n, n) symmetric: the Hessian at the saddle point.
    G
        (n, n) symmetric positive definite.
    Sigma
        (n, n) symmetric positive definite.
    preconditioned_noise
        True for eq. (3), False for eq. (4).

    Raises
    ------
    OptionError
        Where G or Sigma is not positive definite.
    OperatorError, NotSymmetricError, NonFiniteError
        Where a matrix is not a real symmetric one, or the shapes differ.

    References
    ----------
    .. [1] A. Bar, R. Mulayoff, T. Michaeli and R. Talmon, "The Expected Loss of Preconditioned
       Langevin Dynamics Reveals the Hessian Rank", AAAI 2024, Definition 1 and Proposition 4.

    Examples
    --------
    With eigenvalues 2 and -1 and white noise, y = exp(2 t) solves y^-2 + y = 2:

    >>> import numpy as np
    >>> from symrank.theory import escape_time
    >>> t = escape_time(np.diag([2.0, -1.0]), np.eye(2), np.eye(2))
    >>> round(float(np.exp(2.0 * t)), 12)
    1.61803398875
    """
    found = _definite_modes(H, G, Sigma, preconditioned_noise)
    lam = found.lam
    if not lam.size or lam[0] >= 0.0:
        return math.inf
    p = found.weights / found.weights.sum()
    if p @ lam <= 0.0:
        return 0.0
    t = math.log(p[0]) / (2.0 * float(lam[0]))  # F >= 0: the first mode alone makes up for the sum
    for _ in range(MAX_NEWTON):
        above = float(p @ np.expm1(-2.0 * lam * t))
        slope = float(p @ (-2.0 * lam * np.exp(-2.0 * lam * t)))
        if above <= 0.0 or slope <= 0.0:  # rounding: at the root
            return t
        step = math.log1p(above) * (1.0 + above) / slope  # of log(1 + F), as convex, nearly linear
        t -= step
        if step <= STOP * t:
            return t
    return t


def escape_time_bound(
    H: npt.ArrayLike,
    G: npt.ArrayLike,
    Sigma: npt.ArrayLike,
    *,
    preconditioned_noise: bool = True,
) -> float:
    r"""Return an upper bound of `escape_time` (Proposition 4, eq. (19)).

    log(tr(Sigma G) / lambda_min(Sigma G)) / (2 |lambda_min(G H)|), for an H with a negative
    eigenvalue and a positive definite Sigma; infinite where H has none. For eq. (4) read G^-1 for
    G in the numerator. Parameters and errors are those of `escape_time`.

    Examples
    --------
    >>> import numpy as np
    >>> from symrank.theory import escape_time_bound
    >>> round(escape_time_bound(np.diag([2.0, -1.0]), np.eye(2), np.eye(2)), 6)
    0.346574
    """
    found = _definite_modes(H, G, Sigma, preconditioned_noise)
    if not found.lam.size or found.lam[0] >= 0.0:
        return math.inf
    lowest = float(np.linalg.eigvalsh(found.noise)[0])
    return math.log(float(found.weights.sum()) / lowest) / (-2.0 * float(found.lam[0]))


def _definite_modes(
    H: npt.ArrayLike, G: npt.ArrayLike, Sigma: npt.ArrayLike, preconditioned_noise: bool
) -> Modes:
    found = modes(H, G, Sigma, preconditioned_noise=preconditioned_noise)
    lowest = float(np.linalg.eigvalsh(found.noise).min(initial=math.inf))
    if lowest <= 0.0:
        raise OptionError(
            "Sigma must be positive definite: without noise in every direction a saddle may never "
            f"be left, and the smallest eigenvalue of Sigma G is {lowest:.3g}."
        )
    return found
