r"""Mean and variance of the loss along chains of finite step, for the three schemes of the package.

In the modes lam_i, N of `symrank.theory.modes` a chain is n scalar chains with coupled noise, so
with phi_k and v_K of the scheme (`symrank.spectrum.filters`)

    E loss at step k                               = 1/4 sum_i N_ii phi_k(lam_i),
    variance of its mean over K stationary steps   = 1/16 sum_ij N_ij^2 v_K(lam_i)

the second over lam > 0, where N couples modes of equal lam only, and for Gaussian noise. The
noise of a step of eq. (21) is eta^(1/2) G Sigma^(1/2) n; that of BAOAB is
(1 - c^2)^(1/2) G (Sigma/2)^(1/2) n and its first velocity G (Sigma/2)^(1/2) n, so that all schemes
tend to the stationary loss of eq. (6) for small steps. The loss is theta' H theta / 2,
and for the corrected Euler-Maruyama estimator theta' g / 2 - eta g' G g / 4, g = H theta.
"""

import numpy as np
import numpy.typing as npt

from symrank.errors import OptionError, StepSizeError
from symrank.spectrum.filters import Scheme
from symrank.support.typing import FloatArray
from symrank.theory.modes import Modes, modes, require_minimum

__all__ = ["langevin_mean", "langevin_variance"]

COUPLED = (
    1e-6  # correlation of the noise of two modes, times their relative distance, taken as none
)


def langevin_mean(
    H: npt.ArrayLike,
    G: npt.ArrayLike,
    Sigma: npt.ArrayLike,
    scheme: Scheme,
    step: int | None = None,
    *,
    window: int = 1,
    preconditioned_noise: bool = True,
) -> float:
    """Return the expected loss of a chain: at a step, over a window, or in the limit.

    Parameters
    ----------
    H
        (n, n) symmetric positive semidefinite.
    G
        (n, n) symmetric positive definite.
    Sigma
        (n, n) symmetric positive semidefinite.
    scheme
        `symrank.spectrum.filters.EulerMaruyama` (eq. (21); its estimator may be ``"energy"``, eq.
        (20)), `LeimkuhlerMatthews` or `Baoab` of that module.
    step
        Steps taken from theta_0 = 0; None is the limit.
    window
        The mean is over the steps ``step`` to ``step + window - 1``.
    preconditioned_noise
        As of `symrank.theory.expected_loss`.

    Raises
    ------
    StepSizeError
        Where the scheme is not stable for the largest eigenvalue of G H.
    OptionError
        Where H has a negative eigenvalue, the step is negative or the window empty.
    OperatorError, NotSymmetricError, NonFiniteError
        Where a matrix is not a real symmetric one, or the shapes differ.

    References
    ----------
    .. [1] A. Bar, R. Mulayoff, T. Michaeli and R. Talmon, "The Expected Loss of Preconditioned
       Langevin Dynamics Reveals the Hessian Rank", AAAI 2024, eqs. (20) and (21).

    Examples
    --------
    The energy of eq. (20) overestimates a rank of 1 by 1 / (1 - eta lambda / 2):

    >>> import numpy as np
    >>> from symrank.spectrum.filters import EulerMaruyama
    >>> from symrank.theory import langevin_mean
    >>> H, I = np.diag([1.0, 0.0]), np.eye(2)
    >>> 4.0 * langevin_mean(H, I, I, EulerMaruyama(1.0, "energy"))
    2.0
    >>> 4.0 * langevin_mean(H, I, I, EulerMaruyama(1.0))
    1.0
    """
    found = _stable_modes(H, G, Sigma, scheme, preconditioned_noise)
    if window < 1:
        raise OptionError(f"window={window} must be at least 1.")
    if step is None:
        return 0.25 * float(found.weights @ scheme.limit(found.lam))
    if step < 0:
        raise OptionError(f"step={step} must be at least 0, or None for the limit.")
    if window == 1:
        return 0.25 * float(found.weights @ scheme.phi(found.lam, step))
    return 0.25 * float(found.weights @ (1.0 + scheme.deviation(found.lam, step, step + window)))


def langevin_variance(
    H: npt.ArrayLike,
    G: npt.ArrayLike,
    Sigma: npt.ArrayLike,
    scheme: Scheme,
    num_steps: int,
    *,
    preconditioned_noise: bool = True,
) -> float:
    """Return the variance of the mean loss over a window of a stationary chain, Gaussian noise.

    Modes of different rate must have independent noise: H G Sigma = Sigma G H for eq. (3), which
    includes Sigma G = sigma^2 I, and H Sigma G^-1 = G^-1 Sigma H for eq. (4), which includes
    Sigma = sigma^2 G. Parameters and errors are those of `langevin_mean`, and:

    Parameters
    ----------
    num_steps
        Length of the window, at least 1.

    Raises
    ------
    OptionError
        Where the noise couples modes of different rate.

    Examples
    --------
    >>> import numpy as np
    >>> from symrank.spectrum.filters import EulerMaruyama
    >>> from symrank.theory import langevin_variance
    >>> H, I = np.diag([1.0, 1.0, 0.0]), np.eye(3)
    >>> 16.0 * langevin_variance(H, I, I, EulerMaruyama(1.0), 10)  # independent steps: 2 r / K
    0.4
    """
    if num_steps < 1:
        raise OptionError(f"num_steps={num_steps} must be at least 1.")
    found = _stable_modes(H, G, Sigma, scheme, preconditioned_noise)
    live = found.lam > 0.0  # a mode of rate 0 carries no loss
    lam, noise = found.lam[live], found.noise[np.ix_(live, live)]
    _require_independent(lam, noise)
    return 0.0625 * float((noise**2).sum(axis=0) @ scheme.variance(lam, num_steps))


def _stable_modes(
    H: npt.ArrayLike,
    G: npt.ArrayLike,
    Sigma: npt.ArrayLike,
    scheme: Scheme,
    preconditioned_noise: bool,
) -> Modes:
    found = modes(H, G, Sigma, preconditioned_noise=preconditioned_noise)
    require_minimum(found)
    step_size, top = scheme.coefficients.step, float(found.lam.max(initial=0.0))
    if not step_size > 0.0:
        raise OptionError(f"step_size={step_size} must be positive.")
    if step_size * (top**0.5 if scheme.is_kinetic else top) >= 2.0:
        raise StepSizeError(step_size, top, is_kinetic=scheme.is_kinetic)
    return found


def _require_independent(lam: FloatArray, noise: FloatArray) -> None:
    """Raise where modes of different rate have correlated noise."""
    root = np.sqrt(np.diagonal(noise))
    size = np.outer(root, root)
    correlation = np.divide(np.abs(noise), size, out=np.zeros_like(noise), where=size > 0.0)
    distance = np.abs(lam[:, None] - lam) / np.maximum(lam[:, None], lam)
    worst = float((correlation * distance).max(initial=0.0))
    if worst > COUPLED:
        raise OptionError(
            "the closed form of the variance needs independent modes: H G Sigma must be symmetric, "
            "as it is for Sigma G = sigma^2 I (and H Sigma G^-1 without preconditioned noise). "
            f"The noise of two modes is correlated: {worst:.3g}, and {COUPLED:.0e} is allowed."
        )
