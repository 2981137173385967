"""The jobs of one account in one Region: what S3 Control takes orders for, done on this machine.

In the foreground a job runs on the thread that made it ready to run: ``create_job`` returns when
the job is over, or waits for its confirmation, and nothing is left running behind it. So tests need
not wait, and the same job does the same things in the same order each time. In the background
threads of the engine take the jobs, those of higher priority first.

What an engine knows is in SQLite: with ``state`` it outlives the process, and whatever was cut off
goes on.
"""

from __future__ import annotations

import tempfile
import uuid
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from pydantic import TypeAdapter, ValidationError

from s3batch_handler.core._errors import JobError, JobNotFound
from s3batch_handler.core._payload import explain
from s3batch_handler.engine._job_execution import JobExecution
from s3batch_handler.engine._scheduler import Scheduler
from s3batch_handler.engine.invoke._functions import Functions
from s3batch_handler.engine.state._job_store import JobStore
from s3batch_handler.engine.state._state_folder import folder_lock
from s3batch_handler.jobs._job import BAD_REQUEST, MAX_JOB_TAGS, Description, Job, JobPage, Priority
from s3batch_handler.jobs._shapes import Tags
from s3batch_handler.jobs._status import JobStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from types import TracebackType

    from s3batch_handler.documents._storage import S3Client
    from s3batch_handler.engine.invoke._target import Target
    from s3batch_handler.jobs._job import JobSpec


class Engine:
    """The jobs of one account in one Region, run on this machine.

    It is a :class:`~s3batch_handler.jobs._control.JobControl`: what it refuses is a ``JobError``.
    It runs jobs that invoke a function, or do one of S3's own operations. Any other ends
    ``Failed``, with a reason that says what is not implemented.

    A context manager. In the background, jobs that run at its end are left as they are, to go on
    when another engine has the same ``state``.

    Args:
        functions: What jobs may invoke, by name (``thumbnails``), name with qualifier
            (``thumbnails:PROD``) or ARN. A name stands for any qualifier, account and Region
            that it does not mention; of several that fit, the one that says most is called.
            :data:`~s3batch_handler.engine.invoke._target.Target` says what can be registered.
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
        known = Functions(functions, account_id=account_id, region=region)
        self._arn_of_jobs = f"arn:aws:s3:{region}:{account_id}:job"
        self._clock = clock
        with ExitStack() as stack:
            folder = stack.enter_context(_temporary() if state is None else folder_lock(state))
            path = None if state is None else folder / "jobs"
            self._jobs = stack.enter_context(closing(JobStore(folder, path, clock=clock)))
            self._jobs.recover()
            execution = JobExecution(
                jobs=self._jobs,
                functions=known,
                s3=s3,
                max_redrives=max_redrives,
                timeout=timeout,
                retries_later=background,
            )
            scheduler = Scheduler(self._jobs, execution, background=background)
            self._scheduler = stack.enter_context(scheduler)
            self._scheduler.continue_all()
            self._open = stack.pop_all()

    # ------------------------------------------------------------ what one can ask for

    def create_job(self, spec: JobSpec) -> str:
        """Make a job, and in the foreground run it, unless it waits for confirmation; give its id.

        Raises:
            JobError: The request token was used for another job.
        """
        with self._jobs.lock:
            before = self._jobs.with_token(spec.client_request_token)
            if before is not None and before.spec != spec:
                raise JobError(
                    f"ClientRequestToken {spec.client_request_token} belongs to another request",
                    job_id=before.job.job_id,
                    code="IdempotencyException",
                )
            if before is not None:
                return before.job.job_id
            job_id = str(uuid.uuid4())
            arn = f"{self._arn_of_jobs}/{job_id}"
            job = Job.new(spec, job_id=job_id, job_arn=arn, creation_time=self._clock())
            self._jobs.add(spec, job)
        self._scheduler.job_changed(job_id)
        return job_id

    def describe_job(self, job_id: str) -> Job:
        """Tell how a job is."""
        with self._jobs.lock:
            self._jobs.expire()
            return self._jobs.job(job_id)

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
        with self._jobs.lock:
            self._jobs.expire()
            try:
                jobs, has_more = self._jobs.page(
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
        with self._jobs.lock:
            self._jobs.expire()
            job = self._jobs.request(job_id, requested, reason)
        if not job.status.is_final:
            self._scheduler.job_changed(job_id)
        return job

    def update_job_priority(self, job_id: str, priority: int) -> Job:
        """Change the priority of a job that is not over yet."""
        _check(_PRIORITY, priority, "Priority")
        with self._jobs.lock:
            job = self.describe_job(job_id)
            if job.status.is_final:
                raise JobError(
                    f"job {job_id} is {job.status}: its priority cannot be changed",
                    job_id=job_id,
                    code=BAD_REQUEST,
                )
            job = self._jobs.change(job_id, priority=priority)
        self._scheduler.job_changed(job_id)
        return job

    def get_job_tagging(self, job_id: str) -> dict[str, str]:
        """Give the tags of a job."""
        return self._jobs.tags(job_id)

    def put_job_tagging(self, job_id: str, tags: Mapping[str, str]) -> None:
        """Replace the tags of a job."""
        if len(tags) > MAX_JOB_TAGS:
            raise JobError(
                f"Tags: at most {MAX_JOB_TAGS}, not {len(tags)}",
                job_id=job_id,
                code="TooManyTagsException",
            )
        _check(_TAGS, tags, "Tags")
        with self._jobs.lock:
            self._jobs.save_tags(self.describe_job(job_id).job_id, tags)

    def delete_job_tagging(self, job_id: str) -> None:
        """Take all tags off a job."""
        self.put_job_tagging(job_id, {})

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


_MAX_RESULTS: Final = 1000
_REASON: Final = TypeAdapter(Description)
_PRIORITY: Final = TypeAdapter(Priority)
_TAGS: Final = TypeAdapter(Tags)


def _check(kind: TypeAdapter[Any], value: object, member: str) -> None:
    try:
        kind.validate_python(value)
    except ValidationError as error:
        raise JobError(explain(error, whole=member), code=BAD_REQUEST) from None
