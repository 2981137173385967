"""``isolation="process"``: run each task in a child process, and respond whatever happens in it.

The child process is a fork of this one. It is created for the first task, when the modules of the
function have been imported, and runs all tasks until it crashes or a task exceeds its time limit.
There, a task has the usual time limit. If the child does not respond, the parent kills it.
"""

from __future__ import annotations

import os
import weakref
from importlib import import_module
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, Unpack, cast

from s3batch_handler.core._errors import OutOfTime, TaskCrashed
from s3batch_handler.core._model import Outcome, ResultCode
from s3batch_handler.core._typing import override
from s3batch_handler.handler import _options as check
from s3batch_handler.handler._failures import FailureHandler, place_of
from s3batch_handler.handler._interruption import MIN_RESERVE
from s3batch_handler.handler._invocation_state import read_state
from s3batch_handler.handler._isolation_child import ChildSetup
from s3batch_handler.handler._isolation_memory import (
    is_out_of_memory,
    lift_memory_limit,
    memory_limit,
)
from s3batch_handler.handler._isolation_process import END_SECONDS, TaskProcess, reap
from s3batch_handler.handler._isolation_protocol import NUMBER_LENGTH, Request, encode_request
from s3batch_handler.handler._task_runner import TaskRunner

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from s3batch_handler.core._model import Task, TaskResult
    from s3batch_handler.core._payload import Response
    from s3batch_handler.handler._isolation_protocol import Answer
    from s3batch_handler.handler._models import TaskModels
    from s3batch_handler.handler._types import HandlerOptions

# Shares of the reserve.
_CHILD_SHARE: Final = 0.7  # the reserve of the time limit in the child
_KILL_SHARE: Final = 0.75  # when the child is killed


class IsolatedTaskRunner(TaskRunner):
    """Runs the tasks of invocations for one handler in child processes."""

    def __init__(
        self,
        function: Callable[[Any], Any],
        *,
        arguments: type[Any] | None = None,
        payload: type[Any] | None = None,
        **given: Unpack[HandlerOptions],
    ) -> None:
        super().__init__(function, arguments=arguments, payload=payload, **given)
        options = check.with_defaults(given)
        memory = options["isolation_memory"]
        if memory is not None:
            check.number("isolation_memory", memory, positive=True)
        self._is_async = False  # coroutines run in the child
        if self._records is None:
            self._run_plain = cast("Any", IsolatedTaskRunner._run_task)
        if not self._observer.active:
            self._run_one = self._run_plain
        in_child: HandlerOptions = {
            **options,
            "isolation": "signal",
            "time_reserve": self._time_reserve * _CHILD_SHARE,
            "task_timeout": None,
            "concurrency": 1,
            "metrics": None,
            "tracer": None,
            "idempotency": None,
            "idempotency_key": None,
        }
        runner = _ChildTaskRunner(function, self._models, in_child)
        self._call = IsolatedCall(runner, options, source=_source_of(function))

    @override
    def handle(self, event: Any, context: Any = None) -> Response:
        """Handle one invocation: see :meth:`TaskHandler.__call__`."""
        self._call.context = context
        return super().handle(event, context)

    @override
    def run(self, task: Task[Any, Any], context: Any = None) -> Outcome:
        """Run one task outside of an invocation: see :meth:`TaskHandler.run`."""
        self._call.context = context
        return super().run(task, context)

    @override
    def _run_tasks_in_threads(
        self, tasks: Sequence[Task[Any, Any]], deadline: float
    ) -> list[TaskResult]:
        self._call.prepare(min(self._concurrency, len(tasks)))
        return super()._run_tasks_in_threads(tasks, deadline)

    @override
    def _run_task(self, task: Task[Any, Any], deadline: float) -> Outcome:
        seconds = min(deadline - monotonic(), self._task_timeout)
        if seconds <= 0:
            return self._failures.not_started(task, deadline)
        try:
            return self._call(task, monotonic() + seconds)
        except _RaisedInChild as raised:
            error = raised.error
        except BaseException as crash:  # nothing may end the environment
            if isinstance(crash, TaskCrashed | OutOfTime):
                crash.__traceback__ = None  # it shows only this library
            return self._failures.outcome_of(task, crash, seconds, deadline)
        raise error


class _ChildTaskRunner(TaskRunner):
    """Runs the tasks of a handler in a child process."""

    def __init__(
        self, function: Callable[[Any], Any], models: TaskModels | None, options: HandlerOptions
    ) -> None:
        super().__init__(function, **options)
        self._models = models
        self._failures = self.failures = _ChildFailures(
            function, self._observer, self._time_reserve, options
        )

    def run_until(self, task: Task[Any, Any], deadline: float) -> Outcome:
        ((_, outcome),) = self._run_tasks((task,), deadline)
        return outcome


