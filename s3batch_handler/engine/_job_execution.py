"""The steps of a job: prepare its manifest, run its tasks, conclude it."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from s3batch_handler.core._classification import classify
from s3batch_handler.core._error_text import describe
from s3batch_handler.core._errors import InvalidFunction, ManifestError, StateDamaged, WorkersLost
from s3batch_handler.core._model import JobRef, ResultCode, UserArguments
from s3batch_handler.engine._job_logs import JobLogs
from s3batch_handler.engine._job_report import JobReport
from s3batch_handler.engine.invoke._registered_functions import qualified_name
from s3batch_handler.engine.invoke._target import default_timeout, invoker_for, runs_in_workers
from s3batch_handler.engine.manifests._prepared import saved_manifest
from s3batch_handler.engine.manifests._sources import Manifests
from s3batch_handler.engine.operations._base import Store
from s3batch_handler.engine.operations._s3_invoker import S3Invoker
from s3batch_handler.engine.operations._s3_requests import S3Requests
from s3batch_handler.engine.operations._table import s3_operation
from s3batch_handler.engine.run._journal import Journal
from s3batch_handler.engine.run._run_job import JobSettings, run_job
from s3batch_handler.engine.run._run_observer import RunObserver
from s3batch_handler.engine.state._failure_codes import BAD_MANIFEST, NO_FUNCTION
from s3batch_handler.engine.state._job_failures import FatalJobError, RetryLater, job_failure
from s3batch_handler.engine.state._lifecycle import shortest_path
from s3batch_handler.engine.state._state_folder import disk_errors_as_state_error
from s3batch_handler.engine.state._status_changes import change, continued, latest_time
from s3batch_handler.jobs._status import JobStatus, Progress

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager
    from datetime import datetime
    from pathlib import Path

    from s3batch_handler.documents.files._s3_folder import S3Client
    from s3batch_handler.documents.reports._run_record import RunRecord
    from s3batch_handler.engine.invoke._invoker import Invoker
    from s3batch_handler.engine.invoke._log_tail import Log
    from s3batch_handler.engine.invoke._registered_functions import Functions
    from s3batch_handler.engine.manifests._prepared import PreparedManifest
    from s3batch_handler.engine.operations._s3_endpoint import S3Endpoint
    from s3batch_handler.engine.run._cancellation import RunControl
    from s3batch_handler.engine.run._ledger import JobResult
    from s3batch_handler.engine.run._run_progress import RunProgress
    from s3batch_handler.engine.state._job_store import JobStore, StoredJob
    from s3batch_handler.jobs._failure_threshold import FailureThreshold
    from s3batch_handler.jobs._job import JobSpec, ReportRequest
    from s3batch_handler.jobs._operations import Operation

TO_PREPARE: Final = (JobStatus.NEW, JobStatus.PREPARING)
ENDING: Final = (JobStatus.CANCELLING, JobStatus.FAILING)
TO_RUN: Final = (
    JobStatus.READY,
    JobStatus.ACTIVE,
    JobStatus.PAUSING,  # if an error of a disk or of S3 ended the run
    JobStatus.PAUSED,
    JobStatus.COMPLETING,
    *ENDING,
)


class FunctionSettings(NamedTuple):
    """How the function of a job is called.

    Attributes:
        handler: The function as it was registered; ``None`` if it is in this process, or unknown.
        timeout: Seconds that a call may take.
        max_redrives: Retries of a task that fails temporarily.
    """

    handler: str | None
    timeout: float
    max_redrives: int


@dataclass(frozen=True, kw_only=True)
class JobExecution:
    """Does the work of jobs: prepares their manifests, runs their tasks, concludes them.

    Attributes:
        jobs: All jobs of the engine.
        functions, s3, max_redrives, timeout, environment: See ``Engine``.
        existing_s3, dask, upload, s3_concurrency: See ``Engine``.
        s3_endpoint: Limits the requests of S3's own operations; ``None`` to run them one by one.
        threshold: How many tasks of a job may fail.
        retries_later: Whether the caller tries again after :class:`RetryLater`.
        running: What is known about each job that runs, by its ID.
        ended: What was known about the latest jobs when they ended or paused.
        logs: What their functions wrote last; empty unless an engine runs jobs in the background.
    """

    jobs: JobStore
    functions: Functions
    s3: S3Client
    max_redrives: int
    threshold: FailureThreshold
    timeout: float | None
    environment: Mapping[str, str] | None
    retries_later: bool
    existing_s3: bool = False
    dask: str | None = None
    upload: bool = False
    s3_concurrency: int = 1
    s3_endpoint: S3Endpoint | None = None
    running: dict[str, RunObserver] = field(default_factory=dict)
    ended: dict[str, RunObserver] = field(default_factory=dict)
    logs: JobLogs = field(default_factory=JobLogs)

    def advance(self, job_id: str, control: RunControl) -> None:
        """Run the next step of a job, if there is one. If the step fails, the job fails.

        Raises:
            RetryLater: S3, or a Dask scheduler, is not available.
            StateError: The state folder is not writable.
        """
        try:
            with self.jobs.lock:
                stored = self.jobs.get(job_id)
                if stored.job.status is JobStatus.NEW:
                    self.jobs.move(job_id, JobStatus.PREPARING)
            status = stored.job.status
            if status is JobStatus.FAILING:  # its end could not be saved before
                self.jobs.end(job_id, JobStatus.FAILED)
            elif status is JobStatus.CANCELLING and stored.manifest is None:
                self.jobs.end(job_id, JobStatus.CANCELLED)
            elif status in TO_PREPARE:
                self._prepare(job_id, stored.spec)
            elif status in TO_RUN:
                self._run(job_id, stored, control)
        except FatalJobError as error:
            self.jobs.fail(job_id, error.failure)
        except InvalidFunction as error:
            self.jobs.fail(job_id, job_failure(NO_FUNCTION, str(error)))
        except WorkersLost as error:
            if self.retries_later:
                raise RetryLater(f"job {job_id}: {error}") from error
            self.jobs.fail(job_id, job_failure(NO_FUNCTION, str(error)))
        except StateDamaged as error:
            self.jobs.fail(job_id, job_failure("StateDamaged", str(error)))
        except ManifestError as error:
            self.jobs.fail(job_id, job_failure(BAD_MANIFEST, str(error)))

    # ------------------------------------------------------------ prepare

    def _prepare(self, job_id: str, spec: JobSpec) -> None:
        """Read the manifest; then the job waits for confirmation, or for its turn."""
        self._check_can_run(spec)
        folder = self.jobs.folder_of(job_id)
        with disk_errors_as_state_error(folder):
            folder.mkdir(exist_ok=True)
            with self._manifest(job_id, spec, save_as=folder / _MANIFEST) as manifest:
                saved = manifest.saved_arguments
            Journal.create(folder / _JOURNAL)
        with self.jobs.lock:
            self.jobs.save_manifest(job_id, saved)
            progress = Progress(manifest.count, 0, 0)
            if self.jobs.status_of(job_id) is JobStatus.CANCELLING:
                self.jobs.end(job_id, JobStatus.CANCELLED)
            elif spec.waits_for_confirmation:
                self.jobs.move(
                    job_id,
                    JobStatus.SUSPENDED,
                    progress_summary=progress,
                    suspended_cause="AWAITING_CONFIRMATION",
                )
            else:
                self.jobs.move(job_id, JobStatus.READY, progress_summary=progress)

    @contextmanager
    def _manifest(self, job_id: str, spec: JobSpec, *, save_as: Path) -> Iterator[PreparedManifest]:
        """Read the manifest of a job in full, or generate it, into the file ``save_as``."""
        manifests = Manifests(self.s3, self._can_retry)
        if spec.manifest is not None:
            with manifests.read(spec.manifest, save_as=save_as) as manifest:
                yield manifest
            return
        assert spec.manifest_generator is not None  # validated with the request
        generator = spec.manifest_generator.s3_job_manifest_generator
        assert generator is not None
        job = self.jobs.job(job_id)
        with manifests.generated(job, generator, save_as=save_as) as (manifest, location):
            self.jobs.change(job_id, generated_manifest_descriptor=location)
            yield manifest

    # ------------------------------------------------------------ run

    def _run(self, job_id: str, stored: StoredJob, control: RunControl) -> None:
        """Run a job to its end, or until it has to pause."""
        spec, saved = stored.spec, stored.manifest
        assert saved is not None
        with self.jobs.lock:
            status = self.jobs.status_of(job_id)
            if status in (JobStatus.READY, JobStatus.PAUSING, JobStatus.PAUSED):
                self.jobs.move(job_id, *shortest_path(status, JobStatus.ACTIVE))
            elif status is JobStatus.CANCELLING:
                control.cancel()

        answers = -1

        def save_progress(progress: RunProgress) -> None:
            nonlocal answers
            if progress.answers == answers:
                return
            answers = progress.answers
            counts = Progress(
                saved["count"], progress.succeeded, progress.failed, progress.active_seconds
            )
            self.jobs.change(job_id, progress_summary=counts)

        folder = self.jobs.folder_of(job_id)
        invoke = spec.operation.lambda_invoke
        arguments = UserArguments((invoke and invoke.user_arguments) or {})
        settings = JobSettings(
            job=JobRef(id=job_id, arguments=arguments),
            schema_version=(invoke and invoke.invocation_schema_version) or "1.0",
            max_redrives=self.max_redrives,
            total=saved["count"],
            threshold=self.threshold,
            can_resume=self.retries_later,
        )
        with (
            self._observing(job_id) as observer,
            self._recorded_log(job_id, spec) as log,
            saved_manifest(folder / _MANIFEST, **saved) as manifest,
            Journal(folder / _JOURNAL, must_exist=True) as journal,
        ):
            report = self._report(job_id, spec.report)
            result = run_job(
                manifest.lines(),
                self._invoker_for(spec, log=log),
                settings,
                report=report,
                on_progress=save_progress,
                journal=journal,
                control=control,
                observer=observer,
            )
        ended = self.jobs.clock()
        if report is not None and result.report is not None and self.retries_later:
            report.write_run_record(self._run_record(job_id, spec, result, ended=ended))
        self._conclude(job_id, result, ended=ended)

    def function_settings(self, arn: str) -> FunctionSettings | None:
        """Return how a function is called; ``None`` if it is not registered."""
        function = self.functions.find(arn)
        if function is None:
            return None
        return FunctionSettings(
            handler=function if isinstance(function, str) else None,
            timeout=self.timeout or default_timeout(function),
            max_redrives=self.max_redrives,
        )

    def _run_record(
        self, job_id: str, spec: JobSpec, result: JobResult, *, ended: datetime
    ) -> RunRecord:
        """Return how a job has run. It is written before the job ends, but contains its end."""
        history = self.jobs.history(job_id)
        status = self.jobs.status_of(job_id)
        end = JobStatus.CANCELLED if status is JobStatus.CANCELLING else result.status
        for following in shortest_path(status, end):
            history = continued(history, change(following, max(ended, latest_time(history))))
        invoke = spec.operation.lambda_invoke
        called = None if invoke is None else self.function_settings(str(invoke.function_arn))
        return result.statistics.record(
            job_id,
            history=history,
            threshold=self.threshold,
            counts=result.progress,
            function_timeout=None if called is None else called.timeout,
        )

    @contextmanager
    def _observing(self, job_id: str) -> Iterator[RunObserver]:
        observer = RunObserver()
        before = self.ended.get(job_id)
        if before is not None:  # it was paused; its journal is read again, which may take long
            observer.statistics, observer.counts = before.statistics, (None, before.failures)
        self.running[job_id] = observer
        self.ended.pop(job_id, None)
        try:
            yield observer
        finally:
            observer.invoker = None
            self.ended[job_id] = observer  # other threads find it here or there
            del self.running[job_id]
            while len(self.ended) > _KEPT_RUNS:
                del self.ended[next(iter(self.ended))]

    def _recorded_log(self, job_id: str, spec: JobSpec) -> AbstractContextManager[Log | None]:
        """Record the log of worker processes, if the job runs in the background."""
        invoke = spec.operation.lambda_invoke
        function = None if invoke is None else self.functions.find(str(invoke.function_arn))
        is_here = function is not None and runs_in_workers(function) and self.dask is None
        if self.retries_later and is_here:
            return self.logs.recording(job_id)
        return nullcontext()

    def _conclude(self, job_id: str, result: JobResult, *, ended: datetime) -> None:
        """Save the result of a run: the end of the job, at the given time, or its pause."""
        error = result.report_error
        if error is not None and self._can_retry(error):
            raise RetryLater(f"the report of job {job_id} could not be written: {describe(error)}")
        with self.jobs.lock:
            status = self.jobs.status_of(job_id)
            if error is not None:
                text = f"{_NO_REPORT} ({describe(error)})"
                self.jobs.fail(job_id, job_failure("ReportNotWritten", text), time=ended)
            elif result.status is JobStatus.PAUSED:
                if status is JobStatus.PAUSING:  # or the engine closes, and the job remains active
                    self.jobs.move(job_id, JobStatus.PAUSED)
            elif result.status is JobStatus.FAILED:
                code = result.failure_code or "FailureThresholdExceeded"  # as in older journals
                self.jobs.fail(job_id, job_failure(code, result.reason or ""), time=ended)
            # The request may have come too late for the run.
            elif result.status is JobStatus.CANCELLED or status is JobStatus.CANCELLING:
                self.jobs.end(job_id, JobStatus.CANCELLED, time=ended)
            else:
                self.jobs.end(job_id, JobStatus.COMPLETE, time=ended)

    def _can_retry(self, error: Exception) -> bool:
        """Return whether the caller will retry, and the retry may succeed."""
        return self.retries_later and classify(error).code is ResultCode.TEMPORARY_FAILURE

    # ------------------------------------------------------------ what a job needs

    def _check_can_run(self, spec: JobSpec) -> None:
        """Check that the operation of a job is implemented and its function is registered."""
        self._invoker_for(spec)  # raises if not

    def _invoker_for(self, spec: JobSpec, *, log: Log | None = None) -> Invoker:
        """Create the invoker for the tasks of a job, whose worker processes write to ``log``.

        Raises:
            FatalJobError: The function is not registered, or the operation is not implemented.
        """
        invoke = spec.operation.lambda_invoke
        if invoke is None:
            return self._s3_invoker_for(spec.operation)
        arn = invoke.function_arn
        assert arn is not None  # validated with the request
        function = self.functions.find(arn)
        if function is None:
            text = f"Function not found: {arn} (registered: {', '.join(self.functions.names)})"
            raise FatalJobError(NO_FUNCTION, text)
        if self.dask is not None and isinstance(function, str) and runs_in_workers(function):
            from s3batch_handler.engine.invoke._dask_pool import DaskPool  # a slow import

            return DaskPool(
                function,
                self.dask,
                timeout=self.timeout or default_timeout(function),
                upload=self.upload,
                variables=self.environment,
            )
        return invoker_for(
            function,
            name=qualified_name(arn),
            timeout=self.timeout,
            variables=self.environment,
            log=log,
        )

    def _s3_invoker_for(self, operation: Operation) -> S3Invoker:
        """Create the invoker for an operation of S3."""
        is_imitation = not self.existing_s3
        if self.s3_endpoint is None:
            return S3Invoker(s3_operation(operation, Store(self.s3, is_imitation)), operation.name)
        requests = S3Requests(self.s3, self.s3_endpoint)
        return S3Invoker(
            s3_operation(operation, Store(requests, is_imitation, requests.is_stopped)),
            operation.name,
            requests=requests,
            concurrency=self.s3_concurrency,
        )

    def _report(self, job_id: str, request: ReportRequest) -> JobReport | None:
        if not request.enabled:
            return None
        try:
            return JobReport(request, s3=self.s3, job_id=job_id, copies=self.jobs.reports)
        except ValueError as error:
            raise FatalJobError("ReportNotWritten", f"Report: {error}") from error


_MANIFEST: Final = "manifest.csv"
_JOURNAL: Final = "journal"


def journal_of(folder: Path) -> Path:
    """Return the path of the journal in the folder of a job."""
    return folder / _JOURNAL


_KEPT_RUNS: Final = 20


_NO_REPORT: Final = (
    "The job report could not be written to your report bucket. Please check your permissions."
)
