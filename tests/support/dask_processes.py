"""A Dask scheduler and workers as processes of their own, for tests that end them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from distributed import Client

from tests.support.certificates import new_certificate
from tests.support.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


class DaskProcesses:
    """Starts a scheduler and workers, and ends those that are left."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._processes: list[subprocess.Popen[bytes]] = []
        self.port = free_port()
        self.address = f"tcp://127.0.0.1:{self.port}"
        self.variables: dict[str, str] = {}

    def use_tls(self) -> None:
        """Use certificates of a new authority for scheduler and workers, and accept no others."""
        certificate = new_certificate(self._folder, is_strict=True)
        own = str(self._folder / "server.pem")
        settings = {"CA_FILE": str(certificate.authority), "CLIENT__CERT": own, "CLIENT__KEY": own}
        for role in ("SCHEDULER", "WORKER"):
            settings |= {f"{role}__CERT": own, f"{role}__KEY": own}
        self.variables = {
            f"DASK_DISTRIBUTED__COMM__TLS__{name}": value for name, value in settings.items()
        }
        self.address = f"tls://127.0.0.1:{self.port}"

    def scheduler(self, *options: str, allowed_failures: int = 3) -> subprocess.Popen[bytes]:
        variables = {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": str(allowed_failures)}
        process = self._start(
            *("scheduler", "--host", self.address.rpartition(":")[0]),
            *("--port", str(self.port), "--no-dashboard"),
            *options,
            variables=variables,
        )
        wait_for(lambda: listens(self.port), seconds=60)
        return process

    def worker(
        self, *options: str, cwd: Path | None = None, variables: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a worker with one thread, and a nanny that restarts it."""
        return self._start(
            *("worker", self.address, "--nthreads", "1", "--no-dashboard"),
            *("--local-directory", str(self._folder), *options),
            cwd=cwd,
            variables=variables,
        )

    def wait_for_workers(self, count: int) -> None:
        """Wait until the scheduler knows so many workers."""
        with Client(self.address, set_as_default=False) as client:  # type: ignore[no-untyped-call]
            client.wait_for_workers(count, timeout=60)

    def _start(
        self, *arguments: str, cwd: Path | None = None, variables: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        with (self._folder / "dask.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "dask", *arguments],
                stdout=log,
                stderr=log,
                cwd=cwd or self._folder,
                env={**os.environ, **self.variables, **(variables or {})},
                start_new_session=True,
            )
        self._processes.append(process)
        return process

    def close(self) -> None:
        for process in self._processes:
            with suppress(ProcessLookupError):  # with the children of nannies
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(60)


@contextmanager
def dask_processes(folder: Path) -> Iterator[DaskProcesses]:
    processes = DaskProcesses(folder)
    try:
        yield processes
    finally:
        processes.close()


def listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
