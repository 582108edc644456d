"""SIGKILL at random moments: every run that is resumed ends in the bits of an undisturbed one."""

import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from tests.run.problems import as_text, ask

ROOT = Path(__file__).parents[2]
NAMES = ("lanczos", "a loss", "projection", "langevin", "chebyshev")


def start(name, folder, log):
    words = [sys.executable, "-m", "tests.run.killed", name, str(folder), str(log)]
    process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, env=dict(os.environ))
    assert process.stdout.readline() == b"ready\n"  # the libraries are loaded
    return process


def killed_and_resumed(name, seed, tmp_path):
    """Kill a run some times, let it end, and compare; return how many kills have met it."""
    rng = np.random.default_rng(seed)
    folder, log = tmp_path / f"kept{seed}", tmp_path / f"log{seed}"
    wanted, kills, seconds = as_text(ask(name)), 0, 0.2
    for _ in range(int(rng.integers(1, 4))):
        process = start(name, folder, log)
        time.sleep(rng.uniform(0.0, seconds))
        process.kill()
        kills += process.wait() != 0
        process.stdout.close()
    process = start(name, folder, log)
    text = process.communicate(timeout=120)[0].decode()
    assert process.returncode == 0
    assert text.strip() == wanted
    kept = Counter(line for line in log.read_text().splitlines() if line.startswith("kept"))
    assert kept, "no task was kept"
    assert set(kept.values()) == {1}, "a finished task was computed twice"
    return kills


def test_a_killed_run_ends_in_the_same_bits(tmp_path):
    killed_and_resumed("lanczos", 1, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_fifty_killed_runs_end_in_the_same_bits(name, tmp_path):
    kills = sum(killed_and_resumed(name, seed, tmp_path) for seed in range(10))
    assert kills >= 5
