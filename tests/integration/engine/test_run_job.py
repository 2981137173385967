"""A whole job: every manifest line answered once, redrives, the threshold, and how it ends."""

from __future__ import annotations

import csv
import io
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typing_extensions import override

from s3batch_handler.core._errors import InvalidFunction, ManifestError, ReportNotWritten
from s3batch_handler.core._model import JobRef, Outcome, ResultCode
from s3batch_handler.documents._manifest import ManifestEntry, read_entries
from s3batch_handler.documents._report import TaskStatus
from s3batch_handler.engine.invoke._answer import Answer, FunctionError, NotRun
from s3batch_handler.engine.invoke._invoker import InProcess
from s3batch_handler.engine.invoke._worker_pool import WorkerPool
from s3batch_handler.engine.run._failure_summary import message_pattern
from s3batch_handler.engine.run._run_job import run_job
from s3batch_handler.jobs._status import JobStatus, Progress
from tests.support.waiting import wait_for

Row = tuple[ManifestEntry, TaskStatus, int, str, str]
Function = Callable[[Any, Any], Any]
Write = Callable[[str], str]

JOB = JobRef(id="job-1")


class Rows:
    """A report that is kept in memory."""

    statuses: Collection[TaskStatus] = tuple(TaskStatus)

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.is_written = False

    def write(self, rows: Callable[[TaskStatus], Iterable[bytes]]) -> str:
        for status in self.statuses:
            lines = io.StringIO(b"".join(rows(status)).decode(), newline="")
            for bucket, key, version, said, http_status, error_code, message in csv.reader(lines):
                assert said == status
                version_id = {"": None, r"\N": ""}.get(version, version)
                entry = ManifestEntry(bucket, key, version_id)
                self.rows.append((entry, status, int(http_status), error_code, message))
        self.is_written = True
        return "here"

    @property
    def by_key(self) -> dict[str, tuple[str, int, str, str]]:
        assert len({row[0] for row in self.rows}) == len(self.rows)
        return {row[0].encoded_key: row[1:] for row in self.rows}


@pytest.fixture
def report() -> Rows:
    return Rows()


def lines(*keys: str) -> list[ManifestEntry]:
    return [ManifestEntry("photos", key, None) for key in keys]


def numbered(count: int) -> Iterator[ManifestEntry]:
    return (ManifestEntry("photos", str(number), None) for number in range(count))


def function_of(outcome: Callable[[str], tuple[str, str] | Any]) -> Function:
    """Make a Lambda function of what becomes of each key."""

    def function(event: dict[str, Any], _context: object) -> Any:
        (task,) = event["tasks"]
        result = outcome(task["s3Key"])
        if not isinstance(result, tuple):
            return result
        code, text = result
        return {
            "invocationSchemaVersion": event["invocationSchemaVersion"],
            "invocationId": event["invocationId"],
            "results": [{"taskId": task["taskId"], "resultCode": code, "resultString": text}],
        }

    return function


SUCCEEDS = function_of(lambda key: ("Succeeded", key))

HEAD = """
import os, signal, sys, time
from pathlib import Path

def key(event):
    return event["tasks"][0]["s3Key"]

def answer(event, code="Succeeded", text=""):
    results = [{"taskId": event["tasks"][0]["taskId"], "resultCode": code, "resultString": text}]
    return {"invocationSchemaVersion": event["invocationSchemaVersion"], "results": results}
"""


@pytest.fixture
def function(tmp_path: Path) -> Write:
    """Write a function file; give its spec."""

    def write(body: str) -> str:
        path = tmp_path / "app.py"
        path.write_text(HEAD + textwrap.dedent(body))
        return f"{path}:handler"

    return write


# ---------------------------------------------------------------- rows


def test_rows_are_those_of_aws(report: Rows) -> None:
    """Each class of result has the status, codes and message that AWS writes."""

    def outcome(key: str) -> Any:
        match key:
            case "raises":
                raise ValueError("no")
            case "malformed":
                return "done"
            case "temporary":
                return "TemporaryFailure", "busy"
            case "permanent":
                return "PermanentFailure", "gone"
            case _:
                return "Succeeded", "ok"

    run = run_job(
        lines("fine", "raises", "malformed", "temporary", "permanent"),
        InProcess(function_of(outcome)),
        job=JOB,
        report=report,
    )

    rows = report.by_key
    *codes, raised = rows.pop("raises")
    prefix = "Lambda returned function error: "
    assert codes == ["failed", 200, "PermanentFailure"]
    assert raised.startswith(prefix)
    assert json.loads(raised.removeprefix(prefix))["errorMessage"] == "no"
    assert rows == {
        "fine": ("succeeded", 200, "", "ok"),
        "malformed": (
            "failed",
            200,
            "PermanentFailure",
            "Invalid JSON returned in Lambda payload",
        ),
        "temporary": ("failed", 200, "TemporaryFailure", "busy"),
        "permanent": ("failed", 200, "PermanentFailure", "gone"),
    }
    assert run.status is JobStatus.COMPLETE
    told = (run.progress.total, run.progress.succeeded, run.progress.failed)
    assert told == (5, 1, 4)
    assert run.progress.active_seconds in range(int(run.elapsed) + 1)
    assert run.report == "here"


