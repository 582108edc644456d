"""`python -m symrank`, and the script `symrank`."""

import sys

__all__ = ["main"]

NEEDED = ("typer", "rich")


def main() -> None:
    """Run the command line, or say in one line what it needs."""
    try:
        from symrank.cli import run

        status = run()
    except ModuleNotFoundError as error:
        library = (error.name or "").partition(".")[0]
        if library not in NEEDED:
            raise
        sys.stderr.write(
            f"symrank: the command needs {library}, which comes with the extra 'cli': "
            "pip install 'symrank-linalg[cli]'\n"
        )
        status = 2
    except KeyboardInterrupt:  # before the command itself could answer it
        status = 130
    sys.exit(status)


if __name__ == "__main__":
    main()
