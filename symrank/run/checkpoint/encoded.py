"""States of tasks as plain values and named arrays, and back; nothing is pickled.

A state is a tree of the classes listed here, lists, tuples, dictionaries, numbers and arrays. Plain
values go into JSON. Arrays go into two groups: those that a summary reads, and the blocks of
vectors (`AWAY`) that only the next task on the same state needs, which are as large as all else is
small. A state that is read without the second group has an `Absent` in the place of each: it knows
its shape, and raises where anyone wants its numbers.

No class is imported by a name that a file gives, and no constructor runs.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np

from symrank.methods.eigenvalues.dense import Spectrum
from symrank.methods.eigenvalues.two_sided import TwoSided
from symrank.methods.pivots.counts import Counts
from symrank.methods.pivots.ldl import Cost
from symrank.methods.spaces.metric import Metric
from symrank.methods.spaces.null_mass import NullMass
from symrank.methods.spaces.null_space import NullBlock
from symrank.methods.spaces.range_sketch import RangeEvidence, RangeSketch
from symrank.methods.spaces.reflectors import Reflectors
from symrank.methods.spaces.trial import Trial
from symrank.recurrences.conjugate_gradient import CGState
from symrank.recurrences.lanczos import BidiagonalState, LanczosState
from symrank.recurrences.langevin import ChainState
from symrank.recurrences.loss_langevin import LossChains, Rung, Sight
from symrank.recurrences.minres import MinresState
from symrank.recurrences.norm import Norm
from symrank.recurrences.segments import on_host
from symrank.spectrum.region import Edge, Region
from symrank.support.typing import Array

__all__ = ["Absent", "Encoded", "decode"]

CLASSES: tuple[type, ...] = (
    BidiagonalState, CGState, ChainState, Cost, Counts, Edge, LanczosState, LossChains, Metric,
    MinresState, Norm, NullBlock, NullMass, RangeEvidence, RangeSketch, Reflectors, Region, Rung,
    Sight, Spectrum, Trial, TwoSided,
)  # fmt: skip
BY_NAME = {cls.__name__: cls for cls in CLASSES}
AWAY: Mapping[type, tuple[str, ...]] = {
    LanczosState: LanczosState.blocks,
    BidiagonalState: BidiagonalState.blocks,
    ChainState: ChainState.blocks,
    CGState: ("X", "R", "P", "Y", "Q"),
    MinresState: ("X", "V", "V_prev", "Z", "W", "W_prev", "Y", "Q", "Q_prev"),
}
DEEPEST = 20  # levels of a tree: a state has less than ten


@dataclasses.dataclass(frozen=True)
class Absent:
    """An array that was left in its file."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    __array_ufunc__ = None

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    def __array__(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse: what would come of it were no numbers of the run."""
        raise AssertionError("an array that was left in its file was asked for its numbers")


class Encoded:
    """A state taken apart.

    Attributes
    ----------
    tree
        In the types of JSON.
    arrays, away
        By the names that the tree has for them.
    """

    def __init__(self, state: Any) -> None:
        self.arrays: dict[str, Array] = {}
        self.away: dict[str, Array] = {}
        self._names: dict[tuple[int, bool], str] = {}
        self.tree = self._of(state, is_away=False)

    def _of(self, value: Any, *, is_away: bool) -> Any:
        if value is None or type(value) in (bool, int, float, str):
            return value
        if type(value) is list:
            return self._of_list(value, is_away=is_away)
        if type(value) is tuple:
            return {"tuple": [self._of(one, is_away=is_away) for one in value]}
        if type(value) is dict:
            pairs = [[self._of(x, is_away=is_away) for x in pair] for pair in value.items()]
            return {"dict": pairs}
        if isinstance(value, np.generic):
            return {"number": value.dtype.str, "bytes": value.tobytes().hex()}
        if isinstance(value, np.dtype):
            return {"dtype": value.str}
        if type(value) in CLASSES:
            return self._of_object(value)
        return self._of_array(on_host(value), is_away=is_away)

    def _of_object(self, value: Any) -> Any:
        if isinstance(value, tuple):
            return {
                "of": type(value).__name__,
                "values": [self._of(x, is_away=False) for x in value],
            }
        away = AWAY.get(type(value), ())
        fields = {
            field.name: self._of(getattr(value, field.name), is_away=field.name in away)
            for field in dataclasses.fields(value)
        }
        return {"of": type(value).__name__, "fields": fields}

    def _of_list(self, values: list[Any], *, is_away: bool) -> Any:
        """Put arrays of one shape into one: a solve has some for every step."""
        kinds = {(type(x), getattr(x, "shape", None), getattr(x, "dtype", None)) for x in values}
        if len(values) > 1 and len(kinds) == 1 and isinstance(values[0], np.ndarray):
            return {"rows": self._of_array(np.stack(values), is_away=is_away)}
        return [self._of(one, is_away=is_away) for one in values]

    def _of_array(self, value: Any, *, is_away: bool) -> Any:
        if not isinstance(value, np.ndarray) or value.dtype.hasobject:
            raise TypeError(f"a state holds a {type(value).__name__}, which no file takes")
        group = self.away if is_away else self.arrays
        name = self._names.setdefault(
            (id(value), is_away), f"{'v' if is_away else 'a'}{len(group)}"
        )
        group[name] = value
        return {"array": name, "shape": list(value.shape), "dtype": value.dtype.str}


def decode(tree: Any, arrays: Mapping[str, Array]) -> Any:
    """Return the state of a tree; an array that is not among `arrays` is `Absent`.

    Raises
    ------
    ValueError, TypeError
        Where the tree is none of a state.
    """
    return _decoded(tree, arrays, DEEPEST)


def _decoded(tree: Any, arrays: Mapping[str, Array], levels: int) -> Any:
    if not levels:
        raise ValueError("a tree is nested too deeply")
    if tree is None or isinstance(tree, bool | int | float | str):
        return tree
    parts = tree if isinstance(tree, list) else None
    if parts is not None:
        return [_decoded(one, arrays, levels - 1) for one in parts]
    if not isinstance(tree, dict):
        raise TypeError(f"a tree holds a {type(tree).__name__}")
    if "array" in tree:
        return _array(tree, arrays)
    if "rows" in tree:
        return list(_array(tree["rows"], arrays))
    if "number" in tree:
        return np.frombuffer(bytes.fromhex(tree["bytes"]), np.dtype(tree["number"]))[0]
    if "dtype" in tree:
        return np.dtype(tree["dtype"])
    if "tuple" in tree:
        return tuple(_decoded(one, arrays, levels - 1) for one in tree["tuple"])
    if "dict" in tree:
        return {
            _decoded(name, arrays, levels - 1): _decoded(value, arrays, levels - 1)
            for name, value in tree["dict"]
        }
    return _object(tree, arrays, levels)


def _array(tree: Mapping[str, Any], arrays: Mapping[str, Array]) -> Any:
    shape, dtype = tuple(tree["shape"]), np.dtype(tree["dtype"])
    array = arrays.get(tree["array"])
    if array is None:
        return Absent(shape, dtype)
    if array.shape != shape or array.dtype != dtype:
        raise ValueError(f"the array {tree['array']} is {array.shape} {array.dtype}")
    return array


def _object(tree: Mapping[str, Any], arrays: Mapping[str, Array], levels: int) -> Any:
    cls = BY_NAME.get(tree.get("of", ""))
    if cls is None:
        raise ValueError("a tree names an unknown class")
    if issubclass(cls, tuple):
        return cls(*(_decoded(one, arrays, levels - 1) for one in tree["values"]))
    names = {field.name for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    if set(tree["fields"]) != names:
        raise ValueError(f"a {cls.__name__} has the fields {sorted(tree['fields'])}")
    made = object.__new__(cls)
    for name, value in tree["fields"].items():
        object.__setattr__(made, name, _decoded(value, arrays, levels - 1))
    return made
