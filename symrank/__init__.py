"""The rank of a symmetric operator known by its products with vectors, with an honest interval.

A public name is imported when it is first asked for (PEP 562). So the command can answer Ctrl-C
while NumPy, SciPy and Numba are loading, and a helper process starts in milliseconds. All of them
come by one import, that of `symrank.names`: whichever threads ask first and for whatever, the
modules are imported in one order, and Python's lock on that module lets one thread do it.
"""

import importlib

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
    "gallery",
    "gram",
    "inertia",
    "kron",
    "null_space",
    "on_dask",
    "plan",
    "range_space",
    "rank",
]

__version__ = "0.1.0"

TYPE_CHECKING = False  # what typing calls so takes longer to import than all else here
if TYPE_CHECKING:
    from symrank import gallery
    from symrank.names import (
        Basis,
        Chebyshev,
        Dense,
        Inertia,
        Lanczos,
        Langevin,
        Preconditioner,
        Progress,
        Projection,
        RankResult,
        Signature,
        Sketch,
        Status,
        SymrankError,
        UbaruSaad,
        as_operator,
        augmented,
        count,
        finite_difference_hessian,
        gram,
        inertia,
        kron,
        null_space,
        on_dask,
        plan,
        range_space,
        rank,
    )
else:  # a type checker must not think that any name will do

    def __getattr__(name):
        """Import a public name, or a submodule, as `symrank.errors` after ``import symrank``."""
        if name in __all__ and name != "gallery":
            value = getattr(importlib.import_module("symrank.names"), name)
            globals()[name] = value
            return value
        path = f"{__name__}.{name}"
        try:
            if not name.startswith("__"):
                return importlib.import_module(path)
        except ModuleNotFoundError as error:
            if error.name != path:
                raise
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """Return the public names, not the modules that happen to be loaded."""
    return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})
