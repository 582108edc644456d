"""A second reader of every format, in plain Python and slow: what does a file hold?

It shares no code with the package. It is strict: a file whose sizes do not agree with its bytes, or
that breaks the rules of its format, is `DamagedError`; a file of no single numeric matrix is too.
"""

import ast
import gzip
import io
import itertools
import math
import operator
import struct
import zipfile
from dataclasses import dataclass, field

from tests.files import plain_matlab
from tests.files.plain_matlab import DamagedError, Plain

__all__ = ["DamagedError", "Plain", "read"]

DIGITS = set("0123456789")


def read(name: str, raw: bytes) -> Plain:
    """Return the matrix in the bytes of a file of that name."""
    try:
        if name.endswith(".mtx"):
            return matrix_market(raw)
        if name.endswith(".mtx.gz"):
            return matrix_market(gzip.decompress(raw))
        if name.endswith(".mat"):
            return plain_matlab.read(raw)
        return npy(raw).matrix() if raw.startswith(b"\x93NUMPY") else npz(raw)
    except DamagedError:
        raise
    except Exception as error:
        raise DamagedError(repr(error)) from error


def matrix_market(raw: bytes) -> Plain:
    lines = raw.decode("ascii", errors="surrogateescape").split("\n")
    lines = [line.replace("\t", " ").replace("\r", " ") for line in lines]
    words = [word for word in lines[0].lower().split(" ") if word]
    if len(words) != 5 or words[0] not in ("%%matrixmarket", "%matrixmarket"):
        raise DamagedError("banner")
    if words[1] != "matrix":
        raise DamagedError("object")
    layout, kind, symmetry = words[2:]
    rest = [line.strip(" ") for line in lines[1:]]
    rest = [line for line in rest if line and not line.startswith("%")]
    sizes = [_natural(word) for word in _words(rest[0])]
    if layout == "coordinate" and len(sizes) == 3:
        found = _coordinates(rest[1:], sizes, kind, symmetry)
    elif layout == "array" and len(sizes) == 2 and kind != "pattern":
        found = _array(rest[1:], sizes, kind, symmetry)
    else:
        raise DamagedError("layout or sizes")
    rows, columns = sizes[:2]
    if symmetry != "general" and rows != columns:
        raise DamagedError("not square")
    plain = Plain((rows, columns))
    for i, j, value in found:
        if not (0 <= i < rows and 0 <= j < columns):
            raise DamagedError("index")
        plain.add(i, j, value)
        if i != j or symmetry == "skew-symmetric":
            mirrored = _mirrored(value, symmetry, i == j)
            if mirrored is not None:
                plain.add(j, i, mirrored)
    return plain


def _mirrored(value, symmetry, is_diagonal):
    if symmetry == "skew-symmetric":
        if is_diagonal:
            raise DamagedError("diagonal of a skew-symmetric matrix")
        return -value
    if symmetry == "hermitian":
        return value.conjugate()
    if symmetry == "symmetric":
        return value
    if symmetry != "general":
        raise DamagedError("symmetry")
    return None


def _coordinates(lines, sizes, kind, symmetry):
    if len(lines) != sizes[2] or (kind == "pattern" and symmetry == "hermitian"):
        raise DamagedError("number of entries")
    for line in lines:
        i, j, *words = _words(line)
        yield _natural(i) - 1, _natural(j) - 1, _value(words, kind)


def _array(lines, sizes, kind, symmetry):
    rows, columns = sizes
    first = {"general": lambda j: 0, "skew-symmetric": lambda j: j + 1}.get(symmetry, lambda j: j)
    if rows * columns > 2 * len(lines) + rows:
        raise DamagedError("number of entries")
    places = [(i, j) for j in range(columns) for i in range(first(j), rows)]
    if len(lines) != len(places):
        raise DamagedError("number of entries")
    for (i, j), line in zip(places, lines, strict=True):
        yield i, j, _value(_words(line), kind)


def _words(line: str) -> list[str]:
    return [word for word in line.split(" ") if word]


def _natural(word: str) -> int:
    if not word or not set(word) <= DIGITS:
        raise DamagedError(f"no size or index: {word!r}")
    return int(word)


def _value(words, kind):
    if kind == "pattern" and not words:
        return 1.0
    if kind == "complex" and len(words) == 2:
        return complex(_real(words[0]), _real(words[1]))
    if kind in ("real", "double") and len(words) == 1:
        return _real(words[0])
    if kind in ("integer", "unsigned-integer") and len(words) == 1:
        digits = words[0][1:] if words[0][:1] in "+-" else words[0]
        value = _natural(digits) * (-1 if words[0][0] == "-" else 1)
        low, high = (-(2**63), 2**63) if kind == "integer" else (0, 2**64)
        if not low <= value < high or (kind != "integer" and digits != words[0]):
            raise DamagedError("integer out of range")
        return value
    raise DamagedError("columns")


def _real(word: str) -> float:
    bare = word.lower().lstrip("+-")
    if bare in ("nan", "inf", "infinity"):
        return float(word)
    if not set(word) <= DIGITS | set("+-.eEdD"):
        raise DamagedError(f"no number: {word!r}")
    return float(word.lower().replace("d", "e"))


FORMS = {
    ("b", 1): "?",
    **{("i", size): form for size, form in ((1, "b"), (2, "h"), (4, "i"), (8, "q"))},
    **{("u", size): form for size, form in ((1, "B"), (2, "H"), (4, "I"), (8, "Q"))},
    **{("f", size): form for size, form in ((2, "e"), (4, "f"), (8, "d"))},
}


