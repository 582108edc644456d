"""Numba kernels: each pass over memory once, sums in fixed chunks of rows.

The order of sums is that of `compiled.sums`, whatever the number of threads or the other columns
of the block: so results do not depend on them, to the last bit.
"""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from symrank.kernels.coefficients import Coefficients
from symrank.kernels.compiled import chebyshev, golub_kahan, lanczos, langevin, products
from symrank.kernels.compiled.compiler import compiled
from symrank.kernels.compiled.simd import width_tag
from symrank.kernels.compiled.sums import add_chunks, num_chunks
from symrank.kernels.compiled.threads import spread
from symrank.kernels.multiplicands import Csr, Given, Multiplicand
from symrank.kernels.reference import block, empty, host, xp
from symrank.support.blocks import empty_block
from symrank.support.probes import Noise
from symrank.support.typing import Array, FloatArray

__all__ = [
    "block",
    "chebyshev_step",
    "draw",
    "empty",
    "golub_kahan_step",
    "golub_welsch",
    "host",
    "lanczos_step",
    "langevin_step",
    "multiply",
    "xp",
]

PANEL = 128  # bytes of a row that a pass of the inner loop keeps in registers
EPS = float(np.finfo(np.float64).eps)
MAX_SWEEPS = 60  # QL takes under two per value; more means NaN came in


