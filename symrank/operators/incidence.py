r"""A rectangle that is the incidence matrix of a graph: its rank is counted by walking the graph.

Let every row of X, or every column, hold at most two nonzeros, of one modulus w. Such a row e is an
edge of weight w^2 between its columns i and j,

    |X x|^2 = sum_e w_e^2 (x_i -+ x_j)^2,                                                     (1)

a plain one where the signs of the two differ and a positive one where they are equal, and a row
with one nonzero grounds its column (`symrank.operators.graphs`). X' X is the Laplacian of that
graph, so the squares of the singular values are its eigenvalues, and a level for singular values is
squared. Nothing is rounded in (1), which is about X as it is stored: X' X is not formed.

Where two moduli differ by rounding, w is the smaller one and the rest of the other is taken off:
X = B + E, with one nonzero in a row of E. Its columns are orthogonal, and singular values move by

    |E| = max_j |column j of E|.                                                              (2)
"""

from typing import Any

import numpy as np

from symrank.operators.graphs import SAFE, Graph
from symrank.operators.laplacians import Laplacian, real
from symrank.operators.patterns import stored_nonzeros
from symrank.operators.triangles import norm_between

__all__ = ["incidence"]

ROUNDING = 4  # eps: how far two moduli of a row may be apart, relative to the larger


def incidence(matrix: Any) -> Laplacian | None:
    """Return what is known of a CSR array that is an incidence matrix, or None where it is none.

    Its vertices are the columns, where rows are edges, or the rows.

    Examples
    --------
    >>> import numpy as np, scipy.sparse as sp
    >>> from symrank.operators.incidence import incidence
    >>> X = sp.csr_array(np.array([[1.0, -1.0, 0.0], [0.0, 3.0, -3.0]]))
    >>> incidence(X).zeros(1e-12).most  # of X' X
    1
    """
    eps = float(np.finfo(matrix.dtype).eps)
    X = stored_nonzeros(matrix)
    longest = _longest(X) if X.nnz else (3, 3)
    if min(longest) > 2 or not np.isfinite(X.data).all():
        return None
    X = real(X)
    if X is None:
        return None
    by_rows = _of_rows(X, eps) if longest[0] <= 2 else None
    return by_rows or (_of_rows(X.T.tocsr(), eps) if longest[1] <= 2 else None)


def _longest(X: Any) -> tuple[int, int]:
    """Return the most nonzeros of a row, and of a column."""
    return int(np.diff(X.indptr).max()), int(np.bincount(X.indices).max())


def _of_rows(X: Any, eps: float) -> Laplacian | None:
    """Return the graph of a real CSR array with two nonzeros in a row, at most."""
    lengths, starts = np.diff(X.indptr), X.indptr[:-1]
    first = starts[lengths == 2].astype(np.int64)
    alone = starts[lengths == 1].astype(np.int64)
    moduli, columns = np.abs(X.data), X.indices.astype(np.int64)
    one, other = moduli[first], moduli[first + 1]
    apart = np.abs(one - other)
    larger = np.where(one > other, first, first + 1)
    if (apart > ROUNDING * eps * moduli[larger]).any():
        return None
    n = X.shape[1]
    i, j, ground = columns[first], columns[first + 1], columns[alone]
    is_edge_positive = X.data[first] * np.sign(X.data[first + 1]) > 0.0
    is_positive = np.concatenate([is_edge_positive, is_edge_positive, np.ones(alone.size, bool)])
    squares = np.minimum(one, other) ** 2
    graph = Graph(
        tails=np.concatenate([i, j, ground]),
        heads=np.concatenate([j, i, ground]),
        weights=np.concatenate([squares, squares, 0.5 * moduli[alone] ** 2]),
        squares=np.ones(n),
    )
    moved = np.bincount(columns[larger], apart**2, n).max(initial=0.0)
    name = "the incidence matrix of a graph"
    return Laplacian(
        sign=1,
        name=f"{name}, but for signs" if is_edge_positive.any() else name,
        delta=float(np.sqrt(moved)) / SAFE,
        norm=norm_between(X),
        graph=graph,
        is_positive=is_positive if is_positive.any() else None,
        power=2,
    )
