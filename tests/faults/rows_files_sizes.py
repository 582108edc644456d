"""Rows: small files that stand for much: bombs, a billion rows, sizes above what is free."""

import gzip
import io
import struct
import time
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
import scipy.sparse as sp

import symrank
from symrank.errors import OperatorError, OptionError
from symrank.files import limits, load_matrix
from tests.faults.row import Row
from tests.faults.rows_files_archives import archive, described, saved
from tests.faults.rows_files_matlab import HEAD, SPARSE, doubles, ints, variable

REAL = b"%%MatrixMarket matrix coordinate real general\n"
MOST_BYTES = 100 << 20  # of memory for a file that is refused
MOST_SECONDS = 10.0
MEBI = 2**20
BILLION = 10**9


def bomb(fault: str, door: str, make: Callable[[], bytes], match: str) -> Row:
    """A file of less than 2 MB that must be refused at once and in little memory."""

    def check(tmp: Path) -> None:
        path = tmp / f"A{door}"
        path.write_bytes(make())
        assert path.stat().st_size < 2e6
        tracemalloc.start()
        start = time.perf_counter()
        try:
            with pytest.raises(OperatorError, match=match):
                load_matrix(path)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < MOST_BYTES
        assert time.perf_counter() - start < MOST_SECONDS

    return Row(group="file sizes", fault=fault, door=door, check=check)


def huge(fault: str, door: str, content: bytes, n: int, rank: int) -> Row:
    """A matrix most of whose rows are empty: the rank of the others, and zeros."""

    def check(tmp: Path) -> None:
        path = tmp / f"A{door}"
        path.write_bytes(content)
        result = symrank.rank(load_matrix(path), rng=0)
        assert (result.n, result.rank, result.interval()) == (n, rank, (rank, rank))

    return Row(group="file sizes", fault=fault, door=door, check=check)


def rectangle(fault: str, twin: Callable[[Any], Any], door: str, n: int, rank: int) -> Row:
    """A rectangle of two billion rows, made symmetric."""

    def check(tmp: Path) -> None:
        path = tmp / "A.mtx"
        path.write_bytes(REAL + b"2147483648 5 2\n7 2 1\n2147483648 5 3\n")
        matrix = load_matrix(path)
        itself = symrank.rank(matrix, rng=0)
        assert (itself.shape, itself.rank, itself.nullity) == ((2**31, 5), 2, 3)
        result = symrank.rank(twin(matrix), rng=0)
        assert (result.n, result.rank, result.interval()) == (n, rank, (rank, rank))

    return Row(group="file sizes", fault=fault, door=door, check=check)


def written(write: Callable[..., Any], *args: Any, **options: Any) -> bytes:
    file = io.BytesIO()
    write(file, *args, **options)
    return file.getvalue()


