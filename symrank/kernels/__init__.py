"""Inner loops, one file per device; the file's name is the kernel's name.

`reference` is the specification: plain NumPy, read it to know what a kernel does.
Every other, a file called cpu_* or gpu_*, holds functions of the same names and is tested against
it.
"""

import importlib
import pkgutil
from types import ModuleType

from symrank.errors import MissingBackendError, OptionError

__all__ = ["DEFAULT", "check_fit", "check_name", "load"]

DEFAULT = "cpu_numba"
FILES = sorted(file.name for file in pkgutil.iter_modules(__path__))
NAMES = ("reference", *(name for name in FILES if name.startswith(("cpu_", "gpu_"))))


def check_name(name: str | None) -> None:
    """Raise `OptionError` where a kernel of that name does not exist; None is the default."""
    if name is not None and (not isinstance(name, str) or name not in NAMES):
        raise OptionError(f"kernel={name!r} is unknown: choose one of {', '.join(NAMES)}.")


def check_fit(name: str | None, place: str | None) -> None:
    """Raise where a kernel was asked for that runs elsewhere than the products of an operator.

    Parameters
    ----------
    name
        The kernel asked for; None fits everything.
    place
        The kernel of the device on which the operator multiplies; None for the host.

    Raises
    ------
    MissingBackendError
        Where the library or the device of that kernel is missing.
    OptionError
        Where the operator lies elsewhere.
    """
    if name is None or name == place or (place is None and not name.startswith("gpu_")):
        return
    if place is None:
        load(name)  # what is missing for it comes first
        raise OptionError(
            f"kernel={name!r} runs on a device, and the products of A are made on the host: pass A "
            "as an array of the device, for example cupyx.scipy.sparse.csr_matrix(A) or "
            "cupy.asarray(A), or leave kernel out."
        )
    raise OptionError(
        f"kernel={name!r} does not run where the products of A are made, and {place!r} does: leave "
        "kernel out, or pass A.get(), a copy on the host."
    )


def load(name: str | None = None) -> ModuleType:
    """Return the kernel module called `name` (default: `cpu_numba`).

    With ``NUMBA_DISABLE_JIT=1`` the default is `reference`: the compiled loops would run
    as Python, a thousand times slower than NumPy.
    """
    if name is None:
        import numba

        name = "reference" if vars(numba.config)["DISABLE_JIT"] else DEFAULT
    check_name(name)
    try:
        return importlib.import_module(f"symrank.kernels.{name}")
    except ModuleNotFoundError as exc:
        raise MissingBackendError(f"kernel={name!r} needs the library {exc.name!r}.") from exc
