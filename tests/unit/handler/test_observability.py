"""What can be seen of a task, with the real Powertools Logger, Metrics and Tracer."""

from __future__ import annotations

import asyncio
import importlib
import io
import json
import logging
import math
import subprocess
import sys
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import (
    AmazonCloudWatchEMFProvider,
)
from botocore.exceptions import ClientError, WaiterError
from pydantic import BaseModel, model_serializer
from typing_extensions import override

from s3batch_handler import task_handler
from s3batch_handler.core._errors import PermanentFailure, TemporaryFailure
from s3batch_handler.core._model import JobRef, Outcome, ResultCode, Task
from s3batch_handler.handler._observability import Observer
from s3batch_handler.testing import make_context, make_event

if TYPE_CHECKING:
    from collections.abc import Iterator

SUCCEEDED = Outcome(ResultCode.SUCCEEDED, "fine")
TEMPORARY = Outcome(ResultCode.TEMPORARY_FAILURE, "SlowDown calling GetObject")
PERMANENT = Outcome(ResultCode.PERMANENT_FAILURE, "not a photo")
SECRET = "hunter2"
KEYS = {"job_id", "task", "bucket", "key", "version_id"}


def no_such_key() -> ClientError:
    message = "The specified key does not exist."
    return ClientError({"Error": {"Code": "NoSuchKey", "Message": message}}, "GetObject")


def task(key: str = "a b.jpg", **fields: Any) -> Task:
    job = JobRef(id="job-1", arguments={"password": "hunter2"})
    return Task(**{"id": "AAAA" * 300, "bucket": "photos", "key": key, "job": job, **fields})


def failure(error: BaseException) -> BaseException:
    """Give an exception as it comes out of a function: with a traceback."""
    try:
        raise error
    except BaseException as raised:
        return raised


# ---------------------------------------------------------------- the logger


class Log:
    """A Powertools Logger and the JSON lines it wrote."""

    def __init__(self, **options: Any) -> None:
        self._stream = io.StringIO()
        # Powertools keeps one logger per service name and process.
        self.logger = Logger(service=f"test-{uuid.uuid4()}", stream=self._stream, **options)
        self.observer = Observer(logger=self.logger)

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._stream.getvalue().splitlines()]


def test_user_lines_have_the_keys_of_the_task() -> None:
    """Whatever a function logs can be found by its object; afterwards the keys are gone."""
    log = Log()

    with log.observer.observe(task(version_id="v1"), math.inf) as watched:
        log.logger.info("working")
        watched.outcome = SUCCEEDED
    log.logger.info("done")

    during, after = log.lines
    assert {key: during[key] for key in KEYS - {"task"}} == {
        "job_id": "job-1",
        "bucket": "photos",
        "key": "a b.jpg",
        "version_id": "v1",
    }
    assert KEYS & after.keys() == set()


def test_task_id_is_logged_as_a_short_hash() -> None:
    """S3's ids have over a thousand characters; the hash tells tasks apart, and stays."""
    log = Log()

    for each in (task(), task(), task(id="AAAB")):
        with log.observer.observe(each, math.inf):
            log.logger.info("working")

    first, again, other = (line["task"] for line in log.lines)
    assert first == again != other
    assert len(first) == 12
    assert int(first, 16)


def test_no_version_is_no_key() -> None:
    """Neither an empty field nor a version id that the user's own key left behind."""
    log = Log()
    log.logger.append_keys(version_id="of something else")

    with log.observer.observe(task(), math.inf):
        log.logger.info("working")

    assert "version_id" not in log.lines[0]


@pytest.mark.parametrize("append", ["append_keys", "thread_safe_append_keys"])
def test_keys_of_the_same_name_are_back_afterwards(append: str) -> None:
    """Powertools' own context manager would drop them."""
    log = Log()
    getattr(log.logger, append)(key="mine", job_id="mine too", other="stays")

    with log.observer.observe(task(), math.inf):
        log.logger.info("working")
    log.logger.info("done")
    log.logger.thread_safe_clear_keys()

    during, after = log.lines
    assert (during["key"], during["job_id"], during["other"]) == ("a b.jpg", "job-1", "stays")
    assert (after["key"], after["job_id"], after["other"]) == ("mine", "mine too", "stays")


