"""The engine: the S3 Batch Operations jobs of one account in one Region, run on this machine.

In the foreground a job runs on the thread that calls ``create_job``, which returns when the job is
over or waits for its confirmation. Tests need not wait, and their jobs run in the same order each
time. In the background, threads of the engine run jobs by priority.

Jobs are in SQLite. With ``state``, they are kept after a restart, and interrupted jobs continue.
"""

from __future__ import annotations

import re
import tempfile
import uuid
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from pydantic import TypeAdapter, ValidationError

from s3batch_handler.core._defaults import DEFAULT_MAX_REDRIVES
from s3batch_handler.core._errors import JobError, JobNotFound
from s3batch_handler.core._validation import explain_error
from s3batch_handler.engine._job_execution import JobExecution
from s3batch_handler.engine._job_reader import JobReader
from s3batch_handler.engine._scheduler import Scheduler
from s3batch_handler.engine.invoke._registered_functions import Functions
from s3batch_handler.engine.operations._s3_endpoint import shared_endpoint
from s3batch_handler.engine.state._job_store import JobStore
from s3batch_handler.engine.state._state_folder import folder_lock
from s3batch_handler.jobs._failure_threshold import FailureThreshold
from s3batch_handler.jobs._job import BAD_REQUEST, MAX_JOB_TAGS, Description, Job, JobPage, Priority
from s3batch_handler.jobs._status import JobStatus
from s3batch_handler.jobs._structures import Tags

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from s3batch_handler.documents.files._s3_folder import S3Client
    from s3batch_handler.engine.invoke._target import Target
    from s3batch_handler.jobs._job import JobSpec


