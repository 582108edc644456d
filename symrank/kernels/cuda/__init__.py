"""The text of the GPU kernels, C++ for CUDA, and how it is put together.

There is one text for every device and number type: a module of it is the constants and types that
`source` writes, and then the files beside this one. Nothing here needs CuPy or a GPU; whoever has a
compiler for the text can run it, be it NVRTC, or g++ with something that plays the threads.
"""

from functools import cache
from importlib import resources
from typing import NamedTuple

from symrank.kernels.compiled.langevin import ROWS
from symrank.kernels.compiled.sums import CHUNK, FAN

__all__ = ["BY_CUPY", "OPTIONS", "Code", "every_code", "source"]

# Nothing is contracted that the text does not spell `fused`. What CuPy adds is BY_CUPY: see
# common.cuh for -ftz=true, which cannot be asked away.
OPTIONS = ("--std=c++17", "--fmad=false", "--prec-div=true", "--prec-sqrt=true")
BY_CUPY = ("-ftz=true", "--device-as-default-execution-space")

TYPES = {"float32": "float", "float64": "double", "int32": "int", "int64": "long long"}
NUMBERS = ("float32", "float64")
KINDS = ("CSR", "DIAGONAL", "GIVEN")
WITH_PRODUCT = ("products", "noise", "langevin", "lanczos", "golub_kahan", "chebyshev", "multiply")
PLAIN = ("noise", "plain")


class Code(NamedTuple):
    """Which module: the numbers' type, one of `KINDS` or "" for no product, the indices' type."""

    number: str
    kind: str = ""
    indices: str = "int32"


def every_code() -> list[Code]:
    """Return all modules that there are."""
    csr = [Code(number, "CSR", indices) for number in NUMBERS for indices in ("int32", "int64")]
    return csr + [Code(number, kind) for number in NUMBERS for kind in ("DIAGONAL", "GIVEN", "")]


@cache
def source(code: Code) -> str:
    """Return the text of a module."""
    first = [
        f"typedef {TYPES[code.number]} real;",
        f"typedef {TYPES[code.indices]} index_type;",
        f"#define CHUNK {CHUNK}",
        f"#define ROWS {ROWS}",
        f"#define FAN {FAN}",
        *(["#define SINGLE"] if code.number == "float32" else []),
        *([f"#define {code.kind}"] if code.kind else []),
    ]
    folder = resources.files(__name__)
    names = ("common", *(WITH_PRODUCT if code.kind else PLAIN))
    texts = [folder.joinpath(f"{name}.cuh").read_text(encoding="utf-8") for name in names]
    return "\n".join([*first, *texts])