@dataclass
class Array:
    """Entries in C order."""

    shape: tuple[int, ...]
    values: list = field(default_factory=list)

    def matrix(self) -> Plain:
        if len(self.shape) != 2 or any(isinstance(value, bytes) for value in self.values):
            raise DamagedError("no matrix")
        plain = Plain(self.shape)
        for k, value in enumerate(self.values):
            plain.add(k // self.shape[1], k % self.shape[1], value)
        return plain


def npy(raw: bytes) -> Array:
    major, minor = raw[6], raw[7]
    if raw[:6] != b"\x93NUMPY" or minor != 0 or major not in (1, 2):
        raise DamagedError("signature")
    size, start = (
        (struct.unpack("<H", raw[8:10])[0], 10) if major == 1 else (
            struct.unpack("<I", raw[8:12])[0], 12)
    )  # fmt: skip
    header = ast.literal_eval(raw[start : start + size].decode("latin-1").strip())
    body, descr, shape = raw[start + size :], header["descr"], header["shape"]
    if len(raw) < start + size or set(header) != {"descr", "fortran_order", "shape"}:
        raise DamagedError("header")
    if not isinstance(descr, str) or any(type(n) is not int or n < 0 for n in shape):
        raise DamagedError("header")
    values = _unpacked(descr, body, math.prod(shape))
    if header["fortran_order"]:
        values = _in_c_order(values, shape)
    return Array(shape, values)


def _unpacked(descr: str, body: bytes, count: int) -> list:
    order = descr[0] if descr[0] in "<>=|" else ""
    kind, size = descr[len(order)], int(descr[len(order) + 1 :])
    order = ">" if order == ">" else "<"
    if kind == "U":
        size *= 4
    if len(body) != count * size:
        raise DamagedError("bytes")
    if kind in "SU":
        return [body[k : k + size] for k in range(0, len(body), size)]
    if kind == "c":
        parts = _unpacked(f"{order}f{size // 2}", body, 2 * count)
        return [complex(*parts[k : k + 2]) for k in range(0, len(parts), 2)]
    return list(struct.unpack(f"{order}{count}{FORMS[kind, size]}", body))


def _in_c_order(values, shape):
    strides = [math.prod(shape[:axis]) for axis in range(len(shape))]
    places = itertools.product(*map(range, shape))
    return [values[sum(map(operator.mul, place, strides))] for place in places]


def npz(raw: bytes) -> Plain:
    archive = zipfile.ZipFile(io.BytesIO(raw))
    names = archive.namelist()
    if len(set(names)) != len(names):
        raise DamagedError("names")
    bare = [name.removesuffix(".npy") for name in names]
    if {"format", "shape", "data"} <= set(bare):
        by_name = dict(zip(bare, names, strict=True))
        if "_is_array" in by_name:
            npy(archive.read(by_name["_is_array"]))
        return _sparse(lambda name: npy(archive.read(by_name[name])))
    if len(names) != 1:
        raise DamagedError("several arrays")
    return npy(archive.read(names[0])).matrix()


USED = dict.fromkeys(("csr", "csc", "bsr"), ("data", "indices", "indptr"))
USED |= {"coo": ("data", "row", "col"), "dia": ("data", "offsets")}


def _sparse(load) -> Plain:
    word, shape = load("format"), load("shape")
    kind = word.values[0].decode("latin-1").replace("\0", "")
    if len(word.values) != 1 or len(shape.values) != 2:
        raise DamagedError("format or shape")
    arrays = {name: load(name) for name in USED[kind]}
    for name, array in {**arrays, "shape": shape}.items():
        if name != "data" and not all(type(value) is int for value in array.values):
            raise DamagedError("indices")
    plain = Plain(tuple(shape.values))
    fill = {"coo": _coo, "dia": _dia, "csr": _compressed, "csc": _compressed, "bsr": _compressed}
    fill[kind](plain, arrays, kind)
    return plain


def _coo(plain, arrays, kind):
    data, row, col = (arrays[name] for name in ("data", "row", "col"))
    for one in (data, row, col):
        if len(one.shape) != 1:
            raise DamagedError("dimensions")
    for i, j, value in zip(row.values, col.values, data.values, strict=True):
        plain.add(i, j, value)


def _dia(plain, arrays, kind):
    data, offsets = arrays["data"], arrays["offsets"].values
    (count, length), (rows, columns) = data.shape, plain.shape
    if count != len(offsets) or len(set(offsets)) != count:
        raise DamagedError("diagonals")
    if any(not -rows < k < columns for k in offsets):
        raise DamagedError("offset")
    for k, offset in enumerate(offsets):
        for j in range(min(length, columns)):
            if 0 <= j - offset < rows:
                plain.add(j - offset, j, data.values[k * length + j])


def _compressed(plain, arrays, kind):
    data, indices, indptr = (arrays[name] for name in ("data", "indices", "indptr"))
    if len(data.shape) != (3 if kind == "bsr" else 1) or len(indices.shape) != 1:
        raise DamagedError("dimensions")
    R, C = data.shape[1:] if kind == "bsr" else (1, 1)
    rows, columns = plain.shape
    if rows % R or columns % C:
        raise DamagedError("blocks")
    major = columns if kind == "csc" else rows // R
    ends = indptr.values
    if len(indptr.shape) != 1 or len(ends) != major + 1 or ends[0] != 0:
        raise DamagedError("indptr")
    if not len(indices.values) == ends[-1] == data.shape[0]:
        raise DamagedError("sizes")
    for one, (first, last) in enumerate(itertools.pairwise(ends)):
        if last < first:
            raise DamagedError("indptr")
        for k in range(first, last):
            other = indices.values[k]
            if other < 0:
                raise DamagedError("index")
            for r in range(R):
                for c in range(C):
                    value = data.values[(k * R + r) * C + c]
                    i, j = (other, one) if kind == "csc" else (one * R + r, other * C + c)
                    plain.add(i, j, value)
