"""Tests of the function: the row of each object in the completion report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from s3batch_handler.testing import assert_succeeded, make_context, run_job

from app import Found, Scan, handler

if TYPE_CHECKING:
    from conftest import Refuse
    from mypy_boto3_s3 import S3Client
    from s3batch_handler.testing import EventFactory, JobRunner

EVENTS = sorted(Path(__file__).parents[1].joinpath("events").glob("*.json"))
TEXT = b"one\ntwo\nann@example.com\nfour\n" + b"bob@example.com\n" * 9


@pytest.mark.s3batch_schemas
def test_patterns_are_found(s3: S3Client, s3batch_job: JobRunner) -> None:
    s3.put_object(Bucket="source", Key="2024/a b.txt", Body=TEXT)

    (row,) = s3batch_job(handler, ["2024/a b.txt"], bucket="source")

    assert row.error_code is None, row.message
    assert Scan.model_validate_json(row.message) == Scan(
        lines=13, found={"email": Found(lines=10, first=[3, 5, 6, 7, 8])}
    )


def test_user_arguments_choose_patterns_and_encoding(s3: S3Client) -> None:
    s3.put_object(Bucket="source", Key="a.txt", Body="one\nfünf\n".encode("latin-1"))
    arguments = {"patterns": '{"number": "^f.nf$"}', "encoding": "latin-1"}

    (row,) = run_job(handler, ["a.txt"], bucket="source", user_arguments=arguments)

    assert row.message == '{"lines":2,"found":{"number":{"lines":1,"first":[2]}}}'


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32-be"])
def test_lines_are_split_after_decoding(s3: S3Client, encoding: str) -> None:
    """In some encodings, the byte of a line feed is part of another character."""
    s3.put_object(Bucket="source", Key="a.txt", Body="one\r\ntwo Ċ".encode(encoding))
    arguments = {"patterns": '{"first": "^one$", "any": "[^a-zĊ ]"}', "encoding": encoding}

    (row,) = run_job(handler, ["a.txt"], bucket="source", user_arguments=arguments)

    assert row.message == '{"lines":2,"found":{"first":{"lines":1,"first":[1]}}}'


@pytest.mark.parametrize("letter", [b"x", b"@", b"a@", b"@."])
def test_a_line_of_ten_million_letters_is_searched_in_time(s3: S3Client, letter: bytes) -> None:
    s3.put_object(Bucket="source", Key="a.txt", Body=letter * 5_000_000)

    (row,) = run_job(handler, ["a.txt"], bucket="source", timeout=60)

    assert row.message == '{"lines":1,"found":{}}'


def test_a_misspelled_argument_fails_every_task(s3: S3Client) -> None:
    """Otherwise the job would search for the default patterns."""
    s3.put_object(Bucket="source", Key="a.txt", Body=TEXT)

    (row,) = run_job(handler, ["a.txt"], bucket="source", user_arguments={"pattern": "{}"})

    assert row.error_code == "PermanentFailure"
    assert "pattern" in row.message


@pytest.mark.parametrize("patterns", ["todo", "{}", '{"todo": "("}'])
def test_wrong_arguments_fail_every_task(s3: S3Client, patterns: str) -> None:
    s3.put_object(Bucket="source", Key="a.txt", Body=TEXT)

    (row,) = run_job(handler, ["a.txt"], bucket="source", user_arguments={"patterns": patterns})

    assert row.error_code == "PermanentFailure"
    assert "patterns" in row.message


def test_permanent_failures_are_not_retried(s3: S3Client) -> None:
    s3.put_object(Bucket="source", Key="a.bin", Body=b"\xff\xfe\xfd")

    binary, missing = run_job(handler, ["a.bin", "missing.txt"], bucket="source")

    assert (binary.error_code, missing.error_code) == ("PermanentFailure", "PermanentFailure")
    assert binary.message.startswith("UnicodeDecodeError")
    assert missing.message.startswith("NoSuchKey")


def test_a_throttled_request_is_retried(refuse: Refuse) -> None:
    refuse("SlowDown", 503)

    (row,) = run_job(handler, ["a.txt"], bucket="source")

    assert row.error_code == "TemporaryFailure"  # after three redrives


@pytest.mark.parametrize("path", EVENTS, ids=lambda path: path.stem)
def test_example_events_succeed(s3: S3Client, s3batch_event: EventFactory, path: Path) -> None:
    s3.put_object(Bucket="source", Key="2024/a b.txt", Body=TEXT)

    response = handler(s3batch_event.load(path), make_context())

    assert_succeeded(response)
