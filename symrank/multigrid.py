r"""One V-cycle of smoothed aggregation as a preconditioner; the hierarchy is pyamg's.

For the error of A x = r on each level, from x = 0:

    x = q(A) r,  x += P G_c P* (r - A x),  x += q(A) (r - A x)

q a polynomial smoother, the same before and after, so G is symmetric; it is positive definite if
1 - lambda q(lambda) lies in (-1, 1) on the spectrum of D^-1 A. q is Chebyshev's of degree DEGREE
for the upper part [lambda_max / UPPER, lambda_max] (M. Adams et al., J. Comput. Phys. 188, 2003).
The coarsest level is solved by a pseudo-inverse plus the identity on its null space: definite, too.
Blocks of columns go through together, which a cycle of pyamg's own does not offer.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg
import scipy.sparse as sp
import scipy.sparse.linalg as spla

from symrank._typing import Array, FloatArray
from symrank.errors import MissingBackendError

__all__ = ["VCycle"]

DEGREE = 2
UPPER = 10.0
MARGIN = 1.1  # on the Ritz value: a smoother is no smoother for an eigenvalue beyond its range
RITZ_TOLERANCE = 1e-2
MAX_COARSE = 200
SINGULAR = 1e-10  # relative to |R||A||P|: what is below on a coarse level is rounding


@dataclass
class _Level:
    A: Any
    scaling: FloatArray  # (n,), 1 / diag(A)
    lambda_max: float  # of D^-1 A
    P: Any
    R: Any


class VCycle:
    """``G R`` for a block R; symmetric positive definite.

    Parameters
    ----------
    A
        Real symmetric matrix, sparse or dense. Where its diagonal shows that it is indefinite, the
        cycle is that of the Laplacian of the weights |a_ij|.
    near_null
        (n, c) what A almost annihilates; None for the constant vector.

    Attributes
    ----------
    work
        Multiplications of a cycle on one column, in products with A.
    """

    def __init__(self, A: Any, near_null: Array | None = None) -> None:
        try:
            import pyamg
        except ModuleNotFoundError as error:
            raise MissingBackendError(
                'preconditioner="amg" needs pyamg. Run pip install "symrank-linalg[amg]".'
            ) from error
        matrix = _comparison(sp.csr_matrix(A).astype(np.float64))
        largest = float(np.abs(matrix.data).max(initial=0.0))
        self.scale = 2.0 ** -np.frexp(largest)[1] if largest else 1.0
        with _repeatable():
            hierarchy = pyamg.smoothed_aggregation_solver(
                matrix * self.scale,
                B=near_null,
                symmetry="symmetric",
                max_coarse=MAX_COARSE,
                coarse_solver="pinv",
            )
        self.levels = []
        size = hierarchy.levels[0].A.diagonal()
        for level in hierarchy.levels[:-1]:
            self.levels.append(_level(level, size))
            size = (abs(level.R) @ abs(level.A) @ abs(level.P)).diagonal()
        self.coarsest = _definite_inverse(hierarchy.levels[-1].A.toarray(), float(size.max()))
        self.work = self._count(max(matrix.nnz, 1))

    def __call__(self, R: Array) -> Array:
        """Return G R in the dtype of R."""
        wide = R.astype(np.float64, copy=False) if R.dtype.kind != "c" else R
        if wide.dtype.kind == "c":
            parts = np.ascontiguousarray(wide.real), np.ascontiguousarray(wide.imag)
            return np.asarray(self._cycle(0, parts[0]) + 1j * self._cycle(0, parts[1])).astype(
                R.dtype
            )
        return self._cycle(0, np.ascontiguousarray(wide)).astype(R.dtype, copy=False)

    def _cycle(self, depth: int, R: Array) -> Array:
        if depth == len(self.levels):
            return np.asarray(self.coarsest @ R)
        level = self.levels[depth]
        X = _smooth(level, R)
        X += level.P @ self._cycle(depth + 1, level.R @ (R - level.A @ X))
        X += _smooth(level, R - level.A @ X)
        return X

    def _count(self, nnz: int) -> float:
        """Nonzeros multiplied by a cycle over those of A: smoothing, two residuals, transfers."""
        total = sum(
            (2 * (DEGREE - 1) + 2) * level.A.nnz + level.P.nnz + level.R.nnz
            for level in self.levels
        )
        return float(total + self.coarsest.size) / nnz


def _comparison(A: Any) -> Any:
    """Return A, or for an A that a diagonal entry shows to be indefinite a semidefinite stand-in.

    It is the Laplacian of the weights |a_ij|, and more where |a_ii| is larger: G of this is
    definite, and fit for MINRES.
    """
    if (A.diagonal() > 0.0).all():
        return A
    weights = np.abs(A)
    weights.setdiag(0.0)
    weights.eliminate_zeros()
    degree = np.asarray(weights.sum(axis=1)).ravel()
    diagonal = np.maximum(degree, np.abs(A.diagonal()))
    diagonal[diagonal == 0.0] = 1.0 if not A.nnz else float(np.abs(A.data).max())
    if (A.diagonal() >= 0.0).all() and (degree[A.diagonal() == 0.0] == 0.0).all():
        return A + sp.diags(np.where(A.diagonal() == 0.0, diagonal, 0.0))  # empty rows alone
    return sp.csr_matrix(sp.diags(diagonal) - weights)


@contextmanager
def _repeatable() -> Iterator[None]:
    """Make the draws of pyamg, which are from NumPy's global stream, the same every time."""
    before = np.random.get_state()  # noqa: NPY002
    np.random.seed(0)  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(before)  # noqa: NPY002


