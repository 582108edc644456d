"""One of several processes of `torch.distributed`, and what it says of each scene.

    python -m tests.networks.ranks RANK SIZE FOLDER

Scenes follow each other in one process group, as an error that all processes raise leaves it whole;
in the last one the last process dies. What was seen is printed as one line of JSON.
"""

import json
import os
import signal
import sys
import warnings
import zlib
from datetime import timedelta
from typing import Any

warnings.filterwarnings("ignore", category=DeprecationWarning)

import numpy as np  # noqa: E402
import torch  # noqa: E402

import symrank  # noqa: E402
import symrank.torch  # noqa: E402
from symrank.errors import SymrankError  # noqa: E402

SHARDS, TIMEOUT = 5, timedelta(seconds=20)
LONG = 600  # products: some rounds


def shard(i: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Return one or two batches of their own sizes."""
    generator = torch.Generator().manual_seed(i)
    sizes = [5 + i + b for b in range(1 + i % 2)]
    return [
        (
            torch.randn(size, 6, generator=generator, dtype=torch.float64),
            torch.randint(3, (size,), generator=generator),
        )
        for size in sizes
    ]


def network(seed: int = 0) -> torch.nn.Module:
    torch.manual_seed(seed)
    layers = torch.nn.Linear(6, 8), torch.nn.Tanh(), torch.nn.Linear(8, 3)
    return torch.nn.Sequential(*layers).double()


class Late:
    """The loss, with something that happens in its call number `late`."""

    def __init__(self, late: int, fault: Any) -> None:
        self.left, self.fault = late, fault
        self.loss = torch.nn.CrossEntropyLoss()

    def __call__(self, outputs: Any, targets: Any) -> Any:
        self.left -= 1
        return self.loss(outputs, targets) if self.left else self.fault(outputs)


def hessian(model: Any = None, loss: Any = None, part: Any = shard, **options: Any) -> Any:
    return symrank.torch.from_shards(
        model or network(), loss or torch.nn.CrossEntropyLoss(), part, SHARDS,
        **{"reduction": "mean", **options},
    )  # fmt: skip


def answer(seed: int = 1, max_matvecs: int = 200, **options: Any) -> dict[str, Any]:
    """Ask, and tell every bit of the answer."""
    H = hessian(**options)
    X = np.random.default_rng(0).standard_normal((H.n, 3))
    result = symrank.rank(H, "lanczos", rng=seed, max_matvecs=max_matvecs)
    return {
        "bits": zlib.crc32((H @ X).tobytes()),
        "estimate": result.estimate.hex(),
        "history": [list(one) for one in result.history],
        "noise": H.noise.hex(),
        "way": H.way,
    }


def raised(ask: Any) -> dict[str, Any]:
    """Return the error of a scene."""
    try:
        ask()
    except Exception as error:
        return {
            "kind": type(error).__name__,
            "is_ours": isinstance(error, SymrankError),
            "text": str(error),
            "known": str(getattr(error, "result", None)),
        }
    return {"kind": "none"}


def fails(outputs: Any) -> Any:
    raise RuntimeError("the disk is gone")


def dies(outputs: Any) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


def no_data(i: int) -> Any:
    raise FileNotFoundError(f"no shard {i}")


def scenes(rank: int, size: int) -> dict[str, Any]:
    is_last = rank == size - 1
    counted = Late(-1, fails)  # never
    long = answer(max_matvecs=LONG, loss=counted)
    late = int(0.9 * (-1 - counted.left))  # a call of the last round

    def at_fault(fault: Any) -> Any:
        return Late(late, fault) if is_last else None

    found = {
        "rounds": len(long["history"]),
        "same": answer(),
        "sum": answer(reduction="sum", products="loop"),
        "another seed": raised(lambda: answer(seed=1 + rank)),
        "another model": raised(lambda: hessian(network(rank))),
        "no data": raised(lambda: hessian(part=no_data if is_last else shard)),
        "fails in the middle": raised(lambda: answer(max_matvecs=LONG, loss=at_fault(fails))),
        "too few shards": raised(
            lambda: symrank.torch.from_shards(
                network(), torch.nn.CrossEntropyLoss(), shard, size - 1, reduction="mean"
            )
        ),
        "same again": answer(),
    }
    found["dies in the middle"] = raised(lambda: answer(max_matvecs=LONG, loss=at_fault(dies)))
    return found


def main() -> None:
    rank, size = int(sys.argv[1]), int(sys.argv[2])
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{sys.argv[3]}/store", rank=rank, world_size=size,
        timeout=TIMEOUT,
    )  # fmt: skip
    sys.stdout.write(json.dumps(scenes(rank, size)))
    sys.stdout.flush()
    os._exit(0)  # a group with a dead process is not taken down in order


if __name__ == "__main__":
    main()
