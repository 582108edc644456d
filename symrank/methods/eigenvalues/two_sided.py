r"""How many singular values of a long matrix are far above rounding, all others being far below.

No singular value is computed. A is m x n with m > n (else A^T; the conjugate has the same ones),
B = S A has few rows (`symrank.methods.eigenvalues.row_sketch`), and C = B D^-1 has columns of
length about one, D powers of two. Cholesky's factorisation with pivots of C^* C takes r columns J:
R^* R = C_J^* C_J + F, and T = R^-1 R^-* C_J^* C_K expresses the others, K, by them.

**At least r.** Leaving out columns or rows of S A lowers singular values, and |S x| <= |S| |x|, so

    sigma_r(A) >= min_J d_j (sqrt(sigma_min(R)^2 - |F|) - g) / |S|,                             (1)

    sigma_min(R) >= (1 - h) / |R^-1|_F,    h = 3 r u |R^-1|_F |R|_F < 1/2,

where rounding is bounded as it may come at worst (N. Higham, Accuracy and Stability, 2002,
sections 3.5, 10.1, 14.2): |F| <= sum over J of u (t_j + r + 4) |c_j|^2, t_j terms in a sum over the
rows of C; g <= u t |S| (sum over J of |a_j|^2 / d_j^2)^(1/2) with t terms in a sum of S A.

**At most r.** V and Q are orthonormal bases of the null space and the row space of [I, T] D, its
columns in the order J, K. By Courant and Fischer, and Eckart and Young, whatever V, Q and Y are,

    sigma_(r+1)(A) <= max |A V y| / |y| <= |A V|_F,        n - r columns,                        (2)
    sigma_(r+1)(A) <= |A - Y Q^*| <= |A - Y Q^*|_F,        r columns, twice, Y = fl(A Q).        (3)

That with less work is computed, in one pass over A. A product with a vector x errs by
10 eps |A| |x| (`symrank.spectrum.region`), so that of (2) or of Y and Q^* with k orthonormal ones,
in the norm of Frobenius, by 10 eps |A| sqrt k, which is added. T is refined on C: the Gram matrix
knows it to eps cond(C_J)^2, and T += R^-1 R^-* C_J^* (C_K - C_J T) multiplies the error by as much
(A. Bjorck, Linear Algebra Appl. 88/89, 1987).

|A| is at most |A|_F, and at least |A U| and |A^* A U|^(1/2) for orthonormal U, leading vectors of
B^* B. Whatever lies between (1) and (2) or (3) would be seen as an r that neither proves.
"""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.linalg
import scipy.sparse as sp

from symrank.methods.eigenvalues.row_sketch import Compressed, blocks, compressed
from symrank.operators.sums import multiply
from symrank.spectrum.region import PRODUCT_ERROR
from symrank.support.typing import Array, FloatArray

__all__ = ["ENTRIES", "TwoSided", "two_sided"]

EPS = float(np.finfo(np.float64).eps)
UNIT = 0.5 * EPS  # u
LEADING = 8  # vectors that bound |A| from below
POWERS = 8  # of B^* B that find them
TWICE = 2  # a vector of (3) takes as much as two of (2)
REFINED = 3  # times, at most
ENTRIES = 1 << 21  # of a block of rows, or of its product
SAFE = 0.999  # for the rounding of the bounds themselves, of lengths and of orthonormal bases
COMPLEX = 4.0  # a product of complex numbers errs by 2 sqrt(2) u at most, one of real ones by u


@dataclass(frozen=True, kw_only=True)
class TwoSided:
    """`rank` singular values are at least `above`, and all others at most `below`.

    Attributes
    ----------
    rank
        r, at most min(m, n).
    above
        The right side of (1).
    below
        The right side of (2) or (3) as computed.
    num_vectors
        Whose products were rounded in it.
    norms
        Bounds of |A|.
    shape
        m and n.
    is_modulus
        Whether each of them is one eigenvalue; else it is two, with both signs.
    """

    rank: int
    above: float
    below: float
    num_vectors: int
    norms: tuple[float, float]
    shape: tuple[int, int]
    is_modulus: bool = True

    def most_below(self, eps: float, norm: float) -> float:
        """Return what (2) or (3) proves for this |A|."""
        return self.below + PRODUCT_ERROR * eps * norm * math.sqrt(self.num_vectors)

    def times(self, unit: float) -> "TwoSided":
        """Return what is proved of a matrix of `unit` times these entries."""
        low, high = self.norms
        norms = unit * low, unit * high
        return replace(self, above=unit * self.above, below=unit * self.below, norms=norms)


