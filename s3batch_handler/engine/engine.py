"""Jobs in this process: what S3 Control takes orders for, done here and now.

A job runs on the thread that made it ready to run: ``create_job`` returns when the job is over,
or waits for its confirmation, and nothing is left running behind it. So tests need not wait, and
the same job does the same things in the same order each time. Jobs live as long as the engine.
"""

from __future__ import annotations

import re
import threading
import time
import uuid
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, Self, cast

from pydantic import TypeAdapter, ValidationError
from typing_extensions import override

from s3batch_handler.classify import aws_error_code, describe
from s3batch_handler.engine.invoker import DEFAULT_TIMEOUT, InProcess
from s3batch_handler.engine.lifecycle import check_move, status_on_request
from s3batch_handler.engine.preparation import prepared
from s3batch_handler.engine.runner import run_job
from s3batch_handler.errors import JobError, JobNotFound, ManifestError
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
from s3batch_handler.manifest import MANIFEST_FORMAT
from s3batch_handler.model import JobRef, UserArguments
from s3batch_handler.protocol import explain
from s3batch_handler.report import ReportScope, ReportWriter
from s3batch_handler.shapes import Tags
from s3batch_handler.status import JobStatus, Progress
from s3batch_handler.storage import S3Folder

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
    from types import TracebackType
    from typing import BinaryIO

    from s3batch_handler.engine.environment import Answer
    from s3batch_handler.engine.function import Function
    from s3batch_handler.engine.invoker import Invoker
    from s3batch_handler.engine.preparation import PreparedManifest
    from s3batch_handler.engine.runner import JobRun
    from s3batch_handler.job import JobSpec
    from s3batch_handler.manifest import ManifestEntry
    from s3batch_handler.shapes import LambdaInvoke, Manifest, ManifestLocation, Report
    from s3batch_handler.storage import S3Client


