r"""How operators are made from eigenvalues, and what is then known of them.

A diagonal has exactly its spectrum. A rotated matrix is H D H with H a product of REFLECTORS
Householder reflections, computed in extended precision and rounded once, so that (Weyl)

    |lambda_i - lam_i| <= |E| <= |E|_F <= (eps/2) |A|_F + drift <= (eps/2) sqrt(n) |A| + drift,

drift = the rounding of extended precision. A rectangular factor of singular values s is rounded
once as well: |s_i - sigma_i| <= delta = (eps/2) sqrt(n) s_max + drift, and its Gram operator has
eigenvalues within 2 sigma delta + delta^2 of sigma^2.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as spla
from scipy.sparse.csgraph import connected_components

from symrank import augmented, gallery, gram, kron
from symrank.methods.eigenvalues import long
from symrank.operators import Congruent, Operator, PaddedMatrix, Scaled, as_operator, shift
from symrank.preconditioners import Preconditioner
from tests.adversary.problems import Problem

REFLECTORS = 3
NOISE = 1e-8  # relative error of a product of the noisy operator
PRODUCT_ERROR = 10.0  # eps |A||x|: what the package's floor allows a product
SIDE, TALL = 12, 20_000  # of the grid, and rows of the tall factor


def eps_of(dtype: Any) -> float:
    return float(np.finfo(dtype).eps)


SINGLE_EPS = eps_of(np.float32)


def rotation(n: int, rng: np.random.Generator, *, is_complex: bool) -> Callable[[Any], Any]:
    """Return X -> H X in extended precision, H a product of reflections."""
    unit = []
    for _ in range(REFLECTORS):
        v = rng.standard_normal(n).astype(np.longdouble)
        v = v + 1j * rng.standard_normal(n) if is_complex else v
        unit.append(v / np.sqrt((np.abs(v) ** 2).sum()))

    def multiply(X: Any) -> Any:
        for v in unit:
            X = X - 2 * np.outer(v, (v.conj()[:, None] * X).sum(axis=0))
        return X

    return multiply


def drift(n: int) -> float:
    """Bound the relative error of the rotations in extended precision."""
    return 64.0 * REFLECTORS * n * float(np.finfo(np.longdouble).eps)


def bracket(lam: np.ndarray, error: float) -> dict[str, np.ndarray]:
    return {"low": lam - error, "high": lam + error}


def csr(values: np.ndarray) -> Any:
    """Return the diagonal matrix in the dtype of its values, zeros stored."""
    index = np.arange(values.size + 1)
    return sp.csr_array((values, index[:-1], index), shape=(values.size, values.size))


def diagonal(lam: np.ndarray, level: float, dtype: Any = np.float64) -> Problem:
    """Return diag(lam) as CSR; entries that `dtype` rounds are the eigenvalues."""
    values = lam.astype(dtype)
    A = csr(values)
    exact = values.real.astype(np.float64)
    null = np.eye(lam.size)[:, lam == 0.0]
    return Problem(
        A=A, low=exact, high=exact, eps=eps_of(dtype), level=level, order=lam.size,
        null=null if null.shape[1] else None, diagonal=exact,
    )  # fmt: skip


def rotated(lam: np.ndarray, level: float, rng: Any, dtype: Any = np.float64) -> Problem:
    """Return H diag(lam) H* as a dense matrix."""
    n, is_complex = lam.size, np.dtype(dtype).kind == "c"
    H = rotation(n, rng, is_complex=is_complex)
    A = H(H(np.diag(lam.astype(np.longdouble))).conj().T)
    A = ((A + A.conj().T) / 2).astype(dtype)
    norm = float(np.abs(lam).max(initial=0.0))
    error = (0.5 * eps_of(dtype) * np.sqrt(n) + drift(n)) * norm
    null = H(np.eye(n, dtype=np.longdouble)[:, lam == 0.0]).astype(np.result_type(dtype, float))
    return Problem(
        A=A, **bracket(lam, error), eps=eps_of(dtype), level=level, order=n,
        null=null if null.shape[1] else None,
    )  # fmt: skip


def pairs(lam: np.ndarray, level: float, rng: Any) -> Problem:
    """Return sparse 2 x 2 blocks [[a, b], [b, a]] of eigenvalues a + b and a - b, permuted."""
    n = lam.size
    order = rng.permutation(n)
    x, y = lam[order[0 : n - 1 : 2]], lam[order[1::2]]
    a, b = 0.5 * x + 0.5 * y, 0.5 * x - 0.5 * y
    A = sp.lil_array((n, n))
    where = rng.permutation(n)
    for j in range(n // 2):
        i, k = where[2 * j], where[2 * j + 1]
        A[i, i], A[k, k], A[i, k], A[k, i] = a[j], a[j], b[j], b[j]
    if n % 2:
        A[where[-1], where[-1]] = lam[order[-1]]
    error = eps_of(float) * float(np.abs(lam).max(initial=0.0))
    return Problem(
        A=A.tocsr(), **bracket(lam, error), eps=eps_of(float), level=level, order=n
    )  # fmt: skip


def padded(lam: np.ndarray, level: float, rng: Any) -> Problem:
    """Return `pairs` among twice as many empty rows, which are not stored."""
    block = pairs(lam, level, rng)
    part, n = block.A.tocoo(), 3 * lam.size
    where = rng.permutation(n)[: lam.size]
    whole = sp.coo_array((part.data, (where[part.row], where[part.col])), shape=(n, n))
    ends = {name: np.pad(getattr(block, name), (0, n - lam.size)) for name in ("low", "high")}
    A = PaddedMatrix.from_coo(whole)
    return Problem(A=A, **ends, eps=block.eps, level=level, order=A.block.shape[0])


def integers(lam: np.ndarray, level: float, rng: Any) -> Problem:
    """Return a diagonal of 64-bit integers, the spectrum times 2^44 rounded."""
    values = np.rint(lam * 2.0**44).astype(np.int64)
    A = csr(values)
    exact = values.astype(np.float64)
    return Problem(
        A=A, low=exact, high=exact, eps=eps_of(float), level=level * 2.0**44, order=lam.size,
        diagonal=exact,
    )  # fmt: skip


def by_products(problem: Problem, wrap: Callable[[Any], Any]) -> Problem:
    """Hide the entries."""
    fields = {**problem.__dict__, "A": wrap(problem.A), "diagonal": None}
    return Problem(**fields)


class Plain(Operator):
    """An operator of one's own: an array and nothing else."""

    def __init__(self, A: Any) -> None:
        super().__init__(A.shape, A.dtype, name="own")
        self.array = A

    def _matmat(self, X: Any) -> Any:
        return np.asarray(self.array @ X)


