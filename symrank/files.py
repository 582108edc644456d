"""Read a matrix from a file: Matrix Market, NumPy, SciPy sparse and MATLAB formats.

Nothing is ever unpickled: a file that holds Python objects is refused.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import scipy.io
import scipy.sparse as sp

from symrank._typing import Array
from symrank.errors import OperatorError

__all__ = ["SUFFIXES", "load_matrix"]

NUMPY_SIGNATURE = b"\x93NUMPY"
ZIP_SIGNATURE = b"PK"
HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
HDF5_OFFSETS = (0, 512)  # MATLAB writes 512 bytes of its own first
NUMBERS = "biufc"  # kinds of dtype


def load_matrix(path: str | Path) -> "Array | sp.csr_array[Any]":
    """Return the one matrix in a file; sparse formats come as a CSR array.

    The format follows from the end of the name:

    ``.mtx``, ``.mtx.gz``
        Matrix Market; a triangle that stands for a symmetric matrix is completed.
    ``.npy``, ``.npz``
        One NumPy array, or what ``scipy.sparse.save_npz`` writes.
    ``.mat``
        MATLAB up to version 7: one matrix, or ``Problem.A`` as in the SuiteSparse collection.

    Parameters
    ----------
    path
        Of a file.

    Returns
    -------
    ndarray or csr_array
        As in the file: neither its symmetry nor its finiteness is looked at.

    Raises
    ------
    OperatorError
        Where there is no such file, its format is not known, its content is damaged, or it holds
        no matrix, several, or Python objects.

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
    read = _reader(path)
    try:
        matrix = read(path)
        return _checked_csr(matrix) if sp.issparse(matrix) else np.asarray(matrix)
    except OperatorError:
        raise
    except MemoryError as error:
        raise OperatorError(
            f"{path} holds, or claims to hold, a matrix that does not fit in memory. "
            "Save it in a sparse format, or write an operator that computes its products."
        ) from error
    except Exception as error:  # what a parser raises on a broken file is not to be foreseen
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise OperatorError(
            f"{path} cannot be read as {path.suffix} ({reason}): it is damaged, cut short, or "
            "has another format than its name says. Fetch or save it again."
        ) from error


def _reader(path: Path) -> Callable[[Path], Any]:
    """Return the reader for the name, after a look at what the name stands for."""
    name = path.name.lower()
    found = [suffix for suffix in SUFFIXES if name.endswith(suffix)]
    if not path.exists():
        raise OperatorError(f"{path} does not exist: check the path.")
    if not path.is_file():
        raise OperatorError(f"{path} is a folder or a device: pass the path of a matrix file.")
    if not found:
        raise OperatorError(
            f"{path} has no known format: the name must end in {', '.join(SUFFIXES)}. "
            "Unpack an archive first, or save the matrix with scipy.io.mmwrite or numpy.save."
        )
    if path.stat().st_size == 0:
        raise OperatorError(f"{path} is empty (0 bytes). Fetch or save it again.")
    return SUFFIXES[found[0]]


def _read_matrix_market(path: Path) -> Any:
    return scipy.io.mmread(path)


def _read_numpy(path: Path) -> Any:
    with path.open("rb") as file:
        start = file.read(len(NUMPY_SIGNATURE))
        if start != NUMPY_SIGNATURE and not start.startswith(ZIP_SIGNATURE):
            raise OperatorError(
                f"{path} is no NumPy file: it begins with {start!r}, and .npy begins with "
                f"{NUMPY_SIGNATURE!r}, .npz with {ZIP_SIGNATURE!r}. Save it with numpy.save; "
                "a pickle is never loaded."
            )
        file.seek(0)
        try:
            loaded = np.load(file, allow_pickle=False)
            return loaded if isinstance(loaded, np.ndarray) else _only_array(path, file, loaded)
        except ValueError as error:
            if "pickle" not in str(error):
                raise
            raise OperatorError(
                f"{path} holds Python objects, which are pickled and could run any code when "
                "loaded: they are never read. Save numbers, for example A.astype(float)."
            ) from error


def _only_array(path: Path, file: BinaryIO, archive: Any) -> Any:
    """Return the sparse matrix or the one array of an .npz archive."""
    names = archive.files
    if {"format", "shape", "data"} <= set(names):
        file.seek(0)
        return sp.load_npz(file)
    if len(names) == 1:
        return archive[names[0]]
    raise OperatorError(
        f"{path} holds {len(names)} arrays ({_listed(names)}), and exactly one is needed, or "
        "what scipy.sparse.save_npz writes. Save the matrix alone."
    )


def _read_matlab(path: Path) -> Any:
    with path.open("rb") as file:
        start = file.read(max(HDF5_OFFSETS) + len(HDF5_SIGNATURE))
    if any(start[k : k + len(HDF5_SIGNATURE)] == HDF5_SIGNATURE for k in HDF5_OFFSETS):
        raise OperatorError(
            f"{path} is a MATLAB 7.3 (HDF5) file, and only versions up to 7 are read. "
            "In MATLAB: save('file.mat', 'A', '-v7')."
        )
    found = _matlab_matrices(scipy.io.loadmat(path, appendmat=False))
    if len(found) != 1:
        many = f"{len(found)} matrices ({_listed(sorted(found))})" if found else "no matrix"
        raise OperatorError(
            f"{path} holds {many}, and exactly one numeric two-dimensional variable is needed. "
            "Save that one alone."
        )
    return next(iter(found.values()))


def _matlab_matrices(variables: Mapping[str, Any]) -> dict[str, Any]:
    """Return the numeric matrices by name; scalars and vectors only where nothing else is."""
    found: dict[str, Any] = {}
    for name, value in variables.items():
        if name.startswith("__"):
            continue
        names = getattr(getattr(value, "dtype", None), "names", None)
        if name == "Problem" and names and "A" in names and value.size == 1:
            found["Problem.A"] = value["A"].item()
        elif sp.issparse(value) or (value.ndim == 2 and value.dtype.kind in NUMBERS):
            found[name] = value
    matrices = {name: value for name, value in found.items() if min(value.shape) > 1}
    return matrices or found


def _checked_csr(matrix: Any) -> "sp.csr_array[Any]":
    """Return any sparse matrix as CSR, after a check that no index leaves the arrays."""
    if matrix.format in ("csr", "csc", "bsr"):
        matrix.check_format(full_check=True)
    return sp.csr_array(matrix)


def _listed(names: list[str], most: int = 8) -> str:
    return ", ".join(names[:most]) + (", ..." if len(names) > most else "")


SUFFIXES: dict[str, Callable[[Path], Any]] = {
    ".mtx": _read_matrix_market,
    ".mtx.gz": _read_matrix_market,
    ".npy": _read_numpy,
    ".npz": _read_numpy,
    ".mat": _read_matlab,
}
"""How a name may end, and the reader that belongs to it."""
