"""SIGKILL at random moments of figure 3: it ends in the bits of an undisturbed run."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from bench import record
from bench.resumable import THREADS
from symrank.run.checkpoint import archive

pytest.importorskip("torch")

ROOT = Path(__file__).parents[2]
RUNS, KILLS, SHARE = 10, 5, 0.25  # of the time of a run between two kills, at most
PARTS = ("twin_scan", "twin", "spectra", "scan")  # of the record, by points and chains


class Figures:
    """Makes the figure in processes of its own."""

    def __init__(self):
        words = [sys.executable, "-m", "tests.bench.killed_fig3"]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        env = {**os.environ, **dict.fromkeys(THREADS, "1")}  # none that a fork would lose
        self.process = subprocess.Popen(words, cwd=ROOT, env=env, **pipes)

    def make(self, folder, seconds=""):
        """Make it, or kill it after so many seconds; return how it ended."""
        self.process.stdin.write(f"{folder}\t{seconds}\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        assert self.process.wait(timeout=60) == 0


@pytest.fixture(scope="module")
def figures():
    found = Figures()
    yield found
    found.close()


def plain(value):
    """Leave out what clocks say."""
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items() if key != "seconds"}
    return [plain(one) for one in value] if isinstance(value, list) else value


def answers(folder):
    """The record of the figure, of six digits, and all answers of its chains, to the last bit."""
    figure = record.load(str(folder / "fig3.draft"))
    found = {part: plain(figure[part]) for part in PARTS}
    for path in sorted((folder / "kept").rglob("result.json")):
        found[str(path.relative_to(folder))] = plain(archive.loaded(path.read_bytes()))
    return found


@pytest.mark.slow
@pytest.mark.torch
def test_a_figure_that_is_killed_fifty_times_has_the_same_bits(figures, tmp_path):
    rng = np.random.default_rng(771)
    calm = tmp_path / "calm"
    calm.mkdir()
    started = time.monotonic()
    assert figures.make(calm) == 0
    seconds = time.monotonic() - started
    wanted, kills, num_kept = answers(calm), 0, []
    assert len(wanted) > len(PARTS) + 3  # answers of chains
    for run in range(RUNS):
        folder = tmp_path / str(run)
        folder.mkdir()
        for _ in range(KILLS):
            ended = figures.make(folder, rng.uniform(0.0, SHARE * seconds))
            kills += ended == -signal.SIGKILL
        assert figures.make(folder) == 0
        assert answers(folder) == wanted
        log = (folder / "log").read_text().splitlines()
        kept = Counter(line for line in log if line.startswith("kept"))
        assert set(kept.values()) == {1}, "a finished task was computed twice"
        num_kept.append(len(kept))
    sys.stdout.write(f"{kills} kills of a figure of {seconds:.1f} s, {num_kept} tasks kept\n")
    assert kills >= RUNS * KILLS // 2  # as the seconds between them are those of a clock
