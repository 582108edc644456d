"""Hessian and Gauss-Newton operators of PyTorch against `torch.func`, and what they refuse."""

import copy
from functools import cache

import numpy as np
import pytest

import symrank
from symrank.errors import NotSymmetricError, OperatorError, OptionError

torch = pytest.importorskip("torch")
pytestmark = [
    pytest.mark.torch,
    # PyTorch warns of its own modules where it loads them late
    pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning"),
]

from torch import nn  # noqa: E402

from symrank.networks.pytorch.passes import short_way  # noqa: E402
from tests.networks import models  # noqa: E402

BAR = 1e-10  # relative: some thousand roundings of the longest sums
NAMES = list(models.NETWORKS)
network = cache(lambda name: models.NETWORKS[name]())
hessian_of = cache(lambda name: models.dense_hessian(network(name)))
gauss_newton_of = cache(lambda name: models.dense_gauss_newton(network(name)))


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def operator(name, **options):
    one = network(name)
    return symrank.torch.from_model(one.model, one.loss_fn, one.data, **options)


def error(A, twin):
    return np.abs(A.matmat(np.eye(A.n, dtype=A.dtype)) - twin).max() / np.abs(twin).max()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("products", ["loop", "batched", "forward"])
def test_the_hessian_is_that_of_torch_func(name, products):
    H = operator(name, products=products)
    assert 500 <= H.n <= 3000
    assert H.dtype == np.float64
    assert error(H, hessian_of(name)) <= BAR


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("products", ["loop", "batched"])
def test_gauss_newton_is_the_product_of_its_factors(name, products):
    G = operator(name, gauss_newton=True, products=products)
    assert error(G, gauss_newton_of(name)) <= BAR


@pytest.mark.parametrize("name", NAMES)
def test_gauss_newton_is_counted_on_its_shorter_side(name):
    twin = np.linalg.eigvalsh(gauss_newton_of(name))
    G = operator(name, gauss_newton=True)
    outputs = sum(models.at(network(name))[1](models.at(network(name))[0]).shape)
    side = G.shorter_side()
    assert (side.n < G.n) == (name != "cnn" or outputs < G.n)
    found = np.linalg.eigvalsh(side.to_dense())
    k = min(side.n, 60)
    np.testing.assert_allclose(found[-k:], twin[-k:], rtol=0, atol=BAR * twin[-1])
    assert found[0] >= -BAR * twin[-1]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("is_gauss_newton", [False, True])
def test_the_band_holds_the_dense_counts(name, is_gauss_newton, seed):
    twin = gauss_newton_of(name) if is_gauss_newton else hessian_of(name)
    size = np.abs(np.linalg.eigvalsh(twin))
    A = operator(name, gauss_newton=is_gauss_newton)
    result = symrank.rank(A, "lanczos", max_matvecs=500, rng=seed)
    floor = 1e4 * np.finfo(float).eps * size.max()  # of the twin, which was formed
    taus = np.geomspace(max(10.0 * result.threshold, floor), 0.999 * size.max(), 300)
    _, low, high = result.counting_function(taus)
    exact = (size[:, None] > taus).sum(axis=0)
    assert ((low <= exact) & (exact <= high)).sum() >= 270


def test_a_function_of_parameters():
    point = {"w": torch.arange(1.0, 4.0), "b": [torch.tensor(2.0)]}

    def loss(p):
        return (p["w"] ** 3).sum() + p["b"][0] * p["w"][0]

    twin = np.diag([6.0, 12.0, 18.0, 0.0])
    twin[0, 3] = twin[3, 0] = 1.0
    H = symrank.torch.hessian(loss, point)
    np.testing.assert_array_equal(H.matmat(np.eye(4, dtype=np.float32)), twin)
    V = torch.eye(4)[:, :2]
    np.testing.assert_array_equal(H.product(V).numpy(), twin[:, :2])
    assert symrank.rank(H).rank == 4


