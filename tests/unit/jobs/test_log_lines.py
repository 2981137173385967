"""Queries for the log lines of a job, and the lines that they find."""

from __future__ import annotations

import importlib
import io
import json
import logging
import re
import uuid
from functools import partial
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from aws_lambda_powertools import Logger
from botocore.stub import Stubber
from hypothesis import given
from hypothesis import strategies as st

from s3batch_handler import PermanentFailure, Task, task_handler
from s3batch_handler.core._sanitize import escape_surrogates
from s3batch_handler.jobs._log_filter import LEVELS, LogFilter
from s3batch_handler.jobs._log_lines import LogLine
from s3batch_handler.jobs._log_query import QueryFailed, run_query
from s3batch_handler.testing import make_context, make_event
from tests.support.jobs import CREATED, JOB_ID

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def failed_line(key: str = "a b.jpg", job_id: str = JOB_ID) -> str:
    """Return the line that a handler with a Powertools logger logs for a failed task."""
    stream = io.StringIO()
    logger = Logger(service=f"test-{uuid.uuid4()}", stream=stream)

    @task_handler(logger=logger)
    def handler(task: Task) -> str:
        raise PermanentFailure("not a photo")

    handler(make_event(key, bucket="photos", job_id=job_id), make_context())
    return stream.getvalue()


def line_of(text: str, **row: str) -> LogLine:
    return LogLine.from_row({"@message": text, "@timestamp": "2026-11-03 12:00:00.000", **row})


def test_lines_of_our_handlers_name_job_and_object() -> None:
    """The filter of the job accepts them, the filter of another job does not."""
    line = line_of(failed_line())

    assert (line.job_id, line.bucket, line.key) == (JOB_ID, "photos", "a b.jpg")
    assert (line.level, line.result_code) == ("WARNING", "PermanentFailure")
    assert line.message == "PermanentFailure: s3://photos/a b.jpg: not a photo"
    assert line.time == "2026-11-03T12:00:00.000Z"
    assert LogFilter(job_id=JOB_ID).accepts(line)
    assert LogFilter(job_id=JOB_ID, task=line.task).accepts(line)
    assert not LogFilter(job_id="another").accepts(line)
    assert not LogFilter(job_id=JOB_ID, level="ERROR").accepts(line)
    assert not LogFilter(job_id=JOB_ID, task="0" * 12).accepts(line)


