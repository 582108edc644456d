"""The compiled Langevin step: product, noise, update and energy in one pass over memory.

Rows are worked off in blocks of 64; four blocks form a chunk, the unit of the threads. Within a
block the loop runs over panels of columns: a row's indices come from memory once, a panel's energy
stays in registers. The energies of a chunk are a row of `partial`; see `sums` for their order.
"""

import numpy as np
from numba.core import types
from numba.core.extending import overload

from symrank.kernels.compiled.compiler import compiled
from symrank.kernels.compiled.products import product_row
from symrank.kernels.compiled.simd import (
    add,
    bits_of_float,
    convert,
    float_of_bits,
    fma,
    load,
    signs,
    splat,
    store,
)
from symrank.kernels.compiled.sums import CHUNK

__all__ = ["draw", "step"]

ROWS = 64  # rows of a block of noise
TILE = 2  # rows that all panels of a wide block go through before the next ones

u32, u64, i32, f32, f64 = np.uint32, np.uint64, np.int32, np.float32, np.float64
LOW = u64(0xFFFFFFFF)


@compiled(inline="always")
def _philox(c0, c1, c2, c3, key):
    """Philox4x32-10 in 64-bit lanes; see `reference.philox`."""
    k0, k1 = key & LOW, key >> u64(32)
    for _ in range(10):
        p0, p1 = u64(0xD2511F53) * c0, u64(0xCD9E8D57) * c2
        c0, c2 = (p1 >> u64(32)) ^ c1 ^ k0, (p0 >> u64(32)) ^ c3 ^ k1
        c1, c3 = p1 & LOW, p0 & LOW
        k0, k1 = (k0 + u64(0x9E3779B9)) & LOW, (k1 + u64(0xBB67AE85)) & LOW
    return c0, c1, c2, c3


