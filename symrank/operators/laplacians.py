r"""A matrix that is the Laplacian of a graph: its zeros are counted by walking the graph.

Let A be real and symmetric with no negative diagonal entry, and u > 0 such that every row has

    r_i = a_ii - sum_{j != i} |a_ij| u_j / u_i = 0.                                           (1)

Then U A U, U = diag(u), is the Laplacian of a graph with weights w_ij = |a_ij| u_i u_j whose edges
have signs (`symrank.operators.graphs`); without positive a_ij it is the plain one, L = D - W. u = 1
is that of L and of the signless D + W, u_i = sqrt(degree) that of D^-1/2 (D - W) D^-1/2: degrees
are counted for weights of one, and for others u is found (`symrank.operators.perron`).
However it was found, (1) is what tells. Computed rows have r_i = 0 only up to rounding, so A is
that matrix and a remainder R,

    |R| <= delta = max_i (|r_i| + (rounding of r_i) + sum_j |a_ij - a_ji| u_j / u_i),         (2)

and its eigenvalues are those of U^-1 L U^-1 up to delta, by Weyl's theorem.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from symrank.operators.graphs import SAFE, Graph, Zeros, zeros_of
from symrank.operators.patterns import is_symmetric, stored_nonzeros
from symrank.operators.perron import perron_vector
from symrank.support.typing import Array, FloatArray, IntArray

__all__ = ["Laplacian", "laplacian", "real"]

SHORT = 32  # terms of a sum that rounds by a tenth of a noise floor, in double precision


@dataclass(frozen=True, kw_only=True, eq=False)
class Laplacian:
    """What (1) and (2) have found.

    Attributes
    ----------
    sign
        A is `sign` times a positive semidefinite matrix; 0: each eigenvalue is there with both
        signs.
    name
        In words.
    delta
        Eq. (2): zeros of the graph are eigenvalues of modulus at most this.
    norm
        |A| lies between these two.
    """

    sign: int
    name: str
    delta: float
    norm: tuple[float, float]
    graph: Graph
    is_positive: Array | None  # of each edge; None where none is
    power: int = 1  # eigenvalues of the graph are those of A to this power

    def zeros(self, cut: float, *, is_split: bool = True) -> Zeros:
        """Count the zeros, and bound the eigenvalues of A that are at most `cut`."""
        level = (cut + self.delta) ** self.power
        return zeros_of(self.graph, self.is_positive, level, is_split=is_split)


def laplacian(matrix: Any) -> Laplacian | None:
    """Return what is known of a CSR array that is a Laplacian, or None where it is none."""
    eps = float(np.finfo(matrix.dtype).eps)
    A = real(stored_nonzeros(matrix))
    if A is None or not A.nnz:
        return None
    diagonal = A.diagonal()
    sign = 1 if diagonal.max() > 0.0 else -1
    diagonal = sign * diagonal
    lengths = np.diff(A.indptr)
    if not ((diagonal > 0.0) | ((diagonal == 0.0) & (lengths == 0))).all():
        return None
    moduli = sp.csr_array((np.abs(A.data), A.indices, A.indptr), shape=A.shape)
    rows = _Rows(diagonal=diagonal, lengths=lengths, moduli=moduli, eps=eps)
    name, root = _named(rows)
    if root is None:
        return None
    is_equal = is_symmetric(A, with_values=True)
    if not (is_equal or is_symmetric(A)):
        return None
    tails = np.repeat(np.arange(A.shape[0]), lengths)
    is_off = tails != A.indices
    heads = A.indices[is_off].astype(np.int64)
    tails = tails[is_off]
    values = sign * A.data[is_off]
    is_positive = values > 0.0
    weights = np.abs(values)
    if not (root == 1.0).all():
        weights *= root[tails] * root[heads]
    graph = Graph(tails=tails, heads=heads, weights=weights, squares=root**2)
    most = float(diagonal.max())
    return Laplacian(
        sign=sign,
        name=name if not is_positive.any() else f"{name}, but for signs",
        delta=rows.remainder(root) + (0.0 if is_equal else _asymmetry(A, root)),
        norm=(most, 2.0 * most / SAFE),  # a diagonal entry, and eq. (1) with Gershgorin's circles
        graph=graph,
        is_positive=is_positive if is_positive.any() else None,
    )


def _named(rows: "_Rows") -> tuple[str, FloatArray | None]:
    """Return u of (1) and what the matrix is called; None where it is no Laplacian."""
    root = np.ones(rows.lengths.size)
    if rows.balance(root):
        return "a graph Laplacian", root
    root = np.sqrt(np.maximum(rows.lengths - 1, 1))
    if rows.balance(root):
        return "the normalised Laplacian of a graph with weights of one", root
    found = rows.found(root)
    if found is None or not rows.balance(found):
        return "", None
    return "the normalised Laplacian of a graph with weights", found


@dataclass(frozen=True, kw_only=True)
class _Rows:
    """Rows of |A|, its diagonal, not negative, and how long they are."""

    diagonal: FloatArray
    lengths: IntArray
    moduli: Any
    eps: float

    @property
    def tolerance(self) -> FloatArray:
        """What rounding leaves of a sum, relative to it."""
        return np.asarray((self.lengths + 4) * self.eps)

    def balance(self, root: FloatArray) -> bool:
        """Tell whether eq. (1) holds up to rounding: row length x eps x sum of moduli."""
        sums = (self.moduli @ root) / root
        return bool((np.abs(2.0 * self.diagonal - sums) <= self.tolerance * sums).all())

    def found(self, start: FloatArray) -> FloatArray | None:
        """Return a vector for which they do; None where the diagonal has two sizes, or none."""
        most, slack = float(self.diagonal.max()), 4.0 * self.eps
        unit = self.diagonal / most
        is_unit = ((np.abs(unit - 1.0) <= slack) | (self.lengths == 0)).all()
        if not (is_unit and self.moduli.data.max() <= (1.0 + slack) * most):
            return None
        P = (self.moduli - sp.diags_array(self.diagonal)) * (1.0 / most)
        P.eliminate_zeros()
        return perron_vector(lambda u: unit * u - P @ u, start, self.tolerance, P.nnz)

    def remainder(self, root: FloatArray) -> float:
        """Return the first two terms of eq. (2); long sums in extended precision, where it is."""
        is_short = int(self.lengths.max(initial=0)) <= SHORT
        wide: Any = np.float64 if is_short else np.longdouble
        if is_short:
            sums = (self.moduli @ root) / root
        else:
            sums = np.zeros(root.size, wide)
            filled = self.lengths > 0
            terms = self.moduli.data.astype(wide) * root[self.moduli.indices]
            sums[filled] = np.add.reduceat(terms, self.moduli.indptr[:-1][filled]) / root[filled]
        rounding = (self.lengths + 4) * float(np.finfo(wide).eps) * sums
        rest = np.abs(2.0 * self.diagonal.astype(wide) - sums) + rounding
        return float(rest.max()) / SAFE


def real(A: Any) -> Any:
    """Return A in real double precision; None where an entry is not real, or none finite."""
    if A.dtype.kind == "c":
        if A.data.imag.any():
            return None
        A = sp.csr_array((A.data.real, A.indices, A.indptr), shape=A.shape)
    return A.astype(np.float64, copy=False)


def _asymmetry(A: Any, root: FloatArray) -> float:
    """Return the last term of eq. (2)."""
    difference = abs(A - A.T.tocsr())
    return float((difference @ root / root).max()) / SAFE
