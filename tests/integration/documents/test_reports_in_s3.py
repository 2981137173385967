"""Completion reports in S3."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import tempfile
from typing import TYPE_CHECKING

import pytest

from s3batch_handler.core._errors import ReportError
from s3batch_handler.documents.files._folder import open_folder
from s3batch_handler.documents.reports import _database
from s3batch_handler.documents.reports._report import Report, read_report
from s3batch_handler.documents.reports._writer import ReportWriter
from tests.support.reports import BUCKET, FAILED, JOB, OK, entry, write

if TYPE_CHECKING:
    from pathlib import Path

    from mypy_boto3_s3 import S3Client


@pytest.mark.parametrize("prefix", ["", "reports", "reports/", "deep/reports"])
def test_report_is_written_to_s3_and_read_from_s3(s3: S3Client, prefix: str) -> None:
    """A prefix that ends in a slash results in a double slash, as with AWS."""
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


def test_report_that_was_copied_from_s3_is_read(s3: S3Client, tmp_path: Path) -> None:
    """Its keys refer to the bucket, but the files beside manifest.json are read."""
    write(
        ReportWriter(open_folder(f"s3://{BUCKET}/p", s3=s3), job_id=JOB),
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


def test_missing_report_in_s3_is_refused(s3: S3Client) -> None:
    for url in (f"s3://{BUCKET}", f"s3://{BUCKET}/x"):
        with pytest.raises(ReportError, match="pass the folder of a job"):
            read_report(url, s3=s3)
    with pytest.raises(ReportError, match="no such file"):
        read_report(f"s3://{BUCKET}/manifest.json", s3=s3)


def test_results_are_never_read_from_another_bucket(s3: S3Client) -> None:
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

    with pytest.raises(ReportError, match=rf"s3://{BUCKET}/job-1/results/secret.csv: missing"):
        list(read_report(f"s3://{BUCKET}/job-1", s3=s3).rows())


def test_report_in_s3_is_summarized_and_queried(
    s3: S3Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DuckDB reads copies in a temporary folder, which is removed."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    location = write(
        ReportWriter(open_folder(f"s3://{BUCKET}/p", s3=s3), job_id=JOB),
        (entry("a"), OK, 200, "", "fine"),
        *((entry(f"b{n}"), FAILED, 200, "PermanentFailure", f"only {n} bytes") for n in range(9)),
    )
    report = read_report(location, s3=s3)

    summary = report.summary()
    keys = [key for (key,) in report.query("SELECT key FROM report WHERE key < 'b2'").rows]

    assert (summary.succeeded, summary.failed) == (1, 9)
    assert [group.message for group in summary.failures] == ["only … bytes"]
    assert keys == ["a", "b0", "b1"]
    assert list(tmp_path.iterdir()) == []


def test_report_in_s3_is_summarized_without_space_on_the_disk(
    s3: S3Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its rows are read one by one, which needs no copy."""

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    writer = ReportWriter(open_folder(f"s3://{BUCKET}", s3=s3), job_id=JOB)
    report = read_report(write(writer, (entry("a"), OK, 200, "", "fine")), s3=s3)
    with monkeypatch.context() as full:
        full.setattr(_database, "_download", fail)
        assert report.summary().succeeded == 1
    with monkeypatch.context() as missing:
        missing.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
        assert report.summary().succeeded == 1


def test_report_in_s3_is_summarized_with_any_temporary_folder(
    s3: S3Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DuckDB expands patterns in paths."""
    (tmp_path / "t[*]").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "t[*]"))
    writer = ReportWriter(open_folder(f"s3://{BUCKET}", s3=s3), job_id=JOB)
    report = read_report(write(writer, (entry("a"), OK, 200, "", "fine")), s3=s3)

    assert report.summary().succeeded == 1
    with pytest.raises(ReportError, match="Set TMPDIR"):
        report.query("FROM report")


def test_changed_results_in_s3_are_not_summarized(s3: S3Client, tmp_path: Path) -> None:
    """The error contains the URL of the file."""
    writer = ReportWriter(open_folder(f"s3://{BUCKET}", s3=s3), job_id=JOB)
    location = write(writer, (entry("a"), OK, 200, "", "fine"))
    (key,) = (
        found["Key"]
        for found in s3.list_objects_v2(Bucket=BUCKET)["Contents"]
        if found["Key"].endswith(".csv")
    )
    s3.put_object(Bucket=BUCKET, Key=key, Body=b"photos,b,,succeeded,200,,fine\r\n")

    for read in (Report.summary, lambda report: report.query("FROM report")):
        with pytest.raises(ReportError, match=rf"^s3://{BUCKET}/{key}: its MD5 is "):
            read(read_report(location, s3=s3))
