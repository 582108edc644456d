"""Networks on their way to workers: their tensors are arrays of a mapped file, and bits stay."""

import numpy as np
import pytest

import symrank
from symrank.run.workers.packing import dump, load, packed
from tests.run.crews import bits

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch


def network(way=None):
    torch.manual_seed(1)
    model = torch.nn.Sequential(torch.nn.Linear(40, 24), torch.nn.Tanh(), torch.nn.Linear(24, 3))
    data = [(torch.randn(30, 40).double(), torch.randint(3, (30,))) for _ in range(2)]
    loss = torch.nn.CrossEntropyLoss()
    return symrank.torch.from_model(model.double(), loss, data, products=way)


@pytest.mark.parametrize("way", ["loop", "batched"])
def test_tensors_lie_beside_the_pickle(way, tmp_path, rng):
    H = network(way)
    X = rng.standard_normal((H.n, 5))
    parcel = packed(H)
    weights = [one for one in parcel.buffers if one.nbytes == 24 * 40 * 8]
    assert len(weights) >= 2  # of the module, and the point
    assert len(parcel.head) < 20_000
    dump(parcel, str(tmp_path / "H"))
    np.testing.assert_array_equal(load(str(tmp_path / "H")).matmat(X), H.matmat(X))


def test_a_loop_multiplies_every_column_by_itself(rng):
    H = network("loop")
    assert H.is_columnwise
    X = rng.standard_normal((H.n, 6))
    part = H.matmat(np.ascontiguousarray(X[:, 2:5]))
    np.testing.assert_array_equal(part, H.matmat(X)[:, 2:5])


@pytest.mark.parametrize("way", ["loop", "batched"])
def test_workers_give_the_bits_of_one(way):
    torch.set_num_threads(1)
    method, asked = symrank.Lanczos(num_probes=24), {"rng": 2, "max_matvecs": 300}
    alone, shared = (symrank.rank(network(way), method, executor=e, **asked) for e in (None, 2))
    assert bits(alone) == bits(shared)
