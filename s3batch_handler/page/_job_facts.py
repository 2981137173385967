"""The facts about a job, from DescribeJob or from ``job.json``.

Others may have written ``job.json``, so the types of its members are checked.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from s3batch_handler.core._redaction import redact
from s3batch_handler.core._sanitize import truncate
from s3batch_handler.documents.reports._report_files import REDRIVE_TAG

if TYPE_CHECKING:
    from s3batch_handler.documents.reports._run_record import StatusChange
    from s3batch_handler.page._document import FailureReason, JobFacts, Origin


def job_facts(
    description: Mapping[str, Any],
    *,
    job_id: str,
    origin: Origin | None,
    tags: Mapping[str, str],
    report: str | None,
) -> JobFacts:
    """Return the facts about a job, without credentials.

    Args:
        description: The ``Job`` of DescribeJob, or ``job.json``; empty if nothing is known.
        job_id: The ID of the job.
        origin: Where the job runs; ``None`` if that is not known.
        tags: The tags of the job.
        report: The location of its report.
    """
    region, account_id = _region_and_account(text_of(description, "JobArn") or "")
    return {
        "id": job_id,
        "origin": origin,
        "status": text_of(description, "Status"),
        "description": _shown(description, "Description"),
        "operation": operation_of(description),
        "function": _shown(description, "Operation", "LambdaInvoke", "FunctionArn")
        or _shown(description, "Local", "Handler"),
        "priority": _number(member(description, "Priority")),
        "account_id": account_id,
        "region": region,
        "created": time_of(description, "CreationTime"),
        "ended": time_of(description, "TerminationDate"),
        "reasons": _reasons(description),
        "update_reason": _shown(description, "StatusUpdateReason"),
        "redrive_of": tags.get(REDRIVE_TAG),
        "tags": _tags(tags),
        "report": report,
    }


def known_history(description: Mapping[str, Any]) -> list[StatusChange]:
    """Return the statuses of a job that has ended, as far as DescribeJob has their times."""
    changes = (
        ("New", time_of(description, "CreationTime")),
        ("Suspended", time_of(description, "SuspendedDate")),
        (text_of(description, "Status"), time_of(description, "TerminationDate")),
    )
    return [{"status": status, "time": time} for status, time in changes if status and time]


def operation_of(description: Mapping[str, Any]) -> str | None:
    """Return the name of the operation, such as ``LambdaInvoke``."""
    operation = member(description, "Operation")
    return next(map(_cut, operation), None) if isinstance(operation, Mapping) else None


# ---------------------------------------------------------------- members of a description


def member(description: Mapping[str, Any], *path: str) -> Any:
    """Return the member at a path; ``None`` if it is missing."""
    value: Any = description
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def text_of(description: Mapping[str, Any], *path: str) -> str | None:
    """Return a member that is a text; ``None`` if it is empty, missing or something else."""
    value = member(description, *path)
    return (_cut(str(value)) or None) if isinstance(value, str) else None


def time_of(description: Mapping[str, Any], *path: str) -> str | None:
    """Return a time as ISO 8601 with a time zone; ``None`` if it is not valid."""
    value = member(description, *path)
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    return iso_time(value if value.tzinfo else value.replace(tzinfo=UTC))


def _shown(description: Mapping[str, Any], *path: str) -> str | None:
    """Return a text for the page: people write anything into it, and send the page to others."""
    text = text_of(description, *path)
    return text and redact(text)


def without_credentials(name: str, value: str) -> str:
    """Return the value of a setting, or ``***`` for it if it is named like a credential."""
    return redact(f"{name}={value}").removeprefix(f"{name}=")


def _tags(tags: Mapping[str, str]) -> dict[str, str]:
    shown = ((name, value) for name, value in tags.items() if name != REDRIVE_TAG)
    return {
        _cut(name): without_credentials(_cut(name), _cut(value))
        for name, value in islice(shown, _MAX_TAGS)
    }


def _reasons(description: Mapping[str, Any]) -> list[FailureReason]:
    failures = member(description, "FailureReasons")
    if not isinstance(failures, (list, tuple)):
        return []
    return [
        {
            "code": text_of(failure, "FailureCode") or "",
            "reason": _shown(failure, "FailureReason") or "",
        }
        for failure in failures[:_MAX_REASONS]
        if isinstance(failure, Mapping)
    ]


def _region_and_account(arn: str) -> tuple[str | None, str | None]:
    parts = arn.split(":")
    return (parts[3] or None, parts[4] or None) if len(parts) > 5 else (None, None)


def iso_time(time: datetime) -> str | None:
    """Return a time as browsers read it; ``None`` if its time zone has seconds."""
    offset = time.utcoffset()
    return None if offset is None or offset % timedelta(minutes=1) else time.isoformat()


def _number(value: object) -> int | None:
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if -MAX_NUMBER < value < MAX_NUMBER else None


def _cut(text: str) -> str:
    return truncate(text, MAX_TEXT)


MAX_TEXT: Final = 4000
"""The maximum number of characters of one fact: ``job.json`` may have texts of any length."""

MAX_NUMBER: Final = 2**53
"""Browsers read larger numbers inexactly, or not at all."""

_MAX_TAGS: Final = 50  # AWS's limit
_MAX_REASONS: Final = 20
