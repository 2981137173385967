"""Completion reports for tests: written with rows, or put together from bytes."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from s3batch_handler.documents.manifests._manifest import ManifestEntry
from s3batch_handler.documents.reports._rows import TaskStatus
from s3batch_handler.documents.reports._writer import ReportWriter, report_row

OK, FAILED = TaskStatus.SUCCEEDED, TaskStatus.FAILED
JOB = "f8fb9d89-a3aa-461d-bddc-ea6a1b131955"
BUCKET = "my-job-reports"
AWS_EXAMPLE = Path(__file__).parents[1] / "reports" / "aws_example"

Row = tuple[ManifestEntry, TaskStatus, int, str, str]


def entry(key: str = "k", version: str | None = None) -> ManifestEntry:
    return ManifestEntry("photos", key, version)


def write(writer: ReportWriter, *rows: Row) -> str:
    """Write a report with these rows, each in a chunk of its own."""
    return writer.write(lambda status: [report_row(*row) for row in rows if row[1] is status])


def put_report(folder: Path, **files: bytes) -> Path:
    """Create a report from the rows of each status, with a correct ``manifest.json``."""
    (folder / "results").mkdir(parents=True)
    results = []
    for status, rows in files.items():
        (folder / "results" / f"{status}.csv").write_bytes(rows)
        results.append(
            {
                "TaskExecutionStatus": status,
                "Bucket": BUCKET,
                "MD5Checksum": hashlib.md5(rows).hexdigest(),
                "Key": f"some/prefix/job-{JOB}/results/{status}.csv",
            }
        )
    put_index(folder, Results=results)
    return folder


def put_index(folder: Path, **changes: object) -> None:
    index = {
        "Format": "Report_CSV_20180820",
        "ReportCreationDate": "2026-04-05T17:48:39.725123456Z",
        "Results": [],
    }
    (folder / "manifest.json").write_text(json.dumps(index | changes))
