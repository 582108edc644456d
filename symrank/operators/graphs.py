r"""Graphs with weights and signs: the zeros of their Laplacians, and a bound of what is not zero.

The form x' L x is a sum over edges, w (x_i - x_j)^2 of a plain one and w (x_i + x_j)^2 of a
positive one; parallel edges may be of both kinds. Without positive edges the kernel of L has the
dimension of the number c of connected components. For the second eigenvalue of one with m vertices,
diameter D and least weight w (B. Mohar, "Eigenvalues, diameter, and mean distance in graphs",
Graphs and Combinatorics 7, 1991),

    lambda_2(L) >= 4 w / (m D).                                                               (1)

With u > 0 on the vertices and U = diag(u), a positive eigenvalue of U^-1 L U^-1 is at least that
over max u^2, by Ostrowski's theorem. D is at most twice the depth of a breadth-first search.

Signs. The double cover of the graph has vertices i and i', edges i-j and i'-j' for a plain edge,
and i-j' and i'-j for a positive one. The eigenvalues of its Laplacian are those of L, on vectors
(x, -x), and those of the graph without signs, on (x, x). So L has c(cover) - c(graph) zeros, and
(1) for the cover is one for L. A component without signs is covered twice; one whose signs cannot
be switched away (not bipartite, where all edges are positive) once, and has no zero.

Ground. A positive edge from i to itself, of weight w / 2, adds w x_i^2: its cover is the edge i-i'
of that weight, whose form is (w / 2) (2 x_i)^2 on a vector (x, -x) of length 2 |x|^2. A component
with one has no zero, and (1) for the cover bounds what it has.

Weak links. Edges only raise eigenvalues: without some of them, c' components are left, for each of
which (1) holds above a level. Then at most c' eigenvalues of L are below it, and at least c.
"""

import dataclasses
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import breadth_first_order, connected_components

from symrank.support.typing import Array, FloatArray, IntArray

__all__ = ["SAFE", "Graph", "Zeros", "zeros_of"]

ROUNDS = 6  # of edges taken out: each halves what is long, or parts what hangs by weak links
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
        """Return the double cover; a positive edge changes sheets, one to itself is given once."""
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


def zeros_of(graph: Graph, is_positive: Array | None, level: float, *, is_split: bool) -> Zeros:
    """Count the zeros of U^-1 L U^-1, and bound its eigenvalues that are at most `level`.

    With `is_split` false what (1) does not prove at once is left wide open.
    """
    n, without = graph.n, 0
    if is_positive is not None:
        without = _components(graph)[0]
        graph = graph.covered(is_positive)
    least, most, link = _pieces(graph, level / SAFE, ROUNDS if is_split else 0, n)
    return Zeros(least=least - without, most=min(most - without, n), link=link)


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
    """Return the components, and how many are left when (1) is above `needed` for all of them.

    The sentence names what was cut first; vertices are numbered modulo `named`.
    """
    least = most = 0
    link = ""
    for round_ in range(rounds + 1):
        count, labels = _components(graph)
        least = least or count
        wide = (np.bincount(labels, minlength=count) - 1).astype(
            np.float64
        )  # no diameter is larger
        is_open, limit = _not_proved(graph, labels, needed, wide)
        if not is_open.any():
            return least, most + count, link
        depths, deep = _depths(graph, count, labels), np.zeros(count)
        np.maximum.at(deep, labels, depths.astype(np.float64))
        is_open, limit = _not_proved(graph, labels, needed, np.minimum(wide, 2.0 * deep))
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


def _not_proved(
    graph: Graph, labels: IntArray, needed: float, diameters: FloatArray
) -> tuple[Array, FloatArray]:
    """Tell for which components (1) is not above `needed`, and the weight with which it would."""
    count = diameters.size
    heavy, weak = np.zeros(count), np.full(count, np.inf)
    np.maximum.at(heavy, labels, graph.squares)
    np.minimum.at(weak, labels[graph.tails], graph.weights)
    sizes = np.bincount(labels, minlength=count)
    limit = needed * sizes * diameters * heavy / 4.0
    return (sizes > 1) & ~(weak > limit), limit


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
    ends = f"{i} and {j}" if i != j else f"{i} alone"
    return (
        f"the weakest link of a component of {size} vertices is that of {ends}, of weight "
        f"{graph.weights[k]:.3g}, and {limit[component[k]]:.3g} would be proof"
    )
