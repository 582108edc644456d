"""A Dask cluster on this machine, for the length of a test."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["cluster_of"]


@contextmanager
def cluster_of(num_workers: int, **options: Any) -> Iterator[Any]:
    """Yield the client of so many worker processes of one thread."""
    from distributed import Client, LocalCluster

    with (
        LocalCluster(
            n_workers=num_workers,
            threads_per_worker=1,
            dashboard_address=":0",
            silence_logs=logging.CRITICAL,
            **options,
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client