def test_nested_watches_restore_the_outer_task() -> None:
    """``handler.run(task)`` may be called within a task."""
    log = Log()

    with log.observer.observe(task("outer"), math.inf):
        with log.observer.observe(task("inner"), math.inf):
            log.logger.info("x")
        log.logger.info("x")

    assert [line["key"] for line in log.lines] == ["inner", "outer"]


def test_threads_keep_their_keys_apart() -> None:
    log = Log()
    together = threading.Barrier(4)

    def work(key: str) -> None:
        with log.observer.observe(task(key), math.inf):
            together.wait()
            log.logger.info(key)
            together.wait()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, "abcd"))

    assert sorted(line["message"] for line in log.lines) == list("abcd")
    assert all(line["message"] == line["key"] for line in log.lines)


def test_tasks_of_an_event_loop_keep_their_keys_apart() -> None:
    log = Log()

    async def work(key: str) -> None:
        with log.observer.observe(task(key), math.inf):
            await asyncio.sleep(0)
            log.logger.info(key)
            await asyncio.sleep(0)

    async def work_all() -> None:
        await asyncio.gather(*map(work, "abcd"))
        log.logger.info("done")

    asyncio.run(work_all())

    *during, after = log.lines
    assert [line["key"] for line in during] == list("abcd")
    assert KEYS & after.keys() == set()


@pytest.mark.parametrize("error", [ValueError(), SystemExit(), KeyboardInterrupt()])
def test_keys_are_gone_however_a_task_ends(error: BaseException) -> None:
    log = Log()

    with pytest.raises(type(error)), log.observer.observe(task(), math.inf):
        raise error
    log.logger.info("done")

    assert KEYS & log.lines[0].keys() == set()


def test_composes_with_inject_lambda_context() -> None:
    """What Powertools adds to each line stays on it."""
    log = Log()
    context = SimpleNamespace(
        function_name="f", memory_limit_in_mb=128, invoked_function_arn="arn", aws_request_id="r-1"
    )

    @log.logger.inject_lambda_context
    def handler(event: object, context: object) -> None:
        with log.observer.observe(task(), math.inf):
            log.logger.info("working")

    handler({}, context)

    assert log.lines[0]["function_request_id"] == "r-1"
    assert log.lines[0]["key"] == "a b.jpg"


# ---------------------------------------------------------------- the line of a failed task


@pytest.mark.parametrize(("outcome", "level"), [(TEMPORARY, "WARNING"), (PERMANENT, "ERROR")])
@pytest.mark.parametrize("watched", [True, False], ids=["watched", "not watched"])
def test_failed_task_is_one_line(outcome: Outcome, level: str, watched: bool) -> None:
    """With the task's keys, the result and the traceback: a warning if S3 tries again."""
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


def test_expected_failure_is_one_warning_without_a_traceback() -> None:
    log = Log()
    error = failure(ValueError("too dark"))

    log.observer.log_failure(task(), PERMANENT, error, expected=True, traceback=False)

    (line,) = log.lines
    assert line["level"] == "WARNING"
    assert "exception" not in line


def test_line_of_a_failure_names_what_it_was_raised_from() -> None:
    """There is no traceback to tell it; a message that has it already is not lengthened."""
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


def sync_function(value: Any) -> Any:
    def function(task: Task) -> object:
        if isinstance(value, Exception):
            raise value
        return value

    return function


def async_function(value: Any) -> Any:
    async def function(task: Task) -> object:
        await asyncio.sleep(0)
        return sync_function(value)(task)

    return function


def wrapped_async_function(value: Any) -> Any:
    function = async_function(value)

    def wrapper(task: Task) -> object:
        return function(task)

    return wrapper


