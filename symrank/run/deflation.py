"""Null vectors that the caller knows, taken out of the operator once they are seen to be some."""

from symrank.errors import OptionError
from symrank.methods.base import unit_rounding
from symrank.operators import Operator
from symrank.operators.deflated import Deflated
from symrank.recurrences.norm import norm
from symrank.run.budget import Budget
from symrank.spectrum import threshold
from symrank.support import probes
from symrank.support.probes import Streams
from symrank.support.typing import Array

__all__ = ["deflated"]

NORM_STEPS = 12  # of Lanczos, for |A|, where |A Q| is judged


def deflated(
    operator: Operator, vectors: Array, noise: float, seed: int, budget: Budget
) -> Deflated:
    """Return the operator on the complement of null vectors.

    Raises
    ------
    OptionError
        Where A Q is more than rounding: A would not be what is left of it.
    """
    steps = min(NORM_STEPS, operator.n)
    z = probes.gaussian(seed, Streams.DEFLATION.start, 1, operator.n, operator.dtype)
    eps = unit_rounding(operator.dtype, noise)
    floor = threshold.cut(norm(operator, z, steps, eps, lambda _: None).low, eps, None, None)
    found = Deflated(operator, vectors)
    residual = found.null_residual()
    budget.spend((steps + found.num_vectors) * operator.matvecs_per_product, is_told=False)
    if residual > floor:
        raise OptionError(
            f"deflate={found.num_vectors} vectors, but |A Q| = {residual / floor:.3g} times "
            "the noise floor of the products: they are no null vectors. Leave deflate out, or "
            "refine them, for example by Sketch(side='null', basis=True)."
        )
    return found
