"""The types of handlers and of the options of ``@task_handler``, for type checkers and users.

The library itself does not import this module when it runs.
"""

from __future__ import annotations

from typing import (
    TYPE_CHECKING,
    Any,
    Literal,
    Protocol,
    TypedDict,
    TypeVar,
    runtime_checkable,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from contextlib import AbstractContextManager
    from logging import Logger

    from s3batch_handler.core._classification import ClassifyFunction
    from s3batch_handler.core._model import ArgumentsT, Outcome, PayloadT, ResultCode, Task
    from s3batch_handler.core._payload import Response
else:  # TypeVar has had defaults since Python 3.13
    ArgumentsT = TypeVar("ArgumentsT", covariant=True)
    PayloadT = TypeVar("PayloadT", covariant=True)


@runtime_checkable
class TaskHandler(Protocol[ArgumentsT, PayloadT]):
    """A Lambda handler for S3 Batch Operations, as ``@task_handler`` returns it.

    It is a function, so decorators for Lambda handlers accept it, and decorators that use
    ``functools.wraps`` keep its ``run``.
    """

    def __call__(self, event: Any, context: Any = None) -> Response:
        """Handle one invocation: run every task of the event once, in order.

        Raises:
            InvalidEvent: The event is not an S3 Batch Operations event. No task was started.
        """
        ...

    def run(self, task: Task[Any, Any], context: Any = None) -> Outcome:
        """Run one task as an invocation does, and return its outcome. Intended for tests.

        User arguments and a JSON key may have the form in which S3 sends them: they are parsed into
        the handler's models, as in an invocation.
        """
        ...


class HandlerOptions(TypedDict, total=False):
    """The options of ``@task_handler`` besides ``arguments`` and ``payload``; see ``DEFAULTS``.

    Attributes:
        retry_on: Exceptions that are temporary failures, in addition to the built-in table.
        give_up_on: Exceptions that are permanent failures, in addition to the built-in table.
        classify: A function that is called with each exception first. It returns a result code, or
            ``None`` to leave the decision to ``retry_on``, ``give_up_on`` and the built-in table.
        unexpected: The result code for unclassified exceptions. With ``"raise"``, such an exception
            fails the whole invocation, which S3 reports as PermanentFailure.
        on_timeout: The result code of a task that exceeds its time limit.
        treat_missing_keys_as: The value of ``treatMissingKeysAs`` in the response. The
            response contains a result for every task, so S3 does not need it.
        time_reserve: Seconds before the function's timeout at which the task is interrupted, so
            that there is time to build the response.
        task_timeout: Maximum number of seconds for each task; with ``None``, only the function's
            timeout applies.
        strict: Refuse events that AWS does not document.
        concurrency: Maximum number of tasks of one invocation that run at the same time: in
            threads, or in one event loop for an ``async def`` function. S3 sends one task per
            invocation.
        isolation: ``"process"`` runs the function in a child process, which is killed and replaced
            if it crashes or does not end in time. ``"signal"`` runs it in this process.
        isolation_memory: Maximum number of megabytes of the child process. By default, it is the
            memory of the Lambda function, less a reserve for the parent process.
        logger: A Powertools ``Logger``, or one of the standard library.
        metrics: A Powertools ``Metrics``.
        tracer: A Powertools ``Tracer``.
        idempotency: A Powertools persistence layer. A task that has succeeded is not run again, and
            its stored outcome is returned.
        idempotency_key: A function that returns the text that identifies a task in the persistence
            layer, or ``None`` to run the task without a record. By default, the job, the bucket,
            the key and the version ID identify a task.
    """

    retry_on: tuple[type[BaseException], ...]
    give_up_on: tuple[type[BaseException], ...]
    classify: ClassifyFunction | None
    unexpected: ResultCode | Literal["raise"]
    on_timeout: ResultCode
    treat_missing_keys_as: ResultCode
    time_reserve: float
    task_timeout: float | None
    strict: bool
    concurrency: int
    isolation: Literal["signal", "process"]
    isolation_memory: int | None
    logger: LoggerLike | Logger | None
    metrics: MetricsLike | None
    tracer: TracerLike | None
    idempotency: PersistenceLayer | None
    idempotency_key: Callable[[Any], str | None] | None


class LoggerLike(Protocol):
    """The used methods of a Powertools ``Logger``."""

    def warning(
        self, msg: object, *args: object, exc_info: Any = ..., extra: Mapping[str, object] | None
    ) -> None: ...
    def error(
        self, msg: object, *args: object, exc_info: Any = ..., extra: Mapping[str, object] | None
    ) -> None: ...
    def thread_safe_append_keys(self, **additional_keys: object) -> None: ...
    def thread_safe_remove_keys(self, keys: Iterable[str]) -> None: ...
    def thread_safe_get_current_keys(self) -> dict[str, Any]: ...


class MetricsLike(Protocol):
    """The used methods of a Powertools ``Metrics``."""

    def add_metric(self, name: str, unit: str, value: float) -> None: ...


class TracerLike(Protocol):
    """The used attribute of a Powertools ``Tracer``."""

    @property
    def provider(self) -> ProviderLike: ...


class ProviderLike(Protocol):
    """The used methods of a tracer's provider, which is usually the X-Ray recorder."""

    def in_subsegment(self, name: str) -> AbstractContextManager[SubsegmentLike]: ...


class SubsegmentLike(Protocol):
    """The used methods of a subsegment."""

    def put_annotation(self, key: str, value: str) -> None: ...
    def put_metadata(self, key: str, value: Any, namespace: str) -> None: ...


class PersistenceLayer(Protocol):
    """The used methods of a Powertools persistence layer, such as ``DynamoDBPersistenceLayer``."""

    def configure(self, config: Any, function_name: str | None = ...) -> None: ...
    def save_inprogress(
        self, data: dict[str, Any], remaining_time_in_millis: int | None = ...
    ) -> None: ...
    def save_success(self, data: dict[str, Any], result: dict[str, Any]) -> None: ...
    def delete_record(self, data: dict[str, Any], exception: Exception) -> Any: ...
    def get_record(self, data: dict[str, Any]) -> Any: ...
