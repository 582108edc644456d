"""The published method of Ubaru and Saad from its moments to its answer, and no further claim."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from symrank.errors import OptionError
from symrank.methods.base import Goal, Summary
from symrank.methods.moments import published_gap
from symrank.methods.moments.moments import Memo
from symrank.methods.moments.polynomials import lanczos_sigma, step
from symrank.methods.summaries import sampled
from symrank.recurrences import chebyshev
from symrank.spectrum.intervals import ChainInterval
from symrank.spectrum.outcome import Status
from symrank.support.typing import FloatArray

__all__ = ["MARGIN", "ends", "summarise"]

MARGIN = 1e-5  # absolute, in the caller's units: one of the places where the scale enters


def ends(goal: Goal, summary: Summary) -> tuple[float, float]:
    """Return the interval [-1e-5, lambda_max + 1e-5], as the operator is seen here.

    Raises
    ------
    OptionError
        If the pilot has met a negative eigenvalue.
    """
    memo: Memo = summary.memo
    if memo.pilot.is_indefinite:
        lowest = float(memo.pilot.measure.ritz_values[0]) * goal.scale
        raise OptionError(
            "UbaruSaad(variant='published') is for positive semidefinite operators, and this one "
            f"has an eigenvalue of at most {lowest:.3g}. Leave variant out."
        )
    margin = MARGIN / goal.scale
    return -margin, memo.pilot.measure.spectral_norm + margin


def summarise(
    goal: Goal,
    states: Mapping[tuple[Any, ...], Any],
    previous: Summary,
    degree: int,
    num_points: int,
) -> Summary:
    """Return the step's trace at the published threshold, with Student's t over the vectors."""
    keys = sorted(key for key in states if key[0] == "moments")
    raw = np.concatenate([states[key] for key in keys], axis=1)
    if not chebyshev.is_bounded(raw):  # the pilot was too short for lambda_max: its answer stands
        return dataclasses.replace(previous, memo=_done(previous.memo))
    moments = raw[: degree + 1] / raw[0]  # of vectors of norm 1
    low, high = ends(goal, previous)
    centre, half = 0.5 * (low + high), 0.5 * (high - low)
    mean = moments.mean(axis=1)
    x, phi = published_gap.density(mean, centre * goal.scale, half * goal.scale, num_points)
    tau = published_gap.threshold(x, phi, num_points) / goal.scale
    top = high - MARGIN / goal.scale
    samples = goal.n * (_filter(tau, top, centre, half, degree) @ moments)
    return _result(goal, previous, samples, tau * goal.scale, degree)


def _filter(tau: float, top: float, centre: float, half: float, degree: int) -> FloatArray:
    """Return the step on [tau, top], damped by Lanczos' factors."""
    found = step((tau - centre) / half, (top - centre) / half, degree)
    return np.asarray(found * lanczos_sigma(degree))


def _result(goal: Goal, previous: Summary, samples: FloatArray, tau: float, degree: int) -> Summary:
    """Put the mean of the vectors as a count of what lies above `tau`."""
    m, n = samples.size, goal.n
    estimate = float(samples.mean())
    stderr = float(samples.std(ddof=1) / np.sqrt(m)) if m > 1 else float(n)
    evidence = ChainInterval(
        n=n, estimate=estimate, stderr=stderr, dof=max(m - 1, 1), bias_low=0.0, bias_high=0.0
    )
    return sampled(
        goal,
        evidence,
        estimate,
        stderr=stderr,
        bounds=(0.0, float(n)),
        threshold=tau,
        status=Status.NOT_CERTIFIED,
        samples=samples,
        measure=previous.measure,
        at_ends=previous.at_ends,
        diagnostics={"num_vectors": m, "degree": degree},
        memo=_done(previous.memo),
    )


def _done(memo: Memo) -> Memo:
    return dataclasses.replace(memo, is_done=True)
