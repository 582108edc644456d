"""Matrix Market files: sizes weighed, lines checked, and then SciPy's parser."""

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import scipy.io

from symrank.files.limits import DENSE_COPIES, MAX_DEFLATE, Allowance
from symrank.files.mm_header import Header, read_header
from symrank.files.mm_lines import CheckedLines
from symrank.files.sparse import compact

__all__ = ["read"]

LEAST_BYTES = {True: 2, False: 4}  # of the line of an entry, "0\n" in an array and "1 1\n"
COMPLETED = 2.25  # times two copies: a triangle, its mirror image, and both


def read(path: Path, allowance: Allowance) -> Any:
    """Return the matrix of a ``.mtx`` or ``.mtx.gz`` file: an ndarray, a CSR array or padded."""
    is_packed = path.name.lower().endswith(".gz")
    with gzip.open(path) if is_packed else path.open("rb") as file:
        header = read_header(file)
        _weigh(header, allowance, is_packed)
        lines = CheckedLines(file, header, allowance)
        if header.is_array and not header.num_entries:  # the parser divides by the number of rows
            lines.finish()
            return np.zeros(header.shape)
        try:
            matrix: Any = scipy.io.mmread(lines)  # type: ignore[call-overload]
        except Exception:  # what the check has found is told first, and by its line
            lines.finish()
            raise
        lines.finish()
    if header.is_array:
        return matrix
    if header.symmetry == "skew-symmetric" and (matrix.row == matrix.col).any():
        raise ValueError("a skew-symmetric matrix has no entries on its diagonal")
    return compact(matrix)


def _weigh(header: Header, allowance: Allowance, is_packed: bool) -> None:
    """Raise where the size that is declared is none that the file, or the machine, can hold."""
    (rows, columns), entries = header.shape, header.num_entries
    least = entries * LEAST_BYTES[header.is_array]
    most = allowance.size * (MAX_DEFLATE if is_packed else 1) + 1  # the last line may lack its end
    if least > most:
        raise ValueError(
            f"it declares {entries} entries, which take {least} bytes at least, and the file has "
            f"{allowance.size}"
        )
    what = f"a {rows}x{columns} matrix of {entries} entries"
    if header.is_array:
        size = rows * columns * header.value_bytes
        unpacked = DENSE_COPIES * size
    else:
        copies = 2.0 if header.symmetry == "general" else 2.0 * COMPLETED
        size = unpacked = int(copies * entries * (8 + header.value_bytes))
    allowance.weigh(size, what)
    if is_packed:
        allowance.weigh_unpacked(unpacked, what)