def test_timeout_and_exit_have_aws_rows(function: Write, report: Rows) -> None:
    """Functions that are killed, or end their process, are function errors to S3."""
    spec = function(
        """
        def handler(event, context):
            if key(event) == "slow":
                time.sleep(60)
            os._exit(4)
        """
    )

    run_job(lines("slow", "exit"), WorkerPool(spec, workers=2, timeout=2), job=JOB, report=report)

    for key, text in {"slow": "Task timed out after 2.00 seconds", "exit": "exit status 4"}.items():
        *codes, message = report.by_key[key]
        assert codes == ["failed", 200, "PermanentFailure"]
        assert message.startswith('Lambda returned function error: {"error')
        assert message.endswith(f'{text}"}}')


def test_long_error_is_cut_as_reports_cut_it(report: Rows) -> None:
    """A report keeps 1,024 characters of a message."""

    def outcome(_key: str) -> Any:
        raise ValueError("x" * 5_000)

    run_job(lines("a"), InProcess(function_of(outcome)), job=JOB, report=report)

    assert len(report.by_key["a"][3]) == 1_024


def test_entries_reach_the_report_as_they_stand(report: Rows) -> None:
    """Duplicate lines, versions and encoded keys: a row for each line, byte for byte."""
    entries = [
        ManifestEntry("b1", "a%20b+c", "v1"),
        ManifestEntry("b1", "a%20b+c", "v1"),
        ManifestEntry("b2", "%C3%A9", ""),
        ManifestEntry("b2", "x", None),
    ]

    run_job(entries, InProcess(SUCCEEDS), job=JOB, report=report)

    assert Counter(row[0] for row in report.rows) == Counter(entries)


def test_kinds_of_failures_are_counted(report: Rows) -> None:
    """The summary puts together what differs in names and numbers only, the frequent first."""

    def outcome(key: str) -> Any:
        if int(key) % 3 == 0:
            raise KeyError(f"no {key}")
        return ("PermanentFailure", f"object {key} is empty") if int(key) % 3 == 1 else None

    run = run_job(numbered(8), InProcess(function_of(outcome)), job=JOB, report=report)

    assert [(family.error_code, family.message, family.count) for family in run.failures] == [
        ("PermanentFailure", "KeyError: …", 3),
        ("PermanentFailure", "object … is empty", 3),
        (
            "PermanentFailure",
            "Invalid JSON returned in Lambda payload: the answer: expected an object, got null",
            2,
        ),
    ]
    assert run.failures[1].example == "object 1 is empty"


@pytest.mark.parametrize(
    ("message", "family"),
    [
        ("Key 'a/b.txt' is 1,024 bytes", "Key … is … bytes"),
        ("id 2845ca0d-38d9-4c4b-abcf-379dc749c452 at 2019-04-05T17:35:21.155Z", "id … at …"),
        ("digest 83b1c4cbe93fc893f54053697e10fd6e is wrong", "digest … is wrong"),
        ("<Image at 0x7F3A5c0ffee0> is closed", "<Image at …> is closed"),
        ("no record 2845ca0d38d94c4babcf379dc749c452", "no record …"),
        ("commit 83b1c4cb, request 7QX12345EXAMPLE0ab_-", "commit …, request …"),
        ("no host aa:bb:0c:dd:ee:ff", "no host …"),
        ("no file /tmp/tmpab_x1/a.jpg: gone", "no file …: gone"),
        ("no file photos/2024/a.jpg, and/or text/html", "no file …, and/or text/html"),
        ("cannot open C:\\temp\\a.jpg (2)", "cannot open … (…)"),
        ("see s3://b/a/b?x=1, https://h:80/k", "see …, …"),
        ("role arn:aws:iam::123456789012:role/x may not", "role … may not"),
        ("at 2024-01-02 03:04:05.678+00:00 or 2024/01/02", "at … or …"),
        ("until Mon, 01 Jan 2024 10:00:00 GMT: closed", "until …: closed"),
        ("since 03:04:05", "since …"),
        ("can't find a's or b's", "can't find a's or b's"),
        ("EC2ThrottledException: slow", "EC…ThrottledException: slow"),
        ("nothing particular", "nothing particular"),
        (
            "SlowDown calling GetObject: Slow down. (HTTP 503, request id 7QX+/Z1A=)",
            "SlowDown calling GetObject: Slow down. (HTTP …, …)",
        ),
    ],
)
def test_message_family(message: str, family: str) -> None:
    """Quoted text, ids, times, paths, memory addresses and numbers are particular."""
    assert message_pattern(message) == family


