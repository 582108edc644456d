r"""Which preconditioner makes the stationary loss large (Corollary 3, eqs. (15)-(18)).

At a minimum with positive definite H the stationary loss is <Sigma, G> / 4, an inner product
(Corollary 1). Everything here rests on that, so on H positive definite; what is left of it for a
singular H is said by each function.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from symrank.errors import OptionError
from symrank.support.typing import FloatArray
from symrank.theory.modes import definite, symmetric

__all__ = [
    "PreconditionerComparison",
    "compare_preconditioners",
    "largest_stationary_loss",
    "optimal_preconditioner",
]

ISOTROPIC = 1e-12  # relative spread of the eigenvalues of Sigma that counts as none


def optimal_preconditioner(Sigma: npt.ArrayLike) -> FloatArray:
    r"""Return Sigma / |Sigma|_F, (n, n): the largest stationary loss of all G with |G|_F = 1.

    Corollary 3, eq. (15), for H positive definite and the dynamics of eq. (3); the loss is
    |Sigma|_F / 4. For a singular H no G attains the supremum, see `largest_stationary_loss`. Under
    eq. (4) the loss tr(Sigma G^-1) / 4 has no bound as G nears a singular matrix.

    Parameters
    ----------
    Sigma
        (n, n) symmetric positive definite.

    Raises
    ------
    OptionError
        Where Sigma is not positive definite.
    OperatorError, NotSymmetricError, NonFiniteError
        Where it is not a real symmetric matrix.

    References
    ----------
    .. [1] A. Bar, R. Mulayoff, T. Michaeli and R. Talmon, "The Expected Loss of Preconditioned
       Langevin Dynamics Reveals the Hessian Rank", AAAI 2024, Corollary 3.

    Examples
    --------
    >>> import numpy as np
    >>> from symrank.theory import optimal_preconditioner
    >>> optimal_preconditioner(np.diag([3.0, 4.0]))
    array([[0.6, 0. ],
           [0. , 0.8]])
    """
    sigma = symmetric(Sigma, "Sigma")
    definite(Sigma, "Sigma")
    return np.asarray(sigma / np.linalg.norm(sigma))


def largest_stationary_loss(Sigma: npt.ArrayLike, rank: int) -> float:
    r"""Return the supremum of the stationary loss over |G|_F = 1 for a semidefinite H of a rank.

    A quarter of the root of the sum of the `rank` largest squared eigenvalues of Sigma, whatever
    the range of H. For rank = n it is the maximum of Corollary 3. For 0 < rank < n it is neared,
    but not attained, by a G that tends to a singular matrix, and G = Sigma / |Sigma|_F may be far
    from it.

    The loss is tr(Sigma K) / 4 with K = L Pi L' <= G of rank r, so von Neumann's trace inequality
    and |K|_F <= |G|_F bound it; and the K that arise are dense among those of rank r.

    Parameters
    ----------
    Sigma
        (n, n) symmetric positive definite.
    rank
        Of H, 0 to n.

    Raises
    ------
    OptionError
        Where Sigma is not positive definite, or the rank lies outside 0 to n.

    Examples
    --------
    >>> import numpy as np
    >>> from symrank.theory import largest_stationary_loss
    >>> largest_stationary_loss(np.diag([3.0, 4.0]), 2), largest_stationary_loss(np.eye(2), 1)
    (1.25, 0.25)
    """
    definite(Sigma, "Sigma")
    lam = np.linalg.eigvalsh(symmetric(Sigma, "Sigma"))
    if not 0 <= rank <= lam.size:
        raise OptionError(f"rank={rank} must lie between 0 and n = {lam.size}.")
    return 0.25 * float(np.linalg.norm(lam[lam.size - rank :]))


@dataclass(frozen=True, kw_only=True)
class PreconditionerComparison:
    """Stationary losses under G = I (like SGD) and G = Sigma^(-1/2) (like Adam), H definite.

    Attributes
    ----------
    sgd, adam
        tr(Sigma) / 4 and tr(Sigma^(1/2)) / 4: the preconditioners as they are.
    sgd_unit, adam_unit
        The same with both preconditioners scaled to Frobenius norm 1.
    noise_power
        tr(Sigma), the left side of eq. (17).
    is_isotropic
        Whether Sigma is a multiple of I: then, and only then, the last two are equal.
    """

    sgd: float
    adam: float
    sgd_unit: float
    adam_unit: float
    noise_power: float
    is_isotropic: bool


def compare_preconditioners(Sigma: npt.ArrayLike) -> PreconditionerComparison:
    r"""Compare G = I and G = Sigma^(-1/2) by their stationary loss (Proposition 3).

    With equal Frobenius norms G = I has the larger loss for every Sigma that is not a multiple of
    I: (tr Sigma)^2 tr(Sigma^-1) >= n^2 tr(Sigma) >= n (tr Sigma^(1/2))^2 by Cauchy and Schwarz,
    twice. tr(Sigma) > n, eq. (17), plays no part there. It does suffice, with norms as they are,
    for tr(Sigma) > tr(Sigma^(1/2)).

    Parameters
    ----------
    Sigma
        (n, n) symmetric positive definite.

    Raises
    ------
    OptionError
        Where Sigma is not positive definite.
    OperatorError, NotSymmetricError, NonFiniteError
        Where it is not a real symmetric matrix.

    References
    ----------
    .. [1] A. Bar, R. Mulayoff, T. Michaeli and R. Talmon, "The Expected Loss of Preconditioned
       Langevin Dynamics Reveals the Hessian Rank", AAAI 2024, eqs. (16)-(18), Proposition 3.

    Examples
    --------
    >>> import numpy as np
    >>> from symrank.theory import compare_preconditioners
    >>> found = compare_preconditioners(np.diag([0.01, 0.04]))
    >>> found.noise_power < 2.0, found.sgd_unit > found.adam_unit, found.sgd < found.adam
    (True, True, True)
    """
    definite(Sigma, "Sigma")
    lam = np.linalg.eigvalsh(symmetric(Sigma, "Sigma"))
    power, root = float(lam.sum()), float(np.sqrt(lam).sum())
    n = max(lam.size, 1)
    inverse = float(np.sqrt((1.0 / lam).sum())) if lam.size else 1.0
    return PreconditionerComparison(
        sgd=0.25 * power,
        adam=0.25 * root,
        sgd_unit=0.25 * power / float(np.sqrt(n)),
        adam_unit=0.25 * root / inverse,
        noise_power=power,
        is_isotropic=bool(np.ptp(lam) <= ISOTROPIC * lam[-1]) if lam.size else True,
    )
