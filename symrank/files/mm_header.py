"""The first lines of a Matrix Market file: what kind of matrix, and of what size.

    %%MatrixMarket matrix coordinate|array FIELD SYMMETRY
    % comments
    rows columns [entries]

An array lists the entries column by column: all, the lower triangle where it is symmetric or
Hermitian, and without its diagonal where it is skew-symmetric.
"""

from dataclasses import dataclass
from typing import Any

from symrank.files.limits import LARGEST
from symrank.files.names import shown

__all__ = ["Header", "read_header"]

FORMATS = ("coordinate", "array")
FIELDS = ("real", "double", "complex", "integer", "unsigned-integer", "pattern")
SYMMETRIES = ("general", "symmetric", "skew-symmetric", "hermitian")
LONGEST_LINE = 1 << 16  # bytes of a line before the entries
MOST_COMMENT = 1 << 22  # bytes of comments
SHOWN = 60  # bytes of a line that a message repeats


@dataclass(frozen=True, kw_only=True)
class Header:
    """What the first lines declare; `line` is the number of the last one."""

    format: str
    field: str
    symmetry: str
    shape: tuple[int, int]
    num_entries: int  # lines that follow
    line: int

    @property
    def is_array(self) -> bool:
        """Whether every entry is stored, zeros too."""
        return self.format == "array"

    @property
    def value_bytes(self) -> int:
        """Bytes of a value in memory."""
        return 16 if self.field == "complex" else 8

    def text(self) -> bytes:
        """Return the header as a parser expects it: lower case, no comments, no surplus blanks."""
        sizes = self.shape if self.is_array else (*self.shape, self.num_entries)
        words = f"%%MatrixMarket matrix {self.format} {self.field} {self.symmetry}\n"
        return (words + " ".join(map(str, sizes)) + "\n").encode()


def read_header(file: Any) -> Header:
    """Return the header of an open file, which then stands before its first entry.

    Raises
    ------
    ValueError
        With the line and the rule it breaks.
    """
    banner = _line(file, 1)
    words = [word.decode("latin-1") for word in banner.lower().split()]
    if len(words) != 5 or words[0] not in ("%%matrixmarket", "%matrixmarket"):
        raise ValueError(
            f"line 1 is '{shown(banner[:SHOWN].rstrip())}' and must be "
            "'%%MatrixMarket matrix coordinate real general' or like it"
        )
    kind, layout, field, symmetry = words[1:]
    for word, known in (
        (kind, ("matrix",)),
        (layout, FORMATS),
        (field, FIELDS),
        (symmetry, SYMMETRIES),
    ):
        if word not in known:
            msg = f"line 1 says '{shown(word)}', which is none of {', '.join(known)}"
            raise ValueError(msg)
    line, number, skipped = b"%", 1, 0
    while not line.strip() or line.lstrip().startswith(b"%"):
        number += 1
        line = _line(file, number)
        skipped += len(line)
        if skipped > MOST_COMMENT:
            raise ValueError(f"more than {MOST_COMMENT >> 20} MiB of comments before the sizes")
    return _checked(layout, field, symmetry, line, number)


def _line(file: Any, number: int) -> bytes:
    line: bytes = file.readline(LONGEST_LINE + 1)
    if not line:
        raise ValueError(f"the text ends before line {number}, within the header")
    if len(line) > LONGEST_LINE:
        raise ValueError(f"line {number} is longer than {LONGEST_LINE} bytes")
    return line


def _checked(layout: str, field: str, symmetry: str, line: bytes, number: int) -> Header:
    """Return the header with the sizes of a line, if they make sense."""
    sizes, is_array = line.split(), layout == "array"
    if len(sizes) != 3 - is_array or not all(word.isdigit() for word in sizes):
        raise ValueError(
            f"line {number} is '{shown(line[:SHOWN].rstrip())}' and must hold the numbers of "
            f"rows{' and columns' if is_array else ', columns and entries'}"
        )
    if max(map(len, sizes)) > len(str(LARGEST)) or max(map(int, sizes)) > LARGEST:
        raise ValueError(f"line {number} declares a size above 2^53, the largest that is counted")
    rows, columns, *rest = map(int, sizes)
    if symmetry != "general" and rows != columns:
        raise ValueError(f"a {rows}x{columns} matrix cannot be {symmetry}: only a square one can")
    if field == "pattern" and (is_array or symmetry == "hermitian"):
        raise ValueError(f"a pattern cannot be {'an array' if is_array else symmetry}")
    whole = {
        "general": rows * columns,
        "skew-symmetric": rows * (rows - 1) // 2,
    }.get(symmetry, rows * (rows + 1) // 2)
    return Header(
        format=layout,
        field=field,
        symmetry=symmetry,
        shape=(rows, columns),
        num_entries=whole if is_array else rest[0],
        line=number,
    )
