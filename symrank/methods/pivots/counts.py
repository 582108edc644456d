"""Counts by pivots: which shifts bound an end of the region, and what their signs then say."""

import math
from dataclasses import dataclass, field
from typing import Any

from symrank.methods.pivots.backward_error import PRODUCTS, Workspace, backward_error
from symrank.methods.pivots.ldl import STYLES, Cost, Factorisation
from symrank.methods.pivots.ldl_dense import DenseCost, DenseFactorisation
from symrank.methods.pivots.ldl_far import GaveUpError
from symrank.spectrum import threshold
from symrank.spectrum.outcome import Band
from symrank.spectrum.region import Region

__all__ = ["Counts", "count", "of_zeros", "proved", "shifts_of"]


@dataclass(kw_only=True)
class Counts:
    """What the factorisations say; shifts and norms in the units of the operator.

    `ends` holds bounds on the eigenvalues right of the upper end of the region (1), and on those
    left of its lower end (-1).
    """

    n: int
    copies: int  # of every eigenvalue in the real matrix
    num_beside: int = 0  # eigenvalues of that matrix, at most zero, that are none of the operator
    power: int = 1  # 2 where they are the squares of those of the operator
    region: Region
    norm: float
    cost: Cost | DenseCost | None
    has_one_style: bool = False  # there is no other to try where the error is too large
    is_left: bool = False  # with shifts that were not tried, as that error would be too large
    ends: dict[int, tuple[int, int]] = field(default_factory=lambda: {1: (0, 0), -1: (0, 0)})
    shifts: list[dict[str, Any]] = field(default_factory=list)
    is_cut_short: bool = False
    given_up: str = ""  # why there are no further factorisations
    notes: tuple[str, ...] = ()

    @property
    def outer(self) -> float:
        """Where a plateau that the pivots prove ends."""
        return shifts_of(self.region, 1)[1]

    @property
    def is_crowded(self) -> bool:
        """True where eigenvalues may lie between the shifts next to zero."""
        return any(
            low < high and not self.region.end(sign).is_band
            for sign, (low, high) in self.ends.items()
        )

    @property
    def is_proved(self) -> bool:
        """True where a measured error proves the count at every shift, in one style or another.

        What is open then lies near a shift, which no other factorisation would tell.
        """
        tried = {one["shift"] for one in self.shifts}
        proved = {one["shift"] for one in self.shifts if one["is_proof"]}
        return bool(tried) and tried == proved and not (self.given_up or self.is_left)

    def is_hopeless(self, error: float, at_most: dict[int, float]) -> bool:
        """Tell whether errors as they were measured, of the only style, leave open what is left."""
        finite = [sign for sign, shift in at_most.items() if math.isfinite(shift)]
        allowed = [abs(at_most[sign] - self.region.end(sign).at) for sign in finite]
        return self.has_one_style and error > max(allowed, default=math.inf)

    def give_up(self, error: GaveUpError) -> None:
        """Leave open what is not proved yet."""
        self.given_up, self.is_cut_short = str(error), self.is_cut_short or error.is_late

    def bounds(self) -> tuple[int, int]:
        """Return bounds on the count, which cross where the pivots contradict each other."""
        low, high = (sum(end[i] for end in self.ends.values()) for i in (0, 1))
        high = min(high, self.n)
        return (self.n - high, self.n - low) if self.region.counts_inside else (low, high)

    def signs(self) -> dict[str, Any]:
        """Return bounds on the numbers of either sign, for a rank without a cut."""
        if self.region.counts_inside or not self.region.is_signed:
            return {}
        return {
            name: [low, min(high, self.n)] if low <= high else [0, self.n]
            for name, (low, high) in (("n_plus", self.ends[1]), ("n_minus", self.ends[-1]))
        }

    def inertia(self) -> tuple[int, int, int]:
        """Return (n_plus, n_zero, n_minus); what the floor or the cut leaves open counts as not.

        At the noise floor the lower shift lies at it; at a tolerance the count is of "> tau".
        """
        plus, minus = (self.ends[sign][1 if self.region.is_signed else 0] for sign in (1, -1))
        minus = min(minus, self.n - plus)
        return plus, self.n - plus - minus, minus

    def of_operator(self, low: int, high: int, sign: int) -> tuple[int, int]:
        """Return bounds on eigenvalues of the operator from those on pivots of the real matrix."""
        beside = self.num_beside if sign < 0 else 0
        low, high = -(-low // self.copies) - beside, high // self.copies - beside
        return max(0, low), max(0, min(high, self.n))

    def bands(self, scale: float) -> list[Band]:
        """Return how many eigenvalues the factorisations leave in the bands, at most."""
        found = []
        for sign in (-1, 1):
            edge = self.region.end(sign)
            if edge.is_band:
                most = self.ends[sign][1] - self.ends[sign][0]
                found.append(
                    Band(low=edge.left * scale, high=edge.right * scale, least=0, most=max(most, 0))
                )
        return found

    def diagnostics(self, scale: float) -> dict[str, Any]:
        """Return the evidence as plain values, in the units of the caller."""
        return {
            "num_factorisations": len(self.shifts),
            "predicted_fill": self.cost.fill if self.cost else 0,
            "predicted_flops": self.cost.flops if self.cost else 0.0,
            "fill": max((one["fill"] for one in self.shifts), default=0),
            "num_flagged_pivots": sum(one["num_flagged"] for one in self.shifts),
            "norm": self.norm * scale,
            "given_up": self.given_up,
            **self.signs(),
            "shifts": [
                {**one, "shift": one["shift"] * scale, "error": one["error"] * scale}
                for one in self.shifts
            ],
        }


def of_zeros(counts: Counts) -> dict[int, tuple[int, int]]:
    """Return what lies outside of the region where all eigenvalues are zero."""
    region, n = counts.region, counts.n
    right, left = (n if x else 0 for x in (region.high.at < 0.0, region.low.at >= 0.0))
    if not region.counts_inside:
        right = left = 0
    return {1: (right, right), -1: (left, left)}


def shifts_of(region: Region, sign: int) -> tuple[float, float]:
    """Return the shifts that bound what lies outside of an end: from above, and from below.

    An infinite one needs no factorisation. At the noise floor they are tau/2 and CROWD tau.
    """
    edge = region.end(sign)
    above, below = (edge.left, edge.right)[:: int(sign)]
    if edge.is_band or math.isinf(edge.at):
        return above, below
    shifts = 0.5 * edge.at, threshold.CROWD * edge.at
    return shifts if edge.at * sign > 0.0 else shifts[::-1]


def count(counts: Counts, workspace: Workspace) -> None:
    """Bracket both ends of the spectrum, and leave out what is known already.

    What lies beyond both ends at least is asked first: where that is all, nothing is left to ask.
    A matrix that seems semidefinite is asked whether anything lies left before how much does.
    """
    n = counts.n
    at_most, at_least = ({s: shifts_of(counts.region, s)[k] for s in (1, -1)} for k in (0, 1))
    plus = _bound(counts, workspace, 1, at_least[1])[0] if n else 0
    most_minus, minus = n, 0
    if plus < n and workspace.is_semidefinite:
        most_minus = _bound(counts, workspace, -1, at_most[-1])[1]
    if plus < n and most_minus:
        minus = _bound(counts, workspace, -1, at_least[-1])[0]
    counts.is_left = plus + minus < n and counts.is_hopeless(workspace.error, at_most)
    if plus + minus >= n or counts.is_left:
        counts.ends = {1: (plus, max(plus, n - minus)), -1: (minus, max(minus, n - plus))}
        return
    if not workspace.is_semidefinite:
        most_minus = _bound(counts, workspace, -1, at_most[-1])[1]
    most_plus = _bound(counts, workspace, 1, at_most[1])[1]
    counts.ends[-1] = minus, min(most_minus, n - plus)
    counts.ends[1] = plus, max(plus, min(most_plus, n - minus))


def _bound(counts: Counts, workspace: Workspace, sign: int, shift: float) -> tuple[int, int]:
    """Return bounds on what lies right (left, sign < 0) of an end, proved by pivots at the shift.

    The lower one is for a shift outside of the end, the upper one for a shift inside.
    """
    if not counts.given_up:
        try:
            return _proved(counts, workspace, sign, shift)
        except GaveUpError as error:
            counts.give_up(error)
    return 0, counts.n


def _proved(counts: Counts, workspace: Workspace, sign: int, shift: float) -> tuple[int, int]:
    """Return what `_bound` does, as long as factorisations are to be had."""
    edge = counts.region.end(sign)
    if math.isinf(shift):
        outside = 0 if shift * sign > 0.0 else counts.n
        return outside, outside
    if counts.num_beside and shift < 0.0:  # all singular values lie right of it
        return (counts.n, counts.n) if sign > 0 else (0, 0)
    allowed, unit = abs(shift - edge.at), workspace.unit
    F = proved(counts, workspace, workspace.shifted(shift), shift * unit, allowed * unit)
    if F is None:
        return 0, counts.n
    above = F.n_plus if sign > 0 else F.n_minus
    return counts.of_operator(above, above + F.n_zero, sign)


def proved(
    counts: Counts, workspace: Workspace, B: Any, shift: float, allowed: float
) -> Factorisation | DenseFactorisation | None:
    """Return a factor of B, less a `shift`, whose error is at most `allowed`; None: there is none.

    Both are in the units of B. `GaveUpError` may end it.
    """
    unit, root = workspace.unit, 1.0 / counts.power
    for j in range(len(STYLES)):
        if workspace.left < PRODUCTS:
            counts.is_cut_short = True
            break
        solver = workspace.solvers.pop(j, None) or workspace.make(j)
        if solver is None:  # too dear, after one that has proved nothing
            counts.has_one_style = True
            continue
        F = solver.factorise(B)
        if F is None:
            continue  # and the next shift has a fresh one
        workspace.solvers[j] = solver
        error = backward_error(B, F, workspace, len(counts.shifts), allowed)
        is_proof = bool(error <= allowed)
        counts.shifts.append(
            {
                "shift": math.copysign(abs(shift) ** root, shift) / unit,
                "error": error**root / unit if math.isfinite(error) else -1.0,
                "is_proof": is_proof,
                "inertia": [F.n_plus, F.n_zero, F.n_minus],
                "fill": F.fill,
                "num_flagged": F.num_flagged,
                "style": j,
            }
        )
        if is_proof:
            return F
    return None
