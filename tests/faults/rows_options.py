"""Rows: options of the Python door that are none.

Every option of `rank`, `count` and `plan`, and every field of a method object, meets values that
are none: an `OptionError` before the first product, with the name in it. Names that other
libraries use are answered with the name here.
"""

import inspect
import math
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import symrank
from symrank.errors import OptionError
from tests.faults.row import Row

A = np.diag([3.0, 1.0, 0.0])
TWO = ThreadPoolExecutor(2)
NAN, INF = math.nan, math.inf
NO_NUMBERS = ("a", "1", b"1", True, np.bool_(True), NAN, 1j, [1.0], (), {}, np.ones(2), object())
NO_WHOLE = (*NO_NUMBERS, 2.5, -1, -INF, Fraction(1, 2))
NO_COUNTS = (*NO_WHOLE, 0)


class Untouched:
    """An operator that fails the row when it is multiplied: options are looked at first."""

    shape, dtype = (3, 3), np.dtype(np.float64)

    def matmat(self, X: Any) -> Any:
        raise AssertionError("a product was made before the options were looked at")

    matvec = matmat


def rank(**options: Any) -> Any:
    return symrank.rank(Untouched(), **options)


def plan(**options: Any) -> Any:
    return symrank.plan(Untouched(), **options)


def count(**options: Any) -> Any:
    return symrank.count(Untouched(), 0.5, 2.0, **options)


def table(**options: Any) -> Any:
    return symrank.count(Untouched(), [0.5, 1.5, 2.0], **options)


def inertia(**options: Any) -> Any:
    return symrank.inertia(Untouched(), **options)


def null_space(**options: Any) -> Any:
    return symrank.null_space(Untouched(), **options)


def range_space(**options: Any) -> Any:
    return symrank.range_space(Untouched(), **options)


def pencil(**options: Any) -> Any:
    return symrank.count(Untouched(), 0.5, 2.0, M=np.ones(3), **options)


DOORS: Mapping[str, Callable[..., Any]] = {
    "rank": rank, "count": count, "table": table, "plan": plan, "inertia": inertia,
    "null_space": null_space, "range_space": range_space, "pencil": pencil,
}  # fmt: skip

BAD_OPTIONS: Mapping[str, tuple[Any, ...]] = {
    "atol": (*NO_NUMBERS, -1, -1e-300, INF),
    "rtol": (*NO_NUMBERS, -1, -1e-300, INF),
    "precision": (*NO_NUMBERS, -1, 0, 0.0, INF),
    "confidence": (*NO_NUMBERS, None, -1, 0, 1, 2, 95, INF, 1.0 - 1e-18),
    "max_matvecs": (*NO_COUNTS, np.float32(0.5)),
    "max_seconds": (*NO_NUMBERS, -1, 0, -INF),
    "noise": (*NO_NUMBERS, -1, 0.1, 1, INF),
    "rng": ("a", True, 2.5, -1, NAN, [1, 2], np.random.RandomState(1), np.random.default_rng),
    "progress": ("a", True, 1, [print]),
    "executor": (
        "a",
        "",
        b"threads",
        True,
        0,
        -1,
        2.0,
        10**9,
        NAN,
        [2],
        np.ones(2),
        ThreadPoolExecutor,
        object(),
    ),
    "check": ("a", None, 1, 0, "False", NAN, np.ones(2)),
    "method": ("fast", "", True, 1, symrank.Lanczos, [symrank.Lanczos()], b"lanczos"),
}
GOOD_OPTIONS: Mapping[str, tuple[Any, ...]] = {
    "atol": (None, 0, 0.5, np.float32(0.5), Fraction(1, 2), np.array(0.5)),
    "rtol": (None, 0, 0.1, np.float64(0.1), Fraction(1, 10)),
    "precision": (None, 1, 0.5, np.int64(2), 1e6, 1e-300),
    "confidence": (0.5, np.float32(0.5), 0.999999, 1e-3),
    "max_matvecs": (None, 500, 500.0, np.int32(500), np.float64(1e5), INF, np.inf, 10**30),
    "max_seconds": (None, 60, 60.0, INF, np.float32(60.0), 1e300),
    "noise": (None, 0, 1e-6, np.float32(1e-6)),
    "rng": (None, 0, np.int64(7), 2**70, np.random.SeedSequence(3), np.random.default_rng(3)),
    "progress": (None, lambda now: None),
    "executor": (None, "threads", "processes", 2, np.int64(2), TWO),
    "check": (True, False, np.bool_(True)),
    "method": (None, "dense", symrank.Dense(), "lanczos"),
}


