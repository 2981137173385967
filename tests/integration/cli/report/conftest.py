"""Reports for the tests of ``s3batch report``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from s3batch_handler.documents.files._folder import open_folder
from s3batch_handler.documents.reports._writer import ReportWriter
from tests.support.reports import FAILED, JOB, OK, Row, entry, write

if TYPE_CHECKING:
    from pathlib import Path

ROWS: tuple[Row, ...] = (
    (entry("2023/plain.jpg"), OK, 200, "", "done"),
    (entry("2024/a%20b%2Bc.jpg", "v1"), OK, 200, "", "done"),
    (entry("2024/%1B%5B31mred.jpg"), FAILED, 200, "PermanentFailure", "took 3 s, \x1b[31mtoo long"),
    (entry("2024/%E6%97%A5.jpg"), FAILED, 200, "TemporaryFailure", "took 14 s, too long"),
    (entry("2023/gone.jpg"), FAILED, 404, "NoSuchKey", "The key does not exist"),
)


@pytest.fixture
def report(tmp_path: Path) -> str:
    """A report in ``s3batch-reports`` of the current folder: the path of its folder."""
    reports = open_folder(tmp_path / "s3batch-reports")
    write(ReportWriter(reports, job_id=JOB), *ROWS)
    return f"s3batch-reports/job-{JOB}"
