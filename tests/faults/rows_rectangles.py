"""Rows: what is wrong with, or unusual about, a matrix whose singular values are asked for."""

import math
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.linalg as spla

import symrank
from symrank.choice import entries, merging
from symrank.errors import (
    ChangedOperatorError,
    NonFiniteError,
    NotSymmetricError,
    OperatorError,
    OptionError,
)
from tests.faults.row import Row

X = np.random.default_rng(0).standard_normal((9, 4)) @ np.diag([1.0, 1.0, 1.0, 0.0])
NAN, INF = math.nan, math.inf


def hidden(forward: Callable[[Any], Any], adjoint: Callable[[Any], Any] | None = None) -> Any:
    """Return a 9 x 4 operator made of two functions."""
    given = {} if adjoint is None else {"rmatvec": adjoint}
    return spla.LinearOperator((9, 4), matvec=forward, dtype=float, **given)


def spoilt(value: float) -> Any:
    A = X.copy()
    A[5, 2] = value
    return A


class Fickle:
    """Products that change from the twelfth call on."""

    shape, dtype = (9, 4), np.dtype(float)

    def __init__(self) -> None:
        self.calls = 0

    def matvec(self, x: Any) -> Any:
        self.calls += 1
        return X @ x * (1.0 if self.calls < 12 else 2.0)

    def rmatvec(self, y: Any) -> Any:
        return X.T @ y


def raising(_: Any) -> Any:
    raise ZeroDivisionError("in the caller's code")


REFUSED: Mapping[str, tuple[Any, type[Exception], str]] = {
    "no adjoint": (hidden(lambda x: X @ x), OperatorError, "rmatvec or rmatmat"),
    "another adjoint": (
        hidden(lambda x: X @ x, lambda y: 2 * X.T @ y), NotSymmetricError, "differ",
    ),
    "an adjoint of zeros": (
        hidden(lambda x: X @ x, lambda y: np.zeros(4)), NotSymmetricError, "differ",
    ),
    "an adjoint of another size": (
        hidden(lambda x: X @ x, lambda y: np.zeros(5)), ValueError, "reshape",
    ),
    "NaN": (spoilt(NAN), NonFiniteError, r"A\[5, 2\] = nan"),
    "infinity": (spoilt(INF), NonFiniteError, r"A\[5, 2\] = inf"),
    "a sparse NaN": (sp.csr_array(spoilt(NAN)), NonFiniteError, r"A\[5, 2\] = nan"),
    "NaN in products": (spla.aslinearoperator(spoilt(NAN)), NonFiniteError, "NaN"),
    "an error of the caller": (
        hidden(raising, lambda y: X.T @ y), ZeroDivisionError, "caller's code",
    ),
    "strings": (np.full((3, 2), "1"), OperatorError, "astype"),
    "a masked array": (np.ma.masked_array(X, mask=X == 0.0), OperatorError, "filled"),
}  # fmt: skip
WELCOME: Mapping[str, tuple[Any, int]] = {
    "0 x n": (np.zeros((0, 4)), 0),
    "n x 0": (np.zeros((4, 0)), 0),
    "1 x n": (np.ones((1, 9)), 1),
    "n x 1": (np.ones((9, 1)), 1),
    "1 x n of zeros": (np.zeros((1, 9)), 0),
    "zeros": (np.zeros((9, 4)), 0),
    "sparse 0 x n": (sp.csr_array((0, 4)), 0),
    "sparse zeros": (sp.csr_array((9, 4)), 0),
    "integers": (np.arange(12).reshape(4, 3), 2),
    "booleans": (np.eye(4, 6, dtype=bool), 4),
    "sparse with zeros stored": (
        sp.csr_array((np.array([0.0, 1.0, 0.0]), ([0, 1, 2], [0, 1, 2])), shape=(4, 3)), 1,
    ),
    "sparse of subnormal numbers": (
        sp.csr_array(np.array([[5e-324, 0.0, 0.0], [0.0, 1e-320, 0.0]])), 2,
    ),
    "sparse with indices out of order": (
        sp.csr_array((np.array([2.0, 1.0, 3.0]), np.array([2, 0, 1]), np.array([0, 2, 3])), (2, 3)),
        2,
    ),
    "sparse with wide indices": (
        sp.csr_array((np.ones(2), np.array([0, 2], np.int64), np.array([0, 1, 2], np.int64))), 2,
    ),
    "sparse with duplicates": (
        sp.coo_array((np.array([1.0, -1.0, 2.0]), ([0, 0, 1], [0, 0, 1])), shape=(4, 3)), 1,
    ),
    "complex": (X * 1j, 3),
    "single": (X.astype(np.float32), 3),
    "single complex": ((X * 1j).astype(np.complex64), 3),
    "half": (X.astype(np.float16), 3),
    "column order": (np.asfortranarray(X), 3),
    "a view from behind": (X[::-1, ::-1], 3),
    "read only": (np.lib.stride_tricks.as_strided(X, writeable=False), 3),
    "scaled by 1e300": (X * 1e300, 3),
    "scaled by 1e-300": (X * 1e-300, 3),
    "single scaled by 1e30": ((X * 1e30).astype(np.float32), 3),
    "products of 1e200": (spla.aslinearoperator(X * 1e200), 3),
    "products of 1e-200": (spla.aslinearoperator(X * 1e-200), 3),
    "vectors only": (hidden(lambda x: X @ x, lambda y: X.T @ y), 3),
    "a transposed operator": (spla.aslinearoperator(X).T, 3),
}  # fmt: skip
OPTIONS: Mapping[str, tuple[dict[str, Any], str]] = {
    "hermitian=True": ({"hermitian": True}, "only a square matrix"),
    "hermitian of another kind": ({"hermitian": 1}, "hermitian=1 must be"),
    "null vectors": ({"deflate": np.eye(4, 1)}, "gram"),
    "a diagonal": ({"preconditioner": np.ones(4)}, "equilibrate"),
    "amg": ({"preconditioner": "amg"}, "equilibrate"),
    "chebyshev": ({"method": "chebyshev"}, "augmented"),
    "langevin": ({"method": "langevin"}, "augmented"),
    "sketch": ({"method": "sketch"}, "augmented"),
    "projection": ({"method": "projection"}, "augmented"),
    "ubaru-saad": ({"method": "ubaru-saad"}, "augmented"),
}


