"""Completion reports as this package reads them."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from s3batch_handler.core._errors import ReportError
from s3batch_handler.documents.files._folder import open_folder
from s3batch_handler.documents.reports._report import read_report
from s3batch_handler.documents.reports._rows import COLUMNS, ReportRow, TaskStatus
from s3batch_handler.documents.reports._writer import ReportWriter
from tests.support.reports import (
    AWS_EXAMPLE,
    FAILED,
    JOB,
    OK,
    entry,
    put_index,
    put_report,
    write,
)

if TYPE_CHECKING:
    from pathlib import Path

AWS_SCHEMA = ", ".join(COLUMNS)


@pytest.fixture(params=[b"\n", b"\r\n"])
def aws_report(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """AWS's example with correct checksums: the example is an extract of its files."""
    return put_report(
        tmp_path / "aws",
        **{
            status: (AWS_EXAMPLE / f"{status}.csv").read_bytes().replace(b"\n", request.param)
            for status in ("succeeded", "failed")
        },
    )


def test_rows_of_aws_are_read(aws_report: Path) -> None:
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


def test_index_of_aws_is_read(tmp_path: Path) -> None:
    """The rows of AWS's example are an extract, so their MD5 does not match."""
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
def test_creation_date_has_a_time_zone(tmp_path: Path, text: str, microseconds: int) -> None:
    """A second may have three, nine or no decimal places."""
    put_index(tmp_path, ReportCreationDate=text)

    assert read_report(tmp_path).created == datetime(2026, 4, 5, 17, 48, 39, microseconds, UTC)


def only_row(tmp_path: Path, row: bytes) -> ReportRow:
    found: ReportRow
    (found,) = read_report(put_report(tmp_path / "report", failed=row)).rows()
    return found


def test_results_may_be_beside_the_index(tmp_path: Path) -> None:
    """As after a download of single files."""
    folder = put_report(tmp_path / "report", succeeded=b"b,k,,succeeded,200,,\r\n")
    (folder / "results" / "succeeded.csv").rename(folder / "succeeded.csv")

    report = read_report(folder)

    report.verify()
    assert [row.key for row in report] == ["k"]


@pytest.mark.parametrize(
    ("schema", "row"),
    [
        (AWS_SCHEMA, b"b,a%20b,v,failed,404,NoSuchKey,gone"),
        (AWS_SCHEMA, b"b,a%20b,v,failed,NoSuchKey,404,gone"),
        (f"{AWS_SCHEMA}, RequestId", b"b,a%20b,v,failed,404,NoSuchKey,gone,7QX"),
        (
            "Bucket,Key,Size,VersionId,TaskStatus,HTTPStatusCode,ErrorCode,ResultMessage",
            b"b,a%20b,17,v,failed,404,NoSuchKey,gone",
        ),
        ("of another kind", b"b,a%20b,v,failed,404,NoSuchKey,gone"),
    ],
)
def test_columns_are_found_by_the_schema_of_the_report(
    tmp_path: Path, schema: str, row: bytes
) -> None:
    """Unknown columns are skipped, and the codes may be in either order."""
    folder = put_report(tmp_path / "report", failed=row + b"\r\n")
    index = json.loads((folder / "manifest.json").read_text())
    put_index(folder, Results=index["Results"], ReportSchema=schema)

    (found,) = read_report(folder)

    assert found == ReportRow(
        bucket="b",
        key="a b",
        version_id="v",
        status=TaskStatus.FAILED,
        http_status=404,
        error_code="NoSuchKey",
        message="gone",
    )


def test_columns_may_have_the_order_of_the_schema(tmp_path: Path) -> None:
    """The schema in manifest.json has another order than the rows of AWS."""
    row = only_row(tmp_path, b"b,k,,failed,NoSuchKey,404,gone\r\n")

    assert (row.http_status, row.error_code, row.message) == (404, "NoSuchKey", "gone")


