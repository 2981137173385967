"""The rows of completion reports."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, BinaryIO, Final

from s3batch_handler.core._errors import ReportError
from s3batch_handler.core._keys import decode_key
from s3batch_handler.core._model import ObjectRef
from s3batch_handler.core._value import set_field
from s3batch_handler.documents.files._csv_rows import InvalidCsv, csv_rows, lines_of
from s3batch_handler.documents.manifests._manifest import ManifestEntry

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

NO_VERSION: Final = r"\N"

COLUMNS: Final = (
    "Bucket",
    "Key",
    "VersionId",
    "TaskStatus",
    "ErrorCode",
    "HTTPStatusCode",
    "ResultMessage",
)
"""As AWS declares them, although its rows have the two codes in reverse order."""


class TaskStatus(StrEnum):
    """The final status of a task, spelled as in a report."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"


class ReportScope(StrEnum):
    """The tasks that a report contains, spelled as in CreateJob."""

    ALL_TASKS = "AllTasks"
    FAILED_TASKS_ONLY = "FailedTasksOnly"


class ReportRow(ObjectRef):
    """One line of a completion report.

    Attributes:
        status: The final status of the task.
        http_status: 200 whenever the function was called, even if the task failed.
        error_code: For example ``PermanentFailure``; ``None`` for a success.
        message: The function's message, or the reason why the function did not complete.
    """

    __slots__ = ("status", "http_status", "error_code", "message")

    status: TaskStatus
    http_status: int | None
    error_code: str | None
    message: str

    def __init__(
        self,
        *,
        bucket: str,
        key: str,
        version_id: str | None = None,
        status: TaskStatus,
        http_status: int | None = None,
        error_code: str | None = None,
        message: str = "",
    ) -> None:
        super().__init__(bucket=bucket, key=key, version_id=version_id)
        set_field(self, "status", status)
        set_field(self, "http_status", http_status)
        set_field(self, "error_code", error_code)
        set_field(self, "message", message)


DAMAGED: Final = "get the report from its bucket again"


Layout = tuple[int | None, ...]
"""For each of :data:`COLUMNS`, its place in a row; ``None`` if the rows do not have it."""


def layout_of(schema: str) -> Layout | None:
    """Return the layout of rows by the ``ReportSchema`` of a report; ``None`` for AWS's layout.

    Columns that are not in :data:`COLUMNS` are skipped. The order of the two codes is not trusted:
    each row shows which one is the HTTP status.
    """
    names = [name.strip().lower() for name in schema.split(",")]
    places = tuple(names.index(name) if name in names else None for name in map(str.lower, COLUMNS))
    has_columns = not {places[COLUMNS.index(name)] for name in _REQUIRED} & {None}
    return places if has_columns and places != tuple(range(len(COLUMNS))) else None


_REQUIRED: Final = ("Bucket", "Key", "TaskStatus")


def read_rows(
    stream: BinaryIO, status: TaskStatus, *, source: str, layout: Layout | None = None
) -> Iterator[ReportRow]:
    """Yield the rows of one results file.

    Raises:
        ReportError: A row is not valid. The message contains ``source`` and the line.
    """
    return (row_of(cells, status) for cells in _cells(stream, status, source, layout))


def read_rows_with_entries(
    stream: BinaryIO, status: TaskStatus, *, source: str, layout: Layout | None = None
) -> Iterator[tuple[ReportRow, ManifestEntry]]:
    """Yield each row of one results file with the line of the manifest that it repeats.

    Raises:
        ReportError: As for :func:`read_rows`.
    """
    return (
        (row_of(cells, status), _entry(cells)) for cells in _cells(stream, status, source, layout)
    )


def read_entries_of_rows(
    stream: BinaryIO, status: TaskStatus, *, source: str, layout: Layout | None = None
) -> Iterator[ManifestEntry]:
    """Yield the lines of the manifest that the rows of one results file repeat.

    Raises:
        ReportError: As for :func:`read_rows`.
    """
    return map(_entry, _cells(stream, status, source, layout))


def _entry(cells: list[str]) -> ManifestEntry:
    bucket, key, version = cells[:3]
    return ManifestEntry(bucket, key, "" if version == NO_VERSION else version or None)


def _cells(
    stream: BinaryIO, status: TaskStatus, source: str, layout: Layout | None
) -> Iterator[list[str]]:
    width = len(COLUMNS) if layout is None else 1 + max(n for n in layout if n is not None)
    try:
        for line, row in csv_rows(lines_of(stream), strict=False):  # AWS writes some faulty quotes
            if not row:  # DuckDB skips empty lines, too
                continue
            if len(row) < width:
                problem = f"has {len(row)} columns, expected {width}"
                raise ReportError(f"{source}, line {line}: {problem}; {DAMAGED}")
            cells = row if layout is None else ["" if n is None else row[n] for n in layout]
            if cells[3] != status:
                problem = f"status is {cells[3]!r}, in a file of tasks that {status}"
                raise ReportError(f"{source}, line {line}: {problem}; {DAMAGED}")
            yield cells
    except InvalidCsv as error:
        raise ReportError(f"{source}, line {error.line}: {error}; {DAMAGED}") from error


def row_of(cells: Sequence[str], status: TaskStatus) -> ReportRow:
    """Return the row with these cells, in the order of AWS."""
    bucket, key, version, _, http_status, error_code, message = cells[: len(COLUMNS)]
    if message.startswith("error details: {"):
        # AWS's examples of failed checksums have quotes that are not doubled, so the CSV reader
        # splits such a message at its commas.
        message = ",".join(cells[len(COLUMNS) - 1 :])
    http = _HTTP_STATUSES.get(http_status)
    if http is None:
        if not _NUMBER.fullmatch(http_status) and _NUMBER.fullmatch(error_code):
            http_status, error_code = error_code, http_status  # the order of the report's schema
        http = int(http_status) if _NUMBER.fullmatch(http_status) else None
    return ReportRow(
        bucket=bucket,
        key=decode_key(key),
        version_id=None if version == NO_VERSION else version or None,
        status=status,
        http_status=http,
        error_code=error_code or None,
        message=message,
    )


_NUMBER: Final = re.compile(r"[0-9]{1,9}")
_HTTP_STATUSES: Final = {str(number): number for number in range(100, 600)}
