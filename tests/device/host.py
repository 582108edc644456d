"""The GPU kernels' text on the host: what stands in for `cupy.RawModule`, built by g++.

A launch checks what CuPy cannot: that the arguments are as many and of the types that the kernel
declares. Arrays are those of NumPy, or anything that has `.data.ptr` and `.dtype`, as CuPy's do.
"""

import ctypes
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
PREFIXES = {"DRAW(": "draw_", "FIRST_ORDER(": "first_order_", "KINETIC(": "kinetic_"}
FAULTS = {1: "some threads of a block wait at a barrier that others never reach",
          2: "shared memory beyond what the launch asked for was written"}  # fmt: skip
FLAGS = (
    "-std=c++17", "-O1", "-ffp-contract=off", "-fno-math-errno", "-shared", "-fPIC",
    "-Wall", "-Wno-unused-function", "-Wno-unknown-pragmas",
)  # fmt: skip


def why_not():
    """Say why the text cannot be run here, or return ""."""
    if sys.platform != "linux":
        return "the threads of the stand-in are those of Linux"
    if shutil.which("g++") is None:
        return "there is no g++"
    return ""


def kernel_names(code):
    """Names of the kernels in a module's text, in their order."""
    found = re.finditer(r"^(LAUNCHED |DRAW\(|FIRST_ORDER\(|KINETIC\()(\w+)", code, re.MULTILINE)
    return [PREFIXES.get(m[1], "") + m[2] for m in found]


class RawModule:
    """`cupy.RawModule` of the same text; functions are called as CuPy's are."""

    def __init__(self, code, options=(), flags=()):
        assert "--fmad=false" in options  # as -ffp-contract=off does here
        self.names = kernel_names(code)
        self._library = ctypes.CDLL(str(_built(code, self.names, tuple(flags))))

    def parameters(self, name):
        """A letter for each parameter: of a dtype, or P and that of an array's."""
        parameters = getattr(self._library, f"parameters_{name}")
        parameters.restype = ctypes.c_char_p
        return parameters().decode()

    def get_function(self, name):
        launch, expected = getattr(self._library, f"launch_{name}"), self.parameters(name)

        def run(grid, block, args, *, shared_mem=0):
            actual = "".join(_letter(a) for a in args)
            assert actual == expected, f"{name} takes {expected} and was given {actual}"
            assert np.prod(block) <= 1024, block
            assert shared_mem <= 48 * 1024, shared_mem
            kept = [_bytes(a) for a in args]
            pointers = (ctypes.c_void_p * len(kept))(*(a.ctypes.data for a in kept))
            fault = launch(_three(grid), _three(block), shared_mem, pointers)
            assert not fault, f"{name}: {FAULTS[fault]}"

        return run


def _letter(argument):
    kind = np.dtype(argument.dtype)
    if isinstance(argument, np.generic):
        return kind.char.replace("l", "q").replace("L", "Q")
    real = np.zeros(0, kind).real.dtype
    return "P" + real.char.replace("l", "q").replace("L", "Q")


def _bytes(argument):
    """The bytes that a kernel gets: those of a number, or an address."""
    if isinstance(argument, np.generic):
        return np.array(argument)
    at = argument.ctypes.data if isinstance(argument, np.ndarray) else argument.data.ptr
    return np.array(at, np.uintp)


def _three(sizes):
    return (ctypes.c_uint * 3)(*(*sizes, 1, 1)[:3])


@cache
def _folder():
    """Where built modules are kept: beside pytest's cache, or for this process alone."""
    folder = HERE.parents[1] / ".pytest_cache" / "device"
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
    is_ours = folder.is_dir() and os.access(folder, os.W_OK)
    return folder if is_ours else Path(tempfile.mkdtemp(prefix="symrank-device-"))


def _built(code, names, flags):
    exports = "\n".join(f"EXPORT({name})" for name in names)
    text = f"{(HERE / 'shim.h').read_text()}\n{code}\n{exports}\n"
    options = (*FLAGS, *_fused(), *flags)
    name = hashlib.sha256(repr((text, options, _compiler())).encode()).hexdigest()[:24]
    library = _folder() / f"{name}.so"
    if not library.exists():
        with tempfile.TemporaryDirectory(dir=_folder()) as folder:
            path, made = Path(folder) / "kernels.cpp", Path(folder) / "kernels.so"
            path.write_text(text)
            done = subprocess.run(
                ["g++", *options, "-o", made, path], capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stderr
            assert not done.stderr, done.stderr  # a warning is one of the text's
            made.replace(library)
    return library


@cache
def _fused():
    """What makes `fma` one instruction; without it, it is a slow function of the same result."""
    if platform.machine() != "x86_64" or "fma" not in Path("/proc/cpuinfo").read_text().split():
        return ()
    return ("-mfma",)


@cache
def _compiler():
    return subprocess.run(["g++", "--version"], capture_output=True, text=True, check=True).stdout
