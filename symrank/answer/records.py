"""A result as plain JSON values, and back: every kind of value in it has its line here.

A field whose values are JSON already (numbers, strings, None) needs no line.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, get_args

import numpy as np

from symrank.spectrum.golub_kahan_run import GolubKahanRun
from symrank.spectrum.intervals import (
    BetaInterval,
    Capped,
    ChainInterval,
    Complement,
    Even,
    ExactInterval,
    Hull,
    Intersection,
    Interval,
    Plus,
    Raised,
    Within,
)
from symrank.spectrum.lanczos_run import LanczosRun
from symrank.spectrum.measure import RitzMeasure
from symrank.spectrum.outcome import Band, Basis, Gap, Status

__all__ = [
    "decode", "encode", "interval_from", "interval_to", "measure_from", "measure_to", "record_of",
]  # fmt: skip

KINDS: dict[str, type[Interval]] = {
    "exact": ExactInterval,
    "beta": BetaInterval,
    "chains": ChainInterval,
    "complement": Complement,
    "hull": Hull,
    "raised": Raised,
    "plus": Plus,
    "intersection": Intersection,
    "capped": Capped,
    "within": Within,
    "even": Even,
}
NAMES = {cls: name for name, cls in KINDS.items()}
assert set(NAMES) == set(get_args(Interval))


class Codec(NamedTuple):
    """To JSON values, and back."""

    to: Callable[[Any], Any]
    back: Callable[[Any], Any]


def encode(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a result as plain JSON values."""
    return {name: CODECS[name].to(x) if name in CODECS else x for name, x in fields.items()}


def record_of(fields: Mapping[str, Any], last: Sequence[str]) -> dict[str, Any]:
    """Return a record of a result: what is short, and `last` what was asked for of the rest."""
    apart = ("evidence", "measure", "basis", "resume")
    short = {name: x for name, x in fields.items() if name not in apart}
    return encode(short | {name: fields[name] for name in last})


def decode(record: Mapping[str, Any]) -> dict[str, Any]:
    """Invert `encode`."""
    return {name: CODECS[name].back(x) if name in CODECS else x for name, x in record.items()}


def interval_to(law: Interval) -> dict[str, Any]:
    """Return the law of an interval, and those it is made of, with their kinds."""

    def plain(value: Any) -> Any:
        if isinstance(value, tuple):
            return [plain(part) for part in value]
        return interval_to(value) if type(value) in NAMES else value

    fields = {f.name: plain(getattr(law, f.name)) for f in dataclasses.fields(law)}
    return {"kind": NAMES[type(law)], **fields}


def interval_from(record: Mapping[str, Any]) -> Interval:
    """Invert `interval_to`."""

    def law(value: Any) -> Any:
        if isinstance(value, list):
            return tuple(law(part) for part in value)
        return interval_from(value) if isinstance(value, dict) else value

    fields = {name: law(value) for name, value in record.items()}
    return KINDS[fields.pop("kind")](**fields)


def measure_to(measure: RitzMeasure) -> dict[str, Any]:
    """Return the coefficients of all runs."""
    fields = {f.name: getattr(measure, f.name) for f in dataclasses.fields(measure)}
    fields["runs"] = [
        {
            "alpha": run.alpha.tolist(),
            "beta": run.beta.tolist(),
            "norm2": run.norm2,
            "eps": run.eps,
            **({"power": run.power} if isinstance(run, GolubKahanRun) else {}),
        }
        for run in fields.pop("runs")
    ]
    return fields


def measure_from(record: Mapping[str, Any]) -> RitzMeasure:
    """Invert `measure_to`."""
    runs = [
        (GolubKahanRun if "power" in r else LanczosRun)(
            **{**r, "alpha": np.array(r["alpha"]), "beta": np.array(r["beta"])}
        )
        for r in record["runs"]
    ]
    return RitzMeasure(**{**record, "runs": runs})


def _optional(to: Callable[[Any], Any], back: Callable[[Any], Any]) -> Codec:
    return Codec(
        lambda value: None if value is None else to(value),
        lambda value: None if value is None else back(value),
    )


def _each(cls: type[Gap] | type[Band]) -> Codec:
    return Codec(
        lambda values: [dataclasses.asdict(value) for value in values],
        lambda rows: tuple(cls(**row) for row in rows),
    )


CODECS = {
    "status": Codec(lambda status: status.name, lambda name: Status[name]),
    "bounds": Codec(list, tuple),
    "samples": Codec(
        lambda samples: np.asarray(samples).tolist(), lambda row: np.array(row, dtype=np.float64)
    ),
    "gaps": _each(Gap),
    "at_ends": _each(Band),
    "inertia": _optional(list, tuple),
    "structural_rank": _optional(list, tuple),
    "between": _optional(tuple, tuple),
    "shape": _optional(list, tuple),
    "notes": Codec(list, tuple),
    "diagnostics": Codec(dict, dict),
    "history": Codec(
        lambda rows: [list(row) for row in rows], lambda rows: tuple(tuple(row) for row in rows)
    ),
    "evidence": Codec(interval_to, interval_from),
    "measure": Codec(measure_to, measure_from),
    "basis": Codec(Basis.to_dict, Basis.from_dict),
}
