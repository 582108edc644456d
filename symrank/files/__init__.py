"""Read a matrix from a file: Matrix Market, NumPy, SciPy sparse and MATLAB formats.

A file is taken for hostile: every size that it declares is compared with the bytes that are there
and weighed before memory is taken, every number and index is checked before compiled code sees it,
and nothing is ever unpickled. What a file cannot do is end the process, or be read as a matrix that
it does not hold.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import scipy.sparse as sp

from symrank.errors import OperatorError, SymrankError
from symrank.files import matlab, matrix_market, numpy_files
from symrank.files.limits import Allowance
from symrank.files.names import shown
from symrank.files.numbers import NUMBERS
from symrank.files.sparse import compact, is_mostly_empty
from symrank.operators.padded import PaddedMatrix
from symrank.support.typing import Array

ROW_BYTES = 200  # of the vectors that a count takes
Matrix: TypeAlias = "Array | sp.csr_array[Any] | PaddedMatrix"

__all__ = ["SUFFIXES", "load_matrix"]

SUFFIXES: dict[str, Callable[[Path, Allowance], Any]] = {
    ".mtx": matrix_market.read,
    ".mtx.gz": matrix_market.read,
    ".npy": numpy_files.read,
    ".npz": numpy_files.read,
    ".mat": matlab.read,
}
"""How a name may end, and the reader that belongs to it."""


def load_matrix(path: str | Path, *, max_seconds: float | None = None) -> "Matrix":
    """Return the one matrix in a file; sparse formats come as a CSR array.

    The format follows from the end of the name:

    ``.mtx``, ``.mtx.gz``
        Matrix Market; a triangle that stands for a symmetric matrix is completed. Exponents may be
        Fortran's.
    ``.npy``, ``.npz``
        One NumPy array, or what ``scipy.sparse.save_npz`` writes.
    ``.mat``
        MATLAB up to version 7: one matrix, or ``Problem.A`` as in the SuiteSparse collection.

    Parameters
    ----------
    path
        Of a file.
    max_seconds
        After which reading is given up.

    Returns
    -------
    ndarray, csr_array or PaddedMatrix
        As in the file: neither its symmetry nor its finiteness is looked at. A sparse matrix of
        more than 131 072 rows (or columns), and four for each entry, comes without its empty ones:
        `symrank.rank`, `symrank.augmented` and `symrank.gram` take it as the whole.

    Raises
    ------
    OperatorError
        Where there is no such file, its format is not known, its content is damaged or takes more
        memory than is free, or it holds no matrix, several, or Python objects. A packed file of
        less than 1 MiB may take 256 MiB, a larger one 256 times its size.
    OptionError
        Where `max_seconds` have passed.

    Examples
    --------
    >>> import numpy as np, tempfile, pathlib
    >>> from symrank.files import load_matrix
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "ones.npy"
    >>> np.save(path, np.ones((2, 2)))
    >>> load_matrix(path)
    array([[1., 1.],
           [1., 1.]])
    """
    path = Path(path)
    label = shown(path)
    suffix = _suffix(path)
    try:
        allowance = Allowance(path, max_seconds)
        return _ordinary(SUFFIXES[suffix](path, allowance), allowance, label)
    except SymrankError:
        raise
    except MemoryError as error:
        raise OperatorError(
            f"{label} holds, or claims to hold, a matrix that does not fit in memory. "
            "Save it in a sparse format, or write an operator that computes its products."
        ) from error
    except Exception as error:  # what a parser raises on a broken file is not to be foreseen
        reason = shown((str(error).strip() or type(error).__name__).splitlines()[0])
        raise OperatorError(
            f"{label} cannot be read as {suffix} ({reason}): it is damaged, cut short, or "
            "has another format than its name says. Fetch or save it again."
        ) from error


def _suffix(path: Path) -> str:
    """Return the end of the name that tells the format, after a look at what is there."""
    name, label = path.name.lower(), shown(path)
    found = [suffix for suffix in SUFFIXES if name.endswith(suffix)]
    try:
        is_there, is_file = path.exists(), path.is_file()
    except (OSError, ValueError) as error:  # a name too long, or with a NUL in it
        reason = getattr(error, "strerror", None) or error
        raise OperatorError(f"{label} is no path of a file ({reason}): check it.") from error
    if not is_there:
        raise OperatorError(f"{label} does not exist: check the path.")
    if not is_file:
        raise OperatorError(f"{label} is a folder or a device: pass the path of a matrix file.")
    if not found:
        raise OperatorError(
            f"{label} has no known format: the name must end in {', '.join(SUFFIXES)}. "
            "Unpack an archive first, or save the matrix with scipy.io.mmwrite or numpy.save."
        )
    if path.stat().st_size == 0:
        raise OperatorError(f"{label} is empty (0 bytes). Fetch or save it again.")
    return found[-1]


def _ordinary(matrix: Any, allowance: Allowance, label: str) -> "Matrix":
    """Return what was read, if it holds numbers; many rows of no entries are padding."""
    if matrix.dtype.kind not in NUMBERS:
        raise OperatorError(
            f"{label} holds entries of dtype {shown(matrix.dtype)}, which are no numbers. "
            "Convert them first, for example by A.astype(float)."
        )
    if isinstance(matrix, np.ndarray) and matrix.ndim == 2 and matrix.size == 0:
        shape = matrix.shape[0], matrix.shape[1]
        matrix = compact(sp.coo_array(shape)) if is_mostly_empty(shape, 0) else matrix
    if isinstance(matrix, sp.csr_array):  # never too much for a file that is not packed
        rows = max(matrix.shape)
        allowance.weigh_unpacked(ROW_BYTES * rows, f"a matrix of {rows} rows")
    found: Matrix = matrix
    return found
