"""Rows: what is passed as A, and is none or only looks unusual."""

import math
import warnings
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

import symrank
from symrank.errors import NonFiniteError, OperatorError, SymrankError
from tests.faults.row import Row

A = np.diag([3.0, 1.0, 0.0])
NAN, INF = math.nan, math.inf


class Frame:
    """What a DataFrame looks like from here."""

    def __init__(self, values: Any) -> None:
        self.values, self.shape = values, values.shape

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return self.values


class Sour:
    """An array of another library that will not become one of NumPy, as with a gradient."""

    shape = (2, 2)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise RuntimeError("call detach first")


class Shapeless:
    """An operator whose shape is none."""

    def __init__(self, shape: Any) -> None:
        self.shape = shape

    def matvec(self, x: Any) -> Any:
        return x


def ring(*, zeros: int = 0, isolated: int = 0, unit: float = 1.0, as_coo: bool = False) -> Any:
    """Return the Laplacian of two rings of 700 vertices, and what a careless maker leaves."""
    n = 700
    j = np.arange(n)
    one = sp.coo_array((np.ones(n), (j, (j + 1) % n)), shape=(n, n))
    W = sp.block_diag([one + one.T] * 2 + [sp.coo_array((isolated, isolated))] * (isolated > 0))
    L = sp.coo_array(unit * (sp.diags_array(np.asarray(W.sum(axis=1)).ravel()) - W))
    rows, columns = L.coords
    if as_coo:  # every entry in two halves, which are summed
        rows, columns, data = np.tile(rows, 2), np.tile(columns, 2), np.tile(0.5 * L.data, 2)
        return sp.coo_array((data, (rows, columns)), shape=L.shape)
    place = np.arange(zeros)
    rows, columns = np.append(rows, place), np.append(columns, n + place)  # from ring to ring
    rows, columns = np.append(rows, n + place), np.append(columns, place)
    return sp.coo_array((np.append(L.data, np.zeros(2 * zeros)), (rows, columns)), shape=L.shape)


MASKED = np.ma.masked_array(A, mask=[[0, 0, 1], [0, 0, 0], [1, 0, 0]])
WITH_NAN = sp.csr_array(np.diag([NAN, 1.0]))
NO_OPERATORS: Mapping[str, tuple[Any, str]] = {
    "None": (None, "not an operator"),
    "a path": ("matrix.mtx", "load_matrix"),
    "a Path": (Path("matrix.mtx"), "load_matrix"),
    "a function": (lambda x: x, "LinearOperator"),
    "a number": (3.0, "not an operator"),
    "a generator": ((x for x in [1]), "not an operator"),
    "ragged lists": ([[1, 2], [3]], "equal length"),
    "a vector": (np.ones(3), "two dimensions"),
    "a cube": (np.ones((2, 2, 2)), "two dimensions"),
    "a masked array": (MASKED, "filled"),
    "objects": (np.array([[1, None], [None, 1]], dtype=object), "astype"),
    "strings": (np.array([["1", "2"], ["2", "1"]]), "astype"),
    "dates": (np.zeros((2, 2), "M8[s]"), "astype"),
    "records": (np.zeros((2, 2), [("a", float)]), "astype"),
    "NaN": (np.diag([NAN, 1.0]), "not finite"),
    "infinity": (np.diag([INF, 1.0]), "not finite"),
    "a sparse NaN": (WITH_NAN, "not finite"),
    "an array that will not": (Sour(), "detach"),
    "a shape of words": (Shapeless("ab"), "shape"),
    "no shape": (Shapeless(None), "shape"),
    "a shape of one": (Shapeless((3,)), "shape"),
    "a negative shape": (Shapeless((-1, -1)), "shape"),
    "a shape of fractions": (Shapeless((2.5, 2.5)), "shape"),
}
RIGHT: Mapping[str, tuple[Any, int]] = {
    "a Laplacian with zeros stored as edges": (ring(zeros=30), 1398),
    "a Laplacian with isolated vertices": (ring(isolated=50), 1398),
    "a Laplacian in COO with duplicates": (ring(as_coo=True), 1398),
    "minus a Laplacian": (ring(unit=-1.0), 1398),
    "a Laplacian of integers": (ring().astype(np.int8), 1398),
    "a Laplacian in subnormal units": (ring(unit=1e-308), 1398),
    "a Laplacian in units that overflow": (ring(unit=5e307), 1398),
    "a direct sum of pairs and empty rows": (
        sp.block_diag([np.array([[0.0, 2.0], [2.0, 0.0]])] * 700 + [np.zeros((200, 200))]),
        1400,
    ),
    "lists": ([[3, 1], [1, 0]], 2),
    "tuples": (((1, 0), (0, 0)), 1),
    "a frame": (Frame(A), 2),
    "a rectangle": (np.ones((2, 3)), 1),
    "a frame of 2x3": (Frame(np.ones((2, 3))), 1),
    "numpy.matrix": (partial(np.asmatrix, A), 2),  # made late: it warns
    "0x0": (np.zeros((0, 0)), 0),
    "1x1 of zero": ([[0.0]], 0),
    "1x1": ([[5.0]], 1),
    "booleans": (np.diag([True, False]), 1),
    "sparse booleans": (sp.csr_array(np.eye(3, dtype=bool)), 3),
    "small integers": (np.diag([255, 1, 0]).astype(np.uint8), 2),
    "half precision": (A.astype(np.float16), 2),
    "long doubles": (A.astype(np.longdouble), 2),
    "another byte order": (A.astype(">f8"), 2),
    "a view from behind": (A[::-1, ::-1], 2),
}


def is_refused(value: Any, remedy: str, tmp: Path) -> None:
    with pytest.raises((OperatorError, NonFiniteError), match=remedy):
        symrank.rank(value, rng=1)
    for door in (symrank.augmented, symrank.gram):
        with_rank = partial(lambda make, B: symrank.rank(make(B), rng=1), door)
        try:
            with_rank(value)
        except SymrankError:
            continue
        assert np.ndim(value) == 2 or isinstance(value, Frame)  # a rectangle is welcome there


def is_right(value: Any, rank: int, tmp: Path) -> None:
    if isinstance(value, partial):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = value()
    result = symrank.rank(value, rng=1)
    assert (result.rank, result.interval()) == (rank, (rank, rank))


def _rows() -> list[Row]:
    rows = []
    for name, (value, remedy) in NO_OPERATORS.items():
        check = partial(is_refused, value, remedy)
        rows.append(Row(group="inputs", fault=f"A is {name}", door="rank", check=check))
    for name, (value, truth) in RIGHT.items():
        check = partial(is_right, value, truth)
        rows.append(Row(group="inputs", fault=f"A is {name}", door="rank", check=check))
    return rows


ROWS = _rows()
