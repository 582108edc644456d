"""Preconditioning by congruence: with G = S S*, the operator S* A S is similar to G A.

S is invertible, so S* A S has the rank and the inertia of A (Sylvester's law), for every method.
A G that is known by its products alone, such as a multigrid cycle, has no S: it is handed to the
methods that solve with it.
"""

from symrank.preconditioners.coerce import as_preconditioner, of_scales
from symrank.preconditioners.congruence import apply
from symrank.preconditioners.draw import Draw
from symrank.preconditioners.preconditioner import Preconditioner

__all__ = ["Draw", "Preconditioner", "apply", "as_preconditioner", "of_scales"]