def text_bomb(first: bytes, piece: bytes, last: bytes = b"") -> Callable[[], bytes]:
    return lambda: gzip.compress(first + piece * (60 * MEBI // len(piece)) + last, 1)


def packed_variable(num_bytes: int) -> bytes:
    start = struct.pack("<II", 14, num_bytes) + struct.pack("<IIII", 6, 8, 6, 0)
    inside = zlib.compress(start + bytes(64 * MEBI))
    return HEAD + struct.pack("<II", 15, len(inside)) + inside


def free(num_bytes: int) -> Callable[[Callable[[Path], None]], Callable[[Path], None]]:
    """Run a check on a machine that has so much memory free."""

    def decorate(check: Callable[[Path], None]) -> Callable[[Path], None]:
        def checked(tmp: Path) -> None:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(limits, "free_bytes", lambda: float(num_bytes))
                check(tmp)

        return checked

    return decorate


@free(1 << 10)
def more_than_is_free(tmp: Path) -> None:
    np.save(tmp / "A.npy", np.eye(20))
    with pytest.raises(OperatorError, match=r"does not fit in memory: it takes .* MiB are free"):
        load_matrix(tmp / "A.npy")


@free(1 << 10)
def more_entries_than_are_free(tmp: Path) -> None:
    scipy.io.mmwrite(tmp / "A.mtx", sp.eye_array(500).tocoo())
    with pytest.raises(OperatorError, match=r"a 500x500 matrix of 500 entries, .*are free"):
        load_matrix(tmp / "A.mtx")


def out_of_time(door: str, write: Callable[[Path], None]) -> Row:
    def check(tmp: Path) -> None:
        write(tmp / f"A{door}")
        with pytest.raises(OptionError, match="max_seconds=1e-09 were over while"):
            load_matrix(tmp / f"A{door}", max_seconds=1e-9)

    return Row(group="file sizes", fault="max_seconds are over", door=door, check=check)


def padded_matrix(tmp: Path) -> Any:
    (tmp / "A.mtx").write_bytes(REAL + b"2000000 2000000 2\n3 3 1\n1999999 1999999 -2\n")
    return load_matrix(tmp / "A.mtx")


def window_with_zero(tmp: Path) -> None:
    A = padded_matrix(tmp)
    assert symrank.count(A, 0.0, np.inf, rng=0).rank == 1
    assert symrank.count(A, -3.0, -1.0, rng=0).rank == 1
    with pytest.raises(symrank.errors.OptionError, match="1999998 of its 2000000 rows"):
        symrank.count(A, -1.0, 1.0)


def null_vectors(tmp: Path) -> None:
    with pytest.raises(symrank.errors.OptionError, match="1999998 of its 2000000 rows"):
        symrank.rank(padded_matrix(tmp), deflate=np.eye(2000000, 1))


def diagonal_preconditioner(tmp: Path) -> None:
    A = padded_matrix(tmp)
    assert symrank.rank(A, preconditioner=np.linspace(1.0, 2.0, 2000000), rng=0).rank == 2
    with pytest.raises(symrank.errors.OptionError, match=r"shape \(3,\) is no diagonal"):
        symrank.rank(A, preconditioner=np.ones(3))


def products(tmp: Path) -> None:
    A = symrank.as_operator(padded_matrix(tmp))
    x = np.arange(1.0, 2000001.0)
    y = A @ x
    assert (y[2], y[1999998], np.count_nonzero(y)) == (3.0, -2.0 * 1999999.0, 2)
    with pytest.raises(OperatorError, match="a dense 2000000x2000000 array"):
        A.to_dense()


def empty_array(tmp: Path) -> None:
    (tmp / "A.npy").write_bytes(described("'<f8'", "(0, 10000000000000)"))
    result = symrank.rank(symrank.augmented(load_matrix(tmp / "A.npy")), rng=0)
    assert (result.n, result.rank) == (10**13, 0)


def row(fault: str, door: str, check: Callable[[Path], None]) -> Row:
    return Row(group="file sizes", fault=fault, door=door, check=check)


MANY = 10**6  # entries, all of them in the first of four times as many rows
PILE = np.r_[0, np.full(4 * MANY, MANY)]
TRIPLETS = {"data": [1.0], "row": [3], "col": [3]}
COO = [(f"{name}.npy", saved(np.array(value))) for name, value in TRIPLETS.items()]
SHAPE = [("format.npy", saved(b"coo")), ("shape.npy", saved([BILLION, BILLION]))]
DIA = [
    ("format.npy", saved(b"dia")),
    ("shape.npy", saved([BILLION, BILLION])),
    ("data.npy", saved(np.ones((1, 3)))),
    ("offsets.npy", saved([0])),
]
ROWS = [
    bomb("60 MiB of comments", ".mtx.gz", text_bomb(REAL, b"%" + b"a" * 999 + b"\n"), "MiB of co"),
    bomb("one comment of 60 MiB", ".mtx.gz", text_bomb(REAL + b"%", b"a"), "line 2 is longer"),
    bomb("60 MiB of blank lines", ".mtx.gz", text_bomb(REAL + b"1 1 1\n", b"\n"), "comments and b"),
    bomb("60 MiB of blanks in a line", ".mtx.gz", text_bomb(REAL + b"1 1 1\n1 1 ", b" "), "longer"),
    bomb("10 million duplicates", ".mtx.gz",
         text_bomb(REAL + b"3 3 10485760\n", b"1 1 1\n"), "taken for a trap"),
    bomb("an array of zeros, 200 MB", ".mtx.gz",
         text_bomb(b"%%MatrixMarket matrix array real general\n5120 5120\n", b"0\n"), "a trap"),
    bomb("zeros, 128 MB", ".npz",
         lambda: written(np.savez_compressed, A=np.zeros((4000, 4000))), "taken for a trap"),
    bomb("zeros, 128 MB", ".mat",
         lambda: written(scipy.io.savemat, {"A": np.zeros((4000, 4000))}, do_compression=True),
         "taken for a trap"),
    bomb("a claim of 4 GB, packed", ".mat", lambda: packed_variable(2**32 - 16), "for a trap"),
    bomb("six variables of 15 MiB", ".mat", lambda: written(
        scipy.io.savemat, {f"A{k}": np.zeros((2000, 1000)) for k in range(6)}, do_compression=True
    ), "taken for a trap"),
    bomb("4 million rows, packed", ".npz", lambda: written(
        sp.save_npz, sp.csr_array((np.zeros(MANY), np.zeros(MANY, int), PILE), (4 * MANY, 4 * MANY))
    ), "unpacks to"),
    bomb("64 MiB behind a small claim", ".mat", lambda: packed_variable(100), "not the length"),
    huge("a billion rows, one entry", ".mtx",
         REAL + b"1000000000 1000000000 1\n1 1 1\n", BILLION, 1),
    huge("2^53 rows, two entries", ".mtx",
         REAL + b"%d %d 2\n1 2 1\n2 1 1\n" % (2**53, 2**53), 2**53, 2),
    huge("a billion rows, no entry", ".mtx", REAL + b"1000000000 1000000000 0\n", BILLION, 0),
    huge("a billion rows, one entry", ".mtx.gz", gzip.compress(
        REAL.replace(b"general", b"symmetric") + b"1000000000 1000000000 1\n9 7 1\n"), BILLION, 2),
    huge("a billion rows, one entry", ".npz", archive(SHAPE + COO), BILLION, 1),
    huge("a billion rows, three on a diagonal", ".npz", archive(DIA), BILLION, 3),
    huge("two million rows of a .mat", ".mat", HEAD + variable(
        SPARSE, (2**21, 2**21), ints(2**20 - 1), ints(*[0] * 2**20, *[1] * (2**20 + 1)), doubles(2)
    ), 2**21, 1),
    rectangle("two billion rows", symrank.augmented, "augmented", 2**31 + 5, 4),
    rectangle("two billion rows", symrank.gram, "gram", 5, 2),
    rectangle("two billion rows", lambda A: symrank.gram(A, "rows"), "gram, rows", 2**31, 2),
    row("an empty array of 10^13 columns", "augmented", empty_array),
    row("an array above what is free", ".npy", more_than_is_free),
    row("entries above what is free", ".mtx", more_entries_than_are_free),
    row("a window that holds the empty rows", "count", window_with_zero),
    row("null vectors of empty rows", "rank, deflate", null_vectors),
    row("a diagonal over empty rows", "rank, preconditioner", diagonal_preconditioner),
    row("products with empty rows", "as_operator", products),
    out_of_time(".mtx", lambda path: scipy.io.mmwrite(path, sp.eye_array(9).tocoo())),
    out_of_time(".npy", lambda path: np.save(path, np.eye(9))),
    out_of_time(".mat", lambda path: scipy.io.savemat(path, {"A": np.eye(9)}, do_compression=True)),
]  # fmt: skip
