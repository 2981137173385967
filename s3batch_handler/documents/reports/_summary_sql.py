"""Summarize results files: with DuckDB if it is installed, else row by row."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from s3batch_handler.documents.files._database import open_database
from s3batch_handler.documents.reports import _failure_sql as sql
from s3batch_handler.documents.reports._database import (
    CELLS,
    DECODED_KEY,
    ERROR_CODE,
    UnusualFile,
    count_rows,
    csv_table,
    paths_while_verifying,
)
from s3batch_handler.documents.reports._failure_groups import (
    MAX_EXAMPLES,
    MAX_FIRST,
    MAX_MOST_FREQUENT,
    FailureGroup,
    failure_reason,
    group_name,
)
from s3batch_handler.documents.reports._message_patterns import message_pattern
from s3batch_handler.documents.reports._rows import TaskStatus, row_of
from s3batch_handler.documents.reports._summary import ReportSummary, summarize_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from duckdb import DuckDBPyConnection

    from s3batch_handler.documents.reports._results_file import ResultsFile
    from s3batch_handler.documents.reports._rows import ReportRow


def summarize(files: Sequence[ResultsFile]) -> ReportSummary:
    """Count the rows of results files: with DuckDB if it is installed.

    Raises:
        ReportError: A results file is missing or damaged.
    """
    try:
        import duckdb
    except ModuleNotFoundError:
        return summarize_rows(files)
    try:
        return summarize_with_duckdb(files)
    except (UnusualFile, duckdb.Error, OSError):  # such as a full disk, or no temporary folder
        return summarize_rows(files)


def summarize_with_duckdb(files: Sequence[ResultsFile]) -> ReportSummary:
    """Count the rows of results files; check their MD5s at the same time.

    DuckDB groups failures by a form of their messages that it can compute, so Python computes the
    common form of a few texts only. The counts, groups and examples are those of
    :class:`~s3batch_handler.documents.reports._failure_groups.FailureCounts`.

    Raises:
        UnusualFile: DuckDB does not read the rows as ``Report.rows`` does.
        ReportError: A file is missing or has a different MD5.
        ModuleNotFoundError: DuckDB is not installed.
    """
    with (
        TemporaryDirectory(prefix="s3batch-report-") as folder,
        open_database(Path(folder), needed_by="DuckDB") as database,
        paths_while_verifying(files, Path(folder)) as paths,
    ):
        counts = dict.fromkeys(TaskStatus, 0)
        failed = []
        for file, path in zip(files, paths, strict=True):
            counts[file.status] += count_rows(database, file, path)
            if file.status is TaskStatus.FAILED:
                failed.append(str(path))
        failures, first = _failures(database, csv_table(failed)) if failed else ((), ())
    return ReportSummary(
        succeeded=counts[TaskStatus.SUCCEEDED],
        failed=counts[TaskStatus.FAILED],
        failures=failures,
        first_failures=first,
    )


def _failures(
    database: DuckDBPyConnection, table: str
) -> tuple[tuple[FailureGroup, ...], tuple[ReportRow, ...]]:
    """Return the most frequent failures, and the rows of the first ones."""
    reason = sql.failure_reason("message")
    form = sql.without_names(sql.without_key("reason", "decoded_key"))
    # The ID of a row in a table of DuckDB is its number.
    database.execute(f"""
        CREATE TEMP TABLE failures AS
        FROM (FROM {table} SELECT *, {DECODED_KEY} AS decoded_key, {reason} AS reason)
        SELECT {ERROR_CODE} AS error_code, {form} AS form, hash(reason) AS reason_hash
    """)
    groups = _most_frequent(database)
    examples = [_first_rows(database, group) for group in groups]
    rows = _rows(database, table, {*range(MAX_FIRST), *chain.from_iterable(examples)})
    return (
        tuple(
            group.with_examples([rows[number] for number in numbers])
            for group, numbers in zip(groups, examples, strict=True)
        ),
        tuple(rows[number] for number in range(MAX_FIRST) if number in rows),
    )


@dataclass(slots=True)
class _Group:
    """Failures with the same error code and common form.

    Attributes:
        reasons: Hashes of reasons: one if all are the same.
        forms: The forms in the database whose first rows come first: those of the examples.
    """

    error_code: str
    message: str
    count: int = 0
    reasons: set[int] = field(default_factory=set)
    forms: list[str] = field(default_factory=list)

    def add(self, form: str, count: int, *reasons: int) -> None:
        self.count += count
        if len(self.reasons) < 2:
            self.reasons.update(reasons)
        if len(self.forms) < MAX_EXAMPLES:
            self.forms.append(form)

    def with_examples(self, rows: list[ReportRow]) -> FailureGroup:
        return FailureGroup(
            error_code=self.error_code,
            message=self.message if len(self.reasons) > 1 else failure_reason(rows[0].message),
            count=self.count,
            examples=tuple(rows),
        )


def _most_frequent(database: DuckDBPyConnection) -> list[_Group]:
    database.execute("""
        SELECT error_code, form, count(*), min(reason_hash), max(reason_hash)
        FROM failures GROUP BY ALL ORDER BY min(rowid)
    """)
    groups: dict[tuple[str, str], _Group] = {}
    while found := database.fetchmany(_FETCHED_ROWS):
        for error_code, form, count, *reasons in found:
            name = group_name(error_code, message_pattern(form), groups)
            groups.setdefault(name, _Group(*name)).add(form, count, *reasons)
    return sorted(groups.values(), key=lambda group: -group.count)[:MAX_MOST_FREQUENT]


def _first_rows(database: DuckDBPyConnection, group: _Group) -> list[int]:
    """Return the numbers of the first rows of a group."""
    database.execute(
        "SELECT rowid FROM failures WHERE error_code = ? AND form IN (SELECT unnest(?))"
        " ORDER BY rowid LIMIT ?",
        [group.error_code, group.forms, MAX_EXAMPLES],
    )
    return [number for (number,) in database.fetchall()]


def _rows(database: DuckDBPyConnection, table: str, numbers: Iterable[int]) -> dict[int, ReportRow]:
    """Return the rows with these numbers, from 0, as far as they exist."""
    wanted = sorted(numbers)
    database.execute(
        f"FROM (FROM (FROM {table} LIMIT ?) SELECT row_number() OVER () - 1 AS number, *)"
        f" SELECT number, {', '.join(CELLS)} WHERE number IN (SELECT unnest(?))",
        [wanted[-1] + 1, wanted],
    )
    return {number: row_of(cells, TaskStatus.FAILED) for number, *cells in database.fetchall()}


_FETCHED_ROWS: Final = 10_000