def _level(level: Any, size: FloatArray) -> _Level:
    """Prepare the smoother; `size` is the diagonal of |R||A||P|, to which rounding is relative.

    A component of a graph that has shrunk to one coarse node has a row of nothing but rounding.
    """
    A = sp.csr_array(level.A)
    diagonal = A.diagonal()
    scaling = 1.0 / np.where(diagonal > SINGULAR * size, diagonal, size)
    lam = max(_largest_eigenvalue(A, np.sqrt(scaling)), np.finfo(np.float64).tiny)
    return _Level(A, scaling, lam, sp.csr_array(level.P), sp.csr_array(level.R))


def _largest_eigenvalue(A: Any, root: FloatArray) -> float:
    """Bound lambda_max of D^-1 A: a Ritz value and a margin, or Gershgorin's bound if smaller."""
    scaled = sp.diags_array(root) @ A @ sp.diags_array(root)
    gershgorin = float(abs(scaled).sum(axis=1).max())
    start = np.random.default_rng(0).standard_normal(A.shape[0])
    value = spla.eigsh(
        scaled, k=1, which="LA", v0=start, tol=RITZ_TOLERANCE, return_eigenvectors=False
    )
    return min(gershgorin, MARGIN * float(value[0]))


def _smooth(level: _Level, R: Array) -> Array:
    """Return q(D^-1 A) D^-1 R: Chebyshev's iteration from zero."""
    high = level.lambda_max
    low = high / UPPER
    centre, radius = 0.5 * (high + low), 0.5 * (high - low)
    scaling = level.scaling[:, None]
    step = scaling * R / centre
    X = step.copy()
    rho = radius / centre
    for _ in range(DEGREE - 1):
        rho_next = 1.0 / (2.0 * centre / radius - rho)
        residual = scaling * (R - level.A @ X)
        step = rho_next * rho * step + (2.0 * rho_next / radius) * residual
        X += step
        rho = rho_next
    return X


def _definite_inverse(A: Array, size: float) -> Array:
    """Return A^+ + (I - A A^+) / |A|: positive definite for a positive semidefinite A.

    Eigenvalues below SINGULAR of `size` are rounding, or the smallest of |A| are.
    """
    values, vectors = scipy.linalg.eigh((A + A.T) / 2)
    largest = max(float(np.abs(values).max(initial=0.0)), size)
    inverse = 1.0 / np.where(np.abs(values) > SINGULAR * largest, np.abs(values), largest)
    return np.asarray((vectors * inverse) @ vectors.T)
