"""NVRTC as it compiles where there is no driver: PTX, a binary, and what the assembler tells."""

import re
from functools import cache
from typing import NamedTuple

import pytest

from symrank.kernels.cuda import BY_CUPY, OPTIONS


class Compiled(NamedTuple):
    """What came out of a text."""

    ptx: str
    binary: bytes
    log: str

    def parameters(self):
        """Types of the parameters of each kernel, such as "u64"."""
        entries = re.finditer(r"\.visible \.entry (\w+)\(([^)]*)\)", self.ptx)
        return {entry[1]: re.findall(r"\.param \.(\w+)", entry[2]) for entry in entries}

    def count(self, pattern):
        """How often the PTX has an instruction."""
        return len(re.findall(pattern, self.ptx))

    def kernels_with(self, pattern):
        """Names of the kernels that have an instruction."""
        parts = re.split(r"\.visible \.entry (\w+)", self.ptx)[1:]
        named = zip(parts[0::2], parts[1::2], strict=True)
        return {name for name, body in named if re.search(pattern, body)}


def need():
    """Skip a test where the compiler is not installed; it needs no GPU."""
    nvrtc = pytest.importorskip(
        "cuda.bindings.nvrtc", reason="the extra cuda-proof is not installed: NVRTC is missing"
    )
    try:
        nvrtc.nvrtcVersion()
    except RuntimeError as error:  # bindings without the library
        pytest.skip(f"NVRTC is not to be loaded: {str(error).splitlines()[0]}")


@cache
def compiled(text, architecture, options=OPTIONS):
    """Compile as CuPy does, for a real architecture (sm_90) or to PTX alone (compute_90)."""
    from cuda.bindings import nvrtc

    def checked(result):
        error, *values = result
        assert error == nvrtc.nvrtcResult.NVRTC_SUCCESS, error
        return values[0] if values else None

    def text_of(size, fill):
        buffer = b" " * checked(size(program))
        if buffer:
            checked(fill(program, buffer))
        return buffer

    flags = [f"--gpu-architecture={architecture}", "--ptxas-options=-v", *options, *BY_CUPY]
    program = checked(nvrtc.nvrtcCreateProgram(text.encode(), b"kernels.cu", 0, [], []))
    error, *_ = nvrtc.nvrtcCompileProgram(program, len(flags), [flag.encode() for flag in flags])
    log = text_of(nvrtc.nvrtcGetProgramLogSize, nvrtc.nvrtcGetProgramLog).decode().rstrip("\0 ")
    assert error == nvrtc.nvrtcResult.NVRTC_SUCCESS, log
    ptx = text_of(nvrtc.nvrtcGetPTXSize, nvrtc.nvrtcGetPTX).decode().rstrip("\0 ")
    binary = text_of(nvrtc.nvrtcGetCUBINSize, nvrtc.nvrtcGetCUBIN)
    return Compiled(ptx, binary, log)
