"""Rows: MATLAB files whose tags, sizes or pointers lie."""

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
import scipy.sparse as sp

from symrank.errors import OperatorError
from symrank.files import load_matrix
from tests.faults.row import Row
from tests.files import law

A = np.array([[2.0, -1.0, 0.0], [-1.0, 2.0, 0.5], [0.0, 0.5, 0.0]])
HEAD = b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack("<H", 0x0100) + b"IM"
DOUBLE, SPARSE, STRUCT, CHAR, OBJECT = 6, 5, 2, 4, 17


def refused(fault: str, content: bytes, match: str) -> Row:
    """A file for which there is one clear error and no matrix."""

    def check(tmp: Path) -> None:
        (tmp / "A.mat").write_bytes(content)
        with pytest.raises(OperatorError, match=match) as caught:
            load_matrix(tmp / "A.mat")
        assert str(caught.value).isprintable()

    return Row(group="files", fault=fault, door=".mat", check=check)


def read(fault: str, content: bytes, truth: Any = A) -> Row:
    """A file of an unusual kind that holds a matrix all the same."""

    def check(tmp: Path) -> None:
        (tmp / "A.mat").write_bytes(content)
        loaded = load_matrix(tmp / "A.mat")
        dense = loaded if isinstance(loaded, np.ndarray) else loaded.toarray()
        np.testing.assert_array_equal(dense, truth)

    return Row(group="files", fault=fault, door=".mat", check=check)


def each_byte(fault: str, content: bytes, change: Callable[[bytes, int], bytes]) -> Row:
    """A change at every third byte: an error, or what a second reader finds there."""

    def check(tmp: Path) -> None:
        path = tmp / "A.mat"
        for place in range(0, len(content), 3):
            path.write_bytes(change(content, place))
            verdict, why = law.outcome(path)
            assert verdict in (law.ANSWER, law.ERROR), f"byte {place}: {verdict}, {why}"

    return Row(group="files", fault=fault, door=".mat", check=check)


def saved(variables: dict[str, Any], **options: Any) -> bytes:
    file = io.BytesIO()
    scipy.io.savemat(file, variables, **options)
    return file.getvalue()


def element(kind: int, body: bytes, size: int | None = None) -> bytes:
    padding = bytes(-len(body) % 8)
    return struct.pack("<II", kind, len(body) if size is None else size) + body + padding


def ints(*values: int) -> bytes:
    return element(5, struct.pack(f"<{len(values)}i", *values))


def doubles(*values: float) -> bytes:
    return element(9, struct.pack(f"<{len(values)}d", *values))


def variable(kind: int, shape: tuple[int, ...], *parts: bytes, name: bytes = b"K") -> bytes:
    flags = element(6, struct.pack("<II", kind, 0))
    return element(14, flags + ints(*shape) + element(1, name) + b"".join(parts))


def packed(content: bytes, behind: bytes = b"") -> bytes:
    inside = zlib.compress(content) + behind
    return HEAD + struct.pack("<II", 15, len(inside)) + inside


def nested(depth: int) -> bytes:
    """Return cells in cells, which a reader that calls itself does not survive."""
    inner = variable(DOUBLE, (1, 1), doubles(1.0), name=b"")
    start = variable(1, (1, 1), name=b"")[8:]
    sizes = [len(inner)]
    for _ in range(depth - 1):
        sizes.append(sizes[-1] + len(start) + 8)
    tags = [start + struct.pack("<II", 14, size) for size in reversed(sizes)]
    return HEAD + element(14, b"".join(tags) + inner)


