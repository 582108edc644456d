"""The second reader, of MATLAB files: tags, sizes and numbers in plain Python."""

import math
import struct
import zlib
from dataclasses import dataclass, field

__all__ = ["DamagedError", "Plain", "read"]

FORMS = {1: "b", 2: "B", 3: "h", 4: "H", 5: "i", 6: "I", 7: "f", 9: "d", 12: "q", 13: "Q"}
OLD_FORMS = "dfihHB"


class DamagedError(Exception):
    """The file holds no matrix, or not what it says."""


@dataclass
class Plain:
    """A matrix as a dictionary; equal places add up."""

    shape: tuple[int, int]
    entries: dict = field(default_factory=dict)

    def add(self, i: int, j: int, value) -> None:
        if not (0 <= i < self.shape[0] and 0 <= j < self.shape[1]):
            raise DamagedError("index")
        if not isinstance(value, int | float | complex):
            raise DamagedError("no number")
        self.entries.setdefault((i, j), []).append(value)


def read(raw: bytes) -> Plain:
    found = {}
    for name, plain in _old(raw) if 0 in raw[:4] else _new(raw):
        if name in found:
            raise DamagedError("names")
        if not name.startswith("__"):
            found[name] = plain
    found = {name: one for name, one in found.items() if min(one.shape) > 1} or found
    if len(found) != 1:
        raise DamagedError("not one matrix")
    return next(iter(found.values()))


def _elements(raw: bytes, order: str, is_padded: bool = True):
    """Split bytes into (type, content)."""
    found, at = [], 0
    while at < len(raw):
        if at + 8 > len(raw):
            raise DamagedError("tag")
        kind, size = struct.unpack(order + "II", raw[at : at + 8])
        if kind > 0xFFFF and is_padded:
            kind, size = kind % 65536, kind // 65536
            if size > 4:
                raise DamagedError("small element")
            found.append((kind, raw[at + 4 : at + 4 + size]))
            at += 8
            continue
        if at + 8 + size > len(raw):
            raise DamagedError("size")
        found.append((kind, raw[at + 8 : at + 8 + size]))
        at += 8 + size
        if is_padded and size % 8:
            at += 8 - size % 8
    return found


def _new(raw: bytes):
    order = {b"IM": "<", b"MI": ">"}[raw[126:128]]
    if struct.unpack(order + "H", raw[124:126])[0] != 256:
        raise DamagedError("version")
    for kind, content in _elements(raw[128:], order, is_padded=False):
        if kind == 15:
            inflate = zlib.decompressobj()
            content = inflate.decompress(content) + inflate.flush()
            if inflate.unused_data:
                raise DamagedError("bytes after a packed variable")
            kind, size = struct.unpack(order + "II", content[:8])
            padding = content[8 + size :]
            if len(content) < 8 + size or len(padding) > 7 or any(padding):
                raise DamagedError("packed size")
            content = content[8 : 8 + size]
        if kind != 14:
            raise DamagedError("type")
        yield from _variable(content, order)


def _variable(content: bytes, order: str, field_name: str = ""):
    parts = _parts(content, order)
    kind, flags, shape, name = parts[:4]
    if kind == 2 and name == "Problem" and shape == (1, 1) and not field_name:
        yield from _problem(content, order)
    elif (name or field_name) and len(shape) == 2 and (kind == 5 or 6 <= kind <= 15):
        yield field_name or name, _matrix(parts[4], kind, flags, shape, order)
    elif field_name:
        raise DamagedError("Problem.A")


def _parts(content: bytes, order: str):
    """Return class, flags, shape, name and the rest of the elements."""
    elements = _some_elements(content, order)
    words = _numbers(next(elements), order, (6,))
    if len(words) != 2:
        raise DamagedError("flags")
    kind = words[0] % 256
    if kind > 15:
        return kind, 0, (), "", iter(())
    shape = tuple(_numbers(next(elements), order, (5,)))
    if any(size < 0 for size in shape):
        raise DamagedError("shape")
    return kind, words[0], shape, next(elements)[1].decode("latin-1"), elements


def _some_elements(content: bytes, order: str):
    """Yield elements as long as they are asked for: what is skipped need not be sound."""
    at = 0
    while at < len(content):
        small = struct.unpack(order + "I", content[at : at + 4])[0] > 0xFFFF
        size = 0 if small else struct.unpack(order + "I", content[at + 4 : at + 8])[0]
        end = at + 8 + size + (-size % 8)
        yield _elements(content[at : min(end, len(content))], order)[0]
        at = end


