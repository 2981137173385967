"""Completion reports: written as AWS writes them, and read whoever wrote them."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import shutil
import tracemalloc
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws
from typing_extensions import override

from s3batch_handler.core._errors import ReportError, ReportNotWritten, StateDamaged
from s3batch_handler.core._keys import decode_key, encode_key
from s3batch_handler.core._model import ObjectRef
from s3batch_handler.documents._manifest import ManifestEntry, read_manifest, write_manifest
from s3batch_handler.documents._report import (
    ReportRow,
    ReportScope,
    ReportWriter,
    TaskStatus,
    read_report,
    report_row,
)
from s3batch_handler.documents._storage import LocalFolder, open_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_s3 import S3Client

OK, FAILED = TaskStatus.SUCCEEDED, TaskStatus.FAILED
JOB = "f8fb9d89-a3aa-461d-bddc-ea6a1b131955"
AWS_EXAMPLE = Path(__file__).parents[2] / "reports" / "aws_example"
BUCKET = "my-job-reports"


def entry(key: str = "k", version: str | None = None) -> ManifestEntry:
    return ManifestEntry("photos", key, version)


Row = tuple[ManifestEntry, TaskStatus, int, str, str]


def write(writer: ReportWriter, *rows: Row) -> str:
    """Write a report of these rows, each in a chunk of its own."""
    return writer.write(lambda status: [report_row(*row) for row in rows if row[1] is status])


def put_report(folder: Path, **files: bytes) -> Path:
    """Make a report of rows, given by status, and a ``manifest.json`` that fits."""
    (folder / "results").mkdir(parents=True)
    results = []
    for status, rows in files.items():
        (folder / "results" / f"{status}.csv").write_bytes(rows)
        results.append(
            {
                "TaskExecutionStatus": status,
                "Bucket": BUCKET,
                "MD5Checksum": hashlib.md5(rows).hexdigest(),
                "Key": f"some/prefix/job-{JOB}/results/{status}.csv",
            }
        )
    put_index(folder, Results=results)
    return folder


def put_index(folder: Path, **changes: object) -> None:
    index = {
        "Format": "Report_CSV_20180820",
        "ReportCreationDate": "2026-04-05T17:48:39.725123456Z",
        "Results": [],
    }
    (folder / "manifest.json").write_text(json.dumps(index | changes))


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Client]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket=BUCKET)
        yield client


# ---------------------------------------------------------------- writing


def test_layout_and_index(tmp_path: Path) -> None:
    """Folder, index, its checksum and one file per status, as AWS lays them out."""
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


def test_rows_as_aws_writes_them(tmp_path: Path) -> None:
    """CRLF, quotes where needed, the HTTP status first, no version id in AWS's two ways."""
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


def test_aws_rows_are_written_as_they_stand(tmp_path: Path) -> None:
    """What AWS's example says, put through our writer, gives AWS's bytes."""
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


def test_only_failed_tasks(tmp_path: Path) -> None:
    """The scope leaves out what succeeded."""
    writer = ReportWriter(open_folder(tmp_path), job_id="j", scope=ReportScope.FAILED_TASKS_ONLY)
    write(
        writer,
        (entry("a"), OK, 200, "", ""),
        (entry("b"), FAILED, 200, "PermanentFailure", ""),
    )

    assert [row.key for row in read_report(tmp_path).rows()] == ["b"]


def test_only_failed_tasks_and_none_failed(tmp_path: Path) -> None:
    """Tasks were run, so there is a report: it says that none of them failed."""
    writer = ReportWriter(open_folder(tmp_path), job_id="j", scope=ReportScope.FAILED_TASKS_ONLY)
    write(
        writer,
        (entry("a"), OK, 200, "", ""),
    )

    report = read_report(tmp_path)
    report.verify()
    assert list(report.rows()) == []
    assert report.job_id == "j"


