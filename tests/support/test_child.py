"""A child process: what it computes, how it dies, and what it leaves behind."""

import os
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import symrank
from symrank.support import child as children
from symrank.support.child import (
    Child,
    ChildDied,
    ChildNotStarted,
    ChildRaised,
    ChildTimedOut,
    run,
)

TARGETS = "tests.support.child_targets:"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Every test has its own temporary folder, which must be empty at its end."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2]))
    yield tmp_path
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "x",
    [
        np.arange(5.0),
        np.zeros((0, 3), np.float32),
        np.array(2.5),
        np.array([1 + 2j, 3], np.complex64),
        np.asfortranarray(np.arange(6).reshape(2, 3)),
    ],
    ids=str,
)
def test_arrays_and_values_come_back(x):
    answer = run(TARGETS + "double", {"k": 3}, {"x": x, "a/../b": x})
    assert answer.values == {"k": 6}
    assert list(answer.arrays) == ["x", "a/../b"]
    for y in answer.arrays.values():
        assert y.dtype == x.dtype
        assert np.array_equal(y, 2 * x)


def test_a_child_remembers_between_calls():
    with Child() as child:
        assert child.call(TARGETS + "remember", {"k": 2}).values == 2
        assert child.call(TARGETS + "remember", {"k": 3}).values == 5


def test_a_function_that_raises_leaves_the_child_alive():
    with Child() as child:
        with pytest.raises(ChildRaised, match="raised ValueError: no such thing") as caught:
            child.call(TARGETS + "fail")
        assert (caught.value.kind, caught.value.message) == ("ValueError", "no such thing")
        assert child.call(TARGETS + "remember", {"k": 1}).values == 1


@pytest.mark.parametrize("by", ["SIGSEGV", "SIGKILL", "SIGABRT", "SIGBUS"])
def test_a_death_is_one_exception(by):
    with Child() as child:
        with pytest.raises(ChildDied, match=f"died by {by}"):
            child.call(TARGETS + "die", {"by": by})
        with pytest.raises(ChildDied, match="is gone already"):
            child.call(TARGETS + "double")


def test_an_exit_is_one_exception():
    with pytest.raises(ChildDied, match="ended with status 3"):
        run(TARGETS + "leave", {"status": 3})


def test_cpu_time_is_limited_and_sleep_is_none():
    start = time.perf_counter()
    with pytest.raises(ChildTimedOut, match="CPU time"):
        run(TARGETS + "spin", cpu_seconds=0.2)
    assert time.perf_counter() - start < 20.0
    run(TARGETS + "sleep", {"seconds": 0.5}, cpu_seconds=0.2)


def test_a_stuck_child_is_ended(monkeypatch):
    monkeypatch.setattr(children, "PATIENCE", 1.0)
    with Child() as child:
        monkeypatch.setattr(children, "START_SECONDS", 0.2)
        with pytest.raises(ChildTimedOut, match="no answer within"):
            child.call(TARGETS + "sleep", {"seconds": 60.0}, cpu_seconds=0.1)


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_memory_is_limited():
    assert run(TARGETS + "take", {"num_bytes": 2**26}, num_bytes=2**28).values == 2**26
    with pytest.raises(ChildRaised, match="MemoryError"):
        run(TARGETS + "take", {"num_bytes": 2**29}, num_bytes=2**28)


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_tick_ends_a_call_at_once(error):
    pids = []

    def tick():
        if time.perf_counter() - start > 0.2:
            raise error

    with Child(tick=lambda: tick() if pids else None) as child:
        pids.append(child.call(TARGETS + "surroundings").values["pid"])
        start = time.perf_counter()
        with pytest.raises(error):
            child.call(TARGETS + "spin")
        assert time.perf_counter() - start < 10.0
        with pytest.raises(ProcessLookupError):  # no zombie either
            os.kill(pids[0], 0)


def test_the_surroundings():
    with Child() as child:
        seen = child.call(TARGETS + "surroundings", {}, {"x": np.ones(3)}).values
    assert seen["package"] == symrank.__file__
    assert seen["numpy"] == np.__file__
    assert seen["parent"] == os.getpid()
    assert seen["session"] == seen["pid"] != os.getsid(0)
    assert seen["threads"] == "1"
    assert seen["left"] == ["lock"]  # no array lies about while the child works


def test_prints_are_no_answers():
    assert run(TARGETS + "chatter").values == "true"


def test_objects_are_not_taken():
    with pytest.raises(ChildRaised, match="Object arrays cannot be saved"):
        run(TARGETS + "forge")
    with pytest.raises(ValueError, match="Object arrays cannot be saved"):
        run(TARGETS + "double", {}, {"x": np.array([{}], dtype=object)})


def test_an_endless_answer_is_not_read(monkeypatch):
    monkeypatch.setattr(children, "LONGEST", 1000)
    with pytest.raises(ChildDied, match="cannot be read"):
        run(TARGETS + "large", {"size": 10_000})


@pytest.mark.parametrize(
    "executable", ["", "/usr/sbin/uwsgi", "/nowhere/python3", "/dev/null/python"]
)
def test_a_child_that_cannot_be_started(monkeypatch, executable):
    monkeypatch.setattr(sys, "executable", executable)
    with pytest.raises(ChildNotStarted, match="could not be started"):
        run(TARGETS + "double")


def test_an_interpreter_that_ends_at_once(monkeypatch, tmp_path_factory):
    fake = tmp_path_factory.mktemp("bin") / "python"
    fake.write_text("#!/bin/sh\nexit 7\n")
    fake.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(fake))
    with pytest.raises(ChildNotStarted, match="ended with status 7"):
        run(TARGETS + "double")


def test_a_frozen_program_is_not_started_again(monkeypatch):
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    with pytest.raises(ChildNotStarted, match="no interpreter"):
        run(TARGETS + "double")


def test_without_a_temporary_folder(monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere/at/all")
    with pytest.raises(ChildNotStarted, match="No such file"):
        run(TARGETS + "double")


def test_from_threads():
    found = {}

    def work(k):
        found[k] = run(TARGETS + "double", {"k": k}).values["k"]

    threads = [threading.Thread(target=work, args=(k,)) for k in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {0: 0, 1: 2, 2: 4}
