"""What runs in the child of `ldl_far`: factorisations, and solves with them."""

from typing import Any

import numpy as np
import scipy.sparse as sp

from symrank.methods.pivots.ldl import Factorisation, Solver
from symrank.support.typing import FloatArray

__all__ = ["factorise", "solve"]

Arrays = dict[str, Any]
_SOLVERS: dict[int, Solver] = {}
_FACTORS: dict[int, Factorisation] = {}


def factorise(arguments: dict[str, Any], arrays: Arrays) -> tuple[Any, Arrays]:
    """Return what `Factorisation` says but its solve; None where the solver gives up."""
    key, n = arguments["solver"], arguments["n"]
    matrix = sp.csr_array((arrays["data"], arrays["indices"], arrays["indptr"]), shape=(n, n))
    solver = _SOLVERS.setdefault(key, Solver(arguments["style"]))
    F = solver.factorise(matrix)
    if F is None:
        _SOLVERS.pop(key)
        _FACTORS.pop(key, None)
        return None, {}
    _FACTORS[key] = F
    fields = {name: int(value) for name, value in vars(F).items() if name != "solve"}
    return fields, {}


def solve(arguments: dict[str, Any], arrays: Arrays) -> tuple[Any, Arrays]:
    """Return X of F X = B."""
    B: FloatArray = np.array(arrays["B"])
    return None, {"X": _FACTORS[arguments["solver"]].solve(B)}
