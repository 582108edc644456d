r"""One V-cycle of smoothed aggregation as a preconditioner; the hierarchy is pyamg's.

For the error of A x = r on each level, from x = 0:

    x = q(A) r,  x += P G_c P* (r - A x),  x += q(A) (r - A x)

q a polynomial smoother, the same before and after, so G is symmetric; it is positive definite if
1 - lambda q(lambda) lies in (-1, 1) on the spectrum of D^-1 A. q is Chebyshev's of degree DEGREE
for the upper part [lambda_max / UPPER, lambda_max] (M. Adams et al., J. Comput. Phys. 188, 2003).
The coarsest level is solved by a pseudo-inverse plus the identity on its null space: definite, too.
Blocks of columns go through together, which a cycle of pyamg's own does not offer.

A factor of G is at hand, with more columns than rows. With M = D^(-1/2) q(B) D^(-1/2), B = D^(-1/2)
A D^(-1/2), the cycle is

    G = D^(-1/2) p(B) D^(-1/2) + T G_c T*,   p = 2 q - lambda q^2,   T = (I - M A) P,

so that S (xi, xi_c) = D^(-1/2) sqrt(p)(B) xi + T S_c xi_c has S S* = G. For sqrt(p) stands its
Chebyshev interpolant c of degree ROOT_DEGREE. Both terms are semidefinite, so that an error of
eta = max |c / sqrt(p) - 1| is one of eta |xi| at most in the norm of G^(-1), over all levels.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg
import scipy.sparse as sp
import scipy.sparse.linalg as spla

from symrank.errors import MissingBackendError, OptionError
from symrank.operators.facts import Facts
from symrank.support.typing import Array, FloatArray

__all__ = ["VCycle", "cycle_of"]

DEGREE = 2  # of 1 - lambda q(lambda): a smoothing from zero takes DEGREE - 1 products
UPPER = 10.0  # what is softer than lambda_max / UPPER is left to the coarse levels
MARGIN = 1.1  # on the Ritz value: a smoother is no smoother for an eigenvalue beyond its range
RITZ_TOLERANCE = 1e-2  # well inside MARGIN
MAX_COARSE = 200  # unknowns of the coarsest level, whose inverse is dense
ORIGIN = 1e-9  # of the range: p there is p(0) to rounding
ROOT_DEGREE = 24  # eta is about 1e-8
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
    num_draws
        N, the columns of the factor S.
    draw_error
        eta, the error of `draw` relative to the length of its argument.
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
        self.coarsest_root = _symmetric_root(self.coarsest)
        self.num_draws = sum(level.A.shape[0] for level in self.levels) + self.coarsest.shape[0]
        roots = [_root(level.lambda_max) for level in self.levels]
        self.roots = [root for root, _ in roots]
        self.draw_error = max((eta for _, eta in roots), default=0.0)

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

    def draw(self, Xi: Array) -> Array:
        """Return S Xi for a real block Xi (N, k), in its dtype."""
        sizes = [level.A.shape[0] for level in self.levels]
        parts = np.split(Xi.astype(np.float64, copy=False), np.cumsum(sizes))
        X = self.coarsest_root @ parts[-1]
        for level, root, part in zip(
            self.levels[::-1], self.roots[::-1], parts[-2::-1], strict=True
        ):
            X = level.P @ X
            X -= _smooth(level, level.A @ X)
            X += _apply(level, root, part)
        return X.astype(Xi.dtype, copy=False)

    def _count(self, nnz: int) -> float:
        """Nonzeros multiplied by a cycle over those of A: smoothing, two residuals, transfers."""
        total = sum(
            (2 * (DEGREE - 1) + 2) * level.A.nnz + level.P.nnz + level.R.nnz
            for level in self.levels
        )
        return float(total + self.coarsest.size) / nnz


def cycle_of(facts: Facts, near_null: Array | None) -> VCycle:
    """Return the cycle for an operator whose entries are known and real; see `VCycle`."""
    entries = facts.stored
    if entries is None or entries.dtype.kind == "c":
        raise OptionError(
            'preconditioner="amg" needs the real entries of the matrix, and this '
            f"{facts.n}x{facts.n} operator has none. Pass an explicit matrix, or "
            "Preconditioner.from_products(product, n) with a cycle of your own."
        )
    return VCycle(entries, near_null)


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


def _residual(lam: FloatArray, high: float) -> FloatArray:
    """Return 1 - lambda q(lambda), what the smoother leaves of an eigenvector of D^-1 A."""
    low = high / UPPER
    centre, radius = 0.5 * (high + low), 0.5 * (high - low)
    chebyshev = np.polynomial.Chebyshev.basis(DEGREE)
    return np.asarray(chebyshev((centre - lam) / radius) / chebyshev(centre / radius))


def _root(high: float) -> tuple[FloatArray, float]:
    """Return the Chebyshev coefficients of sqrt(p) on [0, high], and eta."""

    def root(t: Any) -> Any:
        lam = np.maximum(0.5 * high * (t + 1.0), ORIGIN * high)
        return np.asarray(np.sqrt((1.0 - _residual(lam, high) ** 2) / lam))

    coefficients = np.polynomial.chebyshev.chebinterpolate(root, ROOT_DEGREE)
    t = np.cos(np.linspace(0.0, np.pi, 40 * ROOT_DEGREE))
    eta = np.abs(np.polynomial.chebyshev.chebval(t, coefficients) / root(t) - 1.0).max()
    return np.asarray(coefficients), float(eta)


def _apply(level: _Level, root: FloatArray, Xi: Array) -> Array:
    """Return D^(-1/2) c(B) Xi by the recurrence of Chebyshev's polynomials."""
    half, scale = np.sqrt(level.scaling)[:, None], 2.0 / level.lambda_max
    before, now = Xi, scale * half * (level.A @ (half * Xi)) - Xi
    total = root[0] * before + root[1] * now
    for coefficient in root[2:]:
        after = 2.0 * (scale * half * (level.A @ (half * now)) - now) - before
        total += coefficient * after
        before, now = now, after
    return np.asarray(half * total)


def _symmetric_root(G: Array) -> Array:
    """Return the square root of a definite matrix."""
    values, vectors = scipy.linalg.eigh((G + G.T) / 2)
    return np.asarray((vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T)


def _definite_inverse(A: Array, size: float) -> Array:
    """Return A^+ + (I - A A^+) / |A|: positive definite for a positive semidefinite A.

    Eigenvalues below SINGULAR of `size` are rounding, or the smallest of |A| are.
    """
    values, vectors = scipy.linalg.eigh((A + A.T) / 2)
    largest = max(float(np.abs(values).max(initial=0.0)), size)
    inverse = 1.0 / np.where(np.abs(values) > SINGULAR * largest, np.abs(values), largest)
    return np.asarray((vectors * inverse) @ vectors.T)
