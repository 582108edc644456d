"""The Hessian of a loss whose data lie in several processes: bits, and processes that go astray."""

import json
import os
import pickle
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import symrank
from symrank.errors import LostWorkersError, OptionError

torch = pytest.importorskip("torch")
if not (torch.distributed.is_available() and torch.distributed.is_gloo_available()):
    pytest.skip("this PyTorch has no gloo", allow_module_level=True)
pytestmark = [
    pytest.mark.torch,
    pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning"),
]

from tests.networks import ranks  # noqa: E402

ROOT = Path(__file__).parents[2]
SLOW = pytest.param(3, marks=pytest.mark.slow)


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module", params=[2, SLOW])
def seen(request, tmp_path_factory):
    """What every process saw of each scene; the last one sees its own death."""
    folder, size = tmp_path_factory.mktemp("group"), request.param
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.networks.ranks", str(rank), str(size), str(folder)],
            cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for rank in range(size)
    ]  # fmt: skip
    said = [one.communicate(timeout=120) for one in started]
    codes = [one.returncode for one in started]
    assert codes == [0] * (size - 1) + [-signal.SIGKILL], said
    return [json.loads(out) for out, _ in said[:-1]]


@pytest.fixture(scope="module")
def alone():
    return {"same": ranks.answer(), "sum": ranks.answer(reduction="sum", products="loop")}


def test_every_process_has_the_bits_of_one_with_all_shards(seen, alone):
    for one in seen:
        assert one["same"] == one["same again"] == alone["same"]
        assert one["sum"] == alone["sum"]


def test_the_sum_over_shards_is_the_loss_of_all_batches():
    H = ranks.hessian()
    whole = symrank.torch.from_model(
        ranks.network(), torch.nn.CrossEntropyLoss(),
        [batch for i in range(ranks.SHARDS) for batch in ranks.shard(i)],
    )  # fmt: skip
    X = np.eye(H.n)
    np.testing.assert_allclose(H @ X, whole @ X, rtol=0, atol=1e-14)
    assert np.array_equal(pickle.loads(pickle.dumps(H)) @ X, H @ X)


@pytest.mark.parametrize(
    ("scene", "words"),
    [
        ("another seed", "does another thing than process 0 while multiplying.*the same rng"),
        ("another model", "another thing than process 0 while being set up.*the same model"),
        ("no data", "raised an error while being set up"),
        ("fails in the middle", "raised an error while multiplying"),
    ],
)
def test_processes_that_go_astray_end_all(seen, scene, words):
    for one in seen:
        assert one[scene]["kind"] == LostWorkersError.__name__
        assert re.search(words, one[scene]["text"])


def test_what_was_known_is_kept_when_a_process_dies(seen):
    for one in seen:
        assert one["rounds"] > 1
        for scene in ("fails in the middle", "dies in the middle"):
            assert one[scene]["is_ours"]
            assert "in [" in one[scene]["known"], one[scene]
        assert "waited for another one, which is gone" in one["dies in the middle"]["text"]


def test_there_are_at_least_as_many_shards_as_processes(seen):
    for one in seen:
        assert "every process has at least one" in one["too few shards"]["text"]


def test_a_group_that_is_none_is_refused():
    with pytest.raises(OptionError, match="init_process_group"):
        ranks.hessian(group=object())
    with pytest.raises(OptionError, match="reduction='median'"):
        ranks.hessian(reduction="median")