class Engine:
    """The jobs of one account in one Region, run in this process.

    It is a :class:`~s3batch_handler.control.JobControl`: what it refuses is a ``JobError``.
    So far it runs jobs that invoke a function over a CSV manifest. Any other ends ``Failed``, with
    a reason that says what is not implemented. Priorities are kept and told, and change nothing:
    a job that is ready does not wait for others.

    A context manager; manifests of jobs that were never confirmed are let go of at its end.

    Args:
        functions: What jobs may invoke, by name (``thumbnails``), name with qualifier
            (``thumbnails:PROD``) or ARN. Whatever a name does not say (qualifier, account,
            Region) it is good for any; where several are, the one that says most is called.
        s3: ``boto3.client("s3")``, for manifests and reports.
        account_id: Whose jobs these are.
        region: Where.
        max_redrives: Further tries for a task that failed temporarily.
        timeout: Seconds that a function is told it has.
        clock: Gives the time, with its time zone.

    Raises:
        ValueError: A key of ``functions`` is neither a name nor an ARN.
    """

    def __init__(
        self,
        functions: Mapping[str, Function],
        *,
        s3: S3Client,
        account_id: str = "123456789012",
        region: str = "us-east-1",
        max_redrives: int = 3,
        timeout: float = DEFAULT_TIMEOUT,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._functions = Functions(functions)
        self._account_id = account_id
        self._region = region
        self._s3 = s3
        self._max_redrives = max_redrives
        self._timeout = timeout
        self._clock = clock
        self._lock = threading.RLock()  # held to look and to change, never while a function runs
        self._jobs: dict[str, Job] = {}  # the oldest first
        self._tags: dict[str, dict[str, str]] = {}
        self._requests: dict[str, tuple[JobSpec, str]] = {}
        self._work: dict[str, _Work] = {}

    # ------------------------------------------------------------ what one can ask for

    def create_job(self, spec: JobSpec) -> str:
        """Make a job, and run it unless it waits for confirmation; give its id.

        Raises:
            JobError: The request token was used for another job.
        """
        with self._lock:
            asked_before, job_id = self._requests.setdefault(
                spec.client_request_token, (spec, str(uuid.uuid4()))
            )
            if asked_before != spec:
                raise JobError(
                    f"ClientRequestToken {spec.client_request_token} belongs to another request",
                    job_id=job_id,
                    code="IdempotencyException",
                )
            if job_id in self._jobs:
                return job_id
            arn = f"arn:aws:s3:{self._region}:{self._account_id}:job/{job_id}"
            self._jobs[job_id] = Job.new(
                spec, job_id=job_id, job_arn=arn, creation_time=self._clock()
            )
            self._tags[job_id] = dict(spec.tags)
            self._move(job_id, JobStatus.PREPARING)
        with self._failing(job_id):
            self._prepare(job_id, spec)
        return job_id

    def describe_job(self, job_id: str) -> Job:
        """Tell how a job is."""
        with self._lock:
            job = self._jobs.get(job_id)
        if job is None:
            raise JobNotFound(job_id=job_id)
        return job

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
        with self._lock:
            jobs = iter([self._jobs[job_id] for job_id in reversed(self._jobs)])
        # The token is the last job of the page before: whatever has come or changed since then,
        # the listing goes on behind it, where this leaves the iterator.
        if next_token is not None and not any(job.job_id == next_token for job in jobs):
            raise JobError("The nextToken provided is invalid", code="InvalidNextTokenException")
        found = (job for job in jobs if not statuses or job.status in statuses)
        page = tuple(islice(found, max_results or _MAX_RESULTS))
        return JobPage(page, page[-1].job_id if next(found, None) else None)

    def update_job_status(
        self, job_id: str, requested: JobStatus, reason: str | None = None
    ) -> Job:
        """Confirm a job (``Ready``), which runs it, or cancel it (``Cancelled``).

        The job is told as it is at first: ``Ready``, or ``Cancelling`` where tasks still run.

        Raises:
            InvalidTransition: It has a status from which it cannot get there.
            JobError: Nobody can ask for this status.
        """
        if reason is not None:
            _check(_REASON, reason, "StatusUpdateReason")
        with self._lock:
            status = status_on_request(job_id, self.describe_job(job_id).status, requested)
            job = self._change(job_id, status=status, status_update_reason=reason)
            if status is JobStatus.CANCELLED:
                job = self._ended(job_id)
            if status is JobStatus.READY:
                self._move(job_id, JobStatus.ACTIVE)
        if status is JobStatus.READY:
            with self._failing(job_id):
                self._run(job_id)
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
            return self._change(job_id, priority=priority)

    def get_job_tagging(self, job_id: str) -> dict[str, str]:
        """Give the tags of a job."""
        with self._lock:
            return dict(self._tags[self.describe_job(job_id).job_id])

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
            self._tags[self.describe_job(job_id).job_id] = dict(tags)

    def delete_job_tagging(self, job_id: str) -> None:
        """Take all tags off a job."""
        self.put_job_tagging(job_id, {})

    # ------------------------------------------------------------ a job's life

    def _prepare(self, job_id: str, spec: JobSpec) -> None:
        """Read the manifest; then the job waits for confirmation, or runs."""
        work = self._prepared(spec)
        progress = Progress(work.manifest.count, 0, 0)
        with self._lock:
            self._work[job_id] = work
            if self._is_cancelled(job_id):
                self._end(job_id, JobStatus.CANCELLED)
                return
            if spec.waits_for_confirmation:
                self._move(
                    job_id,
                    JobStatus.SUSPENDED,
                    progress_summary=progress,
                    suspended_date=self._clock(),
                    suspended_cause="AWAITING_CONFIRMATION",
                )
                return
            self._move(job_id, JobStatus.READY, progress_summary=progress)
            self._move(job_id, JobStatus.ACTIVE)
        self._run(job_id)

    def _run(self, job_id: str) -> None:
        """Run a job that is Active, to its end."""
        work = self._work[job_id]
        started = time.monotonic()

        def keep(progress: Progress) -> None:
            seconds = int(time.monotonic() - started)
            counts = Progress(work.manifest.count, progress.succeeded, progress.failed, seconds)
            self._change(job_id, progress_summary=counts)

        report = self._report(job_id, work.report)
        function = InProcess(work.function, timeout=self._timeout)
        run = run_job(
            work.manifest.entries(),
            _Cancellable(function, lambda: self._is_cancelled(job_id)),
            job=JobRef(id=job_id, arguments=UserArguments(work.invoke.user_arguments or {})),
            schema_version=work.invoke.invocation_schema_version or "1.0",
            max_redrives=self._max_redrives,
            report=report,
            on_progress=keep,
        )
        self._conclude(job_id, run, report)

    def _conclude(self, job_id: str, run: JobRun, report: _Report | None) -> None:
        with self._lock:
            if report is not None and report.problem is not None:
                problem = f"{_NO_REPORT} ({report.problem})"
                self._fail(job_id, _failure("ReportNotWritten", problem))
            elif run.status is JobStatus.FAILED:
                self._fail(job_id, _failure("FailureThresholdExceeded", run.reason or ""))
            elif self._is_cancelled(job_id):
                self._end(job_id, JobStatus.CANCELLED)
            elif run.status is JobStatus.CANCELLED:  # by Ctrl-C
                self._move(job_id, JobStatus.CANCELLING)
                self._end(job_id, JobStatus.CANCELLED)
            else:
                self._move(job_id, JobStatus.COMPLETING)
                self._end(job_id, JobStatus.COMPLETE)

    @contextmanager
    def _failing(self, job_id: str) -> Iterator[None]:
        """Fail a job that cannot run, or is interrupted: Ctrl-C, or the end of a test within it."""
        try:
            yield
        except _Unusable as problem:
            self._fail(job_id, problem.failure)
        except BaseException as error:
            self._fail(job_id, _failure("Interrupted", f"interrupted by {type(error).__name__}"))
            raise

    def _fail(self, job_id: str, failure: JobFailure) -> None:
        with self._lock:
            if self._is_cancelled(job_id):
                self._end(job_id, JobStatus.CANCELLED)
                return
            self._move(job_id, JobStatus.FAILING, failure_reasons=(failure,))
            self._end(job_id, JobStatus.FAILED)

    def _end(self, job_id: str, status: JobStatus) -> None:
        self._move(job_id, status)
        self._ended(job_id)

    def _ended(self, job_id: str) -> Job:
        """Do what is done when a job is over, in whatever way."""
        if job_id in self._work:
            self._work.pop(job_id).files.close()
        return self._change(job_id, termination_date=self._clock())

    def _move(self, job_id: str, status: JobStatus, **changes: Any) -> Job:
        with self._lock:
            check_move(job_id, self._jobs[job_id].status, status)
            return self._change(job_id, status=status, **changes)

    def _change(self, job_id: str, **changes: Any) -> Job:
        with self._lock:
            job = self._jobs[job_id] = self._jobs[job_id].model_copy(update=changes)
            return job

    def _is_cancelled(self, job_id: str) -> bool:
        return self._jobs[job_id].status is JobStatus.CANCELLING

    # ------------------------------------------------------------ what a job needs

    def _prepared(self, spec: JobSpec) -> _Work:
        """Get all that a job needs before it can run.

        Raises:
            _Unusable: It cannot run.
        """
        invoke, manifest = spec.operation.lambda_invoke, spec.manifest
        if invoke is None:
            raise _Unusable(_NOT_IMPLEMENTED, f"{spec.operation.name} is not implemented here")
        if manifest is None:
            raise _Unusable(_NOT_IMPLEMENTED, "ManifestGenerator is not implemented here")
        assert invoke.function_arn is not None  # or the request would have been refused
        function = self._function(invoke.function_arn)
        with ExitStack() as files:
            entries = self._entries(manifest, files)
            return _Work(invoke, function, entries, spec.report, files.pop_all())

    def _function(self, asked: str) -> Function:
        function = self._functions.find(asked, account_id=self._account_id, region=self._region)
        if function is None:
            text = f"Function not found: {asked} (registered: {', '.join(self._functions.names)})"
            raise _Unusable("ResourceNotFoundException", text)
        return function

    def _entries(self, manifest: Manifest, files: ExitStack) -> PreparedManifest:
        """Read a manifest in full; ``files`` keep what was read."""
        if manifest.spec.format != MANIFEST_FORMAT:
            raise _Unusable(_NOT_IMPLEMENTED, f"{manifest.spec.format} is not implemented here")
        fields = manifest.spec.fields or ()
        missing = [name for name in ("Bucket", "Key") if name not in fields]
        if missing:
            text = f"Required fields are missing in the schema: {', '.join(missing)}"
            raise _Unusable(_BAD_MANIFEST, text)
        place = manifest.location.object
        source = f"s3://{place.bucket}/{place.key}"
        stream = files.enter_context(closing(self._open(manifest.location)))
        try:
            return files.enter_context(prepared(stream, fields=fields, source=source))
        except ManifestError as error:
            text = _COLUMNS if _WRONG_WIDTH.search(str(error)) else _NOT_FORMATTED
            raise _Unusable(_BAD_MANIFEST, f"{text}: {error}") from error

    def _open(self, location: ManifestLocation) -> BinaryIO:
        place = location.object
        try:
            answer = self._s3.get_object(**place.location)
        except Exception as error:
            code = aws_error_code(error)
            if code in ("NoSuchKey", "NoSuchVersion"):
                raise _Unusable(_NO_MANIFEST, "Manifest object was not found") from error
            if code == "NoSuchBucket":
                text = (
                    f"Invalid manifest was provided. Target bucket {place.bucket} does not exist."
                )
                raise _Unusable("NoSuchBucket", text) from error
            if code == "AccessDenied":
                text = "Reading the manifest is forbidden: AccessDenied"
                raise _Unusable("AccessDenied", text) from error
            raise _Unusable(_NO_MANIFEST, f"Manifest cannot be read: {describe(error)}") from error
        body = cast("BinaryIO", answer["Body"])
        problem = None
        if answer["ETag"].strip('"') != location.etag:
            problem = _Unusable(_NO_MANIFEST, "Etag mismatch reading manifest")
        elif answer.get("ServerSideEncryption") == "aws:kms":
            text = "Unsupported encryption type SSE_KMS used for manifest"
            problem = _Unusable(_BAD_MANIFEST, text)
        if problem is not None:
            body.close()
            raise problem
        return body

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
            raise _Unusable("ReportNotWritten", f"Report: {error}") from error

    # ------------------------------------------------------------ the end

    def close(self) -> None:
        """Let go of what waits for confirmation."""
        with self._lock:
            for work in self._work.values():
                work.files.close()
            self._work.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


_MAX_RESULTS: Final = 1000
_REASON: Final = TypeAdapter(Description)
_PRIORITY: Final = TypeAdapter(Priority)
_TAGS: Final = TypeAdapter(Tags)


def _check(kind: TypeAdapter[Any], value: object, member: str) -> None:
    try:
        kind.validate_python(value)
    except ValidationError as error:
        raise JobError(explain(error, whole=member), code=REFUSED) from None


@dataclass(frozen=True, slots=True)
class _Work:
    """What a prepared job runs on; its files are open until the job is over."""

    invoke: LambdaInvoke
    function: Function
    manifest: PreparedManifest
    report: Report
    files: ExitStack


class _Report(ReportWriter):
    """A completion report that says what stopped it, once all the work is done.

    Attributes:
        problem: Why it could not be written; ``None``: it could.
    """

    problem: str | None = None

    @override
    def finish(self) -> str | None:
        try:
            return super().finish()
        except Exception as error:  # noqa: BLE001  a bucket, a policy, a network: whatever it is
            self.problem = describe(error)
            self.discard()
            return None


class _Cancellable:
    """An invoker that stops when its job is cancelled, too."""

    def __init__(self, invoker: Invoker, is_cancelled: Callable[[], bool]) -> None:
        self._invoker = invoker
        self._is_cancelled = is_cancelled
        self.close = invoker.close

    def invoke_all(
        self,
        job: JobRef,
        schema_version: str,
        entries: Iterable[ManifestEntry],
        *,
        stop: Callable[[], bool],
    ) -> Iterator[tuple[ManifestEntry, Answer]]:
        return self._invoker.invoke_all(
            job, schema_version, entries, stop=lambda: stop() or self._is_cancelled()
        )


# ---------------------------------------------------------------- why jobs fail

# Codes and texts are AWS's where they are known, see docs/fidelity.md for those that are not.
_BAD_MANIFEST: Final = "InvalidManifestContent"
_NO_MANIFEST: Final = "ManifestNotFound"
_NOT_IMPLEMENTED: Final = "NotImplemented"
_COLUMNS: Final = "Unexpected number of task fields"
_WRONG_WIDTH: Final = re.compile(r", line \d+: has \d+ columns, expected")
_NOT_FORMATTED: Final = "Manifest file is not properly formatted"
_NO_REPORT: Final = (
    "The job report could not be written to your report bucket. Please check your permissions."
)
_LONGEST_REASON: Final = 256


class _Unusable(Exception):
    """A job cannot run."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.failure = _failure(code, reason)


def _failure(code: str, reason: str) -> JobFailure:
    return JobFailure(failure_code=code, failure_reason=reason[:_LONGEST_REASON])


# ---------------------------------------------------------------- which function


class Functions:
    """Functions by the names and ARNs they are registered as: see :class:`Engine`.

    Attributes:
        names: As they were given.

    Raises:
        ValueError: One is registered as what is neither a name nor an ARN.
        TypeError: What is registered is no function.
    """

    def __init__(self, functions: Mapping[str, Function]) -> None:
        self.names = tuple(functions)
        self._functions = [(_parts_of(name), functions[name]) for name in functions]
        given: Mapping[str, object] = functions
        for name, function in given.items():
            if not callable(function):
                kind = type(function).__name__
                raise TypeError(f"{name!r}: a function is needed, not an object of type {kind}")

    def find(self, asked: str, *, account_id: str, region: str) -> Function | None:
        """Give the function that a ``FunctionArn`` names; of several the one named most closely."""
        here = {"account": account_id, "region": region, "qualifier": "$LATEST"}
        parts = {**here, **_parts_of(asked)}
        fitting = [
            (len(registered), function)
            for registered, function in self._functions
            if registered.items() <= parts.items()
        ]
        return max(fitting, key=itemgetter(0))[1] if fitting else None


def _parts_of(name: str) -> dict[str, str]:
    match = _FUNCTION_NAME.fullmatch(name)
    if match is None:
        raise ValueError(f"{name!r} names no function: use its name or ARN")
    return {part: value for part, value in match.groupdict().items() if value}


_FUNCTION_NAME: Final = re.compile(
    r"""(?: arn:[^:]*:lambda: )?
        (?: (?P<region> [a-z]{2} (?:-[a-z]+)+ -\d ): )?
        (?: (?P<account> \d{12} ): )?
        (?: function: )?
        (?P<name> [a-zA-Z0-9_-]+ )
        (?: :(?P<qualifier> \$LATEST | [a-zA-Z0-9_-]+ ) )?
    """,
    re.VERBOSE,
)
