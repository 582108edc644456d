"""What would go wrong in the text of the GPU kernels is seen by the comparison of bits."""

import numpy as np
import pytest

from symrank import kernels
from symrank.support.probes import noise_of
from tests.device import host, need_fma, plain_cupy
from tests.device.test_bits import COMPILED, assert_same_bits, assert_same_step, moved
from tests.kernels.test_langevin_kernels import SCHEMES, block, make_product

# What is broken, the text before and after, and a check that sees it.
MUTATIONS = {
    "counter words swapped": ("(u32)chain, (u32)step,", "(u32)step, (u32)chain,", "signs"),
    "a round of Philox less": ("round < 10", "round < 9", "signs"),
    "key halves swapped": ("u32 k0 = (u32)key, k1 = (u32)(key >> 32)",
                           "u32 k1 = (u32)key, k0 = (u32)(key >> 32)", "signs"),
    "high word of the step lost": ("(u32)(step >> 32)", "0u", "signs"),
    "no barrier after the words": ("__syncthreads();  // the words of all threads are there",
                                   "", "signs"),
    "no barrier before the next words": ("__syncthreads();  // all have read them", "", "signs"),
    "a barrier that some never reach": ("work.noise.fill(place, block);",
                                        "if (place.is_empty()) return; "
                                        "work.noise.fill(place, block);", "signs"),
    "sign bit shifted": ("bit = (u32)(number % 32)", "bit = (u32)(number % 32) ^ 1u", "signs"),
    "quarters of a block in another order": ("to[j * calls]", "to[(j ^ 1) * calls]", "signs"),
    "sign of a Gaussian shifted": ("b << 2 & 0x80000000u", "b << 3 & 0x80000000u", "gaussians"),
    "exchange of a pair lost": ("const bool swap = b >> 31", "const bool swap = b >> 30 & 1",
                                "gaussians"),
    "averaged noise of one step": ("0.5f * (x[0][j] + x[STEPS - 1][j])",
                                   "0.5f * (x[0][j] + x[0][j])", "averaged"),
    "a product unfused": ("return fma(a, b, c)", "return a * b + c", "sums"),
    "wrong stride of shared numbers": ("own[(j * calls + r) * stride]",
                                       "own[(j * calls + r) * (stride + 1)]", "gaussians"),
    "wrong stride of partial sums": ("partial[place.chunk * k + place.col] = work.total",
                                     "partial[place.chunk * (k + 1) + place.col] = work.total",
                                     "sums"),
    "remainder of the rows dropped": ("for (; i < last; ++i) work.template rows<1>(i);", "",
                                      "diagonal"),
    "one row too many": ("last = n - first < CHUNK ? n : first + CHUNK",
                         "last = n - first < CHUNK ? n + 1 : first + CHUNK", "diagonal"),
    "non-zeros in another order": ("for (int r = 0; r < BATCH; ++r)\n"
                                   "                if (j + r < end) y",
                                   "for (int r = BATCH - 1; r >= 0; --r)\n"
                                   "                if (j + r < end) y", "sums"),
    "chunks in another order": ("for (int r = 0; r < BATCH; ++r) total = total + x[r]",
                                "for (int r = BATCH - 1; r >= 0; --r) total = total + x[r]",
                                "chunks"),
    "remainder of the chunks dropped": ("for (; c < count; ++c) total = total + at[c * stride];",
                                        "", "chunks"),
    "energy from single precision": ("fused(wide(y[r]), wide(e), total)",
                                     "fused(wide(single(y[r])), wide(e), total)", "signs"),
}  # fmt: skip


def step(scheme, law, n, k, chain, number=2**32 + 3):
    """One step of a block whose rows and columns fill no block of threads."""

    def check(gpu):
        rng = np.random.default_rng(7)
        theta, velocity = block(rng, n, k, np.float64), block(rng, n, k, np.float64)
        product = make_product("csr32", rng, theta)
        assert_same_step(
            gpu, product, theta, velocity, SCHEMES[scheme], noise_of(law, 5), number, chain
        )

    return check


def sums(kind, n=601):
    def check(gpu):
        rng = np.random.default_rng(8)
        U, before = block(rng, n, 5, np.float64), block(rng, n, 5, np.float64)
        product = make_product(kind, rng, U)
        results = []
        for kernel in (COMPILED, gpu):
            u, w = plain_cupy.asarray(U), plain_cupy.asarray(before)
            ones = plain_cupy.asarray(np.ones(5))
            results.append([*kernel.lanczos_step(moved(product, u), u, w, ones, ones), w])
        assert_same_bits(results[1], results[0])

    return check


def chunks(gpu):
    partial = plain_cupy.asarray(np.random.default_rng(9).standard_normal((1, 300, 3)))
    expected = [kernels.cpu_numba.add_chunks(part.copy()) for part in partial]
    assert_same_bits(gpu._add_chunks(partial, 1), expected)


CHECKS = {
    "signs": step("corrected", "rademacher", 601, 16, 0),
    "gaussians": step("energy", "gaussian", 601, 16, 16),
    "averaged": step("averaged", "gaussian", 601, 16, 0),
    "sums": sums("csr32"),
    "diagonal": sums("diagonal"),
    "chunks": chunks,
}


def broken(before, after, flags=("-O0",)):
    """The kernel file on a text in which something was changed, in one module alone."""
    changed = []

    class Broken(plain_cupy.RawModule):
        def __init__(self, code, options):
            is_first = before in code and not any(changed)
            changed.append(is_first)
            super().__init__(*((code.replace(before, after), options, flags) if is_first else
                               (code, options)))  # fmt: skip

    cupy = plain_cupy.module()
    cupy.RawModule = Broken
    with plain_cupy.kernel(cupy) as gpu:
        return gpu, changed


@pytest.fixture(autouse=True)
def _can_run():
    need_fma()
    if reason := host.why_not():
        pytest.skip(reason)


@pytest.mark.parametrize("name", CHECKS)
def test_the_text_as_it_is_passes(name):
    CHECKS[name](plain_cupy.load("gpu_cupy"))


SOME = ("counter words swapped", "no barrier after the words", "no barrier before the next words",
        "a product unfused", "wrong stride of partial sums", "remainder of the rows dropped",
        "chunks in another order")  # fmt: skip


@pytest.mark.parametrize(
    "name", [pytest.param(m, marks=[] if m in SOME else pytest.mark.slow) for m in MUTATIONS]
)
def test_a_broken_text_is_seen(name):
    before, after, check = MUTATIONS[name]
    gpu, changed = broken(before, after)
    with pytest.raises(AssertionError):
        CHECKS[check](gpu)
    assert any(changed)


def test_a_compiler_that_fuses_by_itself_is_seen():
    """What leaving out --fmad=false would do: Box-Muller adds products of its own."""
    gpu, _ = broken("", "", flags=("-O2", "-ffp-contract=fast"))
    with pytest.raises(AssertionError):
        CHECKS["gaussians"](gpu)
