"""Adam's second moments out of the states of optimisers, stood in for by plain objects."""

from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pytest

from symrank import Preconditioner
from symrank.errors import OptionError

BETA2, EPS, STEPS = 0.99, 1e-3, 7
SHAPES = ((2, 3), (3,))


class Tensor:
    """What is asked of a torch tensor: identity as a key, shape, and a way to NumPy."""

    def __init__(self, values):
        self.values = np.asarray(values, dtype=np.float32)
        self.shape = self.values.shape

    def detach(self):
        return self

    def cpu(self):
        return self

    def double(self):
        return self

    def numpy(self):
        return self.values.astype(np.float64)


class AdamState(NamedTuple):
    """`optax.ScaleByAdamState`."""

    count: np.ndarray
    mu: dict
    nu: dict


def by_hand(gradients):
    """Run Adam's recurrence of v; return v and G, the textbook's."""
    v = 0.0
    for g in gradients:
        v = BETA2 * v + (1.0 - BETA2) * g * g
    return v, 1.0 / (np.sqrt(v / (1.0 - BETA2**STEPS)) + EPS)


@pytest.fixture
def trained():
    rng = np.random.default_rng(3)
    return [by_hand(rng.standard_normal((STEPS, *shape))) for shape in SHAPES]


def torch_adam(trained, **more):
    params = [Tensor(np.zeros(shape)) for shape in SHAPES]
    key = "max_exp_avg_sq" if more.get("amsgrad") else "exp_avg_sq"
    state = {
        p: {"step": Tensor(STEPS), "exp_avg_sq": Tensor(np.zeros(p.shape)), key: Tensor(v)}
        for p, (v, _) in zip(params, trained, strict=True)
    }
    groups = [{"params": [p], "betas": (0.9, BETA2), "eps": EPS, **more} for p in params]
    return SimpleNamespace(param_groups=groups, state=state), params


@pytest.mark.parametrize("amsgrad", [False, True])
def test_torch(trained, amsgrad):
    optimizer, params = torch_adam(trained, amsgrad=amsgrad)
    expected = np.concatenate([G.ravel() for _, G in trained])
    given = {f"p{i}": p for i, p in enumerate(params)}
    for order in (params, iter(params), given):
        G = Preconditioner.from_optimizer(optimizer, order)
        np.testing.assert_allclose(G.root**2, expected, rtol=1e-6)  # v is kept in float32
    backwards = Preconditioner.from_optimizer(optimizer, params[::-1])
    np.testing.assert_allclose(backwards.root[:3], G.root[6:])
    assert G.name == "adam"


def test_optax_lists_leaves_as_jax_does(trained):
    (w, G_w), (b, G_b) = trained
    params = {"weight": np.zeros(SHAPES[0]), "bias": np.zeros(SHAPES[1])}
    state = AdamState(np.array(STEPS), {}, {"weight": w, "bias": b})
    expected = np.concatenate([G_b.ravel(), G_w.ravel()])
    for nest in (state, (state, SimpleNamespace(), ()), [("x", state)]):
        G = Preconditioner.from_optimizer(nest, params, beta2=BETA2, eps=EPS)
        np.testing.assert_allclose(G.root**2, expected, rtol=1e-12)
    known = SimpleNamespace(hyperparams={"b2": BETA2, "eps": EPS}, count=0, inner_state=state)
    G = Preconditioner.from_optimizer((known, state), params)
    np.testing.assert_allclose(G.root**2, expected, rtol=1e-12)


def test_it_is_adam_of_the_corrected_moments(trained):
    optimizer, params = torch_adam(trained)
    v = np.concatenate([v.ravel() for v, _ in trained]) / (1.0 - BETA2**STEPS)
    G = Preconditioner.from_optimizer(optimizer, params)
    np.testing.assert_allclose(G.root, Preconditioner.adam(v, EPS).root, rtol=1e-6)


def test_a_clamp_is_in_medians(trained):
    optimizer, params = torch_adam([(0.0 * v if v.size == 3 else v, G) for v, G in trained])
    G = Preconditioner.from_optimizer(optimizer, params, clamp=5.0).root ** 2
    free = Preconditioner.from_optimizer(optimizer, params).root ** 2
    assert free.max() == pytest.approx(1.0 / EPS)
    assert G.max() == pytest.approx(5.0 * np.median(free))


def refusals():
    trained = [by_hand(np.ones((STEPS, *shape))) for shape in SHAPES]
    optimizer, params = torch_adam(trained)
    fresh, _ = torch_adam(trained)
    fresh.state = {}
    sgd = SimpleNamespace(param_groups=[{"params": params}], state={})
    unborn, few = torch_adam(trained)
    unborn.state[few[0]]["step"] = Tensor(0)
    spoiled, bad = torch_adam(trained)
    spoiled.state[bad[1]]["exp_avg_sq"] = Tensor(np.full(3, np.nan))
    state = AdamState(np.array(STEPS), {}, [v for v, _ in trained])
    arrays = [np.zeros(shape) for shape in SHAPES]
    known = {"beta2": BETA2, "eps": EPS}
    return {
        "another tensor": (optimizer, [Tensor(np.zeros(3))], {}, "none of the optimiser's"),
        "no state": (fresh, fresh.param_groups[0]["params"], {}, "met no gradient"),
        "SGD": (sgd, params, {}, "is no Adam"),
        "no step": (unborn, few, {}, "taken 0 steps"),
        "NaN": (spoiled, bad, {}, "second moment 6 is nan"),
        "no parameters": (optimizer, [], {}, "params is empty"),
        "b2 unknown": (state, arrays, {}, "beta2=... and eps="),
        "other shapes": (state, arrays[::-1], known, "have shapes"),
        "two states": ((state, state), arrays, known, "holds 2 states"),
        "no optimiser": (object(), arrays, known, "holds 0 states"),
        "beta2 of 1": (state, arrays, {"beta2": 1.0, "eps": EPS}, "beta2=1"),
        "eps of 0": (state, arrays, {"beta2": BETA2, "eps": 0.0}, "eps=0"),
        "clamp below 1": (optimizer, params, {"clamp": 0.5}, "clamp=0.5"),
    }


@pytest.mark.parametrize("name", refusals())
def test_what_is_no_adam_is_refused(name):
    optimizer, params, options, said = refusals()[name]
    with pytest.raises(OptionError, match=said):
        Preconditioner.from_optimizer(optimizer, params, **options)
