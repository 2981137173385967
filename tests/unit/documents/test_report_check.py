"""Checks of a whole report: MD5s, the counts of its job, and the lines of its manifest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from s3batch_handler.documents.files._folder import open_folder
from s3batch_handler.documents.reports._check import verify_report
from s3batch_handler.documents.reports._job_record import JobRecord
from s3batch_handler.documents.reports._report import Report, read_report
from s3batch_handler.documents.reports._rows import ReportScope
from s3batch_handler.documents.reports._writer import ReportWriter
from tests.support.reports import FAILED, JOB, OK, entry, write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from s3batch_handler.documents.manifests._manifest import ManifestEntry
    from s3batch_handler.documents.reports._rows import TaskStatus

HOSTILE = [
    entry("a,b"),
    entry('say "hi"'),
    entry("line\nbreak"),
    entry("lone\rreturn"),
    entry("%FF%FE"),
    entry("a%20b%2Bc"),
    entry("%zz"),
    entry('{"key":"x"}'),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def _report(folder: Path, *rows: tuple[ManifestEntry, TaskStatus]) -> Report:
    writer = ReportWriter(open_folder(folder), job_id=JOB)
    write(writer, *((line, status, 200, "", "message") for line, status in rows))
    return read_report(folder)


def _lines(*entries: ManifestEntry) -> Iterator[ManifestEntry]:
    return iter(entries)


def test_a_report_with_each_line_of_its_manifest_has_no_problem(folder: Path) -> None:
    """Also with unusual keys, which the report repeats as they are spelled."""
    report = _report(folder, *((line, OK) for line in HOSTILE))

    assert verify_report(report, manifest=lambda: _lines(*HOSTILE)) == []


def test_two_spellings_of_a_key_are_one_task(folder: Path) -> None:
    """``+`` and ``%20`` are the same key."""
    report = _report(folder, (entry("a+b"), OK))

    assert verify_report(report, manifest=lambda: _lines(entry("a%20b"))) == []


def test_an_empty_version_id_is_written_in_another_way_in_a_report(folder: Path) -> None:
    """The report has ``\\N``; ``null`` is a version of its own."""
    lines = [entry("a", ""), entry("a", "null"), entry("a", "v1")]
    report = _report(folder, *((line, OK) for line in lines))

    assert verify_report(report, manifest=lambda: _lines(*lines)) == []


def test_an_object_on_two_lines_needs_two_rows(folder: Path) -> None:
    lines = [entry("twice"), entry("twice")]
    report = _report(folder / "both", (lines[0], OK), (lines[1], FAILED))
    once = _report(folder / "once", (lines[0], OK))

    assert verify_report(report, manifest=lambda: _lines(*lines)) == []
    (problem,) = verify_report(once, manifest=lambda: _lines(*lines))
    assert "lines of the manifest without a row: 1, for example s3://photos/twice" in problem


def test_each_kind_of_difference_is_counted_and_named(folder: Path) -> None:
    report = _report(folder, *((entry(key), OK) for key in ("a", "b", "b", "x")))

    missing, unknown, repeated = verify_report(
        report, manifest=lambda: _lines(entry("a"), entry("b"), entry("c\x1b[31m"), entry("d"))
    )

    assert "without a row: 2, for example s3://photos/c\\x1b[31m, s3://photos/d" in missing
    assert "not in the manifest: 1, for example s3://photos/x" in unknown
    assert "duplicate rows: 1, for example s3://photos/b" in repeated


def test_the_counts_of_the_job_are_those_of_the_report(folder: Path) -> None:
    report = _report(folder, (entry("a"), OK), (entry("b"), FAILED))

    same = JobRecord(job_id=JOB, succeeded=1, failed=1)
    other = JobRecord(job_id=JOB, succeeded=1, failed=2)

    assert verify_report(report, job=same) == []
    (problem,) = verify_report(report, job=other)
    assert f"1 rows of tasks that failed, but in job {JOB} 2 tasks failed" in problem


def test_a_report_of_failed_tasks_only_may_omit_the_successes(folder: Path) -> None:
    """If the job says how many there were, as many lines may lack a row."""
    report = _report(folder, (entry("b"), FAILED))
    job = JobRecord(job_id=JOB, succeeded=1, failed=1, report_scope=ReportScope.FAILED_TASKS_ONLY)

    assert verify_report(report, job=job, manifest=lambda: _lines(entry("a"), entry("b"))) == []
    (problem,) = verify_report(
        report, job=job, manifest=lambda: _lines(entry("a"), entry("b"), entry("c"))
    )
    assert "without a row: 2" in problem


def test_a_truncated_file_is_a_problem(folder: Path) -> None:
    report = _report(folder, *((entry(f"k{n}"), OK) for n in range(3)))
    (file,) = folder.glob("job-*/results/*.csv")
    file.write_bytes(file.read_bytes()[:-10])

    (problem,) = verify_report(report, manifest=lambda: _lines(entry("k0")))

    assert file.name in problem