def own(lam: np.ndarray, level: float, rng: Any) -> Problem:
    return by_products(rotated(lam, level, rng), Plain)


class Noisy(Plain):
    """Products that err by NOISE |A||x|, the same for the same x, and say so."""

    noise = NOISE

    def __init__(self, A: Any, norm: float) -> None:
        super().__init__(A)
        self.norm = norm

    def _matmat(self, X: Any) -> Any:
        Y = super()._matmat(X)
        size = np.linalg.norm(X, axis=0)
        phase = 1e6 * X / np.where(size > 0.0, size, 1.0) + np.arange(self.n)[:, None]
        return Y + NOISE * self.norm * size * np.sin(phase) / np.sqrt(self.n)


def noisy(lam: np.ndarray, level: float, rng: Any) -> Problem:
    problem = rotated(lam, level, rng)
    norm = float(np.abs(lam).max(initial=0.0))
    found = by_products(problem, lambda A: Noisy(A, norm))
    return Problem(**{**found.__dict__, "eps": NOISE / PRODUCT_ERROR, "null": None})


def linear_operator(lam: np.ndarray, level: float, rng: Any) -> Problem:
    def wrap(A: Any) -> Any:
        return spla.LinearOperator(A.shape, matvec=lambda x: A @ x, dtype=A.dtype)

    return by_products(diagonal(lam, level), wrap)


def factor_of(sigma: np.ndarray, m: int, rng: Any, dtype: Any) -> tuple[np.ndarray, float]:
    """Return an (m, n) matrix with these n singular values, m >= n, and their error."""
    n = sigma.size
    F = np.zeros((m, n), dtype=np.longdouble)
    F[np.arange(n), np.arange(n)] = sigma
    F = rotation(m, rng, is_complex=False)(F)
    F = rotation(n, rng, is_complex=False)(F.T).T
    norm = float(sigma.max(initial=0.0))
    return F.astype(dtype), (0.5 * eps_of(dtype) * np.sqrt(n) + drift(m)) * norm


