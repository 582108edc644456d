"""MATLAB files up to version 7: which of their variables is the matrix.

The readers are our own, and small: `scipy.io.loadmat` believes the sizes that a file declares, and
one flipped bit makes it read beyond its memory. A walk that compares every size with the bytes that
are there is all that reading a numeric array takes.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import scipy.sparse as sp

from symrank.errors import OperatorError
from symrank.files import mat4, mat5
from symrank.files.limits import Allowance
from symrank.files.names import shown
from symrank.files.sparse import compact

__all__ = ["read"]

HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
HDF5_OFFSETS = (0, 512)  # MATLAB writes 512 bytes of its own first
MANY = 8  # names that a message lists


def read(path: Path, allowance: Allowance) -> Any:
    """Return the one matrix of a ``.mat`` file, or ``Problem.A``."""
    with path.open("rb") as file:
        start = file.read(max(HDF5_OFFSETS) + len(HDF5_SIGNATURE))
        if any(start[k : k + len(HDF5_SIGNATURE)] == HDF5_SIGNATURE for k in HDF5_OFFSETS):
            raise OperatorError(
                f"{shown(path)} is a MATLAB 7.3 (HDF5) file, and only versions up to 7 are "
                "read. In MATLAB: save('file.mat', 'A', '-v7')."
            )
        allowance.weigh(allowance.size, "the variables of a MATLAB file")
        file.seek(0)
        is_old = 0 in start[:4]  # version 4 begins with a small integer, version 5 with a text
        found = _named((mat4 if is_old else mat5).variables(file, allowance))
    found = {name: value for name, value in found.items() if min(value.shape) > 1} or found
    if len(found) != 1:
        listed = ", ".join(map(shown, sorted(found)[:MANY]))
        listed += ", ..." if len(found) > MANY else ""
        many = f"{len(found)} matrices ({listed})" if found else "no matrix"
        raise OperatorError(
            f"{shown(path)} holds {many}, and exactly one numeric two-dimensional variable is "
            "needed. Save that one alone."
        )
    matrix = next(iter(found.values()))
    return compact(matrix) if sp.issparse(matrix) else matrix


def _named(variables: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Return variables by name; those of MATLAB itself begin with two underscores."""
    found: dict[str, Any] = {}
    for name, value in variables:
        if name in found:
            raise ValueError(f"it holds two variables of the name {shown(name)}")
        if not name.startswith("__"):
            found[name] = value
    return found
