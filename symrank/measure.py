r"""What a Lanczos run knows about the spectrum, free of further products.

k steps from v give a Jacobi matrix T with Ritz values theta_j, weights w_j = s_1j^2 (sum 1) and
residuals r_j = beta_k s_kj. For the spectral measure mu of v and a cut tau > 0 two proved bounds
on the null mass mu([-tau, tau]) are taken, and the better of each side kept:

Gauss-Radau. Replace the last diagonal by x + beta_(k-1)^2 / d_(k-1), d_1 = alpha_1 - x,
d_j = alpha_j - x - beta_(j-1)^2 / d_(j-1): the extended matrix has the node x, and

    sum of weights left of x  <=  mu((-oo, x))  <=  mu((-oo, x])  <=  the same + weight of x   (1)

the best bounds that these coefficients allow (the weight of x is the Christoffel function).

Contour. Let B be the Ritz values with |theta_j| <= tau and C the others, f_S(z) =
sum_S s_1j r_j / (theta_j - z). An eigenvector x of A has <x, y_S> = f_S(lambda) <x, v_(k+1)> up to
sign, y_S = sum_S s_1j u_j. f_B is analytic outside the circle |z| = tau, f_C inside, so with
a = max |f_B|, c = max |f_C| on the circle, and w_B, w_C the masses of B and C,

    w_B - a^2 - 2 m <= mu([-tau, tau]) <= w_B + c^2 + 2 m, m = min(sqrt(w_B) c, sqrt(w_C) a)  (2)

Chebyshev-Markov-Stieltjes. The weights strictly between two nodes bound the mass between them
from below, those up to and including them from above:                                        (3)
looser than (1) but free, for curves.

In floating point a Lanczos run behaves like an exact one for a matrix whose eigenvalues are
small clusters round those of A (A. Greenbaum, Linear Algebra Appl. 113, 1989), so both hold up to
an allowance for rounding, which is subtracted.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from symrank import kernels
from symrank._typing import FloatArray
from symrank.intervals import BetaInterval

__all__ = ["LanczosRun", "RitzMeasure"]

HALF_CIRCLE = np.exp(1j * np.pi * np.arange(13) / 12)  # |f(conj z)| = |f(z)|: half is enough
ROUNDING = 2.0**15  # largest violation without close eigenvalues: below 2^14 eps
DRIFT = 4.0  # a product and its step perturb A by about DRIFT eps |A| sqrt(steps)
RADAU_LIMIT = 1e3  # a last diagonal above this many |T| would cost digits of the nodes near 0


@dataclass(frozen=True, eq=False)
class LanczosRun:
    """Coefficients of one three-term recurrence and the mass bounds that they prove.

    Parameters
    ----------
    alpha, beta
        Diagonal and off-diagonal, both (k,); ``beta[-1]`` is the norm of the residual vector,
        zero where the Krylov space is invariant and the measure is known exactly.
    norm2
        |v|^2 of the start vector.
    eps
        Unit of rounding of the products.
    """

    alpha: FloatArray  # (k,)
    beta: FloatArray  # (k,)
    norm2: float
    eps: float

    @cached_property
    def _eigen(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        return kernels.load().golub_welsch(self.alpha, self.beta[:-1])  # type: ignore[no-any-return]

    @property
    def ritz_values(self) -> FloatArray:
        """Nodes of the Gauss rule, ascending; (k,)."""
        return self._eigen[0]

    @cached_property
    def weights(self) -> FloatArray:
        """Weights of the Gauss rule; (k,), sum 1."""
        weights = self._eigen[1] ** 2
        return np.asarray(weights / weights.sum())

    @cached_property
    def residuals(self) -> FloatArray:
        """Norms of A u_j - theta_j u_j, u_j the Ritz vectors; (k,)."""
        return np.asarray(np.abs(self.beta[-1] * self._eigen[2]))

    @cached_property
    def spectral_norm(self) -> float:
        """Largest Ritz value in modulus, a lower bound of |A|."""
        return float(np.abs(self.ritz_values).max())

    @property
    def is_exact(self) -> bool:
        """True where the Krylov space closed: the weights are the measure itself."""
        return bool(self.beta[-1] == 0.0)

    def _rounding(self, tau: float, mass: float) -> float:
        """Allowance on each bound for floating point.

        A perturbation of norm delta turns the null space by delta / |lambda| towards the
        eigenvector of lambda, and so moves mass in proportion to sqrt(mass) sqrt(weight).
        """
        outside = np.abs(self.ritz_values) > tau
        delta = DRIFT * self.eps * math.sqrt(self.alpha.size) * self.spectral_norm
        turned = float(np.sum(self.weights[outside] * (delta / self.ritz_values[outside]) ** 2))
        return ROUNDING * self.eps + 2.0 * math.sqrt(mass * min(turned, 1.0))

    @cached_property
    def _coupling(self) -> FloatArray:
        """s_1j r_j, zero for Ritz pairs converged to rounding; (k,)."""
        _, first, last = self._eigen
        residual = self.beta[-1] * last
        residual[np.abs(residual) < 8.0 * self.eps * self.spectral_norm] = 0.0
        return np.asarray(first * residual)

    def null_mass(self, tau: float, *, radau: bool = True) -> tuple[float, float]:
        """Bounds on mu([-tau, tau]), eqs. (1), (2) and (3) with the rounding allowance.

        Without `radau` no further eigenproblem is solved, and gaps cost some sharpness.
        """
        inside = np.abs(self.ritz_values) <= tau
        if self.is_exact and (inside.all() or not inside.any()):
            return float(inside.all()), float(inside.all())
        mass = float(self.weights[inside].sum())
        bounds = [(mass, mass)] if self.is_exact else [self._contour(tau, inside, mass)]
        if not self.is_exact:
            bounds.append(self._radau(tau) if radau else self._separation(inside, mass))
        rounding = self._rounding(tau, mass)
        low, high = max(b[0] for b in bounds), min(b[1] for b in bounds)
        return max(0.0, low - rounding), min(1.0, high + rounding)

    def _separation(self, inside: Any, mass: float) -> tuple[float, float]:
        """Eq. (3): the nodes next to the ends of [-tau, tau] may lie on either side."""
        within = np.flatnonzero(inside)
        if within.size:
            first, last = int(within[0]), int(within[-1])
            ends = self.weights[[first, last] if last > first else [first]].sum()
        else:
            last = int(np.searchsorted(self.ritz_values, 0.0)) - 1
            first, ends = last + 1, 0.0
        left = self.weights[first - 1] if first else 0.0
        right = self.weights[last + 1] if last + 1 < self.weights.size else 0.0
        return mass - float(ends), mass + float(left + right)

    def _contour(self, tau: float, inside: Any, mass: float) -> tuple[float, float]:
        """Eq. (2)."""
        z = tau * HALF_CIRCLE[:, None]
        with np.errstate(divide="ignore", invalid="ignore"):  # a Ritz value on the circle
            terms = self._coupling / (self.ritz_values - z)
            terms[:, self._coupling == 0.0] = 0.0
            a = float(np.abs(terms[:, inside].sum(axis=1)).max())
            c = float(np.abs(terms[:, ~inside].sum(axis=1)).max())
        mixed = min(math.sqrt(mass) * c, math.sqrt(max(0.0, 1.0 - mass)) * a)
        if not math.isfinite(a + c + mixed):
            return 0.0, 1.0
        return mass - a * a - 2.0 * mixed, mass + c * c + 2.0 * mixed

    def _radau(self, tau: float) -> tuple[float, float]:
        """Eq. (1) at tau and at -tau."""
        low, high = self.mass_below(tau)
        if low <= self.eps and self.ritz_values[0] > -tau:
            return 0.0, high  # the lower bound is lost already, and no mass is known left of -tau
        left_low, left_high = self.mass_below(-tau)
        return low - left_high, high - left_low

    def mass_left(self, x: float) -> tuple[float, float]:
        """Bounds on mu((-oo, x]), eq. (1), with the rounding allowance."""
        if self.is_exact:
            mass = float(self.weights[self.ritz_values <= x].sum())
            low = high = mass
        else:
            low, high = self.mass_below(x)
        rounding = self._rounding(abs(x), 1.0)
        return max(0.0, low - rounding), min(1.0, high + rounding)

    def mass_below(self, x: float) -> tuple[float, float]:
        """Bounds on mu((-oo, x)) and mu((-oo, x]) by Gauss-Radau, eq. (1), without allowance."""
        d = self.alpha[0] - x
        for a, b in zip(self.alpha[1:], self.beta[:-1], strict=True):
            if d == 0.0:
                return 0.0, 1.0
            d = a - x - b * b / d
        if d == 0.0:
            return 0.0, 1.0
        corner = x + self.beta[-1] ** 2 / d
        if not abs(corner) <= RADAU_LIMIT * self.spectral_norm:
            return 0.0, 1.0  # x is all but a Ritz value; the contour bound is sharp there
        nodes, first, _ = kernels.load().golub_welsch(np.append(self.alpha, corner), self.beta)
        weights = first**2
        node = int(np.abs(nodes - x).argmin())
        left = float(weights[:node].sum())
        return left, left + float(weights[node])


@dataclass(frozen=True, eq=False)
class RitzMeasure:
    """The spectral measures of all probes, pooled: an estimate of the spectrum of A.

    Eigenvalues are in the units of the caller's operator: the runs' times `scale`.

    Parameters
    ----------
    runs
        One `LanczosRun` a probe.
    n
        Dimension.
    scale
        Unit of the runs' eigenvalues.
    is_complex
        Whether the probes were complex.
    num_looks
        How many looks at a growing set of probes share alpha.
    """

    runs: Sequence[LanczosRun]
    n: int
    scale: float = 1.0
    is_complex: bool = False
    num_looks: int = 1

    @cached_property
    def _share(self) -> FloatArray:
        norms = np.array([run.norm2 for run in self.runs])
        return np.asarray(norms / norms.sum())

    @cached_property
    def ritz_values(self) -> FloatArray:
        """All nodes of all probes, ascending."""
        return self._sorted[0]

    @cached_property
    def weights(self) -> FloatArray:
        """Their weights, in the same order; they sum to 1, and n times a weight is a count."""
        return self._sorted[1]

    @cached_property
    def _sorted(self) -> tuple[FloatArray, FloatArray]:
        nodes = np.concatenate([run.ritz_values for run in self.runs]) * self.scale
        weights = np.concatenate(
            [share * run.weights for share, run in zip(self._share, self.runs, strict=True)]
        )
        order = np.argsort(nodes, kind="stable")
        return nodes[order], weights[order]

    @property
    def spectral_norm(self) -> float:
        """Largest Ritz value in modulus."""
        return max(run.spectral_norm for run in self.runs) * self.scale

    def trace(self, f: Any) -> float:
        """Estimate tr f(A) = n sum_j w_j f(theta_j); `f` takes and returns an array."""
        return float(self.n * (self.weights @ f(self.ritz_values)))

    def null_mass(self, tau: float, *, radau: bool = True) -> tuple[float, float]:
        """Pooled bounds on the share of the probes in the eigenvalues |lambda| <= tau."""
        bounds = np.array([run.null_mass(tau / self.scale, radau=radau) for run in self.runs])
        return self.pool(bounds)

    def pool(self, bounds: FloatArray) -> tuple[float, float]:
        """Average per-probe bounds (m, 2) by squared norms; exactly 0 and 1 where all are."""
        low = float(self._share @ bounds[:, 0])
        return low, 1.0 - float(self._share @ (1.0 - bounds[:, 1]))

    def interval_from(self, low: float, high: float) -> BetaInterval:
        """Return the Beta interval that belongs to bounds on the pooled null mass."""
        return BetaInterval(
            n=self.n,
            num_probes=len(self.runs),
            null_low=low,
            null_high=high,
            num_looks=self.num_looks,
            is_complex=self.is_complex,
        )

    def inertia(
        self, tau: float, confidence: float
    ) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
        """Intervals of n_plus, n_zero and n_minus at the cut, that hold all at once.

        Gauss-Radau bounds at tau and -tau, and the contour bound of the null mass; alpha is split
        evenly over the three.
        """
        level = 1.0 - (1.0 - confidence) / 3.0
        x = tau / self.scale
        left = np.array([run.mass_left(-x) for run in self.runs])
        right = np.array([run.mass_left(x) for run in self.runs])
        null = np.array([run.null_mass(x) for run in self.runs])
        found = []
        for low, high in (  # of what does not count
            self.pool(right),
            self.pool(1.0 - null[:, ::-1]),
            self.pool(1.0 - left[:, ::-1]),
        ):
            found.append(self.interval_from(low, high)(level))
        return found[0], found[1], found[2]

    def counting_function(self, tau: FloatArray, confidence: float) -> FloatArray:
        """Estimate and band of #{|lambda| > tau}; (3, len(tau)): estimate, low, high.

        The band is that of eqs. (2) and (3), which cost no eigenproblem a cut.
        """
        rows = []
        for cut in np.atleast_1d(tau):
            estimate = self.n * float(self.weights[np.abs(self.ritz_values) > cut].sum())
            bounds = self.null_mass(float(cut), radau=False)
            low, high = self.interval_from(*bounds)(confidence)
            rows.append((min(max(estimate, low), high), low, high))
        return np.array(rows).T

    def to_dict(self) -> dict[str, Any]:
        """Return the coefficients as plain JSON values."""
        return {
            "n": self.n,
            "scale": self.scale,
            "is_complex": self.is_complex,
            "num_looks": self.num_looks,
            "runs": [
                {
                    "alpha": run.alpha.tolist(),
                    "beta": run.beta.tolist(),
                    "norm2": run.norm2,
                    "eps": run.eps,
                }
                for run in self.runs
            ],
        }

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> "RitzMeasure":
        """Invert `to_dict`."""
        fields = dict(record)
        runs = [
            LanczosRun(np.array(r["alpha"]), np.array(r["beta"]), r["norm2"], r["eps"])
            for r in fields.pop("runs")
        ]
        return cls(runs=runs, **fields)
