"""Tests of the function: the row of each object in the completion report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from s3batch_handler.testing import assert_succeeded, make_context, run_job

from app import handler

if TYPE_CHECKING:
    from conftest import Refuse
    from mypy_boto3_s3 import S3Client
    from s3batch_handler.testing import EventFactory, JobRunner

EVENTS = sorted(Path(__file__).parents[1].joinpath("events").glob("*.json"))


@pytest.mark.s3batch_schemas
def test_lines_are_counted(s3: S3Client, s3batch_job: JobRunner) -> None:
    s3.put_object(Bucket="source", Key="2024/a b.txt", Body=b"one\ntwo\n")

    (row,) = s3batch_job(handler, ["2024/a b.txt"], bucket="source")

    assert (row.error_code, row.message) == (None, '{"bytes":8,"lines":2}')


def test_a_long_line_needs_no_more_memory_or_time(s3: S3Client) -> None:
    s3.put_object(Bucket="source", Key="a.bin", Body=bytes(30_000_000))

    (row,) = run_job(handler, ["a.bin"], bucket="source", timeout=60)

    assert row.message == '{"bytes":30000000,"lines":0}'


def test_permanent_failures_are_not_retried(s3: S3Client) -> None:
    s3.put_object(Bucket="source", Key="empty.txt", Body=b"")

    empty, missing = run_job(handler, ["empty.txt", "missing.txt"], bucket="source")

    assert (empty.error_code, empty.message) == ("PermanentFailure", "empty")
    assert missing.error_code == "PermanentFailure"
    assert missing.message.startswith("NoSuchKey")


def test_a_throttled_request_is_retried(refuse: Refuse) -> None:
    refuse("SlowDown", 503)

    (row,) = run_job(handler, ["a.txt"], bucket="source")

    assert row.error_code == "TemporaryFailure"  # after three redrives


@pytest.mark.parametrize("path", EVENTS, ids=lambda path: path.stem)
def test_example_events_succeed(s3: S3Client, s3batch_event: EventFactory, path: Path) -> None:
    s3.put_object(Bucket="source", Key="2024/a b.txt", Body=b"one\n")

    response = handler(s3batch_event.load(path), make_context())

    assert_succeeded(response)