def lanczos_step(
    product: Multiplicand,
    U: Array,
    U_prev: Array,
    scale: FloatArray,
    coupling: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """See `reference.lanczos_step`. Two passes over memory; complex blocks as pairs of columns."""
    if np.iscomplexobj(U):
        real = U.real.dtype
        given = Given(np.ascontiguousarray(product[0]).view(real))
        return _lanczos_pairs(given, U.view(real), U_prev.view(real), scale, coupling, 2)
    return _lanczos_pairs(product, U, U_prev, scale, coupling, 1)


def _lanczos_pairs(
    product: Multiplicand,
    U: Array,
    U_prev: Array,
    scale: FloatArray,
    coupling: FloatArray,
    parts: int,
) -> tuple[FloatArray, FloatArray]:
    """Take a step of vectors that have `parts` real columns each."""
    n, columns = U.shape
    number, fields = U.dtype, tuple(product)
    s, c = np.repeat(scale, parts), np.repeat(coupling, parts)
    partial = np.empty((num_chunks(n), columns))
    panels = list(_panels(columns, 0, number))
    scales, couplings = s.astype(number), -c.astype(number)

    def multiply_and_project(first: int, last: int) -> None:
        for tag, columns in panels:
            lanczos.multiply_and_project(
                tag, columns, (first, last), fields, U, U_prev, scales, couplings, partial
            )

    def subtract(first: int, last: int) -> None:
        for tag, columns in panels:
            lanczos.subtract(tag, columns, (first, last), U_prev, U, factor, partial)

    spread(multiply_and_project, len(partial), _cost(product, U))
    alpha = _parts(add_chunks(partial), parts)
    factor = (-np.repeat(alpha, parts) * s).astype(number)
    spread(subtract, len(partial), 0.3 * U.size)
    norm2 = _parts(add_chunks(partial), parts)
    return alpha, np.sqrt(norm2)


def _parts(sums: FloatArray, parts: int) -> FloatArray:
    """Add the sums of real and imaginary columns, where vectors have two."""
    return sums if parts == 1 else sums[0::2] + sums[1::2]


def golub_kahan_step(
    product: Multiplicand, W_prev: Array, scale: FloatArray, coupling: FloatArray
) -> FloatArray:
    """See `reference.golub_kahan_step`. One pass over memory; complex blocks as column pairs."""
    parts, number = (2, W_prev.real.dtype) if np.iscomplexobj(W_prev) else (1, W_prev.dtype)
    block, fields = W_prev.view(number), tuple(product)
    if parts == 2:
        fields = (np.ascontiguousarray(product[0]).view(number),)
    scales = np.repeat(scale, parts).astype(number)
    couplings = -np.repeat(coupling, parts).astype(number)
    partial = np.empty((num_chunks(len(block)), block.shape[1]))
    panels = list(_panels(block.shape[1], 0, number))

    def step(first: int, last: int) -> None:
        for tag, columns in panels:
            golub_kahan.step(tag, columns, (first, last), fields, block, scales, couplings, partial)

    spread(step, len(partial), _cost(product, block))
    return np.asarray(np.sqrt(_parts(add_chunks(partial), parts)))


def chebyshev_step(
    product: Multiplicand, T: Array, T_prev: Array, slope: float, offset: float
) -> tuple[FloatArray, FloatArray]:
    """See `reference.chebyshev_step`. One pass over memory; complex blocks as pairs of columns."""
    if np.iscomplexobj(T):
        real = T.real.dtype
        given = Given(np.ascontiguousarray(product[0]).view(real))
        mixed, square = chebyshev_step(given, T.view(real), T_prev.view(real), slope, offset)
        return mixed[0::2] + mixed[1::2], square[0::2] + square[1::2]
    n, k = T.shape
    numbers, fields = (T.dtype.type(slope), T.dtype.type(offset)), tuple(product)
    mixed, square = np.empty((2, num_chunks(n), k))
    panels = list(_panels(k, 0, T.dtype))

    def step(first: int, last: int) -> None:
        for tag, columns in panels:
            chebyshev.step(tag, columns, (first, last), fields, T, T_prev, numbers, mixed, square)

    spread(step, len(mixed), _cost(product, T))
    return add_chunks(mixed), add_chunks(square)


def langevin_step(
    product: Multiplicand,
    theta: Array,
    out: Array,
    velocity: Array | None,
    coefficients: Coefficients,
    noise: Noise,
    step: int,
    chain: int = 0,
) -> FloatArray:
    """See `reference.langevin_step`. One pass over memory; complex blocks as pairs of columns."""
    if np.iscomplexobj(theta):
        given, real = product[0], theta.real.dtype
        pairs = langevin_step(
            Given(given.view(real)), theta.view(real), out.view(real),
            None if velocity is None else velocity.view(real),
            coefficients._replace(noise=coefficients.noise * math.sqrt(0.5)),
            noise, step, 2 * chain,
        )  # fmt: skip
        return np.asarray(pairs[0::2] + pairs[1::2])
    (n, k), fields = theta.shape, tuple(product)
    step_size, deviation, correction, decay, _ = coefficients
    numbers = tuple(map(theta.dtype.type, (step_size, deviation, correction, decay)))
    like, law = _law(noise, step, coefficients.averaged)
    partial = np.zeros((num_chunks(n), k))
    panels = list(_panels(k, chain, theta.dtype))

    def advance(first: int, last: int) -> None:
        for tag, columns in panels:
            langevin.step(
                tag, columns, (first, last), chain, fields, theta, out, velocity, like, law,
                numbers, partial,
            )  # fmt: skip

    extra = float(theta.size) if noise.is_gaussian else 0.0
    spread(advance, len(partial), _cost(product, theta) + extra)
    return np.asarray(add_chunks(partial))


def multiply(product: Multiplicand) -> Array:
    """See `reference.multiply`. Rows are summed in double precision; for real blocks."""
    if isinstance(product, Given):
        return product.Y
    X = product.X
    rows = product.indptr.size - 1 if isinstance(product, Csr) else X.shape[0]
    out = empty_block(rows, X.shape[1], X.dtype)
    panels = list(_panels(X.shape[1], 0, X.dtype))

    def rows_of(first: int, last: int) -> None:
        for tag, columns in panels:
            products.multiply(tag, columns, (first, last), tuple(product), out)

    spread(rows_of, num_chunks(rows), _cost(product, out))
    return out


def draw(
    shape: tuple[int, int], dtype: npt.DTypeLike, noise: Noise, step: int, chain: int = 0
) -> Array:
    """See `reference.draw`."""
    n, k = shape
    block = empty_block(n, k, dtype)
    if np.iscomplexobj(block):
        parts = draw((n, 2 * k), block.real.dtype, noise, step, 2 * chain)
        parts *= parts.dtype.type(math.sqrt(0.5))
        return parts.view(block.dtype)
    like, law = _law(noise, step, False)
    panels, unit = list(_panels(k, chain, block.dtype)), block.dtype.type(1)

    def fill(first: int, last: int) -> None:
        for tag, columns in panels:
            langevin.draw(tag, columns, (first, last), chain, block, like, law, unit)

    spread(fill, num_chunks(n), 0.3 * block.size)
    return block


def _law(
    noise: Noise, step: int, averaged: bool
) -> tuple[Array, tuple[bool, np.uint64, int, np.uint64]]:
    """Return an array whose dtype says how rows of noise are kept, and the law itself.

    Signs stay packed, 32 to a word; what has other values is written out in float32.
    """
    packed = not (noise.is_gaussian or averaged)
    law = (noise.is_gaussian, np.uint64(step), 2 if averaged else 1, np.uint64(noise.key))
    return np.empty(0, np.uint32 if packed else np.float32), law


def _cost(product: Multiplicand, block: Array) -> float:
    """Return roughly the nanoseconds of a pass, by what numbers and non-zeros were seen to take."""
    nonzeros = product.indices.size if isinstance(product, Csr) else 0
    return float(0.3 * block.size + nonzeros * (0.8 + 0.1 * block.shape[1]))


def _panels(
    k: int, chain: int, dtype: np.dtype[Any]
) -> Iterator[tuple[tuple[bool, ...], tuple[int, int]]]:
    """Split k columns into panels: the tag of their width, and (first column, number).

    None straddles a word of signs.
    """
    widest = PANEL // dtype.itemsize
    col = 0
    while col < k:
        width = widest
        while width > k - col or (chain + col) % width:
            width //= 2
        count = (k - col) // width if width == widest else 1
        yield width_tag(width), (col, count)
        col += width * count


@compiled
def _implicit_ql(d, e, first, last):  # type: ignore[no-untyped-def]
    """Diagonalise in place, rotating only the first and the last row of the vectors."""
    n = d.size
    for low in range(n):
        for _ in range(MAX_SWEEPS):
            m = low
            while m < n - 1 and abs(e[m]) > 0.5 * EPS * (abs(d[m]) + abs(d[m + 1])):
                m += 1
            if m == low:
                break
            p = (d[low + 1] - d[low]) / (2.0 * e[low])
            g = d[m] - d[low] + e[low] / (p + np.copysign(np.sqrt(p * p + 1.0), p))
            s, c, p = 1.0, 1.0, 0.0
            split = False
            for i in range(m - 1, low - 1, -1):
                f, b = s * e[i], c * e[i]
                r = np.sqrt(f * f + g * g)
                e[i + 1] = r
                if r == 0.0:
                    d[i + 1] -= p
                    e[m] = 0.0
                    split = True
                    break
                s, c = f / r, g / r
                g = d[i + 1] - p
                r = (d[i] - g) * s + 2.0 * c * b
                p = s * r
                d[i + 1] = g + p
                g = c * r - b
                t = first[i + 1]
                first[i + 1], first[i] = s * first[i] + c * t, c * first[i] - s * t
                t = last[i + 1]
                last[i + 1], last[i] = s * last[i] + c * t, c * last[i] - s * t
            if not split:
                d[low] -= p
                e[low] = g
                e[m] = 0.0


def golub_welsch(alpha: FloatArray, beta: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """See `reference.golub_welsch`. O(k^2) time and O(k) memory, where LAPACK needs k^2."""
    k = alpha.size
    d, e = alpha.copy(), np.append(beta, 0.0)
    first, last = np.zeros(k), np.zeros(k)
    first[0] = last[-1] = 1.0
    _implicit_ql(d, e, first, last)
    order = np.argsort(d, kind="stable")
    return d[order], first[order], last[order]
