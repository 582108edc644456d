"""Rows: Matrix Market files that are cut, altered or written by other hands."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import ArrayLike

from symrank.errors import OperatorError
from symrank.files import load_matrix
from tests.faults.row import Row

REAL = b"%%MatrixMarket matrix coordinate real general\n"


def header(words: str) -> bytes:
    return f"%%MatrixMarket matrix {words}\n".encode()


def refused(fault: str, content: bytes, match: str, door: str = ".mtx") -> Row:
    """A file for which there is one clear error and no matrix."""

    def check(tmp: Path) -> None:
        path = tmp / f"A{door}"
        path.write_bytes(gzip.compress(content) if door == ".mtx.gz" else content)
        with pytest.raises(OperatorError, match=match) as caught:
            load_matrix(path)
        assert str(caught.value).isprintable()

    return Row(group="files", fault=fault, door=door, check=check)


def read(fault: str, content: bytes, truth: ArrayLike, door: str = ".mtx") -> Row:
    """A file that looks odd and holds a matrix all the same."""

    def check(tmp: Path) -> None:
        path = tmp / f"A{door}"
        path.write_bytes(gzip.compress(content) if door == ".mtx.gz" else content)
        loaded = load_matrix(path)
        dense = loaded if isinstance(loaded, np.ndarray) else loaded.toarray()
        np.testing.assert_array_equal(dense, np.array(truth))

    return Row(group="files", fault=fault, door=door, check=check)


def value(text: bytes, truth: float | None) -> Row:
    """A number as the only off-diagonal entry; None: it is none."""
    content = REAL + b"2 2 2\n1 1 1\n1 2 " + text + b"\n"
    name = f"the number {text.decode('latin-1')!r}"
    if truth is None:
        return refused(name, content, "line 4 is '1 2 .*a line holds row, column, a number")
    return read(name, content, [[1.0, truth], [0.0, 0.0]])


def cut(fault: str, content: bytes, door: str = ".mtx") -> Row:
    """A file after each of whose bytes the rest may be missing; only a number may get shorter."""

    def check(tmp: Path) -> None:
        path = tmp / f"A{door}"
        whole = gzip.compress(content, mtime=0) if door == ".mtx.gz" else content
        for length in range(1, len(whole)):
            path.write_bytes(whole[:length])
            try:
                load_matrix(path)
            except OperatorError:
                continue
            left = whole[length:].strip()
            is_last_number = door == ".mtx" and b"\n" not in left
            assert is_last_number, f"cut after {length} bytes"

    return Row(group="files", fault=fault, door=door, check=check)


def with_nul(fault: str, content: bytes) -> Row:
    """One byte after another is NUL: refused wherever it is not in a comment."""

    def check(tmp: Path) -> None:
        path = tmp / "A.mtx"
        for place in range(len(content)):
            path.write_bytes(content[:place] + b"\0" + content[place + 1 :])
            with pytest.raises(OperatorError):
                load_matrix(path)

    return Row(group="files", fault=fault, door=".mtx", check=check)


SYMMETRIC = header("coordinate real symmetric") + b"3 3 3\n1 1 1.5\n2 1 -2e-3\n3 3 7\n"
ARRAY = header("array real symmetric") + b"3 3\n1.5\n-2e-3\n0\n7\n0\n2\n"
NUMBERS = [
    value(b"1D-20", 1e-20),
    value(b"1d0", 1.0),
    value(b"-2.5D+3", -2500.0),
    value(b"+1", 1.0),
    value(b".5", 0.5),
    value(b"5.", 5.0),
    value(b"1e-400", 0.0),
    value(b"-inf", -np.inf),
    value(b"NaN", np.nan),
    value(b"1.0-20", None),
    value(b"1.5abc", None),
    value(b"1e", None),
    value(b"1E+", None),
    value(b"1x", None),
    value(b"1..2", None),
    value(b".", None),
    value(b"0x10", None),
    value(b"1_000", None),
    value(b"1,5", None),
    value(b"++1", None),
    value(b"nanny", None),
    value(b"1\0", None),
    value(b"\xb2", None),
    value(b"1 2", None),
    value(b"", None),
]
LINES = [
    refused("index 0", REAL + b"2 2 1\n0 1 1\n", "out of bounds"),
    refused("index beyond the size", REAL + b"2 2 1\n1 3 1\n", "out of bounds"),
    refused("index of 2^32 + 1", REAL + b"2 2 1\n4294967297 1 1\n", "out of range"),
    refused("negative index", REAL + b"2 2 1\n-1 1 1\n", "line 3 is '-1 1 1'"),
    refused("fractional index", REAL + b"2 2 1\n1.0 1 1\n", r"line 3 is '1\.0 1 1'"),
    refused("fewer entries than declared", REAL + b"2 2 2\n1 1 1\n", "declares 2 .* after 1"),
    refused("more entries than declared", REAL + b"2 2 1\n1 1 1\n2 2 1\n", "1 entries and holds"),
    refused("a column is missing", REAL + b"2 2 1\n1 1\n", "line 3 is '1 1', and a line"),
    refused("old line ends, CR alone", REAL.replace(b"\n", b"\r") + b"1 1 1\r1 1 1\r", "line 1"),
    refused("an entry of 70 000 bytes", REAL + b"1 1 1\n1 1 " + b"1" * 70000, "longer than 64 KiB"),
    refused("a real number in integers", header("coordinate integer general") + b"1 1 1\n1 1 1.5\n",
            "an integer"),
    refused("an exponent in integers", header("coordinate integer general") + b"1 1 1\n1 1 1e3\n",
            "an integer"),
    refused("an integer of 2^63", header("coordinate integer general")
            + b"1 1 1\n1 1 9223372036854775808\n", "out of range"),
    refused("one part of a complex number", header("coordinate complex general")
            + b"1 1 1\n1 1 1\n", "real part, imaginary part"),
    read("blank lines and comments between", REAL + b"%\n\n2 2 2\n% x\n1 1 1\n\n  \n2 2 3\n\n",
         [[1, 0], [0, 3]]),
    read("tabs, surplus blanks, CRLF", REAL + b"2 2 2\r\n  1\t1   1 \r\n\t2 2 3\t\r\n",
         [[1, 0], [0, 3]]),
    read("no end of the last line", REAL + b"1 1 1\n1 1 3", [[3]]),
    read("capitals in the header", REAL.upper() + b"1 1 1\n1 1 3\n", [[3]]),
    read("duplicates", REAL + b"1 1 3\n1 1 3\n1 1 4\n1 1 .5\n", [[7.5]]),
    read("a pattern", header("coordinate pattern symmetric") + b"2 2 1\n2 1\n", [[0, 1], [1, 0]]),
    read("integers with a plus", header("coordinate integer general") + b"1 1 1\n1 1 +3\n", [[3]]),
]  # fmt: skip
HEADERS = [
    refused("another banner", b"%%MatrixMarkt matrix coordinate real general\n1 1 0\n", "line 1"),
    refused("a vector", b"%%MatrixMarket vector array real general\n1\n1\n", "'vector'"),
    refused("an unknown field", header("coordinate quaternion general") + b"1 1 0\n", "quaternion"),
    refused("a byte order mark", b"\xef\xbb\xbf" + SYMMETRIC, "line 1 is"),
    refused("UTF-16", SYMMETRIC.decode().encode("utf-16"), "line 1 is"),
    refused("escape sequences", b"\x1b]0;owned\x07\x1b[2J\n", r"\\x1b\]0;owned"),
    refused("the header alone", REAL, "ends before line 2"),
    refused("two sizes of three", REAL + b"2 2\n1 1 1\n", "line 2 is '2 2'"),
    refused("a negative size", REAL + b"-3 -3 1\n1 1 1\n", "line 2 is '-3 -3 1'"),
    refused("a size above 2^53", REAL + b"9007199254740993 1 1\n1 1 1\n", r"above 2\^53"),
    refused("a size of 5000 digits", REAL + b"1" * 5000 + b" 1 1\n", r"above 2\^53"),
    refused("more entries than bytes", REAL + b"3 3 1000000000\n1 1 1\n", "declares 1000000000"),
    refused("more entries than bytes", REAL + b"3 3 1000000000\n1 1 1\n", "declares 1000000000",
            ".mtx.gz"),
    refused("an array larger than the file", header("array real general") + b"90000 90000\n1\n",
            "declares 8100000000"),
    refused("a symmetric rectangle", header("coordinate real symmetric") + b"2 3 0\n", "2x3"),
    refused("a symmetric rectangle, array", header("array real symmetric") + b"2 3\n1\n2\n3\n",
            "2x3"),
    refused("an array of a pattern", header("array pattern general") + b"1 1\n1\n", "a pattern"),
    refused("a diagonal in a skew-symmetric matrix", header("coordinate real skew-symmetric")
            + b"2 2 1\n1 1 5\n", "no entries on its diagonal"),
    read("skew-symmetric", header("coordinate real skew-symmetric") + b"2 2 1\n2 1 5\n",
         [[0, -5], [5, 0]]),
    read("Hermitian, of reals", header("coordinate real hermitian") + b"2 2 1\n2 1 5\n",
         [[0, 5], [5, 0]]),
    read("Hermitian", header("array complex hermitian") + b"2 2\n1 0\n2 3\n4 0\n",
         [[1, 2 - 3j], [2 + 3j, 4]]),
    read("an array of no rows", header("array real general") + b"0 3\n", np.zeros((0, 3))),
]  # fmt: skip
ROWS = [
    *NUMBERS,
    *LINES,
    *HEADERS,
    cut("cut at any byte", SYMMETRIC),
    cut("cut at any byte, symmetric array", ARRAY),
    cut("cut at any byte", SYMMETRIC, ".mtx.gz"),
    with_nul("NUL at any byte", SYMMETRIC),
    with_nul("NUL at any byte, array", ARRAY),
    refused("a symmetric array without its end", ARRAY[:-6], "declares 6 entries and ends after"),
]
