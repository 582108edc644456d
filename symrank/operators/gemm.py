r"""Products of dense matrices in pieces that BLAS computes in one thread.

BLAS shares a large product among threads of its own. That is bad for two things. The sums of an
entry are then taken in an order that depends on the number of threads, so that a seed does not
give the same bits. And the threads spin: beside another busy process a product of 0.1 ms took 24.

OpenBLAS stays in the calling thread for m n k <= 2^18, with complex numbers 2^16 (matrix times
vector: below 9216 entries, 4096 complex ones). A larger product A X is cut into tiles of fixed
sizes,

    Y[i, j] = sum_l A[i, l] X[l, j],

one call of `numpy.matmul` for hundreds of tiles and one sum over l, in the order of l. Rectangles
of tiles are the chunks of `spread`, so that the package's own threads share them. What a tile and
a chunk are depends on the shapes and the memory order of A alone. One vector is multiplied as two,
the other zero: BLAS shares a product with one vector from much smaller matrices on.
"""

import numpy as np

from symrank.kernels.compiled.threads import spread
from symrank.support.typing import Array

__all__ = ["gemm", "gemm_each"]

MOST = {"f": 1 << 18, "d": 1 << 18, "F": 1 << 16, "D": 1 << 16}  # multiplications of a call
LEAST_BY_VECTOR = {"f": 9216, "d": 9216, "F": 4096, "D": 4096}  # entries that BLAS shares
ROWS, DEPTH, COLUMNS = 32, 256, 32  # of a tile, where a row of A lies in memory
TURNED = 64, 64, 64  # where a column does
DEEPEST = 4096
CHUNK = 1 << 23  # multiplications of a chunk, about 0.4 ms
DEPTHS = 32  # tiles that are added at once: what they add up to stays in the second-level cache
NANOSECONDS = 0.05, 0.3  # of a multiplication, and of an entry of A that comes from memory

Tile = tuple[int, int, int]  # rows and columns of A, columns of X


def gemm(A: Array, X: Array) -> Array:
    """Return ``A @ X`` (m, k) of two matrices of one dtype, fresh and C-ordered.

    Examples
    --------
    >>> import numpy as np
    >>> from symrank.operators.gemm import gemm
    >>> gemm(np.eye(2), np.array([[1.0], [2.0]]))
    array([[1.],
           [2.]])
    """
    (m, depth), k = A.shape, X.shape[1]
    if min(m, k) == 1:
        if m * depth * k < LEAST_BY_VECTOR.get(A.dtype.char, 0):
            return np.ascontiguousarray(A @ X)
        return gemm(*(_doubled(A, X)))[:m, :k].copy()
    if m * depth * k <= MOST[A.dtype.char]:
        return np.ascontiguousarray(A @ X)
    tile = _tile(m, depth, k, MOST[A.dtype.char], by_columns=A.strides[0] < A.strides[1])
    product = np.empty((m, k), A.dtype)
    chunks = _chunks(m, depth, k, tile)

    def work(first: int, last: int) -> None:
        for rows, columns in chunks[first:last]:
            _chunk(A[rows], X[:, columns], product[rows, columns], tile)

    spread(work, len(chunks), NANOSECONDS[0] * m * depth * k + NANOSECONDS[1] * m * depth)
    return product


def gemm_each(M: Array, T: Array) -> Array:
    """Return ``M @ T[l]`` for every l of T (left, n, right), fresh and C-ordered."""
    left, n, right = T.shape
    if min(len(M), right) > 1 and len(M) * n * right <= MOST[T.dtype.char]:
        product: Array = np.matmul(M, T)
        return product
    product = np.empty((left, len(M), right), T.dtype)
    for j in range(left):
        product[j] = gemm(M, T[j])
    return product


def _doubled(A: Array, X: Array) -> tuple[Array, Array]:
    """Append a row of zeros to A if it has one, and a column of zeros to X if that has one."""
    if A.shape[0] == 1:
        A = np.concatenate([A, np.zeros_like(A)])
    if X.shape[1] == 1:
        X = np.concatenate([X, np.zeros_like(X)], axis=1)
    return A, X


def _tile(m: int, depth: int, k: int, most: int, *, by_columns: bool) -> Tile:
    rows, deep, columns = TURNED if by_columns else (ROWS, DEPTH, COLUMNS)
    r, c = min(m, rows), min(depth, deep)
    s = _even(k, min(k, max(columns, most // (r * c)) if c == depth else columns))
    c = _even(depth, max(1, min(depth, DEEPEST, most // (r * s))))
    return r, c, s


def _even(whole: int, most: int) -> int:
    """Return the size of parts, none above `most`, that leave the largest rest."""
    return -(-whole // -(-whole // most))


def _chunks(m: int, depth: int, k: int, tile: Tile) -> list[tuple[slice, slice]]:
    """Return the rows and columns of the chunks, all but the last ones in whole tiles."""
    r, _, s = tile
    width = max(1, CHUNK // (depth * r * s)) * s
    height = max(1, CHUNK // (depth * r * min(k, width))) * r
    return [
        (slice(i, min(i + height, m)), slice(j, min(j + width, k)))
        for i in range(0, m, height)
        for j in range(0, k, width)
    ]


def _chunk(A: Array, X: Array, out: Array, tile: Tile) -> None:
    """Write A X, whose rows, columns and depth may end with parts of a tile."""
    (m, depth), k = A.shape, X.shape[1]
    r, c, s = tile
    ends = _parts(depth, c, DEPTHS * c)
    for rows, height in _parts(m, r, m):
        for columns, width in _parts(k, s, k):
            part = out[rows, columns]
            for inner, size in ends:
                _tiles(A[rows, inner], X[inner, columns], part, (height, size, width), inner.start)


def _parts(whole: int, size: int, step: int) -> list[tuple[slice, int]]:
    """Return slices of whole multiples of `size`, none above `step`, and a slice of the rest."""
    full = whole // size * size
    parts = [(slice(i, min(i + step, full)), size) for i in range(0, full, step)]
    return parts if full == whole else [*parts, (slice(full, whole), whole - full)]


def _tiles(A: Array, X: Array, out: Array, tile: Tile, depth_before: int) -> None:
    """Write A X to `out`, or add it; all tiles in one call, and then their sums."""
    r, c, s = tile
    (m, depth), k = A.shape, X.shape[1]
    down, deep, wide = m // r, depth // c, k // s
    left = A.reshape(down, r, deep, c).transpose(2, 0, 1, 3)[:, :, None]
    right = X.reshape(deep, c, wide, s).transpose(0, 2, 1, 3)[:, None]
    if deep == 1 and not depth_before:
        np.matmul(left[0], right[0], out=out.reshape(down, r, wide, s).swapaxes(1, 2))
        return
    products = np.empty((deep, m, k), A.dtype)
    np.matmul(left, right, out=products.reshape(deep, down, r, wide, s).swapaxes(2, 3))
    if depth_before:
        out += products.sum(axis=0)
    else:
        np.sum(products, axis=0, out=out)