def is_refused(A: Any, error: type[Exception], message: str, method: Any, tmp: Path) -> None:
    with pytest.raises(error, match=message):
        symrank.rank(A, method, rng=1)


def is_counted(A: Any, rank: int, method: Any, tmp: Path) -> None:
    before = np.array(A) if isinstance(A, np.ndarray) else None
    result = symrank.rank(A, method, rng=1, precision=0.1, max_matvecs=2000)
    low, high = result.interval(1.0 - 1e-9)
    assert low <= rank <= high
    if method is None:
        assert (result.rank, result.status.name, result.nullity) == (
            rank,
            "EXACT",
            A.shape[1] - rank,
        )
    assert before is None or (before == A).all()


def is_counted_by_structure(A: Any, rank: int, tmp: Path) -> None:
    with patch.object(entries, "CHEAP", 0.0), patch.object(merging, "SHARE", 0.0):
        is_counted(A, rank, None, tmp)


def is_refused_before_structure(A: Any, error: Any, message: str, tmp: Path) -> None:
    with patch.object(entries, "CHEAP", 0.0), patch.object(merging, "SHARE", 0.0):
        is_refused(A, error, message, None, tmp)


def is_no_option(options: dict[str, Any], message: str, tmp: Path) -> None:
    with pytest.raises((OptionError, OperatorError), match=message):
        symrank.rank(X, rng=1, **options)


def changes_are_seen(tmp: Path) -> None:
    with pytest.raises((ChangedOperatorError, NotSymmetricError)):
        symrank.rank(Fickle(), "lanczos", rng=1)


def _wide(A: Any) -> Any:
    """Return what `scipy.sparse` takes."""
    return A.astype(np.float32) if A.dtype == np.float16 else A


def _rows() -> list[Row]:
    rows = [Row(group="rectangles", fault="it changes", door="lanczos", check=changes_are_seen)]
    for method in (None, "lanczos"):
        door = f"rank, {method}"
        for name, (A, error, message) in REFUSED.items():
            check = partial(is_refused, A, error, message, method)
            rows.append(Row(group="rectangles", fault=name, door=door, check=check))
        for name, (A, rank) in WELCOME.items():
            check = partial(is_counted, A, rank, method)
            rows.append(Row(group="rectangles", fault=name, door=door, check=check))
    for name, (A, rank) in WELCOME.items():
        if not isinstance(A, spla.LinearOperator):
            check = partial(is_counted_by_structure, sp.csr_array(_wide(A)), rank)
            rows.append(Row(group="rectangles", fault=name, door="structure", check=check))
    for value in (NAN, INF):
        check = partial(
            is_refused_before_structure, sp.csr_array(spoilt(value)), NonFiniteError, "A.5, 2."
        )
        rows.append(Row(group="rectangles", fault=f"{value}", door="structure", check=check))
    for name, (options, message) in OPTIONS.items():
        check = partial(is_no_option, options, message)
        rows.append(Row(group="rectangles", fault=name, door="options", check=check))
    return rows


ROWS = _rows()
