"""The real Lambda runtime for tests: AWS's emulator of it, and AWS's client for Python.

``scripts/get-rie`` (run by ``scripts/test``) provides the emulator. Each one is an environment of
its own, as in Lambda.
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
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.serving import clean_environment

if TYPE_CHECKING:
    from collections.abc import Iterator


class Environment:
    """One execution environment of Lambda, with a function of ``folder`` in it.

    Modules of that folder come first; what else it needs, boto3 for one, is this Python's.
    """

    def __init__(
        self, function: str, *, folder: Path, timeout: int, log: Path, **variables: str
    ) -> None:
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
                    *(sys.executable, "-m", "awslambdaric", function),
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
        """Give what the function answers, or the text of the emulator if that is no JSON."""
        # Never by way of a proxy, whatever the environment says: this is a loopback address.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(self._url, json.dumps(event).encode(), timeout=60) as answer:
            text: str = answer.read().decode()
        try:
            return json.loads(text)
        except ValueError:
            return text

    def results(self, *keys: str) -> list[tuple[str, str, str]]:
        """Send one event with a task for each key: task id, code and message of the answers."""
        return [
            (result["taskId"], result["resultCode"], result["resultString"])
            for result in self.invoke(event(*keys))["results"]
        ]

    def result(self, key: str) -> tuple[str, str]:
        """Send an event with one task, as S3 does: code and message of the answer."""
        ((_, code, message),) = self.results(key)
        return code, message

    def warm_up(self) -> None:
        """Wait until the function has answered, for the first time or again.

        The emulator imports the function at the first invocation, inside its timeout. On a busy
        machine that may need another try.
        """
        for _ in range(10):
            answer = self.invoke(event("warm up.jpg"))
            if isinstance(answer, dict) and answer["results"][0]["resultCode"] == "Succeeded":
                return
        pytest.fail(f"the function does not start: {answer}\n{self.log()}")

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
            assert time.monotonic() < give_up_at, "a runtime outlives its emulator"
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
    """Have a built function wait for calls, with an S3 to work on, and give its address."""
    environment = Environment(
        handler,
        folder=folder,
        timeout=60,
        log=folder.with_name("lambda.log"),
        **{name: value for name, value in clean_environment().items() if "AWS" in name},
        AWS_ENDPOINT_URL=s3,
    )
    try:
        yield environment.address
    finally:
        environment.stop()


def find_emulator() -> Path:
    """Give the emulator's program, or skip the test where there can be none."""
    if platform.system() != "Linux" or platform.machine() not in {"x86_64", "aarch64", "arm64"}:
        pytest.skip("the Lambda runtime emulator is for Linux on x86_64 or arm64")
    default = Path(__file__).parents[2] / ".cache" / "aws-lambda-rie"
    path = Path(os.environ.get("AWS_LAMBDA_RIE", default))
    if not path.exists():
        problem = f"no Lambda runtime emulator at {path}: run scripts/test, or scripts/get-rie"
        pytest.fail(problem) if os.environ.get("CI") else pytest.skip(problem)
    return path


def free_ports(number: int) -> list[int]:
    """Give ports that are free, and none of those that systems give to whoever asks for any."""
    ports: list[int] = []
    with contextlib.ExitStack() as taken:
        while len(ports) < number:
            port = 10_000 + secrets.randbelow(20_000)
            with contextlib.suppress(OSError):
                taken.enter_context(socket.create_server(("127.0.0.1", port)))
                ports.append(port)
    return ports


def event(*keys: str) -> dict[str, Any]:
    """An event of schema 2.0, with keys encoded the way S3 does."""
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
