"""Select the failed tasks that a saved page contains: some of each group of failures."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING, Final

from s3batch_handler.documents.reports._failure_groups import failure_reason
from s3batch_handler.documents.reports._message_patterns import common_form
from s3batch_handler.page._task_facts import failed_task

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from s3batch_handler.documents.reports._failure_groups import FailureGroup
    from s3batch_handler.documents.reports._rows import ReportRow
    from s3batch_handler.page._document import FailedTasks

SAVED_ROWS: Final = 1000
"""The default maximum number of failed tasks on a saved page."""


def embedded_tasks(
    rows: Iterable[ReportRow],
    failures: Sequence[FailureGroup],
    *,
    failed: int,
    limit: int = SAVED_ROWS,
) -> FailedTasks:
    """Return failed tasks for a saved page: see :func:`embedded_rows`."""
    tasks = [failed_task(row) for row in embedded_rows(rows, failures, failed=failed, limit=limit)]
    return {"rows": tasks, "total": failed, "searched": len(tasks), "next": None}


def embedded_rows(
    rows: Iterable[ReportRow], failures: Sequence[FailureGroup], *, failed: int, limit: int
) -> list[ReportRow]:
    """Return failed tasks for a page, in the order of the report.

    If there are too many, each group of failures gets the same number of rows, and the first rows
    of the report fill the rest. Only the beginning of a long report is searched. For a group that
    does not occur there, its examples are returned.

    Args:
        rows: The rows of the failed tasks.
        failures: The most frequent failures.
        failed: The number of failed tasks.
        limit: The maximum number of rows.
    """
    if failed <= limit:
        return [*islice(rows, limit)]
    selection = _Selection(failures[:limit], limit)
    for row in islice(rows, _MAX_SEARCHED):
        if selection.is_complete:
            break
        selection.add(row)
    return selection.rows()


_MAX_SEARCHED: Final = 100_000  # takes about two seconds


_Cells = tuple[str, str, str | None, str]


class _Selection:
    """Some rows of each group, and the first rows of all."""

    def __init__(self, groups: Sequence[FailureGroup], limit: int) -> None:
        self._groups = {_group_of(group.examples[0]): group for group in groups if group.examples}
        self._limit = limit
        self._share = limit // max(1, len(self._groups))
        self._missing = {
            name: min(group.count, self._share) for name, group in self._groups.items()
        }
        self._missing_codes = {code for code, _ in self._missing}
        self._of_groups: list[tuple[int, ReportRow]] = []
        self._others: list[tuple[int, ReportRow]] = []
        self._count = 0

    @property
    def is_complete(self) -> bool:
        """Return whether no further row can be selected."""
        return not self._missing and len(self._of_groups) + len(self._others) >= self._limit

    def add(self, row: ReportRow) -> None:
        self._count += 1
        # Finding the group of a row is slow.
        name = _group_of(row) if (row.error_code or "") in self._missing_codes else None
        if name in self._missing:
            self._of_groups.append((self._count, row))
            self._missing[name] -= 1
            if not self._missing[name]:
                del self._missing[name]
                self._missing_codes = {code for code, _ in self._missing}
        elif len(self._others) < self._limit:
            self._others.append((self._count, row))

    def rows(self) -> list[ReportRow]:
        """Return the rows of the groups, then others until there are enough; sorted."""
        unseen = self._examples_not_reached()
        room = self._limit - len(self._of_groups) - len(unseen)
        chosen = sorted((*self._of_groups, *self._others[: max(0, room)]), key=_position)
        return [*(row for _, row in chosen), *unseen][: self._limit]

    def _examples_not_reached(self) -> list[ReportRow]:
        """Return the examples of groups that did not occur often enough in the rows so far."""
        taken = Counter(_cells(row) for _, row in self._of_groups)
        unseen: list[ReportRow] = []
        for name, missing in self._missing.items():
            examples = self._groups[name].examples[: self._share]
            unseen += _without(examples, taken)[:missing]
        return unseen


def _without(rows: Iterable[ReportRow], taken: Counter[_Cells]) -> list[ReportRow]:
    """Return the rows that are not taken, each as often as it occurs."""
    remaining = taken.copy()
    left: list[ReportRow] = []
    for row in rows:
        if remaining[_cells(row)] > 0:
            remaining[_cells(row)] -= 1
        else:
            left.append(row)
    return left


def _group_of(row: ReportRow) -> tuple[str, str]:
    return row.error_code or "", common_form(failure_reason(row.message), row.key)


def _position(numbered: tuple[int, ReportRow]) -> int:
    return numbered[0]


def _cells(row: ReportRow) -> _Cells:
    return row.bucket, row.key, row.version_id, row.message
