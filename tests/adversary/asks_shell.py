"""The doors of the command line, run in this process: a file in, and what is printed.

What the package is asked is in the file and in the words; what it claims is read from what is
printed. A line of error is no answer, and raised.
"""

import contextlib
import json
import os
import re
import tempfile
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import scipy.sparse as sp
from typer.testing import CliRunner

import symrank
from symrank import RankResult, SymrankError
from symrank.operators import PaddedMatrix
from symrank.shell import cli
from tests.adversary.asks import Answer, Claim, by_eigenvalues, outcome, rank_claims
from tests.adversary.asks_kept import Observer, Stopped
from tests.adversary.problems import Problem

__all__ = ["ask_command", "ask_resume", "ask_show", "ask_signs"]

OF_SHOW = re.compile(r"rank (\d+) in \[(\d+), (\d+)\]")


def said(*words: str) -> str:
    """Return what the command prints."""
    done = CliRunner().invoke(cli.app, words, catch_exceptions=False)
    if done.exit_code:
        raise SymrankError(done.stderr)
    assert not done.stderr, done.stderr
    return done.stdout


def written(A: Any, folder: Path) -> str:
    """Write the matrix to a file; return its path."""
    if isinstance(A, np.ndarray):
        np.save(folder / "A.npy", A)
        return str(folder / "A.npy")
    sp.save_npz(folder / "A.npz", A.tocoo() if isinstance(A, PaddedMatrix) else A)
    return str(folder / "A.npz")


def words_of(options: dict[str, Any]) -> list[str]:
    """Return options of Python as words of the command."""
    names = {"rng": "seed", "max_matvecs": "max-matvecs"}
    found = []
    for name, value in options.items():
        if value is not None:
            found += [f"--{names.get(name, name)}", str(value)]
    return found


def claims(problem: Problem, options: dict[str, Any], text: str) -> Answer:
    """Return what a result in JSON claims."""
    return rank_claims(problem, options, RankResult.from_dict(json.loads(text)))


def ask_command(
    method: str | None, more: dict[str, Any], problem: Problem, options: dict[str, Any]
) -> Answer:
    """Ask for the rank of a file, as JSON; `more` are further options."""
    options = options | {"method": method} | more
    if options.get("atol"):
        options["atol"] = problem.level
    with tempfile.TemporaryDirectory() as name:
        file = written(problem.A, Path(name))
        return claims(problem, options, said("rank", file, "--json", *words_of(options)))


def stopped(method: str | None, problem: Problem, options: dict[str, Any], folder: Path) -> None:
    """Begin a checkpoint, as far as a few products."""
    file, true = written(problem.A, folder), symrank.rank

    def rank(*args: Any, progress: Any, **named: Any) -> RankResult:
        return true(*args, progress=Observer(), **named)

    with patch.object(symrank, "rank", rank), contextlib.suppress(Stopped):
        words = words_of(options | {"method": method})
        said("rank", file, "--checkpoint", str(folder / "kept"), *words)


def ask_resume(method: str | None, problem: Problem, options: dict[str, Any]) -> Answer:
    """Go on with a command that was stopped."""
    with tempfile.TemporaryDirectory() as name, patch.object(os, "fsync"):
        folder = Path(name)
        stopped(method, problem, options, folder)
        text = said("resume", str(folder / "kept"), "--json")
    return claims(problem, options | {"method": method}, text)


def ask_show(method: str | None, problem: Problem, options: dict[str, Any]) -> Answer:
    """Look at a checkpoint in the middle, and at its end, where its line is a claim."""
    with tempfile.TemporaryDirectory() as name, patch.object(os, "fsync"):
        folder = Path(name)
        stopped(method, problem, options, folder)
        assert "finished" in said("show", str(folder / "kept"))
        text = said("resume", str(folder / "kept"), "--json")
        shown = OF_SHOW.search(said("show", str(folder / "kept")))
    answer = claims(problem, options | {"method": method}, text)
    assert shown is not None
    rank, *ends = map(int, shown.groups())
    result = answer.outcomes[0].result
    assert (rank, tuple(ends)) == (result.rank, result.interval())
    return answer


def ask_signs(method: str | None, problem: Problem, options: dict[str, Any]) -> Answer:
    """Ask `symrank inertia` for the signs of a file: those of JSON, at its confidence."""
    with tempfile.TemporaryDirectory() as name:
        file = written(problem.A, Path(name))
        text = said("inertia", file, "--json", *words_of(options | {"method": method}))
    found = json.loads(text)
    numbers = [found[name] for name in ("positive", "zero", "negative")]
    assert sum(numbers) == problem.n, numbers
    seen, _ = problem.seen_by(method)
    floor = seen.floor(by_eigenvalues=by_eigenvalues(method))
    result = RankResult.from_dict(found["result"])
    answer = Answer([outcome(result, problem, options)])
    for number, ends, truth in zip(numbers, found["intervals"], seen.inertia(floor), strict=True):
        assert ends[0] <= number <= ends[1], text
        if found["status"] == "EXACT":
            answer.claims.append(
                Claim("sign", lambda level, ends=ends: tuple(ends), truth, problem.n)
            )
    return answer
