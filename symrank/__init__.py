"""The rank of a symmetric operator known by its products with vectors, with an honest interval."""

from symrank import gallery
from symrank.counting import count
from symrank.errors import SymrankError
from symrank.estimate import plan, rank
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
from symrank.preconditioners import Preconditioner
from symrank.result import Progress, RankResult, Status

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
    "gallery",
    "gram",
    "kron",
    "plan",
    "rank",
]

__version__ = "0.1.0"
