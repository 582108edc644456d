"""Rows: .npy and .npz files whose headers, sizes or indices lie."""

import io
import struct
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from symrank.errors import OperatorError
from symrank.files import load_matrix
from tests.faults.row import Row

A = np.diag([3.0, 1.0, 0.0])


def refused(fault: str, make: Callable[[], bytes], match: str, door: str = ".npz") -> Row:
    """A file for which there is one clear error and no matrix."""

    def check(tmp: Path) -> None:
        path = tmp / f"A{door}"
        path.write_bytes(make())
        with pytest.raises(OperatorError, match=match) as caught:
            load_matrix(path)
        assert str(caught.value).isprintable()

    return Row(group="files", fault=fault, door=door, check=check)


def npy(header: str, body: bytes = b"") -> bytes:
    text = header.encode("latin-1") + b"\n"
    return b"\x93NUMPY\x01\0" + struct.pack("<H", len(text)) + text + body


def described(descr: str, shape: str, body: bytes = b"") -> bytes:
    return npy(f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}", body)


def saved(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def archive(members: list[tuple[str, bytes]], packing: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(file, "w", packing) as packed:
        warnings.simplefilter("ignore")  # two members of one name
        for name, content in members:
            packed.writestr(name, content)
    return file.getvalue()


def sparse(kind: bytes, **arrays: Any) -> Callable[[], bytes]:
    """Return the archive of a 3 x 3 matrix with some of its arrays replaced."""
    whole = sp.csr_array(A).asformat(kind.decode())
    names = {"coo": ("row", "col"), "dia": ("offsets",)}.get(kind.decode(), ("indices", "indptr"))
    good = {"format": np.array(kind), "shape": np.array([3, 3]), "data": whole.data}
    good |= {name: getattr(whole, name) for name in names} | arrays
    return lambda: archive([(f"{name}.npy", saved(array)) for name, array in good.items()])


def empty(kind: bytes, indptr: list[int]) -> Callable[[], bytes]:
    """Return a matrix without entries whose pointers lead elsewhere."""
    none, shape = np.empty(0, np.int32), ((0, 1, 1) if kind == b"bsr" else (0,))
    pointers = np.array(indptr, np.int32)
    return sparse(kind, data=np.empty(shape), indices=none, indptr=pointers)


def cut(door: str, whole: bytes) -> Row:
    """A file after each of whose bytes the rest is missing."""

    def check(tmp: Path) -> None:
        path = tmp / f"A{door}"
        for length in range(1, len(whole), 5):
            path.write_bytes(whole[:length])
            with pytest.raises(OperatorError):
                load_matrix(path)

    return Row(group="files", fault="cut at any byte", door=door, check=check)


HEADERS = [
    refused(fault, lambda content=content: content, match, ".npy")
    for fault, content, match in (
        ("fewer bytes than the shape", described("'<f8'", "(3, 3)", bytes(71)), "72 .* holds 71"),
        ("more bytes than the shape", described("'<f8'", "(3, 3)", bytes(73)), "72 .* holds 73"),
        ("a claim of 4 TB", described("'<f8'", "(700000, 700000)"), "declares 3920000000000"),
        ("a claim of 2^130 bytes", described("'<f8'", f"({2**64}, {2**63})"), "and holds 0"),
        ("a negative shape", described("'<f8'", "(-3, -3)", bytes(72)), "cannot have the shape"),
        ("a shape of truths", described("'<f8'", "(True, True)", bytes(8)), "the shape"),
        ("a shape that is no tuple", described("'<f8'", "3", bytes(24)), "cannot be read"),
        ("code in the header", npy("{'descr': __import__('os').abort()}"), "cannot be read"),
        ("a header of 9000 brackets", npy("(" * 9000), "is no header"),
        ("a header of 4000 brackets", npy("(" * 4000), "cannot be read"),
        ("a header of 4000 minus signs", npy("-" * 4000 + "1"), "cannot be read"),
        ("a header of 2 GiB", b"\x93NUMPY\x02\0" + struct.pack("<I", 2**31) + b"{" * 99, "header"),
        ("an unknown version", b"\x93NUMPY\x07\0" + bytes(99), "no signature"),
        ("dates", described("'<M8[D]'", "(1, 1)", bytes(8)), "datetime64.*no numbers"),
        ("words", described("'<U8'", "(1, 1)", bytes(32)), "<U8, which are no numbers"),
        ("records", described("[('a', '<f8')]", "(1, 1)", bytes(8)), "no numbers"),
        ("entries of no bytes", described("'|V0'", "(9, 9)"), "cannot be read"),
        (
            "a dtype of 10^9 numbers",
            described("('<f8', (1000000000,))", "(1, 1)"),
            "cannot be read",
        ),
        ("arrays as entries", described("('<f8', (2, 2))", "(1, 1)", bytes(32)), "its entries are"),
        ("objects", described("'|O'", "(1, 1)", bytes(8)), "holds Python objects"),
    )
]
INDICES = [
    refused(f"{kind.decode()}, {fault}", make, match)
    for kind in (b"csr", b"csc", b"bsr")
    for fault, make, match in (
        ("pointers beyond the entries, none there", empty(kind, [0, 0, 10**6, 0]), "decreases"),
        ("a negative pointer, no entries", empty(kind, [0, 0, -1, 0]), "decreases"),
        ("pointers that end below zero", empty(kind, [0, 0, 0, -1]), "from 0 to -1"),
        ("pointers that begin above zero", empty(kind, [1, 0, 0, 0]), "from 1 to 0"),
        ("too few pointers", empty(kind, [0, 0]), "has 2 entries and needs"),
    )
] + [
    refused("csr, a negative index", sparse(b"csr", indices=np.array([0, -1])), "indices goes"),
    refused("csr, an index beyond the row", sparse(b"csr", indices=np.array([0, 3])), "indices go"),
    refused("csr, an index of 2^64 - 1", sparse(
        b"csr", indices=np.array([0, 2**64 - 1], np.uint64)), "from 0 to 18446744073709551615"),
    refused("csr, fractional indices", sparse(b"csr", indices=np.array([0.0, 1.0])), "1-D int"),
    refused("csr, more data than indices", sparse(b"csr", data=np.ones(3)), "2 indices and 3"),
    refused("csr, data of two dimensions", sparse(b"csr", data=np.ones((2, 1))), "2-D float64"),
    refused("csr, data of words", sparse(b"csr", data=np.array(["a", "b"])), "1-D <U1"),
    refused("csr, a shape of 10^9", sparse(b"csr", shape=np.array([10**9] * 2)), "needs 100"),
    refused("csr, a negative shape", sparse(b"csr", shape=np.array([-3, 3])), "-3x3 cannot be"),
    refused("csr, three dimensions", sparse(b"csr", shape=np.array([3, 3, 3])), "two integers"),
    refused("bsr, blocks of no size", sparse(b"bsr", data=np.empty((0, 0, 3))), "do not tile"),
    refused("bsr, blocks that do not fit", sparse(b"bsr", data=np.ones((2, 2, 2))), "do not tile"),
    refused("coo, a row below zero", sparse(b"coo", row=np.array([0, -1])), "row goes from -1"),
    refused("coo, a column beyond", sparse(b"coo", col=np.array([0, 2**31])), "col goes from 0"),
    refused("coo, rows are missing", sparse(b"coo", row=np.array([0])), "have 1 rows and 2"),
    refused("dia, an offset of 2^31 - 1", sparse(b"dia", offsets=np.array([2**31 - 1])), "outside"),
    refused("dia, two equal offsets", sparse(
        b"dia", offsets=np.array([0, 0]), data=np.ones((2, 3))), "the same offset"),
    refused("dia, offsets are missing", sparse(b"dia", data=np.ones((2, 3))), "have 1 offsets"),
    refused("no such format", sparse(b"csr", format=np.array(b"lil")), "is none of csr"),
    refused("a format that is a number", sparse(b"csr", format=np.array(7)), "is none of csr"),
    refused("no pointers", lambda: archive(
        [("format.npy", saved(b"csr")), ("shape.npy", saved([3, 3])), ("data.npy", saved([1.0]))]
    ), "needs the array indices"),
]  # fmt: skip


def wrong_sum() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        packed.writestr("A.npy", saved(A))
    raw = bytearray(file.getvalue())
    raw[raw.index(struct.pack("<d", 3.0)) + 6] ^= 1
    return bytes(raw)


def lies_about_size() -> bytes:
    raw = archive([("A.npy", saved(A))], zipfile.ZIP_DEFLATED)
    size = struct.pack("<I", len(saved(A)))
    return raw.replace(size, struct.pack("<I", 2**31 - 1))


ARCHIVES = [
    refused("the two bytes PK", lambda: b"PK", r"cannot be read as \.npz .*cut short"),
    refused("no member", lambda: archive([]), "holds 0 arrays"),
    refused("a wrong checksum", wrong_sum, "CRC"),
    refused("a size that is not the member's", lies_about_size, "cannot be read"),
    refused("packed by LZMA", lambda: archive([("A.npy", saved(A))], zipfile.ZIP_LZMA), "packed"),
    refused("one name twice", lambda: archive([("A.npy", saved(A))] * 2), "two arrays of the n"),
    refused("a pickle as a member", lambda: archive([("A.npy", b"\x80\x04N.")]), "no signature"),
    refused("escape sequences in names", lambda: archive(
        [("\x1b]0;owned\x07.npy", saved(A)), ("\x1b[2J.npy", saved(A))]
    ), r"\\x1b\]0;owned\\x07, \\x1b\[2J"),
    refused("a name of 60 000 letters", lambda: archive(
        [("x" * 60000, saved(A)), ("y.npy", saved(A))]), r"holds 2 arrays \(x{100}\.\.\."),
    refused("5000 members", lambda: archive([(f"{k}.npy", b"") for k in range(5000)]),
            "holds 5000 arrays"),
    cut(".npy", saved(A)),
    cut(".npz", sparse(b"csr")()),
]  # fmt: skip


def byte_order(tmp: Path) -> None:
    (tmp / "A.npz").write_bytes(sparse(b"csr", data=np.array([3.0, 1.0], ">f8"))())
    np.testing.assert_array_equal(load_matrix(tmp / "A.npz").toarray(), A)


def sums_of_bytes(tmp: Path) -> None:
    content = sparse(
        b"coo", data=np.full(4, 100, np.int8), row=np.zeros(4, int), col=np.zeros(4, int)
    )
    (tmp / "A.npz").write_bytes(content())
    assert load_matrix(tmp / "A.npz")[0, 0] == 400


READ = [
    Row(group="files", fault="entries of the other byte order", door=".npz", check=byte_order),
    Row(group="files", fault="duplicates whose sum wraps around", door=".npz", check=sums_of_bytes),
]
ROWS = HEADERS + INDICES + ARCHIVES + READ
