"""Run the tasks of one invocation: from the event to the response."""

from __future__ import annotations

import functools
import inspect
import math
import threading
from contextlib import ExitStack, contextmanager, suppress
from contextvars import copy_context
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, Unpack

from pydantic import ValidationError
from typing_extensions import TypeIs

from s3batch_handler.core._classification import Classification, classify, needs_traceback
from s3batch_handler.core._error_text import describe
from s3batch_handler.core._errors import OutOfTime, PermanentFailure, TaskFailure
from s3batch_handler.core._inspection import leaf_exceptions
from s3batch_handler.core._keys import encode_key, is_utf8
from s3batch_handler.core._model import JobRef, Outcome, ResultCode, Task, TaskResult
from s3batch_handler.core._payload import build_response, parse_event
from s3batch_handler.core._validation import explain
from s3batch_handler.handler import _options as check
from s3batch_handler.handler._cleanup import clear_frames, leak_suspended_coroutines
from s3batch_handler.handler._interruption import find_out_of_time
from s3batch_handler.handler._json import UnusableResult
from s3batch_handler.handler._observability import Observer
from s3batch_handler.handler._results import AwaitableReturned, outcome_of
from s3batch_handler.handler._task_function import is_async
from s3batch_handler.handler._time_limit import (
    call_in_thread,
    call_within,
    deadline_of,
    forget_interruption,
    in_main_thread,
)
from s3batch_handler.handler._tracing import Observation

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence

    from pydantic import TypeAdapter

    from s3batch_handler.core._payload import Response
    from s3batch_handler.handler._event_loop import EventLoop
    from s3batch_handler.handler._options import HandlerOptions


