"""The caller's code: what goes in is its own, and what comes back is looked at once.

An operator, a preconditioner or an observer may do anything with what it is given. So

- a block that goes in is a private copy: code that works in place on it changes nothing here. A
  read-only view would cost nothing, and break compiled code that declares its argument writable;
- what comes back has the right shape, real or complex numbers and no NaN or infinity, or is an
  error at once: the kernels read as many rows as they are told, whatever the product has;
- it is memory that no one else holds, or it is copied: a buffer that is returned again and again
  would change products that are still in use;
- the caller's floating-point error state is in force while the caller's code runs, and what that
  code sets is undone after it; everything else here runs with overflow and its like ignored, as
  all that counts is looked at by its finiteness;
- an exception is marked as the caller's, so that a run can tell it from one of its own.
"""

import contextlib
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from symrank.errors import NonFiniteError, OperatorError, SymrankError
from symrank.support.blocks import empty_block
from symrank.support.typing import Array

__all__ = [
    "callers_code",
    "callers_state",
    "is_callers",
    "mark",
    "named_package",
    "overflow_allowed",
    "own_arithmetic",
    "product_of",
    "refuse_non_finite",
    "tell",
]

MARK = "_symrank_is_callers"  # attribute of an exception of the caller's code
RAISED, TOLD = "raised", "told"  # its values: a run has added nothing yet, or the product
_SPARE: ContextVar[list[Array] | None] = ContextVar("spare", default=None)  # of one run
_CALLERS_STATE: ContextVar[dict[str, Any] | None] = ContextVar("callers_state", default=None)


def named_package(module: str) -> str:
    """Return the top-level package of a dotted module name."""
    return module.partition(".")[0]


@contextmanager
def own_arithmetic(state: Mapping[str, Any] | None = None) -> Iterator[None]:
    """Ignore floating-point errors inside, and keep the caller's state for the caller's code.

    `state` is that of a caller in another thread or process.
    """
    kept = dict(np.geterr() if state is None else state)
    token, spare = _CALLERS_STATE.set(kept), _SPARE.set([])
    try:
        with np.errstate(all="ignore"):
            yield
    finally:
        _CALLERS_STATE.reset(token)
        _SPARE.reset(spare)


def callers_state() -> dict[str, Any]:
    """Return the caller's error state, for a worker who will run the caller's code."""
    return dict(_CALLERS_STATE.get() or np.geterr())


@contextmanager
def overflow_allowed() -> Iterator[None]:
    """Let the caller's code overflow in silence inside: a first product tells a norm of 1e308."""
    before = _CALLERS_STATE.get() or {}
    token = _CALLERS_STATE.set({**before, "over": "ignore", "invalid": "ignore"})
    try:
        yield
    finally:
        _CALLERS_STATE.reset(token)


@contextmanager
def callers_code() -> Iterator[None]:
    """Run the caller's code in the caller's error state, and mark what it raises."""
    state = _CALLERS_STATE.get() or {}
    try:
        with np.errstate(**state):
            yield
    except BaseException as error:
        mark(error)
        raise


def is_callers(error: BaseException) -> bool:
    """Tell whether an exception was raised by the caller's code."""
    return bool(getattr(error, MARK, False))


def mark(error: BaseException) -> None:
    """Mark an exception as one of the caller's code."""
    _set(error, MARK, RAISED)


def tell(error: BaseException, product: int, result: Any) -> None:
    """Give an error of a run the number of the product and what was known before.

    An exception of the caller's code keeps its type and gets a note; another one that is no
    `SymrankError` is a fault of this package, and is left alone.
    """
    if isinstance(error, SymrankError) and not is_callers(error):
        error.tell(product, result)
    elif getattr(error, MARK, "") == RAISED or (is_callers(error) and result is not None):
        known = "nothing was known before" if result is None else f"known before: {result}"
        _set(error, "result", result)
        _set(error, MARK, TOLD)
        error.add_note(f"Raised by the caller's code in product {product} of a run; {known}.")


def _set(error: BaseException, name: str, value: Any) -> None:
    """Set an attribute where the class of the error allows it."""
    with contextlib.suppress(Exception):
        setattr(error, name, value)


