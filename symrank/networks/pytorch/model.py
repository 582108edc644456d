"""A module, a loss function and data: the loss over all of them, and its curvature."""

import copy
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import torch

from symrank.errors import OperatorError, OptionError
from symrank.networks.pytorch.data import Batches, samples
from symrank.networks.pytorch.losses import Piece, scalar
from symrank.support.options import check_word

__all__ = ["ModelLoss"]

SAME = 1e-3  # a loss of twice the samples is that of once, or twice it, up to rounding


class ModelLoss:
    """The loss of a copy of a module over all batches.

    The copy has the modes and the buffers that the module had; nothing of the module is changed,
    and nothing that happens to it afterwards is seen.
    """

    def __init__(
        self, model: Any, loss_fn: Any, data: Any, params: Any, reduction: str | None
    ) -> None:
        _check_module(model, loss_fn)
        self.module, self.loss_fn = _copied(model), loss_fn
        named = dict(self.module.named_parameters())
        self.names = _chosen(self.module, named, params)
        self.theta = [named[name].detach() for name in self.names]
        if not self.theta:
            raise OptionError(
                f"no parameter of this {type(model).__name__} requires a gradient, so there is "
                "nothing to differentiate by. Unfreeze some, or name them: params=[...]."
            )
        self.fixed = {name: one.detach() for name, one in named.items() if name not in self.names}
        self.buffers = dict(self.module.named_buffers())
        self.batches = Batches(data, self.theta[0].device)
        self.is_one = self.batches.is_one
        self.is_mean = self.is_one or self._is_mean(reduction)
        self.name = f"{type(model).__name__}{self._mode()}"

    @property
    def suspects(self) -> str:
        """Why two gradients of the first batch might differ."""
        drop = [n for n, m in self.module.named_modules() if _drops(m)]
        named = f"dropout in train mode ({', '.join(drop[:3])})" if drop else "a random number"
        return f"{named} in the model or the loss"

    def pieces(self) -> Iterator[Piece]:
        """Yield the batches in their order."""
        yield from self.pieces_of(self.batches)

    def pieces_of(self, batches: Batches) -> Iterator[Piece]:
        """Yield other batches, or some of them."""
        for x, y in batches:
            weight = float(samples(x)) if self.is_mean else 1.0
            yield Piece(weight, partial(self.outputs, x), partial(self._loss, y))

    def outputs(self, x: Any, params: Any) -> Any:
        """Return the outputs of the network at some parameters."""
        state = {**self.fixed, **dict(zip(self.names, params, strict=True))}
        state.update({name: one.clone() for name, one in self.buffers.items()})
        args: tuple[Any, ...] = (x,)
        kwargs: dict[str, Any] = {}
        if isinstance(x, dict):
            args, kwargs = (), x
        elif isinstance(x, list):
            args = tuple(x)
        return torch.func.functional_call(self.module, state, args, kwargs)

    def _loss(self, y: Any, outputs: Any) -> torch.Tensor:
        return scalar(self.loss_fn(outputs, y))

    def _mode(self) -> str:
        """Say where batch norm takes the statistics of every batch."""
        norms = [
            m for m in self.module.modules() if isinstance(m, torch.nn.modules.batchnorm._NormBase)
        ]
        if any(m.training or m.running_mean is None for m in norms):
            return " with the statistics of each batch"
        return ""

    def _is_mean(self, reduction: str | None) -> bool:
        """Tell whether the loss of a batch is a mean over its samples, or a sum."""
        if reduction is not None:
            check_word("reduction", reduction, ("mean", "sum"))
            return reduction == "mean"
        if not self.batches.is_several:
            return True
        x, y = self.batches.first
        with torch.no_grad():
            out = self.outputs(x, self.theta)
            ratio = _ratio(self.loss_fn, out, y)
        for is_mean, value in ((True, 1.0), (False, 2.0)):
            if ratio is not None and abs(ratio - value) < SAME:
                return is_mean
        found = "cannot be told" if ratio is None else f"is {ratio:.4g} of that of once"
        raise OptionError(
            f"the loss of the samples of a batch twice {found}, so it is not plain whether it is a "
            "mean over samples (1) or a sum (2), and batches must be added up. Pass "
            "reduction='mean' or reduction='sum'."
        )


def _ratio(loss_fn: Any, out: Any, y: Any) -> float | None:
    """Return the loss of a batch that holds every sample twice, over that of the batch."""
    if not isinstance(out, torch.Tensor) or not isinstance(y, torch.Tensor):
        return None
    if not out.ndim or not y.ndim:
        return None
    once = float(scalar(loss_fn(out, y)))
    twice = float(scalar(loss_fn(torch.cat([out, out]), torch.cat([y, y]))))
    return twice / once if once else None


def _check_module(model: Any, loss_fn: Any) -> None:
    if not isinstance(model, torch.nn.Module):
        raise OperatorError(
            f"the model is a {type(model).__name__}, and a torch.nn.Module is wanted. A function "
            "of parameters is served by symrank.torch.hessian(loss, params)."
        )
    if hasattr(model, "_orig_mod"):
        raise OperatorError(
            "a model of torch.compile has no second derivatives. Pass the one that was compiled."
        )
    if not callable(loss_fn):
        raise OptionError(
            f"loss_fn is a {type(loss_fn).__name__}, and a function of outputs and targets is "
            "wanted, such as torch.nn.CrossEntropyLoss()."
        )


def _copied(model: torch.nn.Module) -> torch.nn.Module:
    try:
        with torch.inference_mode(mode=False):
            return copy.deepcopy(model)
    except Exception as error:
        raise OperatorError(
            f"this {type(model).__name__} cannot be copied ({str(error).splitlines()[0]}), and the "
            "operator keeps a copy, so that training on does not change it. Use "
            "symrank.torch.hessian(loss, params) with torch.func.functional_call."
        ) from error


def _chosen(module: torch.nn.Module, named: dict[str, Any], params: Any) -> list[str]:
    """Return the names of the parameters that are differentiated by, each tensor once."""
    if params is None:
        return [name for name, one in named.items() if one.requires_grad]
    if isinstance(params, str) or not isinstance(params, Iterable):
        raise OptionError(
            f"params={params!r} are names of parameters: a list such as ['0.weight', '0.bias']."
        )
    first = {id(one): name for name, one in named.items()}
    aliases = dict(module.named_parameters(remove_duplicate=False))
    wanted = set()
    for name in params:
        if name not in aliases:
            some = ", ".join(list(named)[:6])
            raise OptionError(
                f"params names {name!r}, and the model has no parameter of that name. It has "
                f"{some}{', ...' if len(named) > 6 else ''}."
            )
        wanted.add(first[id(aliases[name])])
    return [name for name in named if name in wanted]


def _drops(module: torch.nn.Module) -> bool:
    """Tell whether a module of PyTorch leaves out units at random."""
    p = getattr(module, "p", getattr(module, "dropout", 0.0))
    is_one = "Dropout" in type(module).__name__ or hasattr(module, "dropout")
    return is_one and module.training and isinstance(p, float) and p > 0.0
