"""`python -m symrank`, and the script `symrank`."""

import sys

from symrank.shell import process

__all__ = ["main"]

NEEDED = ("typer", "rich")


def main() -> None:
    """Run the command line; whatever happens ends with a status of `symrank.shell.process`."""
    process.handle_signals()
    if process.prepare_streams():
        status = _status()
    else:
        process.complain("the standard output is closed: there is nowhere to write an answer.")
        status = process.BAD
    sys.exit(process.finish(status))


def _status() -> int:
    """Load the command and run it; say in one line what it lacks."""
    try:
        from symrank.shell.cli import run

        return run()
    except ModuleNotFoundError as error:
        library = (error.name or "").partition(".")[0]
        process.complain(_lacks(library) if library in NEEDED else process.explain(error))
    except KeyboardInterrupt:  # before the command itself could answer it
        process.complain(process.NO_ANSWER)
        return process.interrupted()
    except Exception as error:
        process.complain(process.explain(error))
    return process.BAD


def _lacks(library: str) -> str:
    return (
        f"the command needs {library}, which comes with the extra 'cli': "
        "pip install 'symrank-linalg[cli]'"
    )


if __name__ == "__main__":
    main()
