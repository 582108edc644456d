"""Damage to a file: in its bytes, below its compression, in its numbers and its header.

`mutant(k)` is the k-th mutated file of a fixed sequence; the formats take turns.
"""

import gzip
import io
import random
import re
import struct
import warnings
import zipfile
import zlib

from tests.files.seeds import SEEDS, suffix

__all__ = ["mutant"]

SEED = 20240607
WORDS = (
    b"-1 0 1 2 7 +3 .5 5. 1e400 1e-400 nan inf -inf 1D-20 1d+2 1.0-20 1e 0x10 1_0 99999999999 "
    b"9223372036854775807 -9223372036854775808 18446744073709551616 2147483648 4294967296 1e-320"
).split()
KEYS = (
    b"real integer complex pattern general symmetric skew-symmetric hermitian coordinate array "
    b"matrix unsigned-integer"
).split()
DTYPES = [b"'<f8'", b"'>f8'", b"'<i8'", b"'<f4'", b"'|b1'", b"'<c16'", b"'<u8'", b"'|O'", b"'<f2'"]
POWERS = [2**31, 2**32, 2**63]
INTEGERS = [0, 1, -1, 2, 3, 4, 5, 7, 14, 15, 255, 65536, 10**6, 10**9]
INTEGERS += [sign * power - one for power in POWERS for sign in (1, -1) for one in (0, 1)]
SUFFIXES = sorted({suffix(name) for name, _ in SEEDS})


def mutant(k: int) -> tuple[str, bytes, str]:
    """Return name, bytes and kinds of the k-th mutated file."""
    rng = random.Random(f"{SEED}/{k}")
    wanted = SUFFIXES[k % len(SUFFIXES)]
    name, raw = rng.choice([seed for seed in SEEDS if suffix(seed[0]) == wanted])
    kinds = []
    for _ in range(rng.choice([1, 1, 1, 2])):
        change = _inside if rng.random() < 0.5 else _outside
        kind, raw = change(rng, wanted, raw) if raw else ("empty", raw)
        kinds.append(kind)
    return name, raw, "+".join(kinds)


def _outside(rng, wanted, raw):
    kind = rng.choice(list(CHANGES))
    return kind, CHANGES[kind](rng, raw)


def _inside(rng, wanted, raw):
    """Change what is packed, and pack it again; or the text of a format that is text."""
    try:
        if wanted == ".mtx.gz":
            kind, text = _text(rng, gzip.decompress(raw))
            return "gz:" + kind, gzip.compress(text, mtime=0)
        if wanted == ".mtx":
            return _text(rng, raw)
        if wanted == ".npz":
            return _archive(rng, raw)
        if wanted == ".npy":
            return _array(rng, raw)
        if raw[128:132] == struct.pack("<I", 15):
            kind, content = _outside(rng, wanted, zlib.decompress(raw[136:]))
            packed = zlib.compress(content)
            return "z:" + kind, raw[:128] + struct.pack("<II", 15, len(packed)) + packed
    except Exception:  # what was damaged before cannot be unpacked
        pass
    return _outside(rng, wanted, raw)


def _text(rng, raw):
    kind = rng.choice(["word", "word", "key", "line", "size", "bytes"])
    tokens = list(re.finditer(rb"[^\s%]+", raw))
    if kind == "bytes" or len(tokens) < 9:
        return _outside(rng, "", raw)
    if kind == "line":
        lines = raw.split(b"\n")
        k = rng.randrange(len(lines))
        line = lines[k]
        lines[k : k + 1] = rng.choice(
            [
                [],
                [line, line],
                [b"%" + line],
                [line, b""],
                [line + b" 1"],
                [line[:-1]],
                [b"\t" + line],
            ]
        )
        return kind, b"\n".join(lines)
    end = 5 if kind == "key" else 8 if kind == "size" else len(tokens)
    one = rng.choice(tokens[2:5] if kind == "key" else tokens[5:end])
    return kind, raw[: one.start()] + rng.choice(KEYS if kind == "key" else WORDS) + raw[
        one.end() :
    ]


