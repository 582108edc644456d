r"""The Hessian of a loss whose data lie on several machines.

The data are S shards, whatever the number of processes. With s_i the sum over the batches of shard
i and w_i its weights,

    H V = (s_0 + s_1 + .. + s_{S-1}) / (w_0 + w_1 + .. + w_{S-1}),    the sums in this order,

each process computes s_i for its shards, and `team` adds them up. Every process has the whole
product, and runs the same method on it: the same script, the same seed, so that all ask for the
same products in the same order. The bits are those of one process that has all the shards.

A product with k vectors moves 8 n (k + 1/n) bytes to and from every process twice, besides the
passes through the network; the memory is that of one sum (n, k) in double precision for each shard
of a process.
"""

import threading
import zlib
from collections.abc import Callable, Iterable
from typing import Any

import torch

from symrank.errors import OperatorError, OptionError
from symrank.networks.pytorch.data import Batches
from symrank.networks.pytorch.hessian import TorchHessian
from symrank.networks.pytorch.losses import Point
from symrank.networks.pytorch.model import ModelLoss
from symrank.networks.pytorch.operator import MEMORY, Settings
from symrank.networks.pytorch.passes import WAYS, Ways
from symrank.networks.pytorch.team import Team
from symrank.support.options import check_count, check_word

__all__ = ["ShardedHessian", "from_shards"]


class ShardedHessian(TorchHessian):
    """The operator that `symrank.torch.from_shards` returns.

    Attributes
    ----------
    num_shards : int
        Shards of all processes.
    num_processes : int
        Processes that share them.
    """

    def __init__(
        self, loss: ModelLoss, shards: list[Batches], num_shards: int, team: Team, options: Settings
    ) -> None:
        self._batches_of, self._shards = loss.pieces_of, shards
        self._team, self.num_shards = team, num_shards
        self.num_processes = team.size
        self._lock, self._num_sums = threading.Lock(), 0
        super().__init__(loss, options, f"Hessian of {loss.name} in {num_shards} shards")

    def settle(self) -> None:
        """Multiply as the first process does, whose first batch is that of one process alone."""
        way, self.saved = self._team.first_says(self.device, [WAYS.index(self.way), self.saved])
        self.way = WAYS[way]

    def rows(self, rows: torch.Tensor, point: Point | None = None) -> torch.Tensor:
        """Return products with vectors (k, n), summed over the shards of all processes."""
        at, parts, error = point or self.point, [], None
        with self._lock:
            try:
                for shard in self._shards:
                    done, weights = self._sum(self._batches_of(shard), at, rows)
                    parts.append(torch.cat([done.flatten(), done.new_tensor([weights])]))
            except Exception as raised:  # the others are waiting: they hear of it before it is told
                error = raised
            self._num_sums += 1
            words = [self._num_sums, *rows.shape, _checksum([rows])]
            self._team.agree(self.device, words, "multiplying", error)
            total = self._team.sum_in_order(parts)
        product = total[:-1].reshape(rows.shape[0], self.n)
        return (product / total[-1] if self.loss.is_mean else product).to(at.layout.dtype)

    def _is_whole(self) -> bool:
        return False

    def __getstate__(self) -> dict[str, Any]:
        if self._team.size > 1:
            raise OperatorError(
                f"{self!r} cannot be sent to another process: its {self._team.size} processes each "
                "have a part of the data. Run it without an executor: its products are shared "
                "among them already."
            )
        return {**super().__getstate__(), "_lock": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _lock=threading.Lock())


