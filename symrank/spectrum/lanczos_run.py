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

On the half line left of x the half planes take the place of the disk: f_B is analytic right of the
line Re z = x, where it falls to zero, f_C left of it, and (2) holds with the maxima over the line.

In floating point a Lanczos run behaves like an exact one for a matrix whose eigenvalues are small
clusters round those of A (A. Greenbaum, Linear Algebra Appl. 113, 1989). A perturbation of norm
`drift` turns the space of what lies inside by drift / gap towards an eigenvector at that distance
(|theta_j| for [-tau, tau]). So all bounds hold up to an allowance, with w the mass inside, of

    ROUNDING eps + 2 sqrt(w sum_j w_j (drift / gap_j)^2),   j outside.                        (4)

Bounds that cross even so contradict each other, and are handed on so, for
`symrank.spectrum.brackets`.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from symrank import kernels
from symrank.spectrum.region import FLOOR, Edge, Region
from symrank.support.cached import cached_property
from symrank.support.typing import Array, FloatArray

__all__ = ["LanczosRun"]

HALF_CIRCLE = np.exp(1j * np.pi * np.arange(13) / 12)  # |f(conj z)| = |f(z)|: half is enough
ROUNDING = 2.0**15  # largest violation without close eigenvalues: below 2^14 eps
DRIFT = 4.0  # a product and its step perturb A by about DRIFT eps |A| sqrt(steps)
LINE_RATIO = math.sqrt(2.0)  # of neighbouring points of a line, as f varies with their height
LINE_BELOW, LINE_ABOVE = 0.25, 4.0  # times the nearest Ritz value and |T|: where the line ends
CLEAR = 2.0  # drifts between the edge of a band and a node
SHARP = 1e-9  # a contour bracket this narrow needs no second one
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

    def __repr__(self) -> str:
        closed = ", closed" if self.is_exact else ""
        return f"<LanczosRun: {self.alpha.size} steps{closed}, eps {self.eps:.3g}>"

    @cached_property
    def eigen(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Eigenvalues of T, first and last components of its eigenvectors; (k,) each."""
        return kernels.load().golub_welsch(self.alpha, self.beta[:-1])  # type: ignore[no-any-return]

    @property
    def ritz_values(self) -> FloatArray:
        """Nodes of the Gauss rule, ascending; (k,)."""
        return self.eigen[0]

    @cached_property
    def weights(self) -> FloatArray:
        """Weights of the Gauss rule; (k,), sum 1."""
        weights = self.eigen[1] ** 2
        return np.asarray(weights / weights.sum())

    @cached_property
    def residuals(self) -> FloatArray:
        """Norms of A u_j - theta_j u_j, u_j the Ritz vectors; (k,)."""
        return np.asarray(np.abs(self.beta[-1] * self.eigen[2]))

    @cached_property
    def spectral_norm(self) -> float:
        """Largest Ritz value in modulus, a lower bound of |A|."""
        return float(np.abs(self.ritz_values).max())

    @cached_property
    def drift(self) -> float:
        """Norm of the perturbation of A that rounding in all steps amounts to."""
        return DRIFT * self.eps * math.sqrt(self.alpha.size) * self.spectral_norm

    @cached_property
    def floor(self) -> float:
        """The noise floor of the products: what lies below cannot be told from zero."""
        return FLOOR * self.eps * self.spectral_norm

    @cached_property
    def sharpness(self) -> float:
        """How far products may move an eigenvalue."""
        return self.floor

    def moment(self, power: int) -> tuple[float, float]:
        """Bounds on v*A^p v / v*v, p = 1 or 2; known here but for rounding."""
        first = float(self.alpha[0])
        value = first if power == 1 else first**2 + float(self.beta[0]) ** 2
        return value, value

    @property
    def is_exact(self) -> bool:
        """True where the Krylov space closed: the weights are the measure itself."""
        return bool(self.beta[-1] == 0.0)

    def leading(self, num_steps: int) -> "LanczosRun":
        """Return the run as it was after `num_steps` steps, one at least."""
        k = max(1, num_steps)
        return LanczosRun(self.alpha[:k], self.beta[:k], self.norm2, self.eps)

    def _rounding(self, inside: Array, origin: float, mass: float) -> float:
        """Allowance for floating point on a bound of the `mass` of the Ritz values inside.

        A perturbation of norm delta turns their space by delta / |lambda - origin| towards the
        eigenvector of lambda, and so moves mass in proportion to sqrt(mass) sqrt(weight). Their
        `origin` is zero for the null space, and for a half line that of them next to the others.
        """
        share = self.drift / (self.ritz_values[~inside] - origin)
        turned = float(np.sum(self.weights[~inside] * share**2))
        return ROUNDING * self.eps + 2.0 * math.sqrt(mass * min(turned, 1.0))

    @cached_property
    def _coupling(self) -> FloatArray:
        """s_1j r_j, zero for Ritz pairs converged to rounding; (k,)."""
        _, first, last = self.eigen
        residual = self.beta[-1] * last
        residual[np.abs(residual) < 8.0 * self.eps * self.spectral_norm] = 0.0
        return np.asarray(first * residual)

    def null_mass(self, tau: float, *, radau: bool = True) -> tuple[float, float]:
        """Bounds on mu([-tau, tau]), eqs. (1), (2) and (3) with the rounding allowance.

        Without `radau` no further eigenproblem is solved, and gaps cost some sharpness.
        """
        inside = np.abs(self.ritz_values) <= tau
        if math.isinf(tau) or (self.is_exact and (inside.all() or not inside.any())):
            return float(inside.all()), float(inside.all())
        mass = float(self.weights[inside].sum())
        bounds = [(mass, mass)] if self.is_exact else [self._contour(tau, inside, mass)]
        if not self.is_exact:
            bounds.append(self._radau(tau) if radau else self._two_separations(inside, mass))
        rounding = self._rounding(inside, 0.0, mass)
        low, high = max(b[0] for b in bounds), min(b[1] for b in bounds)
        return max(0.0, low - rounding), min(1.0, max(0.0, high + rounding))

    def _separation(self, x: float, mass: float) -> tuple[float, float]:
        """Eq. (3) on a half line: the node on either side of x may lie on the other."""
        first = int(np.searchsorted(self.ritz_values, x, side="right"))
        last = self.weights[first - 1] if first else 0.0
        following = self.weights[first] if first < self.weights.size else 0.0
        return mass - float(last), mass + float(following)

    def _two_separations(self, inside: Any, mass: float) -> tuple[float, float]:
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
        """Eq. (2) on the circle."""
        return self._analytic(tau * HALF_CIRCLE, inside, mass)

    def _analytic(self, z: Array, inside: Array, mass: float) -> tuple[float, float]:
        """Eq. (2) with the maxima over the points z."""
        with np.errstate(divide="ignore", invalid="ignore"):  # a Ritz value on the boundary
            terms = self._coupling / (self.ritz_values - z[:, None])
            terms[:, self._coupling == 0.0] = 0.0
            a = float(np.abs(terms[:, inside].sum(axis=1)).max())
            c = float(np.abs(terms[:, ~inside].sum(axis=1)).max())
        mixed = min(math.sqrt(mass) * c, math.sqrt(max(0.0, 1.0 - mass)) * a)
        if not math.isfinite(a + c + mixed):
            return 0.0, 1.0
        return mass - a * a - 2.0 * mixed, mass + c * c + 2.0 * mixed

    def _line(self, x: float) -> Array:
        """Points of the line Re z = x, denser where the Ritz values next to x make f vary."""
        nearest = float(np.abs(self.ritz_values - x).min())
        top = LINE_ABOVE * max(self.spectral_norm, abs(x))
        bottom = max(LINE_BELOW * nearest, self.eps * top)
        heights = np.geomspace(bottom, top, 2 + int(math.log(top / bottom, LINE_RATIO)))
        return np.asarray(x + 1j * np.append(0.0, heights))

    def _radau(self, tau: float) -> tuple[float, float]:
        """Eq. (1) at tau and at -tau, each with the allowance (4) of a half line.

        Rounding moves mass between the values on either side of tau, and of -tau: where these are
        close, what the difference has for none of it.
        """
        low, high = self.mass_below(tau)
        moved = self._half_line_rounding(tau)
        if low <= self.eps and self.ritz_values[0] > -tau:
            return 0.0, high + moved  # no lower bound is left, and no mass is known left of -tau
        left_low, left_high = self.mass_below(-tau)
        moved += self._half_line_rounding(-tau)
        return low - left_high - moved, high - left_low + moved

    def _half_line_rounding(self, x: float) -> float:
        """Allowance on a bound of the mass to the left of x."""
        inside = self.ritz_values <= x
        origin = float(self.ritz_values[inside].max(initial=-math.inf))
        return self._rounding(inside, origin, float(self.weights[inside].sum()))

    def mass_left(self, x: float, *, radau: bool = True) -> tuple[float, float]:
        """Bounds on mu((-oo, x]), eqs. (1), (2) and (3), with the rounding allowance.

        Without `radau` no further eigenproblem is solved, as for `null_mass`.
        """
        inside = self.ritz_values <= x
        is_all = bool(inside.all())
        if math.isinf(x) or (self.is_exact and (is_all or not inside.any())):
            return float(is_all), float(is_all)
        mass = float(self.weights[inside].sum())
        low, high = (mass, mass) if self.is_exact else self._analytic(self._line(x), inside, mass)
        if high - low > SHARP:
            other = self.mass_below(x) if radau else self._separation(x, mass)
            low, high = max(low, other[0]), min(high, other[1])
        rounding = self._half_line_rounding(x)
        return max(0.0, low - rounding), min(1.0, max(0.0, high + rounding))

    def uncounted_mass(self, region: Region, *, radau: bool = True) -> tuple[float, float]:
        """Bounds on the mass of what does not count, whether or not what lies in a band counts.

        `radau` as for `null_mass`.
        """
        low, high = region.low, region.high
        if not region.counts_inside:
            if not high.is_band:
                return self.null_mass(high.left, radau=radau)
            inner = self._clear(high.left, -1.0, np.abs(self.ritz_values))
            outer = self._clear(high.right, 1.0, np.abs(self.ritz_values))
            least = self.null_mass(max(inner, 0.0), radau=radau)[0]
            return least, self.null_mass(outer, radau=radau)[1]
        starts, ends = self._mass_of(low, radau), self._mass_of(high, radau)
        least, most = ends[0] - starts[1], ends[1] - starts[0]
        return 1.0 - most, 1.0 - least

    def _mass_of(self, edge: Edge, radau: bool) -> tuple[float, float]:
        """Bounds on the mass left of an edge, whether or not what lies in its band is there."""
        if not edge.is_band:
            return self.mass_left(edge.left, radau=radau)
        left = self._clear(edge.left, -1.0, self.ritz_values)
        right = self._clear(edge.right, 1.0, self.ritz_values)
        return self.mass_left(left, radau=radau)[0], self.mass_left(right, radau=radau)[1]

    def _clear(self, x: float, direction: float, nodes: FloatArray) -> float:
        """Move the edge of a band outwards until rounding moves no node across it."""
        apart = CLEAR * self.drift
        nodes = np.sort(direction * nodes)
        x = direction * x
        for node in nodes[np.searchsorted(nodes, x - apart) :]:
            if node > x + apart:
                break
            x = float(node) + 2.0 * apart
        return direction * x

    def band_mass(self, edge: Edge) -> tuple[float, float]:
        """Bounds on the mass in the band of an edge."""
        left, right = (self.mass_left(x, radau=False) for x in (edge.left, edge.right))
        return max(0.0, right[0] - left[1]), max(0.0, right[1] - left[0])

    def mass_below(self, x: float) -> tuple[float, float]:
        """Bounds on mu((-oo, x)) and mu((-oo, x]) by Gauss-Radau, eq. (1), without allowance."""
        rule = self.radau(x)
        if rule is None:
            return 0.0, 1.0
        nodes, weights = rule
        node = int(np.abs(nodes - x).argmin())
        left = float(weights[:node].sum())
        return left, left + float(weights[node])

    def parts(self, x: float) -> tuple[FloatArray, FloatArray, FloatArray, float]:
        """Return what `symrank.spectrum.half_line` needs for a node at x."""
        nodes, first, last = self.eigen
        return nodes, first, np.asarray(self.beta[-1] * last), x

    def radau(self, x: float) -> tuple[FloatArray, FloatArray] | None:
        """Nodes and weights of the Gauss-Radau rule with a node at x, ascending; (k + 1,) each.

        None where x lies so close to a Ritz value that the rule would lose its digits.
        """
        d = self.alpha[0] - x
        for a, b in zip(self.alpha[1:], self.beta[:-1], strict=True):
            if d == 0.0:
                return None
            d = a - x - b * b / d
        if d == 0.0:
            return None
        corner = x + self.beta[-1] ** 2 / d
        if not abs(corner) <= RADAU_LIMIT * self.spectral_norm:
            return None  # the contour bound is sharp there
        nodes, first, _ = kernels.load().golub_welsch(np.append(self.alpha, corner), self.beta)
        return nodes, first**2
