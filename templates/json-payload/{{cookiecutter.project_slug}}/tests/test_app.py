"""Tests of the function: the row of each line of the manifest in the completion report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from s3batch_handler.testing import assert_succeeded, make_context, run_job

from app import Instruction, handler

if TYPE_CHECKING:
    from conftest import Refuse
    from mypy_boto3_s3 import S3Client
    from s3batch_handler.testing import EventFactory, JobRunner

EVENTS = sorted(Path(__file__).parents[1].joinpath("events").glob("*.json"))
LINE = Instruction(key="2024/a b.jpg", tags={"owner": "ann", "stage": ""}).model_dump_json()


@pytest.mark.s3batch_schemas
def test_an_object_gets_the_tags_of_its_line(s3: S3Client, s3batch_job: JobRunner) -> None:
    s3.put_object(Bucket="source", Key="2024/a b.jpg", Tagging="stage=raw")

    (row,) = s3batch_job(handler, [LINE], bucket="source")

    tags = s3.get_object_tagging(Bucket="source", Key="2024/a b.jpg")["TagSet"]
    assert (row.error_code, row.message) == (None, "2024/a b.jpg has 2 tags")
    assert tags == [{"Key": "owner", "Value": "ann"}, {"Key": "stage", "Value": ""}]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("2024/a b.jpg", "JSON"),
        ('{"key": "a.jpg"}', "tags"),
        ('{"key": "a.jpg", "tags": {}, "tag": "x"}', "tag"),
        (json.dumps({"key": "a.jpg", "tags": {"owner": "x" * 257}}), "tags"),
    ],
)
def test_an_invalid_line_fails_permanently(line: str, problem: str) -> None:
    (row,) = run_job(handler, [line], bucket="source")

    assert row.error_code == "PermanentFailure"
    assert problem in row.message


def test_permanent_failures_are_not_retried() -> None:
    (row,) = run_job(handler, ['{"key": "missing.jpg", "tags": {}}'], bucket="source")

    assert row.error_code == "PermanentFailure"
    assert row.message.startswith("NoSuchKey")


def test_a_throttled_request_is_retried(refuse: Refuse) -> None:
    refuse("SlowDown", 503)

    (row,) = run_job(handler, [LINE], bucket="source")

    assert row.error_code == "TemporaryFailure"  # after three redrives


@pytest.mark.parametrize("path", EVENTS, ids=lambda path: path.stem)
def test_example_events_succeed(s3: S3Client, s3batch_event: EventFactory, path: Path) -> None:
    s3.put_object(Bucket="source", Key="2024/a b.jpg")

    response = handler(s3batch_event.load(path), make_context())

    assert_succeeded(response)
