r"""The law of an answer, and that of all answers together.

A cell: (a) every interval at LEVEL meets the interval of the truth, whatever the status but
NOT_CERTIFIED, whose sentence promises nothing; (b) CONVERGED has the width that was asked for, and
EXACT has none; (c) bounds in order and within [0, n], the rank inside the interval, the intervals
inside [0, n] and nested in the level; (d) every error is a `SymrankError`, and one that its door
does not declare is listed; no warning; (e) products within the budget, but for OVERHEAD of them at
a budget so small that checks alone may spend it.

All cells: the interval of a Langevin run is that of Student's t, no exact law, so it is taken at
SAMPLED_LEVEL and the misses are counted: M of N such claims miss with P(Bin(N, 1 - SAMPLED_LEVEL)
>= M) >= REJECT. Of the cells with a clear gap and a budget that is no joke at most MOST_OPEN end
neither EXACT nor CONVERGED.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import scipy.stats

from symrank import SymrankError
from tests.adversary.asks import Answer, Claim, Outcome

LEVEL = 1.0 - 1e-9
SAMPLED_LEVEL = 1.0 - 1e-4
REJECT = 1e-3
LEVELS = (0.5, 0.95, 0.999, LEVEL)
SURE = ("EXACT", "CONVERGED")
SMALL_BUDGET = 500  # products
OVERHEAD = 80  # 8 of the check, 2 of the scale, 32 of the norm, 20 of A Q: what no budget spares
LEAST_BUDGET = 2000  # products with which a clear gap should be settled
MOST_OPEN = 0.2
ROUNDING = 1e-9  # of bounds, in units of n


@dataclass
class Verdict:
    """What a cell said and which laws it broke."""

    name: str
    door: str
    seed: int
    is_sampled_law: bool = False
    status: str = ""
    seconds: float = 0.0
    violations: list[tuple[str, str]] = field(default_factory=list)
    num_claims: int = 0
    num_missed: int = 0  # of a sampled law
    is_gap: bool = False
    refused: str = ""

    def add(self, kind: str, what: str) -> None:
        self.violations.append((kind, what))

    def refuse(self, error: SymrankError, *, expected: bool) -> None:
        self.status, self.refused = "REFUSED", f"{type(error).__name__}: {error}"
        if not expected:
            self.add("refused", self.refused)

    def judge(self, answer: Answer) -> None:
        """Apply (a), (b), (c) and (e)."""
        self.status = answer.outcomes[-1].result.status.name
        least = min(outcome.max_matvecs for outcome in answer.outcomes)
        self.is_gap = answer.is_clear and least >= LEAST_BUDGET
        for outcome in answer.outcomes:
            self._outcome(outcome)
        for claim in answer.claims:
            self._claim(claim)

    def _outcome(self, outcome: Outcome) -> None:
        result, n = outcome.result, outcome.result.n
        low, high = result.interval()
        if result.status.name == "EXACT" and low != high:
            self.add("exact is wide", f"[{low}, {high}]")
        if result.status.name == "CONVERGED" and high - low > 2.0 * outcome.half_width:
            self.add("converged is wide", f"[{low}, {high}], half-width {outcome.half_width:.3g}")
        if not low <= result.rank <= high:
            self.add("rank outside", f"{result.rank} in [{low}, {high}]")
        slack = ROUNDING * max(n, 1)
        bottom, top = result.bounds
        if not -slack <= bottom <= top + slack <= n + 2.0 * slack:
            self.add("bounds", f"{result.bounds}, n = {n}")
        spare = OVERHEAD if outcome.max_matvecs <= SMALL_BUDGET else 0
        if result.num_matvecs > outcome.max_matvecs + spare:
            self.add("budget", f"{result.num_matvecs} products of {outcome.max_matvecs}")
        if result.inertia is not None and (sum(result.inertia) != n or min(result.inertia) < 0):
            self.add("inertia", f"{result.inertia}, n = {n}")

    def _claim(self, claim: Claim) -> None:
        ends = [claim.ends(level) for level in LEVELS]
        for (low, high), (wider_low, wider_high) in pairwise(ends):
            if not wider_low <= low <= high <= wider_high:
                self.add("not nested", f"{claim.what} {ends}")
                break
        low, high = ends[-1]
        if not 0 <= low <= high <= claim.n:
            self.add("outside", f"{claim.what} [{low}, {high}], n = {claim.n}")
        if self.status == "NOT_CERTIFIED":
            return
        self.num_claims += 1
        level = SAMPLED_LEVEL if self.is_sampled_law else LEVEL
        low, high = claim.ends(level)
        if low <= claim.truth[1] and claim.truth[0] <= high:
            return
        if self.is_sampled_law:
            self.num_missed += 1
            return
        kind = "confident miss" if self.status in SURE else "miss"
        self.add(kind, f"{claim.what} [{low}, {high}], true {list(claim.truth)}")

    def as_row(self) -> dict[str, Any]:
        """Return plain values."""
        row = {**self.__dict__, "violations": [list(one) for one in self.violations]}
        row["seconds"] = round(self.seconds, 3)
        return row


def sampled_p_value(verdicts: Sequence[Verdict]) -> float:
    """Return the probability of as many misses of Langevin claims, were their level true."""
    mine = [v for v in verdicts if v.is_sampled_law]
    claims, missed = sum(v.num_claims for v in mine), sum(v.num_missed for v in mine)
    return float(scipy.stats.binom.sf(missed - 1, claims, 1.0 - SAMPLED_LEVEL))


def open_share(verdicts: Sequence[Verdict]) -> float:
    """Return the share of the cells with a clear gap that end open."""
    gaps = [v for v in verdicts if v.is_gap]
    return float(np.mean([v.status not in SURE for v in gaps])) if gaps else 0.0


def summary(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Return the counts that the law of all cells needs, by door and status."""
    doors = {v.door for v in verdicts}
    by_door = {
        door: dict(Counter(v.status for v in verdicts if v.door == door)) for door in sorted(doors)
    }
    return {
        "cells": len(verdicts),
        "violations": sum(bool(v.violations) for v in verdicts),
        "by_kind": dict(Counter(kind for v in verdicts for kind, _ in v.violations)),
        "by_status": dict(Counter(v.status for v in verdicts)),
        "by_door": by_door,
        "gap_cells": sum(v.is_gap for v in verdicts),
        "open_share_of_gap_cells": open_share(verdicts),
        "open_gap_cells_by_door": dict(
            Counter(v.door for v in verdicts if v.is_gap and v.status not in SURE)
        ),
        "langevin_claims": sum(v.num_claims for v in verdicts if v.is_sampled_law),
        "langevin_misses": sum(v.num_missed for v in verdicts if v.is_sampled_law),
        "langevin_p_value": sampled_p_value(verdicts),
    }
