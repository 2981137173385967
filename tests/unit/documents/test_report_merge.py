"""Merge the reports of a job and of its redrives."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from s3batch_handler.core._errors import ReportError
from s3batch_handler.documents import (
    ManifestEntry,
    MergedReport,
    Report,
    merge_reports,
    read_report,
)
from s3batch_handler.documents.files._folder import open_folder
from s3batch_handler.documents.reports._check import verify_report
from s3batch_handler.documents.reports._job_record import JobRecord, read_job_record
from s3batch_handler.documents.reports._new_folder import new_report_folder
from s3batch_handler.documents.reports._report_files import REDRIVE_TAG
from s3batch_handler.documents.reports._rows import TaskStatus
from s3batch_handler.documents.reports._writer import ReportWriter
from tests.support.reports import FAILED, JOB, OK, entry, put_report, write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Lines = list[tuple[ManifestEntry, TaskStatus]]


class Reports:
    """Writes reports to a folder, each a second after the one before."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(
        self, job_id: str, *lines: tuple[str | ManifestEntry, TaskStatus], **record: Any
    ) -> Report:
        """Write a report, with a ``job.json`` if a member of it is given."""
        entries = [(entry(key) if isinstance(key, str) else key, status) for key, status in lines]
        writer = ReportWriter(open_folder(self.folder), job_id=job_id)
        location = write(
            writer, *((line, status, 200, "", f"in {job_id}") for line, status in entries)
        )
        if record:
            counts = {
                "NumberOfTasksSucceeded": sum(status is OK for _, status in entries),
                "NumberOfTasksFailed": sum(status is FAILED for _, status in entries),
            }
            content = {"JobId": job_id, "ProgressSummary": counts} | record
            (self.folder / f"job-{job_id}" / "job.json").write_text(json.dumps(content))
        return read_report(location)

    def merge(self, *reports: Report) -> MergedReport:
        return merge_reports(reports, self.folder / "merged")


@pytest.fixture
def reports(tmp_path: Path) -> Reports:
    return Reports(tmp_path)


def _answers(report: Report) -> list[tuple[str, str, str]]:
    return [(row.key, row.status.value, row.message) for row in report]


def _redrive_of(job_id: str) -> dict[str, Any]:
    return {"Tags": [{"Key": REDRIVE_TAG, "Value": job_id}]}


def test_each_task_has_its_latest_row(reports: Reports) -> None:
    """The merged report is a report of the first job."""
    first = reports.write("one", ("a", OK), ("b", FAILED), ("c", FAILED))
    second = reports.write("two", ("b", OK), ("c", FAILED))
    third = reports.write("three", ("c", FAILED))

    merged = reports.merge(third, first, second)

    assert _answers(merged.report) == [
        ("a", "succeeded", "in one"),
        ("b", "succeeded", "in two"),
        ("c", "failed", "in three"),
    ]
    assert (merged.succeeded, merged.failed, merged.warnings) == (2, 1, ())
    assert merged.jobs == ("one", "two", "three")
    assert merged.report.job_id == "one"
    merged.report.verify()
    record = read_job_record(merged.report)
    assert record is not None
    assert (record.total, record.succeeded, record.failed) == (3, 2, 1)
    assert record.merged_jobs == ("one", "two", "three")


def test_rows_are_not_changed(reports: Reports) -> None:
    """Unusual keys and version IDs are spelled as before."""
    lines = [
        entry("a,b", "v1"),
        entry('say "hi"', "null"),
        entry("line\nbreak", ""),
        entry("%FF", "v2"),
        entry("x,failed,y", "v3"),
    ]
    first = reports.write("one", *((line, FAILED) for line in lines))
    second = reports.write("two", *((line, OK) for line in reversed(lines)))

    merged = reports.merge(first, second)

    assert [line for _, line in merged.report.rows_with_entries()] == lines
    assert verify_report(merged.report, manifest=lambda: lines) == []


def test_a_redrive_follows_its_job_although_its_clock_is_late(reports: Reports) -> None:
    """The tag of the redrive counts more than the times of the reports."""
    second = reports.write("two", ("b", OK), **_redrive_of("one"))
    first = reports.write("one", ("a", OK), ("b", FAILED))

    merged = reports.merge(second, first)

    assert merged.jobs == ("one", "two")


def test_without_links_the_times_of_the_reports_decide(reports: Reports) -> None:
    second = reports.write("two", ("b", OK))
    first = reports.write("one", ("a", OK), ("b", FAILED))

    with pytest.raises(ReportError, match=r"another manifest: s3://photos/a is not a task"):
        reports.merge(first, second)


