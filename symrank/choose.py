"""Which method, and why."""

from symrank.methods import Dense, Lanczos, Method
from symrank.operators import Operator

__all__ = ["DENSE_LIMIT", "choose"]

DENSE_LIMIT = 4000  # eigvalsh takes about ten seconds on two cores, and 128 MB


def choose(operator: Operator, max_matvecs: int) -> tuple[Method, str]:
    """Return the method for `operator` and one sentence of reason."""
    n = operator.n
    cost = 0 if operator.is_explicit else n * operator.matvecs_per_product
    if n <= DENSE_LIMIT and cost <= max_matvecs:
        return Dense(), f"n = {n} <= {DENSE_LIMIT}: all eigenvalues are cheap and exact"
    if n <= DENSE_LIMIT:
        why = f"the dense matrix would take {cost} products and max_matvecs is {max_matvecs}"
        return Lanczos(), f"{why}: certified counting by products"
    return Lanczos(), f"n = {n} > {DENSE_LIMIT}: certified counting by products alone"
