"""The real Lambda runtime for tests: AWS's emulator, and AWS's runtime client for Python.

``scripts/get-rie``, which ``scripts/test`` runs, downloads the emulator. Each emulator is one
execution environment.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.serving import clean_environment

if TYPE_CHECKING:
    from collections.abc import Iterator


class Environment:
    """An execution environment of Lambda with a function in ``folder``.

    Modules of that folder have precedence; other packages, such as boto3, are those of this Python.
    With ``alone``, there are no others.
    """

    def __init__(
        self,
        function: str,
        *,
        folder: Path,
        timeout: int,
        log: Path,
        alone: bool = False,
        **variables: str,
    ) -> None:
        if alone:
            variables["PYTHONPATH"] = str(runtime_client_alone(log.parent / "runtime client"))
        front, back = free_ports(2)
        self.address = f"http://127.0.0.1:{front}"
        self._url = f"{self.address}/2015-03-31/functions/function/invocations"
        self._log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [
                    find_emulator(),
                    "--runtime-interface-emulator-address",
                    f"127.0.0.1:{front}",
                    "--runtime-api-address",
                    f"127.0.0.1:{back}",
                    *(sys.executable, *(["-S"] if alone else []), "-m", "awslambdaric", function),
                ],
                cwd=folder,
                env={
                    **variables,
                    "AWS_LAMBDA_FUNCTION_NAME": "thumbnails",
                    "AWS_LAMBDA_FUNCTION_TIMEOUT": str(timeout),
                    "HOME": str(log.parent),
                    "PATH": os.defpath,
                },
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._wait_for(front)

    def invoke(self, event: object) -> Any:
        """Return the response of the function, or the text of the emulator if it is not JSON."""
        # Do not use a proxy of the environment for a loopback address.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(self._url, json.dumps(event).encode(), timeout=60) as response:
            text: str = response.read().decode()
        try:
            return json.loads(text)
        except ValueError:
            return text

    def results(self, *keys: str) -> list[tuple[str, str, str]]:
        """Send one event with a task for each key; return task ID, code and message of each."""
        return [
            (result["taskId"], result["resultCode"], result["resultString"])
            for result in self.invoke(event(*keys))["results"]
        ]

    def result(self, key: str) -> tuple[str, str]:
        """Send an event with one task, as S3 does; return code and message of the result."""
        ((_, code, message),) = self.results(key)
        return code, message

    def warm_up(self) -> None:
        """Wait until the function responds, for the first time or again.

        The emulator imports the function at the first invocation, inside its timeout. On a busy
        machine that may need a retry.
        """
        for _ in range(10):
            response = self.invoke(event("warm up.jpg"))
            if isinstance(response, dict) and response["results"][0]["resultCode"] == "Succeeded":
                return
        pytest.fail(f"the function does not start: {response}\n{self.log()}")

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def stop(self) -> None:
        pid = self._process.pid
        runtimes = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        self._process.terminate()  # the emulator ends the runtime, then itself
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(pid, signal.SIGKILL)
            self._process.wait()
        give_up_at = time.monotonic() + 30
        while any(Path("/proc", runtime).exists() for runtime in runtimes):
            assert time.monotonic() < give_up_at, (
                "a runtime is still running after its emulator has ended"
            )
            time.sleep(0.02)

    def _wait_for(self, port: int) -> None:
        give_up_at = time.monotonic() + 60
        while time.monotonic() < give_up_at and self._process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                return
            time.sleep(0.02)
        pytest.fail(f"the emulator did not start:\n{self.log()}")


@contextlib.contextmanager
def in_lambda(handler: str, *, folder: Path, s3: str) -> Iterator[str]:
    """Start a built function that uses an S3, and yield its address."""
    environment = Environment(
        handler,
        folder=folder,
        timeout=60,
        log=folder.with_name("lambda.log"),
        alone=False,
        **{name: value for name, value in clean_environment().items() if "AWS" in name},
        AWS_ENDPOINT_URL=s3,
    )
    try:
        yield environment.address
    finally:
        environment.stop()


def runtime_client_alone(folder: Path) -> Path:
    """Create a folder with the runtime client and its own requirements, and return it."""
    folder.mkdir()
    for package in ("awslambdaric", "simplejson", "snapshot_restore_py"):
        files = metadata.files(package) or []
        for name in {file.parts[0] for file in files if ".." not in file.parts}:
            folder.joinpath(name).symlink_to(str(metadata.distribution(package).locate_file(name)))
    return folder


def find_emulator() -> Path:
    """Return the program of the emulator, or skip the test if there is none for this machine."""
    if platform.system() != "Linux" or platform.machine() not in {"x86_64", "aarch64", "arm64"}:
        pytest.skip("the Lambda runtime emulator is for Linux on x86_64 or arm64")
    default = Path(__file__).parents[2] / ".cache" / "aws-lambda-rie"
    path = Path(os.environ.get("AWS_LAMBDA_RIE", default))
    if not path.exists():
        problem = f"no Lambda runtime emulator at {path}: run scripts/test, or scripts/get-rie"
        pytest.fail(problem) if os.environ.get("CI") else pytest.skip(problem)
    return path


def free_ports(number: int) -> list[int]:
    """Return free ports outside of the range from which systems choose free ports."""
    ports: list[int] = []
    with contextlib.ExitStack() as taken:
        while len(ports) < number:
            port = 10_000 + secrets.randbelow(20_000)
            with contextlib.suppress(OSError):
                taken.enter_context(socket.create_server(("127.0.0.1", port)))
                ports.append(port)
    return ports


def event(*keys: str) -> dict[str, Any]:
    """Return an event of schema 2.0, with keys encoded as by S3."""
    return {
        "invocationSchemaVersion": "2.0",
        "invocationId": "invocation",
        "job": {"id": "f3cc4f60-61f6-4a2b-8a21-d07600c373ce", "userArguments": {}},
        "tasks": [
            {
                "taskId": f"task-{number}",
                "s3Key": key.replace(" ", "+"),
                "s3VersionId": None,
                "s3Bucket": "photos",
            }
            for number, key in enumerate(keys)
        ],
    }
