"""The grid: which cells there are, and how one is run.

A cell is a door, a spectrum, a form and an order; its seed is the checksum of its name, and budget
and precision follow from the seed. Every pair of a door and a spectrum takes one form, and SECOND
of the pairs another one: the first that fit by the checksums of their names, each at one order. So
a new row adds cells and replaces few.
"""

import signal
import time
import warnings
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from symrank import SymrankError
from tests.adversary import law
from tests.adversary.doors import DOORS, REFUSAL
from tests.adversary.forms import FORMS, Form
from tests.adversary.problems import FLOOR, Problem
from tests.adversary.spectra import SPECTRA, Spectrum

SECOND = 0.25
QUICK = 150  # the largest order in the sample
BUDGETS = (9, 300, 300, 2000, 2000, 2000, 2000, 6000)
PRECISIONS = (None, 0.02, 0.1, 0.1)
LIMIT_S = 60.0  # a cell that takes longer breaks the law
ALARM_S = 120


@dataclass(frozen=True)
class Cell:
    door: str
    spectrum: str
    form: str
    n: int

    @property
    def name(self) -> str:
        return f"{self.door} | {self.spectrum} | {self.form} | n = {self.n}"

    @property
    def seed(self) -> int:
        return zlib.crc32(self.name.encode())

    @property
    def options(self) -> dict[str, Any]:
        return {
            "rng": self.seed,
            "max_matvecs": BUDGETS[self.seed % len(BUDGETS)],
            "precision": PRECISIONS[self.seed // len(BUDGETS) % len(PRECISIONS)],
        }


def eigenvalues(spectrum: Spectrum, form: Form, n: int) -> tuple[np.ndarray, float]:
    """Return the eigenvalues asked of the form, and the level."""
    exponent = max(-form.max_exponent, min(form.max_exponent, spectrum.exponent))
    lam = spectrum.make(n, FLOOR * form.eps)
    return np.ldexp(lam, exponent), float(np.ldexp(spectrum.level, exponent))


def build(cell: Cell) -> Problem:
    """Make the operator of a cell, the same for every door."""
    spectrum, form = SPECTRA[cell.spectrum], FORMS[cell.form]
    lam, level = eigenvalues(spectrum, form, cell.n)
    where = f"{cell.spectrum} | {cell.form} | {cell.n}"
    return form.make(lam, level, np.random.default_rng(zlib.crc32(where.encode())))


def cells() -> Iterator[Cell]:
    """Yield the whole grid."""
    fitting = cache(
        lambda needs, rectangles, *key: _sizes(needs, rectangles, SPECTRA[key[0]], FORMS[key[1]])
    )
    for door in DOORS:
        for spectrum in SPECTRA:
            pair = f"{door} | {spectrum}"
            left = 2 if _share(pair) < SECOND else 1
            for form in sorted(_forms(spectrum), key=lambda form: _share(f"{pair} | {form}")):
                is_for = not any(word in door for word in FORMS[form].refuses)
                own = DOORS[door]
                sizes = fitting(own.needs, own.takes_rectangles, spectrum, form) if is_for else []
                if sizes:
                    found = (Cell(door, spectrum, form, n) for n in sizes)
                    yield min(found, key=lambda cell: cell.seed)
                    left -= 1
                if not left:
                    break


def _forms(spectrum: str) -> list[str]:
    """Return the forms that a spectrum may take."""
    only = SPECTRA[spectrum].form
    return [only] if only else [name for name, form in FORMS.items() if not form.is_special]


def _share(name: str) -> float:
    """Return a number in [0, 1) that depends on the name alone."""
    return zlib.crc32(name.encode()) / 2**32


def _sizes(needs: str, takes_rectangles: bool, spectrum: Spectrum, form: Form) -> list[int]:
    """Return the orders at which the form gives what is needed and can have the spectrum."""
    if needs not in [*form.gives.split(), ""] or (form.is_rectangle and not takes_rectangles):
        return []
    found = []
    for n in form.sizes:
        lam, _ = eigenvalues(spectrum, form, n)
        impossible = form.is_semidefinite and (lam < 0.0).any()
        if not impossible and (needs != "null" or (n > 1 and (lam == 0.0).any())):
            found.append(n)
    return found


def sample(size: int) -> list[Cell]:
    """Return cells of small order that cover every row of the tables twice, then the next ones."""
    quick = sorted((c for c in cells() if c.n <= QUICK), key=lambda cell: cell.seed)
    seen: dict[tuple[str, str], int] = {}
    chosen, rest = [], []
    for cell in quick:
        rows = [("door", cell.door), ("spectrum", cell.spectrum), ("form", cell.form)]
        if min(seen.get(row, 0) for row in rows) < 2:
            chosen.append(cell)
            for row in rows:
                seen[row] = seen.get(row, 0) + 1
        else:
            rest.append(cell)
    return chosen + rest[: max(0, size - len(chosen))]


def run(cell: Cell) -> law.Verdict:
    """Ask the question of a cell and judge the answer."""
    with FORMS[cell.form].world():
        return _run(cell)


def _run(cell: Cell) -> law.Verdict:
    door = DOORS[cell.door]
    verdict = law.Verdict(cell.name, cell.door, cell.seed, is_sampled_law=door.is_sampled_law)
    problem = build(cell)
    start = time.perf_counter()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            _alarm(ALARM_S)
            verdict.judge(door.ask(problem, cell.options))
        except TimeoutError:
            verdict.add("slow", f"stopped after {ALARM_S} s")
        except SymrankError as error:
            verdict.refuse(error, expected=door.may_refuse and isinstance(error, REFUSAL))
        except Exception as error:
            verdict.add("traceback", f"{type(error).__name__}: {error}")
        finally:
            _alarm(0)
    verdict.seconds = time.perf_counter() - start
    if verdict.seconds > LIMIT_S:
        verdict.add("slow", f"{verdict.seconds:.0f} s")
    for one in caught:
        verdict.add("warning", f"{one.category.__name__}: {one.message}")
    return verdict


def _alarm(seconds: int) -> None:
    """Raise TimeoutError in that time where the system can; 0 takes it back."""
    if not hasattr(signal, "SIGALRM"):
        return

    def stop(*_: Any) -> None:
        raise TimeoutError

    if seconds:
        signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
