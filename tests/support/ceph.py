"""Run Ceph's object gateway on this machine: an S3 that is independent of this project and of moto.

One monitor, one object store in memory and one gateway listen on loopback. All data is lost when
they end, which they do when the process that started them ends. By hand, until Ctrl-C::

    python -m tests.support.ceph
"""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.request
import uuid
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from collections.abc import Iterator

COMMANDS: Final = ("ceph", "ceph-mon", "ceph-osd", "radosgw", "radosgw-admin", "setpriv")
ACCESS_KEY: Final = "CEPHTEST"
SECRET_KEY: Final = "only-for-tests"  # of a store that ends with the tests


def is_installed() -> bool:
    """Return whether this machine has the programs: ``scripts/get-ceph`` installs them."""
    return all(shutil.which(command) for command in COMMANDS)


class Ceph:
    """A running object gateway.

    Attributes:
        url: The address of S3.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = _free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self._gateway: subprocess.Popen[bytes] | None = None

    def start(self, processes: ExitStack) -> None:
        """Create a cluster and start it."""
        folder, store_id = self._folder, str(uuid.uuid4())
        monitor = f"v2:127.0.0.1:{_free_port()}"
        cluster = str(uuid.uuid4())
        (folder / "store").mkdir()
        (folder / "ceph.conf").write_text(
            _SETTINGS.format(cluster=cluster, monitor=monitor, folder=folder, port=self._port)
        )
        self._run(
            *("monmaptool", "--create", "--fsid", cluster),
            *("--addv", "a", f"[{monitor}]", str(folder / "map")),
        )
        keyring = str(folder / "keyring")
        self._run("ceph-authtool", "--create-keyring", keyring)
        for name in ("mon.", "client.admin", "osd.0"):
            allowed = [word for service in ("mon", "osd") for word in ("--cap", service, "allow *")]
            self._run("ceph-authtool", keyring, "-n", name, "--gen-key", *allowed)
        self._run(
            *("ceph-mon", "-i", "a", "--mkfs"),
            *("--monmap", str(folder / "map"), "--keyring", keyring),
        )
        processes.callback(self._end, self._start("monitor", "ceph-mon", "-i", "a"))
        self._run("ceph", "--connect-timeout", "30", "osd", "new", store_id, "0")
        self._run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", store_id)
        processes.callback(self._end, self._start("store", "ceph-osd", "-i", "0"))
        processes.callback(self.kill_gateway)
        self.start_gateway()
        self._run(
            *("radosgw-admin", "user", "create", "--uid", "tests", "--display-name", "Tests"),
            *("--access-key", ACCESS_KEY, "--secret", SECRET_KEY),
        )

    def start_gateway(self) -> None:
        """Start the gateway, and wait until it responds."""
        self._gateway = gateway = self._start("gateway", "radosgw", "-n", "client.admin")
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and gateway.poll() is None:
            with suppress(OSError), urllib.request.urlopen(self.url, timeout=5):
                return
            time.sleep(0.1)
        raise RuntimeError(f"the gateway did not start:\n{self._log('gateway')}")

    def kill_gateway(self) -> None:
        """End the gateway with ``kill -9``. The objects remain in the store."""
        if self._gateway is not None:
            self._gateway.kill()
            self._gateway.wait()
            self._gateway = None

    def client(self, endpoint_url: str | None = None, **options: Any) -> Any:
        """Create an S3 client. ``options`` are botocore's, such as ``max_pool_connections``.

        ``endpoint_url`` is the address of a proxy in front of the gateway.
        """
        session: Any = boto3.Session(ACCESS_KEY, SECRET_KEY, region_name="us-east-1")
        usual: dict[str, Any] = {"s3": {"addressing_style": "path"}, "proxies": {}}
        config = Config(**{**usual, **options})
        return session.client("s3", endpoint_url=endpoint_url or self.url, config=config)

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables with which programs use this S3."""
        return {
            "AWS_ENDPOINT_URL_S3": self.url,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    # -------------------------------------------------------- processes

    def _run(self, *command: str) -> None:
        """Run a program that ends soon."""
        done = subprocess.run(
            [command[0], "--conf", str(self._folder / "ceph.conf"), *command[1:]],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{command[0]} failed:\n{(done.stdout + done.stderr)[-4000:]}")

    def _start(self, name: str, *command: str) -> subprocess.Popen[bytes]:
        """Start a program that ends with the thread that started it, or earlier."""
        with (self._folder / f"{name}.out").open("ab") as output:
            return subprocess.Popen(
                [
                    *("setpriv", "--pdeathsig", "KILL", command[0], "-f"),
                    *("--conf", str(self._folder / "ceph.conf"), *command[1:]),
                ],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        process.kill()  # there is nothing to save
        process.wait()

    def _log(self, name: str) -> str:
        with suppress(OSError):
            return (self._folder / f"{name}.out").read_text(errors="replace")[-4000:]
        return ""


@contextmanager
def ceph_gateway() -> Iterator[Ceph]:
    """Start a gateway with an empty store, and end it with the block."""
    with (
        tempfile.TemporaryDirectory(prefix="ceph-", ignore_cleanup_errors=True) as folder,
        ExitStack() as processes,
    ):
        ceph = Ceph(Path(folder))
        ceph.start(processes)
        yield ceph


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


_SETTINGS: Final = """
[global]
fsid = {cluster}
mon host = {monitor}
mon data = {folder}/monitor
mon initial members = a
osd data = {folder}/store
run dir = {folder}
log file = /dev/null
admin socket =
setuser =
setgroup =

# Everything is on loopback and ends with the tests.
public network = 127.0.0.0/8
ms bind msgr1 = false
keyring = {folder}/keyring
auth allow insecure global id reclaim = false

# One store, in memory.
osd objectstore = memstore
memstore device bytes = 4294967296
osd client watch timeout = 3  # for a gateway that was killed
osd class load list = *
osd class default list = *
osd crush chooseleaf type = 0
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
mon allow pool size one = true
mon max pg per osd = 1000
mon data avail crit = 0
mon data avail warn = 0

[client]
rgw frontends = beast endpoint=127.0.0.1:{port}
rgw dns name = localhost
rgw enable usage log = false
rgw thread pool size = 64
"""


def main() -> None:
    """Run a gateway until Ctrl-C, and print the environment variables for its clients."""
    with ceph_gateway() as ceph, suppress(KeyboardInterrupt):
        for name, value in ceph.environment.items():
            print(f"export {name}={value}", flush=True)
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        threading.Event().wait()


if __name__ == "__main__":
    main()
