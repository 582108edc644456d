"""A matrix whose blocks are held by other machines: Dask arrays, and blocks of rows.

The operator is a table of what its blocks are (`row_blocks.Block`: some numbers each) and of what
stands for them. `dask_workers` says what a product sends. On the driver live the vectors, n x k
numbers a block and some of these in a recurrence, and never the matrix.

Dask is imported when the first such matrix is met.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Any

import numpy as np

from symrank.errors import MissingBackendError, OperatorError
from symrank.operators.base import Operator
from symrank.operators.facts import Facts, Work
from symrank.operators.row_blocks import Block, described, diagonal_part, prepared
from symrank.operators.tensors import lives_on_dask
from symrank.support import foreign
from symrank.support.options import check_number
from symrank.support.typing import Array

__all__ = ["DaskOperator", "on_dask"]

PATIENCE = 60.0  # seconds: a worker that a nanny starts anew is there in a few


def on_dask(blocks: Any, *, client: Any = None, patience: float = PATIENCE) -> "DaskOperator":
    """Return a symmetric matrix whose blocks of rows Dask holds as an operator.

    With a client the blocks are computed once, by its workers, and stay there; workers need symrank
    installed. Without one they are computed by Dask's scheduler in this process, anew in every
    product where they are not in memory. ``symrank.rank(A)`` does the same for a Dask array; to ask
    more than once, call this and pass what it returns, so that blocks are computed once.

    Parameters
    ----------
    blocks
        A Dask array of shape (n, n), or a list of blocks, each some consecutive rows with all
        columns: ``dask.delayed`` values or futures of scipy.sparse arrays or NumPy arrays. A list
        of lists of such is a matrix whose columns are cut as well.
    client
        The ``distributed.Client`` of the workers. Default: that of the futures, else the current
        one, else none.
    patience
        Seconds to wait for a worker when the cluster has none.

    Returns
    -------
    DaskOperator
        Of shape (n, n). Its vectors, (n, k), are made and kept by this process.

    Raises
    ------
    OperatorError
        Where the blocks make no square matrix, or are already here: arrays in this process.
    OptionError
        Where `patience` is no number of seconds.
    LostWorkersError
        Where the workers, or blocks that nothing makes anew, are gone.
    MissingBackendError
        Where Dask is not installed.

    Examples
    --------
    >>> import dask  # doctest: +SKIP
    >>> import scipy.sparse as sp
    >>> import symrank
    >>> def rows(first, last, n=1000):
    ...     return sp.eye_array(last - first, n, k=first, format="csr")
    >>> blocks = [dask.delayed(rows)(i, i + 250) for i in range(0, 1000, 250)]  # doctest: +SKIP
    >>> symrank.rank(symrank.on_dask(blocks)).rank  # doctest: +SKIP
    1000
    """
    try:
        from symrank.operators import dask_workers
    except ImportError as error:
        raise MissingBackendError(
            f"a matrix on Dask needs Dask, and it cannot be imported: {error}. Install it: "
            "pip install 'dask[distributed]'."
        ) from error
    rule = "is a number of seconds, at least 0."
    patience = check_number("patience", patience, lambda x: 0.0 <= x < math.inf, rule)
    table = _table(blocks)
    client = client or _current_client(table)
    place = dask_workers.Cluster(client, patience) if client else dask_workers.Here()
    return DaskOperator(table, place)


class DaskOperator(Operator):
    """What `on_dask` returns.

    Products have the same bits whatever the number of workers and wherever blocks lie: a row of
    the matrix is one sum, in the order of its columns.

    Attributes
    ----------
    blocks : list of list of Block
        Shape, dtype, entries, bytes of every block, by row and column of blocks.
    num_bytes : int
        Of all blocks.
    """

    def __init__(self, table: list[list[Any]], place: Any) -> None:
        import dask

        width, self._place = len(table[0]), place
        fit = dask.delayed(prepared, pure=False)
        flat = [
            fit(block, f"block {i}" if width == 1 else f"block ({i}, {j})")
            for i, row in enumerate(table)
            for j, block in enumerate(row)
        ]
        held = place.hold(flat)
        self._tiles = [held[i : i + width] for i in range(0, len(held), width)]
        found = place.ask([dask.delayed(described, pure=False)(tile) for tile in held])
        self.blocks: list[list[Block]] = [found[i : i + width] for i in range(0, len(found), width)]
        self._rows, self._columns = _edges(self.blocks)
        self.num_bytes = sum(block.num_bytes for block in found)
        dtype = np.result_type(*(block.dtype for block in found))
        kind = "sparse" if all(block.is_sparse for block in found) else "dense"
        shape, name = (self._rows[-1],) * 2, f"{kind} matrix on Dask, {len(found)} blocks"
        super().__init__(shape, dtype, name=name)
        self.is_foreign = True  # a block that is made anew may be another one

    def scale_hint(self) -> float:
        """Return the largest absolute entry (of real and imaginary parts); NaN where one is NaN."""
        return float(np.max([one.largest for row in self.blocks for one in row]))

    def _facts(self) -> Facts:
        entries = {
            is_sparse: float(
                sum(b.num_entries for row in self.blocks for b in row if b.is_sparse == is_sparse)
            )
            for is_sparse in (False, True)
        }
        return replace(
            super()._facts(),
            work=Work(in_order=entries[False], by_index=entries[True], rows=self.n),
            diagonal=self._diagonal,
        )

    def _diagonal(self) -> Array:
        import dask

        part = dask.delayed(diagonal_part, pure=False)
        questions = [
            part(tile, row, column)
            for tiles, row in zip(self._tiles, self._rows, strict=False)
            for tile, column in zip(tiles, self._columns, strict=False)
        ]
        diagonal = np.zeros(self.n, self.dtype)
        for first, values in self._place.ask(questions):
            diagonal[first : first + len(values)] = values
        return diagonal

    def _matmat(self, X: Array) -> Array:
        Y = self._summed(X)
        foreign.refuse_non_finite(Y, "the blocks on Dask")
        return Y

    def _summed(self, X: Array) -> Array:
        Y = np.empty(X.shape, self.dtype)
        if not Y.size:
            return Y
        starts = self._columns[:-1]
        hulls = [
            [(c + one.hull[0], c + one.hull[1]) for one, c in zip(row, starts, strict=True)]
            for row in self.blocks
        ]
        for i, rows in self._place.rows(self._tiles, hulls, X):
            out = Y[self._rows[i] : self._rows[i + 1]]
            if rows.shape != out.shape:
                raise OperatorError(
                    f"the block of rows {self._rows[i]} to {self._rows[i + 1]} has become another "
                    f"one: its product has shape {rows.shape} and not {out.shape}. What makes it "
                    "must make the same each time."
                )
            out[...] = rows
        return Y

    def __getstate__(self) -> dict[str, Any]:
        if self._place.is_here:
            return vars(self)
        raise OperatorError(
            f"{self!r} cannot be sent to another process: its client is of this one. Run it with "
            "threads (executor='threads') or without an executor: its products are shared among "
            "the workers of Dask already."
        )


def _table(blocks: Any) -> list[list[Any]]:
    """Return the blocks by row and column, none of them an array in this process."""
    if lives_on_dask(blocks):
        if blocks.ndim != 2:
            raise OperatorError(
                f"this Dask array has shape {blocks.shape}, and a matrix has two dimensions. Pass "
                "one of shape (n, n)."
            )
        return [list(row) for row in blocks.to_delayed()]
    if not isinstance(blocks, list | tuple) or not blocks:
        raise OperatorError(
            f"blocks is {'an empty' if isinstance(blocks, list | tuple) else 'a'} "
            f"{type(blocks).__name__}, and a Dask array or a list of blocks of rows is wanted: "
            "[dask.delayed(make)(first, last), ...], or what client.map(make, ...) returns."
        )
    rows = [list(row) if isinstance(row, list | tuple) else [row] for row in blocks]
    if len({len(row) for row in rows}) != 1 or not rows[0]:
        raise OperatorError(
            f"rows of blocks have {sorted({len(row) for row in rows})} blocks, and every row has "
            "the same number, at least one: the columns are cut at the same places in all."
        )
    here = next((one for row in rows for one in row if not _stands_for_one(one)), None)
    if here is not None:
        raise OperatorError(
            f"a block is a {type(here).__name__} in this process, and blocks are to be where Dask "
            "has them. Let it make them: dask.delayed(make)(first, last), or client.map(make, "
            "...). A matrix that fits into this process is passed to symrank.rank as it is."
        )
    return rows


def _stands_for_one(block: Any) -> bool:
    """Tell whether this is a delayed value or a future of Dask."""
    return hasattr(block, "__dask_graph__") or _client_of(block) is not None


def _client_of(block: Any) -> Any:
    kind = type(block)
    is_future = foreign.named_package(kind.__module__) == "distributed" and "Future" in str(kind)
    return getattr(block, "client", None) if is_future else None


def _current_client(table: Sequence[Sequence[Any]]) -> Any:
    """Return the client of the futures, else the current one, else None."""
    own = next((c for row in table for c in map(_client_of, row) if c is not None), None)
    if own is not None:
        return own
    try:
        from distributed import default_client
    except ImportError:
        return None
    try:
        return default_client()
    except ValueError:
        return None


def _edges(blocks: Sequence[Sequence[Block]]) -> tuple[list[int], list[int]]:
    """Return where rows and columns of blocks begin, and n.

    Raises
    ------
    OperatorError
        Where they do not fit, or make no square matrix.
    """
    heights = [row[0].shape[0] for row in blocks]
    widths = [block.shape[1] for block in blocks[0]]
    for i, row in enumerate(blocks):
        for j, block in enumerate(row):
            if block.shape != (heights[i], widths[j]):
                raise OperatorError(
                    f"block ({i}, {j}) has shape {block.shape}, and beside and below the others it "
                    f"would have {(heights[i], widths[j])}. Every block of rows has all columns."
                )
    rows, columns = (list(accumulate(sizes, initial=0)) for sizes in (heights, widths))
    if rows[-1] != columns[-1]:
        raise OperatorError(
            f"the blocks make a matrix of shape {(rows[-1], columns[-1])}, and a symmetric one is "
            "square. Pass all rows, each with all columns."
        )
    return rows, columns