@pytest.mark.parametrize(
    "variants",
    [
        (
            "at 10:05 PM",
            "at 9:15 AM",
            "at 9:15:10 a.m.",
            "at 7PM",
            "at 20:44:00 UTC",
            "at 9:01 CET",
        ),
        (
            "since Sat, 28 Nov 2026 20:44:00 +0000:",
            "since Sun, 8 Nov 2026 20:44:00 -0700 (PDT):",
            "since Sat, 28 Nov 2026 20:44:00 GMT:",
            "since Sat Nov 28 20:44:00 UTC 2026:",
            "since Sun Nov  8 08:44:00 PM CEST 2026:",
            "since November 28, 2026 at 8:44 PM:",
            "since 28/Nov/2026:20:44:00 +0100:",
            "since 28.11.2026 20:44:",
            "since 2026-11-28T20:44:00.5Z:",
        ),
        ("id 1f2e", "id 1a2b", "id deadbee", "id cafeba1", "id deadbeef", "id CAFEBABE", "id 0XFF"),
        ("Request ID: 7A,", "RequestId: ABCDEF,", "HostId: b,", "Extended Request ID: abc/def+g=,"),
        ("path:/a/b bad", "path:/c bad", "path:C:\\c bad", "path:~root/x bad", "path:~/x bad"),
        ("at 0B325E82-E9B7-FFCB-8CF0-C49284B08E04", "at BC009EA5-2B8E-AA0E-D10F-5EE56FC736E3"),
        ("sha256:0798bc58727103017715", "sha256:92239798bc5872710301", "sha256:ab239798bc58727103"),
        ("host fe80::1", "host fe80::abcd", "host ::1", "host 2001:db8:0:1:2:3:4:5"),
        ("read 5B", "read 500B", "read 1024B"),
        ("error E1", "error E1001"),
        ("line 1:2", "line 12:345", "line 1.5:22:333"),
        ("after 3s", "after 3.5s", "after 1h2m3s", "after 250ms", "after 1 day, 0:00:01"),
        ("on 2024/1/2", "on 2023/12/31"),
    ],
)
def test_messages_of_one_family(variants: tuple[str, ...]) -> None:
    """Times, dates, IDs and paths are particular, however they are written."""
    assert len({message_pattern(message) for message in variants}) == 1


@pytest.mark.parametrize(
    "message",
    [
        "added a facade, defaced in a decade",
        "request id is missing",
        "RequestId missing, no host id",
        "am I the market? may be",
        "feed the dead cafe",
        "see </a/b> or and/or",
        "UTC or GMT",
        "c::d or add::face",
    ],
)
def test_words_are_not_particular(message: str) -> None:
    """Words that only look like IDs, dates or paths stay."""
    assert message_pattern(message) == message


def test_words_before_numbers_are_not_dates() -> None:
    """``Mar`` is a month, ``Marker`` is not."""
    assert (
        message_pattern("Decoder 3, Marker 5, at 10:00 DNS 7") == "Decoder …, Marker …, at … DNS …"
    )


@settings(deadline=None)
@given(st.text(alphabet="1a:/.-+ 'MonZ0x~(=\\", max_size=12), st.integers(1, 2000))
def test_message_family_takes_time_in_proportion(part: str, times: int) -> None:
    """No message takes long: patterns that backtrack would take seconds."""
    started = time.process_time()

    message_pattern(part * times)

    assert time.process_time() - started < 1


def test_keys_with_spaces_are_recognised_in_messages(report: Rows) -> None:
    """The key of the object, and a file that is named after it, belong to one task alone."""

    def outcome(key: str) -> Any:
        name = key.rpartition("/")[2]
        return "PermanentFailure", f"cannot read {key} from /tmp/{name}: no photo"

    entries = lines("my photos/in the sun.jpg", "my photos/by the sea/on a boat.jpg")
    run = run_job(entries, InProcess(function_of(outcome)), job=JOB, report=report)

    assert [family.message for family in run.failures] == ["cannot read … from …: no photo"]


