r"""Named problems whose spectrum and rank are known: for tests, documents, benchmarks and users.

Spectra are arrays of eigenvalues in [-1, 1], ascending, the largest of absolute value 1 (unless
all are zero). The exact rank is the number of entries that are not 0.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components

from symrank.errors import OptionError
from symrank.gallery.haar import haar
from symrank.gallery.network_minima import LinearNetwork, linear_network
from symrank.operators import GramOperator, gram
from symrank.support.typing import Array, FloatArray

__all__ = [
    "SPECTRA",
    "LinearNetwork",
    "dense",
    "diagonal",
    "grid_laplacian",
    "haar",
    "laplacian_rank",
    "linear_network",
    "spiked_covariance",
]


def _padded(positive: npt.ArrayLike, n: int) -> FloatArray:
    """Return n eigenvalues, ascending: the given ones and zeros."""
    lam = np.zeros(n)
    given = np.asarray(positive, dtype=np.float64)[:n]
    lam[: given.size] = given
    return np.sort(lam)


def _marchenko_pastur(n: int) -> FloatArray:
    """Quantiles of a sample covariance of n variables from n/2 observations; half are zero."""
    lower, upper = (1 - 0.5**0.5) ** 2, (1 + 0.5**0.5) ** 2
    x = np.linspace(lower, upper, 4001)[1:-1]
    mass = np.cumsum(np.sqrt((upper - x) * (x - lower)) / x)
    levels = (np.arange(n // 2) + 0.5) / max(n // 2, 1)
    quantiles = np.interp(levels, mass / mass[-1], x)
    return _padded(quantiles / quantiles.max(initial=0.0) if n > 1 else [], n)


def _clustered(n: int) -> FloatArray:
    """Three clusters of width 1e-6 at 1, 0.1 and 0.01, and a quarter zeros."""
    centres = np.repeat([1.0, 0.1, 0.01], -(-n // 4))[: n - n // 4]
    return _padded(centres * (1 - np.linspace(0, 1e-6, centres.size)), n)


def _indefinite(n: int) -> FloatArray:
    """Three eighths negative, a quarter zero, the rest positive, moduli in [0.1, 1]."""
    negative, zero = 3 * n // 8, n // 4
    return np.concatenate(
        [
            -np.linspace(0.9, 0.1, negative),
            np.zeros(zero),
            np.linspace(1.0, 0.1, n - negative - zero)[::-1],
        ]
    )


SPECTRA: dict[str, Callable[[int], FloatArray]] = {
    "gapped": lambda n: _padded(np.linspace(1.0, 0.5, n - n // 3), n),
    "log-uniform": lambda n: np.logspace(0, -6, n)[::-1],
    "half log-uniform": lambda n: _padded(np.logspace(0, -4, n - n // 2), n),
    "marchenko-pastur": _marchenko_pastur,
    "clustered": _clustered,
    "two-level": lambda n: _padded(np.repeat([1.0, 1e-4], [n // 4, n // 4]), n),
    "indefinite": _indefinite,
    "identity": np.ones,
    "zero": np.zeros,
    "low rank": lambda n: _padded(np.linspace(1.0, 0.5, max(n // 12, 1)), n),
    "one zero": lambda n: _padded(np.linspace(1.0, 0.5, max(n - 1, 0)), n),
}
"""Eigenvalues by name: a function of the size n each. Only "indefinite" has negative ones."""


def dense(lam: npt.ArrayLike, rng: Any = None, dtype: npt.DTypeLike = np.float64) -> Array:
    """Return Q diag(lam) Q^H with a Haar Q: a dense matrix of the given eigenvalues.

    Parameters
    ----------
    lam
        (n,) eigenvalues.
    rng
        int, SeedSequence or Generator.
    dtype
        Of the (n, n) answer, which is symmetric (complex: Hermitian) to the last bit.

    Examples
    --------
    >>> import numpy as np
    >>> from symrank import gallery
    >>> A = gallery.dense([0.0, 1.0, 2.0], rng=1)
    >>> np.linalg.eigvalsh(A).round(12) + 0.0
    array([0., 1., 2.])
    """
    lam = np.asarray(lam, dtype=np.float64)
    wide = np.complex128 if np.dtype(dtype).kind == "c" else np.float64
    Q = haar(lam.size, rng, wide)
    A = (Q * lam) @ Q.conj().T
    return np.asarray((A + A.conj().T) / 2, dtype=dtype)


def diagonal(lam: npt.ArrayLike) -> "sp.csr_array[Any]":
    """Return diag(lam) as a CSR array: exactly this spectrum, cheap at any size."""
    values = np.atleast_1d(np.asarray(lam))
    index = np.arange(values.size + 1)
    return sp.csr_array((values.copy(), index[:-1], index), shape=(values.size, values.size))


def grid_laplacian(
    shape: Sequence[int], remove: float = 0.0, rng: Any = None
) -> "sp.csr_array[Any]":
    r"""Return the graph Laplacian of a grid from which edges are removed at random.

    The rank is n minus the number of connected components; see `laplacian_rank`.

    Parameters
    ----------
    shape
        Nodes along each axis; any number of axes.
    remove
        Probability with which each edge is removed, in [0, 1].
    rng
        int, SeedSequence or Generator.

    Returns
    -------
    csr_array
        (n, n) with n the product of `shape`: degrees on the diagonal, -1 for each edge.

    Raises
    ------
    OptionError
        Where `remove` is outside [0, 1].

    Examples
    --------
    >>> from symrank import gallery
    >>> L = gallery.grid_laplacian((3, 4))
    >>> L.shape, gallery.laplacian_rank(L)
    ((12, 12), 11)
    """
    if not 0.0 <= remove <= 1.0:
        raise OptionError(f"remove={remove} is a probability. Pass a number in [0, 1].")
    rng = np.random.default_rng(rng)
    n = math.prod(shape)
    index = sp.get_index_dtype(maxval=n * (2 * len(shape) + 1))  # int32 where entries fit: faster
    nodes = np.arange(n, dtype=index).reshape(shape)
    ends = []
    for axis in range(nodes.ndim):
        along = np.moveaxis(nodes, axis, 0)
        edges = np.stack([along[:-1].ravel(), along[1:].ravel()])
        ends.append(edges if remove == 0.0 else edges[:, rng.random(edges.shape[1]) >= remove])
    i, j = np.concatenate([*ends, np.zeros((2, 0), dtype=index)], axis=1)
    degree = np.bincount(i, minlength=n) + np.bincount(j, minlength=n)
    every = nodes.ravel()
    values = np.concatenate([np.full(2 * i.size, -1.0), degree])
    where = (np.concatenate([i, j, every]), np.concatenate([j, i, every]))
    return sp.csr_array(sp.coo_array((values, where), shape=(n, n)))


def laplacian_rank(L: Any) -> int:
    """Return the exact rank of a graph Laplacian: n minus the number of connected components."""
    graph = sp.csr_array(L, copy=True)
    graph.eliminate_zeros()
    return int(L.shape[0] - connected_components(graph, directed=False, return_labels=False))


def spiked_covariance(n: int, num_signals: int, rng: Any = None) -> GramOperator:
    """Return the noise-free covariance of n sensors that receive a known number of signals.

    The directions are random and orthonormal, the powers run from 1 to 4: the rank is
    `num_signals`, the other eigenvalues are exactly zero up to the rounding of the products.

    Parameters
    ----------
    n
        Sensors.
    num_signals
        The rank, at most n.
    rng
        int, SeedSequence or Generator.

    Returns
    -------
    GramOperator
        F F^T of shape (n, n), with F of shape (n, num_signals).

    Raises
    ------
    OptionError
        Where `num_signals` is outside [0, n].

    Examples
    --------
    >>> import numpy as np
    >>> from symrank import gallery
    >>> int(np.linalg.matrix_rank(gallery.spiked_covariance(20, 3, rng=0).to_dense()))
    3
    """
    if not 0 <= num_signals <= n:
        raise OptionError(f"num_signals={num_signals} is outside [0, n], n={n}.")
    directions, _ = np.linalg.qr(np.random.default_rng(rng).standard_normal((n, num_signals)))
    return gram(directions * np.sqrt(np.linspace(1.0, 4.0, num_signals)), side="rows")
