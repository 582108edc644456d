r"""What a product costs where the blocks of a matrix are held by workers: bytes, and seconds.

n rows, E entries, B blocks on W workers, k vectors of 8-byte numbers. X goes to the workers, whole
where the graph has no order, rows [a_w, b_w) of it where it has; Y comes back:

    bytes out = 8 k sum_w (b_w - a_w)          bytes in = 8 k n
    seconds   = c_product + c_task B + c_out (bytes out) + c_in (bytes in)
                + (c_read + c_entry k) E / W

Constants are seconds of processors, of both ends of a message together, and so an upper bound of
the time that it takes on an idle machine. The work of a product is the same sum, not divided by W.
Entries are read once for all vectors. Where it would be more than TREE copies of X, one goes to one
worker and is handed on from worker to worker: the last has it after 1 + log2(W) such times.

A step of Lanczos on the driver reads three blocks and writes one: c_row n k seconds, no bytes of
the network. Its inner products are of vectors that lie in one memory, so a dot moves nothing.

SLEPc keeps vectors in parts, n / W rows a node: a product moves the rows that a neighbour needs
(all n, in a graph without order), in and out of every node at once; a dot 8 k log2(W) bytes.
"""

import math
from dataclasses import dataclass

NUMBER, INDEX = 8, 4  # bytes
TREE = 4  # copies of X that the driver sends itself; symrank.operators.dask_workers

__all__ = ["Constants", "Problem", "processor_seconds", "seconds", "together"]


@dataclass(frozen=True, kw_only=True)
class Constants:
    """Seconds of processors, measured by `bench.scaling.sizes`."""

    product: float
    task: float  # a block of a product
    byte_out: float
    byte_in: float
    read: float  # times the entries, one worker
    entry: float  # times the entries and vectors
    row: float  # a step of Lanczos on the driver, times the rows and vectors


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A product."""

    n: int
    entries: float
    blocks: int
    workers: int
    vectors: int
    reach: float = 1.0  # share of X that a worker needs

    @property
    def matrix_bytes(self) -> float:
        """CSR with 4-byte indices: a worker's columns are fewer than 2^31, or it takes 8."""
        return self.entries * (NUMBER + INDEX) + INDEX * self.n

    @property
    def block_bytes(self) -> float:
        """Of k vectors."""
        return float(NUMBER * self.n * self.vectors)

    @property
    def copies(self) -> float:
        """Of X, in the bytes that leave the driver."""
        wanted = self.workers * self.reach
        return wanted if wanted <= TREE else 1.0

    @property
    def stages(self) -> float:
        """How often X is sent, one after another."""
        wanted = self.workers * self.reach
        return wanted if wanted <= TREE else 1.0 + math.log2(self.workers)


def processor_seconds(problem: Problem, c: Constants) -> float:
    """Return the work of a product, of all processes together: what can be compared anywhere."""
    sent = problem.copies * c.byte_out + c.byte_in
    entries = (c.read + c.entry * problem.vectors) * problem.entries
    return c.product + c.task * problem.blocks + sent * problem.block_bytes + entries


def seconds(problem: Problem, c: Constants) -> dict[str, float]:
    """Return where the time of a product and of a step goes."""
    parts = {
        "start": c.product + c.task * problem.blocks,
        "out": c.byte_out * problem.block_bytes * problem.stages,
        "multiply": (c.read + c.entry * problem.vectors) * problem.entries / problem.workers,
        "in": c.byte_in * problem.block_bytes,
    }
    return {**parts, "product": sum(parts.values()), "driver": c.row * problem.n * problem.vectors}


def together(problem: Problem, c: Constants, network: float) -> dict[str, float]:
    """Return the same of vectors in parts, each node on its own network card of so many bytes/s."""
    own = problem.block_bytes / problem.workers
    return {
        "bytes a node": problem.block_bytes * problem.reach,
        "multiply": (c.read + c.entry * problem.vectors) * problem.entries / problem.workers,
        "exchange": problem.block_bytes * problem.reach / network,
        "step": c.row * own / NUMBER,
        "dot bytes": NUMBER * problem.vectors * math.log2(max(problem.workers, 2)),
    }
