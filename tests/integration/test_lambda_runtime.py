"""Handlers under the real Lambda runtime; they are in ``tests/functions/``."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from s3batch_handler.core._keys import encode_key
from s3batch_handler.core._model import JobRef
from s3batch_handler.documents.files._folder import open_folder
from s3batch_handler.documents.manifests._manifest import ManifestEntry
from s3batch_handler.documents.reports._report import read_report
from s3batch_handler.documents.reports._writer import ReportWriter
from s3batch_handler.engine.invoke._target import invoker_for
from s3batch_handler.engine.run._run_job import JobSettings, run_job
from tests.support.lambda_environment import Environment, event

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

FUNCTIONS = Path(__file__).parents[1] / "functions"


@contextlib.contextmanager
def running(
    function: str, *, timeout: int, folder: pytest.TempPathFactory
) -> Iterator[Environment]:
    """Start an environment and wait until its function has answered for the first time."""
    log = folder.mktemp("lambda") / f"{function}.log"
    environment = Environment(function, folder=FUNCTIONS, timeout=timeout, log=log)
    try:
        environment.warm_up()
        yield environment
    finally:
        environment.stop()


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    with running("outcomes.handler", timeout=30, folder=tmp_path_factory) as environment:
        yield environment


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    with running("slow.guarded", timeout=12, folder=tmp_path_factory) as environment:
        yield environment


@pytest.fixture(scope="module")
def crashing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    with running("crashing.handler", timeout=60, folder=tmp_path_factory) as environment:
        yield environment


@pytest.fixture(scope="module")
def unguarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    with running("slow.unguarded", timeout=3, folder=tmp_path_factory) as environment:
        yield environment


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    with running("plain.handler", timeout=5, folder=tmp_path_factory) as environment:
        yield environment


@pytest.fixture(scope="module")
def decorated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    with running("decorated.handler", timeout=30, folder=tmp_path_factory) as environment:
        yield environment


def test_the_return_value_is_the_message_of_the_task(outcomes: Environment) -> None:
    """The key arrives decoded; the message is JSON."""
    code, message = outcomes.result("one photo.jpg")

    assert code == "Succeeded"
    answer = json.loads(message)
    assert (answer["bucket"], answer["key"]) == ("photos", "one photo.jpg")


def test_the_response_has_the_fields_that_s3_documents(outcomes: Environment) -> None:
    """The IDs are those of the event."""
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
    ("key", "code", "text"),
    [
        ("not yet.jpg", "TemporaryFailure", "the photo is not there yet"),
        ("notes.txt", "PermanentFailure", "not a photo"),
        ("a bug.jpg", "PermanentFailure", "ZeroDivisionError: unexpected"),
        ("throttled.jpg", "TemporaryFailure", "SlowDown"),
        ("exit.jpg", "PermanentFailure", "the function wants to leave"),
    ],
)
def test_a_raised_exception_decides_the_result(
    outcomes: Environment, key: str, code: str, text: str
) -> None:
    """The invocation succeeds."""
    got, message = outcomes.result(key)

    assert got == code
    assert text in message


def test_sys_exit_does_not_end_the_environment(outcomes: Environment) -> None:
    """The same process handles the next event."""
    before = json.loads(outcomes.result("before.jpg")[1])["process"]

    outcomes.result("exit.jpg")

    after = json.loads(outcomes.result("after.jpg")[1])["process"]
    assert after == before


def test_every_task_has_one_result_in_the_order_of_the_event(outcomes: Environment) -> None:
    results = outcomes.results("one photo.jpg", "exit.jpg", "notes.txt", "not yet.jpg", "last.jpg")

    assert [(task, code) for task, code, _ in results] == [
        ("task-0", "Succeeded"),
        ("task-1", "PermanentFailure"),
        ("task-2", "PermanentFailure"),
        ("task-3", "TemporaryFailure"),
        ("task-4", "Succeeded"),
    ]


def test_an_event_of_another_service_fails_the_invocation(outcomes: Environment) -> None:
    """The error names the field."""
    answer = outcomes.invoke({"Records": []})

    assert answer["errorType"] == "InvalidEvent"
    assert "invocationSchemaVersion" in answer["errorMessage"]


def test_a_slow_task_gets_a_result_before_the_timeout(guarded: Environment) -> None:
    """S3 retries it, and the environment is kept."""
    process = guarded.result("before")[1]

    code, message = guarded.result("too slow")

    assert code == "TemporaryFailure"
    assert "time" in message
    assert guarded.result("after")[1] == process


def test_without_a_time_limit_lambda_ends_the_environment(unguarded: Environment) -> None:
    """No task of the event has a result."""
    process = unguarded.result("before")[1]

    answer = unguarded.invoke(event("too slow"))

    assert "timed out after 3" in answer
    unguarded.warm_up()
    assert unguarded.result("after")[1] != process


@pytest.mark.parametrize(
    ("fault", "code", "text"),
    [
        ("crash", "PermanentFailure", "was ended by SIGSEGV in crash(), line "),
        ("exit_process", "PermanentFailure", "exited with code 3"),
        ("use_memory", "TemporaryFailure", "has reached its memory limit of "),
        ("stop_process", "TemporaryFailure", " in stop_process(), line "),
        ("hold_the_interpreter", "TemporaryFailure", " in hold_the_interpreter(), line "),
        ("write_to_all_descriptors", "PermanentFailure", "sent invalid data"),
        ("fork", "Succeeded", ""),
        ("print_much", "Succeeded", ""),
    ],
)
def test_a_task_in_a_child_process_cannot_end_the_environment(
    crashing: Environment, fault: str, code: str, text: str
) -> None:
    """The same environment handles the next event in a child process that works."""
    environment = crashing.result("before")[1].split()[1]

    ((_, got, message),) = crashing.results(fault)

    assert got == code, message
    assert text in message
    assert crashing.result("after")[1].split()[1] == environment


def test_a_job_invokes_the_function_at_an_address(plain: Environment, tmp_path: Path) -> None:
    """Each task has the row that AWS would write."""
    # A case that ends the runtime is last: the next call would wait for a new runtime.
    keys = ["one photo.jpg", "a bug", "nonsense", "forgotten", "last.jpg", "exit", "too slow"]
    report = ReportWriter(open_folder(str(tmp_path)), job_id="job-1")

    job = run_job(
        [ManifestEntry("photos", encode_key(key), None) for key in keys],
        invoker_for(plain.address),
        JobSettings(job=JobRef(id="job-1")),
        report=report,
    )

    assert (job.progress.succeeded, job.progress.failed) == (2, 5)
    rows = {row.key: row for row in read_report(tmp_path / "job-job-1").rows()}
    assert rows["one photo.jpg"].message == "did one photo.jpg"
    assert rows["last.jpg"].message == "did last.jpg"
    for key, pattern in {
        "a bug": "Lambda returned function error: {.*ZeroDivisionError",
        "exit": "Lambda returned function error: {.*exit status 3",
        "nonsense": "Invalid JSON returned in Lambda payload",
        "too slow": "Lambda returned function error: {.*timed out after 5.00 seconds",
        "forgotten": "The function returned no result for this task",
    }.items():
        assert (rows[key].http_status, rows[key].error_code) == (200, "PermanentFailure")
        assert re.match(pattern, rows[key].message), key


def test_run_and_invoke_accept_an_address(outcomes: Environment, tmp_path: Path) -> None:
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


def test_decorators_of_powertools_wrap_a_handler(decorated: Environment) -> None:
    """The log has the context, and metrics are printed."""
    code, message = decorated.result("one photo.jpg")

    assert (code, message) == ("Succeeded", "done: one photo.jpg")
    lines = [json.loads(line) for line in decorated.log().splitlines() if line.startswith("{")]
    logged = next(line for line in lines if line.get("message") == "at work")
    assert logged["function_name"] == "thumbnails"
    assert any(line.get("_aws", {}).get("CloudWatchMetrics") for line in lines)
