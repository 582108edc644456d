"""The command `symrank`: one file in, one rank out.

Exit status: 0 with an answer, whatever its status (an interrupted run that has finished a round
answers too); 2 with one line on stderr for input that cannot be used; 130 where Ctrl-C came
before there was an answer.
"""

import json
import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

import symrank
from symrank import report
from symrank.choose import DENSE_LIMIT
from symrank.errors import SymrankError
from symrank.files import load_matrix
from symrank.methods import BY_NAME

__all__ = ["app", "run"]

BAD_INPUT = 2
INTERRUPTED = 130  # 128 + SIGINT, as shells have it

app = typer.Typer(
    name="symrank",
    help=symrank.__doc__,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


class Rectangular(StrEnum):
    """How a rectangular matrix becomes symmetric."""

    AUG = "aug"
    GRAM = "gram"


class Conditioning(StrEnum):
    """Preconditioners that need nothing but the matrix."""

    EQUILIBRATE = "equilibrate"
    JACOBI = "jacobi"
    AMG = "amg"


def run() -> int:
    """Run the command and return its exit status."""
    try:
        status = app(prog_name="symrank", standalone_mode=False)
    except Exception as error:
        say = getattr(error, "format_message", None)  # a ClickException: click's, or typer's own
        if say is None:
            raise
        _complain(f"{say().rstrip('.')}. Try 'symrank rank --help'.")
        return BAD_INPUT
    return status if isinstance(status, int) else 0


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"symrank {symrank.__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _main(
    context: typer.Context,
    version: Annotated[  # noqa: ARG001 - its callback does the work
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Tell the rank of a symmetric matrix, with an interval that holds it."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command("rank")
def _rank(
    file: Annotated[Path, typer.Argument(help="A .mtx, .mtx.gz, .npy, .npz or .mat file.")],
    method: Annotated[
        str | None,
        typer.Option(help=f"One of {', '.join(sorted(BY_NAME))}. Default: by predicted cost."),
    ] = None,
    atol: Annotated[
        float | None, typer.Option(help="Eigenvalues of at most this modulus count as zero.")
    ] = None,
    rtol: Annotated[
        float | None, typer.Option(help="The same, as a multiple of the largest modulus.")
    ] = None,
    precision: Annotated[
        float | None,
        typer.Option(help="Half-width of the interval: a fraction of n, or a count from 1 on."),
    ] = None,
    confidence: Annotated[float, typer.Option(help="Level of the interval.")] = 0.95,
    max_matvecs: Annotated[int | None, typer.Option(help="Budget in products.")] = None,
    max_seconds: Annotated[float | None, typer.Option(help="Budget in seconds.")] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="The same seed gives the same answer.")
    ] = None,
    rectangular: Annotated[
        Rectangular | None,
        typer.Option(
            help="For a rectangular A. aug: [0 A; A* 0], of twice the rank. gram: A* A, "
            "of the same rank, but blind below 3e-7 of the largest singular value."
        ),
    ] = None,
    preconditioner: Annotated[
        Conditioning | None,
        typer.Option(
            help="equilibrate: scale a matrix of mixed units to rows of unit size, where no cut "
            "is in the units of A. jacobi: the same to a unit diagonal. amg: solve with a "
            "multigrid cycle, for Laplacians and finite elements. None moves the rank."
        ),
    ] = None,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json", help="Print JSON alone; with aug, of the operator of twice the rank."
        ),
    ] = False,
    plot: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Draw the spectrum, from all eigenvalues or Lanczos: a .png or .svg file.",
        ),
    ] = None,
) -> None:
    """Tell the rank of the symmetric (or Hermitian) matrix in FILE."""
    with _one_line_errors():
        if plot is not None:
            from symrank import plots  # matplotlib is wanted only here

            plots.check_path(plot)
        matrix: Any = load_matrix(file)
        if rectangular is not None:
            twice = rectangular is Rectangular.AUG
            matrix = symrank.augmented(matrix) if twice else symrank.gram(matrix)
        if plot is not None and method is None:  # pivots and sketches leave no spectrum to draw
            small = symrank.as_operator(matrix).n <= DENSE_LIMIT
            method = "dense" if small else "lanczos"
        with report.progress_bar() as observe:
            result = symrank.rank(
                matrix,
                method,
                atol=atol,
                rtol=rtol,
                precision=precision,
                confidence=confidence,
                max_matvecs=max_matvecs,
                max_seconds=max_seconds,
                preconditioner=None if preconditioner is None else preconditioner.value,
                rng=seed,
                progress=observe(file.name),
            )
        if as_json:
            typer.echo(_to_json(result.to_dict()))
        else:
            is_augmented = rectangular is Rectangular.AUG
            _print_rows(report.describe(result, file.name, is_augmented=is_augmented))
        if plot is not None:
            plots.save_plot(result, plot)


@app.command("demo")
def _demo(
    seed: Annotated[int, typer.Option(min=0, help="Of the problems and the runs.")] = 2024,
) -> None:
    """Run built-in problems of known rank by two methods; takes less than a minute."""
    with _one_line_errors():
        with report.progress_bar() as observe:
            lines = list(report.demo_lines(seed, observe))
        console = _console()
        console.print(report.table(lines))


@contextmanager
def _one_line_errors() -> Iterator[None]:
    """Turn errors that a user can mend into one line on stderr and an exit status."""
    try:
        yield
    except SymrankError as error:
        _complain(str(error))
        raise typer.Exit(BAD_INPUT) from error
    except KeyboardInterrupt as error:
        _complain("interrupted before the first round was finished: there is no answer.")
        raise typer.Exit(INTERRUPTED) from error


def _complain(sentence: str) -> None:
    typer.echo(f"symrank: {' '.join(sentence.split())}", err=True)


def _console() -> Console:
    """Return the console of stdout; in a pipe nothing is wrapped."""
    width = None if sys.stdout.isatty() else 1000
    return Console(file=sys.stdout, width=width, markup=False, highlight=False)


def _print_rows(rows: dict[str, str]) -> None:
    """Print labels and sentences: wrapped under each other on a terminal, else a line each."""
    width = max(map(len, rows)) + 2
    if not sys.stdout.isatty():
        for label, text in rows.items():
            typer.echo(f"{label:<{width}}{text}")
        return
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold")
    for label, text in rows.items():
        grid.add_row(label, text)
    _console().print(grid)


def _to_json(record: dict[str, Any]) -> str:
    """Write strict JSON: NumPy numbers as numbers, what is not finite as null."""
    return json.dumps(_plain(record), indent=2, allow_nan=False)


def _plain(value: Any) -> Any:
    """Return a value in JSON's own types."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
