"""Completion reports as this package writes them."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import tracemalloc
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from s3batch_handler.core._errors import ReportError, ReportNotWritten, StateDamaged
from s3batch_handler.core._keys import decode_key, encode_key
from s3batch_handler.core._model import ObjectRef
from s3batch_handler.documents.files._folder import open_folder
from s3batch_handler.documents.files._local_folder import LocalFolder
from s3batch_handler.documents.manifests._manifest import (
    ManifestEntry,
    read_manifest,
    write_manifest,
)
from s3batch_handler.documents.reports._report import read_report
from s3batch_handler.documents.reports._rows import ReportRow, ReportScope, TaskStatus
from s3batch_handler.documents.reports._writer import ReportWriter, report_row
from tests.support.reports import AWS_EXAMPLE, BUCKET, FAILED, JOB, OK, entry, put_report, write

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.reports import Row


def test_files_and_index_have_the_form_of_aws(tmp_path: Path) -> None:
    """A report has an index, the MD5 of the index, and one file per status."""
    before = datetime.now(UTC) - timedelta(seconds=1)
    writer = ReportWriter(open_folder(tmp_path / BUCKET), job_id=JOB, prefix="p/q")
    location = write(
        writer,
        (entry("a"), OK, 200, "", "fine"),
        (entry("b"), FAILED, 200, "PermanentFailure", "bad"),
    )

    job = tmp_path / BUCKET / "p" / "q" / f"job-{JOB}"
    assert location == str(job / "manifest.json")
    raw = (job / "manifest.json").read_bytes()
    assert (job / "manifest.json.md5").read_text() == hashlib.md5(raw).hexdigest()
    index = json.loads(raw)
    assert list(index) == ["Format", "ReportCreationDate", "Results", "ReportSchema"]
    assert index["Format"] == "Report_CSV_20180820"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z", index["ReportCreationDate"])
    assert before < datetime.fromisoformat(index["ReportCreationDate"]) <= datetime.now(UTC)
    assert index["ReportSchema"] == (
        "Bucket, Key, VersionId, TaskStatus, ErrorCode, HTTPStatusCode, ResultMessage"
    )
    assert [result["TaskExecutionStatus"] for result in index["Results"]] == ["succeeded", "failed"]
    for result in index["Results"]:
        assert result["Bucket"] == BUCKET
        assert re.fullmatch(rf"p/q/job-{JOB}/results/[0-9a-f]{{40}}\.csv", result["Key"])
        rows = (tmp_path / BUCKET / result["Key"]).read_bytes()
        assert result["MD5Checksum"] == hashlib.md5(rows).hexdigest()


def test_rows_have_the_form_of_aws(tmp_path: Path) -> None:
    """Rows end in CRLF, have quotes only where necessary, and the HTTP status comes first."""
    writer = ReportWriter(open_folder(tmp_path), job_id="j")
    write(
        writer,
        (entry("a%2520b"), OK, 200, "", "fine"),
        (entry("k", ""), FAILED, 500, "SrcObjectNotFound", 'say "no", twice'),
        (entry("k", "null"), FAILED, 200, "PermanentFailure", "two\nlines"),
    )

    rows = {path.read_bytes() for path in (tmp_path / "job-j" / "results").iterdir()}
    assert rows == {
        b"photos,a%2520b,,succeeded,200,,fine\r\n",
        (
            b'photos,k,\\N,failed,500,SrcObjectNotFound,"say ""no"", twice"\r\n'
            b'photos,k,null,failed,200,PermanentFailure,"two\nlines"\r\n'
        ),
    }


def test_rows_of_aws_that_are_written_again_have_the_same_bytes(tmp_path: Path) -> None:
    example = put_report(tmp_path / "aws", failed=(AWS_EXAMPLE / "failed.csv").read_bytes())

    write(
        ReportWriter(open_folder(tmp_path), job_id="j"),
        *(
            (
                ManifestEntry(row.bucket, encode_key(row.key), row.version_id),
                row.status,
                row.http_status or 0,
                row.error_code or "",
                row.message,
            )
            for row in read_report(example).rows()
        ),
    )

    (results,) = (tmp_path / "job-j" / "results").iterdir()
    expected = (AWS_EXAMPLE / "failed.csv").read_bytes().replace(b"\n", b"\r\n")
    assert results.read_bytes() == expected


def test_scope_failed_tasks_only_leaves_out_tasks_that_succeeded(tmp_path: Path) -> None:
    writer = ReportWriter(open_folder(tmp_path), job_id="j", scope=ReportScope.FAILED_TASKS_ONLY)
    write(
        writer,
        (entry("a"), OK, 200, "", ""),
        (entry("b"), FAILED, 200, "PermanentFailure", ""),
    )

    assert [row.key for row in read_report(tmp_path).rows()] == ["b"]


def test_report_of_failed_tasks_may_have_no_rows(tmp_path: Path) -> None:
    """There is a report even if no task failed."""
    write(
        ReportWriter(open_folder(tmp_path), job_id="j", scope=ReportScope.FAILED_TASKS_ONLY),
        (entry("a"), OK, 200, "", ""),
    )

    report = read_report(tmp_path)
    report.verify()
    assert list(report.rows()) == []
    assert report.job_id == "j"


class FullDisk(LocalFolder):
    """A disk that has room for ``room`` files."""

    room = 1

    @override
    def write(self, name: str, source: BinaryIO) -> None:
        if self.room == 0:
            raise OSError(28, "No space left on device")
        self.room -= 1
        super().write(name, source)


BOTH = ((entry("a"), OK, 200, "", ""), (entry("b"), FAILED, 200, "PermanentFailure", ""))


def test_a_report_is_complete_or_not_there(tmp_path: Path) -> None:
    """On a full disk there is no manifest.json. Later the report can be written again."""
    folder = FullDisk(tmp_path)
    writer = ReportWriter(folder, job_id="j")

    with pytest.raises(OSError, match="No space"):
        write(writer, *BOTH)
    with pytest.raises(ReportError, match="not complete"):
        read_report(tmp_path)
    folder.room = 10
    write(writer, *BOTH)

    assert [row.key for row in read_report(tmp_path).rows()] == ["a", "b"]


def test_a_report_that_cannot_be_written_is_written_to_the_fallback(tmp_path: Path) -> None:
    """The error names the fallback, and the incomplete files that remain in the folder."""
    folder, fallback = FullDisk(tmp_path / "first"), LocalFolder(tmp_path / "second")
    writer = ReportWriter(folder, job_id="j", fallback=fallback)

    with pytest.raises(ReportNotWritten, match="No space left") as caught:
        write(writer, *BOTH)

    (orphan,) = (tmp_path / "first").rglob("*.csv")
    assert f"; files that were written there: {orphan}; it was written to" in str(caught.value)
    assert caught.value.kept == str(tmp_path / "second" / "job-j" / "manifest.json")
    report = read_report(caught.value.kept)
    report.verify()
    assert [row.key for row in report.rows()] == ["a", "b"]


def test_the_error_names_both_folders_that_cannot_be_written(tmp_path: Path) -> None:
    """The report is in neither of them."""
    folder, fallback = FullDisk(tmp_path / "first"), FullDisk(tmp_path / "second")
    writer = ReportWriter(folder, job_id="j", fallback=fallback)
    folder.room = fallback.room = 0

    with pytest.raises(
        ReportNotWritten, match=r"No space left.*written elsewhere either.*No space"
    ) as caught:
        write(writer, *BOTH)

    assert caught.value.kept is None


def test_rows_that_cannot_be_read_are_not_an_error_of_the_folder(tmp_path: Path) -> None:
    """No report is written to the fallback either."""

    def rows(status: TaskStatus) -> list[bytes]:
        raise StateDamaged("the journal is damaged")

    folder, fallback = open_folder(tmp_path / "first"), open_folder(tmp_path / "second")
    with pytest.raises(StateDamaged):
        ReportWriter(folder, job_id="j", fallback=fallback).write(rows)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("prefix", "job_id"), [("..", "j"), ("a/../..", "j"), ("", "x/../../y")])
def test_report_outside_of_the_folder_is_refused(tmp_path: Path, prefix: str, job_id: str) -> None:
    """Such a report is refused before the job runs, not at its end."""
    with pytest.raises(ValueError, match="inside the folder"):
        ReportWriter(open_folder(tmp_path), job_id=job_id, prefix=prefix)


def test_lone_surrogate_in_a_message_is_escaped(tmp_path: Path) -> None:
    """It would otherwise end the job, because UTF-8 cannot encode it."""
    write(ReportWriter(open_folder(tmp_path), job_id="j"), (entry(), OK, 200, "", "a\ud800b"))

    (row,) = read_report(tmp_path).rows()
    assert row.message == r"a\ud800b"


texts = st.text(st.characters(exclude_categories=["Cs"]))


cells = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(r"\N".__ne__)


rows = st.tuples(
    st.builds(ManifestEntry, cells, cells, st.none() | st.just("") | cells),
    st.sampled_from(TaskStatus),
    st.integers(100, 599),
    st.just("") | cells.filter(lambda code: not re.fullmatch("[0-9]+", code)),
    texts | st.text("\r\n\0\",'\\ \t\ufeff"),
)


@given(st.lists(rows, min_size=1, max_size=4))
def test_report_that_is_read_has_the_rows_that_were_written(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[Row],
) -> None:
    """Quotes, line breaks, commas and NULs are preserved."""
    folder = tmp_path_factory.mktemp("report")
    write(ReportWriter(open_folder(folder), job_id="j"), *rows)

    report = read_report(folder)

    report.verify()
    assert list(report.rows()) == [
        ReportRow(
            bucket=item.bucket,
            key=decode_key(item.encoded_key),
            version_id=item.version_id or None,
            status=status,
            http_status=http_status,
            error_code=code or None,
            message=message,
        )
        for item, status, http_status, code, message in sorted(rows, key=lambda row: row[1] != OK)
    ]


@given(rows)
def test_row_is_quoted_as_by_the_csv_module(
    tmp_path_factory: pytest.TempPathFactory,
    row: Row,
) -> None:
    folder = tmp_path_factory.mktemp("report")
    writer = ReportWriter(open_folder(folder), job_id="j")
    write(writer, row)

    (results,) = (folder / "job-j" / "results").iterdir()

    item, status, http_status, code, message = row
    version = {None: "", "": r"\N"}.get(item.version_id, item.version_id)
    expected = io.StringIO(newline="")
    csv.writer(expected).writerow(
        [item.bucket, item.encoded_key, version, status, http_status, code, message]
    )
    assert results.read_bytes() == expected.getvalue().encode()


def test_manifest_can_be_written_from_failed_rows(tmp_path: Path) -> None:
    """Rows are objects, so they need no conversion."""
    writer = ReportWriter(open_folder(tmp_path), job_id="j")
    write(
        writer,
        (entry("a%20b", "v1"), FAILED, 200, "TemporaryFailure", ""),
        (entry("c", "v2"), OK, 200, "", ""),
    )
    target = io.BytesIO()

    info = write_manifest(target, read_report(tmp_path).failed())

    assert info.fields == ("Bucket", "Key", "VersionId")
    target.seek(0)
    assert list(read_manifest(target)) == [ObjectRef(bucket="photos", key="a b", version_id="v1")]


def test_memory_does_not_grow_with_the_report(tmp_path: Path) -> None:
    """Writing and reading a report of 2 MB requires less than a third of that."""
    tracemalloc.start()
    try:
        ReportWriter(open_folder(tmp_path), job_id="j").write(
            lambda status: (
                report_row(entry(f"photos/{number}"), OK, 200, "", "x" * 90)
                for number in range(20_000 if status is OK else 0)
            )
        )
        writing = tracemalloc.get_traced_memory()[1]
        tracemalloc.reset_peak()
        count = sum(1 for _ in read_report(tmp_path).rows())
        reading = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert count == 20_000
    assert writing < 700_000
    assert reading < 700_000
