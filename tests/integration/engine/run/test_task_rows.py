"""The rows of tasks in the report, and the groups of failures in the summary."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from s3batch_handler.documents.manifests._manifest import ManifestEntry
from s3batch_handler.documents.reports._failure_groups import failure_reason
from s3batch_handler.documents.reports._rows import TaskStatus
from s3batch_handler.engine.invoke._answer import FunctionError
from s3batch_handler.engine.invoke._in_process import InProcess
from s3batch_handler.engine.invoke._worker_pool import WorkerPool
from s3batch_handler.engine.run._run_job import run_job
from s3batch_handler.jobs._status import JobStatus, Progress
from tests.support.job_run import JOB, SUCCEEDS, Rows, function_of, lines, numbered

if TYPE_CHECKING:
    from s3batch_handler.engine.invoke._invoker import RunningCall
    from tests.support.invoker_calls import Write


def test_rows_have_the_status_codes_and_messages_of_aws(report: Rows) -> None:
    """They are those that AWS writes for each kind of answer."""

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
        JOB,
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
    counts = (run.progress.total, run.progress.succeeded, run.progress.failed)
    assert counts == (5, 1, 4)
    assert run.progress.active_seconds in range(int(run.elapsed) + 1)
    assert run.report == "here"


def test_timeouts_and_exits_are_function_errors(function: Write, report: Rows) -> None:
    """A function that is killed, or ends its process, has a row as in AWS."""
    spec = function(
        """
        def handler(event, context):
            if key(event) == "slow":
                time.sleep(60)
            os._exit(4)
        """
    )

    run_job(lines("slow", "exit"), WorkerPool(spec, workers=2, timeout=2), JOB, report=report)

    for key, text in {"slow": "Task timed out after 2.00 seconds", "exit": "exit status 4"}.items():
        *codes, message = report.by_key[key]
        assert codes == ["failed", 200, "PermanentFailure"]
        assert message.startswith('Lambda returned function error: {"error')
        assert message.endswith(f'{text}"}}')


def test_messages_are_cut_to_1024_characters(report: Rows) -> None:
    """As in reports of AWS."""

    def outcome(_key: str) -> Any:
        raise ValueError("x" * 5_000)

    run_job(lines("a"), InProcess(function_of(outcome)), JOB, report=report)

    assert len(report.by_key["a"][3]) == 1_024


def test_rows_have_the_entries_of_the_manifest_unchanged(report: Rows) -> None:
    """Duplicates, versions and encoded keys: each entry has one row, byte for byte."""
    entries = [
        ManifestEntry("b1", "a%20b+c", "v1"),
        ManifestEntry("b1", "a%20b+c", "v1"),
        ManifestEntry("b2", "%C3%A9", ""),
        ManifestEntry("b2", "x", None),
    ]

    run_job(entries, InProcess(SUCCEEDS), JOB, report=report)

    assert Counter(row[0] for row in report.rows) == Counter(entries)


def test_an_empty_version_id_fails_its_task(report: Rows) -> None:
    """The row is that of AWS, and the function is not called, because the object is ambiguous."""
    called = []
    entries = [ManifestEntry("photos", key, version) for key, version in ("a1", ("b", ""), "c2")]

    def outcome(key: str) -> tuple[str, str]:
        called.append(key)
        return "Succeeded", ""

    run = run_job(entries, InProcess(function_of(outcome)), JOB, report=report)

    assert called == ["a", "c"]
    assert (run.progress.succeeded, run.progress.failed) == (2, 1)
    text = "Task failed due to missing VersionId"
    assert report.by_key["b"] == (TaskStatus.FAILED, 400, "InvalidRequest", text)


def test_rows_and_summary_have_no_credentials(report: Rows) -> None:
    """Messages of failures are redacted. The result of a success is not changed."""
    secret = "aB3xY5zK9mQ7"

    def outcome(key: str) -> Any:
        url = f"https://h/?Signature={secret}"
        if key == "raised":
            raise ValueError(url)
        return ("Succeeded" if key == "good" else "PermanentFailure", url)

    entries = lines("raised", "returned", "good")
    run = run_job(entries, InProcess(function_of(outcome)), JOB, report=report)

    assert report.by_key["returned"][-1] == "https://h/?Signature=***"
    assert '"errorMessage":"https://h/?Signature=***"' in report.by_key["raised"][-1]
    assert report.by_key["good"][-1] == f"https://h/?Signature={secret}"
    assert secret not in str(run.failures)


def test_errors_of_remote_functions_have_no_credentials(report: Rows) -> None:
    """Lambda returns their messages unredacted."""

    class Elsewhere:
        workers: Final = 1

        def invoke_all(self, _: Any, entries: Any, /, *, stop: Any) -> Any:
            payload = '{"errorType": "ValueError", "errorMessage": "http://ann:s3cr3t@h/"}'
            for entry in entries:
                yield entry, FunctionError(payload), None

        def running(self) -> list[RunningCall]:
            return []

        def close(self) -> None: ...

    run = run_job(lines("a"), Elsewhere(), JOB, report=report)

    assert "http://ann:***@h/" in report.by_key["a"][-1]
    assert failure_reason(run.failures[0].examples[0].message) == "ValueError: http://ann:***@h/"


def test_failures_are_grouped_by_code_and_message(report: Rows) -> None:
    """Messages of a group differ only in names and numbers. The most frequent group is first."""

    def outcome(key: str) -> Any:
        if int(key) % 3 == 0:
            raise KeyError(f"no {key}")
        return ("PermanentFailure", f"object {key} is empty") if int(key) % 3 == 1 else None

    run = run_job(numbered(8), InProcess(function_of(outcome)), JOB, report=report)

    assert [(group.error_code, group.message, group.count) for group in run.failures] == [
        ("PermanentFailure", "KeyError: …", 3),
        ("PermanentFailure", "object … is empty", 3),
        (
            "PermanentFailure",
            "Invalid JSON returned in Lambda payload: the response: expected an object, got null",
            2,
        ),
    ]
    assert run.failures[1].examples[0].message == "object 1 is empty"


def test_keys_with_spaces_do_not_split_a_group(report: Rows) -> None:
    """The key of the object, and a file that is named after it, are variable parts of a message."""

    def outcome(key: str) -> Any:
        name = key.rpartition("/")[2]
        return "PermanentFailure", f"cannot read {key} from /tmp/{name}: no photo"

    entries = lines("my photos/in the sun.jpg", "my photos/by the sea/on a boat.jpg")
    run = run_job(entries, InProcess(function_of(outcome)), JOB, report=report)

    assert [group.message for group in run.failures] == ["cannot read … from …: no photo"]


def test_a_group_with_one_message_shows_it_in_full() -> None:
    """ "exit status 3" says more than "exit status …"."""
    function = function_of(lambda _: ("PermanentFailure", "exit status 3"))

    run = run_job(numbered(3), InProcess(function), JOB)

    assert [(group.message, group.count) for group in run.failures] == [("exit status 3", 3)]


def test_progress_is_reported_until_the_end(report: Rows) -> None:
    """At the end it has the total."""
    reported: list[Progress] = []

    run = run_job(
        numbered(500), InProcess(SUCCEEDS), replace(JOB, total=500), on_progress=reported.append
    )

    assert reported[0].total == 500
    assert (reported[-1].total, reported[-1].done) == (500, 500)
    assert (run.progress.total, run.progress.succeeded) == (500, 500)
    assert len(reported) < 100


@settings(
    max_examples=2,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    ends=st.dictionaries(
        st.integers(0, 299), st.sampled_from(["exit", "kill", "raise", "again"]), max_size=5
    )
)
def test_a_crash_fails_only_its_own_task(function: Write, ends: dict[int, str]) -> None:
    """Each entry has one row, even if tasks end their workers."""
    entries = lines(*(f"{ends.get(number, 'fine')}-{number}" for number in range(300)))
    report = Rows()

    run = run_job(
        entries,
        WorkerPool(function(CRASHES), workers=2),
        replace(JOB, max_redrives=1),
        report=report,
    )

    assert run.status is JobStatus.COMPLETE
    assert Counter(row[0] for row in report.rows) == Counter(entries)
    failed = {entry.encoded_key for entry, status, *_ in report.rows if status == "failed"}
    assert failed == {f"{end}-{number}" for number, end in ends.items()}


CRASHES = """
def handler(event, context):
    match key(event).split("-"):
        case "exit", _: os._exit(1)
        case "kill", _: os.kill(os.getpid(), signal.SIGKILL)
        case "raise", _: raise ValueError
        case "again", _: return answer(event, "TemporaryFailure")
    return answer(event)
"""
