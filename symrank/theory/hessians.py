"""What the rank of the Hessian says of the stationary loss, and what it does not (Proposition 2).

The stationary loss is tr(S Pi) / 4 with S = L' Sigma L, G = L L', and Pi the projector on
L' range(H). Nested ranges have nested projectors, so their losses are ordered; projectors of a
given rank reach every value between the sums of the smallest and of the largest eigenvalues of S,
which are those of Sigma G (Ky Fan).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from symrank.errors import OptionError
from symrank.theory.modes import definite, modes, require_minimum, same_shape, semidefinite

__all__ = ["HessianComparison", "compare_hessians", "stationary_range"]

NESTED = 1e-8  # norm of the part of a basis that may leave a range and count as inside
ISOTROPIC = 1e-8  # relative spread of the eigenvalues of Sigma G that counts as none


def stationary_range(G: npt.ArrayLike, Sigma: npt.ArrayLike, rank: int) -> tuple[float, float]:
    """Return the smallest and the largest stationary loss of all semidefinite H of a given rank.

    With m_1 <= ... <= m_n the eigenvalues of Sigma G they are a quarter of the sum of the `rank`
    smallest and of the `rank` largest, and both are attained: L' range(H) may be any subspace. The
    two are equal for every rank if and only if Sigma G = sigma^2 I, and only then is the loss a
    function of the rank: this is what Proposition 2 leaves out.

    Parameters
    ----------
    G, Sigma
        As of `expected_loss`; the dynamics is that of eq. (3).
    rank
        0 to n.

    Raises
    ------
    OptionError
        Where the rank lies outside 0 to n, or a matrix is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> from symrank.theory import stationary_range
    >>> stationary_range(np.eye(3), np.diag([10.0, 1.0, 1.0]), 1)
    (0.25, 2.5)
    """
    L, sigma = definite(G, "G"), semidefinite(Sigma, "Sigma")
    same_shape(G=L, Sigma=sigma)
    if not 0 <= rank <= len(L):
        raise OptionError(f"rank={rank} must lie between 0 and n = {len(L)}.")
    mu = np.linalg.eigvalsh(L.T @ sigma @ L)
    return 0.25 * float(mu[:rank].sum()), 0.25 * float(mu[len(L) - rank :].sum())


@dataclass(frozen=True, kw_only=True)
class HessianComparison:
    """Two Hessians under the same preconditioner and noise.

    Attributes
    ----------
    ranks, losses
        Rank and stationary loss of the first and of the second.
    is_nested
        Whether range(H1) lies in range(H2).
    is_isotropic
        Whether Sigma G is a multiple of I.
    """

    ranks: tuple[int, int]
    losses: tuple[float, float]
    is_nested: bool
    is_isotropic: bool

    @property
    def is_guaranteed(self) -> bool:
        """Whether Proposition 2 holds for this pair: its condition on the ranks, and ours."""
        return self.is_nested or (self.is_isotropic and self.ranks[0] <= self.ranks[1])


def compare_hessians(
    H1: npt.ArrayLike, H2: npt.ArrayLike, G: npt.ArrayLike, Sigma: npt.ArrayLike
) -> HessianComparison:
    """Compare the stationary losses of two Hessians (Proposition 2, eqs. (11) and (12)).

    rank(H1) <= rank(H2) alone does not order the losses. It does where Sigma G = sigma^2 I; and for
    any Sigma and G the losses are ordered where range(H1) lies in range(H2).

    Parameters
    ----------
    H1, H2
        (n, n) symmetric positive semidefinite.
    G, Sigma
        As of `expected_loss`; the dynamics is that of eq. (3).

    Raises
    ------
    OptionError
        Where a Hessian has a negative eigenvalue. And as of `expected_loss`.

    Examples
    --------
    >>> import numpy as np
    >>> from symrank.theory import compare_hessians
    >>> H1, H2 = np.diag([1.0, 0.0, 0.0]), np.diag([0.0, 1.0, 1.0])
    >>> found = compare_hessians(H1, H2, np.eye(3), np.diag([10.0, 1.0, 1.0]))
    >>> found.ranks, found.losses, found.is_guaranteed
    ((1, 2), (2.5, 0.5), False)
    """
    both = [modes(H, G, Sigma, preconditioned_noise=True) for H in (H1, H2)]
    for found in both:
        require_minimum(found)
    ranks = tuple(int(np.count_nonzero(found.lam)) for found in both)
    low, high = stationary_range(G, Sigma, 1) if both[0].lam.size else (0.0, 0.0)
    return HessianComparison(
        ranks=(ranks[0], ranks[1]),
        losses=(0.25 * both[0].positive_sum, 0.25 * both[1].positive_sum),
        is_nested=_is_nested(H1, ranks[0], H2, ranks[1]),
        is_isotropic=high - low <= ISOTROPIC * high,
    )


def _is_nested(H1: npt.ArrayLike, r1: int, H2: npt.ArrayLike, r2: int) -> bool:
    """Whether the range of the first, of rank r1, lies in that of the second, of rank r2."""
    first, second = (np.linalg.eigh(np.asarray(H, np.float64))[1] for H in (H1, H2))
    n = len(first)
    outside = second[:, : n - r2].T @ first[:, n - r1 :]
    return bool(r1 <= r2 and np.linalg.norm(outside) <= NESTED)
