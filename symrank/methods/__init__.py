"""One file per method; `BY_NAME` is how a method is called by a string."""

from symrank.methods.base import Goal, Method, Offer, Summary, Task
from symrank.methods.chains.langevin import Langevin
from symrank.methods.eigenvalues.dense import Dense
from symrank.methods.eigenvalues.long import Long
from symrank.methods.moments.chebyshev import Chebyshev
from symrank.methods.moments.ubaru_saad import UbaruSaad
from symrank.methods.pivots.inertia import Inertia
from symrank.methods.quadrature.lanczos import Lanczos
from symrank.methods.seen import Seen
from symrank.methods.spaces.projection import Projection
from symrank.methods.spaces.sketch import Sketch

__all__ = [
    "BY_NAME",
    "Chebyshev",
    "Dense",
    "Goal",
    "Inertia",
    "Lanczos",
    "Langevin",
    "Long",
    "Method",
    "Offer",
    "Projection",
    "Seen",
    "Sketch",
    "Summary",
    "Task",
    "UbaruSaad",
]

BY_NAME: dict[str, type[Method]] = {  # of those imported above: a caller's own come later
    cls.name: cls for cls in sorted(Method.__subclasses__(), key=lambda cls: cls.name)
}
