"""Write ``run.json`` beside the report of a local job: how the job ran."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from s3batch_handler.cli._errors import error_line
from s3batch_handler.cli.terminal._output import print_message
from s3batch_handler.documents.files._folder import open_folder
from s3batch_handler.documents.files._locations import is_s3_url, split_location
from s3batch_handler.documents.reports._report_files import RUN_RECORD, write_run_record
from s3batch_handler.engine.invoke._target import default_timeout
from s3batch_handler.engine.state._status_changes import change
from s3batch_handler.jobs._failure_threshold import FailureThreshold
from s3batch_handler.jobs._status import JobStatus

if TYPE_CHECKING:
    from s3batch_handler.cli._s3 import S3
    from s3batch_handler.cli.run._options import RunOptions
    from s3batch_handler.engine.run._ledger import JobResult


def save_run_record(
    job: JobResult, options: RunOptions, s3: S3, *, created: datetime, started: datetime
) -> None:
    """Write ``run.json`` beside the report of a job, if it has one.

    If it cannot be written, a message says so: the report is complete without it.

    Args:
        job: The result of the job.
        options: The options of the run.
        s3: The S3 of the report.
        created: When the command began.
        started: When the tasks began to run.
    """
    if job.report is None or options.handler is None:
        return
    location, _ = split_location(job.report)
    record = job.statistics.record(
        job.job_id,
        history=[
            change(JobStatus.PREPARING, created),
            change(JobStatus.ACTIVE, started),
            change(job.status, datetime.now(UTC)),
        ],
        threshold=FailureThreshold.parse(options.tolerate),
        counts=job.progress,
        function_timeout=options.timeout or default_timeout(options.handler),
    )
    try:
        folder = open_folder(location, s3=s3.client if is_s3_url(location) else None)
        write_run_record(folder, RUN_RECORD, record)
    except Exception as error:  # disks, networks and clients raise anything
        print_message(
            f"s3batch: {RUN_RECORD} could not be written beside the report: {error_line(error)}"
        )