@pytest.mark.parametrize(
    ("returned", "raised"),
    [
        (Outcome(ResultCode.PERMANENT_FAILURE, "no"), PermanentFailure("no")),
        ((ResultCode.TEMPORARY_FAILURE, "busy"), TemporaryFailure("busy")),
        ({"resultCode": "PermanentFailure", "resultString": "no"}, PermanentFailure("no")),
    ],
    ids=["Outcome", "tuple", "AWS"],
)
@pytest.mark.parametrize("make", [sync_function, async_function, wrapped_async_function])
@pytest.mark.parametrize("concurrency", [1, 3])
@pytest.mark.filterwarnings("ignore::s3batch_handler.handler._time_limit.ThreadTimeLimitWarning")
@pytest.mark.parametrize("own", [True, False], ids=["Powertools", "standard library"])
def test_a_returned_failure_is_logged_as_a_raised_one(
    returned: Any,
    raised: Exception,
    make: Any,
    concurrency: int,
    own: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Each failed task is one warning without a traceback, whether it returned or raised."""

    def lines_of(value: Any) -> list[Any]:
        log = Log()
        caplog.clear()
        observed: Any = {"logger": log.logger, "metrics": new_metrics()} if own else {}
        decorator: Any = task_handler(concurrency=concurrency, **observed)
        decorator(make(value))(make_event("a", "b", "c"), make_context())
        if own:
            names = ("level", "message", "key", "result_code", "exception")
            return sorted(tuple(line.get(name) for name in names) for line in log.lines)
        return sorted(
            (record.levelname, record.getMessage(), record.__dict__["key"], record.exc_info)
            for record in caplog.records
        )

    lines = lines_of(returned)

    assert len(lines) == 3
    assert {(line[0], line[-1]) for line in lines} == {("WARNING", None)}
    assert lines == lines_of(raised)


def test_a_success_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    for value in (None, "fine", SUCCEEDED, ResultCode.SUCCEEDED, {"resultCode": "Succeeded"}):
        task_handler(sync_function(value))(make_event("a"), make_context())

    assert not caplog.records


@pytest.mark.parametrize(
    ("errors", "level", "has_traceback"),
    [
        ([PermanentFailure("empty"), PermanentFailure("no photo")], "WARNING", False),
        ([ExceptionGroup("inner", [PermanentFailure("empty")])], "WARNING", False),
        ([no_such_key(), no_such_key()], "ERROR", False),
        ([PermanentFailure("empty"), ZeroDivisionError("a bug")], "ERROR", True),
    ],
)
def test_line_of_a_group_is_that_of_its_exceptions(
    errors: list[Exception], level: str, has_traceback: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """A ``TaskGroup`` raises a group, even for one exception."""

    @task_handler
    def handler(task: Task) -> None:
        raise ExceptionGroup("group", errors)

    handler(make_event("a"), make_context())

    (record,) = caplog.records
    assert (record.levelname, record.exc_info is not None) == (level, has_traceback)


def test_answer_of_aws_in_a_waiter_error_needs_no_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    response = no_such_key().response

    @task_handler
    def handler(task: Task) -> None:
        raise WaiterError("object_exists", "refused", response)

    handler(make_event("a"), make_context())

    (record,) = caplog.records
    assert record.exc_info is None


class Spoiled(BaseModel):
    """A result whose serializer raises an exception."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    @model_serializer
    def _broken(self) -> str:
        raise self._error


@pytest.mark.parametrize(
    "value",
    [
        Spoiled(ZeroDivisionError("by zero")),
        [Spoiled(ZeroDivisionError("by zero"))],
        b"bytes",
        math.nan,
        {"resultCode": "Perhaps"},
    ],
    ids=["serializer", "nested serializer", "bytes", "NaN", "unknown code"],
)
def test_a_result_that_cannot_be_used_is_unexpected(
    value: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """It is a mistake in the user's code, so the log has its traceback."""
    response = task_handler(sync_function(value))(make_event("a"), make_context())

    (record,) = caplog.records
    assert response["results"][0]["resultCode"] == "PermanentFailure"
    assert record.levelname == "ERROR"
    assert record.exc_info is not None


def test_an_expected_failure_in_a_serializer_is_expected(caplog: pytest.LogCaptureFixture) -> None:
    function = sync_function(Spoiled(TemporaryFailure("busy")))

    response = task_handler(function)(make_event("a"), make_context())

    (record,) = caplog.records
    assert response["results"][0]["resultCode"] == "TemporaryFailure"
    assert (record.levelname, record.exc_info) == ("WARNING", None)


@pytest.mark.parametrize("own", [True, False], ids=["Powertools", "standard library"])
def test_traceback_has_no_secrets(own: bool, caplog: pytest.LogCaptureFixture) -> None:
    """Neither in the exception nor in its causes; the class is still to be seen."""
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


def test_buffer_of_powertools_gets_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes the exception that is being handled; and that of the user is handled on later."""
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
    assert "test_buffer_of_powertools" in text
    assert SECRET not in text


def test_failed_task_without_an_exception() -> None:
    """A task that was never started has no traceback."""
    log = Log()

    log.observer.log_failure(task(), TEMPORARY, None)

    assert "exception" not in log.lines[0]


def test_plain_logging_gets_the_same_line(caplog: pytest.LogCaptureFixture) -> None:
    """Without any logger: ``s3batch_handler`` of the standard library, same text, same fields."""
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


def test_logger_of_the_standard_library(caplog: pytest.LogCaptureFixture) -> None:
    """It gets the lines of failed tasks; there is nothing to do for the others."""
    observer = Observer(logger=logging.getLogger("mine"))

    observer.log_failure(task(), TEMPORARY, None)

    (record,) = caplog.records
    assert (record.name, record.levelname) == ("mine", "WARNING")
    assert not observer.active


@pytest.mark.parametrize("break_", ["\n", "\r\n", "\u2028", "\x85", "\x1b[2K"])
def test_hostile_key_forges_no_line(break_: str, caplog: pytest.LogCaptureFixture) -> None:
    """Keys are chosen by whoever may write to the bucket."""
    hostile = f"a{break_}CRITICAL: all is lost"
    outcome = Outcome(ResultCode.PERMANENT_FAILURE, f"no such key: {hostile}")

    Observer().log_failure(task(hostile), outcome, None)

    (record,) = caplog.records
    assert record.getMessage().isprintable()
    assert "CRITICAL" in record.getMessage()
    assert record.key == hostile  # type: ignore[attr-defined]


def test_hostile_message_is_no_format_and_no_json(caplog: pytest.LogCaptureFixture) -> None:
    log = Log()
    outcome = Outcome(ResultCode.PERMANENT_FAILURE, '%s %(key)s {"level": "INFO"}')

    log.observer.log_failure(task("%d"), outcome, None)

    assert log.lines[0]["level"] == "ERROR"
    assert log.lines[0]["message"].endswith('s3://photos/%d: %s %(key)s {"level": "INFO"}')


def test_key_that_is_no_utf8_costs_no_line() -> None:
    """The stream of a real Lambda function could not write half a surrogate pair."""
    log = Log()
    raw = io.BytesIO()
    log.logger.handlers[0].setStream(io.TextIOWrapper(raw, "utf-8"))  # type: ignore[attr-defined]

    log.observer.log_failure(task("a\udcff"), PERMANENT, None)

    log.logger.handlers[0].flush()
    assert json.loads(raw.getvalue())["key"] == r"a\udcff"


def test_exception_without_a_text_costs_no_line() -> None:
    """Powertools puts the exception itself into its JSON."""

    class HostileError(Exception):
        @override
        def __str__(self) -> str:
            raise RuntimeError("no")

    log = Log()

    log.observer.log_failure(task(), PERMANENT, failure(HostileError()))

    assert log.lines[0]["message"].endswith("not a photo")


def test_user_arguments_are_logged_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    """They may hold secrets."""
    log = Log()

    with log.observer.observe(task(), math.inf):
        log.observer.log_failure(task(), PERMANENT, failure(ValueError()))
    Observer().log_failure(task(), PERMANENT, failure(ValueError()))

    assert "hunter2" not in json.dumps(log.lines)
    assert "hunter2" not in str([record.__dict__ for record in caplog.records])


def test_buffered_warning_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Logger with a buffer holds warnings back until an error comes.

    Powertools 3.37 then takes the exception that is being handled, whichever it was given.
    """
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


# ---------------------------------------------------------------- metrics


def new_metrics() -> Metrics:
    """Make a Metrics that shares nothing: others of the process write into one set."""
    provider = AmazonCloudWatchEMFProvider(
        namespace="Photos",
        service="thumbnails",
        metric_set={},
        dimension_set={},
        metadata_set={},
        default_dimensions={},
    )
    return Metrics(provider=provider)


@pytest.mark.parametrize(
    ("outcome", "name"),
    [
        (SUCCEEDED, "TaskSucceeded"),
        (TEMPORARY, "TaskTemporaryFailure"),
        (PERMANENT, "TaskPermanentFailure"),
    ],
)
def test_metrics_of_a_task(outcome: Outcome, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Through ``@metrics.log_metrics`` on the outside, as EMF on stdout."""
    metrics = new_metrics()
    observer = Observer(metrics=metrics)

    @metrics.log_metrics
    def handler(event: object, context: object) -> None:
        with observer.observe(task(), 10.0) as watched:
            time.sleep(0.02)
            watched.outcome = outcome

    handler({}, None)

    emf = json.loads(capsys.readouterr().out)
    (declared,) = emf["_aws"]["CloudWatchMetrics"]
    assert {each["Name"]: each["Unit"] for each in declared["Metrics"]} == {
        name: "Count",
        "TaskDuration": "Milliseconds",
        "TimeLeft": "Milliseconds",
    }
    assert declared["Dimensions"] == [["service"]]
    assert emf[name] == [1.0]
    assert 20 <= emf["TaskDuration"][0] < 5000
    assert emf["TimeLeft"][0] == pytest.approx(10_000 - emf["TaskDuration"][0], abs=0.01)


def test_unknown_time_left_is_no_metric() -> None:
    metrics = new_metrics()

    with Observer(metrics=metrics).observe(task(), math.inf):
        pass

    assert "TimeLeft" not in metrics.provider.metric_set


def test_time_left_is_never_negative() -> None:
    metrics = new_metrics()

    with Observer(metrics=metrics).observe(task(), -1.0):
        pass

    assert metrics.provider.metric_set["TimeLeft"]["Value"] == [0.0]


def test_duration_is_measured_of_tasks_that_blow_up() -> None:
    """No result, so none is counted."""
    metrics = new_metrics()

    with pytest.raises(SystemExit), Observer(metrics=metrics).observe(task(), math.inf):
        raise SystemExit

    assert set(metrics.provider.metric_set) == {"TaskDuration"}


def test_metrics_of_many_threads_are_all_counted(capsys: pytest.CaptureFixture[str]) -> None:
    """Powertools' Metrics is not made for threads; it also prints by itself at 100 values."""
    metrics = new_metrics()
    observer = Observer(metrics=metrics)

    def work(number: int) -> None:
        with observer.observe(task(str(number)), 1.0) as watched:
            watched.outcome = SUCCEEDED

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(950)))
    metrics.flush_metrics()

    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert sum(len(each.get("TaskSucceeded", [])) for each in printed) == 950
    assert sum(len(each.get("TaskDuration", [])) for each in printed) == 950


# ---------------------------------------------------------------- the tracer


xray: Any = importlib.import_module("aws_xray_sdk.core")  # it has no types
xray_sdk: Any = importlib.import_module("aws_xray_sdk").global_sdk_config
xray_lambda: Any = importlib.import_module("aws_xray_sdk.core.lambda_launcher")
xray.xray_recorder.emitter._socket.close()  # made by the import, and never closed


class Trace:
    """A Powertools Tracer over a real X-Ray recorder that sends to a list."""

    def __init__(self, recorder: Any) -> None:
        self.sent: list[dict[str, Any]] = []
        self.recorder = recorder
        recorder.emitter._socket.close()
        recorder.emitter = SimpleNamespace(
            send_entity=lambda entity: self.sent.append(json.loads(entity.serialize()))
        )
        self.tracer = Tracer(
            service="thumbnails", disabled=False, auto_patch=False, provider=recorder
        )
        self.observer = Observer(tracer=self.tracer)

    def subsegments(self, name: str = "s3batch task") -> list[dict[str, Any]]:
        """Give what was sent under a name, wherever it lies; nothing may still be open."""

        def below(entities: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
            for entity in entities:
                assert not entity.get("in_progress"), entity
                if entity["name"] == name:
                    yield entity
                yield from below(entity.get("subsegments", []))

        return list(below(self.sent))


@pytest.fixture
def trace(monkeypatch: pytest.MonkeyPatch) -> Iterator[Trace]:
    """A tracer as in Lambda: the segment is AWS's, subsegments are sent one by one."""
    monkeypatch.setenv("_X_AMZN_TRACE_ID", TRACE_HEADER)
    before = xray_sdk.sdk_enabled()
    xray_sdk.set_sdk_enabled(True)
    Tracer._reset_config()  # type: ignore[no-untyped-call]
    recorder = xray.AWSXRayRecorder()
    recorder.configure(context=xray_lambda.LambdaContext(), streaming_threshold=0, sampling=False)
    try:
        yield Trace(recorder)
    finally:
        Tracer._reset_config()  # type: ignore[no-untyped-call]
        xray_sdk.set_sdk_enabled(before)


TRACE_HEADER = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"


def test_task_is_a_subsegment_with_its_result(trace: Trace) -> None:
    """To be searched by result, and to be read with the object's name."""

    @trace.tracer.capture_lambda_handler
    def handler(event: object, context: object) -> None:
        with trace.observer.observe(task(), math.inf) as watched:
            watched.outcome = TEMPORARY

    handler({}, None)

    (subsegment,) = trace.subsegments()
    assert subsegment["annotations"] == {"ResultCode": "TemporaryFailure"}
    assert subsegment["metadata"] == {"s3batch": {"bucket": "photos", "key": "a b.jpg"}}
    assert len(trace.subsegments("## handler")) == 1


def test_what_a_task_traces_lies_below_it(trace: Trace) -> None:
    """Calls to S3, which the X-Ray SDK traces by itself, belong to their task."""
    with trace.observer.observe(task(), math.inf), trace.recorder.in_subsegment("s3"):
        pass

    (own,), (call,) = trace.subsegments(), trace.subsegments("s3")
    assert call["parent_id"] == own["id"]


@pytest.mark.parametrize("error", [ValueError(), SystemExit(), KeyboardInterrupt()])
def test_subsegment_is_closed_however_a_task_ends(trace: Trace, error: BaseException) -> None:
    with pytest.raises(type(error)), trace.observer.observe(task(), math.inf):
        raise error

    (subsegment,) = trace.subsegments()
    assert subsegment["fault"]
    assert subsegment["end_time"]
    assert "annotations" not in subsegment


def test_threads_have_a_subsegment_per_task(trace: Trace) -> None:
    together = threading.Barrier(4)

    def work(key: str) -> None:
        with trace.observer.observe(task(key), math.inf) as watched:
            together.wait()
            watched.outcome = Outcome(ResultCode.SUCCEEDED if key < "c" else PERMANENT.code)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, "abcd"))

    assert results_in(trace) == EXPECTED_RESULTS


