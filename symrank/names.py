"""The public names, from where they are defined; `symrank` hands them on when one is asked for."""

from symrank.answer.result import RankResult
from symrank.answer.signature import Signature
from symrank.ask.bases import null_space, range_space
from symrank.ask.count import count
from symrank.ask.inertia import inertia
from symrank.ask.plan import plan
from symrank.ask.rank import rank
from symrank.errors import SymrankError
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
from symrank.operators import as_operator, augmented, finite_difference_hessian, gram, kron
from symrank.operators.on_dask import on_dask
from symrank.preconditioners import Preconditioner
from symrank.spectrum.outcome import Basis, Progress, Status

__all__ = [
    "Basis",
    "Chebyshev",
    "Dense",
    "Inertia",
    "Lanczos",
    "Langevin",
    "Preconditioner",
    "Progress",
    "Projection",
    "RankResult",
    "Signature",
    "Sketch",
    "Status",
    "SymrankError",
    "UbaruSaad",
    "as_operator",
    "augmented",
    "count",
    "finite_difference_hessian",
    "gram",
    "inertia",
    "kron",
    "null_space",
    "on_dask",
    "plan",
    "range_space",
    "rank",
]
