"""What the saved page of a report shows."""

from __future__ import annotations

import json
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s3batch_handler.core._errors import ReportError
from s3batch_handler.documents.reports._job_record import read_job_record
from s3batch_handler.documents.reports._report import read_report
from s3batch_handler.documents.reports._rows import TaskStatus
from s3batch_handler.page._html import saved_page
from s3batch_handler.page._report_document import ReportedJob, report_document
from s3batch_handler.testing.strategies import reports
from tests.support.page_documents import document_in
from tests.support.reports import AWS_EXAMPLE, JOB, put_report

if TYPE_CHECKING:
    from pathlib import Path

    from s3batch_handler.documents.reports._run_record import RunRecord, StatusChange
    from s3batch_handler.page._document import JobDocument
    from s3batch_handler.testing.strategies._documents import ReportFiles

SUCCEEDED = b"photos,2024/a.jpg,,succeeded,200,,done\r\n"
FAILED = b"photos,2024/x%20y.jpg,\\N,failed,404,NoSuchKey,The key does not exist\r\n"


def document_of(folder: Path, *, rows: int = 1000) -> JobDocument:
    report = read_report(folder)
    job = ReportedJob(report=report, origin="aws", record=read_job_record(report))
    return report_document(job, report.summary(), rows=rows)


def put_record(folder: Path, **members: Any) -> None:
    (folder / "job.json").write_text(json.dumps({"JobId": JOB, **members}))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return put_report(tmp_path / f"job-{JOB}", succeeded=SUCCEEDED, failed=FAILED)


def test_a_report_of_aws_alone_shows_its_counts_and_failures(tmp_path: Path) -> None:
    """What a report does not contain is unknown, not zero."""
    content = {name: (AWS_EXAMPLE / f"{name}.csv").read_bytes() for name in ("succeeded", "failed")}

    document = document_of(put_report(tmp_path / "copy", **content))

    assert document["job"]["id"] == JOB
    assert (document["job"]["status"], document["job"]["created"]) == (None, None)
    counts = document["counts"]
    assert counts["total"] == counts["succeeded"] + counts["failed"]
    assert document["failed_tasks"] is not None
    assert len(document["failed_tasks"]["rows"]) == counts["failed"]
    for unknown in ("rate", "rate_history", "durations", "threshold", "workers", "log", "live"):
        assert document[unknown] is None
    assert counts["pending"] is None, "tasks that were not run have no rows"
    assert document["history"] == []
    assert [group["title"] for group in document["configuration"]] == ["Report"]


def test_a_failed_task_has_its_decoded_key_and_its_codes(folder: Path) -> None:
    document = document_of(folder)

    assert document["failed_tasks"] == {
        "rows": [
            {
                "bucket": "photos",
                "key": "2024/x y.jpg",
                "version_id": None,
                "status": "failed",
                "code": "NoSuchKey",
                "http_status": 404,
                "message": "The key does not exist",
                "seconds": None,
            }
        ],
        "total": 1,
        "searched": 1,
        "next": None,
    }


def test_credentials_in_messages_are_replaced(tmp_path: Path) -> None:
    """AWS's reports have what functions returned."""
    row = b"b,k,,failed,200,PermanentFailure,postgresql://ann:hunter2@db refused\r\n"

    document = document_of(put_report(tmp_path / "r", failed=row))

    assert "hunter2" not in json.dumps(document)
    assert document["failures"][0]["examples"][0]["message"].startswith("postgresql://ann:***")


def test_the_record_of_a_job_adds_its_status_times_and_rate(folder: Path) -> None:
    put_record(
        folder,
        Status="Failed",
        CreationTime="2026-11-30T12:00:00Z",
        TerminationDate="2026-11-30T12:10:00Z",
        FailureReasons=[{"FailureCode": "JobAborted", "FailureReason": "too many failures"}],
        ProgressSummary={
            "TotalNumberOfTasks": 50,
            "NumberOfTasksSucceeded": 1,
            "NumberOfTasksFailed": 1,
            "Timers": {"ElapsedTimeInActiveSeconds": 4},
        },
        Tags=[],
    )

    document = document_of(folder)

    assert document["job"]["status"] == "Failed"
    assert document["job"]["reasons"] == [{"code": "JobAborted", "reason": "too many failures"}]
    assert document["history"] == [
        {"status": "New", "time": "2026-11-30T12:00:00+00:00"},
        {"status": "Failed", "time": "2026-11-30T12:10:00+00:00"},
    ]
    assert document["rate"] is not None
    assert document["rate"]["average"] == 0.5
    assert document["counts"]["pending"] == 48, "tasks that were not run"


@pytest.mark.parametrize("seconds", [5e-324, 1e-320, 1e300, 10**400, -1])
def test_a_rate_is_a_number_or_unknown(folder: Path, seconds: float) -> None:
    """JSON has no infinity, so a page with one would be empty."""
    timers = {"ElapsedTimeInActiveSeconds": seconds}
    put_record(folder, ProgressSummary={"Timers": timers})

    document = document_of(folder)

    assert document["rate"] is None
    assert saved_page(document)


