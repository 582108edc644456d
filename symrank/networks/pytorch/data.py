"""Batches: a pair of inputs and targets each, the same ones in every pass."""

from collections.abc import Iterator, Mapping
from typing import Any

import torch

from symrank.errors import NotSymmetricError, OptionError

__all__ = ["Batch", "Batches", "samples"]

Batch = tuple[Any, Any]
SHUFFLING = ("RandomSampler", "SubsetRandomSampler", "WeightedRandomSampler")


class Batches:
    """A re-iterable of batches, looked at once.

    Parameters
    ----------
    data
        An iterable of pairs, such as a list or a ``DataLoader``.
    device
        To which tensors are moved.

    Raises
    ------
    OptionError
        Where `data` can be read once only, is empty, or does not give pairs.
    NotSymmetricError
        Where the first batch is another one in the second pass.
    """

    def __init__(self, data: Any, device: torch.device) -> None:
        self.data, self.device = data, device
        if isinstance(data, torch.Tensor | Mapping | str) or not hasattr(data, "__iter__"):
            raise OptionError(
                f"data is a {type(data).__name__}, and an iterable of pairs (inputs, targets) is "
                "wanted. Pass [(x, y)] for one batch, or a DataLoader."
            )
        if iter(data) is data:
            raise OptionError(
                f"data is a {type(data).__name__}, which can be read once, and every product reads "
                "it. Pass a list, or a DataLoader."
            )
        start = list(_first(self, 2))
        if not start:
            raise OptionError(
                "data is empty, so there is no loss. Pass an iterable of pairs (inputs, targets), "
                "the same ones every time."
            )
        self.first: Batch = start[0]
        self.is_one = len(start) == 1 and isinstance(data, list | tuple)
        self.is_several = len(start) > 1
        self._check_second_pass()

    def __iter__(self) -> Iterator[Batch]:
        for batch in self.data:
            yield self._pair(batch)

    def _pair(self, batch: Any) -> Batch:
        if not isinstance(batch, list | tuple) or len(batch) != 2:
            raise OptionError(
                f"a batch is a {type(batch).__name__}, and a pair (inputs, targets) is wanted. "
                "Pass [(x, y)] for one batch; another shape of data is served by "
                "symrank.torch.hessian(loss, params)."
            )
        return _moved(batch[0], self.device), _moved(batch[1], self.device)

    @property
    def shuffles(self) -> bool:
        """Whether a DataLoader draws its order anew in every pass."""
        names = {type(getattr(self.data, "sampler", None)).__name__}
        return bool(names & set(SHUFFLING))

    def _check_second_pass(self) -> None:
        """Raise where the first batch of a second pass is another one."""
        again = next(_first(self, 1), None)
        if again is not None and _same(self.first, again):
            return
        why = "draws its order anew" if self.shuffles else "gives other batches"
        raise NotSymmetricError(
            f"the {type(self.data).__name__} {why} in every pass, so that two products differ: the "
            "first batch of the second pass is not that of the first. Pass DataLoader(dataset, "
            "batch_size=..., shuffle=False), without random transformations."
        )


def _first(batches: Batches, count: int) -> Iterator[Batch]:
    """Yield the first few batches of a pass."""
    for _, batch in zip(range(count), batches, strict=False):
        yield batch


def _moved(value: Any, device: torch.device) -> Any:
    """Return tensors on the device, also within dicts, lists and tuples."""
    if isinstance(value, torch.Tensor):
        return value.to(device)
    if isinstance(value, Mapping):
        return {key: _moved(one, device) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_moved(one, device) for one in value]
    return value


def samples(value: Any) -> int:
    """Return the number of samples of inputs: the first dimension of the first tensor."""
    if isinstance(value, torch.Tensor):
        return value.shape[0] if value.ndim else 1
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list) and value:
        return samples(value[0])
    return 1


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor):
        return a.shape == b.shape and a.dtype == b.dtype and bool(_equal(a, b))
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(_same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(_same(x, y) for x, y in zip(a, b, strict=True))
    return bool(a == b)


def _equal(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Tell whether two tensors are the same; NaN is itself."""
    return ((a == b) | ((a != a) & (b != b))).all()
