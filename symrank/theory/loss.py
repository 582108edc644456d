r"""Expected loss of preconditioned Langevin dynamics near a stationary point, from theta_0 = 0.

In the modes lam_i, w_i of `symrank.theory.modes` every statement is one sum:

    E f(theta_t)      = 1/4 sum w_i (1 - exp(-2 lam_i t))        Theorem 1, eq. (5)
    its limit         = 1/4 sum over lam_i > 0 of w_i            Proposition 1, eq. (6)
    its slope         = 1/2 sum w_i lam_i exp(-2 lam_i t)        eq. (13)

In matrices the first is tr(Sigma G (I - exp(-2 H G t)))/4, with H G and not G H: the Lyapunov
equation C' = -G H C - C H G + G Sigma G gives tr(H C)/2 this way. The order matters unless Sigma
and G commute.
"""

import numpy as np
import numpy.typing as npt
import scipy.linalg

from symrank.support.typing import FloatArray
from symrank.theory.modes import definite, modes, require_minimum, require_positive, times

__all__ = [
    "expected_loss",
    "loss_slope",
    "rank_from_loss",
    "riemannian_covariance",
    "stationary_loss",
    "trace_from_slope",
]


def expected_loss(
    H: npt.ArrayLike,
    G: npt.ArrayLike,
    Sigma: npt.ArrayLike,
    t: npt.ArrayLike,
    *,
    preconditioned_noise: bool = True,
) -> FloatArray:
    r"""Return E f(theta_t) for f(theta) = theta' H theta / 2 and theta_0 = 0 (Theorem 1).

    tr(Sigma G (I - exp(-2 H G t))) / 4 for the dynamics of eq. (3), and
    tr(Sigma G^-1 (I - exp(-2 G H t))) / 4 for that of eq. (4), whose noise is not preconditioned.

    Parameters
    ----------
    H
        (n, n) symmetric, of any inertia: the Hessian.
    G
        (n, n) symmetric positive definite: the preconditioner.
    Sigma
        (n, n) symmetric positive semidefinite: the covariance of the noise.
    t
        Times, an array of any shape; at least 0.
    preconditioned_noise
        True for G Sigma^(1/2) dn, eq. (3); False for Sigma^(1/2) dn, eq. (4).

    Returns
    -------
    ndarray
        Of the shape of `t`; -inf where the loss of a saddle leaves the range of the numbers.

    Raises
    ------
    OperatorError, NotSymmetricError, NonFiniteError
        Where a matrix is not a real symmetric one, or the shapes differ.
    OptionError
        Where G or Sigma is not positive, or a time negative or infinite.

    References
    ----------
    .. [1] A. Bar, R. Mulayoff, T. Michaeli and R. Talmon, "The Expected Loss of Preconditioned
       Langevin Dynamics Reveals the Hessian Rank", AAAI 2024, eqs. (3)-(5).

    Examples
    --------
    >>> import numpy as np
    >>> from symrank.theory import expected_loss
    >>> loss = expected_loss(np.diag([1.0, 0.0]), np.eye(2), np.eye(2), [0.0, 0.5, 5.0])
    >>> loss.round(4)
    array([0.   , 0.158, 0.25 ])
    """
    lam, weights = modes(H, G, Sigma, preconditioned_noise=preconditioned_noise).fed
    with np.errstate(over="ignore"):
        return np.asarray(0.25 * (-np.expm1(-2.0 * lam * times(t)) @ weights))


def loss_slope(
    H: npt.ArrayLike,
    G: npt.ArrayLike,
    Sigma: npt.ArrayLike,
    t: npt.ArrayLike = 0.0,
    *,
    preconditioned_noise: bool = True,
) -> FloatArray:
    r"""Return the derivative of `expected_loss` in t (eq. (13)).

    tr(Sigma G H G exp(-2 H G t)) / 2; at t = 0 it is tr(H G Sigma G) / 2, and tr(H Sigma) / 2 for
    eq. (4). Parameters and errors are those of `expected_loss`.

    Returns
    -------
    ndarray
        Of the shape of `t`.

    Examples
    --------
    >>> import numpy as np
    >>> from symrank.theory import loss_slope
    >>> float(loss_slope(np.diag([3.0, -1.0]), np.eye(2), np.eye(2)))
    1.0
    """
    lam, weights = modes(H, G, Sigma, preconditioned_noise=preconditioned_noise).fed
    with np.errstate(over="ignore"):
        return np.asarray(0.5 * (np.exp(-2.0 * lam * times(t)) @ (weights * lam)))