def refuses(door: str, option: str, tmp: Path) -> None:
    for value in BAD_OPTIONS[option]:
        with pytest.raises(OptionError, match=option) as caught:
            DOORS[door](**{option: value})
        assert len(str(caught.value)) < 400, value


def takes(option: str, tmp: Path) -> None:
    for value in GOOD_OPTIONS[option]:
        low, high = symrank.rank(A, **{option: value}).interval()
        wanted = 1 if option == "atol" and value and value > 1 else 2
        assert low <= wanted <= high, value


def of_every_door() -> list[Row]:
    rows = []
    of_names = ("rank", "plan", "inertia", "null_space", "range_space")
    signatures = {name: getattr(symrank, name) for name in of_names}
    for name in DOORS:
        door = signatures.get(name, symrank.count)
        for option in inspect.signature(door).parameters:
            if option in BAD_OPTIONS:
                check = partial(refuses, name, option)
                fault = f"{option} that is none"
                rows.append(Row(group="options", fault=fault, door=name, check=check))
    for option in GOOD_OPTIONS:
        check, fault = partial(takes, option), f"unusual but right {option}"
        rows.append(Row(group="options", fault=fault, door="rank", check=check))
    return rows


COUNTED = {
    symrank.Lanczos: {"num_probes": 1},
    symrank.Chebyshev: {"num_probes": 1, "degree": 1},
    symrank.UbaruSaad: {"num_vectors": 1, "degree": 1, "npts": 10},
    symrank.Langevin: {"num_steps": 1, "burn_in": 0, "num_chains": 2},
    symrank.Projection: {"num_probes": 2},
    symrank.Sketch: {"max_columns": 1},
}
WORDS = {
    symrank.Chebyshev: ("filter", "kernel"),
    symrank.UbaruSaad: ("variant", "kernel"),
    symrank.Langevin: ("scheme", "estimator", "noise", "kernel"),
    symrank.Lanczos: ("kernel",),
    symrank.Sketch: ("side", "basis"),
}
NUMBERS = {
    symrank.Langevin: {"step_size": (*NO_NUMBERS, INF), "friction": (*NO_NUMBERS, 0, -1, INF)},
    symrank.Inertia: {"max_fill": (*NO_NUMBERS, 0, -1), "max_flops": (*NO_NUMBERS, 0, -1)},
}
NO_WORDS = ("bogus", "", 3, 2.5, NAN, b"step", ["step"], np.array(["a", "b"]), {})


def field_refuses(method: Any, field: str, values: tuple[Any, ...], tmp: Path) -> None:
    for value in values:
        with pytest.raises(OptionError, match=field):
            method(**{field: value})


def of_methods() -> list[Row]:
    rows = []

    def add(method: Any, field: str, values: tuple[Any, ...]) -> None:
        check = partial(field_refuses, method, field, values)
        door = f"{method.__name__}({field}=...)"
        rows.append(Row(group="options", fault=f"{field} that is none", door=door, check=check))

    for method, counts in COUNTED.items():
        for field, least in counts.items():
            add(method, field, (*NO_WHOLE, INF, least - 1))
    for method, words in WORDS.items():
        for field in words:
            add(method, field, NO_WORDS)
    for method, numbers in NUMBERS.items():
        for field, values in numbers.items():
            add(method, field, values)
    return rows


