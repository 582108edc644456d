r"""What a Golub-Kahan run knows about the singular values of a matrix, on their own scale.

k steps from u give a bidiagonal L, with a on its diagonal and b below
(`symrank.recurrences.golub_kahan`). The same numbers, in turn, are those of a Lanczos run with
[[0, Y], [Y^H, 0]] from (u, 0), whose measure is even, half of u's mass at either sign of sigma:

    alpha_j = 0,    beta = (a_1, b_1, a_2, b_2, .., a_k, b_k).                                (1)

So all bounds of `symrank.spectrum.lanczos_run` hold for the mass of u in the singular values up to
tau, which is the mass of (u, 0) in [-tau, tau]. They need no square: rounding perturbs the
bidiagonal by some eps sigma_1, each singular value by as much (Weyl), and a floor of c eps sigma_1
on sigma follows, where the steps with Y Y^H, as many products, leave one of sqrt(c eps) sigma_1.

Gauss-Radau in sigma^2. The measure nu of sigma^2 lies on [0, oo) and has q + 1 known moments after
q numbers of (1). Let p_j be the characteristic polynomials of the leading j x j matrices of (1),
r_j = p_j(tau) / p_(j-1)(tau):

    r_1 = tau,    r_(j+1) = tau - beta_j^2 / r_j.                                             (2)

A matrix with one more row, coupled by c with c^2 = tau r_(q+1), has the eigenvalues +-tau, since
p_(q+2)(tau) = tau p_(q+1)(tau) - c^2 p_q(tau). For c^2 >= 0 its eigenvalues squared, with the
weights of both signs together, are the rule on [0, oo) with a node at tau^2 that the moments allow.
The touching polynomials of the Chebyshev-Markov-Stieltjes inequality have a simple zero at tau^2
and at a node at the end 0, and double ones at all others, so that

    weights of nodes < tau  <=  nu([0, tau^2))  <=  nu([0, tau^2])  <=  the same + the node's.  (3)

(M. G. Krein and A. A. Nudelman, The Markov moment problem and extremal problems, 1977.) For c^2 < 0
no such rule has that last moment: the node that would have to be negative lies at infinity. Then
the last number b of (1) is replaced, by beta_q^2 -> tau r_q, which is positive and less than b^2 as
0 > r_(q+1) = tau - b^2 / r_q, and (3) holds with one moment less.

That is as sharp as a Lanczos run with Y Y^H is, node by node, and sharper than one-sided rules at
tau and -tau of (1), which do not know that the measure is even.
"""

import dataclasses
import math
from dataclasses import dataclass

import numpy as np

from symrank import kernels
from symrank.spectrum.half_line import left_of
from symrank.spectrum.lanczos_run import RADAU_LIMIT, LanczosRun
from symrank.support.cached import cached_property
from symrank.support.typing import FloatArray

__all__ = ["GolubKahanRun"]

FAR = 1e150  # times the largest: a level whose square is in the range
LEFT = 1e-9  # share by which a node may lie left of where it was put