def two_sided(
    tall: Any, unit: float, rng: np.random.Generator, far: float = 0.0
) -> TwoSided | None:
    """Return what (1) to (3) prove of `unit` times a matrix with more rows than columns.

    None where no column is far above rounding, or where (1) is at most `far` times |A|_F.
    """
    found = compressed(tall, unit, rng)
    m, n = tall.shape
    C, sizes = _balanced(found.matrix)
    gram = _gram(C)
    chosen = _cholesky(gram, _terms(found.matrix))
    if chosen is None:
        return None
    R, order = chosen
    r, most = len(R), math.sqrt(float(found.squares.sum())) * (1.0 + 1e-6)
    above = _above(R, _terms(C), gram, sizes, found, order)
    if not above > far * most:
        return None
    U, basis, is_range = _leading(gram, sizes, rng), None, False
    if r < n:
        T = scipy.linalg.solve_triangular(R[:, :r], R[:, r:])
        T = _refined(R[:, :r], T, C, order)
        is_range = TWICE * r < n - r and isinstance(tall, np.ndarray)
        basis = (_row_basis if is_range else _null_basis)(T, sizes, order)
    below, norm = _measured(tall, unit, U, basis, is_range=is_range)
    return TwoSided(
        rank=r,
        above=above,
        below=below,
        num_vectors=0 if basis is None else basis.shape[1],
        norms=(norm, most),
        shape=(m, n),
    )


def _balanced(B: Any) -> tuple[Any, FloatArray]:
    """Return C = B D^-1 and the diagonal of D; without entries a column has d = 1."""
    if isinstance(B, np.ndarray):
        size = np.abs(B).max(axis=0, initial=0.0)
    else:
        size = np.asarray(abs(B).max(axis=0).toarray(), np.float64).ravel()
    d = _powers(size)
    C = _divided(B, d)
    length = np.sqrt(_diagonal(C))  # in [1, sqrt m], as the largest entry lies in [1, 2)
    e = _powers(length)
    return _divided(C, e), d * e


def _powers(size: FloatArray) -> FloatArray:
    """Return powers of two, at most `size` and above half of it."""
    return np.where(size > 0.0, np.ldexp(1.0, np.frexp(size)[1] - 1), 1.0)


def _divided(B: Any, d: FloatArray) -> Any:
    """Return B D^-1, exactly but for what underflows."""
    if isinstance(B, np.ndarray):
        return np.asfortranarray(B / d)
    return sp.csr_array((B.data / d[B.indices], B.indices, B.indptr), shape=B.shape)


def _diagonal(C: Any) -> FloatArray:
    if not isinstance(C, np.ndarray):
        size = np.square(np.abs(C.data)).astype(np.float64)
        return np.bincount(C.indices, weights=size, minlength=C.shape[1]).astype(np.float64)
    return np.asarray(np.einsum("ij,ij->j", C, C.conj()).real)


def _terms(B: Any) -> FloatArray:
    """Return the terms of a sum over the rows of a column; of two columns, the fewer."""
    m, n = B.shape
    number = np.full(n, m) if isinstance(B, np.ndarray) else np.bincount(B.indices, minlength=n)
    return (COMPLEX if B.dtype.kind == "c" else 1.0) * np.asarray(number, np.float64)


def _gram(C: Any) -> Array:
    if isinstance(C, np.ndarray):
        return np.asarray(C.conj().T @ C)
    return np.asarray((C.conj().T @ C).toarray())


def _cholesky(gram: Array, terms: FloatArray) -> tuple[Array, Array] | None:
    """Return [R, R^-* C_J^* C_K], the factor and the rest of its rows, and the order J, K."""
    pstrf: Any = scipy.linalg.get_lapack_funcs("pstrf", (gram,))
    tol = UNIT * float(terms.max()) * float(gram.diagonal().real.max())
    factor, pivots, r, info = pstrf(gram, tol=tol, lower=0)
    if info < 0 or not r or not np.isfinite(factor[:r]).all():
        return None
    return np.triu(factor[:r]), np.asarray(pivots) - 1


def _above(
    R: Array, terms: FloatArray, gram: Array, sizes: FloatArray, found: Compressed, order: Array
) -> float:
    """Return the right side of (1), at least zero."""
    r = len(R)
    J, R = order[:r], np.asfortranarray(R[:, :r])
    trtri: Any = scipy.linalg.get_lapack_funcs("trtri", (R,))
    inverse, info = trtri(R, lower=0)
    size = float(np.linalg.norm(inverse)) if not info else math.inf
    each = COMPLEX if R.dtype.kind == "c" else 1.0
    h = 3.0 * each * r * UNIT * size * float(np.linalg.norm(R))
    if not h < 0.5:
        return 0.0
    lengths = gram.diagonal().real[J]
    F = float((UNIT * (terms[J] + each * (r + 4.0)) * lengths).sum()) * 1.01
    least = ((1.0 - h) / size) ** 2 - F
    if least <= 0.0:
        return 0.0
    g = UNIT * each * found.num_terms * found.stretch
    g *= math.sqrt(float((found.squares[J] / sizes[J] ** 2).sum()))
    return max(0.0, SAFE * float(sizes[J].min()) * (math.sqrt(least) - g) / found.stretch)


