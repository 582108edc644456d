"""Executors of others: loky, Dask, MPI; the same bits, and no task lost with a worker."""

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from shutil import which

import pytest

import symrank
from symrank.errors import LostWorkersError
from symrank.spectrum.outcome import Status
from tests.run.crews import Slow, ask, bits, laplacian, many_threads

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
NAMES = ("lanczos", "langevin", "chebyshev", "lanczos, matvec", "lanczos, matmat")
MPI = """
import sys
sys.path.insert(0, sys.argv[1])
from mpi4py.futures import MPIPoolExecutor
from tests.run.crews import ask, bits
if __name__ == "__main__":
    with MPIPoolExecutor() as pool:
        for name in sys.argv[2:]:
            print(bits(ask(name, pool)))
"""


@pytest.fixture(scope="module")
def alone():
    """Answers of one process with all its threads."""
    with many_threads():
        return {name: bits(ask(name)) for name in NAMES}


@pytest.fixture
def cluster(tmp_path):
    distributed = pytest.importorskip("distributed", reason="Dask is not installed")
    with (
        distributed.LocalCluster(
            n_workers=3,
            threads_per_worker=1,
            dashboard_address=None,
            local_directory=str(tmp_path),
            silence_logs=50,
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def test_processes_of_the_standard_library(alone):
    with ProcessPoolExecutor(3, mp_context=get_context("spawn")) as pool:
        assert {name: bits(ask(name, pool)) for name in NAMES} == alone


def test_loky(alone):
    loky = pytest.importorskip("loky", reason="loky is not installed")
    pool = loky.get_reusable_executor(3)
    try:
        assert {name: bits(ask(name, pool)) for name in NAMES} == alone
    finally:
        pool.shutdown(kill_workers=True)


@pytest.mark.filterwarnings("ignore")  # of Dask, on its way down
def test_dask_by_the_client_and_by_its_executor(alone, cluster):
    assert {name: bits(ask(name, cluster)) for name in NAMES} == alone
    assert bits(ask("lanczos", cluster.get_executor())) == alone["lanczos"]


@pytest.mark.filterwarnings("ignore")
def test_a_dask_worker_that_is_killed_at_work_loses_no_task(cluster):
    known = cluster.run(os.getpid)
    killed = []

    def observe(now):
        busy = [one for one, tasks in cluster.processing().items() if tasks]
        if busy and not killed:
            killed.append(known[busy[0]])
            os.kill(killed[0], signal.SIGKILL)

    A, asked = Slow(seconds=0.003), {"rng": 3, "max_matvecs": 1600}
    result = symrank.rank(A, "lanczos", executor=cluster, progress=observe, **asked)
    assert killed
    assert set(cluster.run(os.getpid).values()) != set(known.values())
    assert bits(result) == bits(symrank.rank(A, "lanczos", **asked))


@pytest.mark.mpi
def test_mpi(alone, tmp_path):
    pytest.importorskip("mpi4py", reason="mpi4py is not installed")
    mpiexec = Path(sys.executable).with_name("mpiexec")
    found = str(mpiexec) if mpiexec.exists() else which("mpiexec")
    if found is None:
        pytest.skip("there is no mpiexec")
    script = tmp_path / "asks.py"
    script.write_text(MPI)
    command = [found, "-n", "3", sys.executable, "-m", "mpi4py.futures", str(script), str(ROOT)]
    done = subprocess.run(
        [*command, *NAMES], capture_output=True, text=True, timeout=300, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.splitlines() == list(alone.values())


def test_a_broken_pool_of_the_callers_ends_the_run_with_what_was_known():
    killed = []

    def observe(now):
        if now.interval is not None and not killed:
            killed.append(min(pool._processes))
            os.kill(killed[0], signal.SIGKILL)

    with (
        ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool,
        pytest.raises(LostWorkersError, match="BrokenProcessPool") as caught,
    ):
        ask("langevin", pool, progress=observe)
    assert caught.value.result.status is Status.INTERRUPTED


def test_eight_threads_and_two_processes_on_one_operator(alone):
    A, found = laplacian(), []

    def one():
        found.append(bits(symrank.rank(A, "lanczos", rng=7, max_matvecs=1600, executor=pool)))

    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        threads = [threading.Thread(target=one) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == [alone["lanczos"]] * 8


def test_workers_stop_within_a_product_where_the_run_ends():
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        pool.submit(int).result()
        start = time.perf_counter()
        with pytest.raises(ZeroDivisionError):
            symrank.rank(laplacian(), "langevin", rng=1, executor=pool, progress=lambda _: 1 / 0)
        pool.submit(int).result(timeout=60)
        assert time.perf_counter() - start < 60.0
