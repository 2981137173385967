"""What an earlier run of the job has measured: a local one, or a job in AWS."""

from __future__ import annotations

import os
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from s3batch_handler.cli._errors import InvalidArgument
from s3batch_handler.cli.report._location import find_report
from s3batch_handler.documents.reports._job_record import read_job_record
from s3batch_handler.estimates._prices import limit

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from s3batch_handler.cli.job._aws_services import AwsServices
    from s3batch_handler.cli.report._location import FoundReport
    from s3batch_handler.documents.reports._job_record import JobRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What was measured; ``None`` for what is not known.

    Attributes:
        job_id: The job; empty if it is not known.
        objects: The number of tasks.
        duration: Seconds of a call of the function, on average.
        calls: The number of calls that were measured.
        memory: MB that the largest worker process used, with Python. Calls of a URL or an ARN have
            no such process.
        redrives: How many of 100 tasks were run a second time.
        rate: Tasks that S3 ran in a second.
    """

    job_id: str
    objects: int
    duration: Decimal | None = None
    calls: int = 0
    memory: int | None = None
    redrives: Decimal | None = None
    rate: Decimal | None = None


def measured_in(location: str, services: AwsServices, state: Path | None) -> Measured:
    """Read what was measured in the job of a report.

    A local run measures the function, a job in AWS the rate at which S3 runs tasks.

    Raises:
        ReportError: There is no such report.
        InvalidArgument: It has no tasks, or its measured duration is not possible in Lambda.
    """
    found = find_report(location, services=services, state=state)
    record = read_job_record(found.report)
    objects = _counted(found, record) or found.report.summary().total
    if objects <= 0:
        raise InvalidArgument(f"--from-report {location}: the report has no tasks")
    local: Mapping[str, Any] = {} if record is None else record.local.get("Measured", {})
    calls = local.get("Calls", 0)
    return Measured(
        job_id=found.report.job_id,
        objects=objects,
        duration=_duration(local, location),
        calls=calls,
        memory=local.get("MemoryMB"),
        redrives=_redrives(calls, objects),
        rate=_rate(found),
    )


def _counted(found: FoundReport, record: JobRecord | None) -> int | None:
    """Return the number of tasks that the job itself has counted."""
    if record is not None:
        return record.total
    return None if found.job is None else found.job.progress.total


def _duration(local: Mapping[str, Any], location: str) -> Decimal | None:
    if "AverageSeconds" not in local:
        return None
    seconds: float = local["AverageSeconds"]
    longest = limit("longest-duration")
    if not 0 <= seconds <= longest:  # also refuses NaN
        raise InvalidArgument(
            f"--from-report {location}: a call took {seconds:g} s on average, and Lambda allows "
            f"{longest} s. Pass --duration"
        )
    return max(Decimal(str(seconds)), _SHORTEST)


_SHORTEST: Final = Decimal("0.000001")


def _redrives(calls: int, objects: int) -> Decimal | None:
    """Return the share of the tasks that were run again, if all calls were measured."""
    if calls < objects:  # the job was resumed, or some tasks failed without a call
        return None
    return (Decimal(100) * (calls - objects) / objects).quantize(_HUNDREDTH)


_HUNDREDTH: Final = Decimal("0.01")


def _rate(found: FoundReport) -> Decimal | None:
    """Return how many tasks S3 ran in a second; a local engine says nothing about that."""
    is_local = "--endpoint-url" in found.connection or os.environ.get("AWS_ENDPOINT_URL")
    if found.job is None or "--state" in found.arguments or is_local:
        return None
    progress = found.job.progress
    if not progress.active_seconds or not progress.done:
        return None
    return (Decimal(progress.done) / progress.active_seconds).quantize(_HUNDREDTH) or _HUNDREDTH
