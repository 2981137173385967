"""Summarize results files: with DuckDB if it is installed, else row by row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from s3batch_handler.documents._report_summary import summarize_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from s3batch_handler.documents._report_summary import ReportSummary
    from s3batch_handler.documents._results_file import ResultsFile


def summarize(files: Sequence[ResultsFile]) -> ReportSummary:
    """Count the rows of results files: with DuckDB if it is installed.

    Raises:
        ReportError: A results file is missing or damaged.
    """
    try:
        import duckdb
    except ModuleNotFoundError:
        return summarize_rows(files)
    from s3batch_handler.documents._report_database import UnusualFile
    from s3batch_handler.documents._report_summary_sql import summarize_with_duckdb

    try:
        return summarize_with_duckdb(files)
    except (UnusualFile, duckdb.Error):  # such as a full disk
        return summarize_rows(files)
