"""The log line of a failed task."""

from __future__ import annotations

import io
import json
import logging
import math
import sys

import pytest
from typing_extensions import override

from s3batch_handler.core._errors import PermanentFailure
from s3batch_handler.core._model import Outcome, ResultCode
from s3batch_handler.handler._observability import Observer
from tests.support.observation import KEYS, PERMANENT, TEMPORARY, Log, failure, task

SECRET = "hunter2"


@pytest.mark.parametrize(("outcome", "level"), [(TEMPORARY, "WARNING"), (PERMANENT, "ERROR")])
@pytest.mark.parametrize("watched", [True, False], ids=["watched", "not watched"])
def test_a_failed_task_is_one_line(outcome: Outcome, level: str, watched: bool) -> None:
    """It has the keys, the result and the traceback; it is a warning if S3 retries."""
    log = Log()

    def fail() -> None:
        log.observer.log_failure(task(), outcome, failure(ValueError("too dark")))

    if watched:
        with log.observer.observe(task(), math.inf):
            fail()
    else:
        fail()

    (line,) = log.lines
    assert line["level"] == level
    assert line["message"] == f"{outcome.code}: s3://photos/a b.jpg: {outcome.message}"
    assert (line["job_id"], line["bucket"], line["key"]) == ("job-1", "photos", "a b.jpg")
    assert line["result_code"] == outcome.code.value
    assert line["exception_name"] == "ValueError"
    assert "too dark" in line["exception"]
    assert "in failure" in line["exception"]


def test_an_expected_failure_is_one_warning_without_a_traceback() -> None:
    log = Log()
    error = failure(ValueError("too dark"))

    log.observer.log_failure(task(), PERMANENT, error, expected=True, traceback=False)

    (line,) = log.lines
    assert line["level"] == "WARNING"
    assert "exception" not in line


def test_the_line_of_a_failure_names_its_cause_once() -> None:
    log = Log()
    error = PermanentFailure("not a photo")
    error.__cause__ = ValueError("http://ann:secret@h/ is empty")

    log.observer.log_failure(task(), PERMANENT, error, expected=True, traceback=False)
    outcome = Outcome(ResultCode.PERMANENT_FAILURE, "ValueError: http://ann:***@h/ is empty")
    log.observer.log_failure(task(), outcome, error, expected=True, traceback=False)

    assert log.lines[0]["message"].endswith(
        "not a photo, caused by ValueError: http://ann:***@h/ is empty"
    )
    assert log.lines[1]["message"].endswith("a b.jpg: ValueError: http://ann:***@h/ is empty")


@pytest.mark.parametrize("own", [True, False], ids=["Powertools", "standard library"])
def test_tracebacks_are_redacted(own: bool, caplog: pytest.LogCaptureFixture) -> None:
    """So are the causes of the exception."""
    log = Log()
    observer = log.observer if own else Observer()
    cause = failure(KeyError(f"https://h/?token={SECRET}"))

    try:
        raise ValueError(f"http://ann:{SECRET}@h/") from cause
    except ValueError as error:
        observer.log_failure(task(), PERMANENT, error)

    text = json.dumps(log.lines) if own else caplog.text
    assert "ValueError" in text
    assert "http://ann:***@h/" in text
    assert "https://h/?token=***" in text
    assert SECRET not in text


