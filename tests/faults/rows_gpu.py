"""Rows: CuPy, its driver or its memory missing, and operators of a device that misbehave.

CuPy is a stand-in (`tests.device.stand_in`); rows that reach a kernel need g++.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

import symrank
from symrank import gallery
from symrank.errors import (
    ChangedOperatorError,
    DeviceMemoryError,
    MissingBackendError,
    NonFiniteError,
    NotSymmetricError,
    OperatorError,
    OptionError,
    SymrankError,
)
from tests.device import host, stand_in
from tests.faults.row import Row

N = 90
D = np.repeat([2.0, 1.0, 0.0], N // 3)


@contextmanager
def device(**options: Any) -> Iterator[Any]:
    """A device, or a skip with the reason."""
    if host.why_not():
        pytest.skip(host.why_not())
    with stand_in.installed(**options) as pool:
        yield pool


def matrix() -> Any:
    return stand_in.csr_matrix(sp.csr_matrix(gallery.grid_laplacian((9, 10))))


def raises(kind: type[SymrankError], words: str, ask: Callable[[], Any]) -> None:
    with pytest.raises(kind, match=words):
        ask()


def no_cupy(tmp: Path) -> None:
    with stand_in.hidden(stand_in.NAME, "cupy", "cupyx"), pytest.MonkeyPatch.context() as patch:
        patch.setitem(__import__("sys").modules, "cupy", None)
        raises(MissingBackendError, "pip install cupy", lambda: symrank.rank(matrix()))
        raises(MissingBackendError, "pip install cupy", asked_of_the_host)
        assert symrank.rank(np.eye(5)).rank == 5


def asked_of_the_host() -> None:
    symrank.rank(np.eye(5), symrank.Lanczos(kernel="gpu_cupy"))


def no_driver(tmp: Path) -> None:
    with stand_in.installed(num_devices=0):
        raises(MissingBackendError, "finds none.*install the driver", partial(
            symrank.rank, matrix()))  # fmt: skip
        raises(MissingBackendError, "finds none.*install the driver", asked_of_the_host)
    with device():
        raises(OptionError, "made on the host", asked_of_the_host)


def no_memory(tmp: Path) -> None:
    with device(free=2000):
        raises(DeviceMemoryError, "0 columns fit", lambda: symrank.rank(matrix(), "lanczos"))


def another_device(tmp: Path) -> None:
    with device(current=1):
        words = r"lives on device 0, and the current device is 1.*with cupy.cuda.Device\(0\)"
        raises(OperatorError, words, lambda: symrank.rank(matrix()))
        A = stand_in.ndarray(np.eye(4))
        raises(OperatorError, words, lambda: symrank.rank(A))


def not_symmetric(tmp: Path) -> None:
    with device():
        A = stand_in.ndarray(np.triu(np.ones((50, 50))))
        raises(NotSymmetricError, "not symmetric", lambda: symrank.rank(A))


def not_finite(tmp: Path) -> None:
    with device():
        A = np.eye(50)
        A[3, 3] = np.nan
        raises(NonFiniteError, "infinities or NaN|not finite", lambda: symrank.rank(
            stand_in.ndarray(A), "lanczos"))  # fmt: skip


def rectangle(tmp: Path) -> None:
    with device():
        A = stand_in.ndarray(np.ones((2, 3)))
        for method in (None, "lanczos"):
            ask = partial(symrank.rank, A, method)
            raises(OperatorError, r"2x3 and lives on a device.*pass A.get\(\)", ask)
        raises(OperatorError, r"pass A.get\(\)", lambda: symrank.gram(
            stand_in.ndarray(np.ones((2, 3)))))  # fmt: skip


def known_null_vectors(tmp: Path) -> None:
    with device():
        ones = np.ones((90, 1))
        raises(OperatorError, r"on a device: pass A.get\(\)", lambda: symrank.rank(
            matrix(), deflate=ones, rng=1))  # fmt: skip
        raises(OptionError, "deflate is no array", lambda: symrank.rank(
            gallery.grid_laplacian((9, 10)), deflate=stand_in.ndarray(ones), rng=1))  # fmt: skip


def objects(tmp: Path) -> None:
    class Module:
        __module__ = "cupy.cuda"

    with device():
        raises(OperatorError, "cupy.cuda.Module, which is not an operator", partial(
            symrank.rank, Module()))  # fmt: skip


class Late:
    """X -> D X on the device, with a fault from a call on."""

    def __init__(self, fault: Callable[[Any], Any], late: int) -> None:
        self.fault, self.left = fault, late

    def __call__(self, X: Any) -> Any:
        self.left -= 1
        Y = stand_in.ndarray(D[:, None]) * X
        return Y if self.left >= 0 else self.fault(Y)


KEPT: dict[Any, Any] = {}


def one_buffer(Y: Any) -> Any:
    """Return the same array again and again."""
    kept = KEPT.setdefault(Y.shape, Y.copy())
    kept[...] = Y
    return kept


def in_place(Y: Any) -> Any:
    Y *= 1.0
    return Y


PRODUCTS: dict[str, tuple[Callable[[Any], Any], type[SymrankError] | None, str]] = {
    "comes from the host": (lambda Y: Y.get(), OperatorError, "multiplied on the device"),
    "has another shape": (lambda Y: Y[:3], OperatorError, "turned columns of shape"),
    "is None": (lambda Y: None, OperatorError, "NoneType"),
    "is complex": (lambda Y: Y * 1j, OperatorError, "states dtype float64"),
    "is NaN": (lambda Y: Y * np.nan, NonFiniteError, "infinities or NaN"),
    "is another operator's": (lambda Y: Y * 1.01, ChangedOperatorError, "changed|wrong"),
    "is one buffer": (one_buffer, None, ""),
    "is made in place": (in_place, None, ""),
}


def product(
    fault: Callable[[Any], Any], kind: type[SymrankError] | None, words: str, late: int, tmp: Path
) -> None:
    KEPT.clear()
    with device():
        call = Late(fault, late)
        A = stand_in.LinearOperator((N, N), call, matmat=call, dtype=float)

        def ask() -> Any:
            return symrank.rank(A, "lanczos", rng=1, max_matvecs=400)

        if kind is None:
            low, high = ask().interval()
            assert low <= 2 * N // 3 <= high
        elif late == 0 and kind is ChangedOperatorError:
            ask()
        else:
            raises(kind, words, ask)


ROWS = [
    Row(group="gpu", fault="no CuPy", door="rank", check=no_cupy),
    Row(group="gpu", fault="CuPy without a driver", door="rank", check=no_driver),
    Row(group="gpu", fault="memory for no column", door="rank", check=no_memory),
    Row(group="gpu", fault="an array of another device", door="rank", check=another_device),
    Row(group="gpu", fault="not symmetric", door="rank", check=not_symmetric),
    Row(group="gpu", fault="an entry is NaN", door="rank", check=not_finite),
    Row(group="gpu", fault="a rectangle", door="rank, gram", check=rectangle),
    Row(group="gpu", fault="null vectors and a device", door="rank", check=known_null_vectors),
    Row(group="gpu", fault="what is no operator", door="rank", check=objects),
    *(
        Row(group="gpu", fault=f"a product {name}, from call {late}", door="rank LinearOperator",
            check=partial(product, *fault, late))
        for name, fault in PRODUCTS.items() for late in (0, 12)
    ),
]  # fmt: skip
