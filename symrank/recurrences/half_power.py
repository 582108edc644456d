r"""v = G^(1/2) z for a positive definite G known by its products, with a bound on the error.

Poles. The integral x^(-1/2) = (1/pi) int t^(-1/2) / (x + t) dt over t > 0 becomes a rule

    R(x) = sum_j omega_j / (x + t_j),   |1 - sqrt(x) R(x)| <= eta for m <= x <= M,            (1)

of NUM_POLES poles, the error falling like exp(-2 pi^2 NUM_POLES / (log(M/m) + 3)) (N. Hale,
N. J. Higham, L. N. Trefethen, SIAM J. Numer. Anal. 46, 2008, method 3).

Shifts. Conjugate gradients for G x = z have the residual r_k = rho_k(G) z, rho_k(x) =
prod (1 - x/theta_i), theta_i > 0 the Ritz values. The same vectors solve every shifted system, with
the residual zeta_j r_k, zeta_j = 1/rho_k(-t_j) (B. Jegerlehner, arXiv:hep-lat/9612014); for t = t_j
the iterate x_j and its direction p_j follow from

    1/phi = 1 + alpha_k t + alpha_k beta_(k-1)/alpha_(k-1) (1 - phi_before),  zeta <- phi zeta  (2)
    x_j <- x_j + alpha_k phi p_j,  p_j <- zeta r_(k+1) + beta_k phi^2 p_j.                    (3)

So w = sum_j omega_j x_j, v = G w, at one product with G per step, and <w, G w> = <w, v>.

Error. What matters is E = |G^(1/2) w - z| = |G^(-1/2) (v - G^(1/2) z)|: for any orthogonal
projector Q, with z^ = G^(1/2) w, | |Q z^| - |Q z| | <= E. Along the eigenvector for x

    sqrt(x) w - z = - h(x) rho_k(x) z - (1 - sqrt(x) R(x)) z,
    h(x) = sum_j omega_j zeta_j sqrt(x)/(x + t_j),

and 0 < zeta_j <= 1, so that 0 <= h(x) <= sqrt(x) R(x) <= 1 + eta. Hence

    E <= (1 + eta) |r_k| + eta |z|                                                            (4)

whatever the least eigenvalue of G is: one that the run has not seen is still in its residual. For
x < m, where (1) does not hold, the error is at most |z_x|, and rho_k(x) >= 1 - m sum 1/theta_i; so
with this at least 1/2 the allowance is TAIL |r_k|, and there is no bound before that. The sum is

    sum 1/theta_i = -rho_k'(0) = sum_j alpha_j pi_j,  pi_(j+1) = 1 + beta_j pi_j.             (5)

What rounding adds is estimated by ROUNDING eps sqrt(M/m') |z|, m' the least Rayleigh quotient seen.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.special

from symrank.errors import OptionError
from symrank.recurrences.columns import CURVATURE, column_dot, norms, running
from symrank.recurrences.conjugate_gradient import Apply
from symrank.support.typing import Array, FloatArray

__all__ = ["HalfPower", "half_power", "poles"]

NUM_POLES = 16  # eta is 1.4e-6 for M/m = SPREAD
SPREAD = 1e8  # M/m: beyond it a thousand steps are not enough
TAIL = 2.0  # of |r_k|, for eigenvalues below m
ROUNDING = 100.0  # of an estimate, not a bound; 3 is the most that was seen
HEADROOM = 4.0  # M over the largest diagonal of the Lanczos matrix, which is near its norm
DAMPED = 1e-3  # share of the tolerance, over all poles, at which a shifted system is solved


@dataclass(frozen=True, kw_only=True)
class HalfPower:
    """G^(1/2) z for a block, as far as the steps went."""

    V: Array  # (n, k), G w
    norm2: FloatArray  # (k,), <w, v> = |z^|^2
    error: FloatArray  # (k,), eq. (4)
    num_steps: int


def poles(largest: float) -> tuple[FloatArray, FloatArray, float]:
    """Return t_j, omega_j and eta of eq. (1) for [largest / SPREAD, largest]."""
    least = largest / SPREAD
    complete = float(scipy.special.ellipkm1(1.0 / SPREAD))
    u = (np.arange(NUM_POLES) + 0.5) * complete / NUM_POLES
    sn, cn, dn, _ = scipy.special.ellipj(u, 1.0 - 1.0 / SPREAD)
    t = least * (sn / cn) ** 2
    omega = 2.0 * complete * math.sqrt(least) / (math.pi * NUM_POLES) * dn / cn**2
    x = np.geomspace(least, largest, 2000)
    eta = float(np.abs(1.0 - np.sqrt(x) * (omega / (x[:, None] + t)).sum(axis=1)).max())
    return np.asarray(t), np.asarray(omega), eta


def half_power(
    Z: Array,
    G: Apply,
    largest: float,
    tolerance: float,
    max_steps: int,
    tick: Callable[[int], None],
) -> HalfPower:
    """Return G^(1/2) Z with E of eq. (4) below `tolerance` |z|, or as small as `max_steps` allow.

    Parameters
    ----------
    Z
        (n, k) columns, none of them zero.
    G
        R -> G R.
    largest
        Bound on the largest eigenvalue of G; a generous one costs little.
    tolerance
        Of E, relative to |z|.
    max_steps
        Products with the block.
    tick
        Called with 0 before each of them, so that a run can be stopped.

    Raises
    ------
    OptionError
        Where a product proves that G is not positive definite, or is singular to rounding.
    """
    while True:
        run = _Shifted(Z, largest)
        while run.num_steps < max_steps and not run.is_below(tolerance):
            tick(0)
            run.step(G, tolerance)
        if HEADROOM * run.top <= largest:
            break
        largest = HEADROOM**2 * run.top
    V = G(run.W)
    return HalfPower(
        V=V, norm2=column_dot(run.W, V), error=run.error(), num_steps=run.num_steps + 1
    )


class _Shifted:
    """Conjugate gradients for G x = z and all shifts, summed into w; eqs. (2) and (3)."""

    def __init__(self, Z: Array, largest: float) -> None:
        self.t, self.omega, self.eta = poles(largest)
        k, s = Z.shape[1], self.t.size
        self.bottom = largest / SPREAD
        self.W = np.zeros_like(Z)
        self.R, self.P = Z.copy(), Z.copy()
        self.shifted = np.repeat(Z[None], s, axis=0)  # (s, n, k), p_j of eq. (3)
        self.rho = column_dot(Z, Z)
        self.length = np.sqrt(self.rho)
        self.zeta, self.phi = np.ones((s, k)), np.ones((s, k))
        self.alpha, self.beta = np.ones(k), np.zeros(k)  # of the step before
        self.peak, self.least = np.zeros(k), np.full(k, np.inf)  # Rayleigh quotients
        self.top = 0.0  # largest diagonal of the Lanczos matrix
        self.pi, self.total = np.ones(k), np.zeros(k)  # total: the sum of eq. (5)
        self.open = np.ones(k, dtype=bool)
        self.num_steps = 0
        self.eps = float(np.finfo(Z.dtype).eps)

    def error(self) -> FloatArray:
        """Return eq. (4) for all columns."""
        rounding = ROUNDING * self.eps * np.sqrt(self.peak / self.least)
        error = (TAIL + self.eta) * np.sqrt(self.rho) + (self.eta + rounding) * self.length
        most = (1.0 + self.eta) * self.length  # 0 <= sqrt(x) w/z <= 1 + eta at any time
        return np.where(self.bottom * self.total <= 0.5, np.minimum(error, most), most)

    def is_below(self, tolerance: float) -> bool:
        """Close the columns whose error is below the tolerance; tell whether all are closed."""
        vanished = self.rho <= (self.eps * self.length) ** 2
        self.open = (self.error() > tolerance * self.length) & ~vanished
        return not self.open.any()

    def step(self, G: Apply, tolerance: float) -> None:
        """Advance the columns that are open."""
        at = running(self.open)
        P = self.P[:, at]
        GP = G(P)
        alpha = self.rho[at] / self._curvature(P, GP, at)
        real = P.real.dtype
        ratio = alpha * self.beta[at] / self.alpha[at]
        phi = 1.0 / (1.0 + alpha * self.t[:, None] + ratio * (1.0 - self.phi[:, at]))  # (2)
        zeta = self.zeta[:, at] * phi  # (2)
        R = self.R[:, at] - alpha.astype(real) * GP
        new = column_dot(R, R)
        beta = new / self.rho[at]
        size = self.omega[:, None] * self.zeta[:, at] * np.sqrt(self.rho[at] / self.t[:, None])
        is_open = size.max(axis=1) > DAMPED * tolerance * float(self.length.min()) / self.t.size
        for j in np.flatnonzero(is_open):
            D = self.shifted[j][:, at]
            self.W[:, at] += (self.omega[j] * alpha * phi[j]).astype(real) * D  # (3)
            D = zeta[j].astype(real) * R + (beta * phi[j] ** 2).astype(real) * D  # (3)
            self.shifted[j][:, at] = D
        self.R[:, at], self.P[:, at] = R, R + beta.astype(real) * P
        self.zeta[:, at], self.phi[:, at] = zeta, phi
        self.total[at] += alpha * self.pi[at]  # (5)
        self.pi[at] = 1.0 + beta * self.pi[at]  # (5)
        self.top = max(self.top, float((1.0 / alpha + self.beta[at] / self.alpha[at]).max()))
        self.rho[at], self.alpha[at], self.beta[at] = new, alpha, beta
        self.num_steps += 1

    def _curvature(self, P: Array, GP: Array, at: Array | slice) -> FloatArray:
        """Return <p, G p>, which is positive beyond rounding."""
        curvature, size2 = column_dot(P, GP), column_dot(P, P)
        quotient = curvature / size2
        self.peak[at] = np.maximum(self.peak[at], np.abs(quotient))
        self.least[at] = np.minimum(self.least[at], np.abs(quotient))
        limit = CURVATURE * self.eps * np.maximum(self.peak[at], norms(GP) / np.sqrt(size2))
        bad = ~(quotient > limit)
        if bad.any():
            j = int(np.flatnonzero(bad)[0])
            what = (
                "is not positive definite" if quotient[j] < -limit[j] else "is singular to rounding"
            )
            raise OptionError(
                f"the preconditioner G {what}: <p, G p> / <p, p> = {quotient[j]:.3g} for a vector "
                f"p, where {self.peak[at][j]:.3g} was seen for another (in units of a typical "
                f"|G z| / |z|), and {limit[j]:.2g} is rounding. G must be symmetric positive "
                "definite: pass such a G, or the factor S of G = S S*."
            )
        return np.asarray(curvature)