def test_tasks_of_an_event_loop_have_a_subsegment_each(trace: Trace) -> None:
    """They take turns in one thread, for which X-Ray has one stack: still nobody's child but the
    handler's, and each with its own result and its own end."""

    async def work(key: str, may_end: asyncio.Event, ended: asyncio.Event) -> None:
        with trace.observer.observe(task(key), math.inf) as watched:
            await may_end.wait()
            watched.outcome = Outcome(ResultCode.SUCCEEDED if key < "c" else PERMANENT.code)
        ended.set()

    async def work_all() -> None:
        done, c, b, a, go = (asyncio.Event() for _ in range(5))
        go.set()
        waits = [work("a", a, done), work("b", b, a), work("c", c, b), work("d", go, c)]
        await asyncio.gather(*waits)  # the first ends last

    @trace.tracer.capture_lambda_handler
    def handler(event: object, context: object) -> None:
        asyncio.run(work_all())

    handler({}, None)

    assert results_in(trace) == EXPECTED_RESULTS
    (outside,) = trace.subsegments("## handler")
    assert {each.get("parent_id", outside["id"]) for each in trace.subsegments()} == {outside["id"]}
    ends = {each["metadata"]["s3batch"]["key"]: each["end_time"] for each in trace.subsegments()}
    assert sorted(ends, key=lambda key: ends[key]) == list("dcba")