def test_lines_in_the_json_format_of_lambda_name_job_and_object(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The runtime client adds the extra fields of a record, so no Powertools logger is needed."""

    @task_handler
    def handler(task: Task) -> str:
        raise PermanentFailure("not a photo")

    handler(make_event("a b.jpg", bucket="photos", job_id=JOB_ID), make_context())
    (record,) = (each for each in caplog.records if each.name == "s3batch_handler")
    runtime_client: Any = importlib.import_module("awslambdaric.lambda_runtime_log_utils")
    formatter = runtime_client.JsonFormatter()
    line = line_of(formatter.format(logging.makeLogRecord(vars(record))))

    assert (line.job_id, line.key, line.level) == (JOB_ID, "a b.jpg", "WARNING")
    assert LogFilter(job_id=JOB_ID).accepts(line)


WITHOUT_JOB_ID = {
    "[ERROR]\t2026-11-03T12:00:00.000Z\tcafe-1\tPermanentFailure: s3://photos/a b.jpg: no": (
        ("ERROR", "cafe-1", "PermanentFailure: s3://photos/a b.jpg: no")
    ),
    "2026-11-03T12:00:00.000Z cafe-1 Task timed out after 3.00 seconds": (
        (None, None, "2026-11-03T12:00:00.000Z cafe-1 Task timed out after 3.00 seconds")
    ),
    "RequestId: cafe-1 Error: Runtime exited with error: signal: killed": (
        (None, None, "RequestId: cafe-1 Error: Runtime exited with error: signal: killed")
    ),
    '{"type":"platform.report","record":{"requestId":"cafe-1","status":"timeout"}}': (
        (None, "cafe-1", "platform.report timeout")
    ),
    '{"level": "ERROR", "message": {"a": 1}, "requestId": "cafe-1"}': (
        ("ERROR", "cafe-1", '{"a": 1}')
    ),
}


@pytest.mark.parametrize("text", WITHOUT_JOB_ID)
def test_failures_without_a_job_id_are_accepted(text: str) -> None:
    """They are those of Lambda, and of functions with another logger; with --task they are not."""
    line = line_of(text)

    assert (line.level, line.request_id, line.message) == WITHOUT_JOB_ID[text]
    assert LogFilter(job_id=JOB_ID).accepts(line)
    assert not LogFilter(job_id=JOB_ID, task="0" * 12).accepts(line)
    assert LogFilter(job_id=JOB_ID, key="a b.jpg").accepts(line) is ("a b.jpg" in text)


@pytest.mark.parametrize(
    "text",
    [
        "START RequestId: cafe-1 Version: 7",
        '{"type":"platform.report","record":{"requestId":"cafe-1","status":"success"}}',
        '{"level": "INFO", "message": "fine"}',
        "a line of the function",
        "",
    ],
)
def test_other_lines_are_not_accepted(text: str) -> None:
    assert not LogFilter(job_id=JOB_ID, level="DEBUG").accepts(line_of(text))


@given(level=st.sampled_from([*LEVELS]), logged=st.sampled_from([*LEVELS]))
def test_lines_of_the_level_and_above_are_accepted(level: str, logged: str) -> None:
    line = line_of(json.dumps({"job_id": JOB_ID, "level": logged, "message": "x"}))

    names = [*LEVELS]
    accepted = LogFilter(job_id=JOB_ID, level=level).accepts(line)
    assert accepted is (names.index(logged) >= names.index(level))


KEYS = st.text(st.characters(exclude_categories=()), min_size=1, max_size=40)


@given(key=KEYS)
def test_a_key_cannot_change_the_query(key: str) -> None:
    """Its pattern has no character with a meaning, and matches the key as it is logged."""
    query = LogFilter(job_id=JOB_ID, key=key).query(10)

    assert len(query.splitlines()) == 4
    (pattern,) = re.findall(r"key like /\^(.*?)\$/\)", query)
    assert re.fullmatch(r"(?:[A-Za-z0-9 _.-]|\[\^_\])*", pattern)
    assert re.fullmatch(pattern, escape_surrogates(key))


@given(key=KEYS, other=KEYS)
def test_only_lines_of_the_key_itself_are_accepted(key: str, other: str) -> None:
    """The query finds more: it has no quoting."""
    fields = {"job_id": JOB_ID, "level": "ERROR", "message": "x", "key": escape_surrogates(other)}

    accepted = LogFilter(job_id=JOB_ID, key=key).accepts(line_of(json.dumps(fields)))

    assert accepted is (escape_surrogates(key) == escape_surrogates(other))


@given(key=KEYS, spell=st.sampled_from([str, json.dumps, partial(json.dumps, ensure_ascii=False)]))
def test_failures_without_a_job_id_can_name_the_key_in_json(
    key: str, spell: Callable[[str], str]
) -> None:
    """Loggers escape quotes and other characters: the query and the filter find them."""
    text = f"[ERROR]\t2026\tcafe-1\t{spell(escape_surrogates(key))}\n"
    wanted = LogFilter(job_id=JOB_ID, key=key)

    (pattern,) = re.findall(r"and @message like /([^/]*)/\)$", wanted.query(9), re.MULTILINE)

    assert re.search(pattern, text)
    assert wanted.accepts(line_of(text))


@pytest.mark.parametrize("character", ["a", "/", "\udc80", "\U0001f600", "\n"])
def test_a_long_key_does_not_make_the_query_too_long(character: str) -> None:
    """CloudWatch Logs' service model allows 10,000 characters."""
    query = LogFilter(job_id=JOB_ID, key=character * 1024).query(10)

    assert len(query) < 10_000
    assert "key like /^" not in query  # only the end of the key is compared


def test_lines_are_printed_without_credentials() -> None:
    """What names the object is unchanged."""
    url = "https://b.s3.amazonaws.com/k?X-Amz-Signature=abc"
    fields = {
        "job_id": JOB_ID,
        "key": "token=a/b.jpg",
        "message": f"GET {url} failed",
        "request": {"password": "hunter2", "pin_code": 7, "names": ["x"]},
        "api_key": ["secret-1"],
        "level": "ERROR",
    }

    line = line_of(json.dumps(fields)).redacted().to_json()
    plain = line_of(f"[ERROR]\t2026\tcafe-1\tGET {url} failed").redacted()

    assert line["key"] == line["fields"]["key"] == "token=a/b.jpg"
    assert line["fields"]["request"] == {"password": "***", "pin_code": 7, "names": ["x"]}
    assert line["fields"]["api_key"] == ["***"]
    for text in (line["message"], line["fields"]["message"], plain.message):
        assert text == "GET https://b.s3.amazonaws.com/k?X-Amz-Signature=*** failed"
    assert "abc" not in plain.text


@pytest.mark.parametrize("job_id", ['" or 1 = 1', "a\nb", "", "é"])
def test_an_id_that_would_need_quoting_is_an_error(job_id: str) -> None:
    with pytest.raises(ValueError, match="is not an ID"):
        LogFilter(job_id=job_id).query(10)


# ---------------------------------------------------------------- queries

STARTED: dict[str, Any] = {
    "logGroupNames": ["/aws/lambda/thumbnails"],
    "startTime": int(CREATED.timestamp()),
    "endTime": int(CREATED.timestamp()) + 1,
    "queryString": "fields @message",
}


@pytest.fixture
def logs() -> Iterator[Stubber]:
    """A stub of CloudWatch Logs that checks requests with botocore's model."""
    session: Any = boto3.Session("testing", "testing", region_name="eu-west-1")
    with Stubber(session.client("logs")) as stubber:
        stubber.add_response("start_query", {"queryId": "q"}, STARTED)
        yield stubber
        stubber.assert_no_pending_responses()


def run(logs: Stubber, sleep: Any = lambda _: None) -> list[dict[str, str]]:
    groups = STARTED["logGroupNames"]
    return run_query(
        logs.client, "fields @message", log_groups=groups, start=CREATED, end=CREATED, sleep=sleep
    ).rows


def test_a_query_is_repeated_until_it_is_complete(logs: Stubber) -> None:
    """All pages of its result are read."""
    row = [{"field": "@message", "value": "x"}, {"field": "@ptr", "value": "y"}]
    for status in ("Scheduled", "Running"):
        logs.add_response("get_query_results", {"status": status, "results": []}, {"queryId": "q"})
    complete = {"status": "Complete", "results": [row]}
    logs.add_response("get_query_results", {**complete, "nextToken": "t"}, {"queryId": "q"})
    logs.add_response("get_query_results", complete, {"queryId": "q", "nextToken": "t"})

    assert run(logs) == [{"@message": "x", "@ptr": "y"}] * 2


@pytest.mark.parametrize("status", ["Failed", "Cancelled", "Timeout"])
def test_a_query_that_ends_otherwise_is_an_error(logs: Stubber, status: str) -> None:
    logs.add_response("get_query_results", {"status": status, "results": []}, {"queryId": "q"})

    with pytest.raises(QueryFailed, match=f"the query q ended as {status}"):
        run(logs)


def test_an_interrupted_query_is_stopped(logs: Stubber) -> None:
    """AWS charges for the data that a query scans."""
    running: Any = {"status": "Running", "results": []}
    logs.add_response("get_query_results", running, {"queryId": "q"})
    logs.add_response("stop_query", {"success": True}, {"queryId": "q"})

    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(logs, interrupt)
