"""The measurements of a GPU: their logic, on a stand-in at tiny sizes."""

import subprocess
import sys
from pathlib import Path

import pytest

from bench.gpu import all as command
from bench.gpu.sizes import FULL, TINY
from tests.device import host, stand_in

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(bool(host.why_not()), reason=host.why_not() or "-")
def test_every_part_runs_on_a_stand_in(capsys):
    with stand_in.installed():
        found = command.measured(TINY)
    assert [name for name, part in found.items() if "failed" in part] == []
    assert found["bits"]["different"] == []
    assert found["bits"]["compared"] == 156
    assert {row["dtype"] for row in found["speed"]} == {"float64", "float32"}
    assert all(row["seconds"] > 0.0 for row in found["speed"])
    assert found["table1"]["is_whole"]
    assert len(found["table1"]["errors"]) == TINY.trials
    assert found["large_matrix"]["covers"]
    assert found["large_matrix"]["kernel"] == "gpu_cupy"
    assert found["bars"]["bits equal"]["holds"]


def test_a_part_that_fails_does_not_end_the_others():
    found = {"bits": {"failed": "x"}, "speed": {"failed": "y"}}
    assert not any(bar["holds"] for bar in command.bars(found).values())


def test_without_a_gpu_it_says_what_is_missing():
    done = subprocess.run(
        [sys.executable, "-m", "bench.gpu.all", "--draft"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode == 0:
        pytest.skip("there is a GPU")
    assert done.returncode == 1
    assert done.stderr.startswith("bench.gpu.all measures a GPU, and kernel='gpu_cupy' needs")
    assert len(done.stderr.splitlines()) == 1


def test_what_is_measured_is_what_was_promised():
    assert FULL.side**2 >= 10**7
    assert 5 * FULL.rows >= 10**8
    assert (FULL.k, FULL.width, FULL.trials, FULL.num_steps) == (16, 256, 100, 15_000)