def test_a_block_does_not_depend_on_how_it_is_cut():
    whole, cut = operator("mlp", products="batched"), operator("mlp", products="batched", memory=1)
    X = np.random.default_rng(0).standard_normal((whole.n, 5))
    np.testing.assert_allclose(cut.matmat(X), whole.matmat(X), rtol=1e-12, atol=1e-14)


def test_nothing_of_the_model_changes_and_it_may_train_on():
    one = models.cnn()
    one.model.train()
    before = copy.deepcopy(one.model.state_dict())
    H = symrank.torch.from_model(one.model, one.loss_fn, one.data)
    assert "statistics of each batch" in H.name
    x = np.ones(H.n)
    y = H @ x
    after = one.model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert all(p.grad is None and p.requires_grad for p in one.model.parameters())
    assert one.model.training
    with torch.no_grad():
        for p in one.model.parameters():
            p.mul_(2.0)
    one.model.eval()
    np.testing.assert_array_equal(H @ x, y)


def test_batch_statistics_are_those_of_a_norm_without_running_ones():
    one = models.cnn()
    one.model.train()
    H = symrank.torch.from_model(one.model, one.loss_fn, one.data)
    one.model.norm.track_running_stats = False
    one.model.norm.running_mean = one.model.norm.running_var = None
    one.model.norm.num_batches_tracked = None
    assert error(H, models.dense_hessian(one, is_forward=False)) <= BAR


def test_layer_norm_is_right_where_torch_func_is_not():
    one = models.transformer(models.Standard)
    twin = models.dense_hessian(one, is_forward=False)
    np.testing.assert_allclose(twin, twin.T, atol=1e-12)
    for products in ("loop", "batched", "forward"):
        H = symrank.torch.from_model(one.model, one.loss_fn, one.data, products=products)
        assert error(H, twin) <= BAR


def test_frozen_parameters_are_constants_and_tied_ones_count_once():
    one = models.transformer()
    dense = hessian_of("transformer")
    assert operator("transformer").n == len(dense)
    for name, p in one.model.named_parameters():
        p.requires_grad_(name == "embedding.weight")
    H = symrank.torch.from_model(one.model, one.loss_fn, one.data)
    first, k = one.model.gain.numel(), one.model.embedding.weight.numel()
    part = dense[first : first + k, first : first + k]
    assert H.n == k
    assert error(H, part) <= BAR
    assert error(operator("transformer", params=["logits.weight"]), part) <= BAR


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_batches_add_up_to_the_loss_over_all_data(reduction):
    one = network("mlp")
    loss = nn.CrossEntropyLoss(reduction=reduction)
    unit = 40.0 if reduction == "sum" else 1.0
    for is_gauss_newton, twin in ((False, hessian_of), (True, gauss_newton_of)):
        A = symrank.torch.from_model(one.model, loss, one.data, gauss_newton=is_gauss_newton)
        assert error(A, unit * twin("mlp")) <= BAR


def test_a_loss_that_is_neither_mean_nor_sum_asks_for_the_word():
    one = network("mlp")

    def loss(outputs, targets):
        return nn.functional.cross_entropy(outputs, targets) * len(targets) ** 0.5

    with pytest.raises(OptionError, match=r"1\.414 of that of once.*reduction='mean'"):
        symrank.torch.from_model(one.model, loss, one.data)
    symrank.torch.from_model(one.model, loss, one.data, reduction="sum")
    symrank.torch.from_model(one.model, loss, one.data[:1])  # one batch: nothing to add up


def test_a_loader_that_shuffles_is_named():
    one = network("mlp")
    data = torch.utils.data.TensorDataset(*models.merged(one))
    loader = torch.utils.data.DataLoader(data, batch_size=8)
    H = symrank.torch.from_model(one.model, one.loss_fn, loader)
    assert error(H, hessian_of("mlp")) <= BAR
    loader = torch.utils.data.DataLoader(data, batch_size=8, shuffle=True)
    with pytest.raises(NotSymmetricError, match=r"DataLoader draws its order anew.*shuffle=False"):
        symrank.torch.from_model(one.model, one.loss_fn, loader)


