"""NVIDIA's compiler takes every kernel, and makes of it what is written: no driver is needed."""

import re

import pytest

from symrank.kernels.cuda import OPTIONS, Code, every_code, source
from tests.device import host, nvrtc

ARCHITECTURES = ("sm_80", "sm_90")
# Together these have all kernels, both number types and both architectures.
FIRST = [
    (Code("float64", "CSR"), "sm_90"), (Code("float32", "GIVEN"), "sm_80"),
    (Code("float64"), "sm_90"),
]  # fmt: skip
ALL = [
    pytest.param(code, arch, marks=[] if (code, arch) in FIRST else pytest.mark.slow)
    for code in every_code()
    for arch in ARCHITECTURES
]
FUSED = "__device__ __forceinline__ {0} fused("  # the one place where a product is added


@pytest.fixture(autouse=True)
def _compiler():
    nvrtc.need()


@pytest.mark.parametrize(("code", "architecture"), ALL)
def test_a_module_compiles_for_a_device(code, architecture):
    made = nvrtc.compiled(source(code), architecture)
    assert made.binary[:4] == b"\x7fELF"
    assert "warning" not in made.log
    names = sorted(host.kernel_names(source(code)))
    assert sorted(re.findall(r"entry function '(\w+)' for", made.log)) == names
    spilled = re.findall(r"(\d+) bytes stack frame, (\d+) bytes spill stores", made.log)
    assert len(spilled) == len(names)
    assert set(spilled) == {("0", "0")}
    assert made.count(r"\.approx") == made.count(r"\batom") == made.count(r"\bred\.") == 0
    # CuPy asks for small numbers to be flushed to zero: Box-Muller has none, all else forbids it
    assert all("gaussians" in name for name in made.kernels_with(r"\.ftz"))
    # single-precision roots and divisions are rounded as IEEE has it
    for name, rounded in (("sqrt", r"\bsqrt\.rn\."), ("div", r"\bdiv\.rn\.")):
        assert made.count(rf"\b{name}\.(?:\w+\.)*f\d\d") == made.count(rounded)


@pytest.mark.parametrize(("code", "architecture"), ALL)
def test_kernels_take_what_is_launched(code, architecture):
    """The stand-in compares each launch with its own reading of the parameters; so does this."""
    if reason := host.why_not():
        pytest.skip(reason)
    types = {"P": "u64", "q": "u64", "Q": "u64", "d": "f64", "f": "f32"}
    built = host.RawModule(source(code), OPTIONS)
    expected = {
        name: [types[letter] for letter in re.sub("P.", "P", built.parameters(name))]
        for name in built.names
    }
    assert nvrtc.compiled(source(code), architecture).parameters() == expected


def marked(code):
    """The text with `fused` not inlined, so that it has the only instruction that fuses."""
    text = source(code)
    for number in ("double", "float"):
        written = FUSED.format(number)
        assert written in text
        text = text.replace(written, f"__device__ __noinline__ {number} fused(")
    return text


@pytest.mark.parametrize("code", [code for code, _ in FIRST])
def test_nothing_is_fused_but_what_is_written(code):
    made = nvrtc.compiled(marked(code), "compute_80")
    functions = {"float64": 1, "float32": 2}[code.number]  # sums are in double precision always
    assert made.count(r"\bfma\.rn\.f\d\d") == made.count(r"\bfma\.") == functions


def test_the_compiler_would_fuse_more_if_it_were_let():
    """What the test above looks for is there to be found."""
    options = tuple(option for option in OPTIONS if option != "--fmad=false")
    text = marked(Code("float64"))
    free = nvrtc.compiled(text, "compute_80", options).count(r"\bfma\.rn\.ftz\.f32")
    assert free > nvrtc.compiled(text, "compute_80").count(r"\bfma\.rn\.ftz\.f32") == 0
