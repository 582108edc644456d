"""The test that no null vector is missing: fresh columns, eq. (4) of the certificates."""

import math
from dataclasses import dataclass

import numpy as np

from symrank.methods.base import Goal
from symrank.methods.spaces.certificates import chi, spectral_norm
from symrank.methods.spaces.solve import Solve, extend, project
from symrank.recurrences import conjugate_gradient as cg
from symrank.recurrences.conjugate_gradient import Apply
from symrank.support import probes
from symrank.support.probes import Streams
from symrank.support.typing import Array

__all__ = ["NULL_TEST", "Trial", "advance"]

NULL_TEST = 12  # chi(12) = 0.4
TEST_SHARE = 0.05  # of chi(p): |W| aimed at


@dataclass(kw_only=True)
class Trial:
    """A solve A Y = (I - Z Z*) Omega, and then its evidence."""

    solve: Solve
    num_steps: int = 0
    evidence: tuple[float, float] | None = None  # |W|, |Y|
    p: int = NULL_TEST


def advance(
    test: Trial | None,
    goal: Goal,
    Z: Array,
    first: int,
    limit: int,
    multiply: Apply,
    G: Apply | None,
    num_steps: int,
) -> Trial:
    """Solve A Y = (I - Z Z*) Omega for fresh columns by at most `limit` steps; keep |W| and |Y|.

    `first` numbers the first column of the block that Z was found from.
    """
    Omega = probes.gaussian(
        goal.seed, Streams.NULL_TEST.start + first, NULL_TEST, goal.n, goal.dtype
    )
    if test is None:
        test = Trial(solve=cg.start(project(Omega, Z), G))
    if test.evidence is not None:
        return test
    aim = TEST_SHARE * chi(test.p, goal.is_complex) / math.sqrt(test.p)
    tolerance = np.full(test.p, aim)
    num_steps = min(num_steps, limit - test.num_steps)
    test.solve, steps = extend(test.solve, multiply, G, tolerance, num_steps)
    test.num_steps += steps
    if test.solve.is_done or test.num_steps >= limit:
        Y = project(test.solve.X, Z)
        W = project(Omega - multiply(Y), Z)
        test.evidence = (spectral_norm(W), spectral_norm(Y))
    return test