def stationary_loss(
    H: npt.ArrayLike,
    G: npt.ArrayLike,
    Sigma: npt.ArrayLike,
    *,
    preconditioned_noise: bool = True,
) -> float:
    r"""Return the limit of `expected_loss` for large t (Proposition 1, eqs. (6) and (7)).

    tr(Sigma G Q) / 4, Q the projector on the range of H G along its null space. Where H is positive
    definite it is tr(Sigma G) / 4 (Corollary 1, eq. (8)), and tr(Sigma G^-1) / 4 for eq. (4).

    Parameters
    ----------
    H
        (n, n) symmetric positive semidefinite.
    G, Sigma, preconditioned_noise
        As of `expected_loss`.

    Raises
    ------
    OptionError
        Where H has a negative eigenvalue: there is no limit. And as of `expected_loss`.

    References
    ----------
    .. [1] A. Bar, R. Mulayoff, T. Michaeli and R. Talmon, "The Expected Loss of Preconditioned
       Langevin Dynamics Reveals the Hessian Rank", AAAI 2024, Proposition 1, Corollaries 1 and 2.

    Examples
    --------
    >>> import numpy as np
    >>> from symrank.theory import stationary_loss
    >>> G = np.diag([1.0, 2.0, 4.0])
    >>> 4.0 * stationary_loss(np.diag([1.0, 1e-9, 0.0]), G, np.linalg.inv(G))
    2.0
    """
    found = modes(H, G, Sigma, preconditioned_noise=preconditioned_noise)
    require_minimum(found)
    return 0.25 * found.positive_sum


def rank_from_loss(loss: npt.ArrayLike, noise_var: float) -> FloatArray:
    """Return 4 loss / noise_var: the rank of H, for a stationary loss (Corollary 2, eq. (9)).

    Holds for H positive semidefinite and Sigma G = noise_var I under eq. (3), or
    Sigma = noise_var G under eq. (4): both are the Riemannian dynamics of eq. (10).

    Raises
    ------
    OptionError
        Where noise_var is not positive.

    Examples
    --------
    >>> from symrank.theory import rank_from_loss
    >>> float(rank_from_loss(0.5, 1.0))
    2.0
    """
    require_positive(noise_var)
    return 4.0 * np.asarray(loss, np.float64) / noise_var


def riemannian_covariance(G: npt.ArrayLike, noise_var: float = 1.0) -> FloatArray:
    """Return Sigma = noise_var G^-1, (n, n): the noise that reveals the rank (Remark 1).

    With it G Sigma^(1/2) = noise_var^(1/2) G^(1/2), and eq. (3) is eq. (10).

    Raises
    ------
    OptionError
        Where G is not positive definite, or noise_var not positive.

    Examples
    --------
    >>> import numpy as np
    >>> from symrank.theory import riemannian_covariance
    >>> riemannian_covariance(np.diag([1.0, 4.0]), 2.0)
    array([[2. , 0. ],
           [0. , 0.5]])
    """
    require_positive(noise_var)
    L = definite(G, "G")
    root = scipy.linalg.solve_triangular(L, np.eye(len(L)), lower=True)
    return np.asarray(noise_var * (root.T @ root))


def trace_from_slope(slope: npt.ArrayLike, noise_var: float = 1.0) -> FloatArray:
    r"""Return 2 slope / noise_var: a trace, for the slope at t = 0 (eq. (14)).

    It is tr(H) where G Sigma G = noise_var I, that is G = noise_var^(1/2) Sigma^(-1/2), and tr(G H)
    where Sigma G = noise_var I. H may be indefinite.

    Raises
    ------
    OptionError
        Where noise_var is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> from symrank.theory import loss_slope, trace_from_slope
    >>> H, Sigma = np.array([[2.0, 1.0], [1.0, -5.0]]), np.diag([4.0, 16.0])
    >>> slope = loss_slope(H, np.diag([0.5, 0.25]), Sigma)
    >>> round(float(trace_from_slope(slope)), 12)
    -3.0
    """
    require_positive(noise_var)
    return 2.0 * np.asarray(slope, np.float64) / noise_var
