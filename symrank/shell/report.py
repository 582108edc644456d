"""What the command line shows: a result in words, a progress bar, and the demonstration."""

import io
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, TextIO, cast

from rich import progress as bars
from rich.console import Console
from rich.table import Table

from symrank import gallery
from symrank.answer.result import RankResult
from symrank.ask.rank import rank
from symrank.methods import Lanczos, Langevin, Method
from symrank.operators import kron
from symrank.spectrum.outcome import Progress
from symrank.support.options import UNLIMITED

__all__ = [
    "PROBLEMS",
    "Line",
    "Problem",
    "Watch",
    "demo_lines",
    "describe",
    "progress_bar",
    "table",
]

DEMO_BUDGET = 200_000  # products per run
MOST_GAPS = 3
FIRST_STATE = "starting; a first run on a machine compiles its kernels"


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A built-in problem of known rank."""

    name: str
    make: Callable[[int], tuple[Any, int]]  # seed -> operator, its true rank
    lanczos: Lanczos = field(default_factory=Lanczos)


def _network(seed: int) -> tuple[Any, int]:
    network = gallery.linear_network(32, rng=seed)
    return network.hessian(), network.rank


def _covariance(seed: int) -> tuple[Any, int]:
    return gallery.spiked_covariance(4096, 96, rng=seed), 96


def _kronecker(seed: int) -> tuple[Any, int]:
    left, right = gallery.SPECTRA["indefinite"](48), gallery.SPECTRA["gapped"](64)
    factors = gallery.dense(left, seed), gallery.dense(right, seed + 1)
    return kron(*factors), int((left != 0.0).sum() * (right != 0.0).sum())


PROBLEMS = (
    Problem(
        name="Hessian of a linear network, d = 32",
        make=_network,
    ),
    Problem(
        name="covariance of 96 signals",
        make=_covariance,
    ),
    Problem(
        name="indefinite Kronecker product",
        make=_kronecker,
    ),
)
"""What `symrank demo` runs: every problem by `rank` alone, then by `langevin` and `lanczos`."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """One row of the demonstration."""

    problem: str
    truth: int
    result: RankResult
    is_chosen: bool = False  # no method was given

    @property
    def method(self) -> str:
        """What was asked, and which method answered."""
        return f"rank(A): {self.result.method}" if self.is_chosen else self.result.method

    @property
    def holds(self) -> bool:
        """Whether the interval holds the true rank."""
        low, high = self.result.interval()
        return low <= self.truth <= high


def demo_lines(
    seed: int, observe: Callable[[str], Callable[[Progress], None] | None] = lambda _: None
) -> Iterator[Line]:
    """Run every problem, with no method given and by both methods; yield a line after each run.

    Parameters
    ----------
    seed
        Of the problems and the runs.
    observe
        Told what runs next; returns what `rank` takes as `progress`.
    """
    for problem in PROBLEMS:
        operator, truth = problem.make(seed)
        methods: tuple[Method | None, ...] = (None, Langevin(), problem.lanczos)
        for method in methods:
            result = rank(
                operator,
                method=method,
                max_matvecs=DEMO_BUDGET,
                rng=seed,
                progress=observe(f"{problem.name}, {method.name if method else 'rank(A)'}"),
            )
            yield Line(problem=problem.name, truth=truth, result=result, is_chosen=method is None)


def table(lines: Sequence[Line]) -> Table:
    """Set the lines of the demonstration against the truth."""
    held = sum(line.holds for line in lines)
    grid = Table(
        caption=f"The interval holds the true rank in {held} of {len(lines)} runs.",
        caption_justify="left",
    )
    for heading in ("problem", "n", "truth", "method", "answer", "interval"):
        grid.add_column(heading, justify="right" if heading in ("n", "truth", "answer") else "left")
    grid.add_column("status")
    grid.add_column("products", justify="right")
    grid.add_column("seconds", justify="right")
    last = None
    for line in lines:
        result = line.result
        if last is not None and line.problem != last:
            grid.add_section()
        low, high = result.interval()
        grid.add_row(
            "" if line.problem == last else line.problem,
            str(result.n),
            str(line.truth),
            line.method,
            str(result.rank),
            f"[{low}, {high}]",
            result.status.name,
            str(result.num_matvecs),
            f"{result.seconds:.1f}",
        )
        last = line.problem
    return grid


def describe(result: RankResult, matrix: str, *, is_augmented: bool = False) -> dict[str, str]:
    """Return a result as a few labelled sentences.

    Parameters
    ----------
    result
        Of a run.
    matrix
        What it was run on, in words.
    is_augmented
        Whether the operator was ``augmented(A)``: the rank of `A` is then half of its rank.
    """
    number, (low, high) = result.rank, result.interval()
    twin = ""
    if is_augmented:
        low, high = _halved(low, high)
        number = min(max(round(result.estimate / 2), low), high)
        twin = f" (the operator [0 A; A* 0], n = {result.n}, has twice this rank)"
    what = f"eigenvalues above {result.threshold:.3g} in modulus count"
    size = f"n = {result.n}"
    if result.shape is not None:
        what = f"singular values above {result.threshold:.3g} count"
        size = "{} x {}".format(*result.shape)
    text = {
        "rank": f"{number}{twin}",
        "interval": f"[{low}, {high}] at {result.confidence:.0%} confidence",
        "status": f"{result.status.name}: {result.status.value}",
        "matrix": f"{matrix}, {size}, {result.dtype}",
        "cut": what,
        "method": f"{result.method} ({result.reason})" if result.reason else result.method,
        "cost": f"{result.num_matvecs} products, {result.seconds:.2f} s",
        "gaps": "; ".join(
            f"{gap.count:.0f} above {gap.low:.2g} .. {gap.high:.2g}"
            for gap in result.gaps[:MOST_GAPS]
        )
        or "none seen",
    }
    if result.notes:
        text["note"] = " ".join(result.notes)
    if result.preconditioner:
        name = result.preconditioner
        text["preconditioner"] = f"{name}: cut and gaps are those of the spectrum of G A"
    if result.seed is not None:
        text["seed"] = str(result.seed)
    return text


def _halved(low: int, high: int) -> tuple[int, int]:
    """Return the r with low <= 2 r <= high, or those next to an interval that holds no even one."""
    inner = -(-low // 2), high // 2
    return inner if inner[0] <= inner[1] else (low // 2, -(-high // 2))


class _Deaf(io.TextIOBase):
    """A stream that goes on when nobody listens: a bar must not cost the answer.

    A terminal that was closed fails every write, also in the thread that draws the bar.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._stream.encoding

    def isatty(self) -> bool:
        return self._stream.isatty()

    def fileno(self) -> int:
        return self._stream.fileno()

    def write(self, text: str) -> int:
        with suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()


