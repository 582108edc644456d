r"""Spectral filters phi: every method estimates tr phi(A) for its own phi.

Langevin, quadratic loss, g_k = A theta_k, x = eta lambda, q = 1 - x, noise of second moment I
(sigma cancels). A chain's energy e_k has mean sum phi_k(lambda), and its average over a window of
K steps has the variance sum v_K(lambda) once the modes have settled, for Gaussian noise; noise of
less kurtosis has less. With rho_j the autocorrelation of a mode's coordinate,

    v_K = 2/K (1 + 2 sum_(j=1..K-1) (1 - j/K) rho_j^2)                                 (Isserlis)

Euler-Maruyama, eq. (21):  theta' = theta - eta g + sqrt(eta) n
    energy, eq. (20):   e = 2 <theta, g>                 phi_k = (1 - q^(2k)) / (1 - x/2)
    corrected:          e = 2 <theta, g> - eta <g, g>    phi_k = 1 - q^(2k)
    rho_j = q^j;  K v_K -> 2 (1 + q^2) / (1 - q^2)

Leimkuhler-Matthews:  theta' = theta - eta g + sqrt(eta) (n_k + n_(k+1))/2
    theta_0 = sqrt(eta) n_0 / 2,  e = 2 <theta, g>       phi_k = 1 - q^(2k) (1 - x/2)
    rho_j = (1 - x/2) q^(j-1);  K v_K -> 1 + 2/x

BAOAB, kinetic, a = h sqrt(lambda), c = exp(-gamma h), kT = 1, v_0 = n:
    u = v - h g;  v' = c u + sqrt(1 - c^2) n;  theta' = theta + h/2 (u + v');  e = <theta, g>

In p = sqrt(lambda) theta and v a step is z' = M z + noise,

    M = [[1 - a^2 (1 + c)/2, a (1 + c)/2], [-a c, c]],   stationary covariance [[1, a/2], [a/2, 1]]

so phi = 1 in the limit for every a < 2, and the covariances (pp, pv, vv) move by the 3x3 matrix T
of the symmetric square of M. c = 0 is Leimkuhler-Matthews with eta = h^2/2.
"""

import math
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol

import numpy as np
import numpy.typing as npt

from symrank.kernels.coefficients import Coefficients
from symrank.support.typing import FloatArray

__all__ = ["Baoab", "EulerMaruyama", "LeimkuhlerMatthews", "Scheme"]

STILL = 1e-6  # a mode whose variance moves by less than this share is at its start
UNMOVED = 1e-60  # and below this share in no run at all: the inverse of I - T would overflow
FROZEN = 1e-4  # and one that moves by less within the window has rho = 1 to that accuracy


class Scheme(Protocol):
    """An integrator, as a function of the eigenvalue."""

    is_kinetic: ClassVar[bool]

    @property
    def coefficients(self) -> Coefficients:
        """Return the numbers of one step."""

    def phi(self, lam: npt.ArrayLike, k: int) -> FloatArray:
        """Return the filter after k steps."""

    def limit(self, lam: npt.ArrayLike) -> FloatArray:
        """Return what `phi` tends to."""

    def deviation(self, lam: npt.ArrayLike, first: int, last: int) -> FloatArray:
        """Return the mean of phi_k - 1 over k = first..last-1."""

    def variance(self, lam: npt.ArrayLike, num_steps: int) -> FloatArray:
        """Return v_K, the variance of a settled mode's mean over K steps."""