def test_rows_and_summary_have_no_credentials(report: Rows) -> None:
    """Of functions written without this package, too; a success is passed on as it is."""
    secret = "aB3xY5zK9mQ7"

    def outcome(key: str) -> Any:
        url = f"https://h/?Signature={secret}"
        if key == "raised":
            raise ValueError(url)
        return ("Succeeded" if key == "good" else "PermanentFailure", url)

    entries = lines("raised", "returned", "good")
    run = run_job(entries, InProcess(function_of(outcome)), job=JOB, report=report)

    assert report.by_key["returned"][-1] == "https://h/?Signature=***"
    assert '"errorMessage":"https://h/?Signature=***"' in report.by_key["raised"][-1]
    assert report.by_key["good"][-1] == f"https://h/?Signature={secret}"
    assert secret not in str(run.failures)


def test_function_elsewhere_has_no_credentials_in_its_rows(report: Rows) -> None:
    """Lambda tells of its errors word by word."""

    class Elsewhere:
        def invoke_all(self, job: Any, schema_version: Any, entries: Any, **_: Any) -> Any:
            payload = '{"errorType": "ValueError", "errorMessage": "http://ann:s3cr3t@h/"}'
            for entry in entries:
                yield entry, FunctionError(payload)

        def close(self) -> None: ...

    run = run_job(lines("a"), Elsewhere(), job=JOB, report=report)

    assert "http://ann:***@h/" in report.by_key["a"][-1]
    assert run.failures[0].example == "ValueError: http://ann:***@h/"


def test_length_of_a_name_does_not_matter_to_a_family() -> None:
    """What is kept of a message is measured without its names."""
    families = {
        message_pattern(f"cannot read /{'a' * length}/x: {'and so on ' * 40}")
        for length in (1, 50, 255)
    }

    assert len(families) == 1


def test_a_kind_of_failure_with_one_message_only() -> None:
    """What never differed is shown as it is: "exit status 3" says more than "exit status …"."""
    function = function_of(lambda _: ("PermanentFailure", "exit status 3"))

    run = run_job(numbered(3), InProcess(function), job=JOB)

    assert [(family.message, family.count) for family in run.failures] == [("exit status 3", 3)]


# ---------------------------------------------------------------- redrives


def test_temporary_failure_that_passes_later(function: Write, tmp_path: Path, report: Rows) -> None:
    """A task that fails twice for a time succeeds in the end: one row, no failure."""
    spec = function(
        f"""
        def handler(event, context):
            tries = Path({str(tmp_path)!r}, key(event) + ".tries")
            with tries.open("a") as file:
                file.write("x")
            if len(tries.read_text()) <= 2 * (key(event) == "shy"):
                return answer(event, "TemporaryFailure", "not yet")
            return answer(event, text=tries.read_text())
        """
    )

    run = run_job(lines("shy", "bold"), WorkerPool(spec, workers=1), job=JOB, report=report)

    assert report.by_key == {
        "shy": ("succeeded", 200, "", "xxx"),
        "bold": ("succeeded", 200, "", "x"),
    }
    assert (run.progress.total, run.progress.succeeded) == (2, 2)


def test_an_empty_cell_for_the_version(report: Rows) -> None:
    """The task fails as in AWS, and the function does not see it: which object is not said."""
    called = []
    entries = [ManifestEntry("photos", key, version) for key, version in ("a1", ("b", ""), "c2")]

    def outcome(key: str) -> tuple[str, str]:
        called.append(key)
        return "Succeeded", ""

    run = run_job(entries, InProcess(function_of(outcome)), job=JOB, report=report)

    assert called == ["a", "c"]
    assert (run.progress.succeeded, run.progress.failed) == (2, 1)
    text = "Task failed due to missing VersionId"
    assert report.by_key["b"] == (TaskStatus.FAILED, 400, "InvalidRequest", text)


@pytest.mark.parametrize("max_redrives", [0, 1, 3])
def test_number_of_tries(report: Rows, max_redrives: int) -> None:
    """A task is tried once, and as often again as redrives are allowed; its last words count."""
    tries: list[str] = []

    def outcome(key: str) -> Any:
        tries.append(key)
        return "TemporaryFailure", f"try {len(tries)}"

    run_job(
        lines("a"),
        InProcess(function_of(outcome)),
        job=JOB,
        max_redrives=max_redrives,
        report=report,
    )

    assert len(tries) == 1 + max_redrives
    assert report.by_key["a"][2:] == ("TemporaryFailure", f"try {1 + max_redrives}")


