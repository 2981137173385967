"""The progress of a running job as an HTTP header: what DescribeJob has no members for.

Clients ignore headers that they do not know, so responses remain those of S3 Control.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from s3batch_handler.documents.reports._failure_groups import FailureGroup
from s3batch_handler.documents.reports._rows import ReportRow, TaskStatus

if TYPE_CHECKING:
    from s3batch_handler.engine.run._run_progress import RunProgress

PROGRESS_HEADER: Final = "x-s3batch-progress"

_NUMBERS: Final = ("waiting", "pass_number", "answers")
_OPTIONAL_NUMBERS: Final = ("workers", "tolerated")
_MAX_TEXT: Final = 160  # characters: a line of a header has at most 65,536 bytes


def to_header(progress: RunProgress) -> str:
    """Return the value of the header: JSON in ASCII."""
    value: dict[str, Any] = {
        name: getattr(progress, name) for name in (*_NUMBERS, *_OPTIONAL_NUMBERS)
    }
    value["failures"] = [
        {
            "code": group.error_code[:_MAX_TEXT],
            "message": group.message[:_MAX_TEXT],
            "count": group.count,
            "key": group.examples[0].key[:_MAX_TEXT] if group.examples else "",
        }
        for group in progress.failures
    ]
    return json.dumps(value, separators=(",", ":"))


def with_header(progress: RunProgress, header: str) -> RunProgress | None:
    """Add the facts of the header to the counts of DescribeJob; ``None`` if it is not valid."""
    try:
        value = json.loads(header)
        numbers: dict[str, Any] = {name: _count(value[name]) for name in _NUMBERS}
        for name in _OPTIONAL_NUMBERS:
            numbers[name] = None if value[name] is None else _count(value[name])
        return replace(progress, **numbers, failures=tuple(map(_group, value["failures"])))
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def _count(value: object) -> int:
    """Return a number of the header, which may come from any server."""
    if type(value) is not int or not 0 <= value <= _LARGEST:
        raise ValueError(f"not a count: {value!r:.40}")
    return value


_LARGEST: Final = 2**53  # larger numbers cannot become fractions for percentages and rates


def _group(value: dict[str, Any]) -> FailureGroup:
    code, message = str(value["code"]), str(value["message"])
    example = ReportRow(
        bucket="",
        key=str(value["key"]),
        version_id=None,
        status=TaskStatus.FAILED,
        http_status=None,
        error_code=code,
        message=message,
    )
    return FailureGroup(code, message, _count(value["count"]), (example,))
