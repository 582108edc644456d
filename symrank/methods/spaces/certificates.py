r"""What Gaussian columns prove about a count: the two laws that `Sketch` and `Projection` rest on.

Let Omega (n, p) be standard Gaussian and chi(p) the number that a chi variable with p degrees of
freedom (2p halved, complex) falls short of with probability LOOK_FAILURE
(`symrank.spectrum.margins`). For a unit vector u that does not depend on Omega, |u* Omega| is such
a variable, so, except with that probability,

    |u* Omega| >= chi(p).                                                                     (1)

Upper bound on a rank. Q orthonormal, independent of Omega, C = (I - Q Q*) A, u v* its leading
singular pair: |C Omega| >= |u* C Omega| = |C| |v* Omega|, with the spectral norm on both sides, so

    |C| <= epsilon = |C Omega| / chi(p)                                                       (2)

(Halko, Martinsson, Tropp, SIAM Rev. 53, 2011, eqs. (4.3)-(4.5), take the longest column in place
of the spectral norm of the block, which is looser). As A = Q (A Q)* + C, Weyl's inequality for
singular values and Cauchy's interlacing give for every j, where s_j = 0 beyond the columns of Q,

    s_j <= sigma_j(A) <= s_j + epsilon,   s_j = sigma_j(A Q)                                  (3)

and the same for the eigenvalues of either sign with T = Q* A Q and 2 epsilon: |A - Q T Q*| <= 2
epsilon. So the number of |lambda| > tau lies between those of s_j > tau and s_j > tau - epsilon.

Upper bound on a nullity. Z orthonormal with k columns, independent of Omega; Y any block at all,

    W = (I - Z Z*) (Omega - A Y).

If more than k eigenvalues were |lambda| <= tau, their eigenspace would hold a unit vector u with
Z* u = 0 and |A u| <= tau, whence |u* Omega| <= |u* W| + |u* A Y| <= |W| + tau |Y|: by (1)

    |W| + tau |Y| < chi(p)   proves that at most k eigenvalues lie in [-tau, tau].            (4)

Y comes from solving A y = (I - Z Z*) omega, and how is of no matter. Lower bound on a nullity: if
sigma_k(A Z) <= tau, at least k eigenvalues lie in [-tau, tau] (Courant and Fischer).

Rounding. A product errs by at most PRODUCT_ERROR eps |A||x|: `noise` is added where it could help.
"""

import math
from dataclasses import dataclass

import numpy as np
import scipy.special

from symrank.methods.base import Goal
from symrank.spectrum import margins, threshold
from symrank.spectrum.region import PRODUCT_ERROR
from symrank.support.typing import Array, FloatArray

__all__ = ["Cuts", "chi", "spectral_norm"]


def chi(p: int, is_complex: bool) -> float:
    """Return the LOOK_FAILURE quantile of the norm of p standard Gaussian numbers."""
    h = 1.0 if is_complex else 0.5
    return math.sqrt(float(scipy.special.gammaincinv(p * h, margins.LOOK_FAILURE)) / h)


def spectral_norm(X: Array) -> float:
    """Return |X| of a tall block; zero where it has no columns."""
    if not min(X.shape):
        return 0.0
    R = np.linalg.qr(X, mode="r") if X.shape[0] > X.shape[1] else X
    return float(np.linalg.svd(R, compute_uv=False)[0])


@dataclass(frozen=True)
class Cuts:
    """The cut when |A| is known to lie in [norm_low, norm_high], and where the count must be flat.

    Without a tolerance of the caller no eigenvalue may lie within CROWD of the noise floor for a
    count to be called exact, as in `Dense`.
    """

    low: float  # the cut for the least norm: what is below it does not count
    high: float  # for the largest
    clear: float  # what is above it counts without doubt
    noise: float  # of a product with a unit vector

    @classmethod
    def of(cls, goal: Goal, norm_low: float, norm_high: float) -> "Cuts":
        """Return the cuts for what the goal asks."""
        goal.check_norm(norm_low)
        low = threshold.cut(norm_low, goal.eps, goal.atol, goal.rtol)
        high = threshold.cut(norm_high, goal.eps, goal.atol, goal.rtol)
        noise = PRODUCT_ERROR * goal.eps * norm_high
        clear = high + noise if goal.has_cut else threshold.CROWD * high
        return cls(low=low, high=high, clear=clear, noise=noise)

    def rank_bounds(self, sigma: FloatArray, epsilon: float, n: int) -> tuple[int, int]:
        """Bound the count by eq. (3) from the s_j; a doubtful one is open."""
        most = n if epsilon + self.noise > self.low else 0
        low = int((sigma >= self.clear).sum()) if self.clear > 0.0 else int((sigma > 0.0).sum())
        return low, max(most, int((sigma > self.low - epsilon - self.noise).sum()))
