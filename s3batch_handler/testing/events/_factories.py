"""Events, contexts and tasks for tests, as Lambda and S3 Batch Operations create them."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from s3batch_handler.core._defaults import DEFAULT_TIMEOUT
from s3batch_handler.core._model import Invocation, JobRef, Task, UserArguments
from s3batch_handler.core._payload import build_event

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

JOB_ID: Final = "f3cc4f60-61f6-4a2b-8a21-d07600c373ce"


def make_task(
    key: str = "path/to/my object.txt",
    *,
    bucket: str = "bucket",
    version_id: str | None = None,
    user_arguments: Mapping[str, str] | None = None,
    job_id: str = JOB_ID,
    id: str | None = None,
) -> Task:
    """Create a task, for ``handler.run(task)``.

    ``key`` is the decoded key. For a handler with a payload model it is JSON. User arguments are
    strings, as S3 sends them: the handler parses them into its model.
    """
    return Task(
        id=id or opaque_id("task", bucket, key, size=1000),
        bucket=bucket,
        key=key,
        version_id=version_id,
        job=JobRef(id=job_id, arguments=UserArguments(user_arguments or {})),
    )


def make_event(
    *keys: str | Task[Any, Any],
    schema_version: str = "2.0",
    bucket: str = "bucket",
    version_id: str | None = None,
    user_arguments: Mapping[str, str] | None = None,
    job_id: str | None = None,
) -> dict[str, Any]:
    """Create an invocation event for decoded keys or for tasks.

    IDs are long and opaque like those of S3, and the same for the same input. S3 sends one task in
    each event. User arguments require schema 2.0. The job of the event is that of its tasks.

    Raises:
        ValueError: The tasks have several jobs, or schema 1.0 is to have user arguments.
    """
    job = _one_job([key.job for key in keys if isinstance(key, Task)], user_arguments, job_id)
    if job.arguments and schema_version == "1.0":
        raise ValueError("user_arguments require schema_version='2.0': schema 1.0 has none")
    tasks = [
        key
        if isinstance(key, Task)
        else make_task(key, bucket=bucket, version_id=version_id, id=_numbered(number, bucket, key))
        for number, key in enumerate(keys)
    ]
    return build_event(
        Invocation(
            id=opaque_id("invocation", *(task.id for task in tasks), size=1500),
            schema_version=schema_version,
            job=job,
            tasks=tuple(tasks),
        )
    )


def _one_job(
    of_tasks: Sequence[JobRef[Any]], user_arguments: Mapping[str, str] | None, job_id: str | None
) -> JobRef[Any]:
    if not of_tasks:
        return JobRef(id=job_id or JOB_ID, arguments=UserArguments(user_arguments or {}))
    if user_arguments is not None or job_id is not None:
        raise ValueError(
            "the job of the event is that of its tasks: pass user_arguments and job_id to make_task"
        )
    if any(job != of_tasks[0] for job in of_tasks):
        raise ValueError("the tasks have different jobs: an event has one job")
    return of_tasks[0]


def _numbered(number: int, bucket: str, key: str) -> str:
    """Return a task ID that differs even for two equal keys."""
    return opaque_id("task", str(number), bucket, key, size=1000)


def opaque_id(*seeds: str, size: int) -> str:
    """Return an ID of about ``size`` characters in the form of S3's: base64, beginning with A's."""
    seed = hashlib.shake_256("\0".join(seeds).encode("utf-8", "surrogatepass"))
    return base64.b64encode(bytes(8) + seed.digest(size * 3 // 4)).decode()


@dataclass(kw_only=True)
class LambdaContext:
    """The context that Lambda passes to a handler; its remaining time decreases with the clock."""

    function_name: str = "my-function"
    function_version: str = "$LATEST"
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:123456789012:function:my-function"
    memory_limit_in_mb: str = "128"
    aws_request_id: str = "52fdfc07-2182-454f-963f-5f0f9a621d72"
    log_group_name: str = "/aws/lambda/my-function"
    log_stream_name: str = "2026/01/01/[$LATEST]52fdfc072182454f963f5f0f9a621d72"
    identity: None = None
    client_context: None = None
    deadline: float = 0.0

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until the time limit of the function."""
        return max(0, int((self.deadline - monotonic()) * 1000))


def make_context(*, timeout: float = DEFAULT_TIMEOUT, **attributes: str) -> LambdaContext:
    """Create a context whose function has ``timeout`` seconds left from now.

    ``attributes`` are those of :class:`LambdaContext`, such as ``function_name``.
    """
    return LambdaContext(deadline=monotonic() + timeout, **attributes)  # type: ignore[arg-type]
