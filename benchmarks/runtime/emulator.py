"""Functions under the real Lambda runtime: its emulator, and AWS's client for Python.

Requires the emulator of ``scripts/get-rie``, and awslambdaric.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any, Self

from benchmarks.runtime.resident_memory import resident_mib

ROOT = Path(__file__).parents[2]
EMULATOR = os.environ.get("AWS_LAMBDA_RIE") or ROOT / ".cache" / "aws-lambda-rie"


class Emulator:
    """An execution environment of Lambda: the first request starts Python."""

    def __init__(self, handler: str, folder: Path = ROOT) -> None:
        front, back = _free_port(), _free_port()
        self._url = f"http://127.0.0.1:{front}/2015-03-31/functions/function/invocations"
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        self._process = subprocess.Popen(
            [
                *(EMULATOR, "--runtime-interface-emulator-address", f"127.0.0.1:{front}"),
                *("--runtime-api-address", f"127.0.0.1:{back}"),
                *(sys.executable, "-m", "awslambdaric", handler),
            ],
            cwd=folder,
            env={
                "AWS_LAMBDA_FUNCTION_NAME": "benchmark",
                "AWS_DEFAULT_REGION": "us-east-1",
                "HOME": os.devnull,
                "PATH": os.defpath,
                **({"PYTHONPATH": os.environ["PYTHONPATH"]} if folder == ROOT else {}),
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _wait_for(front)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()  # the emulator ends the runtime, then itself
        self._process.wait(10)

    def invoke(self, event: dict[str, Any]) -> tuple[str, str]:
        """Send an event with one task, and return the code and the text of its result."""
        request = json.dumps(event).encode()
        with self._opener.open(self._url, request, timeout=60) as response:
            (result,) = json.load(response)["results"]
        return result["resultCode"], result["resultString"]

    def resident_mib(self) -> float:
        """Return the memory of the Python process (Linux)."""
        threads = Path(f"/proc/{self._process.pid}/task").glob("*/children")
        (runtime,) = " ".join(children.read_text() for children in threads).split()
        return resident_mib(runtime)


def seconds_until_response(
    handler: str, event: dict[str, Any], code: str = "Succeeded", folder: Path = ROOT
) -> float:
    """Return the seconds of the first request: the start of Python, the imports, the call."""
    with Emulator(handler, folder) as emulator:
        begin = time.perf_counter()
        result = emulator.invoke(event)
        seconds = time.perf_counter() - begin
    assert result[0] == code, result
    return seconds


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.01)