def _numbers(element, order: str, allowed=tuple(FORMS)):
    kind, content = element
    if kind not in allowed:
        raise DamagedError("stored type")
    form = FORMS[kind]
    count, rest = divmod(len(content), struct.calcsize(form))
    if rest:
        raise DamagedError("bytes")
    return list(struct.unpack(f"{order}{count}{form}", content))


def _problem(content: bytes, order: str):
    elements = _parts(content, order)[4]
    (length,) = _numbers(next(elements), order, (5,))
    text = next(elements)[1].decode("latin-1")
    if length < 1:
        raise DamagedError("length of names")
    for k in range(0, len(text), length):
        kind, inner = next(elements)
        if kind != 14:
            raise DamagedError("field")
        if text[k : k + length].split("\0")[0] == "A":
            yield from _variable(inner, order, "Problem.A")
            return


def _matrix(elements, kind, flags, shape, order) -> Plain:
    plain = Plain(shape)
    places = [_numbers(next(elements), order, (5, 6)) for _ in range(2)] if kind == 5 else []
    values = _numbers(next(elements), order)
    if flags & 0x0800:
        values = [
            complex(a, b) for a, b in zip(values, _numbers(next(elements), order), strict=True)
        ]
    if next(elements, None) is not None:
        raise DamagedError("bytes after the last part")
    if not places:
        if len(values) != math.prod(shape):
            raise DamagedError("entries")
        for k, value in enumerate(values):
            plain.add(k % shape[0], k // shape[0], value)
        return plain
    rows, ends = places
    if len(ends) != shape[1] + 1 or ends[0] != 0 or sorted(ends) != ends:
        raise DamagedError("pointers")
    if ends[-1] > min(len(rows), len(values)):
        raise DamagedError("pointers")
    for j in range(shape[1]):
        for k in range(ends[j], ends[j + 1]):
            plain.add(rows[k], j, bool(values[k]) if flags & 0x0200 else values[k])
    return plain


def _old(raw: bytes):
    at = 0
    while at < len(raw):
        for order, digit in (("<", 0), (">", 1)):
            mopt, rows, columns, is_complex, length = struct.unpack(order + "5i", raw[at : at + 20])
            if 0 <= mopt < 2000 and f"{mopt:04d}"[:2] == f"{digit}0":
                break
        else:
            raise DamagedError("header")
        form, kind = OLD_FORMS[int(f"{mopt:04d}"[2])], int(f"{mopt:04d}"[3])
        if kind > 2 or rows < 0 or columns < 0 or is_complex not in (0, 1) or length < 1:
            raise DamagedError("header")
        count = rows * columns * (1 + is_complex)
        end = at + 20 + length + count * struct.calcsize(form)
        if end > len(raw):
            raise DamagedError("size")
        name = raw[at + 20 : at + 20 + length].split(b"\0")[0].decode("latin-1")
        values = list(struct.unpack(f"{order}{count}{form}", raw[at + 20 + length : end]))
        at = end
        if is_complex:
            half = rows * columns
            values = [complex(a, b) for a, b in zip(values[:half], values[half:], strict=True)]
        if kind != 1:
            yield name, _old_matrix(values, rows, columns, is_sparse=kind == 2)


def _old_matrix(values, rows, columns, *, is_sparse) -> Plain:
    if not is_sparse:
        plain = Plain((rows, columns))
        for k, value in enumerate(values):
            plain.add(k % rows, k // rows, value)
        return plain
    table = [[values[i + j * rows] for j in range(columns)] for i in range(rows)]
    *triplets, last = table
    if columns not in (3, 4) or any(isinstance(value, complex) for value in values):
        raise DamagedError("table")
    sizes = [int(size) for size in last[:2]]
    if sizes != last[:2] or min(sizes) < 0:
        raise DamagedError("size")
    plain = Plain((sizes[0], sizes[1]))
    for i, j, *value in triplets:
        if int(i) != i or int(j) != j:
            raise DamagedError("place")
        plain.add(int(i) - 1, int(j) - 1, value[0] if columns == 3 else complex(*value))
    return plain