def test_redrives_come_after_the_first_pass(report: Rows) -> None:
    """What was busy gets time to recover; entries come back exactly as they were."""
    entries = [ManifestEntry("b", "é%20\n", "null"), ManifestEntry("b", "x", "v")]
    seen: list[str] = []

    def outcome(key: str) -> Any:
        seen.append(key)
        return ("Succeeded" if len(seen) > 2 else "TemporaryFailure"), ""

    run_job(entries, InProcess(function_of(outcome)), job=JOB, report=report)

    assert seen == ["é%20\n", "x", "é%20\n", "x"]
    assert [row[0] for row in report.rows] == entries


# ---------------------------------------------------------------- the failure threshold


def test_job_fails_when_more_than_half_have_failed(report: Rows) -> None:
    """From 1,000 tasks on; the rest is not run, the report tells of what was done."""
    run = run_job(
        numbered(5_000),
        InProcess(function_of(lambda key: ("PermanentFailure", "no"))),
        job=JOB,
        report=report,
    )

    assert run.status is JobStatus.FAILED
    assert run.reason == "1,000 of 1,000 tasks failed: more than half"
    assert len(report.rows) == run.progress.done == 1_000
    assert report.is_written


@pytest.mark.parametrize(("count", "failing"), [(999, 999), (3_000, 1_500)])
def test_job_completes_below_the_threshold(report: Rows, count: int, failing: int) -> None:
    """Complete means that all tasks were run, not that they succeeded."""

    def outcome(key: str) -> Any:
        return ("PermanentFailure" if int(key) >= count - failing else "Succeeded"), ""

    run = run_job(numbered(count), InProcess(function_of(outcome)), job=JOB, report=report)

    assert run.status is JobStatus.COMPLETE
    told = (run.progress.total, run.progress.succeeded, run.progress.failed)
    assert told == (count, count - failing, failing)


def test_waiting_for_a_redrive_is_no_failure(report: Rows) -> None:
    """Only what has failed for good counts against a job."""
    seen: set[str] = set()

    def outcome(key: str) -> Any:
        first = key not in seen
        seen.add(key)
        return ("TemporaryFailure" if first else "Succeeded"), ""

    run = run_job(numbered(2_000), InProcess(function_of(outcome)), job=JOB, report=report)

    assert run.status is JobStatus.COMPLETE
    assert run.progress.succeeded == 2_000


def test_threshold_in_the_last_redrive_answers_all_that_have_run(report: Rows) -> None:
    """Tasks that get no other try have failed as they did before: no row is missing."""
    run = run_job(
        numbered(2_000),
        InProcess(function_of(lambda key: ("TemporaryFailure", f"busy {key}"))),
        job=JOB,
        max_redrives=1,
        report=report,
    )

    assert run.status is JobStatus.FAILED
    assert len(report.by_key) == 2_000
    assert report.by_key["1999"] == ("failed", 200, "TemporaryFailure", "busy 1999")


class Parallel:
    """Draws tasks in batches as a pool of workers does, and answers some before others.

    Args:
        outcome: What becomes of a task.
        batch: Tasks that are drawn at a time, before any of them is answered.
        order: Puts the tasks of a batch into the order of their answers.
    """

    def __init__(
        self,
        outcome: Callable[[str], ResultCode],
        batch: int,
        order: Callable[[list[ManifestEntry]], None],
    ) -> None:
        self.outcome, self.batch, self.order = outcome, batch, order

    def invoke_all(
        self,
        job: JobRef,
        schema_version: str,
        entries: Iterable[ManifestEntry],
        *,
        stop: Callable[[], bool],
    ) -> Iterator[tuple[ManifestEntry, Answer]]:
        entries = iter(entries)
        while drawn := list(itertools.islice(entries, self.batch)):
            self.order(drawn)
            for entry in drawn:
                if stop():
                    yield entry, NotRun()
                else:
                    yield entry, Outcome(self.outcome(entry.encoded_key), "")

    def close(self) -> None:
        """Nothing to end."""


def failures_first(failing: Collection[int]) -> Callable[[list[ManifestEntry]], None]:
    return lambda drawn: drawn.sort(key=lambda entry: int(entry.encoded_key) not in failing)


