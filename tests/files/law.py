"""What may come of a file: its matrix, as a second reader has it, or one clear error."""

import math
import warnings
from pathlib import Path

import numpy as np
import scipy.sparse as sp

import symrank
from symrank.errors import SymrankError
from symrank.files import load_matrix
from symrank.operators import PaddedMatrix
from symrank.support.text import printable
from tests.files import plain_reader

__all__ = ["ANSWER", "ERROR", "REFUSED", "TRACEBACK", "WRONG", "outcome"]

ANSWER, ERROR = "an answer", "an error"
REFUSED = "an error, though the second reader takes it"
WRONG, TRACEBACK = "wrong in silence", "a traceback"
MOST_PRODUCTS = 200


def outcome(path: Path) -> tuple[str, str]:
    """Load and rank one file; return what came of it, and a detail."""
    try:
        truth = plain_reader.read(path.name, path.read_bytes())
    except plain_reader.DamagedError as error:
        truth = error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            matrix = load_matrix(path)
            difference = _difference(matrix, truth)
            if difference:
                return WRONG, difference
            return ANSWER, _rank(matrix)
    except SymrankError as error:
        if len(str(error).splitlines()) != 1 or printable(str(error)) != str(error):
            return TRACEBACK, f"an error of several lines: {error!r}"
        if isinstance(truth, plain_reader.Plain) and "symmetric" not in str(error):
            return REFUSED, str(error)
        return ERROR, str(error)
    except Exception as error:  # whatever it is, it should have been a SymrankError
        return TRACEBACK, repr(error)


def _rank(matrix) -> str:
    """Return the rank in words; an operator that symrank refuses is an answer as well."""
    try:
        is_square = len(matrix.shape) != 2 or matrix.shape[0] == matrix.shape[1]
        A = matrix if is_square else symrank.augmented(matrix)
        result = symrank.rank(A, max_matvecs=MOST_PRODUCTS, rng=0)
    except SymrankError as error:
        return f"{type(error).__name__}: {error}"
    low, high = result.interval()
    if not 0 <= low <= result.rank <= high <= result.n:
        raise ArithmeticError(f"{result.rank} in [{low}, {high}] of {result.n}")
    return f"{result.status.name} {result.rank} of {result.n}"


def _difference(matrix, truth) -> str:
    """Say in what a loaded matrix differs from the truth; nothing where it does not."""
    if len(matrix.shape) != 2:
        return ""  # no matrix, which is for whoever multiplies it to say
    if not isinstance(truth, plain_reader.Plain):
        return f"read as {matrix!r}"[:200] + f", and it is damaged: {truth}"
    if tuple(matrix.shape) != tuple(truth.shape):
        return f"shape {matrix.shape} instead of {truth.shape}"
    mine = _entries(matrix)
    for place in mine.keys() | truth.entries.keys():
        values = truth.entries.get(place, [0])
        want, have = sum(values), mine.get(place, 0)
        if len(values) > 1 and all(isinstance(value, bool) for value in values):
            continue  # a sum of bits is a question of taste
        if not _equal(complex(want), complex(have), is_exact=len(values) == 1):
            return f"{have} instead of {want} at {place}"
    return ""


def _entries(matrix) -> dict:
    if isinstance(matrix, np.ndarray):
        return dict(np.ndenumerate(matrix.astype(object)))
    whole = matrix.tocoo() if isinstance(matrix, PaddedMatrix) else sp.coo_array(matrix)
    found: dict = {}
    for i, j, value in zip(
        whole.row.tolist(), whole.col.tolist(), whole.data.tolist(), strict=True
    ):
        found[i, j] = found.get((i, j), 0) + value
    return found


def _equal(a: complex, b: complex, *, is_exact: bool) -> bool:
    return all(
        x == y
        or (math.isnan(x) and math.isnan(y))
        or (not is_exact and math.isclose(x, y, rel_tol=1e-6, abs_tol=1e-12))
        for x, y in ((a.real, b.real), (a.imag, b.imag))
    )
