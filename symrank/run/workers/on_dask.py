"""Workers of a Dask cluster: the package is scattered to them once, as the data of a client.

A worker that dies is Dask's to replace: the scheduler gives its tasks to others (up to its setting
``distributed.scheduler.allowed-failures``), and a package that went with it lies with the others.
An errand is a pure function, so that one that was run twice has the same outcome.

Large states are no part of a graph, which the scheduler would keep: they are scattered to one
worker. If that dies with them, the errand is sent again as a part of the graph.
"""

import uuid
import warnings
from concurrent.futures import Executor
from typing import Any

from symrank.run.crew import Common
from symrank.run.workers import packing
from symrank.run.workers.errands import Errand, Outcome
from symrank.run.workers.far import Address, Package, addressed, serve
from symrank.run.workers.pools import Pool, Reply

__all__ = ["OnDask", "is_client", "is_client_executor"]

LARGE = 1 << 20  # bytes


def is_client(what: Any) -> bool:
    """Tell whether this is a ``distributed.Client``, without loading Dask."""
    return _is(what, "Client") and hasattr(what, "scatter") and hasattr(what, "get_executor")


def is_client_executor(what: Any) -> bool:
    """Tell whether this is what ``Client.get_executor`` returns."""
    return _is(what, "ClientExecutor") and is_client(getattr(what, "_client", None))


def _is(what: Any, name: str) -> bool:
    """Whether a class of this name of Dask's is among the bases."""
    return any(
        kind.__name__ == name and kind.__module__.partition(".")[0] == "distributed"
        for kind in type(what).__mro__
    )


def serve_packed(address: Address, package: packing.Packed, errand: packing.Packed) -> Outcome:
    """Perform an errand on a worker of the cluster."""
    return serve(address, package, errand.unpacked())


class OnDask(Pool):
    """The workers of a client, or of its executor."""

    def __init__(self, client: Any) -> None:
        self._executor: Executor = client.get_executor() if is_client(client) else client
        self._client = client if is_client(client) else getattr(client, "_client")  # noqa: B009
        self._packages: dict[tuple[int, int, int], tuple[Address, Any, Any]] = {}
        self.num_workers = sum(self._client.nthreads().values()) or None

    def submit(self, work: Common, errand: Errand, *, is_again: bool = False) -> Reply:
        """See `Pool.submit`."""
        package = Package.of(work)
        if package.key not in self._packages:
            parcel = packing.packed(package)
            scattered = self._client.scatter(parcel, broadcast=True, hash=False)
            self._packages[package.key] = Address(uuid.uuid4().hex), scattered, package
        address, scattered, _ = self._packages[package.key]
        parcel = packing.packed(addressed(work, errand))
        large = sum(one.nbytes for one in parcel.buffers) > LARGE
        sent = self._client.scatter(parcel, hash=False) if large and not is_again else parcel
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Sending large graph", UserWarning)
            return self._executor.submit(serve_packed, address, scattered, sent)

    def submit_again(self, work: Common, errand: Errand) -> Reply | None:
        """See `Pool.submit_again`."""
        return self.submit(work, errand, is_again=True)

    def stop(self) -> None:
        """Forget the packages: errands under way end with their seconds."""
        self._packages.clear()

    def close(self) -> None:
        """Release what was scattered; the cluster is the caller's."""
        self._packages.clear()
