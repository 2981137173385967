"""The files of a report: their names, and how those beside it are written.

Reading them needs pydantic, whose import takes longer than a small job: see :mod:`._report`,
:mod:`._job_record` and :mod:`._run_record`.
"""

from __future__ import annotations

import io
import json
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from s3batch_handler.documents.files._folder import Folder
    from s3batch_handler.documents.reports._run_record import RunRecord

INDEX: Final = "manifest.json"
REPORT_FORMAT: Final = "Report_CSV_20180820"
JOB_RECORD: Final = "job.json"
RUN_RECORD: Final = "run.json"
MAX_STATUSES: Final = 100
"""The most statuses in a ``run.json``."""

REDRIVE_TAG: Final = "s3batch:redrive-of"
"""The tag of a redrive; its value is the ID of the job whose failed tasks it runs."""


def write_job_record(folder: Folder, name: str, record: Mapping[str, Any]) -> None:
    """Write a ``job.json`` to a file of a folder, completely or not at all."""
    content = json.dumps(record, indent=4, default=datetime.isoformat)
    folder.write(name, io.BytesIO(content.encode()))


def redrive_tags(job_id: str | None) -> list[dict[str, str]]:
    """Return ``Tags`` of a redrive of a job; none without a job."""
    return [{"Key": REDRIVE_TAG, "Value": job_id}] if job_id else []


def write_run_record(folder: Folder, name: str, record: RunRecord) -> None:
    """Write a ``run.json`` to a file of a folder, completely or not at all."""
    folder.write(name, io.BytesIO(run_record_bytes(record)))


def run_record_bytes(record: RunRecord) -> bytes:
    """Return the content of a ``run.json``."""
    return json.dumps(record).encode()
