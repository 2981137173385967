"""``@task_handler``: turn a function for one task into a Lambda handler for S3 Batch Operations."""

from __future__ import annotations

import functools
import os

from s3batch_handler.core._typing import (
    TYPE_CHECKING,
    Any,
    TypeAlias,
    Unpack,
    cast,
    overload,
)
from s3batch_handler.handler._options import DEFAULTS, one_of
from s3batch_handler.handler._task_function import name_of, task_function
from s3batch_handler.handler._task_runner import TaskRunner

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from s3batch_handler.core._model import ArgumentsT, PayloadT, Task
    from s3batch_handler.core._payload import Response
    from s3batch_handler.handler._types import HandlerOptions, TaskHandler

TaskFunction: TypeAlias = "Callable[[Task[ArgumentsT, PayloadT]], object | Awaitable[object]]"
"""A user's function: takes a task and returns a result that :mod:`._results` accepts."""


@overload
def task_handler(function: TaskFunction[Mapping[str, str], None], /) -> TaskHandler: ...
@overload
def task_handler(
    *, arguments: None = None, payload: None = None, **options: Unpack[HandlerOptions]
) -> Callable[[TaskFunction[Mapping[str, str], None]], TaskHandler]: ...
@overload
def task_handler(
    *, arguments: type[ArgumentsT], payload: None = None, **options: Unpack[HandlerOptions]
) -> Callable[[TaskFunction[ArgumentsT, None]], TaskHandler[ArgumentsT]]: ...
@overload
def task_handler(
    *, arguments: None = None, payload: type[PayloadT], **options: Unpack[HandlerOptions]
) -> Callable[
    [TaskFunction[Mapping[str, str], PayloadT]], TaskHandler[Mapping[str, str], PayloadT]
]: ...
@overload
def task_handler(
    *, arguments: type[ArgumentsT], payload: type[PayloadT], **options: Unpack[HandlerOptions]
) -> Callable[[TaskFunction[ArgumentsT, PayloadT]], TaskHandler[ArgumentsT, PayloadT]]: ...
def task_handler(
    function: TaskFunction[Any, Any] | None = None,
    /,
    *more: Any,
    arguments: type[Any] | None = None,
    payload: type[Any] | None = None,
    **options: Unpack[HandlerOptions],
) -> Any:
    """Create a Lambda handler from a function that processes one task.

    ::

        @task_handler
        def handler(task: Task) -> str:
            if not task.key.endswith(".jpg"):
                raise PermanentFailure("not a photo")
            return make_thumbnail(task)

    The return value appears in the completion report (see :func:`~._results.outcome_of`). An
    exception becomes TemporaryFailure or PermanentFailure (see
    :mod:`s3batch_handler.core._classification`).

    Args:
        function: A function, sync or async, that takes a task and returns its result.
        more: Not accepted: options are passed by name.
        arguments: A pydantic model, or another type that pydantic can read, of the job's user
            arguments: ``task.job.arguments``. Arguments that do not match it fail every task
            permanently.
        payload: A model of the JSON object in place of the key: ``task.payload``. A task whose
            payload does not match it fails permanently.
        options: See :class:`HandlerOptions`.
    """

    def decorate(function: Any, *more: Any) -> TaskHandler[Any, Any]:
        if more:
            raise TypeError(
                "task_handler takes one function. It is the decorator, not the Lambda handler: "
                "write @task_handler above a function, and options by name, as in "
                "@task_handler(arguments=Arguments)"
            )
        if isinstance(getattr(getattr(function, "run", None), "__self__", None), TaskRunner):
            raise TypeError(
                f"{name_of(function)} is already a handler: decorate the function only once"
            )
        function = task_function(function)
        runner = class_of_runner(options)(function, arguments=arguments, payload=payload, **options)
        return _handler(function, runner)

    return decorate(function, *more) if function is not None or more else decorate


def class_of_runner(options: HandlerOptions) -> type[TaskRunner]:
    """Return the class that runs tasks as the option ``isolation`` says."""
    isolation = options.get("isolation", DEFAULTS["isolation"])
    if one_of("isolation", isolation, ("signal", "process")) == "signal":
        if options.get("isolation_memory") is not None:
            raise TypeError(
                'isolation_memory requires isolation="process": without it, tasks have no process '
                "whose memory could be limited"
            )
        return TaskRunner
    if not hasattr(os, "fork"):
        raise TypeError(
            'isolation="process" needs os.fork(), which this system does not have: use '
            'isolation="signal" here'
        )
    from s3batch_handler.handler._isolation import IsolatedTaskRunner  # only if it is used

    return IsolatedTaskRunner


def _handler(function: Callable[..., Any], runner: TaskRunner) -> TaskHandler[Any, Any]:
    """Create the handler as a real function, because some Powertools decorators require one."""
    handle = runner.handle

    def handler(event: Any, context: Any = None) -> Response:
        return handle(event, context)

    functools.update_wrapper(handler, function)
    handler.__name__ = name_of(function)
    handler.__dict__["run"] = runner.run
    return cast("TaskHandler[Any, Any]", handler)
