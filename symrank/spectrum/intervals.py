r"""Confidence intervals for an integer count, each with the law it rests on.

Beta law. For a projector P of rank d in dimension n and Gaussian v_1..v_m,

    B = sum_j v_j* P v_j / sum_j v_j* v_j  ~  Beta(m d h, m (n - d) h),   h = 1/2 real, 1 complex,

exactly: both sums are chi-square. So with P the projector on the eigenvalues that do *not*
count (the null space, for a rank) every integer d that the observed B does not reject at level
alpha forms an exact confidence set, with one vector or many. Where B itself is known only
inside certified bounds [B_low, B_high], d is rejected only if every value inside rejects it.
"""

import math
from bisect import bisect_left
from dataclasses import dataclass

import scipy.special
import scipy.stats

__all__ = [
    "BetaInterval",
    "Capped",
    "ChainInterval",
    "Complement",
    "Even",
    "ExactInterval",
    "Hull",
    "Intersection",
    "Interval",
    "Plus",
    "Raised",
    "Within",
]

LAST = 1e-15  # the last level of all, from one
HALVINGS = 40
NEWS = 0.95  # from this level on it is news if the intervals of two looks are disjoint


@dataclass(frozen=True, kw_only=True)
class ExactInterval:
    """A count known up to ``low..high`` without any sampling."""

    low: int
    high: int

    def __call__(self, confidence: float) -> tuple[int, int]:  # noqa: ARG002
        """Return ``(low, high)``: no sampling, so no confidence enters."""
        return self.low, self.high


# Of a mass: masses of nodes a millionth of |A| apart are known to eps / 1e-6 of each other, so less
# is no proof that an eigenvalue is there, or not there.
NOISE = 1e-9


@dataclass(frozen=True, kw_only=True)
class BetaInterval:
    """Count from the pooled null mass of Gaussian probes, by the Beta law.

    Parameters
    ----------
    n
        Dimension.
    num_probes
        Number m of Gaussian vectors.
    null_low, null_high
        Certified bounds on B, the share of the probes' squared norm in the uncounted space.
    num_looks
        How often a growing set of probes was (or may be) looked at; alpha is split evenly.
    is_complex
        Complex Gaussian probes have two degrees of freedom per entry.
    """

    n: int
    num_probes: int
    null_low: float
    null_high: float
    num_looks: int = 1
    is_complex: bool = False

    def __call__(self, confidence: float) -> tuple[int, int]:
        """Return the smallest and largest count n - d that the probes do not reject."""
        return self.at_tail((1.0 - confidence) / (2.0 * self.num_looks))

    def at_tail(self, tail: float) -> tuple[int, int]:
        """Return the same with the probability of either tail given, as by a joint law."""
        most = self.n - int(self.null_high < 1.0 - NOISE)  # B = 1 if and only if d = n,
        least = min(int(self.null_low > NOISE), most)  # and B = 0 if and only if d = 0
        between = range(least, most)  # where none is the first that holds, it is `most`
        d_low = least + bisect_left(between, True, key=lambda d: self._upper_tail(d) >= tail)
        d_high = least + bisect_left(between, True, key=lambda d: self._lower_tail(d + 1) < tail)
        if d_low > d_high:  # all are rejected: the one that a higher level accepts first
            d_low = d_high = max(
                range(d_high, d_low + 1),
                key=lambda d: min(self._upper_tail(d), self._lower_tail(d)),
            )
        return self.n - d_high, self.n - d_low

    @property
    def shape(self) -> float:
        """What one eigenvalue adds to a parameter of the Beta law, m h."""
        return self.num_probes * self._h

    def stderr(self, count: float) -> float:
        """Return the standard deviation of n B at the given count."""
        d = self.n - count
        return math.sqrt(max(0.0, d * (self.n - d)) / (self.num_probes * self.n * self._h + 1.0))

    @property
    def _h(self) -> float:
        return 1.0 if self.is_complex else 0.5

    def _upper_tail(self, d: int) -> float:
        """P(B >= null_low) when the null space has dimension d."""
        if d in (0, self.n):
            return 1.0
        m = self.num_probes * self._h
        return float(scipy.special.betaincc(m * d, m * (self.n - d), max(self.null_low, 0.0)))

    def _lower_tail(self, d: int) -> float:
        """P(B <= null_high) when the null space has dimension d."""
        if d in (0, self.n):
            return 1.0
        m = self.num_probes * self._h
        return float(scipy.special.betainc(m * d, m * (self.n - d), min(self.null_high, 1.0)))


@dataclass(frozen=True, kw_only=True)
class ChainInterval:
    """Count from the mean of chains: Student's t, moved and widened by bounds on the bias.

    Parameters
    ----------
    n
        Dimension.
    estimate, stderr, dof
        Mean of the chains, its standard error and the degrees of freedom of that.
    bias_low, bias_high
        ``bias_low <= E[estimate] - count <= bias_high``.
    num_looks
        How often the growing chains were (or may be) looked at; alpha is split evenly.
    """

    n: int
    estimate: float
    stderr: float
    dof: int
    bias_low: float
    bias_high: float
    num_looks: int = 1

    def __call__(self, confidence: float) -> tuple[int, int]:
        """Return the integers that are not rejected; the nearest one where none is left."""
        half = 0.0
        if self.stderr > 0.0:
            tail = (1.0 - confidence) / (2.0 * self.num_looks)
            half = float(-scipy.stats.t.ppf(tail, self.dof)) * self.stderr
        bottom, top = self.estimate - half - self.bias_high, self.estimate + half - self.bias_low
        rounding = 1e-9 * max(1.0, abs(self.estimate))  # of sums: 5.0 may read 4.999999999999
        low, high = math.ceil(bottom - rounding), math.floor(top + rounding)
        if low > high:
            low = high = round(0.5 * (bottom + top))
        return min(max(low, 0), self.n), max(min(high, self.n), 0)