class FullDisk(LocalFolder):
    """Takes ``room`` files, then no more, until there is room again."""

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
    """The error names the fallback, and the useless files that stay in the folder."""
    folder, fallback = FullDisk(tmp_path / "first"), LocalFolder(tmp_path / "second")
    writer = ReportWriter(folder, job_id="j", fallback=fallback)

    with pytest.raises(ReportNotWritten, match="No space left") as caught:
        write(writer, *BOTH)

    (orphan,) = (tmp_path / "first").rglob("*.csv")
    assert f"; left behind there: {orphan}; it is kept in" in str(caught.value)
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
        ReportNotWritten, match=r"No space left.*; nor could it.*No space"
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
def test_report_outside_of_the_folder(tmp_path: Path, prefix: str, job_id: str) -> None:
    """Refused before the first row, not at the end of the job."""
    with pytest.raises(ValueError, match="inside the folder"):
        ReportWriter(open_folder(tmp_path), job_id=job_id, prefix=prefix)


def test_lone_surrogate_in_a_message(tmp_path: Path) -> None:
    """What UTF-8 cannot hold is spelled out, it does not end the job."""
    writer = ReportWriter(open_folder(tmp_path), job_id="j")
    write(
        writer,
        (entry(), OK, 200, "", "a\ud800b"),
    )

    (row,) = read_report(tmp_path).rows()
    assert row.message == r"a\ud800b"


# ---------------------------------------------------------------- round trips

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
def test_round_trip(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[ManifestEntry, TaskStatus, int, str, str]],
) -> None:
    """Whatever is written comes back: quotes, line breaks, commas, NULs, any version."""
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
def test_bytes_of_a_row(
    tmp_path_factory: pytest.TempPathFactory,
    row: tuple[ManifestEntry, TaskStatus, int, str, str],
) -> None:
    """A row is quoted as the csv module quotes it, whichever of its cells needs it."""
    folder = tmp_path_factory.mktemp("report")
    writer = ReportWriter(open_folder(folder), job_id="j")
    write(
        writer,
        row,
    )

    (results,) = (folder / "job-j" / "results").iterdir()

    item, status, http_status, code, message = row
    version = {None: "", "": r"\N"}.get(item.version_id, item.version_id)
    expected = io.StringIO(newline="")
    csv.writer(expected).writerow(
        [item.bucket, item.encoded_key, version, status, http_status, code, message]
    )
    assert results.read_bytes() == expected.getvalue().encode()


def test_redrive_manifest_of_what_failed(tmp_path: Path) -> None:
    """Rows are objects: a manifest of them needs no conversion."""
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


# ---------------------------------------------------------------- what AWS wrote


