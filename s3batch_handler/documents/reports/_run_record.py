"""``run.json``: how a local job ran, beside its report. Its size does not depend on the tasks.

A completion report has no times. This file contains them for the page of the job: rate, durations
and statuses. Times are ISO 8601 with a time zone, durations are seconds.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import Field, PlainValidator, TypeAdapter
from typing_extensions import TypedDict

from s3batch_handler.core._errors import ReportError
from s3batch_handler.documents.reports._record_json import read_record
from s3batch_handler.documents.reports._report_files import MAX_STATUSES, RUN_RECORD

if TYPE_CHECKING:
    from s3batch_handler.documents.reports._report import Report


def _text(value: object) -> str:
    # pydantic's own check refuses lone surrogates, which keys may have.
    if not isinstance(value, str) or len(value) > _MAX_TEXT:
        raise ValueError(f"expected text of at most {_MAX_TEXT:,} characters")
    return value


def _time(value: object) -> str:
    time = datetime.fromisoformat(_text(value))
    offset = time.utcoffset()
    if offset is None or offset % timedelta(minutes=1):
        raise ValueError("expected a time with its time zone")
    return time.isoformat()  # browsers do not read every form that Python reads


_MAX_TEXT: Final = 10_000
_Text = Annotated[str, PlainValidator(_text)]
_Time = Annotated[str, PlainValidator(_time)]
_Count = Annotated[int, Field(strict=True, ge=0, le=2**53)]
_Seconds = Annotated[float, Field(strict=True, ge=0, le=1e10, allow_inf_nan=False)]


class StatusChange(TypedDict):
    """A status of a job, and when it began."""

    status: _Text
    time: _Time


class RateHistory(TypedDict):
    """How many tasks ended in each interval while the job was Active.

    Attributes:
        seconds: The length of an interval. The last one may not be over yet.
        succeeded, failed: The tasks that ended in each interval.
    """

    seconds: Annotated[_Seconds, Field(gt=0)]
    succeeded: Annotated[list[_Count], Field(max_length=1_000)]
    failed: Annotated[list[_Count], Field(max_length=1_000)]


class Durations(TypedDict):
    """How long calls took.

    Attributes:
        calls: The number of calls. A task that was retried has several.
        histogram: Upper bounds in ascending order, each with the number of calls up to it and above
            the bound before. Bounds without calls are left out.
    """

    calls: _Count
    average: _Seconds
    p50: _Seconds
    p90: _Seconds
    p99: _Seconds
    maximum: _Seconds
    histogram: Annotated[list[tuple[_Seconds, _Count]], Field(max_length=1_000)]


class Threshold(TypedDict):
    """The failure threshold.

    Attributes:
        rule: The rule as text.
        tolerated: How many tasks may have failed now; ``None`` if the job does not end now, however
            many have failed.
    """

    rule: _Text
    tolerated: _Count | None


class TaskFacts(TypedDict):
    """A task that has been run.

    Attributes:
        status: ``waiting`` if the task failed temporarily and waits for a redrive.
        code: The error code; ``None`` for a success.
        seconds: The duration of its latest call.
    """

    bucket: _Text
    key: _Text
    version_id: _Text | None
    status: Literal["succeeded", "failed", "waiting"]
    code: _Text | None
    http_status: _Count | None
    message: _Text
    seconds: _Seconds | None


class RunRecord(TypedDict):
    """The content of ``run.json``.

    Attributes:
        workers: The maximum number of workers at the same time.
        function_timeout: Seconds that a call may take.
    """

    version: Literal[1]
    job_id: _Text
    active_seconds: _Seconds
    history: Annotated[list[StatusChange], Field(max_length=MAX_STATUSES)]
    rate_history: RateHistory | None
    durations: Durations | None
    slowest: Annotated[list[TaskFacts], Field(max_length=100)]
    threshold: Threshold | None
    workers: _Count | None
    function_timeout: _Seconds | None


@cache
def _record() -> TypeAdapter[RunRecord]:
    return TypeAdapter(RunRecord)  # takes a few milliseconds, and few commands need it


def read_run_record(report: Report) -> RunRecord | None:
    """Return how the job of a report ran; ``None`` if that is not known.

    Others may write to the folder of a report, so sizes are limited. Unknown members are ignored.

    Raises:
        ReportError: ``run.json`` is damaged, or is that of another job.
    """
    record = read_record(report, RUN_RECORD, _validated, limit=_MAX_SIZE, refusal="damaged")
    if record is None:
        return None
    if report.job_id not in ("", record["job_id"]):
        location = report.location_beside(RUN_RECORD)
        raise ReportError(f"{location}: of another job than {report.job_id}; remove it")
    return record


def _validated(value: object) -> RunRecord:
    record = _record().validate_python(value)
    rates = record["rate_history"]
    if rates is not None and len(rates["succeeded"]) != len(rates["failed"]):
        raise ValueError("rate_history: succeeded and failed have different lengths")
    return record


_MAX_SIZE: Final = 1 << 20