@dataclass(frozen=True, kw_only=True)
class Complement:
    """What another law leaves of n: ``n - high .. n - low``."""

    n: int
    of: "Interval"

    def __call__(self, confidence: float) -> tuple[int, int]:
        """Return n less the ends of the other interval."""
        low, high = self.of(confidence)
        return self.n - high, self.n - low


@dataclass(frozen=True, kw_only=True)
class Raised:
    """Another law for what is known to count, its upper end raised by `most` that may count too."""

    n: int
    most: float
    of: "Interval"

    def __call__(self, confidence: float) -> tuple[int, int]:
        """Return the ends of the other interval, the upper one raised."""
        low, high = self.of(confidence)
        return low, min(self.n, high + math.floor(self.most))


@dataclass(frozen=True, kw_only=True)
class Plus:
    """Another law, for a part, and what is proved of the rest: ``low..high`` are added."""

    low: int
    high: int
    of: "Interval"

    def __call__(self, confidence: float) -> tuple[int, int]:
        """Return the ends of the other interval, each with its own of the rest."""
        low, high = self.of(confidence)
        return low + self.low, high + self.high


@dataclass(frozen=True, kw_only=True)
class Intersection:
    """Looks at a growing set of probes: each holds at its own share of alpha, so all do at once.

    Looks whose intervals are disjoint at the level `NEWS` or above are a sampling miss: their hull
    is the answer. At a lower level that is nothing rare, and the answer is the one at `NEWS`.

    Parameters
    ----------
    of
        One law per look; the last one is of all probes.
    """

    of: tuple["Interval", ...]

    def __call__(self, confidence: float) -> tuple[int, int]:
        """Return what all looks allow, or the hull of looks that miss each other."""
        lows, highs = zip(*(law(confidence) for law in self.of), strict=True)
        low, high = max(lows), min(highs)
        if low <= high:
            return low, high
        return (min(lows), max(highs)) if confidence >= NEWS else self(NEWS)

    @property
    def num_looks(self) -> int:
        """How many looks share alpha, those that were not taken included."""
        return max(getattr(law, "num_looks", 1) for law in self.of)


@dataclass(frozen=True, kw_only=True)
class Capped:
    """The law of a space of more dimensions than the count can have, cut at that number."""

    most: int
    of: "Interval"

    def __call__(self, confidence: float) -> tuple[int, int]:
        """Return the ends of the other interval, at most `most`."""
        low, high = self.of(confidence)
        return min(low, self.most), min(high, self.most)

    @property
    def num_looks(self) -> int:
        """Looks that share alpha in the other law."""
        return getattr(self.of, "num_looks", 1)


@dataclass(frozen=True, kw_only=True)
class Within:
    """Another law, inside what is proved without sampling.

    Parameters
    ----------
    low, high
        Proved bounds.
    level
        The other interval meets them at this level.
    is_missed
        Whether the interval asked for missed them: a sampling miss was seen, and no level below
        `level` is believed any more.
    """

    low: int
    high: int
    level: float
    of: "Interval"
    is_missed: bool = False

    def __call__(self, confidence: float) -> tuple[int, int]:
        """Return what the other interval and the proved bounds have in common.

        At a low level they may miss each other: the nearest proved number then.
        """
        if self.is_missed:
            confidence = max(confidence, self.level)
        low, high = (min(max(end, self.low), self.high) for end in self.of(confidence))
        return low, high

    @property
    def num_looks(self) -> int:
        """Looks that share alpha in the other law."""
        return getattr(self.of, "num_looks", 1)


@dataclass(frozen=True, kw_only=True)
class Hull:
    """What holds the counts of two laws at once."""

    of: "Interval"
    other: "Interval"

    def __call__(self, confidence: float) -> tuple[int, int]:
        """Return the lower of the low ends and the higher of the high ones."""
        (a, b), (c, d) = self.of(confidence), self.other(confidence)
        return min(a, c), max(b, d)


@dataclass(frozen=True, kw_only=True)
class Even:
    """A law of a count that is known to be even: its ends, moved inwards to even numbers.

    One odd number alone is no such interval; the answer is that of the lowest level with more.
    """

    of: "Interval"

    def __call__(self, confidence: float) -> tuple[int, int]:
        """Return the even numbers between the ends of the other interval."""
        low, high = self.of(confidence)
        if low == high and low % 2:
            low, high = self._next(confidence, (low, high))
        return low + low % 2, high - high % 2

    def _next(self, confidence: float, alone: tuple[int, int]) -> tuple[int, int]:
        """Return the ends at the lowest level that allows a neighbour of an odd number."""
        some, few = 0.0, math.log(LAST / (1.0 - confidence))  # of the log of the share of alpha
        if few >= 0.0 or self.of(1.0 - LAST) == alone:
            return alone[0] - 1, alone[1] + 1
        for _ in range(HALVINGS):
            middle = 0.5 * (some + few)
            if self.of(1.0 - (1.0 - confidence) * math.exp(middle)) == alone:
                some = middle
            else:
                few = middle
        return self.of(1.0 - (1.0 - confidence) * math.exp(few))


Interval = (
    ExactInterval
    | BetaInterval
    | ChainInterval
    | Complement
    | Raised
    | Plus
    | Intersection
    | Capped
    | Within
    | Hull
    | Even
)