def test_dropout_in_train_mode_is_named():
    model = nn.Sequential(nn.Linear(4, 30), nn.Dropout(0.5), nn.Linear(30, 2))
    data = [(torch.ones(3, 4), torch.zeros(3, 2))]
    with pytest.raises(NotSymmetricError, match=r"dropout in train mode \(1\).*model\.eval"):
        symrank.torch.from_model(model, nn.MSELoss(), data)
    symrank.torch.from_model(model.eval(), nn.MSELoss(), data)


def test_the_state_of_the_caller_does_not_matter():
    twin = hessian_of("transformer")
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
        H = operator("transformer")
        assert error(H, twin) <= BAR
    with torch.no_grad():
        assert error(H, twin) <= BAR


@pytest.mark.parametrize("name", NAMES)
def test_noise_is_above_the_error_of_single_precision(name):
    one = models.NETWORKS[name]()
    data = [(x.float() if x.is_floating_point() else x, y) for x, y in one.data]
    data = [(x, y.float() if y.is_floating_point() else y) for x, y in data]
    one.model.float()
    single = symrank.torch.from_model(one.model, one.loss_fn, data)
    wide = [(x.double() if x.is_floating_point() else x, y) for x, y in data]
    double = symrank.torch.from_model(one.model.double(), one.loss_fn, wide)
    lam, Q = np.linalg.eigh(double.to_dense())
    norm = np.abs(lam).max()
    for X in (np.random.default_rng(5).standard_normal((single.n, 8)), Q[:, -4:], Q[:, :4]):
        X = X.astype(np.float32)
        change = np.linalg.norm(single.matmat(X) - double.matmat(X), axis=0)
        assert (change <= single.noise * norm * np.linalg.norm(X, axis=0)).all()
    assert 1e-9 < single.noise < 1e-4
    assert double.noise < 1e-13
    result = symrank.rank(single, "lanczos", max_matvecs=300, rng=1)
    low, high = result.interval()
    assert low <= (np.abs(lam) > result.threshold).sum() <= high


def test_single_precision_that_hides_in_the_loss_is_seen():
    x = torch.randn(20, 6, generator=torch.Generator().manual_seed(0))

    def loss(p):
        return torch.tanh(x @ p["w"].float()).pow(2).mean().double()

    H = symrank.torch.hessian(loss, {"w": torch.ones(6, 4).double()})
    assert H.dtype == np.float64
    assert 1e-9 < H.noise < 1e-4


def test_products_that_are_mostly_noise_are_refused(monkeypatch):
    monkeypatch.setattr("symrank.networks.pytorch.noise.MOST", 1e-9)
    with pytest.raises(OperatorError, match=r"err by .* float32 or float64"):
        symrank.rank(symrank.torch.hessian(lambda p: p.sin().sum(), torch.ones(9)), check=False)


def test_noise_may_be_stated_and_that_of_half_precision_is_large():
    point = torch.ones(30, dtype=torch.bfloat16)

    def loss(p):
        return (p.cumsum(0) ** 4).mean() + p.sin().sum()

    assert symrank.torch.hessian(loss, point).noise > 1e-3
    assert symrank.torch.hessian(loss, point, noise=0.05).noise == 0.05


def test_the_way_is_chosen_by_the_size_of_the_graph():
    assert operator("mlp").way == "batched"
    wide = nn.Sequential(nn.Linear(64, 512), nn.Tanh(), nn.Linear(512, 64)).double()
    data = [(torch.ones(2, 64).double(), torch.zeros(2, 64).double())]
    assert symrank.torch.from_model(wide, models.mse, data).way == "loop"
    assert short_way([torch.ones(1)], 0, 1) == "loop"  # no operation at all


class Doubled(torch.autograd.Function):
    """x -> 2 x without a batched form."""

    @staticmethod
    def forward(ctx, x):
        return 2.0 * x

    @staticmethod
    def backward(ctx, given):
        return 2.0 * given


def test_an_operation_without_a_batched_form_is_looped_over():
    H = symrank.torch.hessian(lambda p: (Doubled.apply(p) ** 2).sum(), torch.ones(3))
    assert H.way == "loop"
    np.testing.assert_array_equal(H.matmat(np.eye(3, dtype=np.float32)), 8.0 * np.eye(3))


