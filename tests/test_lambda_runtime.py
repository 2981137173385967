"""Handlers under the real Lambda runtime: AWS's emulator of it, and AWS's client for Python.

``scripts/get-rie`` (run by ``scripts/test``) provides the emulator. The functions are in
``tests/functions/``; each emulator is an environment of its own, as in Lambda.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import random
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from s3batch_handler.engine.runner import run_job
from s3batch_handler.engine.targets import invoker_for
from s3batch_handler.keys import encode_key
from s3batch_handler.manifest import ManifestEntry
from s3batch_handler.model import JobRef
from s3batch_handler.report import ReportWriter, read_report
from s3batch_handler.storage import open_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

FUNCTIONS = Path(__file__).with_name("functions")


class Environment:
    """One execution environment of Lambda, with a function in it."""

    def __init__(self, emulator: Path, function: str, *, timeout: int, log: Path) -> None:
        front, back = free_ports(2)
        self.address = f"http://127.0.0.1:{front}"
        self._url = f"{self.address}/2015-03-31/functions/function/invocations"
        self._log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [
                    emulator,
                    "--runtime-interface-emulator-address",
                    f"127.0.0.1:{front}",
                    "--runtime-api-address",
                    f"127.0.0.1:{back}",
                    *(sys.executable, "-m", "awslambdaric", function),
                ],
                cwd=FUNCTIONS,
                env={
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


def free_ports(number: int) -> list[int]:
    """Give ports that are free, and none of those that systems give to whoever asks for any."""
    ports: list[int] = []
    with contextlib.ExitStack() as taken:
        while len(ports) < number:
            port = random.randrange(10_000, 30_000)
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


# ---------------------------------------------------------------- environments


@pytest.fixture(scope="module")
def emulator() -> Path:
    if platform.system() != "Linux" or platform.machine() not in {"x86_64", "aarch64", "arm64"}:
        pytest.skip("the Lambda runtime emulator is for Linux on x86_64 or arm64")
    default = Path(__file__).parents[1] / ".cache" / "aws-lambda-rie"
    path = Path(os.environ.get("AWS_LAMBDA_RIE", default))
    if not path.exists():
        problem = f"no Lambda runtime emulator at {path}: run scripts/test, or scripts/get-rie"
        pytest.fail(problem) if os.environ.get("CI") else pytest.skip(problem)
    return path


@contextlib.contextmanager
def running(
    emulator: Path, function: str, *, timeout: int, folder: pytest.TempPathFactory
) -> Iterator[Environment]:
    """Start an environment and wait until its function has answered for the first time."""
    log = folder.mktemp("lambda") / f"{function}.log"
    environment = Environment(emulator, function, timeout=timeout, log=log)
    try:
        environment.warm_up()
        yield environment
    finally:
        environment.stop()


@pytest.fixture(scope="module")
def outcomes(emulator: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    with running(emulator, "outcomes.handler", timeout=30, folder=tmp_path_factory) as environment:
        yield environment


@pytest.fixture(scope="module")
def guarded(emulator: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    with running(emulator, "slow.guarded", timeout=12, folder=tmp_path_factory) as environment:
        yield environment


@pytest.fixture(scope="module")
def unguarded(emulator: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    with running(emulator, "slow.unguarded", timeout=3, folder=tmp_path_factory) as environment:
        yield environment


@pytest.fixture(scope="module")
def plain(emulator: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    with running(emulator, "plain.handler", timeout=5, folder=tmp_path_factory) as environment:
        yield environment


@pytest.fixture(scope="module")
def decorated(emulator: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    with running(emulator, "decorated.handler", timeout=30, folder=tmp_path_factory) as environment:
        yield environment


# ---------------------------------------------------------------- outcomes


def test_a_task_that_succeeds(outcomes: Environment) -> None:
    """The key arrives decoded, and what the function returns is the message, as JSON."""
    code, message = outcomes.result("one photo.jpg")

    assert code == "Succeeded"
    answer = json.loads(message)
    assert (answer["bucket"], answer["key"]) == ("photos", "one photo.jpg")


def test_the_answer_around_the_results(outcomes: Environment) -> None:
    """The answer is in the form that S3 documents, with the ids of the request."""
    answer = outcomes.invoke(event("one photo.jpg"))

    assert answer.keys() == {
        "invocationSchemaVersion",
        "treatMissingKeysAs",
        "invocationId",
        "results",
    }
    assert answer["invocationSchemaVersion"] == "2.0"
    assert answer["invocationId"] == "invocation"
    assert answer["treatMissingKeysAs"] == "TemporaryFailure"


@pytest.mark.parametrize(
    ("key", "code", "said"),
    [
        ("not yet.jpg", "TemporaryFailure", "the photo is not there yet"),
        ("notes.txt", "PermanentFailure", "not a photo"),
        ("a bug.jpg", "PermanentFailure", "ZeroDivisionError: nobody thought of this one"),
        ("throttled.jpg", "TemporaryFailure", "SlowDown"),
        ("exit.jpg", "PermanentFailure", "the function wants to leave"),
    ],
)
def test_a_task_that_fails(outcomes: Environment, key: str, code: str, said: str) -> None:
    """What a function raises becomes the task's code and message; the invocation succeeds."""
    got, message = outcomes.result(key)

    assert got == code
    assert said in message


