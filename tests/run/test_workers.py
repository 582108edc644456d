"""Executors: the same bits whoever does the work, and an end whatever happens to him."""

import itertools
import os
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext

import numpy as np
import pytest

import symrank
from symrank.errors import ChangedOperatorError, LostWorkersError, OptionError
from symrank.methods import Goal, Task
from symrank.run.workers import columns, packing, processes, several
from symrank.run.workers.hired import hired
from symrank.spectrum.outcome import Status
from tests.run.crews import PROBLEMS, Counting, Here, Slow, Told, ask, bits, children, many_threads

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")


@pytest.mark.parametrize("name", PROBLEMS)
def test_threads_give_the_bits_of_one(name):
    with many_threads() if name == "chebyshev" else nullcontext():
        alone = bits(ask(name))
    with ThreadPoolExecutor(3) as pool:
        assert bits(ask(name, pool)) == alone
    assert bits(ask(name, "threads")) == alone


@on_linux
def test_own_processes_give_the_bits_of_one_also_where_one_is_killed(monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    killed, started = [], []
    true = processes._started
    monkeypatch.setattr(processes, "_started", lambda event: started.append(1) or true(event))
    before = children()

    def observe(now):
        if now.interval is not None and not killed:
            victim = min(children() - before)
            os.kill(victim, signal.SIGKILL)
            killed.append(victim)

    result = ask("langevin", 2, progress=observe)
    assert bits(result) == bits(ask("langevin"))
    assert (len(killed), len(started)) == (1, 3)
    assert children() == before
    assert list(tmp_path.iterdir()) == []


def test_an_executor_of_the_callers_is_sent_the_operator_once(monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    sent = []
    true = packing.dump
    monkeypatch.setattr(packing, "dump", lambda what, path: sent.append(path) or true(what, path))
    pool = Here()
    assert bits(ask("lanczos", pool)) == bits(ask("lanczos"))
    assert len(sent) == 1
    assert list(tmp_path.iterdir()) == []
    assert len(pool.submitted) > 8


def test_a_worker_that_sees_no_file_is_handed_the_package(monkeypatch):
    monkeypatch.setattr(packing, "load", lambda path: 1 / 0)
    monkeypatch.setattr("os.path.exists", lambda path: not str(path).endswith(".package"))
    assert bits(ask("lanczos", Here())) == bits(ask("lanczos"))


def test_counts_tables_and_refined_results_have_the_same_bits():
    A, asked = PROBLEMS["lanczos"][0](), {"rng": 3, "max_matvecs": 600}
    count = [symrank.count(A, 1.0, 3.0, "lanczos", executor=e, **asked) for e in (None, "threads")]
    assert bits(count[0]) == bits(count[1])
    shifted = [symrank.count(A, 1.0, 3.0, "chebyshev", executor=e, **asked) for e in (None, Here())]
    assert bits(shifted[0]) == bits(shifted[1])
    table = [symrank.count(A, [0.0, 1.0, 9.0], executor=e, **asked) for e in (None, "threads")]
    assert bits(table[0].total) == bits(table[1].total)
    again = [one.refine(0.003, max_matvecs=600) for one in count]
    assert bits(again[0]) == bits(again[1])


@pytest.mark.parametrize("widths", [(2,) * 8, (3, 5, 8), (4, 12)])
@pytest.mark.parametrize("dtype", "fdFD")
def test_columns_of_a_sparse_product_do_not_know_each_other(widths, dtype, rng):
    A = symrank.as_operator((PROBLEMS["lanczos"][0]() * np.pi).astype(dtype))
    assert A.is_columnwise
    X = rng.standard_normal((A.n, 16)).astype(dtype)
    if A.dtype.kind == "c":
        X = X + 1j * rng.standard_normal(X.shape).astype(X.real.dtype)
    whole, ends = A.matmat(X), np.cumsum([0, *widths])
    for a, b in itertools.pairwise(ends):
        part = A.matmat(np.ascontiguousarray(X[:, a:b]))
        np.testing.assert_array_equal(part, whole[:, a:b])  # to the last bit


@pytest.mark.parametrize("workers", [None, 1, 2, 3, 7, 64])
@pytest.mark.parametrize("sizes", [(8,), (7,), (1,), (3,), (16, 16, 5), (64, 1)])
def test_parts_cover_their_tasks_and_none_is_one_column(workers, sizes):
    work = several.Common(symrank.Lanczos(), Slow(), None, 0)
    tasks = [Task(("probes", 100 * j), 5, k) for j, k in enumerate(sizes)]
    parts = columns.parts_of(work, tasks, {}, workers)
    covered = [[] for _ in sizes]
    for part in parts:
        first = part.task.key[-1] - 100 * part.turn
        covered[part.turn] += range(first, first + part.task.num_vectors)
        assert part.task.num_vectors >= 2 or sizes[part.turn] == 1
    assert covered == [list(range(k)) for k in sizes]
    if workers is not None and workers <= sum(k // 2 for k in sizes):
        assert len(parts) >= min(workers, len(sizes) * (min(sizes) // 2 or 1))


def test_tasks_are_told_at_once_and_handed_on_in_order():
    told, tasks = [], [Task(("probes", j), 1, 4) for j in (0, 4, 8)]
    work = several.Common(symrank.Lanczos(), Slow(), None, 0)
    merged = several.Merger(work, tasks, [0, 0, 1, 2, 2], lambda task, _: told.append(task.key[-1]))
    rows = [np.full((1, 2), float(j)) for j in range(5)]
    assert list(merged.add(2, rows[2])) == []
    assert list(merged.add(4, rows[4])) == []
    assert list(merged.add(3, rows[3])) == []
    assert told == [4, 8]
    assert list(merged.add(1, rows[1])) == []
    handed = list(merged.add(0, rows[0]))
    assert told == [4, 8, 0]
    assert [task for task, _ in handed] == tasks
    assert handed[0][1].tolist() == [[0.0, 0.0, 1.0, 1.0]]
    assert handed[1][1].tolist() == [[2.0, 2.0]]


def first_round(A, kind):
    goal = Goal(n=A.n, dtype=A.dtype, atol=None, rtol=None, half_width=1.0, open_ended=False,
                confidence=0.95, max_matvecs=100, seed=1)  # fmt: skip
    return kind(symrank.Lanczos(), A, goal, 0), [Task(("probes", 0), 5, 8)]


@pytest.mark.parametrize("make", [Here, lambda: ThreadPoolExecutor(2)], ids=["sent", "threads"])
def test_the_kind_of_work_comes_through(make):
    work, tasks = first_round(Slow(), Told)
    alone = work.do(tasks[0], None, lambda _: None)
    with hired(make()) as crew:
        ((_, shared),) = crew.each(work, tasks, {}, lambda _: None)
    assert shared[:2] == alone[:2] == ("told", 8)
    np.testing.assert_array_equal(shared[2].U, alone[2].U)
    np.testing.assert_array_equal(shared[2].alpha, alone[2].alpha)


def test_products_that_depend_on_their_columns_are_not_parted():
    dense = symrank.as_operator(np.eye(5))
    assert not dense.is_columnwise
    work = several.Common(symrank.Lanczos(), dense, None, 0)
    assert len(columns.parts_of(work, [Task(("probes", 0), 5, 16)], {}, 4)) == 1


def test_a_package_is_mapped_and_may_be_written_to(tmp_path, rng):
    big, small = rng.standard_normal((400, 9)), np.arange(3.0)
    path = str(tmp_path / "x")
    packing.dump({"big": big, "small": small, "again": big}, path)
    first, second = packing.load(path), packing.load(path)
    assert first["big"] is first["again"]
    assert first["big"].ctypes.data % packing.LINE == 0
    np.testing.assert_array_equal(first["big"], big)
    first["big"][:] = 0.0
    np.testing.assert_array_equal(second["big"], big)
    packing.load(path, is_last=True)
    assert not os.path.exists(path)


@pytest.mark.parametrize("executor", [Here(), 2])
def test_what_cannot_be_pickled_is_named_with_the_remedy(executor):
    A = Slow()
    A.lock = __import__("threading").Lock()
    with pytest.raises(OptionError, match=r"_thread\.lock.*executor='threads' needs no pickling"):
        symrank.rank(A, "lanczos", rng=1, executor=executor)


@pytest.mark.parametrize("wrong", [0, -1, True, 1.5, "thread", ThreadPoolExecutor, object(), 10**9])
def test_what_is_no_executor_is_refused(wrong):
    with pytest.raises(OptionError, match=r"executor=.*'threads'"):
        symrank.rank(np.eye(3), executor=wrong)


@pytest.mark.parametrize("twist", ["shut down", "cancel", "others", "none"])
def test_an_executor_that_fails_ends_the_run_with_what_was_known(twist):
    pool = Here(twist, at=9)
    with pytest.raises(LostWorkersError) as caught:
        ask("lanczos", pool)
    result = caught.value.result
    assert result.status is Status.INTERRUPTED
    low, high = result.interval()
    assert low <= 1199 <= high


def test_an_executor_that_does_everything_twice_has_the_same_bits():
    assert bits(ask("lanczos", Here("twice"))) == bits(ask("lanczos"))


def test_a_future_that_hangs_ends_with_the_seconds(monkeypatch):
    monkeypatch.setattr(several, "GRACE", 0.1)
    pool = Here("hang", at=9)
    result = ask("lanczos", pool, max_seconds=0.5)
    assert pool.submitted[9].cancelled()
    assert 0.5 < result.seconds < 30.0
    assert result.num_matvecs < 1600


def test_time_up_stops_the_threads_after_a_product():
    A = Slow(seconds=0.005)
    with ThreadPoolExecutor(2) as pool:
        start = time.perf_counter()
        result = symrank.rank(A, "lanczos", rng=1, executor=pool, max_seconds=0.01, precision=1e-9)
        pool.submit(int).result()
        took, calls = time.perf_counter() - start, A.calls
    assert result.num_matvecs < 20_000
    assert took < 60.0
    assert A.calls == calls  # nobody multiplies any longer


def test_an_error_of_the_callers_code_keeps_its_type_and_what_was_known():
    for executor in ("threads", Here()):
        with pytest.raises(ZeroDivisionError, match="the caller's own") as caught:
            symrank.rank(Slow(twist="raise", at=300), "lanczos", rng=1, executor=executor,
                         precision=1e-9)  # fmt: skip
        assert "Raised by the caller's code" in caught.value.__notes__[-1]
        assert caught.value.result is not None


def test_an_operator_that_changes_is_seen_here():
    with pytest.raises(ChangedOperatorError):
        symrank.rank(Slow(twist="change", at=150), "lanczos", rng=1, executor="threads",
                     precision=1e-9)  # fmt: skip


def test_a_worker_has_one_thread_of_the_kernels(monkeypatch):
    from symrank.kernels.compiled import threads

    monkeypatch.delenv("NUMBA_NUM_THREADS", raising=False)
    with threads.using(5):
        assert threads.number() == 5
        work, tasks = first_round(Counting(), several.Common)
        with hired(ThreadPoolExecutor(2)) as crew:
            list(crew.each(work, tasks, {}, lambda _: None))
        assert work.operator.calls == 1
        with threads.limited(threads.of_a_worker()):
            assert threads.number() == 1
            with ThreadPoolExecutor(1) as pool:
                assert pool.submit(threads.number).result() == 5  # that of others is not touched
    monkeypatch.setenv("NUMBA_NUM_THREADS", "3")
    assert threads.of_a_worker() == 3


class Overflows(Slow):
    def _matmat(self, X):
        self.calls += 1
        return np.float64(1e308) * 10.0 * X if self.calls > self.at else self.d[:, None] * X


@pytest.mark.parametrize("executor", ["threads", Here()], ids=["threads", "sent"])
def test_the_callers_error_state_is_in_force_in_a_worker(executor):
    with np.errstate(over="raise"), pytest.raises(FloatingPointError, match="overflow"):
        symrank.rank(Overflows(at=30), "lanczos", rng=1, executor=executor)