UNKNOWN = {
    "seed": "rng=",
    "random_state": "rng=",
    "tol": "rtol=.*atol=",
    "eps": "rtol=.*atol=",
    "rcond": "rtol=",
    "maxiter": "max_matvecs=",
    "timeout": "max_seconds=",
    "n_jobs": "threads",
    "callback": "progress=",
    "M": "preconditioner=",
    "num_probes": r"method=.*Lanczos\(num_probes=",
    "max_matvec": "did you mean max_matvecs",
    "confidense": "did you mean confidence",
    "zzz": "it takes A, method, atol",
}


def names(option: str, remedy: str, tmp: Path) -> None:
    with pytest.raises(
        OptionError, match=rf"^rank\(\) has no option '{option}': .*{remedy}"
    ) as one:
        symrank.rank(Untouched(), **{option: 1})
    assert isinstance(one.value, TypeError)
    doors = [symrank.plan, symrank.inertia, symrank.null_space, symrank.range_space]
    if option != "M":  # an option of the pencil
        doors.append(partial(symrank.count, a=0.5, b=2.0))
    for door in doors:
        with pytest.raises(OptionError, match=f"has no option '{option}'"):
            door(Untouched(), **{option: 1})


def plan_names_what_it_has_not(tmp: Path) -> None:
    for option, remedy in (("method", "which one rank would choose"), ("progress", "no method")):
        with pytest.raises(OptionError, match=rf"plan\(\) has no option '{option}': .*{remedy}"):
            symrank.plan(A, **{option: None})


def bases_name_what_they_have_not(tmp: Path) -> None:
    for door, option, remedy in (
        (symrank.inertia, "atol", r"count\(A, tau, inf\)"),
        (symrank.null_space, "rcond", "eigsh"),
        (symrank.null_space, "rtol", "eigsh"),
        (symrank.null_space, "method", "follows from what A is"),
        (symrank.range_space, "preconditioner", "null_space alone"),
        (symrank.range_space, "precision", "dimension"),
    ):
        with pytest.raises(OptionError, match=rf"has no option '{option}': .*{remedy}"):
            door(A, **{option: None})


def masses(tmp: Path) -> None:
    for value in ("a", 1, True, [["a"]], [None] * 3, object(), np.ones((3, 3, 3)), [1.0, NAN, 1.0]):
        with pytest.raises(symrank.SymrankError):
            symrank.count(A, 0.5, 2.0, M=value)
    assert symrank.count(A, 0.5, 2.0, M=[1, 1, 1]).rank == 1
    assert symrank.count(A, 0.5, 2.0, M=np.eye(3, dtype=np.float16)).rank == 1


def count_names_what_it_has_not(tmp: Path) -> None:
    for option in ("atol", "rtol", "deflate", "preconditioner"):
        with pytest.raises(OptionError, match=rf"count\(\) has no option '{option}': "):
            symrank.count(A, 0.5, 2.0, **{option: None})


def ends(tmp: Path) -> None:
    for a, b in ((1, 1), (2, 1), (NAN, 1), (0, NAN), ("a", 1), (0, None), (True, 2), (0, [1, 2])):
        with pytest.raises(OptionError, match=r"^[ab]="):
            symrank.count(Untouched(), a, b)
    assert symrank.count(A, np.float32(0.5), INF).rank == 2


NO_EDGES = (3.0, [1.0], [2, 1], [1, 1], "ab", [[1, 2]], [1, NAN], [[1], [1, 2]], None, [1j, 2],
            [True, False], {}, object(), [None, 1.0])  # fmt: skip


def edges(tmp: Path) -> None:
    for value in NO_EDGES:
        with pytest.raises(OptionError, match=r"^a=.*edges of a table"):
            symrank.count(Untouched(), value)
    with pytest.raises(OptionError, match="one interval a run"):
        symrank.count(Untouched(), [0.0, 1.0], method="inertia")
    taken = symrank.count(A, (np.float32(-1), 0, 2.5, INF)).counts
    assert taken.tolist() == [1, 1, 1]