def test_a_function_that_exits(outcomes: Environment) -> None:
    """``sys.exit()`` costs its task, not the environment: the same process takes the next one."""
    before = json.loads(outcomes.result("before.jpg")[1])["process"]

    outcomes.result("exit.jpg")

    after = json.loads(outcomes.result("after.jpg")[1])["process"]
    assert after == before


def test_an_event_with_several_tasks(outcomes: Environment) -> None:
    """Each task is answered once, in order, whatever became of those before it."""
    results = outcomes.results("one photo.jpg", "exit.jpg", "notes.txt", "not yet.jpg", "last.jpg")

    assert [(task, code) for task, code, _ in results] == [
        ("task-0", "Succeeded"),
        ("task-1", "PermanentFailure"),
        ("task-2", "PermanentFailure"),
        ("task-3", "TemporaryFailure"),
        ("task-4", "Succeeded"),
    ]


def test_an_event_that_is_none(outcomes: Environment) -> None:
    """A foreign event fails the invocation, and the error names the field."""
    answer = outcomes.invoke({"Records": []})

    assert answer["errorType"] == "InvalidEvent"
    assert "invocationSchemaVersion" in answer["errorMessage"]


# ---------------------------------------------------------------- time


def test_a_task_that_is_too_slow(guarded: Environment) -> None:
    """The guard ends the task in time for an answer that S3 tries again; the environment lives."""
    process = guarded.result("before")[1]

    code, message = guarded.result("too slow")

    assert code == "TemporaryFailure"
    assert "time" in message
    assert guarded.result("after")[1] == process


def test_a_task_that_is_too_slow_without_the_guard(unguarded: Environment) -> None:
    """Proof that the guard is needed: Lambda kills the same function, and nobody answers S3."""
    process = unguarded.result("before")[1]

    answer = unguarded.invoke(event("too slow"))

    assert "timed out after 3" in answer
    unguarded.warm_up()
    assert unguarded.result("after")[1] != process


# ---------------------------------------------------------------- whole jobs


def test_a_job_at_an_address(plain: Environment, tmp_path: Path) -> None:
    """A job calls the function that runs there; each task gets the row that AWS would write."""
    # What costs the runtime its life comes last: the next call would have to wait for another one.
    keys = ["one photo.jpg", "a bug", "nonsense", "forgotten", "last.jpg", "exit", "too slow"]
    report = ReportWriter(open_folder(str(tmp_path)), job_id="job-1")

    job = run_job(
        [ManifestEntry("photos", encode_key(key), None) for key in keys],
        invoker_for(plain.address),
        job=JobRef(id="job-1"),
        report=report,
    )

    assert (job.progress.succeeded, job.progress.failed) == (2, 5)
    rows = {row.key: row for row in read_report(tmp_path / "job-job-1").rows()}
    assert rows["one photo.jpg"].message == "did one photo.jpg"
    assert rows["last.jpg"].message == "did last.jpg"
    for key, said in {
        "a bug": "Lambda returned function error: {.*ZeroDivisionError",
        "exit": "Lambda returned function error: {.*exit status 3",
        "nonsense": "Invalid JSON returned in Lambda payload",
        "too slow": "Lambda returned function error: {.*timed out after 5.00 seconds",
        "forgotten": "The function did not answer for this task",
    }.items():
        assert (rows[key].http_status, rows[key].error_code) == (200, "PermanentFailure")
        assert re.match(said, rows[key].message), key


def test_the_command_line_with_an_address(outcomes: Environment, tmp_path: Path) -> None:
    """``s3batch run`` and ``s3batch invoke`` take it for a HANDLER."""
    (tmp_path / "manifest.csv").write_text("photos,one%20photo.jpg\nphotos,notes.txt\n")
    (tmp_path / "event.json").write_text(json.dumps(event("one photo.jpg")))
    command = [sys.executable, "-m", "s3batch_handler.cli"]

    job = subprocess.run(
        [*command, "run", outcomes.address, "--manifest", "manifest.csv", "--json"],
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    answer = subprocess.run(
        [*command, "invoke", outcomes.address, "event.json"],
        cwd=tmp_path,
        capture_output=True,
        check=True,
    )

    assert job.returncode == 1
    summary = json.loads(job.stdout)
    assert (summary["status"], summary["succeeded"], summary["failed"]) == ("Complete", 1, 1)
    assert json.loads(answer.stdout)["results"][0]["resultCode"] == "Succeeded"


# ---------------------------------------------------------------- company


def test_powertools_decorators_on_the_outside(decorated: Environment) -> None:
    """Other decorators wrap the handler as they wrap any: context, metrics and all."""
    code, message = decorated.result("one photo.jpg")

    assert (code, message) == ("Succeeded", "done: one photo.jpg")
    lines = [json.loads(line) for line in decorated.log().splitlines() if line.startswith("{")]
    said = next(line for line in lines if line.get("message") == "at work")
    assert said["function_name"] == "thumbnails"
    assert any(line.get("_aws", {}).get("CloudWatchMetrics") for line in lines)
