r"""Adam's second moments, out of the state of an optimiser, without its library.

Adam divides by sqrt(v_hat) + eps, with v_hat = v / (1 - beta_2^t) after t steps: v starts at zero,
so that without this correction it is too small by 1 - beta_2^t.

PyTorch keeps v as ``optimizer.state[p]["exp_avg_sq"]`` (``"max_exp_avg_sq"`` with amsgrad, whose
maximum is corrected like v) with its step beside it, and beta_2 and eps in the group of p. Optax
keeps v as ``nu`` with ``count`` in one member of a nest of tuples, and beta_2 and eps nowhere, but
for ``inject_hyperparams``. Tensors are read by what they can do, so no library is imported.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from symrank.errors import OptionError
from symrank.support.options import check_number
from symrank.support.typing import FloatArray

__all__ = ["Moments", "moments"]

FIRST = "Take some steps of Adam first, at a learning rate of zero if nothing should move."


class Moments(NamedTuple):
    """Bias-corrected second moments and the epsilon of every parameter, (n,) each."""

    second: FloatArray
    eps: FloatArray


def moments(optimizer: Any, params: Any, beta2: float | None, eps: float | None) -> Moments:
    """Return the second moments in the order of `params`; see `Preconditioner.from_optimizer`."""
    if beta2 is not None:
        beta2 = check_number("beta2", beta2, lambda x: 0.0 <= x < 1.0, "lies in [0, 1).")
    if eps is not None:
        eps = check_number("eps", eps, lambda x: 0.0 < x < np.inf, "must be positive and finite.")
    if hasattr(optimizer, "param_groups") and hasattr(optimizer, "state"):
        return _of_torch(optimizer, params, beta2, eps)
    found = list(_adam_states(optimizer))
    if len(found) != 1:
        raise OptionError(
            f"optimizer={type(optimizer).__name__} holds {len(found)} states of Adam, and one is "
            "wanted: pass a torch.optim.Adam or AdamW, or the state of optax.adam or adamw (what "
            "init and update return, with fields count and nu)."
        )
    return _of_optax(found[0], list(_leaves(params)), beta2, eps, optimizer)


def _of_torch(optimizer: Any, params: Any, beta2: float | None, eps: float | None) -> Moments:
    """Read the state of every parameter, and beta_2 and eps of its group."""
    groups = {id(p): group for group in optimizer.param_groups for p in group["params"]}
    second, floor = [], []
    for i, p in enumerate(_in_order(params)):
        group = groups.get(id(p))
        if group is None:
            raise OptionError(
                f"parameter {i} of shape {tuple(p.shape)} is none of the optimiser's: pass the "
                "tensors that it was made for, in the order of theta0."
            )
        state = optimizer.state.get(p, {})
        key = "max_exp_avg_sq" if group.get("amsgrad") else "exp_avg_sq"
        if key not in state or "betas" not in group:
            raise OptionError(
                f"the optimiser has no {key} of parameter {i}: it is no Adam, or the parameter "
                f"has met no gradient. {FIRST}"
            )
        decay = group["betas"][1] if beta2 is None else beta2
        v = _array(state[key]).ravel()
        second.append(_corrected(v, float(decay), float(_array(state["step"]))))
        floor.append(np.full(v.size, float(group["eps"]) if eps is None else eps))
    return _joined(second, floor)


def _of_optax(
    state: Any, params: list[Any], beta2: float | None, eps: float | None, nest: Any
) -> Moments:
    """Read nu, in the order in which JAX lists the leaves."""
    known = _hyperparams(nest)
    beta2 = known.get("b2") if beta2 is None else beta2
    eps = known.get("eps") if eps is None else eps
    if beta2 is None or eps is None:
        raise OptionError(
            "the state of optax holds neither b2 nor eps: pass beta2=... and eps=..., 0.999 and "
            "1e-8 where optax.adam was left to its defaults."
        )
    leaves = [_array(leaf) for leaf in _leaves(state.nu)]
    shapes = [leaf.shape for leaf in leaves], [_array(p).shape for p in params]
    if shapes[0] != shapes[1]:
        raise OptionError(
            f"the second moments have shapes {shapes[0]} and params {shapes[1]}: pass the pytree "
            "of parameters that the state was made for."
        )
    step = float(np.max(_array(state.count)))
    second = [_corrected(v.ravel(), float(beta2), step) for v in leaves]
    return _joined(second, [np.full(v.size, float(eps)) for v in second])


def _corrected(v: FloatArray, beta2: float, step: float) -> FloatArray:
    """Return v / (1 - beta_2^t)."""
    if not step >= 1.0:
        raise OptionError(f"Adam has taken {step:g} steps: it knows no second moments. {FIRST}")
    return np.asarray(v / -np.expm1(step * np.log(beta2)) if beta2 > 0.0 else v)


def _joined(second: list[FloatArray], eps: list[FloatArray]) -> Moments:
    if not second:
        raise OptionError("params is empty: pass the parameters in the order of theta0.")
    v = np.concatenate(second)
    if not (np.isfinite(v) & (v >= 0.0)).all():
        bad = int(np.flatnonzero(~(np.isfinite(v) & (v >= 0.0)))[0])
        raise OptionError(
            f"second moment {bad} is {v[bad]:.6g}, and a mean of squares is finite and >= 0: "
            "training has diverged, or the state is damaged."
        )
    return Moments(v, np.concatenate(eps))


def _in_order(params: Any) -> Iterable[Any]:
    """Return the tensors of a mapping in its own order, or of any iterable."""
    return params.values() if isinstance(params, Mapping) else params


def _leaves(tree: Any) -> Iterable[Any]:
    """Yield the leaves of a pytree as JAX orders them: dictionaries by sorted keys, no None."""
    if isinstance(tree, Mapping):
        for key in sorted(tree):
            yield from _leaves(tree[key])
    elif isinstance(tree, tuple | list):
        for part in tree:
            yield from _leaves(part)
    elif tree is not None:
        yield tree


def _adam_states(nest: Any) -> Iterable[Any]:
    """Yield what has `count` and `nu` in a nest of tuples."""
    if hasattr(nest, "nu") and hasattr(nest, "count"):
        yield nest
    elif isinstance(nest, tuple | list):
        for part in nest:
            yield from _adam_states(part)
    elif isinstance(nest, Mapping):
        for part in nest.values():
            yield from _adam_states(part)


def _hyperparams(nest: Any) -> dict[str, float]:
    """Return what ``optax.inject_hyperparams`` has kept."""
    found = getattr(nest, "hyperparams", None)
    if isinstance(found, Mapping):
        return {name: float(_array(found[name])) for name in ("b2", "eps") if name in found}
    if isinstance(nest, tuple | list):
        for part in nest:
            if inner := _hyperparams(part):
                return inner
    return {}


def _array(tensor: Any) -> FloatArray:
    """Return a tensor of any library as doubles on the host."""
    if hasattr(tensor, "detach"):
        tensor = tensor.detach().cpu().double().numpy()
    return np.asarray(tensor, dtype=np.float64)
