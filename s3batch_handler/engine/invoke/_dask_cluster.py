"""A Dask cluster: the connection to its scheduler, and its workers."""

from __future__ import annotations

import ipaddress
import logging
import os
import re
import tempfile
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from s3batch_handler.core._error_text import describe
from s3batch_handler.core._errors import InvalidFunction, WorkersLost

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from distributed import Client

LOCAL: Final = "local:"


def check_address(address: str) -> None:
    """Check the form of an address.

    Raises:
        ValueError: It is neither ``local:N`` nor the address of a scheduler.
    """
    if _LOCAL.fullmatch(address) or _SCHEDULER.fullmatch(address):
        return
    raise ValueError(
        f"{address} is not the address of a Dask scheduler: write tcp://host:8786, "
        "tls://host:8786, or local:4 for four processes on this machine"
    )


def is_on_this_machine(address: str) -> bool:
    """Return whether the address of a scheduler or a worker is on loopback, or ``local:N``."""
    if address.startswith(LOCAL):
        return True
    host = urlsplit(address).hostname or ""
    if host == "localhost":
        return True
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return False


def endpoint_on_this_machine(variables: Mapping[str, str]) -> str | None:
    """Return the URL of the function's S3 if it is on loopback; ``None`` if it is elsewhere.

    ``variables`` are set for the function, beside those of this process.
    """
    known = {**os.environ, **variables}
    endpoint = known.get("AWS_ENDPOINT_URL_S3") or known.get("AWS_ENDPOINT_URL")
    return endpoint if endpoint and is_on_this_machine(endpoint) else None


def is_open(address: str) -> bool:
    """Return whether others can run code on the workers: a scheduler without TLS in a network."""
    return not address.startswith("tls://") and not is_on_this_machine(address)


class Cluster:
    """A connection to a scheduler, or a cluster of processes on this machine.

    Args:
        address: ``tcp://host:port``, ``tls://host:port`` or ``local:N``.
        timeout: Seconds in which the scheduler has to respond.

    Raises:
        WorkersLost: No scheduler responds.
        InvalidFunction: Dask is not installed, or has no certificates for TLS.
    """

    def __init__(self, address: str, *, timeout: float = 10.0) -> None:
        distributed = _distributed()
        _check_certificates(distributed, address)
        with ExitStack() as stack:
            if match := _LOCAL.fullmatch(address):
                folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="s3batch-dask-"))
                scheduler = stack.enter_context(
                    distributed.LocalCluster(
                        n_workers=int(match[1]),
                        threads_per_worker=1,
                        memory_limit=0,  # the function has processes of its own
                        dashboard_address="127.0.0.1:0",  # of an HTTP server in any case
                        scheduler_kwargs={"dashboard": False},
                        local_directory=folder,
                        silence_logs=logging.CRITICAL,
                    )
                )
            else:
                scheduler = address
            try:
                self.client: Client = stack.enter_context(
                    distributed.Client(scheduler, timeout=timeout, set_as_default=False)
                )
            except Exception as error:  # of sockets, TLS and Dask
                raise WorkersLost(
                    f"no Dask scheduler responds at {address}: {_first_line(error)}"
                ) from error
            self._stack = stack.pop_all()

    @property
    def is_connected(self) -> bool:
        """Whether the scheduler still responds."""
        return self.client.status == "running"

    def threads(self) -> dict[str, int]:
        """Return the number of threads of each worker, by its address.

        Raises:
            OSError: The scheduler does not respond.
        """
        threads: dict[str, int] = self.client.nthreads()  # type: ignore[no-untyped-call]
        return threads

    def versions(self) -> dict[str, tuple[str, str | None]]:
        """Return the versions of Python and of this package of each worker.

        The second is ``None`` where the package is missing.
        """
        versions: Any = self.client.get_versions(packages=[_PACKAGE])
        return {
            address: (
                ".".join(facts["host"]["python"].split(".")[:2]),
                facts["packages"].get(_PACKAGE),
            )
            for address, facts in versions["workers"].items()
            if "host" in facts
        }

    def run(
        self,
        function: Callable[..., Any],
        *arguments: Any,
        workers: Collection[str] | None = None,
    ) -> Mapping[str, Any]:
        """Call a function on workers, beside their tasks; return results or exceptions."""
        names = None if workers is None else list(workers)
        results: dict[str, Any] = self.client.run(
            function, *arguments, workers=names, on_error="return"
        )
        return results

    def close(self) -> None:
        """Disconnect; end the processes of a local cluster."""
        with suppress(Exception):  # the scheduler may have ended
            self._stack.close()


def _distributed() -> Any:
    try:
        import distributed
    except ImportError as error:
        raise InvalidFunction(
            "--dask needs Dask, which is not installed: pip install 's3batch-handler[dask]'"
        ) from error
    # What happens is reported by this package; Dask logs tracebacks of lost connections.
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    return distributed


def _check_certificates(distributed: Any, address: str) -> None:
    if not address.startswith("tls://"):
        return
    if distributed.Security().get_connection_args("client").get("ssl_context") is None:
        raise InvalidFunction(
            f"{address} needs TLS, and Dask has no certificates. Set distributed.comm.tls.ca-file "
            "and distributed.comm.tls.client in Dask's configuration"
        )


def _first_line(error: Exception) -> str:
    return describe(error).partition("\n")[0]


_PACKAGE: Final = "s3batch_handler"
_LOCAL: Final = re.compile(r"local:([1-9][0-9]{0,3})")
_SCHEDULER: Final = re.compile(r"[a-z][a-z0-9+.-]*://[^\s/]+:[0-9]+/?")
