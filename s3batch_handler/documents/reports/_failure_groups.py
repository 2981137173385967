"""Groups of failed tasks: by error code, and by messages that differ only in names and numbers."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from s3batch_handler.core._keys import is_utf8
from s3batch_handler.documents.reports._message_patterns import common_form
from s3batch_handler.documents.reports._rows import ReportRow, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_GROUPS: Final = 500
MAX_MOST_FREQUENT: Final = 100
MAX_EXAMPLES: Final = 3
MAX_FIRST: Final = 10
OTHER_MESSAGES: Final = "other messages"
_FIRST: Final = 0  # the number of the first rows; groups have 1, 2, ...


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Failed tasks with the same error code, whose messages differ only in names and numbers.

    Attributes:
        message: The common form of their messages; the message itself if all are the same.
        examples: The rows of the first of these tasks, at most three.
    """

    error_code: str
    message: str
    count: int
    examples: tuple[ReportRow, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the group as the commands print it with ``--json``."""
        return {
            "code": self.error_code,
            "count": self.count,
            "message": self.message,
            "examples": [
                {
                    "bucket": row.bucket,
                    "key": row.key,
                    "version_id": row.version_id,
                    "message": row.message,
                }
                for row in self.examples
            ],
        }


class FailureCounts:
    """Counts failed tasks by error code and by the common form of their messages.

    Args:
        facts: All :meth:`changes` so far, from which to continue.
    """

    def __init__(self, facts: Mapping[int, Any] | None = None) -> None:
        groups = dict(facts or {})
        self._first = list(map(_row, groups.pop(_FIRST, ())))
        self._groups = {
            (code, text): _Group(number, reason, count, differs, list(map(_row, examples)))
            for number, (code, text, reason, count, differs, examples) in sorted(groups.items())
        }
        self._changed: dict[int, tuple[str, str] | None] = {}  # since the latest changes()

    def add(self, row: ReportRow, reason: str) -> None:
        """Count a failed task, whose reason may contain the key of its object."""
        code = row.error_code or ""
        name = group_name(code, common_form(reason, row.key), self._groups)
        group = self._groups.setdefault(name, _Group(len(self._groups) + 1, reason))
        self._changed[group.number] = name
        group.count += 1
        group.differs |= group.reason != reason
        if len(group.examples) < MAX_EXAMPLES:
            group.examples.append(row)
        if len(self._first) < MAX_FIRST:
            self._first.append(row)
            self._changed[_FIRST] = None

    def changes(self) -> dict[int, Any]:
        """Return what has changed since the latest call, by number, as JSON can represent it.

        There may be 500 groups with long messages, so they are not all saved each time.
        """
        changed, self._changed = self._changed, {}
        return {
            number: list(map(_cells, self._first)) if name is None else self._facts_of(name)
            for number, name in changed.items()
        }

    def _facts_of(self, name: tuple[str, str]) -> list[Any]:
        group = self._groups[name]
        examples = list(map(_cells, group.examples))
        return [*name, group.reason, group.count, group.differs, examples]

    @property
    def first(self) -> tuple[ReportRow, ...]:
        """The rows of the tasks that failed first, at most ten."""
        return tuple(self._first)

    def most_frequent(self, limit: int = MAX_MOST_FREQUENT) -> tuple[FailureGroup, ...]:
        """Return the most frequent groups, the most frequent first."""
        frequent = sorted(self._groups.items(), key=lambda item: -item[1].count)
        return tuple(
            FailureGroup(
                error_code=code,
                message=text if group.differs else group.reason,
                count=group.count,
                examples=tuple(group.examples),
            )
            for (code, text), group in frequent[:limit]
        )


@dataclass(slots=True)
class _Group:
    """The first reason of a group and its count; ``differs`` if not all reasons are the same."""

    number: int
    reason: str
    count: int = 0
    differs: bool = False
    examples: list[ReportRow] = field(default_factory=list)


def group_name(
    error_code: str, message: str, groups: Mapping[tuple[str, str], Any]
) -> tuple[str, str]:
    """Return the name of the group of a message: that of all other messages if there are many."""
    name = (error_code, message)
    return name if name in groups or len(groups) < MAX_GROUPS else (error_code, OTHER_MESSAGES)


def _cells(row: ReportRow) -> list[Any]:
    return [row.bucket, row.key, row.version_id, row.http_status, row.error_code, row.message]


def _row(cells: list[Any]) -> ReportRow:
    bucket, key, version_id, http_status, error_code, message = cells
    return ReportRow(
        bucket=bucket,
        key=key,
        version_id=version_id,
        status=TaskStatus.FAILED,
        http_status=http_status,
        error_code=error_code,
        message=message,
    )


# ---------------------------------------------------------------- messages in reports


def failure_reason(message: str) -> str:
    """Return the reason in the message of a failed task, as it is in a report.

    The row of a function error has Lambda's JSON (``{"errorMessage": …, "errorType": …}``), which
    may be cut; its reason is ``<type>: <message>``. Every other message is the reason itself.
    """
    if not message.startswith(FUNCTION_ERROR):
        return message
    text = _ERROR_MESSAGE.search(message)
    if text is None:
        return message
    kind = _ERROR_TYPE.search(message)
    return f"{_unquoted(kind[1])}: {_unquoted(text[1])}" if kind else _unquoted(text[1])


# DuckDB uses them, too: see ``_failure_sql.py``.
FUNCTION_ERROR: Final = "Lambda returned function error: "
ERROR_MESSAGE: Final = r'"errorMessage": ?"((?:[^"\\]|\\[^\n])*)'
ERROR_TYPE: Final = r'"errorType": ?"((?:[^"\\]|\\[^\n])*)"'
_ERROR_MESSAGE: Final = re.compile(ERROR_MESSAGE)
_ERROR_TYPE: Final = re.compile(ERROR_TYPE)


def _unquoted(text: str) -> str:
    """Return the text of a JSON string; the string itself if it is not valid, because it is cut."""
    if "\\" not in text:
        return text
    try:
        decoded: str = json.loads(f'"{text}"')
    except ValueError:
        return text
    return decoded if is_utf8(decoded) else text
