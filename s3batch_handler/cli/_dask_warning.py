"""A warning that ``run`` and ``serve`` share."""

from __future__ import annotations

from s3batch_handler.cli.terminal._output import print_message
from s3batch_handler.engine.invoke._dask_cluster import is_open


def warn_of_open_scheduler(address: str) -> None:
    """Warn if others in the network can run code on the workers of a Dask scheduler."""
    if is_open(address):
        print_message(
            f"s3batch: WARNING: {address} has no TLS: each program that reaches this scheduler "
            "can run any code on its workers"
        )
