"""The command, in this process or in one of its own."""

import re
import sys

from typer.testing import CliRunner

from symrank.shell import cli
from tests import processes


def invoke(*arguments):
    return CliRunner().invoke(cli.app, list(map(str, arguments)), catch_exceptions=False)


def rows(text):
    """The labelled lines of an answer."""
    return dict(re.split(r"\s{2,}", line, maxsplit=1) for line in text.splitlines())


def run_module(*arguments, **options):
    return processes.run(
        [sys.executable, "-m", "symrank", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        **options,
    )