def test_a_merged_report_can_be_merged_again(reports: Reports) -> None:
    """A redrive of the merged report follows it; its parts are not accepted again."""
    first = reports.write("one", ("a", FAILED), ("b", FAILED), **_redrive_of("zero"))
    second = reports.write("two", ("a", OK), ("b", FAILED), **_redrive_of("one"))
    third = reports.write("three", ("b", OK), **_redrive_of("two"))
    merged = reports.merge(first, second)

    again = merge_reports([third, merged.report], reports.folder / "again")

    assert (again.succeeded, again.failed) == (2, 0)
    assert again.jobs == ("one", "two", "three")
    with pytest.raises(ReportError, match="a second report of job two"):
        merge_reports([merged.report, second], reports.folder / "third")


# ---------------------------------------------------------------- refused reports


def test_reports_without_job_ids_can_be_merged(tmp_path: Path) -> None:
    """Copies of reports may have lost them."""
    for code in ("First", "Again"):
        put_report(tmp_path / code, failed=f"b,k,,failed,200,{code},\r\n".encode())
        path = tmp_path / code / "manifest.json"
        path.write_text(path.read_text().replace(f"job-{JOB}", "somewhere"))
    reports = [read_report(tmp_path / code) for code in ("First", "Again")]

    merged = merge_reports(reports, tmp_path / "merged")

    assert [row.error_code for row in merged.report] == ["Again"]
    assert merged.report.job_id == "merged"
    assert merged.jobs == ()


def test_a_task_that_succeeded_before_is_an_overlap(reports: Reports) -> None:
    first = reports.write("one", ("a", OK), ("b", FAILED))
    second = reports.write("two", ("a", OK))

    with pytest.raises(ReportError, match=r"job-two.*overlap: s3://photos/a succeeded before"):
        reports.merge(first, second)
    assert not (reports.folder / "merged").exists()


def test_a_task_twice_in_one_report_is_an_overlap(reports: Reports) -> None:
    """In the first report, or in a later one."""
    first = reports.write("one", ("a", FAILED), ("b", FAILED))
    twice = reports.write("two", ("a", OK), ("a", FAILED))

    with pytest.raises(ReportError, match=r"job-two.*overlap: it has more rows of s3://photos/a"):
        reports.merge(first, twice)
    with pytest.raises(ReportError, match=r"job-two.*overlap: it has two rows of s3://photos/a"):
        reports.merge(twice)


def test_an_object_on_two_lines_is_two_tasks(reports: Reports) -> None:
    """The counts of the job say so. A redrive answers as many of them as had failed."""
    first = reports.write("one", ("a", FAILED), ("a", OK), ("a", FAILED), Status="Complete")
    second = reports.write("two", ("a", OK), ("a", FAILED))

    merged = reports.merge(first, second)

    assert (merged.succeeded, merged.failed) == (2, 1)
    assert sorted(_answers(merged.report)) == [
        ("a", "failed", "in two"),
        ("a", "succeeded", "in one"),
        ("a", "succeeded", "in two"),
    ]


def test_the_same_report_twice_is_refused(reports: Reports) -> None:
    first = reports.write("one", ("a", FAILED))

    with pytest.raises(ReportError, match="a second report of job one"):
        reports.merge(first, first)


def test_a_report_of_another_manifest_is_refused(reports: Reports) -> None:
    first = reports.write("one", ("a", FAILED))
    second = reports.write("two", ("x\x1b[2J", OK))

    with pytest.raises(ReportError, match=r"job-two.*another manifest: s3://photos/x\\x1b\[2J is"):
        reports.merge(first, second)


def test_a_damaged_report_leaves_nothing_behind(reports: Reports) -> None:
    first = reports.write("one", ("a", FAILED), ("b", FAILED))
    second = reports.write("two", ("a", OK), ("b", OK))
    (file,) = (reports.folder / "job-two" / "results").iterdir()
    file.write_bytes(file.read_bytes()[:-5])

    with pytest.raises(ReportError, match=file.name):
        reports.merge(first, second)

    assert not (reports.folder / "merged").exists()


def test_a_report_is_not_replaced(reports: Reports) -> None:
    """The folder of the first report is a likely mistake."""
    first = reports.write("one", ("a", FAILED))
    second = reports.write("two", ("a", OK))

    with pytest.raises(ReportError, match=r"job-one.manifest.json exists: choose another folder"):
        merge_reports([first, second], reports.folder)

    assert _answers(read_report(first.location)) == [("a", "failed", "in one")]