class TaskRunner:
    """Runs the tasks of invocations for one handler."""

    def __init__(
        self,
        function: Callable[[Any], Any],
        *,
        arguments: type[Any] | None = None,
        payload: type[Any] | None = None,
        **options: Unpack[HandlerOptions],
    ) -> None:
        check.check_names(options)
        self._function = function
        self._arguments = check.model_adapter("arguments", arguments)
        self._payload = check.model_adapter("payload", payload)
        self._has_no_models = arguments is None and payload is None
        self._classify = functools.partial(
            classify,
            classify=check.function_or_none("classify", options.get("classify")),
            retry_on=check.exception_classes("retry_on", options.get("retry_on", ())),
            give_up_on=check.exception_classes("give_up_on", options.get("give_up_on", ())),
        )
        self._unexpected = check.code_or_raise(
            options.get("unexpected", ResultCode.PERMANENT_FAILURE)
        )
        self._on_timeout = ResultCode(options.get("on_timeout", ResultCode.TEMPORARY_FAILURE))
        self._missing = ResultCode(
            options.get("treat_missing_keys_as", ResultCode.TEMPORARY_FAILURE)
        )
        self._time_reserve = check.number(
            "time_reserve", options.get("time_reserve", 1.0), minimum=0
        )
        task_timeout = options.get("task_timeout")
        self._task_timeout = math.inf
        if task_timeout is not None:
            self._task_timeout = check.number("task_timeout", task_timeout, above=0)
        self._strict = check.boolean("strict", options.get("strict", False))
        self._concurrency = check.integer("concurrency", options.get("concurrency", 1), minimum=1)
        self._observer = Observer(
            logger=options.get("logger"),
            metrics=options.get("metrics"),
            tracer=options.get("tracer"),
        )
        # A bound method would create a reference cycle and keep event loops open until it is
        # collected.
        self._run_one = TaskRunner._run_observed if self._observer.active else TaskRunner._run_task
        self._loop = _event_loop_for(function, self._time_reserve)
        self._loop_for_awaitables: EventLoop | None = None

    def handle(self, event: Any, context: Any = None) -> Response:
        """Handle one invocation: see :meth:`TaskHandler.__call__`."""
        invocation = parse_event(event, strict=self._strict)
        deadline = deadline_of(context, self._time_reserve)
        results = self._run_tasks(invocation.tasks, deadline)
        return build_response(invocation, results, self._missing)

    def run(self, task: Task[Any, Any], context: Any = None) -> Outcome:
        """Run one task outside of an invocation: see :meth:`TaskHandler.run`."""
        deadline = deadline_of(context, self._time_reserve)
        ((_, outcome),) = self._run_tasks((task,), deadline)
        return outcome

    # ------------------------------------------------------------ all tasks of an invocation

    def _run_tasks(self, tasks: Sequence[Task[Any, Any]], deadline: float) -> list[TaskResult]:
        if self._loop is not None:
            return self._run_tasks_in_event_loop(self._loop, tasks, deadline)
        if self._concurrency > 1 and len(tasks) > 1:
            return self._run_tasks_in_threads(tasks, deadline)
        return [
            _new_tuple(TaskResult, (task, self._run_one(self, task, deadline))) for task in tasks
        ]

    def _run_tasks_in_threads(
        self, tasks: Sequence[Task[Any, Any]], deadline: float
    ) -> list[TaskResult]:
        outcomes: dict[int, Outcome] = {}
        escaped: list[Exception] = []
        contexts = [copy_context() for _ in tasks]
        waiting = iter(range(len(tasks)))  # next() is atomic

        def run_next() -> None:
            for number in waiting:
                try:
                    outcomes[number] = contexts[number].run(
                        self._run_one, self, tasks[number], deadline
                    )
                except Exception as error:  # raised below, after the other tasks
                    escaped.append(error)

        # This thread runs tasks, too, because the process may be unable to start other threads.
        threads = [
            threading.Thread(target=run_next, name="s3batch", daemon=True)
            for _ in range(min(self._concurrency, len(tasks)) - 1)
        ]
        with suppress(RuntimeError):
            for thread in threads:
                thread.start()
        run_next()
        for thread in threads:
            if thread.ident is not None:
                thread.join()
        if escaped:
            raise escaped[0]
        return [TaskResult(task, outcomes[number]) for number, task in enumerate(tasks)]

    def _run_tasks_in_event_loop(
        self, loop: EventLoop, tasks: Sequence[Task[Any, Any]], deadline: float
    ) -> list[TaskResult]:
        outcomes = loop.run_all(
            lambda task: self._run_task_async(loop, task, deadline),
            tasks,
            concurrency=self._concurrency,
            time_limit=lambda number: min(deadline - monotonic(), self._task_timeout * number),
            on_failure=functools.partial(self._outcome_of_error, deadline=deadline),
        )
        return list(map(TaskResult, tasks, outcomes))

    # ------------------------------------------------------------ one task

    def _run_observed(self, task: Task[Any, Any], deadline: float) -> Outcome:
        with self._observe(task, deadline) as observation:
            observation.outcome = outcome = self._run_task(task, deadline)
        return outcome

    def _run_task(self, task: Task[Any, Any], deadline: float) -> Outcome:
        seconds = min(deadline - monotonic(), self._task_timeout)
        if seconds <= 0:
            return self._not_started(task, deadline)
        awaitable: Awaitable[object] | None = None
        try:
            outcome = call_within(seconds, self._call_function, task, self._time_reserve)
        except AwaitableReturned as returned:
            awaitable = returned.awaitable
        except BaseException as error:  # nothing may end the environment
            outcome = self._outcome_of_error(task, error, seconds, deadline)
        else:
            if outcome.code is not _SUCCEEDED:
                self._log_returned_failure(task, outcome, deadline)
            return outcome
        if awaitable is not None:
            return self._run_awaitable(task, awaitable, deadline)
        forget_interruption()
        return outcome

    def _call_function(self, task: Task[Any, Any]) -> Outcome:
        if not (self._has_no_models and task.key.isascii()):
            task = self._with_models(task)
        return outcome_of(self._function(task), task)

    def _run_awaitable(
        self, task: Task[Any, Any], awaitable: Awaitable[object], deadline: float
    ) -> Outcome:
        """Await the return value of a function that is not recognised as async."""
        from s3batch_handler.handler._event_loop import EventLoop  # asyncio is slow

        self._loop_for_awaitables = loop = self._loop_for_awaitables or EventLoop(
            self._time_reserve
        )
        try:
            (outcome,) = loop.run_all(
                lambda task: self._run_coroutine(loop, task, deadline, awaitable),
                (task,),
                concurrency=1,
                time_limit=lambda _: min(deadline - monotonic(), self._task_timeout),
                on_failure=functools.partial(self._outcome_of_error, deadline=deadline),
            )
        finally:
            if _is_unstarted_coroutine(awaitable):
                awaitable.close()  # avoids Python's warning "was never awaited"
        return outcome

    async def _run_task_async(
        self, loop: EventLoop, task: Task[Any, Any], deadline: float
    ) -> Outcome:
        if not self._observer.active:
            return await self._run_coroutine(loop, task, deadline)
        with self._observe(task, deadline) as observation:
            observation.outcome = outcome = await self._run_coroutine(loop, task, deadline)
        return outcome

    async def _run_coroutine(
        self,
        loop: EventLoop,
        task: Task[Any, Any],
        deadline: float,
        awaitable: Awaitable[object] | None = None,
    ) -> Outcome:
        from s3batch_handler.handler._event_loop import LoopIsClosing  # asyncio is slow

        seconds = min(deadline - monotonic(), self._task_timeout)
        if seconds <= 0:
            return self._not_started(task, deadline)
        try:
            outcome = await loop.await_within(seconds, self._call_function_async(task, awaitable))
        except LoopIsClosing:
            raise
        except BaseException as error:  # nothing may end the environment
            return self._outcome_of_error(task, error, seconds, deadline)
        if outcome.code is not _SUCCEEDED:
            self._log_returned_failure(task, outcome, deadline)
        return outcome

    async def _call_function_async(
        self, task: Task[Any, Any], awaitable: Awaitable[object] | None = None
    ) -> Outcome:
        try:
            if awaitable is None:
                awaitable = self._function(self._with_models(task))
            return outcome_of(await _awaited(awaitable), task)
        except (SystemExit, KeyboardInterrupt) as error:
            # asyncio would raise these two out of the event loop, and end all other tasks.
            raise _ExitInEventLoop(error) from None

    def _with_models(self, task: Task[Any, Any]) -> Task[Any, Any]:
        """Return the task with its user arguments and payload parsed into the user's models."""
        if not is_utf8(task.key):
            raise PermanentFailure(f"the key is not valid UTF-8: {_printable(task.key)}")
        if self._has_no_models:
            return task
        fields = dict(task.__dict__)
        if self._arguments is not None:
            fields["job"] = _read_arguments(self._arguments, task.job)
        if self._payload is not None and task.payload is None:
            fields["payload"] = _read_payload(self._payload, task.key)
        return Task.from_valid(fields)

    # ------------------------------------------------------------ failures

    def _outcome_of_error(
        self, task: Task[Any, Any], error: BaseException, seconds: float, deadline: float
    ) -> Outcome:
        """Return the outcome of a task that raised, or raise again (``unexpected="raise"``)."""
        if type(error) is _ExitInEventLoop:
            error = error.exit
        stopped = find_out_of_time(error)
        if stopped is None:
            return self._classified(task, error, deadline)
        if seconds <= 0:  # logging that the task was not started took too long
            return self._not_started(task, deadline)
        outcome = self._timed_out(error, stopped, seconds, deadline)
        self._call_safely(lambda: self._observer.log_failure(task, outcome, error), deadline)
        self._call_safely(leak_suspended_coroutines, deadline)
        self._call_safely(lambda: clear_frames(error), deadline)
        return outcome

    def _classified(self, task: Task[Any, Any], error: BaseException, deadline: float) -> Outcome:
        """Classify, describe and log an exception, even if its own code fails or takes too long."""
        classification = Classification(None, None)
        message = "an exception that could not be described"

        def classify_and_describe() -> None:
            nonlocal classification, message
            message = f"{type(error).__name__}, which could not be described"
            classification = self._classify(error)
            message = describe(error, classification.source)

        self._call_safely(classify_and_describe, deadline)
        code = classification.code or self._unexpected
        if code == "raise":
            if issubclass(type(error), Exception):  # isinstance() would run code of the object
                raise error
            code = ResultCode.PERMANENT_FAILURE  # sys.exit() must not end the environment
        outcome = Outcome(code, message)

        def log() -> None:
            is_expected = self._is_expected(classification)
            traceback = not is_expected and needs_traceback(classification)
            self._observer.log_failure(
                task, outcome, error, expected=is_expected, traceback=traceback
            )

        self._call_safely(log, deadline)
        self._call_safely(lambda: clear_frames(error), deadline)
        return outcome

    def _is_expected(self, classification: Classification) -> bool:
        """Return whether the user raised a TaskFailure or classified the exception by an option.

        For an exception group, this must be true of all exceptions in it.
        """
        code, source = classification
        if source is None:
            return False
        options = self._classify.keywords
        named = (TaskFailure, *options["retry_on"], *options["give_up_on"])
        are_named = all(
            isinstance(leaf, named) and not isinstance(leaf, UnusableResult)
            for leaf in leaf_exceptions(source)
        )
        return are_named or classify(source).code is not code

    def _log_returned_failure(
        self, task: Task[Any, Any], outcome: Outcome, deadline: float
    ) -> None:
        """Log a failure that the function returned, as if it had raised it."""
        self._call_safely(
            lambda: self._observer.log_failure(task, outcome, None, expected=True, traceback=False),
            deadline,
        )

    def _timed_out(
        self, error: BaseException, stopped: OutOfTime, seconds: float, deadline: float
    ) -> Outcome:
        place = ""

        def find_place() -> None:
            nonlocal place
            place = _place_of_interruption(error.__cause__ or error, self._function)

        self._call_safely(find_place, deadline)
        message = f"stopped after {seconds:.1f} s{place}: out of time"
        if stopped.module:
            message += (
                f"; the import of {stopped.module} was interrupted, "
                "so later tasks in this environment may fail"
            )
        return Outcome(self._on_timeout, message)

    def _not_started(self, task: Task[Any, Any], deadline: float) -> Outcome:
        outcome = Outcome(
            self._on_timeout,
            f"not started: less than the time_reserve of {self._time_reserve:g} s is left",
        )
        self._call_safely(lambda: self._observer.log_failure(task, outcome, None), deadline)
        return outcome

    # ------------------------------------------------------------ user code around a task

    def _call_safely(self, function: Callable[[], object], deadline: float) -> None:
        """Call a function; ignore its exceptions, and interrupt it if it takes too long.

        It may use half of the time that is left of the reserve.
        """
        left = deadline + self._time_reserve - monotonic()
        seconds = max(left / 2, _MIN_SECONDS)
        with suppress(BaseException):
            if in_main_thread():
                call_within(seconds, lambda _: function(), None, left - seconds)
            else:
                call_in_thread(seconds, lambda _: function(), None)

    @contextmanager
    def _observe(self, task: Task[Any, Any], deadline: float) -> Iterator[Observation]:
        """Observe a task with logger, metrics and tracer, within the time limit."""
        if not in_main_thread():
            deadline = math.inf  # context variables set in another thread would be lost
        observing = self._observer.observe(task, deadline - monotonic())
        entered: list[Observation] = []
        with ExitStack() as stack:
            self._call_safely(lambda: entered.append(observing.__enter__()), deadline)
            if entered:
                stack.push(
                    lambda *error: self._call_safely(lambda: observing.__exit__(*error), deadline)
                )
            yield entered[0] if entered else Observation()