class _ChildFailures(FailureHandler):
    """Converts exceptions to outcomes in a child process.

    Attributes:
        memory: The memory limit of the process in megabytes, or ``None``.
        has_reached_limit: Whether the process has no memory left.
    """

    memory: int | None = None
    has_reached_limit = False

    @override
    def outcome_of(
        self,
        task: Task[Any, Any],
        error: BaseException,
        seconds: float,
        deadline: float,
        **more: Any,
    ) -> Outcome:
        """Return the outcome of a task that raised: see the base class."""
        if is_out_of_memory(error):
            self.has_reached_limit = True
            lift_memory_limit()
            limit = "" if self.memory is None else f" of {self.memory:g} MB"
            place = self.call_safely(lambda: place_of(error, self._function), deadline)
            crash = TaskCrashed(
                f"the process of the task has reached its memory limit{limit}{place or ''}",
                code=ResultCode.TEMPORARY_FAILURE,
            )
            crash.__cause__, error = error, crash
        return super().outcome_of(task, error, seconds, deadline, **more)


class IsolatedCall:
    """Runs tasks in child processes.

    Attributes:
        context: The context of the latest invocation.
    """

    def __init__(
        self,
        runner: _ChildTaskRunner,
        options: HandlerOptions,
        *,
        source: str | None,
    ) -> None:
        self.context: object = None
        self._runner = runner
        self._logger, self._metrics = options["logger"], options["metrics"]
        self._memory = options["isolation_memory"]
        self._grace = max(options["time_reserve"], MIN_RESERVE) * _KILL_SHARE
        self._source = source
        self._idle: list[TaskProcess] = []
        weakref.finalize(self, _kill_all, self._idle)
        _calls.add(self)
        _replace_after_restore(self)

    def __call__(self, task: Task[Any, Any], deadline: float) -> Outcome:
        """Run a task in a child process, and return its outcome.

        Raises:
            OutOfTime: The task did not end in time, and its process was killed.
            TaskCrashed: The process ended.
        """
        request = Request(os.urandom(NUMBER_LENGTH), task, deadline, read_state(self._logger))
        try:
            encoded = encode_request(request)
        except Exception:  # a value of the user cannot be pickled: a new process inherits the task
            encoded = encode_request(request._replace(task=None))
            idle = self._idle_process()
            if idle is not None:
                idle.kill()
            process = self._start(task)
        else:
            process = self._idle_process() or self._start(None)
        try:
            answer = process.run(request, encoded, self._grace)
        finally:
            if process.is_usable:
                self._idle.append(process)
        return _outcome_of(answer)

    def prepare(self, number: int) -> None:
        """Create child processes now, because a process should not fork while it has threads."""
        processes = [process for _ in range(number) if (process := self._idle_process())]
        processes += [self._start(None) for _ in range(number - len(processes))]
        self._idle += processes

    def replace(self) -> None:
        """Kill the child processes, so that the next task gets a new one."""
        _kill_all(self._idle)

    def _idle_process(self) -> TaskProcess | None:
        while self._idle:
            process = self._idle.pop()
            if not process.has_ended():
                return process
            process.kill()
        return None

    def _start(self, inherited: Task[Any, Any] | None) -> TaskProcess:
        import_module("ctypes")  # the time limit needs it: each child would import it again
        failures = self._runner.failures
        failures.memory = memory_limit(self._memory, self.context)
        setup = ChildSetup(
            run=self._runner.run_until,
            logger=self._logger,
            metrics=self._metrics,
            memory=failures.memory,
            inherited=inherited,
            has_reached_limit=lambda: failures.has_reached_limit,
        )
        return TaskProcess(setup, self._source)


_calls: Final = weakref.WeakSet[IsolatedCall]()


def replace_child_processes() -> None:
    """Kill the idle child processes of all handlers, so that their next tasks get new ones.

    Tests replace objects of this process, which a child that is older does not see.
    """
    for call in list(_calls):
        call.replace()


class _RaisedInChild(Exception):
    """Carries the copy of an exception that a task raised (``unexpected="raise"``)."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


def _outcome_of(answer: Answer) -> Outcome:
    if answer.outcome is not None:
        return answer.outcome
    assert answer.exception is not None
    name, module, text, traceback = answer.exception
    # The class itself may not be known in this process.
    error: Exception = type(name, (Exception,), {"__module__": module})(text)
    error.add_note(f"In the process of the task:\n{traceback}")
    raise _RaisedInChild(error)


def _kill_all(processes: list[TaskProcess]) -> None:
    while processes:
        processes.pop().kill()
    reap(END_SECONDS)


def _source_of(function: Callable[..., Any]) -> str | None:
    import inspect

    code = getattr(inspect.unwrap(function), "__code__", None)
    return getattr(code, "co_filename", None)


def _replace_after_restore(call: IsolatedCall) -> None:
    """Replace child processes that are part of a SnapStart snapshot after it was restored."""
    if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") != "snap-start":
        return
    try:
        hooks: Any = import_module("snapshot_restore_py")  # it has no types
    except ImportError:
        return
    reference = weakref.WeakMethod(call.replace)

    def replace() -> None:
        method = reference()
        if method is not None:
            method()

    hooks.register_after_restore(replace)