def test_lines_in_the_buffer_of_powertools_are_redacted(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes the exception that is being handled."""
    from aws_lambda_powertools.logging.buffer import LoggerBufferConfig

    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-5759e988-bd862e3fe1be46a994272793")
    log = Log(buffer_config=LoggerBufferConfig(buffer_at_verbosity="WARNING"))

    try:
        raise ValueError(f"token={SECRET}") from failure(KeyError(f"token={SECRET}"))
    except ValueError as error:
        log.observer.log_failure(task(), TEMPORARY, error)
        handled = sys.exc_info()
    log.logger.error("flush")

    assert handled[0] is ValueError
    text = json.dumps(log.lines)
    assert "ValueError: token=***" in text
    assert "test_lines_in_the_buffer" in text
    assert SECRET not in text


def test_a_task_that_was_not_started_has_no_traceback() -> None:
    log = Log()

    log.observer.log_failure(task(), TEMPORARY, None)

    assert "exception" not in log.lines[0]


def test_plain_logging_gets_the_same_line(caplog: pytest.LogCaptureFixture) -> None:
    """Without a logger, the line goes to ``s3batch_handler`` of the standard library."""
    error = failure(ValueError("too dark"))
    log = Log()
    log.observer.log_failure(task(), PERMANENT, error)

    Observer().log_failure(task(), PERMANENT, error)

    (*_, record), (line,) = caplog.records, log.lines
    assert (record.name, record.levelname) == ("s3batch_handler", "ERROR")
    assert record.getMessage() == line["message"]
    for key in (KEYS - {"version_id"}) | {"result_code"}:
        assert getattr(record, key) == line[key]
    assert record.exc_info is not None
    assert record.exc_info[1] is error


def test_a_logger_of_the_standard_library_gets_only_failed_tasks(
    caplog: pytest.LogCaptureFixture,
) -> None:
    observer = Observer(logger=logging.getLogger("mine"))

    observer.log_failure(task(), TEMPORARY, None)

    (record,) = caplog.records
    assert (record.name, record.levelname) == ("mine", "WARNING")
    assert not observer.active


def test_a_key_with_line_breaks_stays_on_one_line(
    caplog: pytest.LogCaptureFixture, subtests: pytest.Subtests
) -> None:
    """Keys are chosen by everyone who may write to the bucket."""
    for break_ in ["\n", "\r\n", "\u2028", "\x85", "\x1b[2K"]:
        with subtests.test(break_=break_):
            caplog.clear()
            hostile = f"a{break_}CRITICAL: all is lost"
            outcome = Outcome(ResultCode.PERMANENT_FAILURE, f"no such key: {hostile}")

            Observer().log_failure(task(hostile), outcome, None)

            (record,) = caplog.records
            assert record.getMessage().isprintable()
            assert "CRITICAL" in record.getMessage()
            assert record.key == hostile  # type: ignore[attr-defined]


def test_a_message_is_not_used_as_a_format(caplog: pytest.LogCaptureFixture) -> None:
    log = Log()
    outcome = Outcome(ResultCode.PERMANENT_FAILURE, '%s %(key)s {"level": "INFO"}')

    log.observer.log_failure(task("%d"), outcome, None)

    assert log.lines[0]["level"] == "ERROR"
    assert log.lines[0]["message"].endswith('s3://photos/%d: %s %(key)s {"level": "INFO"}')


def test_a_key_that_is_not_utf8_is_logged() -> None:
    """The stream of a Lambda function cannot write a lone surrogate."""
    log = Log()
    raw = io.BytesIO()
    log.logger.handlers[0].setStream(io.TextIOWrapper(raw, "utf-8"))  # type: ignore[attr-defined]

    log.observer.log_failure(task("a\udcff"), PERMANENT, None)

    log.logger.handlers[0].flush()
    assert json.loads(raw.getvalue())["key"] == r"a\udcff"


def test_an_exception_without_a_text_is_logged() -> None:
    """Powertools puts the exception itself into its JSON."""

    class HostileError(Exception):
        @override
        def __str__(self) -> str:
            raise RuntimeError("no")

    log = Log()

    log.observer.log_failure(task(), PERMANENT, failure(HostileError()))

    assert log.lines[0]["message"].endswith("not a photo")


def test_user_arguments_are_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    """They may contain secrets."""
    log = Log()

    with log.observer.observe(task(), math.inf):
        log.observer.log_failure(task(), PERMANENT, failure(ValueError()))
    Observer().log_failure(task(), PERMANENT, failure(ValueError()))

    assert "hunter2" not in json.dumps(log.lines)
    assert "hunter2" not in str([record.__dict__ for record in caplog.records])


def test_a_buffered_warning_has_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Powertools 3.37 takes the exception that is being handled when the buffer is flushed."""
    from aws_lambda_powertools.logging.buffer import LoggerBufferConfig

    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-5759e988-bd862e3fe1be46a994272793")
    log = Log(buffer_config=LoggerBufferConfig(buffer_at_verbosity="WARNING"))

    try:
        raise ValueError("too dark")
    except ValueError as error:
        log.observer.log_failure(task(), TEMPORARY, error)
    log.logger.error("flush")

    assert "too dark" in log.lines[0]["exception"]
    assert log.lines[0]["key"] == "a b.jpg"