def test_one_of_several_tasks_in_a_loop_blows_up(trace: Trace) -> None:
    async def work(key: str) -> None:
        with trace.observer.observe(task(key), math.inf) as watched:
            await asyncio.sleep(0)
            if key == "b":
                raise ValueError
            watched.outcome = SUCCEEDED

    async def work_all() -> None:
        await asyncio.gather(*map(work, "abc"), return_exceptions=True)

    asyncio.run(work_all())

    faults = {
        each["metadata"]["s3batch"]["key"]: each.get("fault", False) for each in trace.subsegments()
    }
    assert faults == {"a": False, "b": True, "c": False}


EXPECTED_RESULTS = {
    "a": "Succeeded",
    "b": "Succeeded",
    "c": "PermanentFailure",
    "d": "PermanentFailure",
}


def results_in(trace: Trace) -> dict[str, str]:
    return {
        each["metadata"]["s3batch"]["key"]: each["annotations"]["ResultCode"]
        for each in trace.subsegments()
    }


def test_tracer_outside_of_a_traced_invocation(
    trace: Trace, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """On a developer's machine there is no segment: nothing is traced, nothing complains of us."""
    monkeypatch.delenv("_X_AMZN_TRACE_ID")

    with trace.observer.observe(task(), math.inf) as watched:
        watched.outcome = SUCCEEDED

    assert trace.sent == []
    assert [record for record in caplog.records if record.name == "s3batch_handler"] == []


def test_event_loop_outside_of_any_segment(trace: Trace, caplog: pytest.LogCaptureFixture) -> None:
    """Neither a thread nor an error for each task: there is nothing to lay it below."""
    trace.recorder.configure(context=xray.context.Context("IGNORE_ERROR"))

    async def work(key: str) -> None:
        with trace.observer.observe(task(key), math.inf) as watched:
            await asyncio.sleep(0)
            watched.outcome = SUCCEEDED

    async def work_all() -> None:
        await asyncio.gather(*map(work, "abc"))

    asyncio.run(work_all())

    assert trace.sent == []
    assert [record for record in caplog.records if record.name == "s3batch_handler"] == []


def test_disabled_tracer_is_left_alone(trace: Trace) -> None:
    """``Tracer(disabled=True)`` is what Powertools itself makes of it outside of Lambda."""
    tracer = Tracer(disabled=True, auto_patch=False)
    try:
        with Observer(tracer=tracer).observe(task(), math.inf) as watched:
            watched.outcome = SUCCEEDED
    finally:
        xray_sdk.set_sdk_enabled(True)

    assert trace.sent == []


# ---------------------------------------------------------------- never in the way


class Broken:
    """All that Powertools offers, and all of it fails."""

    def __getattr__(self, name: str) -> Any:
        return self if name == "provider" else self._fail

    def _fail(self, *_: object, **__: object) -> None:
        raise RuntimeError("broken")


class BrokenLater:
    """Opens well, fails at each later step."""

    def thread_safe_get_current_keys(self) -> dict[str, Any]:
        return {}

    def thread_safe_append_keys(self, **_: object) -> None: ...

    def thread_safe_remove_keys(self, keys: object) -> None:
        raise RuntimeError("remove")

    @property
    def provider(self) -> BrokenLater:
        return self

    @contextmanager
    def in_subsegment(self, name: str) -> Iterator[Any]:
        yield self
        raise RuntimeError("close")

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)