@pytest.fixture(params=[b"\n", b"\r\n"])
def aws_report(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """AWS's example with checksums that fit: it shows an extract of its files."""
    return put_report(
        tmp_path / "aws",
        **{
            status: (AWS_EXAMPLE / f"{status}.csv").read_bytes().replace(b"\n", request.param)
            for status in ("succeeded", "failed")
        },
    )


def test_rows_of_aws(aws_report: Path) -> None:
    """AWS's own example rows are understood, as they stand."""
    report = read_report(aws_report)

    failed, succeeded = list(report.failed()), list(report.succeeded())

    assert [row.key for row in failed] == [
        "image_14975",
        "image_15897",
        "image_14819",
        "image_15930",
        "image_17644",
        "image_17398",
    ]
    assert [row.key for row in succeeded] == ["image_17775", "image_17763", "image_17860"]
    assert failed[0] == ReportRow(
        bucket="awsexamplebucket1",
        key="image_14975",
        version_id=None,
        status=FAILED,
        http_status=200,
        error_code="PermanentFailure",
        message='Lambda returned function error: {"errorMessage":"2019-04-05T17:35:21.155Z '
        '2845ca0d-38d9-4c4b-abcf-379dc749c452 Task timed out after 3.00 seconds"}',
    )
    assert {(row.status, row.http_status, row.error_code) for row in succeeded} == {(OK, 200, None)}
    assert all(row.message.endswith("'application/xml'}}}") for row in succeeded)
    assert list(report.rows()) == succeeded + failed


def test_index_of_aws(tmp_path: Path) -> None:
    """AWS's own manifest.json is understood; its rows are an extract, which the MD5 tells."""
    (tmp_path / "results").mkdir()
    shutil.copy(AWS_EXAMPLE / "manifest.json", tmp_path)
    names = {
        "succeeded.csv": "6217b0fab0de85c408b4be96aeaca9b195a7daa5.csv",
        "failed.csv": "b2ddad417e94331e9f37b44f1faf8c7ed5873f2e.csv",
    }
    for name, key in names.items():
        shutil.copy(AWS_EXAMPLE / name, tmp_path / "results" / key)

    report = read_report(tmp_path)

    assert report.job_id == JOB
    assert report.created == datetime(2019, 4, 5, 17, 48, 39, 725000, UTC)
    found: list[ReportRow] = []
    with pytest.raises(ReportError, match=r"b2ddad.*\.csv: its MD5 is .*, not 22ee037f"):
        found.extend(report.failed())
    assert len(found) == 6
    with pytest.raises(ReportError, match=r"6217b0.*\.csv: its MD5 is"):
        report.verify()


@pytest.mark.parametrize(
    ("text", "microseconds"),
    [
        ("2026-04-05T17:48:39.725Z", 725000),
        ("2026-04-05T17:48:39.725123456Z", 725123),
        ("2026-04-05T17:48:39Z", 0),
        ("2026-04-05T17:48:39", 0),
        ("2026-04-05T19:48:39+02:00", 0),
    ],
)
def test_creation_date(tmp_path: Path, text: str, microseconds: int) -> None:
    """Three, nine or no digits behind the point; always with a time zone."""
    put_index(tmp_path, ReportCreationDate=text)

    assert read_report(tmp_path).created == datetime(2026, 4, 5, 17, 48, 39, microseconds, UTC)


def only_row(tmp_path: Path, row: bytes) -> ReportRow:
    (found,) = read_report(put_report(tmp_path / "report", failed=row)).rows()
    return found


def test_columns_as_aws_declares_them(tmp_path: Path) -> None:
    """Should AWS come to follow its own schema, reports stay readable."""
    row = only_row(tmp_path, b"b,k,,failed,NoSuchKey,404,gone\r\n")

    assert (row.http_status, row.error_code, row.message) == (404, "NoSuchKey", "gone")


def test_no_code_at_all(tmp_path: Path) -> None:
    """Without a number in either column there is no HTTP status."""
    row = only_row(tmp_path, b"b,k,,failed,,Odd,\r\n")

    assert (row.http_status, row.error_code) == (None, "Odd")


def test_two_numbers(tmp_path: Path) -> None:
    """The order of real reports decides."""
    row = only_row(tmp_path, b"b,k,,failed,500,404,\r\n")

    assert (row.http_status, row.error_code) == (500, "404")


@pytest.mark.parametrize("quote", ['""', '"'])
def test_details_of_failed_checksums(tmp_path: Path, quote: str) -> None:
    """No part of them is lost, although AWS's own examples do not double their quotes."""
    details = '{"failureMessage":"Task 2f8a failed, all of it","errorCode":"404"}'
    message = f"error details: {details}".replace('"', quote)

    row = only_row(tmp_path, f'b,k,,failed,200,PermanentFailure,"{message}"\r\n'.encode())

    assert row.message.startswith("error details: {")
    for part in ("failureMessage", "Task 2f8a failed, all of it", "errorCode", "404"):
        assert part in row.message


def test_columns_to_come(tmp_path: Path) -> None:
    """Columns that nobody knows yet are no hindrance."""
    row = only_row(tmp_path, b"b,k,v,failed,500,X,m,new,newer\r\n")

    assert (row.version_id, row.message) == ("v", "m")


@pytest.mark.parametrize("cell", [b"", rb"\N"])
def test_no_version_id(tmp_path: Path, cell: bytes) -> None:
    """AWS has two ways to say it."""
    assert only_row(tmp_path, b"b,k," + cell + b",failed,500,X,m\r\n").version_id is None


def test_faulty_quotes(tmp_path: Path) -> None:
    """Quotes that were not doubled do not stop the reader."""
    row = only_row(tmp_path, b'b,k,,failed,200,X,"details: {"a": 1}"\r\n')

    assert row.message.startswith("details: {")


def test_several_files_of_one_status(tmp_path: Path) -> None:
    """All of them are read, in their order."""
    put_report(tmp_path, failed=b"b,1,,failed,200,X,\r\n", succeeded=b"b,2,,succeeded,200,,\r\n")
    more = b"b,3,,failed,200,X,\r\n"
    (tmp_path / "results" / "more.csv").write_bytes(more)
    index = json.loads((tmp_path / "manifest.json").read_text())
    index["Results"].append(
        {
            "TaskExecutionStatus": "failed",
            "Bucket": "b",
            "MD5Checksum": hashlib.md5(more).hexdigest().upper(),
            "Key": "x/results/more.csv",
        }
    )
    put_index(tmp_path, Results=index["Results"])

    report = read_report(tmp_path)

    assert [row.key for row in report.failed()] == ["1", "3"]
    assert [row.key for row in report.rows()] == ["1", "2", "3"]


# ---------------------------------------------------------------- where reports are


def test_locations_in_a_folder(tmp_path: Path) -> None:
    """The job's folder, the one above it, or manifest.json; as text or as a path."""
    writer = ReportWriter(open_folder(tmp_path), job_id="j")
    write(
        writer,
        (entry(), OK, 200, "", ""),
    )
    job = tmp_path / "job-j"

    for location in (tmp_path, job, job / "manifest.json"):
        for form in (location, str(location)):
            report = read_report(form)
            assert report.job_id == "j"
            assert report.location == str(job / "manifest.json")
            assert len(list(report.rows())) == 1


def test_location_in_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bare file name, and the directory one is in."""
    put_report(tmp_path, failed=b"b,k,,failed,200,X,\r\n")
    monkeypatch.chdir(tmp_path)

    for location in ("manifest.json", ".", "./manifest.json", ""):
        assert len(list(read_report(location).rows())) == 1


@pytest.mark.parametrize("prefix", ["", "reports", "reports/", "deep/reports"])
def test_report_in_s3(s3: S3Client, prefix: str) -> None:
    """Written to S3 and read from there; a prefix that ends in a slash doubles it, as with AWS."""
    writer = ReportWriter(open_folder(f"s3://{BUCKET}", s3=s3), job_id=JOB, prefix=prefix)
    location = write(
        writer,
        (entry("a"), OK, 200, "", "fine"),
        (entry("b"), FAILED, 200, "PermanentFailure", "x" * 9000),
    )

    job = f"{prefix}/job-{JOB}" if prefix else f"job-{JOB}"
    assert location == f"s3://{BUCKET}/{job}/manifest.json"
    index = json.load(s3.get_object(Bucket=BUCKET, Key=f"{job}/manifest.json")["Body"])
    assert {result["Bucket"] for result in index["Results"]} == {BUCKET}
    for result in index["Results"]:
        rows = s3.get_object(Bucket=BUCKET, Key=result["Key"])["Body"].read()
        assert result["Key"].startswith(f"{job}/results/")
        assert result["MD5Checksum"] == hashlib.md5(rows).hexdigest()
    base = f"s3://{BUCKET}/{prefix}"
    for url in (base, f"s3://{BUCKET}/{job}", f"s3://{BUCKET}/{job}/", location):
        report = read_report(url, s3=s3)
        report.verify()
        assert report.job_id == JOB
        assert report.location == location
        assert [row.key for row in report.rows()] == ["a", "b"]


def test_report_copied_out_of_s3(s3: S3Client, tmp_path: Path) -> None:
    """Its keys still tell of the bucket; the files beside manifest.json are what counts."""
    writer = ReportWriter(open_folder(f"s3://{BUCKET}/p", s3=s3), job_id=JOB)
    write(
        writer,
        (entry("a"), OK, 200, "", "fine"),
    )
    for found in s3.list_objects_v2(Bucket=BUCKET)["Contents"]:
        target = tmp_path / "copy" / found["Key"].partition(f"job-{JOB}/")[2]
        target.parent.mkdir(parents=True, exist_ok=True)
        s3.download_file(BUCKET, found["Key"], str(target))

    report = read_report(tmp_path / "copy")

    report.verify()
    assert [row.key for row in report.rows()] == ["a"]
    assert report.job_id == JOB


def test_results_at_their_whole_key(tmp_path: Path) -> None:
    """A bucket that was copied with all its folders, manifest.json moved to the top."""
    put_report(tmp_path, failed=b"b,k,,failed,200,X,\r\n")
    (tmp_path / "some" / "prefix" / f"job-{JOB}").mkdir(parents=True)
    (tmp_path / "results").rename(tmp_path / "some" / "prefix" / f"job-{JOB}" / "results")

    assert len(list(read_report(tmp_path).rows())) == 1


# ---------------------------------------------------------------- what is no report


def refusal(location: str | Path) -> str:
    with pytest.raises(ReportError) as caught:
        list(read_report(location).rows())
    return str(caught.value)


def test_no_report_there(tmp_path: Path) -> None:
    """The error says what to give."""
    (tmp_path / "job-x").mkdir()
    (tmp_path / "file.csv").touch()

    assert "give the folder of a job" in refusal(tmp_path / "nowhere")
    assert "give the folder of a job" in refusal(tmp_path / "file.csv")
    assert "no such file" in refusal(tmp_path / "nowhere" / "manifest.json")
    assert "job-x/ has no manifest.json" in refusal(tmp_path)
    assert "give the folder of a job" in refusal(tmp_path / "job-x")
    assert "an S3 client is needed" in refusal("s3://bucket/x")


def test_no_report_in_s3(s3: S3Client) -> None:
    """As with folders."""
    for url in (f"s3://{BUCKET}", f"s3://{BUCKET}/x"):
        with pytest.raises(ReportError, match="give the folder of a job"):
            read_report(url, s3=s3)
    with pytest.raises(ReportError, match="no such file"):
        read_report(f"s3://{BUCKET}/manifest.json", s3=s3)


def test_more_than_one_report(tmp_path: Path) -> None:
    """Which one is meant is for the user to say."""
    for job in ("job-1", "job-2"):
        put_report(tmp_path / job)

    assert "give one of them: job-1, job-2" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "Invalid JSON"),
        ("{", "Invalid JSON"),
        ("[]", "it: expected an object"),
        ("{}", "Format: missing"),
        ('{"Format":"Report_CSV_2030","ReportCreationDate":"","Results":[]}', "Report_CSV_2018"),
        ('{"Format":"Report_CSV_20180820","Results":[]}', "ReportCreationDate: missing"),
        (
            '{"Format":"Report_CSV_20180820","ReportCreationDate":"soon","Results":[]}',
            "ReportCreationDate: Invalid isoformat",
        ),
        (
            '{"Format":"Report_CSV_20180820","ReportCreationDate":"2026-04-05","Results":[{}]}',
            r"Results\[0\].Key: missing",
        ),
        (
            (
                '{"Format":"Report_CSV_20180820","ReportCreationDate":"","Results":'
                '[{"TaskExecutionStatus":"lost","MD5Checksum":"","Key":""}]}'
            ),
            "TaskExecutionStatus: .*'succeeded' or 'failed'",
        ),
    ],
)
def test_index_that_is_none(tmp_path: Path, content: str, says: str) -> None:
    """The file and the field are named."""
    (tmp_path / "manifest.json").write_text(content)

    text = refusal(tmp_path)

    assert text.startswith(f"{tmp_path / 'manifest.json'}: not a completion report: ")
    assert re.search(says, text)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (b"b,k,,failed,200,X", "has 6 columns, a report has 7"),
        (b"", "has 0 columns"),
        (b"b,k,,lost,200,X,m", "status is 'lost'"),
        (b"b,k,,succeeded,200,,m", "status is 'succeeded', in a file of tasks that failed"),
        (b"b,\xff,,failed,200,X,m", "not UTF-8"),
        (b"b,k,,failed,200,X," + b"m" * 200_000, "field limit"),
    ],
)
def test_row_that_is_none(tmp_path: Path, row: bytes, says: str) -> None:
    """File and line are named, line breaks inside of messages counted."""
    good = b'b,k,,failed,200,X,"two\r\nlines"\r\n'
    put_report(tmp_path, failed=good + row + b"\r\n" + good)

    text = refusal(tmp_path)

    assert f"{tmp_path / 'results' / 'failed.csv'}, line 3: " in text
    assert says in text


def test_changed_results(tmp_path: Path) -> None:
    """Rows are given as they come, the error at the end says not to trust them."""
    put_report(tmp_path, failed=b"b,1,,failed,200,X,\r\nb,2,,failed,200,X,\r\n")
    (tmp_path / "results" / "failed.csv").write_bytes(b"b,1,,failed,200,X,\r\n")
    report = read_report(tmp_path)
    rows = report.rows()

    assert next(rows).key == "1"
    with pytest.raises(ReportError, match=r"failed\.csv: its MD5 is .* changed or cut off"):
        next(rows)
    with pytest.raises(ReportError, match=r"failed\.csv: its MD5 is"):
        report.verify()


def test_changed_index(tmp_path: Path) -> None:
    """The index has a checksum too, when it was copied along."""
    writer = ReportWriter(open_folder(tmp_path), job_id="j")
    write(
        writer,
        (entry(), OK, 200, "", ""),
    )
    index = tmp_path / "job-j" / "manifest.json"
    index.write_text(index.read_text() + "\n")

    with pytest.raises(ReportError, match=r"manifest\.json: its MD5 is"):
        read_report(tmp_path).verify()
    index.with_name("manifest.json.md5").unlink()
    read_report(tmp_path).verify()


def test_missing_results(tmp_path: Path) -> None:
    """The file is named, and what to do."""
    put_report(tmp_path, failed=b"b,k,,failed,200,X,\r\n")
    (tmp_path / "results" / "failed.csv").unlink()

    text = refusal(tmp_path)

    assert text.startswith(str(tmp_path / "results" / "failed.csv"))
    assert "not there" in text
    with pytest.raises(ReportError, match="not there"):
        read_report(tmp_path).verify()


@pytest.mark.parametrize(
    "key",
    ["../secret.csv", "results/../../secret.csv", "{root}/secret.csv", "..", "results/", "", "/"],
)
def test_hostile_key(tmp_path: Path, key: str) -> None:
    """A report cannot make anyone read a file outside of its folder."""
    secret = b"b,secret,,failed,200,X,\r\n"
    (tmp_path / "secret.csv").write_bytes(secret)
    report = put_report(tmp_path / "report")
    result = {
        "TaskExecutionStatus": "failed",
        "MD5Checksum": hashlib.md5(secret).hexdigest(),
        "Key": key.format(root=tmp_path),
    }
    put_index(report, Results=[result])

    assert "secret," not in refusal(report)


def test_hostile_key_in_s3(s3: S3Client) -> None:
    """Neither can one in S3, where another bucket may be named."""
    s3.create_bucket(Bucket="private")
    s3.put_object(Bucket="private", Key="secret.csv", Body=b"b,k,,failed,200,X,\r\n")
    s3.put_object(Bucket=BUCKET, Key="secret.csv", Body=b"b,k,,failed,200,X,\r\n")
    index = {
        "Format": "Report_CSV_20180820",
        "ReportCreationDate": "2026-04-05T17:48:39Z",
        "Results": [
            {
                "TaskExecutionStatus": "failed",
                "Bucket": "private",
                "MD5Checksum": "",
                "Key": "secret.csv",
            }
        ],
    }
    s3.put_object(Bucket=BUCKET, Key="job-1/manifest.json", Body=json.dumps(index).encode())

    with pytest.raises(ReportError, match=rf"s3://{BUCKET}/job-1/results/secret.csv: not there"):
        list(read_report(f"s3://{BUCKET}/job-1", s3=s3).rows())


def test_memory_stays_flat(tmp_path: Path) -> None:
    """Writing and reading a report of 2 MB takes less than a third of that."""
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