@dataclass(frozen=True, eq=False)
class _EvenRun(LanczosRun):
    """A run of eq. (1); its bounds on [-tau, tau] are those of an even measure."""

    @cached_property
    def folded(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Singular values of L, first components of its left vectors, last of its right ones.

        Both signs of a singular value are of one pair: sums over them do not mind how rounding has
        mixed the two vectors of one that is next to zero.
        """
        nodes, first, last = self.eigen
        k = nodes.size // 2
        up, down = slice(k, None), slice(k - 1, None, -1)
        product = first[up] * last[up] - first[down] * last[down]
        ends = np.hypot(first[up], first[down]), np.hypot(last[up], last[down])
        return np.maximum(nodes[up], 0.0), ends[0], np.copysign(ends[1], product)

    def squares(self, x: float) -> tuple[FloatArray, FloatArray, FloatArray, float]:
        """Return the parts of L L^T for a node at sigma = x, in units of the largest square.

        Its last components, times its last coupling a_k b_k, are b_k sigma times those of the right
        vectors, as L^T u = sigma v has the last row a_k u_k = sigma v_k.
        """
        nodes, first, last = self.folded
        unit = float(nodes[-1]) or 1.0
        residual = float(self.beta[-1]) / unit * (nodes / unit) * last
        level = min(abs(x) / unit, FAR) ** 2
        return (nodes / unit) ** 2, first, residual, math.copysign(level, x)

    def _ratios(self, tau: float) -> tuple[float, float]:
        """Return the last two of eq. (2); NaN where one before is zero."""
        before, r = math.nan, tau
        for beta in self.beta.tolist():
            if r == 0.0:
                return math.nan, math.nan
            before, r = r, tau - beta * beta / r
        return before, r

    def _radau(self, tau: float) -> tuple[float, float]:
        """Eq. (3); for c^2 >= 0 it is the rule of L L^T, which needs no eigenproblem."""
        if tau <= 0.0:
            return 0.0, 1.0
        if self._ratios(tau)[1] >= 0.0:
            low, high = left_of(*self.squares(tau))
            return max(low, 0.0), min(high, 1.0)
        found = self.rule(tau)
        if found is None:
            return 0.0, 1.0
        nodes, weights = found
        ends = [int(np.abs(nodes - x).argmin()) for x in (-tau, tau)]
        inside = np.arange(nodes.size)
        left = float(weights[(inside > ends[0]) & (inside < ends[1])].sum())
        return left, left + float(weights[ends].sum())

    def rule(self, tau: float) -> tuple[FloatArray, FloatArray] | None:
        """Nodes and weights with nodes at tau and -tau; None where it would lose its digits."""
        before, r = self._ratios(tau)
        if math.isnan(r):
            return None
        beta = self.beta
        if r >= 0.0:
            beta = np.append(beta, math.sqrt(tau * r))
        else:
            beta = np.append(beta[:-1], math.sqrt(tau * before))
        if not beta[-1] <= RADAU_LIMIT * self.spectral_norm:
            return None  # the contour bound is sharp there
        nodes, first, _ = kernels.load().golub_welsch(np.zeros(beta.size + 1), beta)
        return nodes, first**2


@dataclass(frozen=True, eq=False)
class GolubKahanRun(LanczosRun):
    """A run of Golub-Kahan steps; eigenvalues are singular values to a power.

    Parameters
    ----------
    alpha, beta
        Diagonal of the bidiagonal, and what stands below it, both (k,); ``beta[-1]`` is zero where
        the Krylov space is invariant and the measure is known exactly.
    norm2, eps
        As for `LanczosRun`.
    power
        1 for the singular values, 2 for the eigenvalues of ``X^H X``: the same bounds, at the
        squares of their levels.
    """

    power: int = 1

    @cached_property
    def even(self) -> _EvenRun:
        """The run of eq. (1)."""
        beta = np.stack([self.alpha, self.beta], axis=1).ravel()
        return _EvenRun(np.zeros(beta.size), beta, self.norm2, self.eps)

    @cached_property
    def eigen(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Singular values of L to the power, first components, last ones; (k,) each."""
        nodes, first, last = self.even.folded
        return nodes**self.power, first, last

    def squared(self) -> "GolubKahanRun":
        """Return the run of the operator whose eigenvalues are the squares."""
        return dataclasses.replace(self, power=2)

    def leading(self, num_steps: int) -> LanczosRun:
        """Return the run as it was after `num_steps` steps, one at least."""
        k = max(1, num_steps)
        return dataclasses.replace(self, alpha=self.alpha[:k], beta=self.beta[:k])

    @cached_property
    def drift(self) -> float:
        """What rounding may move a node by."""
        own, norm = self.even.drift, self.even.spectral_norm
        return own if self.power == 1 else own * (2.0 * norm + own)

    @cached_property
    def floor(self) -> float:
        """The noise floor of the products, that of singular values to the power."""
        return float(self.even.floor**self.power)

    @cached_property
    def sharpness(self) -> float:
        """How far products may move an eigenvalue."""
        own, norm = self.even.floor, self.even.spectral_norm
        return own if self.power == 1 else own * (2.0 * norm + own)

    def moment(self, power: int) -> tuple[float, float]:
        """Bounds on v*A^p v / v*v; of the singular values themselves by both rules of sigma^2."""
        if self.power * power > 1:
            a, b = float(self.alpha[0]) ** 2, float(self.beta[0]) ** 2
            value = a if self.power * power == 2 else a * (a + b)
            return value, value
        most, rule = float(self.weights @ self.ritz_values), self.radau(0.0)
        least = most if self.is_exact or rule is None else float(rule[0] @ rule[1])
        return least - self.drift, most + self.drift

    def _level(self, x: float) -> float:
        """Return a level of an eigenvalue as one of a singular value."""
        return x if self.power == 1 else math.sqrt(max(x, 0.0))

    def null_mass(self, tau: float, *, radau: bool = True) -> tuple[float, float]:
        """Bounds on the mass of the singular values up to a level; see `LanczosRun.null_mass`."""
        return self.even.null_mass(self._level(tau), radau=radau)

    def mass_left(self, x: float, *, radau: bool = True) -> tuple[float, float]:
        """Bounds on mu((-oo, x]): nothing lies left of zero."""
        return (0.0, 0.0) if x < 0.0 else self.null_mass(x, radau=radau)

    def mass_below(self, x: float) -> tuple[float, float]:
        """Bounds on mu((-oo, x)) and mu((-oo, x]) by eq. (3), without allowance."""
        return (0.0, 0.0) if x < 0.0 else self.even._radau(self._level(x))

    def parts(self, x: float) -> tuple[FloatArray, FloatArray, FloatArray, float]:
        """Return what `symrank.spectrum.half_line` needs for a node at x: the rule of sigma^2."""
        return self.even.squares(math.copysign(self._level(abs(x)), x))

    def radau(self, x: float) -> tuple[FloatArray, FloatArray] | None:
        """Nodes and weights of the Gauss-Radau rule in sigma^2 with a node at x, or at zero.

        It is a bound for a function of sigma that is completely monotone, or a Bernstein function:
        so it is in sigma^2, as the root is a Bernstein function. None where x is no left end.
        """
        if x > 0.0:
            rule = self.even.rule(self._level(x))
            if rule is None or np.abs(rule[0]).min() < (1.0 - LEFT) * self._level(x):
                return None
            nodes, weights = rule
        else:
            beta = self.even.beta
            nodes, first, _ = kernels.load().golub_welsch(np.zeros(beta.size + 1), beta)
            weights = first**2
        return np.abs(nodes) ** self.power, weights
