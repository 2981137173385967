"""The failed tasks of a report as entries of a new manifest."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from s3batch_handler.core._errors import ReportError
from s3batch_handler.documents import read_manifest, write_manifest
from s3batch_handler.documents.files._folder import open_folder
from s3batch_handler.documents.manifests._manifest import ManifestEntry, read_entries, write_entries
from s3batch_handler.documents.reports._job_record import JobRecord
from s3batch_handler.documents.reports._redrive import FailedEntries, check_listed_once
from s3batch_handler.documents.reports._report import Report, read_report
from s3batch_handler.documents.reports._writer import ReportWriter
from tests.support.reports import FAILED, JOB, OK, entry, write

if TYPE_CHECKING:
    from pathlib import Path

    from s3batch_handler.documents.reports._rows import TaskStatus

HOSTILE = [
    entry("a,b"),
    entry('say "hi"'),
    entry("line\nbreak"),
    entry("lone\rreturn"),
    entry("%FF%FE"),
    entry("a+b%2Bc"),
    entry("%zz"),
    entry("%7B%22source%22%3A%22x%22%7D"),
]


def _report(folder: Path, *rows: tuple[ManifestEntry, TaskStatus]) -> Report:
    writer = ReportWriter(open_folder(folder), job_id=JOB)
    write(writer, *((line, status, 200, "", "message") for line, status in rows))
    return read_report(folder)


def test_the_failed_tasks_keep_the_spelling_of_their_keys(tmp_path: Path) -> None:
    """The new manifest is read as the same entries, byte for byte."""
    report = _report(tmp_path, (entry("fine"), OK), *((line, FAILED) for line in HOSTILE))

    manifest = io.BytesIO()
    info = write_entries(manifest, FailedEntries(report))

    manifest.seek(0)
    assert [*read_entries(manifest)] == HOSTILE
    assert (info.count, info.fields) == (len(HOSTILE), ("Bucket", "Key"))


def test_a_manifest_is_written_from_the_failed_rows_of_a_report(tmp_path: Path) -> None:
    """Rows are objects, so ``write_manifest`` accepts them; versions are kept."""
    lines = [entry("a%20b", "v1"), entry("c", "null")]
    report = _report(tmp_path, (entry("fine", "v0"), OK), *((line, FAILED) for line in lines))

    manifest = io.BytesIO()
    info = write_manifest(manifest, report.failed())

    manifest.seek(0)
    assert [*read_manifest(manifest)] == [line.object for line in lines]
    assert info.fields == ("Bucket", "Key", "VersionId")


def test_an_object_key_in_a_bucket_named_bucket_is_no_header(tmp_path: Path) -> None:
    """Its first letter is encoded, as in other manifests."""
    report = _report(tmp_path, (ManifestEntry("bucket", "key", None), FAILED))

    manifest = io.BytesIO()
    write_entries(manifest, FailedEntries(report))

    manifest.seek(0)
    assert [item.key for item in read_manifest(manifest)] == ["key"]


def test_tasks_without_their_version_id_are_left_out(tmp_path: Path) -> None:
    """S3 fails them each time. If no other task failed, there is no task to run again."""
    mixed = _report(tmp_path / "mixed", (entry("a", ""), FAILED), (entry("b", "v1"), FAILED))
    without = _report(tmp_path / "without", (entry("a", ""), FAILED), (entry("b", "v1"), OK))

    entries = FailedEntries(mixed)

    assert [*entries] == [entry("b", "v1")]
    assert entries.without_version == 1
    with pytest.raises(ReportError, match="no failed task has a version ID"):
        [*FailedEntries(without)]


def test_a_report_without_failures_is_refused(tmp_path: Path) -> None:
    report = _report(tmp_path, (entry("a"), OK))

    with pytest.raises(ReportError, match="no task failed, so there is no task to run again"):
        [*FailedEntries(report)]


def test_a_selection_of_no_row_is_refused(tmp_path: Path) -> None:
    report = _report(tmp_path, (entry("a"), FAILED), (entry("b"), FAILED))

    assert [*FailedEntries(report, lambda row: row.key == "b")] == [entry("b")]
    with pytest.raises(ReportError, match="no failed task is selected \\(the report has 2\\)"):
        [*FailedEntries(report, lambda _: False)]


@pytest.mark.parametrize("second", [OK, FAILED])
def test_a_report_whose_parts_overlap_is_refused(tmp_path: Path, second: TaskStatus) -> None:
    """The counts of the job cannot hide it."""
    report = _report(tmp_path, (entry("a"), FAILED), (entry("a"), second), (entry("b"), FAILED))
    job = JobRecord(job_id=JOB, succeeded=0, failed=2)

    for record in (None, job):
        with pytest.raises(ReportError, match=r"overlap, duplicate rows: 1, .* s3://photos/a"):
            check_listed_once(report, job=record)
    with pytest.raises(ReportError, match="overlap"):
        check_listed_once(report, manifest=lambda: [entry("a"), entry("b")])


def test_an_object_on_two_lines_of_the_manifest_has_two_tasks(tmp_path: Path) -> None:
    """The counts of the job show it, or the manifest."""
    report = _report(tmp_path, (entry("a"), FAILED), (entry("a"), OK))

    check_listed_once(report, job=JobRecord(job_id=JOB, succeeded=1, failed=1))
    check_listed_once(report, manifest=lambda: [entry("a"), entry("a")])


def test_a_report_of_another_manifest_is_refused(tmp_path: Path) -> None:
    report = _report(tmp_path, (entry("a"), FAILED), (entry("b"), OK))

    with pytest.raises(ReportError, match=r"another manifest.* 1 rows.* s3://photos/b"):
        check_listed_once(report, manifest=lambda: [entry("a"), entry("c")])