@pytest.mark.parametrize("broken", [Broken(), BrokenLater()], ids=["all", "later"])
def test_broken_powertools_fail_no_task(broken: Any, caplog: pytest.LogCaptureFixture) -> None:
    """It is logged what did not work, and the task goes on."""
    observer = Observer(logger=broken, metrics=broken, tracer=broken)

    with observer.observe(task(), 1.0) as watched:
        watched.outcome = SUCCEEDED
    observer.log_failure(task(), PERMANENT, None)

    problems = {message.split(" failed;")[0] for message in caplog.messages}
    assert problems >= {"removing logger keys", "adding metrics", "logging a failed task"}


def test_orphaned_child_logger_fails_no_task(caplog: pytest.LogCaptureFixture) -> None:
    """A real way to break it: Powertools refuses keys on a child without a parent."""
    logger = Logger(service=f"orphan-{uuid.uuid4()}", child=True)
    observer = Observer(logger=logger)

    with observer.observe(task(), math.inf) as watched:
        watched.outcome = SUCCEEDED

    assert "setting logger keys failed; the task is not affected" in caplog.messages


def test_failing_logger_fails_no_task(caplog: pytest.LogCaptureFixture) -> None:
    class FailingFilter(logging.Filter):
        @override
        def filter(self, record: logging.LogRecord) -> bool:
            raise RuntimeError("a bug")

    logger = logging.getLogger(f"failing-{uuid.uuid4()}")
    logger.addFilter(FailingFilter())

    Observer(logger=logger).log_failure(task(), PERMANENT, None)

    assert "logging a failed task failed; the task is not affected" in caplog.messages


