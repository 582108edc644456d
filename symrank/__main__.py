"""`python -m symrank`, and the script `symrank`."""

import sys

from symrank import _process

__all__ = ["main"]

NEEDED = ("typer", "rich")


def main() -> None:
    """Run the command line; whatever happens ends with a status of `symrank._process`."""
    _process.handle_signals()
    if _process.prepare_streams():
        status = _status()
    else:
        _process.complain("the standard output is closed: there is nowhere to write an answer.")
        status = _process.BAD
    sys.exit(_process.finish(status))


def _status() -> int:
    """Load the command and run it; say in one line what it lacks."""
    try:
        from symrank.cli import run

        return run()
    except ModuleNotFoundError as error:
        library = (error.name or "").partition(".")[0]
        _process.complain(_lacks(library) if library in NEEDED else _process.explain(error))
    except KeyboardInterrupt:  # before the command itself could answer it
        _process.complain(_process.NO_ANSWER)
        return _process.INTERRUPTED
    except Exception as error:
        _process.complain(_process.explain(error))
    return _process.BAD


def _lacks(library: str) -> str:
    return (
        f"the command needs {library}, which comes with the extra 'cli': "
        "pip install 'symrank-linalg[cli]'"
    )


if __name__ == "__main__":
    main()
