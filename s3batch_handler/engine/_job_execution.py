"""The steps of a job's life: its manifest prepared; its tasks run, its report written."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final

from s3batch_handler.core._classification import classify, describe
from s3batch_handler.core._errors import InvalidFunction, ManifestError, StateDamaged
from s3batch_handler.core._keys import bucket_name
from s3batch_handler.core._model import JobRef, ResultCode, UserArguments
from s3batch_handler.documents._report import ReportScope, ReportWriter
from s3batch_handler.documents._storage import S3Folder
from s3batch_handler.engine.invoke._functions import qualified_name
from s3batch_handler.engine.invoke._target import invoker_for
from s3batch_handler.engine.manifests._prepared import saved_manifest
from s3batch_handler.engine.manifests._sources import Manifests
from s3batch_handler.engine.operations._s3_invoker import S3Invoker
from s3batch_handler.engine.operations._table import s3_operation
from s3batch_handler.engine.run._journal import Journal
from s3batch_handler.engine.run._run_job import run_job
from s3batch_handler.engine.state._state_folder import disk_errors_as_state_error
from s3batch_handler.jobs._job_failures import (
    BAD_MANIFEST,
    NO_FUNCTION,
    FatalJobError,
    RetryLater,
    job_failure,
)
from s3batch_handler.jobs._lifecycle import shortest_path
from s3batch_handler.jobs._status import JobStatus, Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

    from s3batch_handler.documents._storage import S3Client
    from s3batch_handler.engine.invoke._functions import Functions
    from s3batch_handler.engine.invoke._invoker import Invoker
    from s3batch_handler.engine.manifests._prepared import PreparedManifest
    from s3batch_handler.engine.run._run_job import JobResult
    from s3batch_handler.engine.state._job_register import JobRegister
    from s3batch_handler.engine.state._job_store import StoredJob
    from s3batch_handler.jobs._job import JobSpec
    from s3batch_handler.jobs._shapes import Report

TO_PREPARE: Final = (JobStatus.NEW, JobStatus.PREPARING)
ENDING: Final = (JobStatus.CANCELLING, JobStatus.FAILING)
TO_RUN: Final = (
    JobStatus.READY,
    JobStatus.ACTIVE,
    JobStatus.PAUSING,  # when it could neither run to its end nor pause: a disk, S3
    JobStatus.PAUSED,
    JobStatus.COMPLETING,
    *ENDING,
)


@dataclass(frozen=True, kw_only=True)
class Steps:
    """What is done for a job whenever it can go on.

    Attributes:
        jobs: All jobs.
        functions, s3, account_id, region, max_redrives, timeout, clock: See ``Engine``.
        retries_later: Whether somebody tries again later what cannot be done for now.
        is_leaving: Says whether a job that runs shall pause, to go on some other time.
    """

    jobs: JobRegister
    functions: Functions
    s3: S3Client
    account_id: str
    region: str
    max_redrives: int
    timeout: float | None
    clock: Callable[[], datetime]
    retries_later: bool
    is_leaving: Callable[[], bool]

    def take(self, job_id: str) -> None:
        """Do what is next for a job, if there is anything.

        Raises:
            RetryLater: S3 is away; try again.
            StateError: So is the disk.
        """
        try:
            with self.jobs.lock:
                stored = self.jobs.get(job_id)
                if stored.job.status is JobStatus.NEW:
                    self.jobs.move(job_id, JobStatus.PREPARING)
            status = stored.job.status
            if status is JobStatus.FAILING:  # whose end could not be kept: a disk
                self.jobs.end(job_id, JobStatus.FAILED)
            elif status is JobStatus.CANCELLING and stored.manifest is None:
                self.jobs.end(job_id, JobStatus.CANCELLED)
            elif status in TO_PREPARE:
                self._prepare(job_id, stored.spec)
            elif status in TO_RUN:
                self._run(job_id, stored)
        except FatalJobError as problem:
            self.jobs.fail(job_id, problem.failure)
        except InvalidFunction as error:
            self.jobs.fail(job_id, job_failure(NO_FUNCTION, str(error)))
        except StateDamaged as error:
            self.jobs.fail(job_id, job_failure("StateDamaged", str(error)))
        except ManifestError as error:
            self.jobs.fail(job_id, job_failure(BAD_MANIFEST, str(error)))

    # ------------------------------------------------------------ prepare

    def _prepare(self, job_id: str, spec: JobSpec) -> None:
        """Read the manifest; then the job waits for confirmation, or for its turn."""
        self._invoker_of(spec)
        folder = self.jobs.folder_of(job_id)
        with disk_errors_as_state_error(folder):
            folder.mkdir(exist_ok=True)
            with self._manifest(job_id, spec, keep=folder / _MANIFEST) as manifest:
                known = manifest.saved_arguments
            Journal.create(folder / _JOURNAL)
        with self.jobs.lock:
            self.jobs.save_manifest(job_id, known)
            progress = Progress(manifest.count, 0, 0)
            if self.jobs.is_cancelled(job_id):
                self.jobs.end(job_id, JobStatus.CANCELLED)
            elif spec.waits_for_confirmation:
                self.jobs.move(
                    job_id,
                    JobStatus.SUSPENDED,
                    progress_summary=progress,
                    suspended_date=self.clock(),
                    suspended_cause="AWAITING_CONFIRMATION",
                )
            else:
                self.jobs.move(job_id, JobStatus.READY, progress_summary=progress)

    @contextmanager
    def _manifest(self, job_id: str, spec: JobSpec, *, keep: Path) -> Iterator[PreparedManifest]:
        """Read the manifest of a job in full, or make it, and keep it."""
        manifests = Manifests(self.s3, self._passes)
        if spec.manifest is not None:
            with manifests.read(spec.manifest, save_as=keep) as manifest:
                yield manifest
            return
        asked = spec.manifest_generator
        assert asked is not None  # or the request would have been refused
        assert asked.s3_job_manifest_generator is not None
        job, generator = self.jobs.get(job_id).job, asked.s3_job_manifest_generator
        with manifests.generated(job, generator, save_as=keep) as made:
            self.jobs.change(job_id, generated_manifest_descriptor=made.location)
            yield made.manifest

    # ------------------------------------------------------------ run

    def _run(self, job_id: str, stored: StoredJob) -> None:
        """Run a job whose turn it is: to its end, or until it has to pause."""
        spec, known = stored.spec, stored.manifest
        assert known is not None
        with self.jobs.lock:
            status = self.jobs.status_of(job_id)
            if status in (JobStatus.READY, JobStatus.PAUSING, JobStatus.PAUSED):
                self.jobs.move(job_id, *shortest_path(status, JobStatus.ACTIVE))
        invoke = spec.operation.lambda_invoke

        def keep(progress: Progress) -> None:
            counts = replace(progress, total=known["count"])
            self.jobs.change(job_id, progress_summary=counts)

        folder = self.jobs.folder_of(job_id)
        with (
            saved_manifest(folder / _MANIFEST, **known) as manifest,
            Journal(folder / _JOURNAL, must_exist=True) as journal,
        ):
            invoker = self._invoker_of(spec)
            run = run_job(  # which closes them, however it ends
                manifest.entries(),
                invoker,
                job=JobRef(
                    id=job_id, arguments=UserArguments((invoke and invoke.user_arguments) or {})
                ),
                schema_version=(invoke and invoke.invocation_schema_version) or "1.0",
                max_redrives=self.max_redrives,
                report=self._report(job_id, spec.report),
                total=manifest.count,
                on_progress=keep,
                journal=journal,
                asked=partial(self._asked, job_id),
            )
        self._conclude(job_id, run)

    def _asked(self, job_id: str) -> JobStatus | None:
        """Say whether a job that runs shall end, or pause."""
        status = self.jobs.status_of(job_id)
        if status is JobStatus.CANCELLING:
            return JobStatus.CANCELLED
        if status is JobStatus.PAUSING or self.is_leaving():
            return JobStatus.PAUSED
        return None

    def _conclude(self, job_id: str, run: JobResult) -> None:
        problem = run.report_error
        if problem is not None and self._passes(problem):
            raise RetryLater(
                f"the report of job {job_id} could not be written: {describe(problem)}"
            )
        with self.jobs.lock:
            if problem is not None:
                text = f"{_NO_REPORT} ({describe(problem)})"
                self.jobs.fail(job_id, job_failure("ReportNotWritten", text))
            elif run.status is JobStatus.PAUSED:  # it goes on in its turn, or in another process
                if self.jobs.status_of(job_id) is JobStatus.PAUSING:
                    self.jobs.move(job_id, JobStatus.PAUSED)
            elif run.status is JobStatus.FAILED:
                self.jobs.fail(job_id, job_failure("FailureThresholdExceeded", run.reason or ""))
            # By Ctrl-C, or by request, which may have come too late for the run.
            elif run.status is JobStatus.CANCELLED or self.jobs.is_cancelled(job_id):
                self.jobs.end(job_id, JobStatus.CANCELLED)
            else:
                self.jobs.end(job_id, JobStatus.COMPLETE)

    def _passes(self, error: Exception) -> bool:
        """Tell whether another try later may do, and there will be one."""
        return self.retries_later and classify(error).code is ResultCode.TEMPORARY_FAILURE

    # ------------------------------------------------------------ what a job needs

    def _invoker_of(self, spec: JobSpec) -> Invoker:
        """Give what does the tasks of a job.

        Raises:
            FatalJobError: It is not there, or nothing here can do them.
        """
        invoke = spec.operation.lambda_invoke
        if invoke is None:
            return S3Invoker(s3_operation(spec.operation, self.s3), spec.operation.name)
        asked = invoke.function_arn
        assert asked is not None  # or the request would have been refused
        function = self.functions.find(asked, account_id=self.account_id, region=self.region)
        if function is None:
            text = f"Function not found: {asked} (registered: {', '.join(self.functions.names)})"
            raise FatalJobError(NO_FUNCTION, text)
        return invoker_for(function, name=qualified_name(asked), timeout=self.timeout)

    def _report(self, job_id: str, asked: Report) -> ReportWriter | None:
        if not asked.enabled:
            return None
        assert asked.bucket is not None  # or the request would have been refused
        try:
            return ReportWriter(
                S3Folder(self.s3, bucket_name(asked.bucket)),
                job_id=job_id,
                scope=ReportScope(asked.report_scope or ReportScope.ALL_TASKS),
                prefix=asked.prefix or "",
            )
        except ValueError as error:
            raise FatalJobError("ReportNotWritten", f"Report: {error}") from error


_MANIFEST: Final = "manifest.csv"
_JOURNAL: Final = "journal"


_NO_REPORT: Final = (
    "The job report could not be written to your report bucket. Please check your permissions."
)