def _archive(rng, raw):
    source, target = zipfile.ZipFile(io.BytesIO(raw)), io.BytesIO()
    picked = rng.choice(source.namelist())
    kind = rng.choice(["drop", "twice", "rename", "array", "array", "array", "array"])
    with warnings.catch_warnings(), zipfile.ZipFile(target, "w", rng.choice([0, 8])) as archive:
        warnings.simplefilter("ignore")  # two members of one name are what is wanted
        for name in source.namelist():
            content = source.read(name)
            if name == picked:
                if kind == "drop":
                    continue
                if kind == "rename":
                    name = rng.choice(["\x1b[2J.npy", "x.npy", "data.npy", "../A.npy"])
                if kind == "array":
                    _, content = _array(rng, content)
            archive.writestr(name, content)
            if name == picked and kind == "twice":
                archive.writestr("again.npy", content)
    return "zip:" + kind, target.getvalue()


def _array(rng, raw):
    kind = rng.choice(["shape", "dtype", "order", "number", "number", "number", "bytes"])
    size = 10 + struct.unpack("<H", raw[8:10])[0] if len(raw) > 10 else len(raw)
    header, body = raw[:size], raw[size:]
    if kind == "shape":
        new = rng.choice([b"(3, 3)", b"(1000000000, 1000000000)", b"(-1, 3)", b"(2,)", b"(0, 5)"])
        header = _padded(re.sub(rb"\([0-9, ]*\)", new, header, count=1), size)
    elif kind == "dtype":
        header = _padded(re.sub(rb"'[<>|][a-zA-Z]\w+'", rng.choice(DTYPES), header, count=1), size)
    elif kind == "order":
        header = _padded(header.replace(b"False", b"True ", 1), size)
    elif kind == "number" and len(body) >= 8:
        body = _integer(rng, body)
    else:
        return _outside(rng, "", raw)
    return "npy:" + kind, header + body


def _padded(header: bytes, size: int) -> bytes:
    text = header.rstrip()
    return (text + b" " * (size - len(text) - 1) + b"\n")[: max(size, len(text) + 1)]


def _bits(rng, raw):
    changed = bytearray(raw)
    for _ in range(rng.choice([1, 1, 2, 4, 16])):
        changed[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _bytes(rng, raw):
    changed = bytearray(raw)
    for _ in range(rng.choice([1, 2, 8])):
        changed[rng.randrange(len(raw))] = rng.choice(
            [0, 255, 127, 128, 45, 57, rng.randrange(256)]
        )
    return bytes(changed)


def _insert(rng, raw):
    at = rng.randrange(len(raw) + 1)
    return raw[:at] + bytes(rng.randrange(256) for _ in range(rng.choice([1, 4, 64]))) + raw[at:]


def _delete(rng, raw):
    at = rng.randrange(len(raw))
    return raw[:at] + raw[at + rng.choice([1, 2, 8, 50]) :]


def _repeat(rng, raw):
    at = rng.randrange(len(raw))
    return raw[: at + rng.choice([4, 16, 64])] + raw[at:]


def _integer(rng, raw):
    width = rng.choice([4, 8])
    if len(raw) < width:
        return raw
    at = rng.randrange((len(raw) - width) // 4 + 1) * 4
    value = rng.choice(INTEGERS) % 2 ** (8 * width)
    return (
        raw[:at]
        + value.to_bytes(width, rng.choice(["little", "little", "big"]))
        + raw[at + width :]
    )


def _swap(rng, raw):
    changed = bytearray(raw)
    i, j = rng.randrange(len(raw)), rng.randrange(len(raw))
    changed[i], changed[j] = changed[j], changed[i]
    return bytes(changed)


CHANGES = {
    "bits": _bits,
    "bytes": _bytes,
    "cut": lambda rng, raw: raw[: rng.randrange(len(raw))],
    "insert": _insert,
    "delete": _delete,
    "repeat": _repeat,
    "integer": _integer,
    "swap": _swap,
    "double": lambda rng, raw: raw + raw,
}
