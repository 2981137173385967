"""The completion report of a job of an engine, with a copy in the state folder."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from s3batch_handler.core._errors import StateError
from s3batch_handler.core._keys import bucket_name
from s3batch_handler.core._redaction import redacted_text
from s3batch_handler.documents.files._local_folder import LocalFolder
from s3batch_handler.documents.files._s3_folder import S3Folder
from s3batch_handler.documents.reports._report_files import RUN_RECORD, run_record_bytes
from s3batch_handler.documents.reports._rows import ReportScope
from s3batch_handler.documents.reports._writer import ReportWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from s3batch_handler.documents.files._s3_folder import S3Client
    from s3batch_handler.documents.reports._rows import TaskStatus
    from s3batch_handler.documents.reports._run_record import RunRecord
    from s3batch_handler.jobs._job import ReportRequest


class JobReport:
    """Writes the report of a job to S3, and a copy to a folder: a local S3 loses its objects.

    Args:
        request: Which report the job writes.
        s3: Writes it.
        job_id: The ID of the job.
        copies: The folder of the copies; ``None`` for no copy.

    Attributes:
        statuses: The statuses of tasks that get a row.

    Raises:
        ValueError: The prefix leads out of the bucket.
    """

    def __init__(
        self, request: ReportRequest, *, s3: S3Client, job_id: str, copies: Path | None
    ) -> None:
        assert request.bucket is not None  # validated with the request
        scope = ReportScope(request.report_scope or ReportScope.ALL_TASKS)
        self._report = ReportWriter(
            S3Folder(s3, bucket_name(request.bucket)),
            job_id=job_id,
            scope=scope,
            prefix=request.prefix or "",
        )
        self._copy = (
            None
            if copies is None
            else ReportWriter(LocalFolder(copies), job_id=job_id, scope=scope)
        )
        self.statuses = self._report.statuses

    def write(self, rows: Callable[[TaskStatus], Iterable[bytes]]) -> str:
        """Write the report and its copy, and return the location of the report.

        Raises:
            StateError: The rows cannot be read, or the copy cannot be written.
        """
        location = self._report.write(rows)
        try:
            if self._copy is not None:
                self._copy.write(rows)
        except OSError as error:
            problem = f"{error.filename or 'the copy of a report'} cannot be written"
            raise StateError(f"{problem}: {error.strerror}") from error
        return location

    def write_run_record(self, record: RunRecord) -> None:
        """Write ``run.json`` beside the report and its copy, or log why that is not possible."""
        content = run_record_bytes(record)
        for report in (self._copy, self._report):
            try:
                if report is not None:
                    report.write_beside(RUN_RECORD, content)
            except Exception as error:  # clients and disks raise anything
                _LOG.warning(
                    "%s of job %s could not be written: %s",
                    *(RUN_RECORD, record["job_id"], redacted_text(error)),
                )


_LOG: Final = logging.getLogger("s3batch_handler.engine")
