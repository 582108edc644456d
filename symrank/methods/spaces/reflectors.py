r"""An orthonormal basis that grows by panels: Householder reflectors, applied in level 3.

Q = H_1 H_2 ... H_p, each H = I - V T V* a product of b reflectors (R. Schreiber and C. Van Loan,
SIAM J. Sci. Stat. Comput. 10, 1989), which act from row k on once k columns are known. For a new
panel Y

    Q* Y = [ C ]  k rows: what Q holds of it
           [ W ]  the rest: |W| = |(I - Q Q*) Y|.

The reflectors of W are the next panel. This is Gram-Schmidt "twice" for the price of once: Q is
orthonormal to rounding whatever the columns are, and nothing of a panel before is touched again.
Only a panel in which the range ends, as singular values of W say, is decomposed: W times its
leading right singular vectors is taken in place of W.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.linalg

from symrank.operators.gemm import gemm
from symrank.support.typing import Array

__all__ = ["Reflectors"]

CLEAR = 100.0  # times the least: a triangle with this on its diagonal is not decomposed


@dataclass
class Reflectors:
    """The basis Q (n, size) of all panels so far."""

    n: int
    dtype: np.dtype[Any]
    size: int = 0
    panels: list[tuple[int, Array, Array]] = field(default_factory=list)  # first row, V, T

    def turned(self, Y: Array) -> Array:
        """Return Q* Y, all n rows."""
        X = Y.copy()
        for start, V, T in self.panels:
            _reflect(X[start:], V, T.conj().T)
        return X

    def widen(self, W: Array, least: float) -> Array:
        """Take the panel whose last rows, turned, are W; return its coefficients, (more, b).

        Directions whose singular value is at most `least` are left out.
        """
        (factors, tau), R = scipy.linalg.qr(W, mode="raw", check_finite=False)
        keep = b = W.shape[1]
        if not np.abs(R.diagonal()).min() > CLEAR * least:
            _, values, right = np.linalg.svd(R[:b])
            keep = int((values > least).sum())
        if not keep:
            return np.empty((0, b), self.dtype)
        if keep < b:
            G = gemm(W, right[:keep].conj().T)
            (factors, tau), _ = scipy.linalg.qr(G, mode="raw", check_finite=False)
        V = np.tril(factors[:, :keep], -1)
        V[np.arange(keep), np.arange(keep)] = 1.0
        T = _triangle(V, tau)
        _reflect(W, V, T.conj().T)
        self.panels.append((self.size, V, T))
        self.size += keep
        return W[:keep].copy()

    def times(self, U: Array) -> Array:
        """Return Q U, (n, c), for U (size, c)."""
        X = np.zeros((self.n, U.shape[1]), self.dtype)
        X[: self.size] = U
        for start, V, T in reversed(self.panels):
            _reflect(X[start:], V, T)
        return X

    def basis(self) -> Array:
        """Return Q, (n, size)."""
        X = np.eye(self.n, self.size, dtype=self.dtype)
        for start, V, T in reversed(self.panels):
            _reflect(X[start:, start:], V, T)
        return X

    def complement(self) -> Array:
        """Return an orthonormal basis of what Q does not hold, (n, n - size)."""
        X = np.eye(self.n, dtype=self.dtype)[:, self.size :].copy()
        for start, V, T in reversed(self.panels):
            _reflect(X[start:], V, T)
        return X


def _reflect(X: Array, V: Array, T: Array) -> None:
    """Overwrite X by X - V T V* X."""
    X -= gemm(V, gemm(T, gemm(V.conj().T, X)))


def _triangle(V: Array, tau: Array) -> Array:
    """Return T of H_1 ... H_b = I - V T V*, by columns (LAPACK's larft)."""
    b = V.shape[1]
    S, T = gemm(V.conj().T, V), np.zeros((b, b), V.dtype)
    for j in range(b):
        T[j, j] = tau[j]
        T[:j, j] = -tau[j] * (T[:j, :j] @ S[:j, j])
    return T
