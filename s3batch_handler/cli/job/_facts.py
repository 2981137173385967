"""What ``s3batch job describe`` shows of a job, and the commands that are useful next."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from s3batch_handler.cli.terminal._job_style import (
    FAILED,
    duration,
    exact_time,
    relative_time,
    status_style,
    task_counts,
)
from s3batch_handler.cli.terminal._output import shell_command
from s3batch_handler.documents.reports._report_files import REDRIVE_TAG
from s3batch_handler.jobs._locations import report_url, s3_url
from s3batch_handler.jobs._status import JobStatus

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from s3batch_handler.jobs._job import Job


class Fact(NamedTuple):
    """One line of the description of a job.

    Attributes:
        note: What only people need, such as a relative time: it is not printed in pipes.
        style: The style of the text on a terminal.
    """

    name: str
    text: str
    note: str = ""
    style: str = ""


def job_facts(job: Job, *, tags: Mapping[str, str], options: Sequence[str]) -> Iterator[Fact]:
    """Yield the facts about a job that are known, the most important first."""
    for fact in _all_facts(job, tags, options):
        if fact.text:
            yield fact


def _all_facts(job: Job, tags: Mapping[str, str], options: Sequence[str]) -> Iterator[Fact]:
    failed = job.progress.failed
    yield Fact("Job", job.job_id)
    yield Fact(
        "Status",
        _with_reason(job.status, job.status_update_reason or _suspended_cause(job)),
        style=status_style(job.status, failed=failed),
    )
    for failure in job.failure_reasons:
        reason = _with_reason(failure.failure_code or "", failure.failure_reason)
        yield Fact("Failure", reason, style=FAILED)
    yield Fact("Tasks", task_counts(job.progress), style=FAILED if failed else "")
    yield Fact("Operation", _operation(job))
    yield Fact("Manifest", s3_url(job.manifest.location.object_arn) if job.manifest else "")
    yield Fact("Report", report_url(job) or "")
    yield Fact("Priority", str(job.priority))
    yield Fact("Role", job.role_arn or "")
    yield Fact("Description", job.description or "")
    for name, value in tags.items():
        yield _tag(name, value)
    yield _time("Created", job.creation_time)
    yield _time("Suspended", job.suspended_date)
    yield _time("Ended", job.termination_date)
    active = job.progress.active_seconds
    yield Fact("Active for", "" if active is None else duration(active))
    for words in _next_commands(job):
        yield Fact("Next", shell_command(["s3batch", *words, job.job_id, *options]))


def _next_commands(job: Job) -> Iterator[list[str]]:
    if job.status is JobStatus.SUSPENDED:
        yield ["job", "confirm"]
        yield ["job", "cancel"]
    elif not job.status.is_final:
        yield ["job", "wait"]
    elif job.progress.done and report_url(job):
        yield ["report", "summary"]
        if job.progress.failed:
            yield ["report", "failed"]
            yield ["job", "submit", "--failed-from"]


def _suspended_cause(job: Job) -> str:
    """Return AWS's ``AWAITING_CONFIRMATION`` in words."""
    return (job.suspended_cause or "").replace("_", " ").lower()


def _with_reason(text: str, reason: str | None) -> str:
    return f"{text}: {reason}" if reason else text


def _operation(job: Job) -> str:
    function = job.operation and job.operation.lambda_invoke
    return f"{job.operation_name} {function.function_arn}" if function else job.operation_name


def _tag(name: str, value: str) -> Fact:
    return Fact("Redrive of", value) if name == REDRIVE_TAG else Fact("Tag", f"{name}={value}")


def _time(name: str, moment: datetime | None) -> Fact:
    if moment is None:
        return Fact(name, "")
    return Fact(name, exact_time(moment), note=relative_time(moment))
