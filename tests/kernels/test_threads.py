"""`spread` covers every chunk once, waits for what runs, and gives errors of helpers back."""

import threading
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from symrank.kernels.compiled import threads

LARGE = 1e9  # nanoseconds: shared


@given(
    num_chunks=st.integers(0, 200),
    count=st.integers(1, 9),
    cost=st.sampled_from([0.0, 1e5, 3e5, 1e6, LARGE]),
)
def test_every_chunk_is_worked_off_once(num_chunks, count, cost):
    times = np.zeros(num_chunks, int)

    def work(first, last):
        times[first:last] += 1  # ranges do not overlap

    with threads.using(count):
        threads.spread(work, num_chunks, cost)
    assert (times == 1).all()


def test_an_error_of_any_range_comes_out_and_nothing_goes_on_running():
    calls = []

    def work(first, last):
        calls.append(first)
        time.sleep(0.002)
        if first >= 30:
            raise MemoryError("a helper's")

    with threads.using(3), pytest.raises(MemoryError, match="a helper's"):
        threads.spread(work, 64, LARGE)
    known = len(calls)
    time.sleep(0.05)
    assert len(calls) == known


def test_an_interrupt_waits_for_helpers_that_run():
    running = threading.Event()
    ended = []

    def work(first, last):
        if threading.current_thread().name.startswith("symrank"):
            running.set()
            time.sleep(0.1)
            ended.append(first)
        else:
            assert running.wait(5.0)
            raise KeyboardInterrupt

    with threads.using(2), pytest.raises(KeyboardInterrupt):
        threads.spread(work, 64, LARGE)
    known = len(ended)
    assert known == 1
    time.sleep(0.15)
    assert len(ended) == known


def test_helpers_have_the_error_state_of_the_caller():
    states = set()

    def work(first, last):
        time.sleep(0.002)
        states.add(np.geterr()["over"])

    with threads.using(3), np.errstate(over="raise"):
        threads.spread(work, 64, LARGE)
    assert states == {"raise"}


def test_a_busy_pool_is_not_waited_for(monkeypatch):
    pool = threads._Pool()
    monkeypatch.setattr(threads, "_pool", pool)
    release = threading.Event()
    with threads.using(2):
        pool.submit(release.wait)
        pool.executor._max_workers = 1
        start = time.perf_counter()
        threads.spread(lambda first, last: None, 64, LARGE)
        assert not release.is_set()
        assert time.perf_counter() - start < 5.0
    release.set()