@dataclass(frozen=True)
class EulerMaruyama:
    """Eq. (21); stable for 0 < step_size < 2 / lambda_max."""

    step_size: float
    estimator: Literal["corrected", "energy"] = "corrected"

    is_kinetic: ClassVar[bool] = False

    @property
    def coefficients(self) -> Coefficients:
        """See `Scheme`."""
        eta = self.step_size
        correction = eta if self.estimator == "corrected" else 0.0
        return Coefficients(eta, math.sqrt(eta), energy_correction=correction)

    def _gain(self, lam: FloatArray) -> FloatArray:
        gain = 1.0 - 0.5 * self.step_size * lam if self.estimator == "energy" else np.ones_like(lam)
        return np.asarray((lam > 0.0) / gain)

    def phi(self, lam: npt.ArrayLike, k: int) -> FloatArray:
        """See `Scheme`."""
        lam = np.asarray(lam, np.float64)
        return self._gain(lam) * (1.0 - (1.0 - self.step_size * lam) ** (2 * k))

    def limit(self, lam: npt.ArrayLike) -> FloatArray:
        """See `Scheme`."""
        return self._gain(np.asarray(lam, np.float64))

    def deviation(self, lam: npt.ArrayLike, first: int, last: int) -> FloatArray:
        """See `Scheme`."""
        lam = np.asarray(lam, np.float64)
        r = (1.0 - self.step_size * lam) ** 2
        return self._gain(lam) * (1.0 - r**first * _mean_power(r, last - first)) - 1.0

    def variance(self, lam: npt.ArrayLike, num_steps: int) -> FloatArray:
        """See `Scheme`."""
        lam = np.asarray(lam, np.float64)
        r = (1.0 - self.step_size * lam) ** 2
        spread = 2.0 / num_steps * (2.0 * _triangle(r, num_steps) - 1.0)
        return np.asarray(self._gain(lam) ** 2 * spread)


@dataclass(frozen=True)
class LeimkuhlerMatthews:
    """Noise averaged over two steps: no discretisation bias; 0 < step_size < 2 / lambda_max.

    B. Leimkuhler and C. Matthews, Appl. Math. Res. Express 2013(1).
    """

    step_size: float

    is_kinetic: ClassVar[bool] = False

    @property
    def coefficients(self) -> Coefficients:
        """See `Scheme`."""
        return Coefficients(self.step_size, math.sqrt(self.step_size), averaged=True)

    def phi(self, lam: npt.ArrayLike, k: int) -> FloatArray:
        """See `Scheme`."""
        x = self.step_size * np.asarray(lam, np.float64)
        return np.asarray((x > 0.0) * (1.0 - (1.0 - x) ** (2 * k) * (1.0 - 0.5 * x)))

    def limit(self, lam: npt.ArrayLike) -> FloatArray:
        """See `Scheme`."""
        return np.asarray(np.asarray(lam) > 0.0, np.float64)

    def deviation(self, lam: npt.ArrayLike, first: int, last: int) -> FloatArray:
        """See `Scheme`."""
        x = self.step_size * np.asarray(lam, np.float64)
        r = (1.0 - x) ** 2
        return np.asarray(-(r**first) * _mean_power(r, last - first) * (1.0 - 0.5 * x))

    def variance(self, lam: npt.ArrayLike, num_steps: int) -> FloatArray:
        """See `Scheme`."""
        x = self.step_size * np.asarray(lam, np.float64)
        r = (1.0 - x) ** 2
        # sum_(j>=1) (1 - j/K) r^(j-1) = (K-1)/K times the triangle sum of K - 1
        K = num_steps
        tail = (K - 1) / K * _triangle(r, K - 1) if K > 1 else np.zeros_like(r)
        return np.asarray((x > 0.0) * 2.0 / K * (1.0 + 2.0 * (1.0 - 0.5 * x) ** 2 * tail))