def test_row_without_a_number_has_no_http_status(tmp_path: Path) -> None:
    row = only_row(tmp_path, b"b,k,,failed,,Odd,\r\n")

    assert (row.http_status, row.error_code) == (None, "Odd")


def test_http_status_is_the_first_of_two_numbers(tmp_path: Path) -> None:
    row = only_row(tmp_path, b"b,k,,failed,500,404,\r\n")

    assert (row.http_status, row.error_code) == (500, "404")


@pytest.mark.parametrize("quote", ['""', '"'])
def test_details_of_failed_checksums_are_complete(tmp_path: Path, quote: str) -> None:
    """AWS's examples of these rows have quotes that are not doubled."""
    details = '{"failureMessage":"Task 2f8a failed, all of it","errorCode":"404"}'
    message = f"error details: {details}".replace('"', quote)

    row = only_row(tmp_path, f'b,k,,failed,200,PermanentFailure,"{message}"\r\n'.encode())

    assert row.message.startswith("error details: {")
    for part in ("failureMessage", "Task 2f8a failed, all of it", "errorCode", "404"):
        assert part in row.message


def test_additional_columns_are_ignored(tmp_path: Path) -> None:
    row = only_row(tmp_path, b"b,k,v,failed,500,X,m,new,newer\r\n")

    assert (row.version_id, row.message) == ("v", "m")


def test_empty_lines_are_ignored(tmp_path: Path) -> None:
    """As DuckDB does."""
    put_report(tmp_path, failed=b"\r\nb,1,,failed,500,X,m\r\n\r\nb,2,,failed,500,X,m\r\n\r\n")

    assert [row.key for row in read_report(tmp_path)] == ["1", "2"]


@pytest.mark.parametrize("cell", [b"", rb"\N"])
def test_version_id_may_be_missing(tmp_path: Path, cell: bytes) -> None:
    """AWS writes an empty cell or ``\\N``."""
    assert only_row(tmp_path, b"b,k," + cell + b",failed,500,X,m\r\n").version_id is None


def test_faulty_quotes_are_accepted(tmp_path: Path) -> None:
    row = only_row(tmp_path, b'b,k,,failed,200,X,"details: {"a": 1}"\r\n')

    assert row.message.startswith("details: {")


def test_all_files_of_a_status_are_read_in_order(tmp_path: Path) -> None:
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


def test_report_is_found_by_folder_or_index(tmp_path: Path) -> None:
    """The location is the job's folder, its parent, or manifest.json."""
    write(ReportWriter(open_folder(tmp_path), job_id="j"), (entry(), OK, 200, "", ""))
    job = tmp_path / "job-j"

    for location in (tmp_path, job, job / "manifest.json"):
        for form in (location, str(location)):
            report = read_report(form)
            assert report.job_id == "j"
            assert report.location == str(job / "manifest.json")
            assert len(list(report.rows())) == 1


def test_report_is_found_in_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_report(tmp_path, failed=b"b,k,,failed,200,X,\r\n")
    monkeypatch.chdir(tmp_path)

    for location in ("manifest.json", ".", "./manifest.json", ""):
        assert len(list(read_report(location).rows())) == 1


def test_results_are_found_by_their_key(tmp_path: Path) -> None:
    """The folder is a copy of the bucket, with manifest.json at its top."""
    put_report(tmp_path, failed=b"b,k,,failed,200,X,\r\n")
    (tmp_path / "some" / "prefix" / f"job-{JOB}").mkdir(parents=True)
    (tmp_path / "results").rename(tmp_path / "some" / "prefix" / f"job-{JOB}" / "results")

    assert len(list(read_report(tmp_path).rows())) == 1


def refusal(location: str | Path) -> str:
    with pytest.raises(ReportError) as caught:
        list(read_report(location).rows())
    return str(caught.value)