def no_limit(tmp: Path) -> None:
    for name in ("lanczos", "chebyshev", "ubaru-saad", "projection", "sketch", "langevin"):
        free = symrank.rank(np.diag([2.0] * 60 + [0.0] * 20), name, max_matvecs=INF, rng=5)
        low, high = free.interval()
        assert low <= 60 <= high, name
    assert "1000000000" not in str(symrank.plan(A, max_matvecs=INF))


def refinement(tmp: Path) -> None:
    D = symrank.gallery.diagonal(np.append(np.linspace(0.5, 1.0, 500), np.zeros(300)))
    rough = symrank.rank(D, "lanczos", precision=0.1, rng=1)
    for options in ({"precision": "a"}, {"precision": None}, {"precision": NAN}, {"precision": 0}):
        with pytest.raises(OptionError, match="precision"):
            rough.refine(**options)
    for bad in ({"max_matvecs": 2.5}, {"max_matvecs": "a"}, {"max_seconds": -1}, {"progress": 3}):
        with pytest.raises(OptionError, match=next(iter(bad))):
            rough.refine(0.05, **bad)
    low, high = rough.refine(0.05, max_matvecs=INF).interval()
    assert low <= 500 <= high


def vectors(tmp: Path) -> None:
    for value in ("a", 1, [["a"], ["b"], ["c"]], [[1], [2]], [[1], [2, 3], [4]], np.ones((3, 3))):
        with pytest.raises(OptionError, match="deflate"):
            symrank.rank(A, deflate=value)
    with pytest.raises(OptionError, match="deflate"):
        symrank.rank(A, deflate=np.full((3, 1), NAN))
    with pytest.raises(OptionError, match="deflate"):
        symrank.rank(A, deflate=np.array([[1], [None], [2]], dtype=object))
    assert symrank.rank(A, deflate=[0.0, 0.0, 1.0]).rank == 2


def preconditioners(tmp: Path) -> None:
    bad = (1, True, "ilu", np.eye(3), [1.0, 1.0, 1.0], NAN, np.array(["a"] * 3), np.ones(2))
    for value in (*bad, -np.ones(3), np.zeros(3), np.full(3, NAN), np.array([None] * 3)):
        with pytest.raises(OptionError, match="preconditioner"):
            symrank.rank(A, preconditioner=value)
    assert symrank.rank(A, preconditioner=np.ones(3)).rank == 2


def signatures_stay(tmp: Path) -> None:
    for door, first in ((symrank.rank, "A method"), (symrank.count, "A a b method")):
        parameters = inspect.signature(door).parameters
        assert list(parameters)[: len(first.split())] == first.split()
    doors = (symrank.inertia, symrank.null_space, symrank.range_space)
    for door in (symrank.rank, symrank.count, symrank.plan, *doors):
        kinds = {one.kind for one in inspect.signature(door).parameters.values()}
        assert kinds <= {inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY}
        assert door.__doc__


def one(fault: str, door: str, check: Callable[[Path], None]) -> Row:
    return Row(group="options", fault=fault, door=door, check=check)


ROWS = [
    *of_every_door(),
    *of_methods(),
    *(
        one(f"unknown option {option}", "rank, count, plan", partial(names, option, remedy))
        for option, remedy in UNKNOWN.items()
    ),
    one("options of rank alone", "plan", plan_names_what_it_has_not),
    one("options of rank alone", "count", count_names_what_it_has_not),
    one("options of rank alone", "inertia, null_space, range_space", bases_name_what_they_have_not),
    one("a mass that is none", "count of a pencil", masses),
    one("ends that are none", "count", ends),
    one("edges that are none", "count of a table", edges),
    one("max_matvecs without a limit", "every method", no_limit),
    one("options that are none", "refine", refinement),
    one("deflate that is none", "rank", vectors),
    one("preconditioner that is none", "rank", preconditioners),
    one("checks of names hide the signature", "rank, count, plan", signatures_stay),
]
