"""Cold starts under the real Lambda runtime: its emulator, AWS's client for Python, one event.

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
from functools import partial
from pathlib import Path

from benchmarks.invocation import EVENT
from benchmarks.measure import side_by_side, table

CONTENDERS = ("bare", "powertools_parser", "ours")
ROOT = Path(__file__).parents[1]
EMULATOR = os.environ.get("AWS_LAMBDA_RIE") or ROOT / ".cache" / "aws-lambda-rie"


def seconds_until_response(name: str) -> float:
    """Return the seconds of the first event: the start of Python, the imports, the call."""
    front, back = _free_port(), _free_port()
    emulator = subprocess.Popen(
        [
            *(EMULATOR, "--runtime-interface-emulator-address", f"127.0.0.1:{front}"),
            *("--runtime-api-address", f"127.0.0.1:{back}"),
            *(sys.executable, "-m", "awslambdaric", f"benchmarks.functions.{name}.handler"),
        ],
        cwd=ROOT,
        env={"AWS_LAMBDA_FUNCTION_NAME": name, "HOME": os.devnull, "PATH": os.defpath},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(front)
        url = f"http://127.0.0.1:{front}/2015-03-31/functions/function/invocations"
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        begin = time.perf_counter()
        with opener.open(url, json.dumps(EVENT).encode(), timeout=60) as response:
            (result,) = json.load(response)["results"]
        seconds = time.perf_counter() - begin
        assert result["resultCode"] == "Succeeded", result
        return seconds
    finally:
        emulator.terminate()
        emulator.wait(10)


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


def main(*, quick: bool = False) -> None:
    """Print the table."""
    contenders = {name: partial(seconds_until_response, name) for name in CONTENDERS}
    side_by_side(contenders, rounds=1)  # fill the file cache
    table(
        "The first event under the Lambda runtime",
        side_by_side(contenders, rounds=3 if quick else 11),
        to="bare",
        unit=lambda value: f"{value * 1e3:.0f} ms",
    )
