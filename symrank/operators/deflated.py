r"""An operator on the orthogonal complement of known null vectors.

Q (n, k) orthonormal with A Q = 0. Householder's H maps its span to the first k coordinates, and
with U the last n - k columns of H, U* A U is A on the complement, of order n - k: its rank is that
of A, and k fewer zeros are left to be told from small eigenvalues. H = I - V T V* in compact form
(R. Schreiber and C. Van Loan, SIAM J. Sci. Stat. Comput. 10, 1989): 8 n k flops per vector.
"""

import numpy as np
import numpy.typing as npt
import scipy.linalg

from symrank.errors import OptionError
from symrank.operators.base import Operator
from symrank.operators.facts import Facts
from symrank.operators.gemm import gemm
from symrank.support.typing import Array

__all__ = ["Deflated"]

INDEPENDENT = 1e-8  # least |diagonal of R| over the largest: below, vectors are dependent


class Deflated(Operator):
    """``U* A U`` for an orthonormal basis U of what is orthogonal to `vectors`.

    Parameters
    ----------
    base
        A, (n, n).
    vectors
        (n, k), independent null vectors of A, k < n; they need not be orthonormal.

    Raises
    ------
    OptionError
        Where the shape does not fit, or the vectors are not finite or dependent.
    """

    def __init__(self, base: Operator, vectors: npt.ArrayLike) -> None:
        try:
            Q = np.asarray(vectors)
        except (ValueError, TypeError) as error:  # rows of different lengths; an array of a device
            raise OptionError(f"deflate is no array: {error}. Pass an (n, k) array.") from error
        if Q.dtype.kind not in "biufc":
            raise OptionError(f"deflate holds {Q.dtype}, no numbers. Pass an (n, k) array.")
        if Q.ndim == 1:
            Q = Q[:, None]
        n, k = base.n, Q.shape[1] if Q.ndim == 2 else 0
        if Q.ndim != 2 or Q.shape[0] != n or not 0 < k < n:
            raise OptionError(
                f"deflate has shape {Q.shape}, and null vectors of a {n}x{n} operator are the "
                f"columns of an ({n}, k) array with 0 < k < {n}."
            )
        if not np.isfinite(Q).all():
            raise OptionError("deflate holds infinities or NaN. Pass finite null vectors.")
        if Q.dtype.kind == "c" and base.dtype.kind != "c":
            raise OptionError(f"deflate is {Q.dtype}, the operator {base.dtype}: pass real ones.")
        wide = np.complex128 if base.dtype.kind == "c" else np.float64
        Q = Q.astype(wide) / np.maximum(np.linalg.norm(Q, axis=0), np.finfo(float).tiny)
        (raw, tau), R = scipy.linalg.qr(Q, mode="raw")
        size = np.abs(np.diag(R[:k]))
        if not size.min() > INDEPENDENT * size.max():
            raise OptionError(
                "deflate holds vectors that depend on each other. Pass a basis, for example the "
                "first factor of numpy.linalg.qr of independent columns."
            )
        V = np.tril(raw[:, :k], -1)
        V[np.arange(k), np.arange(k)] = 1.0
        super().__init__(
            (n - k, n - k),
            base.dtype,
            name=f"deflated {base.name}",
            is_explicit=base.is_explicit,
            parts=[base],
        )
        self.matvecs_per_product = base.matvecs_per_product
        self.base = base
        self.num_vectors = k
        self._V, self._T = V, _triangle(V, tau)  # in double precision: V* X are long sums

    def _facts(self) -> Facts:
        return self._facts_over(self.base, squared_shape=self.base.facts.squared_shape)

    def null_residual(self) -> float:
        """Return |A Q|, by k products."""
        Q = np.zeros((self.base.n, self.num_vectors), self.dtype)
        Q[: self.num_vectors] = np.eye(self.num_vectors)
        return float(np.linalg.norm(self.base.matmat(self._reflect(Q)), 2))

    def _reflect(self, X: Array) -> Array:
        """Return H X."""
        V, X = self._V, X.astype(self._V.dtype, copy=False)
        return (X - gemm(V, gemm(self._T, gemm(V.conj().T, X)))).astype(self.dtype)

    def _matmat(self, X: Array) -> Array:
        k = self.num_vectors
        Y = self._reflect(np.vstack([np.zeros((k, X.shape[1]), X.dtype), X]))
        Y = self.base.matmat(Y)
        parts = gemm(self._V.conj().T, Y.astype(self._V.dtype, copy=False))
        Y -= gemm(self._V, gemm(self._T.conj().T, parts)).astype(self.dtype)  # H* Y
        return Y[k:]


def _triangle(V: Array, tau: Array) -> Array:
    """Return T with H_1 ... H_k = I - V T V* for H_j = I - tau_j v_j v_j*."""
    k = tau.size
    T = np.zeros((k, k), V.dtype)
    for j in range(k):
        T[:j, j] = -tau[j] * (T[:j, :j] @ (V[:, :j].conj().T @ V[:, j]))
        T[j, j] = tau[j]
    return T
