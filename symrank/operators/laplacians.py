r"""A matrix that is the Laplacian of a graph: its zeros are counted by walking the graph.

Let A be real and symmetric with no negative diagonal entry, and u > 0 such that every row has

    r_i = a_ii - sum_{j != i} |a_ij| u_j / u_i = 0.                                           (1)

Then U A U, U = diag(u), is the Laplacian of a graph with weights w_ij = |a_ij| u_i u_j whose edges
have signs; without positive a_ij it is the plain one, L = D - W. u = 1 is that of L and of the
signless D + W, u_i = sqrt(degree) that of D^-1/2 (D - W) D^-1/2 for weights of one. Computed rows
have r_i = 0 only up to rounding, so A is that matrix and a remainder R,

    |R| <= delta = max_i (|r_i| + (rounding of r_i) + sum_j |a_ij - a_ji| u_j / u_i).         (2)

The kernel of L has the dimension of the number c of connected components. For the second eigenvalue
of one with m vertices, diameter D and least weight w (B. Mohar, "Eigenvalues, diameter, and mean
distance in graphs", Graphs and Combinatorics 7, 1991),

    lambda_2(L) >= 4 w / (m D),        so that        lambda > 0 of A is >= 4 w / (m D max u^2)  (3)

up to delta, by Ostrowski's theorem. D is at most twice the depth of a breadth-first search.

Signs. The double cover of the graph has vertices i and i', edges i-j and i'-j' for a negative a_ij,
and i-j' and i'-j for a positive one. The eigenvalues of its Laplacian are those of A and those of
the graph without signs, so A has c(cover) - c(graph) zeros, and (3) for the cover is one for A. A
component without signs is covered twice; one whose signs cannot be switched away (not bipartite,
for the signless Laplacian) once, and has no zero.

Weak links. Edges only raise eigenvalues: without some of them, c' components are left, for each of
which (3) holds above a cut. Then at most c' eigenvalues of A are below it, and at least c.
"""

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import breadth_first_order, connected_components

from symrank.operators.patterns import is_symmetric, stored_nonzeros
from symrank.support.typing import Array, FloatArray, IntArray

__all__ = ["Laplacian", "Zeros", "laplacian"]

ROUNDS = 6  # of edges taken out: each halves what is long, or parts what hangs by weak links
SHORT = 32  # terms of a sum that rounds by a tenth of a noise floor, in double precision
SAFE = 1.0 - 1e-9  # the bounds are a few products and quotients long


@dataclass(frozen=True, kw_only=True, eq=False)
class Graph:
    """Edges in both directions with their weights; of vertices with their u^2."""

    tails: IntArray
    heads: IntArray
    weights: FloatArray
    squares: FloatArray

    @property
    def n(self) -> int:
        """Vertices."""
        return self.squares.size

    def without(self, is_out: Array) -> "Graph":
        """Leave edges out."""
        kept = ~is_out
        return dataclasses.replace(
            self, tails=self.tails[kept], heads=self.heads[kept], weights=self.weights[kept]
        )

    def part(self, is_in: Array) -> "Graph":
        """Return the graph of some vertices, numbered anew; no edge may lead out of them."""
        number = np.cumsum(is_in) - 1
        kept = is_in[self.tails]
        return Graph(
            tails=number[self.tails[kept]],
            heads=number[self.heads[kept]],
            weights=self.weights[kept],
            squares=self.squares[is_in],
        )

    def covered(self, is_positive: Array) -> "Graph":
        """Return the double cover; `is_positive` tells of each edge whether it changes sheets."""
        n, other = self.n, np.where(is_positive, self.n, 0)
        return Graph(
            tails=np.concatenate([self.tails, self.tails + n]),
            heads=np.concatenate([self.heads + other, self.heads + n - other]),
            weights=np.tile(self.weights, 2),
            squares=np.tile(self.squares, 2),
        )