GOOD = variable(DOUBLE, (3, 3), doubles(*A.ravel()))
BIG_ENDIAN = HEAD[:124] + struct.pack(
    ">H2s II II8s II2i II8s II9d",
    *(0x0100, b"MI", 14, 128, 6, 8, bytes([0, 0, 0, 6, 0, 0, 0, 0]), 5, 8, 3, 3, 1, 1, b"K"),
    *(9, 72, *A.ravel()),
)
INFINITE = np.array([[complex(1.0, np.inf), 2.0j], [3.0, complex(0.0, np.nan)]])
PACKED = saved({"K": A}, do_compression=True)
ROWS = [
    refused("text", b"hello" * 100, "header of a MATLAB file"),
    refused("the header alone", HEAD, "holds no matrix"),
    refused("an unknown version", HEAD[:124] + b"\0\x03IM" + GOOD, "unknown version"),
    refused("more entries than the shape", HEAD + variable(DOUBLE, (2, 2), doubles(*range(5))),
            "holds 5 entries"),
    refused("fewer entries than the shape", HEAD + variable(DOUBLE, (2, 2), doubles(1, 2, 3)),
            "holds 3 entries"),
    refused("a claim of 2^62 entries", HEAD + variable(DOUBLE, (2**31 - 1, 2**31 - 1), doubles(1)),
            "holds 1 entries"),
    refused("a negative shape", HEAD + variable(DOUBLE, (-1, -1), doubles(1)), "cannot have"),
    refused("a variable beyond the file", HEAD + struct.pack("<II", 14, 2**31) + bytes(64), "ends"),
    refused("a part beyond its variable", HEAD + element(14, element(6, bytes(8), 2**20)),
            "does not fit into its variable"),
    refused("a small element of 7 bytes", HEAD + element(14, struct.pack("<HH", 6, 7) + bytes(12)),
            "a small element has 7 bytes"),
    refused("numbers of an unknown type", HEAD + variable(DOUBLE, (1, 1), element(77, bytes(8))),
            "a part of type 77"),
    refused("half a number", HEAD + variable(DOUBLE, (1, 1), element(9, bytes(7))), "no whole"),
    refused("no numbers at all", HEAD + variable(DOUBLE, (3, 3)), "within one of its parts"),
    refused("bytes after the numbers", HEAD + variable(DOUBLE, (1, 1), doubles(1), doubles(2)),
            "follow the last part"),
    refused("a cut tag", HEAD + GOOD + b"\x0e\0\0", "cut within the tag"),
    refused("a variable of another type", HEAD + element(9, bytes(8)), "of type 9"),
    refused("one name twice", HEAD + GOOD + GOOD, "two variables of the name K"),
    refused("escape sequences in names", HEAD
            + variable(DOUBLE, (1, 1), doubles(1), name=b"\x1b[2J")
            + variable(DOUBLE, (1, 1), doubles(1), name=b"\x9b31m"), r"\\x1b\[2J, \\x9b31m"),
    refused("sparse, an index beyond the rows", HEAD + variable(
        SPARSE, (3, 3), ints(0, 9), ints(0, 1, 2, 2), doubles(1, 2)), "indices goes from 0 to 9"),
    refused("sparse, a negative index", HEAD + variable(
        SPARSE, (3, 3), ints(0, -9), ints(0, 1, 2, 2), doubles(1, 2)), "indices goes from -9"),
    refused("sparse, pointers that decrease", HEAD + variable(
        SPARSE, (3, 3), ints(0, 1), ints(0, 2**30, 1, 2), doubles(1, 2)), "decreases"),
    refused("sparse, pointers beyond the entries", HEAD + variable(
        SPARSE, (3, 3), ints(0, 1), ints(0, 1, 1, 9), doubles(1, 2)), "of 9 entries has 2 indices"),
    refused("sparse, too few pointers", HEAD + variable(
        SPARSE, (3, 10**9), ints(0, 1), ints(0, 2), doubles(1, 2)), "needs 1000000001"),
    refused("sparse, no pointers", HEAD + variable(
        SPARSE, (3, 3), ints(), ints(), doubles()), "needs 4"),
    refused("Problem.A is a text", saved({"Problem": {"A": "text"}}), "is no numeric matrix"),
    refused("Problem.A is a cell", saved({"Problem": {"A": np.array(["x"], object)}}), "no nume"),
    refused("Problem with field names of no length", HEAD + variable(
        STRUCT, (1, 1), ints(0), element(1, b"A"), name=b"Problem"), "names of no length"),
    refused("packed, of another type", packed(bytes(64)), "an element of type 0"),
    refused("packed, and longer than it says", packed(GOOD + bytes(99)), "not the length"),
    refused("packed, and shorter than it says", packed(GOOD[:-8]), "not the length"),
    refused("packed, and bytes behind", packed(GOOD, b"behind"), "follow the end of a packed"),
    refused("packed, with a wrong checksum", packed(GOOD)[:-1] + b"\0", "incorrect data check"),
    refused("200 000 cells in each other", nested(200_000), "holds no matrix"),
    refused("version 4, larger than the file", struct.pack("<5i", 0, 10**9, 10**9, 0, 2) + b"A\0",
            "does not fit into the file"),
    refused("version 4, an unknown kind", struct.pack("<5i", 9, 1, 1, 0, 2) + b"A\0" + bytes(8),
            "none of version 4"),
    refused("version 4, outside its size", saved({"K": np.zeros((3, 3))}, format="4").replace(
        struct.pack("<5i", 0, 3, 3, 0, 2), struct.pack("<5i", 2, 3, 3, 0, 2)), "outside its size"),
    read("big-endian", BIG_ENDIAN),
    read("an infinite imaginary part", saved({"K": INFINITE}), INFINITE),
    read("an infinite imaginary part, version 4", saved({"K": INFINITE}, format="4"), INFINITE),
    read("version 4, sparse", saved({"K": sp.csc_matrix(A)}, format="4")),
    read("one bit is a logical", saved({"K": sp.csc_matrix(A != 0.0)}), A != 0.0),
    read("a text, a cell and a 3-D array beside", saved(
        {"K": A, "t": "x", "c": np.array([1, "a"], object), "T": np.zeros((2, 2, 2))})),
    each_byte("cut at any byte", saved({"K": A}), lambda raw, k: raw[:k]),
    each_byte("cut at any byte, packed", PACKED, lambda raw, k: raw[:k]),
    each_byte("one bit flipped, sparse", saved({"K": sp.csc_matrix(A)}),
              lambda raw, k: raw[:k] + bytes([raw[k] ^ 1 << k % 8]) + raw[k + 1 :]),
    each_byte("one bit flipped, version 4", saved({"K": A}, format="4"),
              lambda raw, k: raw[:k] + bytes([raw[k] ^ 1 << k % 8]) + raw[k + 1 :]),
]  # fmt: skip