class Engine:
    """The jobs of one account in one Region, run on this machine.

    A :class:`~s3batch_handler.jobs._control.JobControl`: requests that it refuses raise
    ``JobError``. It runs jobs that invoke a function, and most of S3's own operations. A job with
    another operation ends as ``Failed``, with a reason that names the operation.

    A context manager. Jobs that run in the background at its end continue in the next engine with
    the same ``state``.

    Args:
        functions: The functions that jobs may invoke, by name (``thumbnails``), name with qualifier
            (``thumbnails:PROD``) or ARN. A name without qualifier, account or Region matches any.
            If several match, the most specific is called. Values: see
            :data:`~s3batch_handler.engine.invoke._target.Target`.
        s3: ``boto3.client("s3")``, for manifests, reports and S3's own operations.
        account_id: The account of the jobs.
        region: The Region of the jobs.
        max_redrives: Retries of a task that fails temporarily.
        tolerate: How many tasks of a job may fail: a number, or a percentage such as ``"5%"``. With
            one failure more the job fails. By default S3's rule: half of at least 1,000 tasks.
        timeout: Seconds that a call may take. A function in this process can read it, but is not
            interrupted. By default 60; for remote functions, which have a timeout of their own,
            900.
        environment: Environment variables for worker processes.
        clock: Returns the time, with its time zone.
        state: The folder in which jobs are kept. Without it, they exist as long as the engine.
        existing_s3: Whether ``s3`` is a store such as Ceph or MinIO, not AWS or an imitation of it
            such as moto. Operations of S3 then copy objects over 5 GB in parts, which S3 Batch
            Operations refuses, and do not look up each object first.
        dask: The Dask scheduler whose workers run the functions of worker processes:
            ``tcp://host:port``, ``tls://host:port``, or ``local:N`` for processes on this machine.
        upload: Send the code of these functions to the Dask workers.
        s3_concurrency: Objects of a job that an operation of S3 changes at a time. With 1 in the
            foreground, they are changed in the order of the manifest. Otherwise requests that S3
            throttles or does not answer are retried for minutes, and all requests pause together.
            ``s3`` needs ``Config(max_pool_connections=…)`` of at least this number.
        s3_requests: The requests of such operations at a time. All jobs of the process
            share this limit if their engines have it and the same URL of S3.
        background: Run jobs in threads, one at a time. A job pauses for a job of higher priority.
            Otherwise interrupted jobs continue before the constructor returns.

    Attributes:
        reader: Reads what S3 Control does not return about the jobs.

    Raises:
        ValueError: A key of ``functions`` is neither the name nor the ARN of a function,
            ``tolerate`` has another form, or ``s3`` has too few connections.
        InvalidFunction: A value of ``functions`` is not a valid target.
        TypeError: A value of ``functions`` has a type that cannot be called.
        StateError: The folder cannot be used, or another engine uses it.
    """

    def __init__(
        self,
        functions: Mapping[str, Target],
        *,
        s3: S3Client,
        account_id: str = "123456789012",
        region: str = "us-east-1",
        max_redrives: int = DEFAULT_MAX_REDRIVES,
        tolerate: str | int | None = None,
        timeout: float | None = None,
        environment: Mapping[str, str] | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        state: Path | None = None,
        existing_s3: bool = False,
        dask: str | None = None,
        upload: bool = False,
        s3_concurrency: int = 1,
        s3_requests: int = 64,
        background: bool = False,
    ) -> None:
        known = Functions(functions, account_id=account_id, region=region)
        self._arn_of_jobs = f"arn:aws:s3:{region}:{account_id}:job"
        self._clock = clock
        threshold = FailureThreshold.parse(tolerate)
        s3_endpoint = None
        if background or s3_concurrency > 1:
            _check_connections(s3, min(s3_concurrency, s3_requests))
            s3_endpoint = shared_endpoint(s3, s3_requests)
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
                threshold=threshold,
                timeout=timeout,
                environment=environment,
                retries_later=background,
                existing_s3=existing_s3,
                dask=dask,
                upload=upload,
                s3_concurrency=s3_concurrency,
                s3_endpoint=s3_endpoint,
            )
            scheduler = Scheduler(self._jobs, execution, background=background)
            self.reader = JobReader(self._jobs, execution, s3=s3)
            self._scheduler = stack.enter_context(scheduler)
            self._scheduler.continue_all()
            self._open = stack.pop_all()

    # ------------------------------------------------------------ the calls of S3 Control

    def create_job(self, spec: JobSpec) -> str:
        """Create a job and return its ID. In the foreground, also run it.

        Raises:
            JobError: The request token was used for another request.
        """
        with self._jobs.lock:
            existing = self._jobs.with_token(spec.client_request_token)
            if existing is not None and existing.spec != spec:
                raise JobError(
                    f"ClientRequestToken {spec.client_request_token} belongs to another request. "
                    "Use a new token",
                    job_id=existing.job.job_id,
                    code="IdempotencyException",
                )
            if existing is not None:
                return existing.job.job_id
            job_id = str(uuid.uuid4())
            arn = f"{self._arn_of_jobs}/{job_id}"
            job = Job.new(spec, job_id=job_id, job_arn=arn, creation_time=self._clock())
            self._jobs.add(spec, job)
        self._scheduler.job_changed(job_id)
        return job_id

    def describe_job(self, job_id: str) -> Job:
        """Return the description of a job."""
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
        """List jobs, the newest first. Jobs that are created between two pages are in neither."""
        if not 0 <= max_results <= _MAX_RESULTS:
            raise JobError(
                f"MaxResults is {max_results}, expected 0 to {_MAX_RESULTS}",
                code="InvalidRequestException",
            )
        # The token is the ID of the last job of the page before. The next page starts after it,
        # even if jobs were created or changed since then.
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

        Returns:
            The job with its first new status: ``Ready``, or ``Cancelling`` while tasks still run.

        Raises:
            InvalidTransition: The job cannot change from its status to this one.
            JobError: This status cannot be requested.
        """
        if reason is not None:
            _check(_REASON, reason, "StatusUpdateReason")
            if unknown := _NOT_IN_XML.search(reason):
                text = f"StatusUpdateReason: S3 does not accept U+{ord(unknown[0]):04X}. Remove it"
                raise JobError(text, job_id=job_id, code=BAD_REQUEST)
        with self._jobs.lock:
            self._jobs.expire()
            job = self._jobs.request(job_id, requested, reason)
        if not job.status.is_final:
            self._scheduler.job_changed(job_id)
        return job

    def update_job_priority(self, job_id: str, priority: int) -> Job:
        """Change the priority of a job that is not over."""
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
        """Return the tags of a job."""
        return self._jobs.tags(job_id)

    def put_job_tagging(self, job_id: str, tags: Mapping[str, str]) -> None:
        """Replace the tags of a job."""
        if len(tags) > MAX_JOB_TAGS:
            raise JobError(
                f"Tags: {len(tags)} tags, expected at most {MAX_JOB_TAGS}",
                job_id=job_id,
                code="TooManyTagsException",
            )
        _check(_TAGS, tags, "Tags")
        with self._jobs.lock:
            self._jobs.save_tags(self.describe_job(job_id).job_id, tags)

    def delete_job_tagging(self, job_id: str) -> None:
        """Delete all tags of a job."""
        self.put_job_tagging(job_id, {})

    # ------------------------------------------------------------ the end

    def close(self) -> None:
        """Stop the threads in the background, and release the state folder."""
        self._open.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _check_connections(s3: Any, needed: int) -> None:
    """Check that a client has a connection for each parallel request."""
    connections = s3.meta.config.max_pool_connections
    if connections < needed:
        raise ValueError(
            f"s3_concurrency is {needed}, but the S3 client has {connections} connections. "
            f"Create it with botocore.config.Config(max_pool_connections={needed})"
        )


@contextmanager
def _temporary() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="s3batch-engine-") as folder:
        yield Path(folder)


_MAX_RESULTS: Final = 1000
_REASON: Final = TypeAdapter(Description)
# No response of S3 Control could contain it.
_NOT_IN_XML: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_PRIORITY: Final = TypeAdapter(Priority)
_TAGS: Final = TypeAdapter(Tags)


def _check(kind: TypeAdapter[Any], value: object, member: str) -> None:
    try:
        kind.validate_python(value)
    except ValidationError as error:
        raise JobError(explain_error(error, whole=member), code=BAD_REQUEST) from None