@settings(max_examples=40, deadline=None)
@given(
    period=st.integers(2, 40),
    share=st.floats(0, 1),
    without_run=st.floats(0, 1),
    batch=st.sampled_from([1, 7, 500, 2_000, 5_000]),
    seed=st.integers(0, 1_000),
)
def test_the_threshold_sees_the_failures_in_proportion(
    period: int, share: float, without_run: float, batch: int, seed: int
) -> None:
    """However tasks are drawn and whichever are answered first, a job fails only if it would have
    failed with one task after the other; and it does, with those drawn meanwhile, if that is not a
    matter of a few tasks.
    """
    chance = random.Random(seed)
    failing_ones = chance.sample(range(period), round(share * period))
    count = 6_000
    failing = {number for number in range(count) if number % period in failing_ones}
    empty = {number for number in failing if chance.random() < without_run}
    entries = [
        ManifestEntry("photos", str(number), "" if number in empty else "v")
        for number in range(count)
    ]
    failed_up_to = [*itertools.accumulate(int(number in failing) for number in range(count))]

    def first_over_half(margin: int) -> int | None:
        runs = enumerate(failed_up_to, 1)
        over = (run for run, failed in runs if run >= 1_000 and failed * 2 > run + margin)
        return next(over, None)

    def outcome(key: str) -> ResultCode:
        return ResultCode.PERMANENT_FAILURE if int(key) in failing else ResultCode.SUCCEEDED

    run = run_job(entries, Parallel(outcome, batch, failures_first(failing)), job=JOB)

    places = [-1, *(number for number in range(count) if number not in empty), count]
    ends = [*places[batch:], *[count] * batch]
    drawn_meanwhile = max(end - place for place, end in zip(places, ends, strict=False))
    certain = first_over_half(drawn_meanwhile)
    if first_over_half(0) is None:
        assert (run.status, run.progress.done) == (JobStatus.COMPLETE, count)
    if certain is not None:
        assert run.status is JobStatus.FAILED
        assert run.progress.done <= certain + drawn_meanwhile
    if len(failing) * 2 > count:
        assert run.status is JobStatus.FAILED


def test_tasks_without_a_version_id_are_counted_with_their_neighbours(report: Rows) -> None:
    """None fails before the task in front of it was run: progress is that of the manifest."""
    entries = [
        ManifestEntry("photos", str(number), "v" if number % 3 == 0 else "")
        for number in range(900)
    ]
    progress: list[Progress] = []
    with patch("s3batch_handler.engine.run._ledger._COMMIT_SECONDS", 0):
        run = run_job(
            entries,
            Parallel(lambda key: ResultCode.SUCCEEDED, 2_000, lambda drawn: None),
            job=JOB,
            report=report,
            on_progress=progress.append,
        )

    assert all(each.failed <= 2 * each.succeeded for each in progress)
    assert (run.progress.succeeded, run.progress.failed) == (300, 600)


def test_workers_and_tasks_that_are_not_run(function: Write, report: Rows) -> None:
    """Nearly half of the tasks have no version ID: batches of workers do not tip the balance."""
    spec = function(
        """
        def handler(event, context):
            return answer(event)
        """
    )
    entries = [ManifestEntry("b", str(n), "" if n % 20 in range(9) else "v") for n in range(20_000)]

    run = run_job(entries, WorkerPool(spec, workers=2), job=JOB, report=report)

    assert run.status is JobStatus.COMPLETE
    assert (run.progress.succeeded, run.progress.failed) == (11_000, 9_000)


def test_a_job_of_which_no_task_can_be_run(report: Rows) -> None:
    """Each of them fails, and none is kept in memory until the end."""
    entries = (ManifestEntry("photos", str(number), "") for number in range(5_000))

    run = run_job(entries, InProcess(SUCCEEDS), job=JOB, report=report)

    assert run.status is JobStatus.FAILED
    assert 1_000 <= run.progress.done <= 2_000
    assert len(report.rows) == run.progress.failed


def test_a_function_that_cannot_be_loaded_behind_tasks_that_are_not_run(report: Rows) -> None:
    """Tasks that fail by themselves are no reason to report a job of which nothing could run."""
    entries = [
        ManifestEntry("photos", str(number), "" if number < 3 else "v") for number in range(5)
    ]

    with pytest.raises(InvalidFunction):
        run_job(entries, WorkerPool("no_such_module:handler", workers=1), job=JOB, report=report)

    assert not report.is_written


# ---------------------------------------------------------------- cancelling


def test_cancelled_from_progress(function: Write, report: Rows) -> None:
    """A KeyboardInterrupt from the progress bar cancels: what was done is reported, no more."""
    spec = function(
        """
        def handler(event, context):
            time.sleep(0.02)
            return answer(event)
        """
    )

    def on_progress(progress: Progress) -> None:
        if progress.done >= 5:
            raise KeyboardInterrupt

    run = run_job(
        numbered(10_000),
        WorkerPool(spec, workers=2),
        job=JOB,
        report=report,
        on_progress=on_progress,
    )

    assert run.status is JobStatus.CANCELLED
    assert 5 <= run.progress.done == len(report.by_key) < 100
    assert report.is_written