def test_own_exceptions_pass_unchanged() -> None:
    """Only Powertools' failures are swallowed, never the task's."""
    error = ValueError("mine")

    observer = Observer(metrics=new_metrics(), tracer=BrokenLater())

    with pytest.raises(ValueError, match="mine") as caught, observer.observe(task(), math.inf):
        raise error

    assert caught.value is error


@pytest.mark.parametrize(
    ("options", "active"),
    [
        ({}, False),
        ({"logger": logging.getLogger("mine")}, False),
        ({"logger": Log().logger}, True),
        ({"metrics": new_metrics()}, True),
        ({"tracer": BrokenLater()}, True),
    ],
    ids=["nothing", "plain logger", "logger", "metrics", "tracer"],
)
def test_active_only_if_something_is_done_per_task(options: Any, active: bool) -> None:
    assert Observer(**options).active is active


def test_watch_without_anything_does_nothing() -> None:
    with Observer().observe(task(), math.inf) as watched:
        watched.outcome = SUCCEEDED

    assert watched.outcome is SUCCEEDED


def test_import_brings_in_no_powertools() -> None:
    """Who passes nothing in pays for nothing, not even for ``logging``."""
    heavy = {"aws_lambda_powertools", "aws_xray_sdk", "asyncio", "logging"}
    program = (
        "import sys; import s3batch_handler.handler._observability; "
        f"print(sorted({heavy!r} & sys.modules.keys()))"
    )

    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert answer.stdout.strip() == "[]"