def _refined(R: Array, T: Array, C: Any, order: Array) -> Array:
    """Return T, better by steps of the seminormal equations."""
    for _ in range(REFINED):
        rest = (_rest_dense if isinstance(C, np.ndarray) else _rest_sparse)(C, T, order)
        step = scipy.linalg.solve_triangular(R, rest, trans="C")
        step = scipy.linalg.solve_triangular(R, step)
        T = T + step
        if np.linalg.norm(step) <= math.sqrt(EPS) * np.linalg.norm(T):
            break
    return T


def _rest_dense(C: Array, T: Array, order: Array) -> Array:
    """Return C_J^* (C_K - C_J T)."""
    J, K = C[:, order[: len(T)]], C[:, order[len(T) :]]
    return np.asarray(J.conj().T @ (K - J @ T))


def _rest_sparse(C: Any, T: Array, order: Array) -> Array:
    """Return the same by blocks of rows: to pick columns of a sparse matrix takes longer."""
    V = np.empty((len(order), T.shape[1]), T.dtype)
    V[order] = np.concatenate([-T, np.eye(T.shape[1], dtype=T.dtype)])
    rest = np.zeros_like(V)
    for _, block in blocks(C, 1.0, _height(C, V)):
        rest += block.conj().T @ (block @ V)
    return rest[order[: len(T)]]


def _null_basis(T: Array, sizes: FloatArray, order: Array) -> Array:
    """Return an orthonormal basis of the null space of [I, T] D, rows in their own order."""
    U = _in_units(T, sizes, order)
    return _orthonormal(np.concatenate([-U, np.eye(U.shape[1], dtype=U.dtype)]), order)


def _row_basis(T: Array, sizes: FloatArray, order: Array) -> Array:
    """Return an orthonormal basis of the row space of [I, T] D."""
    U = _in_units(T, sizes, order)
    return _orthonormal(np.concatenate([np.eye(len(U), dtype=U.dtype), U.conj().T]), order)


def _in_units(T: Array, sizes: FloatArray, order: Array) -> Array:
    """Return D_J^-1 T D_K."""
    d, e = sizes[order[: len(T)]], sizes[order[len(T) :]]
    return np.asarray(T * (e / d[:, None]))


def _orthonormal(X: Array, order: Array) -> Array:
    Q = scipy.linalg.qr(X, mode="economic", overwrite_a=True, check_finite=False)[0]
    V: Array = np.empty_like(Q)
    V[order] = Q
    return V


def _leading(gram: Array, sizes: FloatArray, rng: np.random.Generator) -> Array:
    """Return orthonormal vectors that B^* B = D C^* C D stretches most, a few."""
    d = sizes / sizes.max()
    U = rng.standard_normal((d.size, min(LEADING, d.size))).astype(gram.dtype)
    for _ in range(POWERS):
        U = np.linalg.qr(d[:, None] * (gram @ (d[:, None] * U)))[0]
    return U


def _measured(
    tall: Any, unit: float, U: Array, basis: Array | None, *, is_range: bool
) -> tuple[float, float]:
    """Return the norm of (2), or of (3), and a lower bound of |A| from A U and A^* A U."""
    k = 0 if basis is None else basis.shape[1]
    V = U if basis is None else np.concatenate([basis, U], axis=1)
    across = None if basis is None or not is_range else np.ascontiguousarray(basis.conj().T)
    total, small = 0.0, np.zeros((U.shape[1],) * 2, V.dtype)
    back = np.zeros_like(U)
    for _, block in blocks(tall, unit, _height(tall, V)):
        W = multiply(block, V)
        rest = W[:, :k] if across is None else block - multiply(W[:, :k], across)
        total += float(np.linalg.norm(rest)) ** 2
        Y = np.ascontiguousarray(W[:, k:])
        small += Y.conj().T @ Y
        back += block.conj().T @ Y
    largest = float(np.linalg.norm(small, 2))
    norm = max(math.sqrt(largest), math.sqrt(float(np.linalg.norm(back, 2))))
    return math.sqrt(total) / SAFE, norm * (1.0 - 1e-8)


def _height(A: Any, V: Array) -> int:
    """Return the rows of a block that is multiplied by V, of which the product is dense."""
    n, k = A.shape[1], V.shape[1]
    return int(max(1, ENTRIES // max(k, n if isinstance(A, np.ndarray) else 1)))