def test_cancelled_while_tasks_wait_for_a_redrive(report: Rows) -> None:
    """They have run, so they have a row: what they said last."""

    def on_progress(progress: Progress) -> None:
        if progress.done:
            raise KeyboardInterrupt

    def outcome(key: str) -> Any:
        if key == "last":
            time.sleep(0.15)  # progress is told ten times a second
            return "Succeeded", ""
        return "TemporaryFailure", "busy"

    run = run_job(
        lines("a", "b", "last", "never"),
        InProcess(function_of(outcome)),
        job=JOB,
        report=report,
        on_progress=on_progress,
    )

    assert run.status is JobStatus.CANCELLED
    assert report.by_key == {
        "a": ("failed", 200, "TemporaryFailure", "busy"),
        "b": ("failed", 200, "TemporaryFailure", "busy"),
        "last": ("succeeded", 200, "", ""),
    }


@pytest.mark.parametrize(("task_seconds", "grace", "done"), [(0.2, 60, True), (60, 0.2, False)])
def test_ctrl_c(
    function: Write, tmp_path: Path, task_seconds: float, grace: float, done: bool
) -> None:
    """A real SIGINT ends the job soon; the running task is reported if it ends soon, too."""
    started = tmp_path / "started"
    spec = function(
        f"""
        def handler(event, context):
            Path({str(started)!r}).write_text(str(os.getpid()))
            time.sleep({task_seconds})
            return answer(event)
        """
    )
    code = f"""
from s3batch_handler.engine.invoke._worker_pool import WorkerPool
from s3batch_handler.engine.run._run_job import run_job
from s3batch_handler.documents._manifest import ManifestEntry
from s3batch_handler.core._model import JobRef, Outcome, ResultCode
run = run_job(
    (ManifestEntry("b", str(n), None) for n in range(1000)),
    WorkerPool({spec!r}, workers=1, grace={grace}), job=JobRef(id="j"),
)
print(run.status, run.progress.done)
"""
    with subprocess.Popen(
        [sys.executable, "-X", "dev", "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as job:
        wait_for(lambda: started.exists() and bool(started.read_text()))

        job.send_signal(signal.SIGINT)

        out, err = job.communicate(timeout=40)

    status, count = out.split()
    assert status == "Cancelled"
    assert (int(count) > 0) is done
    assert err == ""
    with pytest.raises(ProcessLookupError):
        os.kill(int(started.read_text()), 0)


# ---------------------------------------------------------------- what is no job at all


def test_bad_first_line_leaves_nothing(function: Write, report: Rows) -> None:
    """An unreadable line before any task has run: workers are gone, and there is no report."""
    spec = function("handler = lambda event, context: answer(event)")
    entries = read_entries(io.BytesIO(b"one column\n"), source="m.csv")

    with pytest.raises(ManifestError, match=r"m\.csv, line 1"):
        run_job(entries, WorkerPool(spec, workers=1), job=JOB, report=report)

    assert not report.is_written
    assert no_children()


def test_line_that_turns_bad_while_the_job_runs(function: Write, report: Rows) -> None:
    """What was done is done: the job fails, and all that has run, or is running, has its row."""
    spec = function("handler = lambda event, context: answer(event)")

    def entries() -> Iterator[ManifestEntry]:
        yield from numbered(100)
        raise ManifestError("changed", source="m.csv", line=101)

    run = run_job(entries(), WorkerPool(spec, workers=1), job=JOB, report=report)

    assert (run.status, run.reason) == (JobStatus.FAILED, "m.csv, line 101: changed")
    assert 0 < run.progress.done == len(report.by_key) <= 100
    assert report.is_written
    assert no_children()


def test_function_that_is_not_there_leaves_nothing(report: Rows) -> None:
    """The job never began."""
    with pytest.raises(InvalidFunction, match="there is no file"):
        run_job(numbered(3), WorkerPool("nowhere.py", workers=2), job=JOB, report=report)

    assert not report.is_written
    assert report.rows == []
    assert no_children()


def test_function_that_cannot_be_loaded_again_fails_the_job(
    function: Write, tmp_path: Path, report: Rows
) -> None:
    """Once tasks have run there is something to tell: the job fails, with a report and a reason."""
    spec = function(
        f"""
        once = Path({str(tmp_path / "once")!r})
        if once.exists():
            raise RuntimeError("only once")
        once.touch()
        def handler(event, context):
            os._exit(1)
        """
    )

    run = run_job(lines("a", "b", "c"), WorkerPool(spec, workers=1), job=JOB, report=report)

    assert run.status is JobStatus.FAILED
    assert run.reason is not None
    assert "RuntimeError: only once" in run.reason
    assert list(report.by_key) == ["a"]
    assert report.is_written


def test_empty_manifest(report: Rows) -> None:
    """Nothing to do is done at once; without a task there is no report."""
    run = run_job([], WorkerPool("nowhere.py"), job=JOB, report=report)

    assert (run.status, run.progress.total, run.report) == (JobStatus.COMPLETE, 0, None)


def test_report_that_cannot_be_put_where_it_belongs() -> None:
    """The bucket has gone, after all the work: the job fails, and still says what was done."""

    class Gone(Rows):
        @override
        def write(self, rows: Callable[[TaskStatus], Iterable[bytes]]) -> str:
            raise OSError("no such bucket")

    report = Gone()

    run = run_job(numbered(3), InProcess(SUCCEEDS), job=JOB, report=report)

    assert run.status is JobStatus.FAILED
    assert run.reason == "the report could not be written: OSError: no such bucket"
    assert str(run.report_error) == "no such bucket"
    assert (run.progress.succeeded, run.report) == (3, None)


def test_report_that_lies_elsewhere() -> None:
    """What was kept is told of, and is the job's report."""

    class Elsewhere(Rows):
        @override
        def write(self, rows: Callable[[TaskStatus], Iterable[bytes]]) -> str:
            raise ReportNotWritten("no such bucket; it is kept here", kept="here")

    run = run_job(numbered(3), InProcess(SUCCEEDS), job=JOB, report=Elsewhere())

    assert (run.status, run.report) == (JobStatus.FAILED, "here")
    assert run.reason == "the report could not be written: no such bucket; it is kept here"


def test_ctrl_c_while_the_report_is_written() -> None:
    """It is written to its end: the job is over already."""

    class Interrupted(Rows):
        @override
        def write(self, rows: Callable[[TaskStatus], Iterable[bytes]]) -> str:
            signal.raise_signal(signal.SIGINT)
            return super().write(rows)

    report = Interrupted()

    run = run_job(numbered(3), InProcess(SUCCEEDS), job=JOB, report=report)

    assert (run.status, report.is_written) == (JobStatus.COMPLETE, True)


def test_ctrl_c_that_comes_twice_at_once(report: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shells and tools pass it on to a process that has it already: still one Ctrl-C."""
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)

    def outcome(key: str) -> Any:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        return "Succeeded", ""

    run = run_job(numbered(3), InProcess(function_of(outcome)), job=JOB, report=report)

    assert (run.status, len(report.rows)) == (JobStatus.CANCELLED, 1)


def test_second_thought_means_it(report: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Ctrl-C some time after the first ends everything at once."""

    def outcome(key: str) -> Any:
        signal.raise_signal(signal.SIGINT)
        later = time.monotonic() + 1.1
        monkeypatch.setattr(time, "monotonic", lambda: later)
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run_job(numbered(3), InProcess(function_of(outcome)), job=JOB, report=report)

    assert not report.is_written
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def no_children() -> bool:
    """Tell whether this process has no child left, not even a zombie."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    workers = [
        child
        for child in children
        if b"engine.worker" in Path(f"/proc/{child}/cmdline").read_bytes()
        or Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    ]
    return not workers


# ---------------------------------------------------------------- crashes among many


CRASHES = """
def handler(event, context):
    match key(event).split("-"):
        case "exit", _: os._exit(1)
        case "kill", _: os.kill(os.getpid(), signal.SIGKILL)
        case "raise", _: raise ValueError
        case "again", _: return answer(event, "TemporaryFailure")
    return answer(event)
"""


@settings(
    max_examples=2,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    ends=st.dictionaries(
        st.integers(0, 299), st.sampled_from(["exit", "kill", "raise", "again"]), max_size=5
    )
)
def test_neighbours_of_a_crash_are_unharmed(function: Write, ends: dict[int, str]) -> None:
    """Whatever tasks do to their workers, each line has one row, and only the guilty fail."""
    entries = lines(*(f"{ends.get(number, 'fine')}-{number}" for number in range(300)))
    report = Rows()

    run = run_job(
        entries, WorkerPool(function(CRASHES), workers=2), job=JOB, max_redrives=1, report=report
    )

    assert run.status is JobStatus.COMPLETE
    assert Counter(row[0] for row in report.rows) == Counter(entries)
    failed = {entry.encoded_key for entry, status, *_ in report.rows if status == "failed"}
    assert failed == {f"{end}-{number}" for number, end in ends.items()}


def test_progress_is_told(report: Rows) -> None:
    """At least once, and at the end with the total."""
    told: list[Progress] = []

    run = run_job(numbered(500), InProcess(SUCCEEDS), job=JOB, total=500, on_progress=told.append)

    assert told[0].total == 500
    assert told[-1] == run.progress
    assert (run.progress.total, run.progress.succeeded) == (500, 500)
    assert len(told) < 100