def test_missing_report_is_refused(tmp_path: Path) -> None:
    """The message says what to pass."""
    (tmp_path / "job-x").mkdir()
    (tmp_path / "file.csv").touch()

    assert "pass the folder of a job" in refusal(tmp_path / "nowhere")
    assert "pass the folder of a job" in refusal(tmp_path / "file.csv")
    assert "no such file" in refusal(tmp_path / "nowhere" / "manifest.json")
    assert "job-x/ has no manifest.json" in refusal(tmp_path)
    assert "pass the folder of a job" in refusal(tmp_path / "job-x")
    assert "pass a client" in refusal("s3://bucket/x")


def test_more_than_one_report_is_refused(tmp_path: Path) -> None:
    for job in ("job-1", "job-2"):
        put_report(tmp_path / job)

    assert "choose one: job-1, job-2" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "Invalid JSON"),
        ("{", "Invalid JSON"),
        ("{}", "Format: missing"),
        ("no JSON", "not a completion report: Invalid JSON: "),
        ("[]", "not a completion report: expected an object, got a list"),
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
def test_invalid_index_is_refused(tmp_path: Path, content: str, says: str) -> None:
    """The message contains the file and the field."""
    (tmp_path / "manifest.json").write_text(content)

    text = refusal(tmp_path)

    assert text.startswith(f"{tmp_path / 'manifest.json'}: not a completion report: ")
    assert re.search(says, text)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (b"b,k,,failed,200,X", "has 6 columns, expected 7"),
        (b"b,k,,lost,200,X,m", "status is 'lost'"),
        (b"b,k,,succeeded,200,,m", "status is 'succeeded', in a file of tasks that failed"),
        (b"b,\xff,,failed,200,X,m", "byte 0xff is not UTF-8"),
        (b"b,k,,failed,200,X," + b"m" * 200_000, "field limit"),
    ],
)
def test_invalid_row_is_refused(tmp_path: Path, row: bytes, says: str) -> None:
    """The message contains the file and the line; line breaks in cells count."""
    good = b'b,k,,failed,200,X,"two\r\nlines"\r\n'
    put_report(tmp_path, failed=good + row + b"\r\n" + good)

    text = refusal(tmp_path)

    assert f"{tmp_path / 'results' / 'failed.csv'}, line 3: " in text
    assert says in text


def test_changed_results_are_refused(tmp_path: Path) -> None:
    """Rows are streamed, so the error comes after the last row."""
    put_report(tmp_path, failed=b"b,1,,failed,200,X,\r\nb,2,,failed,200,X,\r\n")
    (tmp_path / "results" / "failed.csv").write_bytes(b"b,1,,failed,200,X,\r\n")
    report = read_report(tmp_path)
    rows = report.rows()

    assert next(rows).key == "1"
    with pytest.raises(ReportError, match=r"failed\.csv: its MD5 is .* changed or truncated"):
        next(rows)
    with pytest.raises(ReportError, match=r"failed\.csv: its MD5 is"):
        report.verify()


def test_changed_index_is_refused(tmp_path: Path) -> None:
    """The file with its MD5 may be missing."""
    write(ReportWriter(open_folder(tmp_path), job_id="j"), (entry(), OK, 200, "", ""))
    index = tmp_path / "job-j" / "manifest.json"
    index.write_text(index.read_text() + "\n")

    with pytest.raises(ReportError, match=r"manifest\.json: its MD5 is"):
        read_report(tmp_path).verify()
    index.with_name("manifest.json.md5").unlink()
    read_report(tmp_path).verify()


def test_missing_results_are_refused(tmp_path: Path) -> None:
    """The message contains the file."""
    put_report(tmp_path, failed=b"b,k,,failed,200,X,\r\n")
    (tmp_path / "results" / "failed.csv").unlink()

    text = refusal(tmp_path)

    assert text.startswith(str(tmp_path / "results" / "failed.csv"))
    assert "missing, but listed" in text
    with pytest.raises(ReportError, match="missing, but listed"):
        read_report(tmp_path).verify()


@pytest.mark.parametrize(
    "key",
    ["../secret.csv", "results/../../secret.csv", "{root}/secret.csv", "..", "results/", "", "/"],
)
def test_key_outside_of_the_folder_is_not_read(tmp_path: Path, key: str) -> None:
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