def test_an_interrupted_merge_leaves_nothing_behind(
    reports: Reports, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = reports.write("one", ("a", FAILED))
    second = reports.write("two", ("a", OK))
    interrupted = iter(range(2))

    def rows(self: object, status: TaskStatus) -> Iterator[bytes]:
        if next(interrupted):
            raise KeyboardInterrupt
        yield b"a row"

    monkeypatch.setattr("s3batch_handler.documents.reports._merge_table.MergeTable.rows", rows)
    with pytest.raises(KeyboardInterrupt):
        reports.merge(first, second)

    assert not (reports.folder / "merged").exists()


# ---------------------------------------------------------------- reports of failed tasks only

FAILURES_ONLY = {"Report": {"ReportScope": "FailedTasksOnly"}}


def _counts(succeeded: int, failed: int) -> dict[str, Any]:
    counts = {"NumberOfTasksSucceeded": succeeded, "NumberOfTasksFailed": failed}
    return {"ProgressSummary": counts | {"TotalNumberOfTasks": succeeded + failed}}


def test_a_redrive_of_all_tasks_may_omit_its_successes(reports: Reports) -> None:
    """It has run as many tasks as had failed, so the others have succeeded."""
    first = reports.write("one", ("a", OK), ("b", FAILED), ("c", FAILED))
    second = reports.write("two", ("c", FAILED), **FAILURES_ONLY, **_counts(1, 1))

    merged = reports.merge(first, second)

    assert sorted(_answers(merged.report)) == [
        ("a", "succeeded", "in one"),
        ("b", "succeeded", "succeeded in job two"),
        ("c", "failed", "in two"),
    ]


def test_a_redrive_of_some_tasks_may_not_omit_its_successes(reports: Reports) -> None:
    """It does not say which tasks it ran."""
    first = reports.write("one", ("b", FAILED), ("c", FAILED), ("d", FAILED))
    second = reports.write("two", ("c", FAILED), **FAILURES_ONLY, **_counts(1, 1))

    with pytest.raises(ReportError, match="which 1 of 2 failed tasks have succeeded in job two"):
        reports.merge(first, second)


def test_a_redrive_with_an_unknown_scope_gets_a_warning(reports: Reports) -> None:
    """If it has no success, it may have omitted some."""
    first = reports.write("one", ("b", FAILED), ("c", FAILED))
    second = reports.write("two", ("c", FAILED))

    merged = reports.merge(first, second)

    assert (merged.succeeded, merged.failed) == (0, 2)
    (warning,) = merged.warnings
    assert "If it lists failed tasks only, some of 1 tasks" in warning


def test_successes_that_the_first_report_omits_are_counted(reports: Reports) -> None:
    """The merged report is complete as a report of failed tasks and their redrives."""
    first = reports.write("one", ("b", FAILED), ("c", FAILED), **FAILURES_ONLY, **_counts(3, 2))
    second = reports.write("two", ("b", OK), ("c", FAILED))

    merged = reports.merge(first, second)

    assert (merged.succeeded, merged.failed) == (4, 1)
    assert len(merged.warnings) == 1
    record = read_job_record(merged.report)
    lines = [entry(key) for key in ("b", "c", "x", "y", "z")]
    assert verify_report(merged.report, job=record, manifest=lambda: lines) == []


def test_merges_of_merged_reports_have_the_counts_of_one_merge(reports: Reports) -> None:
    """Only successes that a merged report does not list are added to those that it lists."""
    first = reports.write("one", ("b", FAILED), ("c", FAILED), **FAILURES_ONLY, **_counts(3, 2))
    second = reports.write("two", ("b", OK), ("c", FAILED))
    third = reports.write("three", ("c", OK), **_redrive_of("two"))

    half = reports.merge(first, second).report
    whole = merge_reports([half, third], reports.folder / "whole")

    assert (whole.succeeded, whole.failed) == (5, 0)


def test_merged_redrives_may_omit_successes(reports: Reports) -> None:
    """The first one has run as many tasks as had failed."""
    first = reports.write("one", ("a", OK), *((key, FAILED) for key in "bcde"))
    second = reports.write("two", ("d", FAILED), ("e", FAILED), **FAILURES_ONLY, **_counts(2, 2))
    third = reports.write("three", ("d", OK), ("e", FAILED))

    redrives = reports.merge(second, third).report
    whole = merge_reports([first, redrives], reports.folder / "whole")

    assert (whole.succeeded, whole.failed) == (4, 1)


def test_the_link_of_a_described_job_is_kept(reports: Reports) -> None:
    """DescribeJob has no tags: they come from another call."""
    report = reports.write("two", ("b", OK))
    job = JobRecord.from_description({"JobId": "two"}, {REDRIVE_TAG: "one"})

    merged = merge_reports([report], reports.folder / "merged", jobs={"two": job})

    record = read_job_record(merged.report)
    assert record is not None
    assert record.redrive_of == "one"


def test_a_scope_without_counts_gets_a_warning(reports: Reports) -> None:
    """It is not known how many successes the report omits."""
    first = reports.write("one", ("b", FAILED), ("c", FAILED))
    second = reports.write("two", ("c", FAILED), **FAILURES_ONLY, ProgressSummary={})

    (warning,) = reports.merge(first, second).warnings

    assert "some of 1 tasks" in warning


def test_two_merges_do_not_write_the_same_report(reports: Reports) -> None:
    """Their files would be mixed."""
    first = reports.write("one", ("a", OK))
    merged = reports.folder / "merged"

    with (
        new_report_folder(merged, "one"),
        pytest.raises(ReportError, match="another command is writing this report"),
    ):
        reports.merge(first)

    assert reports.merge(first).succeeded == 1