@pytest.mark.parametrize("number", [-1, 2**60, 10**400])
def test_impossible_counts_are_an_error(folder: Path, number: int) -> None:
    put_record(folder, ProgressSummary={"TotalNumberOfTasks": number})

    with pytest.raises(ReportError, match=r"job\.json: .*TotalNumberOfTasks.*remove it"):
        document_of(folder)


def test_the_record_of_a_run_alone_says_how_the_job_ended(folder: Path) -> None:
    """The report of a server in its S3 has no ``job.json``."""
    history: list[StatusChange] = [
        {"status": "New", "time": "2026-11-30T12:00:00+00:00"},
        {"status": "Active", "time": "2026-11-30T12:00:01+00:00"},
        {"status": "Complete", "time": "2026-11-30T12:00:05+00:00"},
    ]
    run: RunRecord = {
        "version": 1,
        "job_id": JOB,
        "active_seconds": 4.0,
        "history": history,
        "rate_history": None,
        "durations": None,
        "slowest": [],
        "threshold": None,
        "workers": 2,
        "function_timeout": 60.0,
    }
    report = read_report(folder)

    document = report_document(
        ReportedJob(report=report, origin="serve", run=run), report.summary()
    )

    assert document["history"] == history
    assert document["job"]["status"] == "Complete"
    assert document["job"]["ended"] == "2026-11-30T12:00:05+00:00"
    assert document["rate"] is not None
    assert document["rate"]["average"] == 0.5


def test_a_report_of_failed_tasks_only_has_the_counts_of_its_job(tmp_path: Path) -> None:
    folder = put_report(tmp_path / "r", failed=FAILED)
    put_record(
        folder,
        Report={"ReportScope": "FailedTasksOnly"},
        ProgressSummary={
            "TotalNumberOfTasks": 10,
            "NumberOfTasksSucceeded": 9,
            "NumberOfTasksFailed": 1,
        },
    )

    counts = document_of(folder)["counts"]

    assert (counts["total"], counts["succeeded"], counts["failed"]) == (10, 9, 1)
    assert counts["pending"] == 0


def test_the_number_of_tasks_is_unknown_if_the_report_may_have_failed_tasks_only(
    tmp_path: Path,
) -> None:
    """Neither a record of the job nor a success says that all tasks are listed."""
    counts = document_of(put_report(tmp_path / "r", failed=FAILED))["counts"]

    assert (counts["total"], counts["failed"], counts["pending"]) == (None, 1, None)


def test_the_size_of_the_document_does_not_depend_on_the_report(tmp_path: Path) -> None:
    rows = [f"b,{'k' * 30}{n},,failed,200,PermanentFailure,no {n}\r\n" for n in range(5000)]
    large = put_report(tmp_path / "large", failed="".join(rows).encode())
    small = put_report(tmp_path / "small", failed="".join(rows[:500]).encode())

    sizes = [len(json.dumps(document_of(folder, rows=100))) for folder in (small, large)]

    assert sizes[1] < sizes[0] + 500


def test_the_document_is_the_same_without_duckdb(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = {name: (AWS_EXAMPLE / f"{name}.csv").read_bytes() for name in ("succeeded", "failed")}
    folder = put_report(tmp_path / "copy", **content)
    document = document_of(folder, rows=3)

    monkeypatch.setitem(sys.modules, "duckdb", None)

    assert {**document_of(folder, rows=3), "time": document["time"]} == document


def test_no_rows_can_be_asked_for(folder: Path) -> None:
    document = document_of(folder, rows=0)

    assert document["failed_tasks"] is not None
    assert (document["failed_tasks"]["rows"], document["failed_tasks"]["total"]) == ([], 1)


def test_a_report_without_a_job_has_a_title(folder: Path) -> None:
    page = saved_page(document_of(folder))

    assert f"<title>{JOB}</title>" in page


@settings(deadline=None)
@given(reports(max_rows=8), st.integers(0, 8))
def test_any_report_becomes_a_page_with_its_failed_tasks(
    tmp_path_factory: pytest.TempPathFactory, files: ReportFiles, limit: int
) -> None:
    """Keys may have any bytes, messages any text."""
    document = document_of(files.save(tmp_path_factory.mktemp("r")), rows=limit)
    failed = [row.key for row in files.rows if row.status is TaskStatus.FAILED]

    page = saved_page(document).encode("utf-8", "backslashreplace").decode()

    shown = document_in(page)
    assert shown == json.loads(json.dumps(document))
    keys = [row["key"] for row in shown["failed_tasks"]["rows"]]
    assert len(keys) == min(limit, len(failed))
    assert not Counter(keys) - Counter(failed)
    if len(failed) <= limit:
        assert keys == failed