@dataclass(frozen=True)
class Baoab:
    """Kinetic Langevin dynamics; stable for 0 < step_size < 2 / sqrt(lambda_max).

    It resolves lambda_min in O(sqrt(kappa)) steps where the others need O(kappa).
    B. Leimkuhler and C. Matthews, J. Chem. Phys. 138, 174102 (2013).

    Parameters
    ----------
    step_size
        h, in units of 1 / sqrt(lambda).
    friction
        gamma, in units of sqrt(lambda).
    """

    step_size: float
    friction: float

    is_kinetic: ClassVar[bool] = True

    @property
    def coefficients(self) -> Coefficients:
        """See `Scheme`."""
        c = math.exp(-self.friction * self.step_size)
        return Coefficients(self.step_size, math.sqrt((1.0 - c) * (1.0 + c)), decay=c)

    def phi(self, lam: npt.ArrayLike, k: int) -> FloatArray:
        """See `Scheme`."""
        return 1.0 + self.deviation(lam, k, k + 1)

    def limit(self, lam: npt.ArrayLike) -> FloatArray:
        """See `Scheme`."""
        return np.asarray(np.asarray(lam) > 0.0, np.float64)

    def deviation(self, lam: npt.ArrayLike, first: int, last: int) -> FloatArray:
        """See `Scheme`."""
        a, T, R, slowness = self._mode(lam)
        start = np.stack([-np.ones_like(a), -0.5 * a, np.zeros_like(a)], axis=-1)[..., None]
        power = np.linalg.matrix_power(T, first)
        rest = np.eye(3) - np.linalg.matrix_power(T, last - first)
        mean = (R @ (rest @ (power @ start)))[..., 0, 0] / (last - first)
        return np.where(last * slowness < STILL, -1.0, mean)

    def variance(self, lam: npt.ArrayLike, num_steps: int) -> FloatArray:
        """See `Scheme`."""
        a, T, R, slowness = self._mode(lam)
        K = num_steps
        # rho_j^2 is the pp entry of T^j applied to w w', w = (1, a/2) the covariances with p
        w = np.stack([np.ones_like(a), 0.5 * a, 0.25 * a * a], axis=-1)[..., None]
        rest = np.eye(3) - np.linalg.matrix_power(T, K)
        triangle = (R @ (K * w - T @ (R @ (rest @ w))))[..., 0, 0] / K
        spread = np.where(slowness * K < FROZEN, 2.0, 2.0 / K * (2.0 * triangle - 1.0))
        return np.where(slowness > 0.0, spread, 0.0)

    def _mode(self, lam: npt.ArrayLike) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Return a, T, (I - T)^-1 and 1 - r, r the slowest decay of T where a is small.

        (1 - r)(1 - c)(1 - c^2) = det(I - T) = (1 - c) (1 + c)^2 a^2 (1 - a^2/4) there; zero, and a
        stands as 1, for an eigenvalue that is not positive.
        """
        lam = np.asarray(lam, np.float64)
        c = self.coefficients.decay
        positive = lam > 0.0
        a = np.asarray(self.step_size * np.sqrt(np.where(positive, lam, 1.0)))
        slowness = np.where(positive, a * a * (1.0 - 0.25 * a * a) * (1.0 + c) / (1.0 - c), 0.0)
        a = np.where(slowness > UNMOVED, a, 1.0)
        m11, m12 = 1.0 - 0.5 * a * a * (1.0 + c), 0.5 * a * (1.0 + c)
        m21, m22 = -a * c, np.full_like(a, c)
        rows = (
            (m11 * m11, 2.0 * m11 * m12, m12 * m12),
            (m11 * m21, m11 * m22 + m12 * m21, m12 * m22),
            (m21 * m21, 2.0 * m21 * m22, m22 * m22),
        )
        T = np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)
        return a, T, np.asarray(np.linalg.inv(np.eye(3) - T), np.float64), slowness


def _mean_power(r: FloatArray, num: int) -> FloatArray:
    """Return the mean of r^j over j = 0..num-1, 0 <= r."""
    gap = 1.0 - r
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return np.asarray(np.where(gap != 0.0, (1.0 - r**num) / (gap * num), 1.0))


def _triangle(r: FloatArray, num: int) -> FloatArray:
    """Return the sum of (1 - j/num) r^j over j = 0..num-1, 0 <= r <= 1."""
    gap = 1.0 - r
    with np.errstate(divide="ignore", invalid="ignore"):
        total = (num - r * (1.0 - r**num) / gap) / (gap * num)
    return np.asarray(np.where(gap * num > FROZEN, total, 0.5 * (num + 1)))