class Watch:
    """Shows nothing: stderr is no terminal."""

    def __call__(self, title: str) -> Callable[[Progress], None] | None:  # noqa: ARG002
        """Return what `rank` takes as `progress`, for a run of that title."""
        return None

    def say(self, line: Line) -> None:
        """Show a row of the demonstration as soon as it is known; the table comes at its end."""


class _Bar(Watch):
    """Shows how far a run is."""

    def __init__(self, bar: bars.Progress) -> None:
        self._bar = bar

    def __call__(self, title: str) -> Callable[[Progress], None]:
        bar = self._bar
        for old in bar.task_ids:
            bar.remove_task(old)
        task = bar.add_task(title, total=None, state=FIRST_STATE)

        def show(now: Progress) -> None:
            most = now.max_matvecs if now.max_matvecs < UNLIMITED else None
            done = now.num_matvecs if most is None else min(now.num_matvecs, most)
            known = "" if now.interval is None else f", rank in {list(now.interval)}"
            state = f"{done}{'' if most is None else f'/{most}'} products{known}"
            bar.update(task, completed=done, total=most, state=state)

        return show

    def say(self, line: Line) -> None:
        self._bar.console.print(f"{line.problem}, {line.method}: {line.result}", markup=False)


@contextmanager
def progress_bar() -> Iterator[Watch]:
    """Show progress on stderr while the block runs, if stderr is a terminal."""
    if not sys.stderr.isatty():
        yield Watch()
        return
    bar = bars.Progress(
        bars.TextColumn("{task.description}", markup=False),
        bars.BarColumn(),
        bars.TextColumn("{task.fields[state]}", markup=False),
        bars.TimeElapsedColumn(),
        console=Console(file=cast(TextIO, _Deaf(sys.stderr))),
        transient=True,
    )
    with bar:
        yield _Bar(bar)
