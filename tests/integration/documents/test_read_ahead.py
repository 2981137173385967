"""Reports in S3 of several files, which are read a few at a time."""

from __future__ import annotations

import hashlib
import json
import threading
from itertools import islice
from typing import TYPE_CHECKING

import pytest

from s3batch_handler.core._errors import ReportError
from s3batch_handler.documents.reports._report import Report, read_report
from tests.support.reports import BUCKET, JOB
from tests.support.waiting import wait_for

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def put_parts(s3: S3Client, *parts: bytes) -> Report:
    """Store a report with these results files."""
    results = []
    for number, rows in enumerate(parts):
        key = f"job-{JOB}/results/{number}.csv"
        s3.put_object(Bucket=BUCKET, Key=key, Body=rows)
        results.append(
            {
                "TaskExecutionStatus": "succeeded",
                "Bucket": BUCKET,
                "MD5Checksum": hashlib.md5(rows).hexdigest(),
                "Key": key,
            }
        )
    index = {
        "Format": "Report_CSV_20180820",
        "ReportCreationDate": "2026-04-05T17:48:39.725123456Z",
        "Results": results,
    }
    s3.put_object(Bucket=BUCKET, Key=f"job-{JOB}/manifest.json", Body=json.dumps(index).encode())
    return read_report(f"s3://{BUCKET}/job-{JOB}", s3=s3)


def rows(name: str, count: int, message: str = "") -> bytes:
    return b"".join(
        f"b,{name}{number},,succeeded,200,,{message}\r\n".encode() for number in range(count)
    )


def test_rows_of_many_files_are_in_the_order_of_the_report(s3: S3Client) -> None:
    report = put_parts(s3, *(rows(f"part{number}-", 3) for number in range(9)))

    keys = [row.key for row in report]

    assert keys == [f"part{part}-{number}" for part in range(9) for number in range(3)]


def test_an_error_of_a_file_is_raised_where_its_rows_would_be(s3: S3Client) -> None:
    report = put_parts(s3, rows("a", 2), rows("b", 2), rows("c", 2))
    s3.put_object(Bucket=BUCKET, Key=f"job-{JOB}/results/1.csv", Body=rows("changed", 2))
    found: list[str] = []

    with pytest.raises(ReportError, match=r"results/1\.csv: its MD5 is"):
        found.extend(row.key for row in report)
    s3.delete_object(Bucket=BUCKET, Key=f"job-{JOB}/results/0.csv")
    with pytest.raises(ReportError, match=r"results/0\.csv: missing"):
        next(report.rows())
    with pytest.raises(ReportError, match=r"results/[01]\.csv"):
        report.verify()


def test_reading_stops_when_no_more_rows_are_needed(s3: S3Client) -> None:
    """The files are larger than what is read ahead."""
    before = threading.active_count()
    report = put_parts(s3, *(rows(name, 1000, message="x" * 12_000) for name in "ab"))

    with_threads = report.rows()
    first = [row.key for row in islice(with_threads, 2)]
    assert threading.active_count() > before
    with_threads.close()  # type: ignore[attr-defined]  # it is a generator

    assert first == ["a0", "a1"]
    wait_for(lambda: threading.active_count() <= before)