def gram_of(side: str, dtype: Any = np.float64, wrap: Any = np.asarray) -> Callable[..., Problem]:
    """Return a maker of F* F (columns) or F F* (rows, with zeros more)."""

    def make(lam: np.ndarray, level: float, rng: Any) -> Problem:
        n, m = lam.size, lam.size + 1 + lam.size // 2
        sigma = np.sqrt(lam)
        F, delta = factor_of(sigma, m, rng, dtype)
        error = 2.0 * sigma * delta + delta**2
        low, high = np.maximum(lam - error, 0.0), lam + error
        more = np.zeros(0 if side == "columns" else m - n)
        return Problem(
            A=gram(wrap(F), side), low=np.append(low, more), high=np.append(high, more),
            eps=eps_of(dtype), level=level, order=n, is_squared=True,
        )  # fmt: skip

    return make


def rectangle(
    wrap: Any = np.asarray, dtype: Any = np.float64, more: int = 0
) -> Callable[..., Problem]:
    """Return a maker of a tall matrix with these singular values, of `more` rows than columns."""

    def make(lam: np.ndarray, level: float, rng: Any) -> Problem:
        m = lam.size + 1 + (more or lam.size // 2)
        F, delta = factor_of(lam, m, rng, dtype)
        return Problem(
            A=wrap(F), low=np.maximum(lam - delta, 0.0), high=lam + delta, eps=eps_of(dtype),
            level=level, order=m,
        )  # fmt: skip

    return make


@contextmanager
def all_long_ones_tried() -> Iterator[None]:
    """Try matrices as well whose singular values would take no time."""
    with mock.patch.multiple(long, WORTH=-1.0, GAIN=float("inf")):
        yield


def triangles(lam: np.ndarray, level: float, rng: Any) -> Problem:
    """Return a sparse tall matrix of blocks [[g, x - y], [0, g]], g^2 = x y, permuted.

    Their singular values are x and y. Every fourth block has its rows twice, times the root of
    1/2, which leaves them as they are.
    """
    blocks = [
        np.tile(np.sqrt(0.5) * block, (2, 1)) if j % 4 == 1 else block
        for j, block in enumerate(pairs_of(lam))
    ]
    F = sp.csr_array(sp.block_diag([*blocks, np.zeros((1, 0))]))
    F.eliminate_zeros()
    return permuted(F, lam, level, rng, error=8.0)


def pairs_of(lam: np.ndarray) -> list[np.ndarray]:
    """Return blocks [[g, x - y], [0, g]], g^2 = x y, of the largest and least, and so on."""
    n = lam.size
    big, small = np.sort(lam)[::-1][: (n + 1) // 2], np.sort(lam)[: n // 2]
    blocks = []
    for j, x in enumerate(big.tolist()):
        if j < small.size:
            g = np.sqrt(x) * np.sqrt(small[j])
            blocks.append(np.array([[g, x - small[j]], [0.0, g]]))
        else:
            blocks.append(np.array([[x]]))
    return blocks


def permuted(F: Any, lam: np.ndarray, level: float, rng: Any, error: float) -> Problem:
    """Return a sparse tall matrix with its rows and columns permuted.

    Its singular values are `lam`, up to `error` eps of the largest.
    """
    F = F[rng.permutation(F.shape[0])][:, rng.permutation(lam.size)]
    error *= eps_of(float) * float(lam.max(initial=0.0))
    return Problem(
        A=F, low=np.maximum(lam - error, 0.0), high=lam + error, eps=eps_of(float), level=level,
        order=F.shape[0],
    )  # fmt: skip


def long_blocks(lam: np.ndarray, level: float, rng: Any) -> Problem:
    """Return a sparse matrix 2.5 times as long as wide, of the blocks of `triangles` turned.

    Each of them is multiplied by 5 orthonormal rows of its own, so that none is a multiple of
    another.
    """
    blocks = []
    for block in pairs_of(lam):
        turn, _ = np.linalg.qr(rng.standard_normal((5, len(block))))
        blocks.append(turn @ block)
    F = sp.csr_array(sp.block_diag([*blocks, np.zeros((1, 0))]))
    return permuted(F, lam, level, rng, error=32.0)


def augmented_of(lam: np.ndarray, level: float, rng: Any) -> Problem:
    """Return [[0, F], [F*, 0]] with singular values |lam|: eigenvalues +- |lam|."""
    sigma = np.abs(lam)
    n, m = sigma.size, sigma.size + 1 + sigma.size // 2
    F, delta = factor_of(sigma, m, rng, np.float64)
    low, high = np.maximum(sigma - delta, 0.0), sigma + delta
    more = np.zeros(m - n)
    return Problem(
        A=augmented(F), low=np.concatenate([low, -high, more]),
        high=np.concatenate([high, -low, more]), eps=eps_of(float), level=level, order=n,
    )  # fmt: skip


def kronecker(lam: np.ndarray, level: float, rng: Any) -> Problem:
    """Return diag(1, 1/2, 0) x a rotated matrix."""
    inner = rotated(lam, level, rng)
    outer = np.array([1.0, 0.5, 0.0])
    return Problem(
        A=kron(np.diag(outer), inner.A), low=np.outer(outer, inner.low).ravel(),
        high=np.outer(outer, inner.high).ravel(), eps=inner.eps, level=level,
        order=3 * lam.size,
    )  # fmt: skip


def scaled(lam: np.ndarray, level: float, rng: Any) -> Problem:
    return by_products(
        rotated(4.0 * lam, level, rng), lambda A: Scaled(as_operator(A), 0.25)
    ).under(0.25, 0.25)


def shifted(lam: np.ndarray, level: float, rng: Any) -> Problem:
    """Return (D + c I) - c I, c = |D|: products with twice the norm, so twice the rounding."""
    c = float(np.abs(lam).max(initial=0.0))
    problem = diagonal(lam, level)
    inner = diagonal(lam + c, level)
    hidden = by_products(inner, lambda A: shift(Plain(A), c))
    error = eps_of(float) * c  # of lam + c
    return Problem(**{**hidden.__dict__, **bracket(problem.low, error), "null": None})


def congruent(lam: np.ndarray, level: float, rng: Any) -> Problem:
    """Return S (S^-1 D S^-1) S as products, S of powers of two: no rounding at all."""
    root = 2.0 ** rng.integers(-2, 3, lam.size)
    factor = Preconditioner.from_factor(csr(root)).factor
    problem = diagonal(lam, level)
    inner = csr(lam / root**2)
    return by_products(problem, lambda A: Congruent(as_operator(inner), factor))


def grid_with_holes(lam: np.ndarray, level: float, rng: Any) -> Problem:
    """Return a graph Laplacian: zeros by its components, the rest by LAPACK and its rounding."""
    A = gallery.grid_laplacian((SIDE, SIDE), 0.45, rng)
    count, label = connected_components(A)
    found = np.linalg.eigvalsh(A.toarray())
    error = 10.0 * SIDE * eps_of(float) * float(found[-1])
    low, high = found - error, found + error
    low[:count] = high[:count] = 0.0
    null = (label[:, None] == np.arange(count)).astype(float)
    return Problem(
        A=A, low=low, high=high, eps=eps_of(float), level=8.0 * level, order=SIDE**2, null=null
    )  # fmt: skip


def tall_float32(lam: np.ndarray, level: float, rng: Any) -> Problem:
    """Return F* F of rank 2 whose long sums of like terms err by far more than eps.

    Entries have 10 bits, so that columns add and entries square without rounding.
    """
    x = np.full(TALL, 103.0 / 1024.0)
    y = np.where(np.arange(TALL) % 2, 307.0 / 1024.0, 211.0 / 1024.0)
    F = np.stack([x, y, x + y], axis=1)
    found = np.linalg.eigvalsh(F.T @ F)
    error = TALL * eps_of(float) * float(found[-1])
    low, high = found - error, found + error
    low[0] = high[0] = 0.0
    return Problem(
        A=gram(sp.csr_array(F.astype(np.float32))), low=low, high=high, eps=SINGLE_EPS,
        level=2.0 * level * float(found[-1]), order=3, is_squared=True,
    )  # fmt: skip