@compiled
def _sign_words(words, block, chain, step, key):
    """One 32-bit word per row and 32 chains: calls give rows r, r + 16, r + 32, r + 48."""
    quarter, group = u64(ROWS // 4), u64(chain) // u64(32)
    for r in range(quarter):
        row = u64(block) * quarter + r
        x0, x1, x2, x3 = _philox(row, group, step & LOW, step >> u64(32), key)
        words[r], words[r + quarter] = u32(x0), u32(x1)
        words[r + u64(2) * quarter], words[r + u64(3) * quarter] = u32(x2), u32(x3)


@compiled
def _uniform_words(tag, low, high, block, chain, step, key):
    """Two 32-bit words per Gaussian pair: calls give pairs r and r + 16 of the block."""
    width, quarter = u64(len(tag)), u64(ROWS // 4)
    for q in range(quarter * width):
        row, column = u64(block) * quarter + q // width, u64(chain) + q % width
        x0, x1, x2, x3 = _philox(row, column, step & LOW, step >> u64(32), key)
        low[q], high[q] = u32(x0), u32(x1)
        low[q + quarter * width], high[q + quarter * width] = u32(x2), u32(x3)


@compiled
def _box_muller(low, high, noise, at):
    """Two Gaussians per pair of words, rows r and r + 32, from noise[at] on.

    See `reference.box_muller`.

    Casts everywhere: Numba would widen 32-bit integers, and halve the lanes.
    """
    half, at, top = u64(low.size), u64(at), u32(0x80000000)
    for q in range(half):
        a, b = low[q], high[q]
        u = f32(i32(a >> u32(1))) + f32(0.5)  # 2^31 times a number in (0, 1]
        # the mantissa goes to [sqrt(1/2), sqrt(2)), where log m = 2 artanh f converges fast
        bits = i32(u32(bits_of_float(u) + u32(0x3F800000 - 0x3F3504F3)))
        exponent = i32(i32(bits >> i32(23)) - i32(127 + 31))
        m = float_of_bits(u32(u32(u32(bits) & u32(0x007FFFFF)) + u32(0x3F3504F3)))
        f = (m - f32(1)) / (m + f32(1))
        s = f * f
        series = f32(2 / 3) + s * (f32(2 / 5) + s * (f32(2 / 7) + s * f32(2 / 9)))
        log = f32(exponent) * f32(np.log(2)) + f * (f32(2) + s * series)
        r = np.sqrt(f32(-2) * min(log, f32(0)))
        t = f32(i32(i32(b & u32(0x1FFFFFFF)) - i32(0x10000000))) * f32(np.pi / 2**30)  # +-pi/4
        z = t * t
        sine = f32(-1 / 6) + z * (f32(1 / 120) + z * (f32(-1 / 5040) + z * f32(1 / 362880)))
        sine = t + t * z * sine
        cosine = f32(-1 / 2) + z * (f32(1 / 24) + z * (f32(-1 / 720) + z * f32(1 / 40320)))
        cosine = f32(1) + z * cosine
        swap = (b >> u32(31)) != u32(0)
        x, y = r * (cosine if swap else sine), r * (sine if swap else cosine)
        noise[at + q] = float_of_bits(u32(bits_of_float(x) ^ u32(u32(b << u32(1)) & top)))
        noise[at + q + half] = float_of_bits(u32(bits_of_float(y) ^ u32(u32(b << u32(2)) & top)))


@compiled
def _sign_values(tag, noise, words, block, chain, step, key, scale):
    """Add `scale` times the signs of a block to `noise`."""
    _sign_words(words, block, chain, step, key)
    for r in range(ROWS):
        n = signs(tag, f32(scale), words[u64(r)], chain % 32)
        store(noise, r * len(tag), add(load(tag, noise, r * len(tag)), n))


def _fill(tag, noise, low, high, block, chain, law):
    """Draw the noise of one block of rows and one panel of chains, of one step or of two."""


def _noise_row(tag, noise, r, bit, scale):
    """Row r of the block, times `scale`."""


@overload(_fill)
def _fill_by(tag, noise, low, high, block, chain, law):
    def values(tag, noise, low, high, block, chain, law):
        gaussian, step, num_steps, key = law
        half = ROWS * len(tag)
        if gaussian:
            _uniform_words(tag, low, high, block, chain, step, key)
            _box_muller(low, high, noise, 0)
            if num_steps == 2:
                _uniform_words(tag, low, high, block, chain, step + u64(1), key)
                _box_muller(low, high, noise, half)
                for q in range(half):
                    noise[q] = f32(0.5) * (noise[q] + noise[q + half])
        else:
            words = np.empty(ROWS, np.uint32)
            noise[:half] = f32(0)
            for j in range(num_steps):
                _sign_values(tag, noise, words, block, chain, step + u64(j), key, 1.0 / num_steps)

    def bits(tag, noise, low, high, block, chain, law):
        _, step, _, key = law
        _sign_words(noise, block, chain, step, key)

    return values if noise.dtype == types.float32 else bits


@overload(_noise_row)
def _noise_row_by(tag, noise, r, bit, scale):
    def values(tag, noise, r, bit, scale):
        n = convert(load(tag, noise, r * len(tag)), scale)
        return fma(splat(tag, scale), n, splat(tag, type(scale)(0)))

    def bits(tag, noise, r, bit, scale):
        return signs(tag, scale, noise[u64(r)], bit)

    return values if noise.dtype == types.float32 else bits


def _advance(tag, product, theta, out, velocity, noise, rows, col, bit, coefficients, total):
    """Advance a panel of a block of rows; return `total` with its energy added row by row."""


@overload(_advance)
def _advance_by(tag, product, theta, out, velocity, noise, rows, col, bit, coefficients, total):
    def first_order(tag, product, theta, out, velocity, noise, rows, col, bit, coefficients, total):
        # theta' = theta - eta y + noise; energy y (2 theta - b y)
        k = theta.shape[1]
        eta, scale, b, _ = coefficients
        minus_eta, minus_b = splat(tag, -eta), splat(tag, -b)
        for i in range(rows[0], rows[1]):
            y = product_row(tag, product, k, i, col)
            t = load(tag, theta, i * k + col)
            e = fma(minus_b, y, add(t, t))
            total = fma(convert(y, f64(0)), convert(e, f64(0)), total)
            n = _noise_row(tag, noise, i - rows[0] + rows[2], bit, scale)
            store(out, i * k + col, add(fma(minus_eta, y, t), n))
        return total

    def kinetic(tag, product, theta, out, velocity, noise, rows, col, bit, coefficients, total):
        # u = v - h y; v' = c u + noise; theta' = theta + h/2 (u + v'); energy y theta
        k = theta.shape[1]
        h, scale, _, c = coefficients
        minus_h, half_h, decay = splat(tag, -h), splat(tag, h / type(h)(2)), splat(tag, c)
        for i in range(rows[0], rows[1]):
            at = i * k + col
            y = product_row(tag, product, k, i, col)
            t = load(tag, theta, at)
            total = fma(convert(y, f64(0)), convert(t, f64(0)), total)
            u = fma(minus_h, y, load(tag, velocity, at))
            v = fma(decay, u, _noise_row(tag, noise, i - rows[0] + rows[2], bit, scale))
            store(velocity, at, v)
            store(out, at, fma(half_h, add(u, v), t))
        return total

    return first_order if velocity == types.none else kinetic


@compiled
def step(
    tag, panels, chunks, chain, product, theta, out, velocity, like, law, coefficients, partial
):
    """Advance the columns of `panels` = (first, number) and the rows of `chunks` = (first, last).

    Column 0 is number `chain`.
    """
    n, k = theta.shape
    width = len(tag)
    size = 2 * ROWS * width
    noise = np.empty(size * panels[1], like.dtype)
    low, high = np.empty(ROWS // 2 * width, np.uint32), np.empty(ROWS // 2 * width, np.uint32)
    tile = ROWS if panels[1] == 1 else TILE
    for c in range(chunks[0], chunks[1]):
        for row in range(c * CHUNK, min(n, (c + 1) * CHUNK), ROWS):
            for p in range(panels[1]):
                number = chain + panels[0] + p * width
                _fill(tag, noise[p * size : (p + 1) * size], low, high, row // ROWS, number, law)
            for first in range(row, min(row + ROWS, n), tile):
                rows = (first, min(first + tile, n), first - row)
                for p in range(panels[1]):
                    col = panels[0] + p * width
                    e = _advance(
                        tag, product, theta, out, velocity, noise[p * size : (p + 1) * size], rows,
                        col, (chain + col) % 32, coefficients, load(tag, partial, c * k + col),
                    )  # fmt: skip
                    store(partial, c * k + col, e)


@compiled
def draw(tag, panels, chunks, chain, block, like, law, scale):
    """Fill columns of a block with noise of standard deviation `scale`."""
    n, k = block.shape
    width = len(tag)
    noise = np.empty(2 * ROWS * width, like.dtype)
    low, high = np.empty(ROWS // 2 * width, np.uint32), np.empty(ROWS // 2 * width, np.uint32)
    for c in range(chunks[0], chunks[1]):
        for row in range(c * CHUNK, min(n, (c + 1) * CHUNK), ROWS):
            for p in range(panels[1]):
                col = panels[0] + p * width
                bit = (chain + col) % 32
                _fill(tag, noise, low, high, row // ROWS, chain + col, law)
                for i in range(row, min(row + ROWS, n)):
                    store(block, i * k + col, _noise_row(tag, noise, i - row, bit, scale))
