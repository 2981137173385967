"""Summarize results files: with DuckDB if it is installed, else row by row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from s3batch_handler.documents.reports._summary import summarize_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from s3batch_handler.documents.reports._results_file import ResultsFile
    from s3batch_handler.documents.reports._summary import ReportSummary


def summarize(files: Sequence[ResultsFile]) -> ReportSummary:
    """Count the rows of results files: with DuckDB if it is installed.

    Raises:
        ReportError: A results file is missing or damaged.
    """
    try:
        import duckdb
    except ModuleNotFoundError:
        return summarize_rows(files)
    from s3batch_handler.documents.reports._database import UnusualFile
    from s3batch_handler.documents.reports._summary_sql import summarize_with_duckdb

    try:
        return summarize_with_duckdb(files)
    except (UnusualFile, duckdb.Error):  # such as a full disk
        return summarize_rows(files)
