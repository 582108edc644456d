r"""A graph Laplacian whose rows anyone can make alone, its spectrum in closed form.

n / s components of s vertices, each a circulant graph: u is joined to u +- o mod s for d offsets o
of its component, the first of them 1, so that a component is connected. Its eigenvalues are

    lambda_m = sum_o 2 (1 - cos(2 pi m o / s)),    m = 0 .. s - 1,

one of them zero: the rank is n - n / s. With random offsets it is an expander, so that no other is
small. Vertices are numbered by v -> a v + b mod n, so that every block of rows needs nearly all of
X, as that of a graph without an order does; with a = 1 it needs its own part.
"""

import numpy as np
import scipy.sparse as sp

__all__ = ["SIZE", "offsets", "rows", "spectrum"]

SIZE, DEGREE = 1000, 24  # vertices of a component, pairs of neighbours of one
STRIDE, START = 617_231, 12_345  # a prime, and any number


def offsets(components: np.ndarray, size: int = SIZE, degree: int = DEGREE) -> np.ndarray:
    """Return the offsets of components, a row each; two may be the same."""
    with np.errstate(over="ignore"):
        word = components.astype(np.uint64)[:, None] * np.uint64(0x9E3779B97F4A7C15)
        word = word + np.arange(degree, dtype=np.uint64) * np.uint64(0xD1B54A32D192ED03)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            word = (word ^ (word >> np.uint64(shift))) * np.uint64(factor)
        word ^= word >> np.uint64(31)
    found = 1 + (word % np.uint64(size // 2)).astype(np.int64)
    found[:, 0] = 1
    return found


def rows(
    first: int, last: int, n: int, *, is_local: bool = False, size: int = SIZE, degree: int = DEGREE
) -> sp.csr_array:
    """Return rows `first` to `last` of the Laplacian, (last - first, n)."""
    stride, start = (1, 0) if is_local else (STRIDE, START)
    v = (np.arange(first, last) - start) * pow(stride, -1, n) % n
    component, u = np.divmod(v, size)
    steps = offsets(component, size, degree)
    around = np.concatenate([u[:, None] + steps, u[:, None] - steps], axis=1) % size
    around = (component[:, None] * size + around) * stride + start
    columns = np.concatenate([around % n, np.arange(first, last)[:, None]], axis=1)
    width = 2 * degree + 1
    values = np.broadcast_to(np.append(np.full(width - 1, -1.0), width - 1.0), columns.shape)
    index = np.arange(0, columns.size + 1, width, dtype=np.int32)
    parts = values.ravel(), columns.ravel().astype(np.int32), index
    block = sp.csr_array(parts, shape=(last - first, n))
    block.sum_duplicates()
    return block


def spectrum(n: int, size: int = SIZE, degree: int = DEGREE) -> np.ndarray:
    """Return all eigenvalues, ascending."""
    steps = offsets(np.arange(n // size), size, degree)
    angles = 2.0 * np.pi / size * np.arange(size)
    values = np.zeros((len(steps), size))
    for o in steps.T:
        values += 2.0 * (1.0 - np.cos(np.outer(o, angles)))
    return np.sort(values.ravel())
