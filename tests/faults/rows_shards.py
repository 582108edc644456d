"""Rows: shards of a loss that are none, or others the next time."""

import itertools
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import symrank
from symrank.errors import NonFiniteError, OperatorError, OptionError, SymrankError
from tests.faults.row import Row

SHARDS = 3
LATE = 7  # batches: the loss is looked at by fewer passes

Shard = Callable[[int], Any]
Kinds = type[BaseException] | tuple[type[BaseException], ...]


def batch(torch: Any, i: int, size: int = 4) -> Any:
    generator = torch.Generator().manual_seed(i)
    inputs = torch.randn(size, 5, generator=generator, dtype=torch.float64)
    return inputs, inputs.sum(dim=1, keepdim=True)


def good(torch: Any) -> Shard:
    return lambda i: [batch(torch, i), batch(torch, 10 + i)]


def raises(torch: Any) -> Shard:
    def shard(i: int) -> Any:
        raise OSError("the disk is gone")

    return shard


def raises_late(torch: Any) -> Shard:
    class Batches:
        passes = 0

        def __init__(self, i: int) -> None:
            self.i = i

        def __iter__(self) -> Any:
            Batches.passes += 1
            if Batches.passes > LATE:
                raise OSError("the disk is gone")
            return iter([batch(torch, self.i)])

    return Batches


def shuffled(torch: Any) -> Shard:
    number = itertools.count()

    class Batches:
        def __init__(self, i: int) -> None:
            self.i = i

        def __iter__(self) -> Any:
            return iter([batch(torch, 100 + next(number))])

    return Batches


def with_nan(torch: Any) -> Shard:
    def shard(i: int) -> Any:
        inputs, targets = batch(torch, i)
        return [(inputs * (float("nan") if i == SHARDS - 1 else 1.0), targets)]

    return shard


def of_other_columns(torch: Any) -> Shard:
    return lambda i: [(batch(torch, i)[0][:, : 5 - i], batch(torch, i)[1])]


FAULTS: dict[str, tuple[Callable[[Any], Shard], Kinds | None]] = {
    "are as they should be": (good, None),
    "raise when they are opened": (raises, OSError),
    "raise in the middle": (raises_late, OSError),
    "are shuffled in every pass": (shuffled, SymrankError),
    "have a NaN in the last": (with_nan, NonFiniteError),
    "have other columns": (of_other_columns, (RuntimeError, SymrankError)),
    "are a number": (lambda torch: lambda i: 3, OptionError),
    "are None": (lambda torch: lambda i: None, OptionError),
    "have no batches": (lambda torch: lambda i: [], SymrankError),
    "are a generator": (lambda torch: lambda i: (batch(torch, k) for k in (i,)), SymrankError),
    "have no pairs": (lambda torch: lambda i: [batch(torch, i)[0]], (OperatorError, ValueError)),
}  # fmt: skip
OPTIONS: dict[str, dict[str, Any]] = {
    "no shards": {"num_shards": 0},
    "a share of a shard": {"num_shards": 2.5},
    "a reduction that is none": {"reduction": "median"},
    "a group that is none": {"group": object()},
}


def ask(torch: Any, shard: Shard, num_shards: Any = SHARDS, **options: Any) -> Any:
    torch.manual_seed(0)
    model = torch.nn.Linear(5, 1).double()
    H = symrank.torch.from_shards(
        model, torch.nn.MSELoss(), shard, num_shards, **{"reduction": "mean", **options}
    )
    return symrank.rank(H, "lanczos", rng=1)


def of_data(make: Callable[[Any], Shard], kinds: Kinds | None, tmp: Path) -> None:
    torch = pytest.importorskip("torch")
    if kinds is None:
        assert ask(torch, make(torch)).interval() == (6, 6)
        return
    with pytest.raises(kinds):
        ask(torch, make(torch))


def of_options(options: dict[str, Any], tmp: Path) -> None:
    torch = pytest.importorskip("torch")
    with pytest.raises(OptionError):
        ask(torch, good(torch), **options)


ROWS = [
    *(
        Row(group="networks", fault=f"shards {name}", door="from_shards",
            check=partial(of_data, make, kinds))
        for name, (make, kinds) in FAULTS.items()
    ),
    *(
        Row(group="networks", fault=name, door="from_shards", check=partial(of_options, options))
        for name, options in OPTIONS.items()
    ),
]  # fmt: skip
