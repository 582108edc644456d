"""Fixtures and profiles only: seeds, kernels, the folder of real matrices."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from threadpoolctl import threadpool_limits

from symrank import kernels
from symrank.kernels.compiled import threads
from tests.device import plain_cupy

settings.register_profile(
    "symrank",
    deadline=None,  # the first example of a kernel compiles it
    max_examples=25,
    derandomize=bool(os.environ.get("CI")),  # a red CI must be reproducible
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("symrank")

REAL = Path(os.environ.get("SYMRANK_MATRICES", Path(__file__).parents[2] / "shared" / "matrices"))


# The loop of a developer: the laws of the rooms below the methods.
QUICK = (
    "adversary/test_truth.py", "operators/test_all_operators.py", "operators/test_checks.py",
    "operators/test_coerce.py", "operators/test_matrix.py", "operators/test_rectangular.py",
    "operators/test_explicit.py", "recurrences/test_conjugate_gradient.py",
    "recurrences/test_lanczos.py", "recurrences/test_minres.py",
    "theory/test_loss.py", "theory/test_chains.py", "spectrum/test_brackets.py", "test_errors.py",
    "spectrum/test_filters.py", "spectrum/test_intervals.py", "spectrum/test_threshold.py",
    "answer/test_result_object.py",
)  # fmt: skip


def pytest_collection_modifyitems(items):
    here = Path(__file__).parent
    for item in items:
        is_named = item.path.relative_to(here).as_posix() in QUICK
        if is_named and not item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.quick)


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    """Leave the processors to the other workers of the test run."""
    with threads.using(1), threadpool_limits(1):
        yield


SEEDS = [pytest.param(s, marks=[pytest.mark.slow] if s != 771 else [], id=f"seed{s}")
         for s in (20240131, 771, 90210)]  # fmt: skip


@pytest.fixture(params=SEEDS)
def seed(request):
    """One seed for every change, all of them for a release: a law does not depend on it."""
    return request.param


@pytest.fixture
def rng(seed):
    return np.random.default_rng(seed)


@pytest.fixture(params=kernels.NAMES)
def kernel(request):
    """Every kernel file; a GPU's on the host."""
    return plain_cupy.load(request.param)


@pytest.fixture
def real_matrices():
    if not (REAL / "manifest.csv").exists():
        pytest.skip(f"no folder of real matrices at {REAL} (set SYMRANK_MATRICES)")
    return REAL
