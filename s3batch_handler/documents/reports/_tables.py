"""Completion reports as tables: the results of queries, pyarrow, pandas and polars."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from s3batch_handler.core._errors import ReportError
from s3batch_handler.documents.files._database import interruptible
from s3batch_handler.documents.reports._database import report_database

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd
    import polars as pl
    import pyarrow as pa
    from duckdb import DuckDBPyConnection

    from s3batch_handler.documents.reports._results_file import ResultsFile


@dataclass(frozen=True, slots=True)
class QueryResult:
    """The result of a query.

    Attributes:
        columns: The names of its columns.
        rows: Its rows, which are read while they are iterated over.
    """

    columns: tuple[str, ...]
    rows: Iterator[tuple[Any, ...]]


def query(files: Sequence[ResultsFile], sql: str) -> QueryResult:
    """Run one SELECT statement on the view ``report``.

    Raises:
        ReportError: A file is missing or damaged, or the query failed.
    """
    with ExitStack() as stack:
        database = stack.enter_context(report_database(files, needed_by="Report.query"))
        import duckdb

        try:
            _check_is_select(database, sql)
            interruptible(database, database.execute, sql)
        except duckdb.Error as error:
            raise _query_failed(error) from error
        columns = tuple(name for name, *_ in database.description)
        return QueryResult(columns, _rows(database, stack.pop_all()))


def _check_is_select(database: DuckDBPyConnection, sql: str) -> None:
    """Raise a :class:`ReportError` for other statements: COPY, for example, writes files."""
    from duckdb import StatementType

    statements = database.extract_statements(sql)
    if len(statements) != 1 or statements[0].type is not StatementType.SELECT:
        raise ReportError("the query has to be one SELECT statement, such as: FROM report LIMIT 5")


def _rows(database: DuckDBPyConnection, resources: ExitStack) -> Iterator[tuple[Any, ...]]:
    import duckdb

    with resources:
        try:
            while rows := interruptible(database, database.fetchmany, _FETCHED_ROWS):
                yield from rows
        except duckdb.Error as error:
            raise _query_failed(error) from error


_FETCHED_ROWS: Final = 10_000


def _query_failed(error: Exception) -> ReportError:
    problem = str(error).partition("\n")[0]
    # Commands mask what databases quote in "at or near", but this statement is the user's own.
    problem = problem.replace("syntax error at or near", "syntax error close to")
    return ReportError(f"the query failed: {problem}")


# ---------------------------------------------------------------- tables of other packages


def to_arrow(files: Sequence[ResultsFile]) -> pa.Table:
    """Return all rows as a table of pyarrow."""
    _require("pyarrow", needed_by="Report.to_arrow")
    with report_database(files, needed_by="Report.to_arrow") as database:
        table: pa.Table = database.table("report").to_arrow_table()
    return table


def to_pandas(files: Sequence[ResultsFile]) -> pd.DataFrame:
    """Return all rows as a DataFrame of pandas."""
    _require("pandas", needed_by="Report.to_pandas")
    with report_database(files, needed_by="Report.to_pandas") as database:
        frame: pd.DataFrame = database.table("report").df()
    return frame


def to_polars(files: Sequence[ResultsFile]) -> pl.DataFrame:
    """Return all rows as a DataFrame of polars."""
    _require("polars", "pyarrow", needed_by="Report.to_polars")
    with report_database(files, needed_by="Report.to_polars") as database:
        frame: pl.DataFrame = database.table("report").pl()
    return frame


def _require(*packages: str, needed_by: str) -> None:
    missing = [package for package in packages if find_spec(package) is None]
    if missing:
        raise ModuleNotFoundError(
            f"{needed_by} needs {' and '.join(missing)}: pip install {' '.join(missing)}",
            name=missing[0],
        )