def test_a_loss_that_couples_samples_is_not_counted_on_the_shorter_side():
    model = nn.Linear(30, 3).double()
    data = [(torch.randn(4, 30).double(), torch.zeros(4, 3).double())]

    def coupled(outputs, targets):
        return (outputs.mean(dim=0) ** 4).sum() + outputs.std()

    G = symrank.torch.from_model(model, coupled, data, gauss_newton=True)
    assert G.shorter_side() is G
    plain = symrank.torch.from_model(model, models.mse, data, gauss_newton=True)
    assert plain.shorter_side().n == 12


LINEAR = nn.Linear(3, 2)
X3, Y2 = torch.ones(4, 3), torch.zeros(4, 2)
REFUSED = {
    "no pair": ({"data": [X3]}, OptionError, "a batch is a Tensor"),
    "a batch alone": ({"data": (X3, Y2)}, OptionError, r"Pass \[\(x, y\)\]"),
    "a tensor": ({"data": X3}, OptionError, "iterable of pairs"),
    "empty": ({"data": []}, OptionError, "data is empty"),
    "a generator": ({"data": ((X3, Y2) for _ in [1])}, OptionError, "read once"),
    "no module": ({"model": lambda x: x}, OperatorError, "torch.nn.Module is wanted"),
    "no function": ({"loss_fn": "mse"}, OptionError, "a function of outputs"),
    "no scalar": ({"loss_fn": nn.MSELoss(reduction="none")}, OperatorError, "one real number"),
    "a float": ({"loss_fn": lambda o, y: 3.0}, OperatorError, "without .item"),
    "no dependence": ({"loss_fn": lambda o, y: y.sum()}, OperatorError, "does not depend"),
    "an unknown name": ({"params": ["wait"]}, OptionError, "no parameter of that name"),
    "a name": ({"params": "weight"}, OptionError, "a list such as"),
    "no names": ({"params": []}, OptionError, "nothing to differentiate"),
    "a way": ({"products": "vmap"}, OptionError, "'loop' or 'batched'"),
    "memory": ({"memory": 0}, OptionError, "number of bytes"),
    "noise": ({"noise": 0.5}, OptionError, "between 0 and 0.1"),
    "reduction": ({"data": [(X3, Y2)] * 2, "reduction": "none"}, OptionError, "'mean' or 'sum'"),
    "forward": ({"gauss_newton": True, "products": "forward"}, OptionError, "passes of its own"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_is_named(name):
    given, kind, remedy = REFUSED[name]
    options = {"model": LINEAR, "loss_fn": nn.MSELoss(), "data": [(X3, Y2)]} | given
    model, loss_fn, data = (options.pop(key) for key in ("model", "loss_fn", "data"))
    with pytest.raises(kind, match=remedy):
        symrank.torch.from_model(model, loss_fn, data, **options)


@pytest.mark.parametrize(
    ("params", "remedy"),
    [
        ({}, "no parameters"),
        ({"w": 3.0}, "holds? a float"),
        (torch.ones(2, dtype=torch.int64), "int64"),
        (torch.ones(2, dtype=torch.complex64), "complex64"),
        (torch.ones(2, device="meta"), "one device"),
    ],
)
def test_parameters_that_are_none_are_named(params, remedy):
    with pytest.raises(OperatorError, match=remedy):
        symrank.torch.hessian(lambda p: p.sum() ** 2, params)


def test_a_compiled_model_and_one_without_a_copy_are_named():
    class Held(nn.Linear):
        def __deepcopy__(self, memo):
            raise RuntimeError("no copies")

    with pytest.raises(OperatorError, match=r"cannot be copied \(no copies\)"):
        symrank.torch.from_model(Held(3, 2), nn.MSELoss(), [(X3, Y2)])
    wrapped = nn.Sequential(LINEAR)
    wrapped._orig_mod = LINEAR
    with pytest.raises(OperatorError, match="the one that was compiled"):
        symrank.torch.from_model(wrapped, nn.MSELoss(), [(X3, Y2)])
