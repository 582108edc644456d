"""One file per method; `BY_NAME` is how a method is called by a string."""

from symrank.methods.base import Goal, Method, Offer, Seen, Summary, Task
from symrank.methods.chebyshev import Chebyshev
from symrank.methods.dense import Dense
from symrank.methods.inertia import Inertia
from symrank.methods.lanczos import Lanczos
from symrank.methods.langevin import Langevin
from symrank.methods.projection import Projection
from symrank.methods.sketch import Sketch
from symrank.methods.ubaru_saad import UbaruSaad

__all__ = [
    "BY_NAME",
    "Chebyshev",
    "Dense",
    "Goal",
    "Inertia",
    "Lanczos",
    "Langevin",
    "Method",
    "Offer",
    "Projection",
    "Seen",
    "Sketch",
    "Summary",
    "Task",
    "UbaruSaad",
]

BY_NAME: dict[str, type[Method]] = {
    cls.name: cls
    for cls in (Chebyshev, Dense, Inertia, Lanczos, Langevin, Projection, Sketch, UbaruSaad)
}