@dataclass(frozen=True, kw_only=True)
class Zeros:
    """How many eigenvalues are zero, and how many at most lie below a cut.

    `link` says in words what keeps the two apart.
    """

    least: int
    most: int
    link: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class Laplacian:
    """What (1) and (2) have found.

    Attributes
    ----------
    sign
        A is `sign` times a positive semidefinite matrix.
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

    def zeros(self, cut: float, *, is_split: bool = True) -> Zeros:
        """Count the zeros, and bound the eigenvalues that are at most `cut`.

        With `is_split` false what (3) does not prove at once is left wide open.
        """
        graph, without = self.graph, 0
        if self.is_positive is not None:
            without = _components(graph)[0]
            graph = graph.covered(self.is_positive)
        needed = (cut + self.delta) / SAFE
        least, most, link = _pieces(graph, needed, ROUNDS if is_split else 0, self.graph.n)
        return Zeros(least=least - without, most=min(most - without, self.graph.n), link=link)


def laplacian(matrix: Any) -> Laplacian | None:
    """Return what is known of a CSR array that is a Laplacian, or None where it is none."""
    eps = float(np.finfo(matrix.dtype).eps)
    A = _real(stored_nonzeros(matrix))
    if A is None or not A.nnz:
        return None
    diagonal = A.diagonal()
    sign = 1 if diagonal.max() > 0.0 else -1
    diagonal = sign * diagonal
    if diagonal.min() < 0.0:
        return None
    is_equal = is_symmetric(A, with_values=True)
    if not (is_equal or is_symmetric(A)):
        return None
    lengths = np.diff(A.indptr)
    tails = np.repeat(np.arange(A.shape[0]), lengths)
    is_off = tails != A.indices
    rows = _Rows(lengths, sp.csr_array((np.abs(A.data), A.indices, A.indptr), shape=A.shape))
    root = np.ones(A.shape[0])
    name = "a graph Laplacian"
    if not rows.balance(diagonal, root, eps):
        root = np.sqrt(np.maximum(lengths - (diagonal > 0.0), 1))
        name = "the normalised Laplacian of a graph with weights of one"
        if not rows.balance(diagonal, root, eps):
            return None
    heads = A.indices[is_off].astype(np.int64)
    tails = tails[is_off]
    values = sign * A.data[is_off]
    is_positive = values > 0.0
    graph = Graph(
        tails=tails,
        heads=heads,
        weights=np.abs(values) * root[tails] * root[heads],
        squares=root**2,
    )
    most = float(diagonal.max())
    return Laplacian(
        sign=sign,
        name=name if not is_positive.any() else f"{name}, but for signs",
        delta=rows.remainder(diagonal, root) + (0.0 if is_equal else _asymmetry(A, root)),
        norm=(most, 2.0 * most / SAFE),  # a diagonal entry, and eq. (1) with Gershgorin's circles
        graph=graph,
        is_positive=is_positive if is_positive.any() else None,
    )


@dataclass(frozen=True)
class _Rows:
    """Rows of |A|, and how long they are."""

    lengths: IntArray
    moduli: Any

    def balance(self, diagonal: FloatArray, root: FloatArray, eps: float) -> bool:
        """Tell whether eq. (1) holds up to rounding: row length x eps x sum of moduli."""
        sums = (self.moduli @ root) / root
        return bool((np.abs(2.0 * diagonal - sums) <= (self.lengths + 4) * eps * sums).all())

    def remainder(self, diagonal: FloatArray, root: FloatArray) -> float:
        """Return the first two terms of eq. (2); long sums in extended precision, where it is."""
        is_short = int(self.lengths.max(initial=0)) <= SHORT
        wide: Any = np.float64 if is_short else np.longdouble
        filled = self.lengths > 0
        starts = self.moduli.indptr[:-1][filled]
        terms = self.moduli.data.astype(wide) * root.astype(wide)[self.moduli.indices]
        sums = np.add.reduceat(terms, starts) / root[filled]
        rounding = (self.lengths[filled] + 4) * float(np.finfo(wide).eps) * sums
        rest = np.abs(2.0 * diagonal[filled].astype(wide) - sums) + rounding
        return float(rest.max()) / SAFE


def _real(A: Any) -> Any:
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


def _components(graph: Graph) -> tuple[int, IntArray]:
    """Return the number of connected components, and that of each vertex."""
    ones = np.ones(graph.tails.size)
    edges = sp.csr_array((ones, (graph.tails, graph.heads)), shape=(graph.n, graph.n))
    count, labels = connected_components(edges, directed=False)
    return int(count), labels.astype(np.int64)


def _depths(graph: Graph, count: int, labels: IntArray) -> IntArray:
    """Return how far each vertex is from one of its component, in edges.

    One search for all: from a vertex that is tied to one of each component. A parent comes before
    its children in the order of the search, and jumps to ancestors double.
    """
    n = graph.n
    roots = np.empty(count, np.int64)
    roots[labels[::-1]] = np.arange(n)[::-1]
    tails = np.concatenate([graph.tails, np.full(count, n)])
    heads = np.concatenate([graph.heads, roots])
    tied = sp.csr_array((np.ones(tails.size), (tails, heads)), shape=(n + 1, n + 1))
    order, parents = breadth_first_order(tied, n, directed=True)
    place = np.empty(n + 1, np.int64)
    place[order] = np.arange(n + 1)
    ancestor = place[parents[order[1:]]]
    ancestor = np.concatenate([[0], ancestor])
    steps = np.ones(n + 1, np.int64)
    steps[0] = 0
    while ancestor.any():
        steps += steps[ancestor]
        ancestor = ancestor[ancestor]
    depths = np.empty(n + 1, np.int64)
    depths[order] = steps - 1
    return depths[:n]


def _pieces(graph: Graph, needed: float, rounds: int, named: int) -> tuple[int, int, str]:
    """Return the components, and how many are left when (3) is above `needed` for all of them.

    The sentence names what was cut first; vertices are numbered modulo `named`.
    """
    least = most = 0
    link = ""
    for round_ in range(rounds + 1):
        count, labels = _components(graph)
        least = least or count
        depths = _depths(graph, count, labels)
        sizes = np.bincount(labels, minlength=count)
        deep, heavy, weak = (np.zeros(count) for _ in range(3))
        weak[:] = np.inf
        np.maximum.at(deep, labels, depths.astype(np.float64))
        np.maximum.at(heavy, labels, graph.squares)
        np.minimum.at(weak, labels[graph.tails], graph.weights)
        limit = needed * sizes * 2.0 * deep * heavy / 4.0  # a weight above it proves (3)
        is_open = (sizes > 1) & ~(weak > limit)
        most += count - int(is_open.sum())
        if not is_open.any():
            return least, most, link
        left = is_open[labels]
        if not link:
            link = _link(graph, labels, is_open, limit, named)
        if round_ == rounds:
            return least, most + int(left.sum()), link
        limit_of, depth = limit[labels][left], depths[left]
        middle = deep[labels][left] // 2
        inner, graph = labels[left], graph.part(left)
        graph = graph.without(_cut(graph, inner, limit_of, depth, middle))
    raise AssertionError("unreachable")


def _cut(
    graph: Graph, labels: IntArray, limit: FloatArray, depth: IntArray, middle: FloatArray
) -> Array:
    """Tell which edges to take out: weak ones, or those across the middle where most are weak."""
    of = labels[graph.tails]
    is_weak = graph.weights <= limit[graph.tails]
    size = int(labels.max(initial=0)) + 1
    share = np.bincount(of, is_weak, size) / np.maximum(np.bincount(of, minlength=size), 1)
    across = (depth[graph.tails] > middle[graph.tails]) != (
        depth[graph.heads] > middle[graph.heads]
    )
    return np.asarray(np.where(share[of] <= 0.5, is_weak, across))


def _link(graph: Graph, labels: IntArray, is_open: Array, limit: FloatArray, named: int) -> str:
    """Name the weakest edge of the components that are not proved, relative to what they need."""
    component = labels[graph.tails]
    at = np.flatnonzero(is_open[component])
    k = at[np.argmin(graph.weights[at] / limit[component[at]])]
    i, j = sorted((int(graph.tails[k]) % named, int(graph.heads[k]) % named))
    size = int((labels == component[k]).sum())
    return (
        f"the weakest link of a component of {size} vertices is that of {i} and {j}, of weight "
        f"{graph.weights[k]:.3g}, and {limit[component[k]]:.3g} would be proof"
    )
