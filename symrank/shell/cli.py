"""The command `symrank`: one file in, one rank out.

How it ends, whatever happens, is the law of `symrank.shell.process`: exit status 0 with an answer,
2 with one line, 130 where Ctrl-C has ended the run, with the answer so far if there was one.
"""

import inspect
import logging
import math
import time
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

import typer

import symrank
from symrank.errors import OperatorError
from symrank.files import load_matrix
from symrank.methods import BY_NAME
from symrank.run.checkpoint.overview import Overview
from symrank.run.checkpoint.session import of_command
from symrank.shell import process, report, written
from symrank.shell.ending import end_of, one_line_errors
from symrank.shell.kept_commands import Conditioning, Rectangular, arguments_of, command_of_rank
from symrank.support.text import printable

__all__ = ["app", "run"]

FOREVER = 1e8  # seconds: what alarms of the system can hold
NAMES = ", ".join(sorted(BY_NAME))
MOMENT = 1e-3  # seconds for the first round, which is always run
DRAWN_EXACTLY = 4096  # rows: all eigenvalues then take four seconds

app = typer.Typer(
    name="symrank",
    help=(symrank.__doc__ or "").partition("\n")[0],
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def run() -> int:
    """Run the command and return its exit status."""
    try:
        status = app(prog_name="symrank", standalone_mode=False)
    except SystemExit:  # typer's own way where whoever reads a page of help has gone
        return process.ANSWERED
    except Exception as error:
        say = getattr(error, "format_message", None)  # a ClickException: click's, or typer's own
        if say is None:
            process.complain(process.explain(error))
        else:
            process.complain(f"{say().rstrip('.')}. Try 'symrank rank --help'.")
        return process.BAD
    return status if isinstance(status, int) else process.ANSWERED


def _version(wanted: bool) -> None:
    if wanted:
        with one_line_errors():
            process.say(f"symrank {symrank.__version__}")
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
        with one_line_errors():
            process.say(context.get_help())


Number = float | None  # None: as `symrank.rank` has it
File = Annotated[Path, typer.Argument(help="A .mtx, .mtx.gz, .npy, .npz or .mat file.")]
Method = Annotated[str | None, typer.Option(help=f"One of {NAMES}. Default: by predicted cost.")]
Atol = Annotated[Number, typer.Option(help="Eigenvalues of at most this modulus count as zero.")]
Rtol = Annotated[Number, typer.Option(help="The same, as a multiple of the largest modulus.")]
Precision = Annotated[
    Number,
    typer.Option(help="Half-width of the interval: a fraction of n, or a count from 1 on."),
]
Confidence = Annotated[float, typer.Option(help="Level of the interval.")]
MaxMatvecs = Annotated[Number, typer.Option(help="Budget in products; inf for no limit.")]
MaxSeconds = Annotated[Number, typer.Option(help="Budget in seconds, reading the file included.")]
Seed = Annotated[int | None, typer.Option(min=0, help="The same seed gives the same answer.")]
HowSymmetric = Annotated[
    Rectangular | None,
    typer.Option(
        help="Ask about an operator made of A, in its units, not about A itself. "
        "aug: [0 A; A* 0], of twice the rank. gram: A* A, of squared singular values."
    ),
]
IsSymmetric = Annotated[
    bool | None,
    typer.Option(
        "--hermitian/--no-hermitian",
        help="Whether A is symmetric; if not, its singular values are counted. Default: seen.",
    ),
]
Preconditioned = Annotated[
    Conditioning | None,
    typer.Option(
        help="equilibrate: scale a matrix of mixed units to rows of unit size, where no cut "
        "is in the units of A. jacobi: the same to a unit diagonal. amg: solve with a "
        "multigrid cycle, for Laplacians and finite elements. None moves the rank."
    ),
]
Workers = Annotated[str | None, typer.Option(help="processes, threads, or a number of processes.")]
Checkpoint = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        help="Keep every finished task there; 'symrank resume FOLDER' goes on after any end.",
    ),
]
Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="Given as --checkpoint before.")]
AsJson = Annotated[
    bool,
    typer.Option("--json", help="Print JSON alone; with aug, of the operator of twice the rank."),
]
Plot = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Draw the spectrum, from all eigenvalues or Lanczos: a .png or .svg file.",
    ),
]