def from_shards(
    model: Any,
    loss_fn: Callable[[Any, Any], Any],
    shard: Callable[[int], Iterable[Any]],
    num_shards: int,
    *,
    reduction: str,
    group: Any = None,
    params: Iterable[str] | None = None,
    products: Ways | None = None,
    memory: int = MEMORY,
    noise: float | None = None,
) -> ShardedHessian:
    r"""Return the Hessian of a network's loss over data that lie on several machines.

    Every process of ``torch.distributed`` calls this, and then `symrank.rank` or another question,
    with the same arguments and the same ``rng=...``: each has the same answer to the last bit, that
    of one process with all the shards. Without a process group there is one process.

    Parameters
    ----------
    model, loss_fn, params, products, memory, noise
        As in `symrank.torch.from_model`. The model is the same in every process.
    shard
        ``shard(i)`` returns the batches of shard i: pairs (inputs, targets), the same ones in every
        pass, such as a list or a ``DataLoader`` with ``shuffle=False``. It is called once for each
        shard of the process.
    num_shards
        Number of shards, at least that of the processes. It is a part of the answer's bits, and the
        number of processes is not: process r of W has the shards from r S // W to (r + 1) S // W.
    reduction
        Whether `loss_fn` of a batch is a "mean" over its samples or a "sum"; it is not guessed, as
        a process sees its own batches alone.
    group
        A process group. Default: that of all processes.

    Returns
    -------
    ShardedHessian
        (n, n), n the number of parameters; its vectors are whole in every process.

    Raises
    ------
    OptionError
        Where there are fewer shards than processes, or as `symrank.torch.from_model`.
    LostWorkersError
        Where a process is gone, fails, or does another thing: another model, other vectors, as with
        another seed or a budget in seconds. Also in the middle of a run, and then with the result
        so far: at once, or after the `timeout` of the process group, as the library finds out.
    OperatorError, NotSymmetricError, MissingBackendError
        As in `symrank.torch.from_model`.

    See Also
    --------
    symrank.torch.from_model : of data that one process reads.

    Notes
    -----
    A product with k vectors sends and receives 16 n k bytes in every process.

    Examples
    --------
    >>> import torch  # doctest: +SKIP
    >>> import symrank
    >>> model = torch.nn.Linear(3, 2, bias=False)  # doctest: +SKIP
    >>> shard = lambda i: [(torch.eye(3)[i : i + 1], torch.zeros(1, 2))]  # doctest: +SKIP
    >>> loss = torch.nn.MSELoss()  # doctest: +SKIP
    >>> H = symrank.torch.from_shards(model, loss, shard, 2, reduction="mean")  # doctest: +SKIP
    >>> symrank.rank(H, rng=1).rank  # doctest: +SKIP
    4
    """
    team = Team(group)
    num_shards = check_count("num_shards", num_shards, 1, "is the number of shards, at least 1.")
    check_word("reduction", reduction, ("mean", "sum"))
    if num_shards < team.size:
        raise OptionError(
            f"num_shards={num_shards} and there are {team.size} processes: every process has at "
            "least one. Cut the data into more shards."
        )
    found, error = None, None
    try:
        data = [shard(i) for i in team.share(num_shards)]
        loss = ModelLoss(model, loss_fn, data[0], params, reduction)
        loss.is_one, loss.is_mean = False, reduction == "mean"
        device = loss.theta[0].device
        shards = [loss.batches, *(Batches(one, device) for one in data[1:])]
        options = Settings(products, memory, noise)
        found = ShardedHessian(loss, shards, num_shards, team, options)
        words = [found.n, num_shards, loss.is_mean, _checksum(loss.module.state_dict().values())]
    except Exception as raised:  # the others are waiting: they hear of it before it is told
        error, device, words = raised, _device(model), [0, 0, 0, 0]
    team.agree(device, words, "being set up", error)
    assert found is not None
    found.settle()
    return found


def _device(model: Any) -> torch.device:
    """Return where a model lies, whatever it is."""
    if isinstance(model, torch.nn.Module):
        first = next(model.parameters(), None)
        return torch.device("cpu") if first is None else first.device
    return torch.device("cpu")


def _checksum(tensors: Iterable[Any]) -> int:
    """Return a number that tells tensors of other bits, but for one in four thousand millions."""
    found = 0
    for one in tensors:
        if isinstance(one, torch.Tensor) and one.numel():
            flat = one.detach().cpu().contiguous().flatten()
            found = zlib.crc32(flat.view(torch.uint8).numpy(), found)
    return found
