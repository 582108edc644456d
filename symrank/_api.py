"""The public names, from where they are defined; `symrank` hands them on when one is asked for."""

from symrank.counting import count
from symrank.errors import SymrankError
from symrank.estimate import rank
from symrank.methods import (
    Chebyshev,
    Dense,
    Inertia,
    Lanczos,
    Langevin,
    Projection,
    Sketch,
    UbaruSaad,
)
from symrank.operators import as_operator, augmented, gram, kron
from symrank.outcome import Progress, Status
from symrank.planning import plan
from symrank.preconditioners import Preconditioner
from symrank.result import RankResult

__all__ = [
    "Chebyshev",
    "Dense",
    "Inertia",
    "Lanczos",
    "Langevin",
    "Preconditioner",
    "Progress",
    "Projection",
    "RankResult",
    "Sketch",
    "Status",
    "SymrankError",
    "UbaruSaad",
    "as_operator",
    "augmented",
    "count",
    "gram",
    "kron",
    "plan",
    "rank",
]
