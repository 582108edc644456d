"""Sums over the moduli or the positive part of an indefinite spectrum, said in their names.

For a semidefinite A they are those of `symrank.spectrum.sums` without the name of a part. Both have
a kink at zero, which leaves no derivative of one sign: their quadrature error is estimated.
"""

import dataclasses
from collections.abc import Mapping
from typing import Literal

import numpy as np

from symrank.errors import OptionError
from symrank.spectrum.margins import lambda_max_margin
from symrank.spectrum.pooled import PooledRuns
from symrank.spectrum.quadrature import Function
from symrank.spectrum.sums import Estimate, check_ridge, trace
from symrank.support.typing import FloatArray

__all__ = ["Part", "degrees_of_freedom", "intrinsic_dimension"]

Part = Literal["moduli", "positive part"]


def _positive(x: FloatArray) -> FloatArray:
    return np.maximum(x, 0.0)


SIZES: Mapping[Part, Function] = {"moduli": np.abs, "positive part": _positive}


def degrees_of_freedom(part: Part, measure: PooledRuns, c: float) -> Estimate:
    """See `RitzMeasure.degrees_of_freedom_of_moduli`."""
    check_ridge(measure, c)
    size = SIZES[part]
    return _not_negative(trace(measure, lambda x: size(x) / (size(x) + c)))


def intrinsic_dimension(part: Part, measure: PooledRuns) -> Estimate:
    """See `RitzMeasure.intrinsic_dimension_of_moduli`.

    The largest of what is summed lies between the largest Ritz value of it and that raised by the
    margin of |A| (`symrank.spectrum.margins`): A + |A| I has a norm of at most 2 |A|, and the
    margin of an indefinite operator is that of twice |A|.
    """
    size, norm = SIZES[part], measure.spectral_norm
    largest = float(size(measure.ritz_values).max())
    drift = max(run.drift for run in measure.runs) * measure.scale
    if norm == 0.0:
        return trace(measure, np.zeros_like)
    if largest <= drift:
        raise OptionError(
            f"no Ritz value is above the rounding, {drift:.3g}: a {part} that products cannot "
            "tell from zero has no intrinsic dimension."
        )
    total = trace(measure, lambda x: size(x) / largest)
    steps = min(run.alpha.size for run in measure.runs)
    margin = lambda_max_margin(measure.n, steps, len(measure.runs), is_indefinite=True)
    raised = 1.0 + (0.0 if measure.is_closed else margin) * norm / largest
    return dataclasses.replace(_not_negative(total), low=max(total.low, 0.0) / raised)


def _not_negative(total: Estimate) -> Estimate:
    """Return a sum of numbers that are not negative; an estimated bracket may reach below 0."""
    return dataclasses.replace(total, low=max(total.low, 0.0), high=max(total.high, 0.0))
