"""The summary of a job."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from s3batch_handler.cli.run._summary import print_summary
from s3batch_handler.documents.reports._failure_groups import FailureGroup
from s3batch_handler.documents.reports._rows import ReportRow, TaskStatus
from s3batch_handler.engine.run._ledger import JobResult
from s3batch_handler.jobs._status import JobStatus, Progress

if TYPE_CHECKING:
    import pytest


def result(**differing: Any) -> JobResult:
    groups = (FailureGroup("PermanentFailure", "\x1b[2J\ud800 gone", 1, ()),)
    facts = {
        "job_id": "j",
        "status": JobStatus.COMPLETE,
        "progress": Progress(20, 5, 15),
        "failures": groups,
        "first_failures": (),
        "elapsed": 1.0,
        "reason": None,
        "report": "r/\u202egpj.exe",
    }
    return JobResult(**{**facts, **differing})


def test_messages_are_escaped_for_terminals(capsys: pytest.CaptureFixture[str]) -> None:
    """Escape sequences, right-to-left text and lone surrogates."""
    print_summary(result(), log=None, as_json=False)

    out = capsys.readouterr().out
    assert "PermanentFailure: \\x1b[2J\\ud800 gone\n" in out
    assert "r/\\u202egpj.exe\n" in out
    assert out.replace("\n", "").isprintable()
    assert "14  for other reasons" in out


def test_json_is_ascii(capsys: pytest.CaptureFixture[str]) -> None:
    """Every locale can print it."""
    print_summary(result(), log=None, as_json=True)

    out = capsys.readouterr().out
    assert out.isascii()
    assert json.loads(out)["failures"][0]["message"] == "\x1b[2J\ud800 gone"


def test_one_task_is_singular(capsys: pytest.CaptureFixture[str]) -> None:
    print_summary(result(progress=Progress(1, 1, 0)), log=None, as_json=False)

    assert "Time       1.0 s, 1 task/s\n" in capsys.readouterr().out


def failed_row(key: str) -> ReportRow:
    return ReportRow(
        bucket="b",
        key=key,
        version_id=None,
        status=TaskStatus.FAILED,
        http_status=200,
        error_code="PermanentFailure",
        message="gone",
    )


def test_the_first_failed_objects_have_their_reasons(capsys: pytest.CaptureFixture[str]) -> None:
    """Then come the commands that list all, and run them again."""
    job = result(first_failures=(failed_row("a\x1b[2J"),), report="s3://r/job-j/manifest.json")

    print_summary(
        job,
        log=None,
        function=["app.py", "-a", "x=y"],
        connection=["--profile", "my jobs"],
        as_json=False,
    )

    out = capsys.readouterr().out
    assert "The first 1 of 15 failed objects:\ns3://b/a\\x1b[2J  PermanentFailure: gone\n" in out
    assert out.endswith(
        "Next:\n"
        "  s3batch report failed s3://r/job-j --profile 'my jobs'\n"
        "  s3batch run app.py -a x=y --failed-from s3://r/job-j --profile 'my jobs'\n"
    )


def test_without_a_report_there_are_no_commands(capsys: pytest.CaptureFixture[str]) -> None:
    print_summary(result(report=None), log=None, as_json=False)

    assert "Next:" not in capsys.readouterr().out


def test_json_has_the_first_failures_as_report_rows(capsys: pytest.CaptureFixture[str]) -> None:
    print_summary(result(first_failures=(failed_row("k"),)), log=None, as_json=True)

    assert json.loads(capsys.readouterr().out)["first_failures"] == [
        {
            "bucket": "b",
            "key": "k",
            "version_id": None,
            "status": "failed",
            "http_status": 200,
            "error_code": "PermanentFailure",
            "message": "gone",
        }
    ]
