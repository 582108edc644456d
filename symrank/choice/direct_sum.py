r"""A matrix of several components is counted as their direct sum.

There is one cut, that of the whole: small components have their eigenvalues computed, and the
component of the largest of them goes with the others, so that these have the norm of the whole, and
the method that counts them the right floor. What is sampled is sampled as one operator, with one
law of its interval, and the counts of the small ones, (low, high), are added:

    count  in  [low + L, high + H],     [L, H] the interval of the others.

An eigenvalue of a small component within rounding of the cut, or less than CROWD floors above it,
is open, as everywhere (`symrank.methods.eigenvalues.dense`). Of a rectangle, "eigenvalue" is
"singular value"; those of [[0, X], [X^H, 0]] are these with both signs.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from symrank.answer.result import RankResult
from symrank.choice.entries import Seen
from symrank.methods import Dense, Goal, Summary
from symrank.methods.eigenvalues.dense import Spectrum
from symrank.methods.proved import inside
from symrank.operators.components import Parts, parts, parts_of_rectangle
from symrank.operators.triangles import norm_between
from symrank.spectrum.intervals import Plus
from symrank.spectrum.outcome import Band, Status
from symrank.spectrum.region import FLOOR
from symrank.support.typing import FloatArray

__all__ = ["NAME", "all_known", "split", "together"]

NAME = "components"
SHARE = 0.1  # of the rows: where fewer are in small components, to part them saves little
KEPT = 20_000  # eigenvalues that a result keeps
SURE = (Status.EXACT, Status.CONVERGED)


def split(found: Seen | None, goal: Goal) -> Parts | None:
    """Return the parts of a matrix; None where it is no direct sum, or not worth it.

    A cut that is a share of |A| is that of the whole: it is left to one method.
    """
    if found is None or not np.isfinite(found.entries.data).all():
        return None
    entries = found.entries
    if not found.is_rectangle:
        halves = parts(entries, SHARE * goal.n)
    else:
        halves = parts_of_rectangle(entries, SHARE * sum(entries.shape))
    if halves is None or (halves.rest is not None and goal.rtol):
        return None
    return halves if found.copies == 1 else _with_both_signs(halves, goal.n)


def _with_both_signs(found: Parts, n: int) -> Parts:
    """Return the parts of [[0, X], [X^H, 0]], of order n, from those of X."""
    filled = found.values[found.values > 0.0]
    num_rest = 0 if found.rest is None else sum(found.rest.shape)
    zeros = np.zeros(n - num_rest - 2 * filled.size)
    return dataclasses.replace(found, values=np.concatenate([-filled[::-1], zeros, filled]))


def _summary(goal: Goal, found: Parts, norm: float) -> Summary:
    """Count the eigenvalues of the small components, at the cut of an operator of this norm."""
    spectrum = Spectrum(found.values, found.largest, floor=FLOOR, norm=norm)
    own = dataclasses.replace(goal, n=found.values.size, zeros=(0, None))
    return Dense().summarise(own, {("eigenvalues",): spectrum}, None)


def all_known(found: Parts, goal: Goal, **fields: Any) -> RankResult:
    """Return the result where all components are small; `fields` are those of the run."""
    summary = inside(goal, _summary(goal, found, 0.0))
    told = {f.name: getattr(summary, f.name) for f in dataclasses.fields(Summary)}
    for name in ("memo", "is_final", "given_up"):
        told.pop(name)
    if found.values.size > KEPT:
        few = {k: v for k, v in summary.diagnostics.items() if k != "eigenvalues"}
        told["diagnostics"] = few
    num_left_out = fields["n"] - goal.n
    if summary.inertia is not None:
        plus, null, minus = summary.inertia
        told["inertia"] = plus, null + num_left_out, minus
    return RankResult(
        **told,
        **fields,
        dtype=str(goal.dtype),
        method=NAME,
        confidence=goal.confidence,
        reason=f"the matrix is the direct sum of {found.num_components} small components",
        seed=goal.seed,
        history=[(fields["num_matvecs"], *summary.evidence(goal.confidence))],
    )


def together(
    rest: RankResult,
    found: Parts,
    goal: Goal,
    entries: Any,
    whole: tuple[int, tuple[int, int] | None],
) -> RankResult:
    """Add the counts of small components to that of the others.

    `whole` are order and structural rank of the whole.
    """
    return _together(rest, found, goal, norm_between(entries)[1], whole)


def _together(
    rest: RankResult,
    found: Parts,
    goal: Goal,
    norm: float,
    whole: tuple[int, tuple[int, int] | None],
) -> RankResult:
    """Add the counts of small components to that of the others."""
    unit = goal.scale
    cut = rest.threshold / (FLOOR * goal.eps * unit)  # a floor has the norm that the method saw
    small = _summary(goal, found, min(norm, cut))
    low, high = (int(end) for end in small.bounds)
    law = Plus(low=low, high=high, of=rest.evidence)
    inertia = None
    if rest.inertia is not None and small.inertia is not None:
        plus, null, minus = (a + b for a, b in zip(rest.inertia, small.inertia, strict=True))
        inertia = plus, null + whole[0] - goal.n, minus
    ends = law(rest.confidence)
    return dataclasses.replace(
        rest,
        n=whole[0],
        structural_rank=whole[1],
        method=NAME,
        reason=_reason(found, rest),
        rank=rest.rank + small.rank,
        estimate=rest.estimate + small.estimate,
        bounds=(rest.bounds[0] + low, rest.bounds[1] + high),
        samples=rest.samples + small.rank,
        evidence=law,
        status=_status(rest.status, small.status, ends[1] - ends[0] <= 2.0 * goal.half_width),
        inertia=inertia,
        measure=None,
        gaps=(),
        at_ends=[_with_more(band, found.values * unit) for band in rest.at_ends],
        notes=(*rest.notes, *small.notes),
        diagnostics={
            **{k: v for k, v in rest.diagnostics.items() if k != "eigenvalues"},
            "components": [found.num_components, found.num_small],
        },
        history=[(used, a + low, b + high) for used, a, b in rest.history],
        resume=_resume(rest, found, goal, norm, whole),
    )


def _reason(found: Parts, rest: RankResult) -> str:
    others = found.num_components - found.num_small
    return (
        f"{found.num_small} of {found.num_components} components are small, and have their "
        f"eigenvalues computed; the other {others} together by {rest.method}: {rest.reason}"
    )


def _status(rest: Status, small: Status, is_narrow: bool) -> Status:
    """Return the status of a sum."""
    if rest not in SURE:
        return rest
    if small not in SURE:
        return Status.NO_GAP_FOUND
    if rest is small is Status.EXACT:
        return Status.EXACT
    return Status.CONVERGED if is_narrow else Status.BUDGET_SPENT


def _with_more(band: Band, values: FloatArray) -> Band:
    """Add eigenvalues to what is counted in a band."""
    inside = int(((values >= band.low) & (values <= band.high)).sum())
    return dataclasses.replace(band, least=band.least + inside, most=band.most + inside)


def _resume(
    rest: RankResult,
    found: Parts,
    goal: Goal,
    norm: float,
    whole: tuple[int, tuple[int, int] | None],
) -> Callable[..., RankResult] | None:
    """Return what `RankResult.refine` calls: the others go on."""
    go_on = rest.resume
    if go_on is None:
        return None

    def resume(precision: float, *options: Any) -> RankResult:
        half = precision if precision >= 1.0 else precision * whole[0]
        share = half if half >= 1.0 else half / rest.n
        again = go_on(share, *options)
        asked = dataclasses.replace(goal, half_width=half)
        return _together(again, found, asked, norm, whole)

    return resume
