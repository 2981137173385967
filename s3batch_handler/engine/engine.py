"""The jobs of one account in one Region: what S3 Control takes orders for, done on this machine.

In the foreground a job runs on the thread that made it ready to run: ``create_job`` returns when
the job is over, or waits for its confirmation, and nothing is left running behind it. So tests need
not wait, and the same job does the same things in the same order each time. In the background
threads of the engine take the jobs, those of higher priority first.

What an engine knows is in SQLite: with ``state`` it outlives the process, and whatever was cut off
goes on.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
import uuid
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from pydantic import TypeAdapter, ValidationError
from typing_extensions import override

from s3batch_handler.classify import classify, describe
from s3batch_handler.engine.crew import Crew, NotNow
from s3batch_handler.engine.failures import BAD_MANIFEST, NO_FUNCTION, Unusable, failure
from s3batch_handler.engine.functions import Functions, qualified_name
from s3batch_handler.engine.journal import Journal
from s3batch_handler.engine.lifecycle import check_move, status_on_request, way
from s3batch_handler.engine.manifests import Manifests
from s3batch_handler.engine.operations import s3_operation
from s3batch_handler.engine.operations.base import CannotRun
from s3batch_handler.engine.operations.invoker import OnS3
from s3batch_handler.engine.preparation import kept
from s3batch_handler.engine.runner import run_job
from s3batch_handler.engine.state import locked, written
from s3batch_handler.engine.store import JobStore
from s3batch_handler.engine.targets import invoker_for
from s3batch_handler.errors import (
    InvalidFunction,
    JobError,
    JobNotFound,
    ManifestError,
    StateDamaged,
    StateError,
)
from s3batch_handler.job import (
    MAX_JOB_TAGS,
    REFUSED,
    Description,
    Job,
    JobFailure,
    JobPage,
    Priority,
)
from s3batch_handler.keys import bucket_name
from s3batch_handler.model import JobRef, ResultCode, UserArguments
from s3batch_handler.protocol import explain
from s3batch_handler.report import ReportScope, ReportWriter
from s3batch_handler.shapes import Tags
from s3batch_handler.status import JobStatus, Progress
from s3batch_handler.storage import S3Folder

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from types import TracebackType

    from s3batch_handler.engine.invoker import Invoker
    from s3batch_handler.engine.preparation import PreparedManifest
    from s3batch_handler.engine.runner import JobRun
    from s3batch_handler.engine.store import StoredJob
    from s3batch_handler.engine.targets import Target
    from s3batch_handler.job import JobSpec
    from s3batch_handler.shapes import Report
    from s3batch_handler.storage import S3Client


class Engine:
    """The jobs of one account in one Region, run on this machine.

    It is a :class:`~s3batch_handler.control.JobControl`: what it refuses is a ``JobError``.
    It runs jobs that invoke a function, or do one of S3's own operations. Any other ends
    ``Failed``, with a reason that says what is not implemented.

    A context manager. In the background, jobs that run at its end are left as they are, to go on
    when another engine has the same ``state``.

    Args:
        functions: What jobs may invoke, by name (``thumbnails``), name with qualifier
            (``thumbnails:PROD``) or ARN. Whatever a name does not say (qualifier, account,
            Region) it is good for any; where several are, the one that says most is called.
            :data:`~s3batch_handler.engine.targets.Target` says what can be registered.
        s3: ``boto3.client("s3")``, for manifests, reports and S3's own operations.
        account_id: Whose jobs these are.
        region: Where.
        max_redrives: Further tries for a task that failed temporarily.
        timeout: Seconds that a call may take: a function in this process is only told of it. By
            default 60, and 900 for functions elsewhere, which have one of their own.
        clock: Gives the time, with its time zone.
        state: A folder to keep jobs in; without it they live as long as the engine.
        background: Run jobs in threads of the engine: one job at a time, those of higher priority
            first, for whom others pause. Otherwise what was cut off goes on before this engine is
            there.

    Raises:
        ValueError: A key of ``functions`` is neither a name nor an ARN.
        InvalidFunction: What is registered names no function.
        TypeError: Or cannot be one.
        StateError: The folder cannot be used, or another engine uses it.
    """

    def __init__(
        self,
        functions: Mapping[str, Target],
        *,
        s3: S3Client,
        account_id: str = "123456789012",
        region: str = "us-east-1",
        max_redrives: int = 3,
        timeout: float | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        state: Path | None = None,
        background: bool = False,
    ) -> None:
        self._functions = Functions(functions)
        self._account_id = account_id
        self._region = region
        self._s3 = s3
        self._max_redrives = max_redrives
        self._timeout = timeout
        self._clock = clock
        self._manifests = Manifests(s3, self._passes)
        self._lock = threading.RLock()  # held to look and to change, never while a function runs
        self._claimed: set[str] = set()  # jobs that somebody is at
        self._statuses: dict[str, JobStatus] = {}  # as in the store, for those who often ask
        self._crew: Crew | None = None
        with ExitStack() as stack:
            self._folder = stack.enter_context(_temporary() if state is None else locked(state))
            self._store = JobStore(None if state is None else self._folder / "jobs")
            stack.callback(self._store.close)
            self._recover()
            if background:
                self._crew = stack.enter_context(
                    Crew(
                        preparing=partial(self._work_of, _TO_PREPARE),
                        running=partial(self._work_of, _TO_RUN),
                    )
                )
            else:
                for job in self._store.of_status(*_TO_PREPARE, *_TO_RUN):
                    self._go_on(job.job_id)
            self._open = stack.pop_all()

    # ------------------------------------------------------------ what one can ask for

    def create_job(self, spec: JobSpec) -> str:
        """Make a job, and in the foreground run it, unless it waits for confirmation; give its id.

        Raises:
            JobError: The request token was used for another job.
        """
        with self._lock:
            before = self._store.asked_for(spec.client_request_token)
            if before is not None and before.spec != spec:
                raise JobError(
                    f"ClientRequestToken {spec.client_request_token} belongs to another request",
                    job_id=before.job.job_id,
                    code="IdempotencyException",
                )
            if before is not None:
                return before.job.job_id
            job_id = str(uuid.uuid4())
            arn = f"arn:aws:s3:{self._region}:{self._account_id}:job/{job_id}"
            job = Job.new(spec, job_id=job_id, job_arn=arn, creation_time=self._clock())
            self._store.add(spec, job)
        self._go_on(job_id)
        return job_id

    def describe_job(self, job_id: str) -> Job:
        """Tell how a job is."""
        with self._lock:
            self._expire()
            return self._store.get(job_id).job

    def list_jobs(
        self,
        statuses: Collection[JobStatus] = (),
        *,
        max_results: int = 1000,
        next_token: str | None = None,
    ) -> JobPage:
        """List jobs, the newest first; those made between two pages are in neither."""
        if not 0 <= max_results <= _MAX_RESULTS:
            raise JobError(
                f"MaxResults: 0 to {_MAX_RESULTS}, not {max_results}",
                code="InvalidRequestException",
            )
        # The token is the last job of the page before: whatever has come or changed since then,
        # the listing goes on behind it.
        with self._lock:
            self._expire()
            try:
                jobs, has_more = self._store.page(
                    statuses or tuple(JobStatus),
                    after=next_token,
                    size=max_results or _MAX_RESULTS,
                )
            except JobNotFound as error:
                raise JobError(
                    "The nextToken provided is invalid", code="InvalidNextTokenException"
                ) from error
        return JobPage(tuple(jobs), jobs[-1].job_id if has_more else None)

    def update_job_status(
        self, job_id: str, requested: JobStatus, reason: str | None = None
    ) -> Job:
        """Confirm a job (``Ready``), which lets it run, or cancel it (``Cancelled``).

        The job is told as it is at first: ``Ready``, or ``Cancelling`` where tasks still run.

        Raises:
            InvalidTransition: It has a status from which it cannot get there.
            JobError: Nobody can ask for this status.
        """
        if reason is not None:
            _check(_REASON, reason, "StatusUpdateReason")
        with self._lock:
            status = status_on_request(job_id, self.describe_job(job_id).status, requested)
            if status is JobStatus.CANCELLED:
                job = self._end(job_id, status, status_update_reason=reason)
            else:
                job = self._change(job_id, status=status, status_update_reason=reason)
        if not job.status.is_final:
            self._go_on(job_id)
        return job

    def update_job_priority(self, job_id: str, priority: int) -> Job:
        """Change the priority of a job that is not over yet."""
        _check(_PRIORITY, priority, "Priority")
        with self._lock:
            job = self.describe_job(job_id)
            if job.status.is_final:
                raise JobError(
                    f"job {job_id} is {job.status}: its priority cannot be changed",
                    job_id=job_id,
                    code=REFUSED,
                )
            job = self._change(job_id, priority=priority)
        if self._crew is not None:
            self._look(self._crew)
        return job

    def get_job_tagging(self, job_id: str) -> dict[str, str]:
        """Give the tags of a job."""
        with self._lock:
            return self._store.tags(job_id)

    def put_job_tagging(self, job_id: str, tags: Mapping[str, str]) -> None:
        """Replace the tags of a job."""
        if len(tags) > MAX_JOB_TAGS:
            raise JobError(
                f"Tags: at most {MAX_JOB_TAGS}, not {len(tags)}",
                job_id=job_id,
                code="TooManyTagsException",
            )
        _check(_TAGS, tags, "Tags")
        with self._lock:
            self._store.save_tags(self.describe_job(job_id).job_id, tags)

    def delete_job_tagging(self, job_id: str) -> None:
        """Take all tags off a job."""
        self.put_job_tagging(job_id, {})

    # ------------------------------------------------------------ who does the work

    def _go_on(self, job_id: str) -> None:
        """Take a job as far as it goes by itself: here, or let the crew do that."""
        if self._crew is not None:
            self._look(self._crew)
            return
        # Whoever asks for something while we are at it leaves it to us: look again each time.
        while self._can_go_on(job_id) and self._claim(job_id):
            self._step(job_id)

    def _can_go_on(self, job_id: str) -> bool:
        with self._lock:
            return self._store.get(job_id).job.status in (*_TO_PREPARE, *_TO_RUN)

    def _look(self, crew: Crew) -> None:
        """Let what runs pause for a job of higher priority, and the crew look what there is now.

        Not with the lock held: the crew looks with a lock of its own, and takes ours then.
        """
        with self._lock:
            waiting = self._store.of_status(JobStatus.READY, JobStatus.PAUSED)
            for job in self._store.of_status(JobStatus.ACTIVE) if waiting else ():
                if job.job_id in self._claimed and job.priority < waiting[0].priority:
                    self._move(job.job_id, JobStatus.PAUSING)
        crew.look()

    def _work_of(self, statuses: Collection[JobStatus]) -> Callable[[], None] | None:
        """Give the crew a step of the job that comes first: one to be cancelled, or by priority."""
        with self._lock:
            jobs = self._store.of_status(*statuses)
            for job in sorted(jobs, key=lambda job: job.status is not JobStatus.CANCELLING):
                if self._claim(job.job_id):
                    return partial(self._step, job.job_id)
        return None

    def _step(self, job_id: str) -> None:
        with self._released(job_id):
            self._advance(job_id)

    def _claim(self, job_id: str) -> bool:
        """Take a job over, unless somebody else is at it."""
        with self._lock:
            if job_id in self._claimed:
                return False
            self._claimed.add(job_id)
            return True

    @contextmanager
    def _released(self, job_id: str) -> Iterator[None]:
        """Let go of a job after the block; whatever ends that by surprise has failed the job."""
        try:
            yield
        except (StateError, NotNow):  # passes, and then it can go on
            raise
        except BaseException as error:
            with self._lock:
                status = self._store.get(job_id).job.status
            if status is not JobStatus.SUSPENDED and not status.is_final:
                why = f"interrupted by {type(error).__name__}"
                self._fail(job_id, failure("Interrupted", why))
            raise
        finally:
            with self._lock:
                self._claimed.discard(job_id)
            if self._crew is not None:
                self._look(self._crew)

    # ------------------------------------------------------------ a job's life

    def _advance(self, job_id: str) -> None:
        """Do what is next for a job, if there is anything."""
        with self._lock:
            stored = self._store.get(job_id)
            if stored.job.status is JobStatus.NEW:
                self._move(job_id, JobStatus.PREPARING)
        status = stored.job.status
        if status is JobStatus.SUSPENDED or status.is_final:
            return
        try:
            if status is JobStatus.CANCELLING and stored.manifest is None:
                self._end(job_id, JobStatus.CANCELLED)
            elif status in _TO_PREPARE:
                self._prepare(job_id, stored.spec)
            else:
                self._run(job_id, stored)
        except Unusable as problem:
            self._fail(job_id, problem.failure)
        except CannotRun as error:
            self._fail(job_id, failure(error.code or "", str(error)))
        except InvalidFunction as error:
            self._fail(job_id, failure(NO_FUNCTION, str(error)))
        except StateDamaged as error:
            self._fail(job_id, failure("StateDamaged", str(error)))
        except ManifestError as error:
            self._fail(job_id, failure(BAD_MANIFEST, str(error)))

    def _prepare(self, job_id: str, spec: JobSpec) -> None:
        """Read the manifest; then the job waits for confirmation, or for its turn."""
        self._invoker_of(spec)
        folder = self._folder_of(job_id)
        with written(folder):
            folder.mkdir(exist_ok=True)
            with self._manifest(job_id, spec, keep=folder / _MANIFEST) as manifest:
                known = manifest.facts
        with self._lock:
            self._store.save_manifest(job_id, known)
            progress = Progress(manifest.count, 0, 0)
            if self._is_cancelled(job_id):
                self._end(job_id, JobStatus.CANCELLED)
            elif spec.waits_for_confirmation:
                self._move(
                    job_id,
                    JobStatus.SUSPENDED,
                    progress_summary=progress,
                    suspended_date=self._clock(),
                    suspended_cause="AWAITING_CONFIRMATION",
                )
            else:
                self._move(job_id, JobStatus.READY, progress_summary=progress)

    def _run(self, job_id: str, stored: StoredJob) -> None:
        """Run a job whose turn it is: to its end, or until it has to pause."""
        spec, known = stored.spec, stored.manifest
        assert known is not None
        with self._lock:
            status = self.describe_job(job_id).status
            if status in (JobStatus.READY, JobStatus.PAUSING, JobStatus.PAUSED):
                for step in way(status, JobStatus.ACTIVE):
                    self._move(job_id, step)
        invoke = spec.operation.lambda_invoke

        def keep(progress: Progress) -> None:
            counts = replace(progress, total=known["count"])
            self._change(job_id, progress_summary=counts)

        folder = self._folder_of(job_id)
        with kept(folder / _MANIFEST, **known) as manifest, Journal(folder / _JOURNAL) as journal:
            invoker = self._invoker_of(spec)
            report = self._report(job_id, spec.report)
            run = run_job(  # which closes them, however it ends
                manifest.entries(),
                invoker,
                job=JobRef(
                    id=job_id, arguments=UserArguments((invoke and invoke.user_arguments) or {})
                ),
                schema_version=(invoke and invoke.invocation_schema_version) or "1.0",
                max_redrives=self._max_redrives,
                report=report,
                total=manifest.count,
                on_progress=keep,
                journal=journal,
                asked=partial(self._asked, job_id),
            )
        self._conclude(job_id, run, report)

    def _asked(self, job_id: str) -> JobStatus | None:
        """Say whether a job that runs shall end, or pause."""
        with self._lock:
            status = self._statuses.get(job_id)
        if status is JobStatus.CANCELLING:
            return JobStatus.CANCELLED
        if status is JobStatus.PAUSING or (self._crew is not None and self._crew.is_leaving):
            return JobStatus.PAUSED
        return None

    def _conclude(self, job_id: str, run: JobRun, report: _Report | None) -> None:
        problem = None if report is None else report.problem
        if problem is not None and self._passes(problem):
            raise NotNow(f"the report of job {job_id} could not be written: {describe(problem)}")
        with self._lock:
            if self.describe_job(job_id).status is JobStatus.PAUSING:
                self._move(job_id, JobStatus.PAUSED)
                if run.status is not JobStatus.PAUSED:  # it was over before it could
                    self._move(job_id, JobStatus.ACTIVE)
            if problem is not None:
                text = f"{_NO_REPORT} ({describe(problem)})"
                self._fail(job_id, failure("ReportNotWritten", text))
            elif run.status is JobStatus.PAUSED:
                pass  # it goes on in its turn, or in another process
            elif run.status is JobStatus.FAILED:
                self._fail(job_id, failure("FailureThresholdExceeded", run.reason or ""))
            elif self._is_cancelled(job_id):
                self._end(job_id, JobStatus.CANCELLED)
            elif run.status is JobStatus.CANCELLED:  # by Ctrl-C
                self._move(job_id, JobStatus.CANCELLING)
                self._end(job_id, JobStatus.CANCELLED)
            else:
                if self.describe_job(job_id).status is not JobStatus.COMPLETING:
                    self._move(job_id, JobStatus.COMPLETING)
                self._end(job_id, JobStatus.COMPLETE)

    def _passes(self, error: Exception) -> bool:
        """Tell whether another try later may do; in the foreground nobody waits for that."""
        return self._crew is not None and classify(error).code is ResultCode.TEMPORARY_FAILURE

    def _fail(self, job_id: str, failure: JobFailure) -> None:
        with self._lock:
            if self._is_cancelled(job_id):
                self._end(job_id, JobStatus.CANCELLED)
                return
            job = self._change(job_id, failure_reasons=(failure,))
            for step in way(job.status, JobStatus.FAILED)[:-1]:
                self._move(job_id, step)
            self._end(job_id, JobStatus.FAILED)

    def _end(self, job_id: str, status: JobStatus, **changes: Any) -> Job:
        """Do what is done when a job is over, in whatever way."""
        job = self._move(job_id, status, termination_date=self._clock(), **changes)
        shutil.rmtree(self._folder_of(job_id), ignore_errors=True)
        return job

    def _move(self, job_id: str, status: JobStatus, **changes: Any) -> Job:
        with self._lock:
            check_move(job_id, self._store.get(job_id).job.status, status)
            return self._change(job_id, status=status, **changes)

    def _change(self, job_id: str, **changes: Any) -> Job:
        with self._lock:
            job = self._store.get(job_id).job.model_copy(update=changes)
            self._store.save(job)
            self._statuses[job_id] = job.status
            if job.status.is_final:
                del self._statuses[job_id]  # nobody asks any more
            return job

    def _is_cancelled(self, job_id: str) -> bool:
        return self._store.get(job_id).job.status is JobStatus.CANCELLING

    def _folder_of(self, job_id: str) -> Path:
        return self._folder / f"job-{job_id}"

    # ------------------------------------------------------------ as time goes by

    def _recover(self) -> None:
        """Put right what was cut off between two statuses."""
        for job in self._store.of_status(*JobStatus):
            if not job.status.is_final:
                self._statuses[job.job_id] = job.status
            if job.status is JobStatus.PAUSING:
                self._move(job.job_id, JobStatus.PAUSED)
            elif job.status is JobStatus.FAILING:
                self._end(job.job_id, JobStatus.FAILED)
            elif job.status.is_final:
                shutil.rmtree(self._folder_of(job.job_id), ignore_errors=True)

    def _expire(self) -> None:
        """End jobs that nobody confirmed in 30 days; forget jobs 90 days after their end."""
        now = self._clock()
        for job in self._store.of_status(JobStatus.SUSPENDED):
            if job.suspended_date is not None and job.suspended_date < now - _CONFIRM_WITHIN:
                reason = failure("JobExpired", "the job was not confirmed within 30 days")
                self._fail(job.job_id, reason)
        self._store.forget(ended_before=now - _KEPT_FOR)

    # ------------------------------------------------------------ what a job needs

    def _invoker_of(self, spec: JobSpec) -> Invoker:
        """Give what does the tasks of a job.

        Raises:
            Unusable: It is not there.
            CannotRun: Nothing here can do them.
        """
        invoke = spec.operation.lambda_invoke
        if invoke is None:
            return OnS3(s3_operation(spec.operation, self._s3), spec.operation.name)
        asked = invoke.function_arn
        assert asked is not None  # or the request would have been refused
        function = self._functions.find(asked, account_id=self._account_id, region=self._region)
        if function is None:
            text = f"Function not found: {asked} (registered: {', '.join(self._functions.names)})"
            raise Unusable(NO_FUNCTION, text)
        return invoker_for(function, name=qualified_name(asked), timeout=self._timeout)

    @contextmanager
    def _manifest(self, job_id: str, spec: JobSpec, *, keep: Path) -> Iterator[PreparedManifest]:
        """Read the manifest of a job in full, or make it, and keep it."""
        if spec.manifest is not None:
            with self._manifests.read(spec.manifest, keep=keep) as manifest:
                yield manifest
            return
        asked = spec.manifest_generator
        assert asked is not None  # or the request would have been refused
        assert asked.s3_job_manifest_generator is not None
        job, generator = self.describe_job(job_id), asked.s3_job_manifest_generator
        with self._manifests.generated(job, generator, keep=keep) as made:
            self._change(job_id, generated_manifest_descriptor=made.location)
            yield made.manifest

    def _report(self, job_id: str, asked: Report) -> _Report | None:
        if not asked.enabled:
            return None
        assert asked.bucket is not None  # or the request would have been refused
        try:
            return _Report(
                S3Folder(self._s3, bucket_name(asked.bucket)),
                job_id=job_id,
                scope=ReportScope(asked.report_scope or ReportScope.ALL_TASKS),
                prefix=asked.prefix or "",
            )
        except ValueError as error:
            raise Unusable("ReportNotWritten", f"Report: {error}") from error

    # ------------------------------------------------------------ the end

    def close(self) -> None:
        """Stop the work of the background, and let go of the state."""
        self._open.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


@contextmanager
def _temporary() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="s3batch-engine-") as folder:
        yield Path(folder)


_TO_PREPARE: Final = (JobStatus.NEW, JobStatus.PREPARING)
_TO_RUN: Final = (
    JobStatus.READY,
    JobStatus.ACTIVE,
    JobStatus.PAUSING,  # when it could neither run to its end nor pause: a disk, S3
    JobStatus.PAUSED,
    JobStatus.COMPLETING,
    JobStatus.CANCELLING,
)
_MANIFEST: Final = "manifest.csv"
_JOURNAL: Final = "journal"
_CONFIRM_WITHIN: Final = timedelta(days=30)
_KEPT_FOR: Final = timedelta(days=90)
_MAX_RESULTS: Final = 1000
_REASON: Final = TypeAdapter(Description)
_PRIORITY: Final = TypeAdapter(Priority)
_TAGS: Final = TypeAdapter(Tags)


def _check(kind: TypeAdapter[Any], value: object, member: str) -> None:
    try:
        kind.validate_python(value)
    except ValidationError as error:
        raise JobError(explain(error, whole=member), code=REFUSED) from None


class _Report(ReportWriter):
    """A completion report that says what stopped it, once all the work is done.

    Attributes:
        problem: Why it could not be written; ``None``: it could.
    """

    problem: Exception | None = None

    @override
    def finish(self) -> str | None:
        try:
            return super().finish()
        except Exception as error:
            self.problem = error
            raise


_NO_REPORT: Final = (
    "The job report could not be written to your report bucket. Please check your permissions."
)
