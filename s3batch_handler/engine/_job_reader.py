"""Read the jobs of an engine, also while they run: what S3 Control does not return about them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeVar

from s3batch_handler.core._error_text import describe
from s3batch_handler.core._errors import ReportError, StateDamaged
from s3batch_handler.documents.reports._failed_pages import FailedPage, failed_page, first_byte
from s3batch_handler.documents.reports._report import read_report
from s3batch_handler.documents.reports._report_files import INDEX
from s3batch_handler.engine._job_execution import journal_of
from s3batch_handler.engine.run._journal_reader import JournalReader
from s3batch_handler.jobs._locations import report_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from s3batch_handler.documents.files._s3_folder import S3Client
    from s3batch_handler.documents.reports._failure_groups import FailureGroup
    from s3batch_handler.documents.reports._report import Report
    from s3batch_handler.documents.reports._rows import ReportRow
    from s3batch_handler.documents.reports._run_record import StatusChange
    from s3batch_handler.engine._job_execution import FunctionSettings, JobExecution
    from s3batch_handler.engine.run._run_observer import RunObserver
    from s3batch_handler.engine.run._run_progress import RunProgress
    from s3batch_handler.engine.state._job_store import JobStore
    from s3batch_handler.jobs._failure_threshold import FailureThreshold
    from s3batch_handler.jobs._job import Job


T = TypeVar("T")


class JobReader:
    """Reads the jobs of an engine, from any thread, without changing them or removing expired ones.

    Methods raise ``JobNotFound`` if there is no job with an ID, and ``StateDamaged`` if it cannot
    be read.

    Args:
        jobs: The jobs.
        execution: Runs them.
        s3: ``boto3.client("s3")``, for reports.
    """

    def __init__(self, jobs: JobStore, execution: JobExecution, *, s3: S3Client) -> None:
        self._jobs = jobs
        self._execution = execution
        self._s3 = s3

    def run_progress(self, job_id: str) -> RunProgress | None:
        """Return what DescribeJob does not return about a job; ``None`` if it is not running."""
        observer = self.observe(job_id)
        return None if observer is None else observer.progress

    def observe(self, job_id: str) -> RunObserver | None:
        """Return what is known about a job while it runs; ``None`` if it does not run."""
        return self._execution.running.get(job_id)

    def last_run(self, job_id: str) -> RunObserver | None:
        """Return what is known about the run of a job; after it ended or paused, about that run.

        Return ``None`` for jobs that have not run, for those that ended in another engine, and for
        a damaged journal, which will fail the job.
        """
        has_ended = self._jobs.status_of(job_id).is_final  # raises JobNotFound
        run = self._execution.running.get(job_id) or self._execution.ended.get(job_id)
        if run is not None or has_ended:
            return run
        journal = journal_of(self._jobs.folder_of(job_id))
        try:
            return JournalReader(journal).run() if journal.exists() else None
        except StateDamaged:
            return None

    def failed_tasks(
        self,
        job_id: str,
        *,
        is_selected: Callable[[ReportRow], bool],
        after: str | None = None,
        limit: int = 50,
    ) -> FailedPage:
        """Return failed tasks of a job that runs, is paused, or has ended, in their order.

        At most 200,000 tasks are searched for a page. Without a report, there are none.

        Args:
            job_id: The ID of the job.
            is_selected: Returns whether a task belongs to the page.
            after: The ``next`` of the page before, also if the job has ended since then.
            limit: The maximum number of tasks.

        Raises:
            JobNotFound: There is no such job.
            ReportError: The report of a job that has ended cannot be read, or ``after`` is not the
                ``next`` of a page.
            StateDamaged: The journal of a job that runs cannot be read.
        """
        read = partial(failed_page, is_selected=is_selected, limit=limit)
        return self.read_failed(job_id, read, start=first_byte(after))

    def read_failed(
        self,
        job_id: str,
        read: Callable[[Iterable[tuple[int, ReportRow]]], T],
        *,
        start: int = 0,
    ) -> T:
        """Return what ``read`` returns for failed tasks of a job, each with the offset after it.

        If the job ends while they are read from its journal, they are read again from its report.

        Args:
            job_id: The ID of the job.
            read: Reads as many tasks as it needs.
            start: The offset of the first task.

        Raises:
            JobNotFound: There is no such job.
            ReportError: The report cannot be read, or no row begins at the offset.
            StateDamaged: The journal of a job that runs cannot be read.
        """
        job = self.job(job_id)
        if report_url(job) is None:
            return read(())
        if not job.status.is_final:
            journal = journal_of(self._jobs.folder_of(job_id))
            try:
                if journal.exists():
                    return read(JournalReader(journal).failed_from(start))
            except StateDamaged:
                if not self._jobs.status_of(job_id).is_final:
                    raise
        # Without a journal, the job is not prepared yet, or has ended just now.
        if not self.job(job_id).progress.failed:  # such a job may have no report either
            return read(())
        return read(self.open_report(job_id).failed_from(start))

    def failures(self, job_id: str) -> tuple[FailureGroup, ...]:
        """Return why tasks of a job have failed so far, the most frequent failures first."""
        run = self.last_run(job_id)
        if run is not None:
            return run.failures
        job = self.job(job_id)
        if not job.status.is_final or not job.progress.failed or report_url(job) is None:
            return ()
        return self.open_report(job_id).summary().failures

    def log_lines(self, job_id: str) -> list[str] | None:
        """Return the last lines that the worker processes of a job wrote, without credentials.

        Return ``None`` if they were not recorded: for other jobs than those of worker processes in
        the background, and for old ones.
        """
        return self._execution.logs.lines(job_id)

    def open_report(self, job_id: str) -> Report:
        """Open the completion report of a job that has ended.

        Its copy in the state folder is preferred: a local S3 loses its objects when it ends.

        Raises:
            ReportError: The job writes no report, or it cannot be found.
        """
        location = report_url(self.job(job_id))
        if location is None:
            raise ReportError(f"job {job_id} writes no report")
        copy = self._jobs.reports and self._jobs.reports / f"job-{job_id}" / INDEX
        if copy is not None and copy.exists():
            return read_report(copy)
        try:
            return read_report(location, s3=self._s3)
        except ReportError:
            raise
        except Exception as error:  # clients raise anything
            raise ReportError(f"{location} cannot be read: {describe(error)}") from error

    def requested_job(self, token: str) -> str | None:
        """Return the ID of the job that was requested with a ClientRequestToken."""
        stored = self._jobs.with_token(token)
        return None if stored is None else stored.job.job_id

    def function_settings(self, job: Job) -> FunctionSettings | None:
        """Return how the function of a job is called; ``None`` without a registered function."""
        invoke = job.operation.lambda_invoke if job.operation else None
        if invoke is None:
            return None
        return self._execution.function_settings(str(invoke.function_arn))

    def has(self, job_id: str) -> bool:
        """Return whether there is a job, which may be damaged."""
        return self._jobs.has(job_id)

    def job(self, job_id: str) -> Job:
        """Return the description of a job as it is saved."""
        return self._jobs.job(job_id)

    def versions(self) -> list[tuple[str, str]]:
        """Return the ID of each job, the newest first, and a text that changes with the job.

        It reads no description, so it is fast for many jobs.
        """
        return self._jobs.versions()

    def history(self, job_id: str) -> list[StatusChange]:
        """Return the statuses that a job has had, with their times: the first and the latest 99."""
        return self._jobs.history(job_id)

    @property
    def threshold(self) -> FailureThreshold:
        """How many tasks of each job may fail."""
        return self._execution.threshold
