"""The options of ``@task_handler``, and the checks of their values.

The checks raise when the function is decorated, and name the option and the value.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, TypedDict

from s3batch_handler.core._model import ResultCode

if TYPE_CHECKING:
    from collections.abc import Callable
    from logging import Logger

    from s3batch_handler.core._classification import ClassifyFunction
    from s3batch_handler.handler._observability import LoggerLike, MetricsLike
    from s3batch_handler.handler._tracing import TracerLike


class PersistenceLayer(Protocol):
    """The used methods of a Powertools persistence layer, such as ``DynamoDBPersistenceLayer``."""

    def configure(self, config: Any, function_name: str | None = ...) -> None: ...
    def save_inprogress(
        self, data: dict[str, Any], remaining_time_in_millis: int | None = ...
    ) -> None: ...
    def save_success(self, data: dict[str, Any], result: dict[str, Any]) -> None: ...
    def delete_record(self, data: dict[str, Any], exception: Exception) -> Any: ...
    def get_record(self, data: dict[str, Any]) -> Any: ...


class HandlerOptions(TypedDict, total=False):
    """The options of ``@task_handler`` besides ``arguments`` and ``payload``; see :data:`DEFAULTS`.

    Attributes:
        retry_on: Exceptions that are temporary failures, in addition to the built-in table.
        give_up_on: Exceptions that are permanent failures, in addition to the built-in table.
        classify: A function that is called with each exception first. It returns a result code, or
            ``None`` to leave the decision to ``retry_on``, ``give_up_on`` and the built-in table.
        unexpected: The result code for unclassified exceptions. With ``"raise"``
            such an exception fails the whole invocation, which S3 reports as PermanentFailure.
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
        idempotency: A Powertools persistence layer. A task that is done is not run again, and its
            stored outcome is returned.
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


DEFAULTS: Final[HandlerOptions] = {
    "retry_on": (),
    "give_up_on": (),
    "classify": None,
    "unexpected": ResultCode.PERMANENT_FAILURE,
    "on_timeout": ResultCode.TEMPORARY_FAILURE,
    "treat_missing_keys_as": ResultCode.TEMPORARY_FAILURE,
    "time_reserve": 1.0,
    "task_timeout": None,
    "strict": False,
    "concurrency": 1,
    "isolation": "signal",
    "isolation_memory": None,
    "logger": None,
    "metrics": None,
    "tracer": None,
    "idempotency": None,
    "idempotency_key": None,
}


def with_defaults(options: HandlerOptions) -> HandlerOptions:
    """Return all options; raise a TypeError that suggests similar names if one does not exist."""
    unknown = sorted(options.keys() - DEFAULTS.keys())
    if not unknown:
        return {**DEFAULTS, **options}
    from difflib import get_close_matches  # only after a mistake

    known = sorted({"arguments", "payload", *DEFAULTS})
    similar = [match for name in unknown for match in get_close_matches(name.lower(), known, n=2)]
    hint = (
        f"Did you mean {' or '.join(similar)}?"
        if similar
        else f"Its options are {', '.join(known)}"
    )
    raise TypeError(f"task_handler has no option {', '.join(unknown)}. {hint}")


# ---------------------------------------------------------------- values


def function_or_none(option: str, value: Any) -> Any:
    """Return the value if it is a function or ``None``."""
    if not (value is None or callable(value)):
        raise TypeError(f"{option} takes a function, got {value!r}")
    return value


def persistence_layer_or_none(option: str, value: Any) -> Any:
    """Return the value if it is a persistence layer of Powertools or ``None``."""
    methods = ("configure", "save_inprogress", "save_success", "delete_record", "get_record")
    if not (value is None or all(callable(getattr(value, name, None)) for name in methods)) or (
        isinstance(value, type)
    ):
        raise TypeError(
            f"{option} takes a persistence layer of Powertools, got {value!r}. Write "
            f'{option}=DynamoDBPersistenceLayer(table_name="…")'
        )
    return value


def exception_classes(option: str, classes: Any) -> tuple[type[BaseException], ...]:
    """Return the exception classes as a tuple; a single class is accepted."""
    found = tuple(classes) if isinstance(classes, Iterable) else (classes,)
    for cls in found:
        if not (isinstance(cls, type) and issubclass(cls, BaseException)):
            raise TypeError(f"{option} takes exception classes, got {cls!r}")
    return found


def boolean(option: str, value: Any) -> bool:
    """Return the value if it is a bool: the text "false" would be true."""
    if not isinstance(value, bool):
        raise TypeError(f"{option} is {value!r}: it must be True or False")
    return value


def one_of(option: str, value: Any, choices: tuple[str, ...]) -> Any:
    """Return the value if it is one of the texts."""
    if value not in choices:
        listed = " or ".join(map(repr, choices))
        raise ValueError(f"{option} is {value!r}: it must be {listed}")
    return value


def number(
    option: str, value: Any, *, minimum: float = 0, positive: bool = False, integer: bool = False
) -> Any:
    """Return the value if it is a number of at least ``minimum``, not NaN."""
    if not isinstance(value, int if integer else int | float) or isinstance(value, bool):
        raise TypeError(f"{option} is {value!r}: it must be a {'whole ' if integer else ''}number")
    if not (value > 0 if positive else value >= minimum):
        limit = "more than 0" if positive else f"at least {minimum}"
        raise ValueError(f"{option} is {value!r}: it must be {limit}")
    return value