_MIN_SECONDS: Final = 0.01
_SUCCEEDED: Final = ResultCode.SUCCEEDED  # a global is faster than an attribute of the enum
_new_tuple: Final = tuple.__new__  # not TaskResult(…): saves 1.5 % of an invocation


class _ExitInEventLoop(Exception):
    """Carries a SystemExit or KeyboardInterrupt through an event loop."""

    def __init__(self, exit_: BaseException) -> None:
        super().__init__()
        self.exit = exit_


def _event_loop_for(function: Callable[..., object], reserve: float) -> EventLoop | None:
    if not is_async(function):
        return None
    from s3batch_handler.handler._event_loop import EventLoop  # asyncio is slow

    return EventLoop(reserve)


async def _awaited(value: object) -> object:
    """Return the value, awaited as often as necessary: the user may have forgotten an ``await``."""
    while inspect.isawaitable(value):
        value = await value
    return value


def _is_unstarted_coroutine(awaitable: Awaitable[object]) -> TypeIs[Coroutine[Any, Any, object]]:
    return inspect.iscoroutine(awaitable) and (
        inspect.getcoroutinestate(awaitable) == inspect.CORO_CREATED
    )


def _read_arguments(model: TypeAdapter[Any], job: JobRef[Any]) -> JobRef[Any]:
    try:
        arguments = model.validate_python(job.arguments)
    except ValidationError as error:
        problem = explain(error, whole="all of them")
        raise PermanentFailure(f"the job's user arguments are invalid: {problem}") from None
    return JobRef.from_valid({"id": job.id, "arguments": arguments})


def _read_payload(model: TypeAdapter[Any], key: str) -> object:
    try:
        return model.validate_json(key)
    except ValidationError as error:
        problem = explain(error, whole="the key")
        raise PermanentFailure(f"the payload in the key is invalid: {problem}") from None


def _printable(key: str) -> str:
    """Return a key that is not valid UTF-8 as it is in the manifest, or escaped."""
    try:
        return encode_key(key)
    except UnicodeEncodeError:
        return ascii(key)


def _place_of_interruption(error: BaseException, function: Callable[..., object]) -> str:
    """Return the function and line of the user's code that was interrupted, from the traceback."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    place, step = "", error.__traceback__
    while code is not None and step is not None:
        frame = step.tb_frame.f_code
        if frame.co_filename == code.co_filename:
            line: int | None = step.tb_lineno  # None between two lines
            place = f" in {frame.co_name}()" + (f", line {line}" if line else "")
        step = step.tb_next
    return place
