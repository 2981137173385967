"""The lines of a manifest with the rows of its completion report."""

from __future__ import annotations

from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from s3batch_handler.core._errors import ReportError
from s3batch_handler.documents.files._database import quoted
from s3batch_handler.documents.manifests._line_table import COLUMNS, SAME_OBJECT, line_tables
from s3batch_handler.documents.manifests._manifest import ManifestEntry
from s3batch_handler.documents.manifests._order import add_numbered, number_copies

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from s3batch_handler.documents.manifests._line_table import LineTables
    from s3batch_handler.documents.reports._rows import ReportRow


class LineStatus(StrEnum):
    """What a report says about a line of a manifest."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    MISSING = "missing"


class JoinedLine(NamedTuple):
    """A line of a manifest with its row.

    Attributes:
        number: The number of the object in the manifest, from 1.
        entry: The line, as it is written in the manifest.
        status: ``missing`` if the report has no row for it.
        http_status: As in the row; ``None`` without one.
        error_code: As in the row; ``None`` for a success.
        message: As in the row.
    """

    number: int
    entry: ManifestEntry
    status: LineStatus
    http_status: int | None
    error_code: str | None
    message: str


class Join:
    """The lines of a manifest with their rows.

    Attributes:
        counts: The number of lines of each status.
        unknown: The number of rows whose object is not in the manifest.
    """

    def __init__(self, tables: LineTables, counts: dict[LineStatus, int], unknown: int) -> None:
        self.counts = counts
        self.unknown = unknown
        self._tables = tables

    def lines(self, statuses: Collection[LineStatus] = tuple(LineStatus)) -> Iterator[JoinedLine]:
        """Yield the lines with one of these statuses, in the order of the manifest."""
        sql = f"FROM joined SELECT n, {_COLUMNS}, {_RESULT} {_where(statuses)} ORDER BY n"
        has_versions = self._tables.has_versions("lines")
        for n, bucket, key, version, status, http_status, error_code, message in self._tables.rows(
            sql
        ):
            yield JoinedLine(
                number=int(n),
                entry=ManifestEntry(bucket, key, version if has_versions else None),
                status=LineStatus(status),
                http_status=int(http_status) if http_status else None,
                error_code=error_code or None,
                message=message,
            )

    def entries(self, statuses: Collection[LineStatus]) -> Iterator[ManifestEntry]:
        """Yield the lines with one of these statuses, without their rows."""
        sql = f"FROM joined SELECT {_COLUMNS} {_where(statuses)} ORDER BY n"
        return self._tables.entries(sql, "lines")


_COLUMNS: Final = ", ".join(COLUMNS)
_RESULT: Final = "status, http_status, error_code, message"


def _where(statuses: Collection[LineStatus]) -> str:
    return f"WHERE status IN ({', '.join(map(quoted, statuses))})"


@contextmanager
def join(
    lines: Iterable[ManifestEntry], rows: Iterable[tuple[ReportRow, ManifestEntry]], *, report: str
) -> Iterator[Join]:
    """Find the row of each line of a manifest.

    An object that is on two lines has two rows: the first line gets the first one.

    Args:
        lines: The lines of the manifest.
        rows: The rows of the report, with the lines that they repeat.
        report: The name of the report in errors.

    Raises:
        ReportError: No row is about an object of the manifest.
    """
    with line_tables(needed_by="s3batch manifest join") as tables:
        add_numbered(tables, "lines", lines)
        count = tables.add(
            "report",
            (
                (
                    entry,
                    row.status.value,
                    str(row.http_status or ""),
                    row.error_code or "",
                    row.message,
                )
                for row, entry in rows
            ),
            *("status VARCHAR", "http_status VARCHAR", "error_code VARCHAR", "message VARCHAR"),
        )
        number_copies(tables, "report")
        tables.run(
            "CREATE TABLE joined AS FROM numbered_lines AS lines LEFT JOIN numbered_report AS rows "
            f"USING ({SAME_OBJECT}, copy) SELECT lines.n AS n, bucket, lines.key AS key, "
            f"version_id, coalesce(status, '{LineStatus.MISSING}') AS status, "
            "http_status, error_code, message"
        )
        counts = {
            status: tables.number(f"FROM joined SELECT count(*) {_where([status])}")
            for status in LineStatus
        }
        known = counts[LineStatus.SUCCEEDED] + counts[LineStatus.FAILED]
        if count and not known:
            raise ReportError(
                f"{report}: a report of another manifest: none of its {count:,} rows is about an "
                "object of this one"
            )
        yield Join(tables, counts, count - known)