def product_of(
    call: Callable[[Array], Any],
    X: Array,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    what: str = "the operator",
    kind: type[SymrankError] = OperatorError,
    *,
    is_summed: bool = False,
) -> Array:
    """Return what the caller's code makes of a copy of X: fresh, C-ordered, of `dtype`, finite.

    With `is_summed` it may not be finite: the caller of this adds it up, and looks at the sums.

    Raises
    ------
    OperatorError
        Or `kind`: where the product is no block of numbers of this shape, or is complex although
        `dtype` is real.
    NonFiniteError
        Where it holds infinities or NaN.
    """
    product, num_holders, given = _called(call, X)
    block = _numbers(product, shape, dtype, what, kind)
    is_alone = block is product and num_holders <= ALONE and block.base is None
    is_fit = block.dtype == dtype and block.flags.carray and block.flags.owndata
    if not (is_alone and is_fit):
        with np.errstate(over="ignore", invalid="ignore"):
            block = np.array(block, dtype=dtype, order="C")
    if not is_summed:
        refuse_non_finite(block, what)
    del product
    _keep(given)
    return block


def refuse_non_finite(block: Array, what: str = "the operator") -> None:
    """Raise where a product holds infinities or NaN, and say where the first is."""
    with np.errstate(all="ignore"):
        if np.isfinite(block.sum()):  # one pass without a temporary; else it may have overflowed
            return
        bad = np.argwhere(~np.isfinite(block))
    if len(bad):
        row = int(bad[0][0])
        raise NonFiniteError(
            f"a product with {what} holds infinities or NaN: {len(bad)} of {block.size} numbers, "
            f"the first in row {row}: {block[tuple(bad[0])]}. Look for overflow, a division by "
            "zero or missing data in it."
        )


def _called(call: Callable[[Array], Any], X: Array) -> tuple[Any, int, Array]:
    """Call the caller's code with a copy; return the product, how many hold it, and the copy."""
    given = _copy(X)
    with callers_code():
        product = call(given)
    return product, sys.getrefcount(product), given


def _copy(X: Array) -> Array:
    """Return a copy on cache lines, in the memory of the last one where no one kept that."""
    spare = _SPARE.get()
    block = spare.pop() if spare else None
    if block is None or block.shape != X.shape or block.dtype != X.dtype:
        block = empty_block(X.shape[0], math.prod(X.shape[1:]), X.dtype).reshape(X.shape)
    block[...] = X
    return block


def _keep(block: Array) -> None:
    """Keep the memory of a copy for the next one, unless the caller's code holds it or a part.

    Fresh memory costs as much as a sparse product: the system hands it out zeroed, page by page.
    """
    spare = _SPARE.get()
    if spare is not None and _holders(block) <= ALONE_COPY:
        spare[:] = [block]


def _holders(block: Array) -> int:
    """Return how many hold a block or the memory below it, frames included."""
    return sys.getrefcount(block) + sys.getrefcount(block.base)


def _counts() -> tuple[int, int]:
    """Return the numbers of holders of a product and of a copy that no one else holds.

    They are counted, as they differ between interpreters.
    """
    product, num_holders, given = _called(lambda X: X + 1.0, np.zeros((1, 1)))
    del product
    return num_holders, _counted(given)


def _counted(block: Array) -> int:
    """Count as `_keep` does."""
    return _holders(block)


ALONE, ALONE_COPY = _counts()


def _numbers(
    product: Any, shape: tuple[int, ...], dtype: np.dtype[Any], what: str, kind: type[SymrankError]
) -> Array:
    """Return a product as an array of numbers of this shape, or raise."""
    remedy = f"Return a fresh array of shape {shape} and dtype {dtype}."
    if product is None:
        raise kind(f"a product with {what} is None: is a return statement missing? {remedy}")
    try:
        block = np.asarray(product)
    except (ValueError, TypeError) as error:
        raise kind(
            f"a product with {what} is a {type(product).__name__} that makes no array: {error}. "
            f"{remedy}"
        ) from error
    if block.dtype.kind not in "biufc":
        raise kind(
            f"a product with {what} is a {type(product).__name__} of dtype {block.dtype}, which "
            f"holds no numbers. {remedy}"
        )
    if block.shape != shape:
        raise kind(
            f"{what} turned columns of shape {shape} into {block.shape}, and a product is of the "
            f"same shape. {remedy}"
        )
    if block.dtype.kind == "c" and dtype.kind != "c":
        raise kind(
            f"{what} states dtype {dtype}, but its product is {block.dtype}. Construct it with "
            "dtype=complex, or return the real part where the other is rounding."
        )
    return block