@app.command("rank")
def _rank(
    file: File,
    method: Method = None,
    atol: Atol = None,
    rtol: Rtol = None,
    precision: Precision = None,
    confidence: Confidence = 0.95,
    max_matvecs: MaxMatvecs = None,
    max_seconds: MaxSeconds = None,
    seed: Seed = None,
    hermitian: IsSymmetric = None,
    rectangular: HowSymmetric = None,
    preconditioner: Preconditioned = None,
    executor: Workers = None,
    checkpoint: Checkpoint = None,
    as_json: AsJson = False,
    plot: Plot = None,
) -> None:
    """Tell the rank of the matrix in FILE: of any shape, by eigenvalues if it is symmetric."""
    started = time.monotonic()
    with one_line_errors() as run:
        name = printable(file.name)
        plots = None if plot is None else _plots(plot)
        matrix = _symmetric(_read(file, max_seconds), rectangular)
        if plots is not None and method is None:
            method = _with_a_spectrum(matrix)
        options: dict[str, Any] = {
            "atol": atol,
            "rtol": rtol,
            "precision": precision,
            "confidence": confidence,
            "max_matvecs": max_matvecs,
            "hermitian": hermitian,
            "preconditioner": None if preconditioner is None else preconditioner.value,
        }
        given = command_of_rank(file, rectangular) | {"method": method} | options
        with process.answering() as is_known:
            with report.progress_bar() as observe, of_command(given):
                run.result = symrank.rank(
                    matrix,
                    method,
                    **options,
                    max_seconds=_left(max_seconds, started),
                    rng=seed,
                    executor=int(executor) if executor and executor.isdecimal() else executor,
                    checkpoint=checkpoint,
                    progress=run.watch(observe(name)),
                )
                is_known()
            if as_json:
                process.say(written.as_json(run.result.to_dict()))
            else:
                is_augmented = rectangular is Rectangular.AUG
                written.say_rows(report.describe(run.result, name, is_augmented=is_augmented))
            run.is_answered = True
        if plots is not None:
            plots.save_plot(run.result.plot(), plot)
        end_of(run.result)


@app.command("resume")
def _resume(
    checkpoint: Folder,
    max_seconds: MaxSeconds = None,
    as_json: AsJson = False,
    plot: Plot = None,
) -> None:
    """Go on with a run that was begun by 'symrank rank FILE --checkpoint FOLDER'."""
    with one_line_errors():
        given = arguments_of(checkpoint, inspect.signature(_rank).parameters)
    _rank(**given, checkpoint=checkpoint, max_seconds=max_seconds, as_json=as_json, plot=plot)


@app.command("show")
def _show(checkpoint: Folder) -> None:
    """Tell what a checkpoint is of, and what it has come to."""
    with one_line_errors():
        written.say_rows(Overview.of(checkpoint).rows())


@app.command("inertia")
def _inertia(
    file: File,
    method: Method = None,
    precision: Precision = None,
    confidence: Confidence = 0.95,
    max_matvecs: MaxMatvecs = None,
    max_seconds: MaxSeconds = None,
    seed: Seed = None,
    as_json: AsJson = False,
) -> None:
    """Tell how many eigenvalues of the matrix in FILE are positive, zero and negative."""
    started = time.monotonic()
    with one_line_errors() as run:
        name = printable(file.name)
        matrix = _read(file, max_seconds)
        with process.answering() as is_known:
            with report.progress_bar() as observe:
                signs = symrank.inertia(
                    matrix,
                    method,
                    precision=precision,
                    confidence=confidence,
                    max_matvecs=max_matvecs,
                    max_seconds=_left(max_seconds, started),
                    rng=seed,
                    progress=run.watch(observe(name)),
                )
                run.result = signs.result
                is_known()
            lines = [f"{name}: {signs}", *signs.result.notes]
            process.say(written.as_json(signs.to_dict()) if as_json else "\n".join(lines))
            run.is_answered = True
        end_of(signs.result)


@app.command("demo")
def _demo(
    seed: Annotated[int, typer.Option(min=0, help="Of the problems and the runs.")] = 2024,
) -> None:
    """Run `rank` and two methods on built-in problems of known rank; takes less than a minute."""
    lines: list[report.Line] = []
    is_cut_short = False
    with one_line_errors(), process.answering() as is_known:
        with report.progress_bar() as observe:
            try:
                for line in report.demo_lines(seed, observe):
                    lines.append(line)
                    observe.say(line)
                    is_cut_short = line.result.status is symrank.Status.INTERRUPTED
                    if is_cut_short:
                        break
            except KeyboardInterrupt:
                if not lines:
                    raise
                is_cut_short = True
            is_known()
        written.say_table(report.table(lines))
        if is_cut_short:
            raise typer.Exit(process.interrupted())


def _plots(path: Path) -> ModuleType:
    """Load what draws, in silence, before any work is spent; see that `path` will do."""
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # of caches where HOME is read-only
    from symrank.answer import plots  # matplotlib is wanted only here

    plots.check_path(path)
    return plots


def _read(file: Path, max_seconds: float | None) -> Any:
    """Read the matrix within the time of the whole command."""
    is_limit = max_seconds is not None and 0.0 < max_seconds < FOREVER
    try:
        with process.ends_within(max_seconds if is_limit else None):
            return load_matrix(file)
    except process.TooLong as late:
        raise OperatorError(
            f"{file} could not be read within max_seconds={max_seconds}: there is no answer. "
            "Allow more."
        ) from late


def _symmetric(matrix: Any, rectangular: Rectangular | None) -> Any:
    """Return the symmetric operator that was asked for."""
    if rectangular is None:
        return matrix
    return symrank.augmented(matrix) if rectangular is Rectangular.AUG else symrank.gram(matrix)


def _with_a_spectrum(matrix: Any) -> str:
    """Return the cheaper method that leaves a spectrum to draw: pivots and sketches have none."""
    return "dense" if min(matrix.shape) <= DRAWN_EXACTLY else "lanczos"


def _left(max_seconds: float | None, started: float) -> float | None:
    """Return what reading has left of a budget in seconds; one out of range is refused later."""
    if max_seconds is None or not 0.0 < max_seconds < math.inf:
        return max_seconds
    return max(max_seconds - (time.monotonic() - started), MOMENT)
