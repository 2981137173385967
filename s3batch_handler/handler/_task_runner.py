"""Run the tasks of one invocation: from the event to the response."""

from __future__ import annotations

import functools
import math
import threading
from contextlib import ExitStack, contextmanager, suppress
from contextvars import copy_context
from time import monotonic
from types import CoroutineType

from s3batch_handler.core._awaitables import is_awaitable
from s3batch_handler.core._model import Outcome, ResultCode, Task, TaskResult
from s3batch_handler.core._payload import (
    build_response,
    build_usual_response,
    parse_event,
    parse_usual_event,
)
from s3batch_handler.core._typing import TYPE_CHECKING, Any, Unpack
from s3batch_handler.handler import _options as check
from s3batch_handler.handler._failures import FailureHandler, load_modules_for_failures
from s3batch_handler.handler._forked_child import exit_child, forks
from s3batch_handler.handler._observability import Observer
from s3batch_handler.handler._observation import Observation
from s3batch_handler.handler._prepare import prepare, task_models
from s3batch_handler.handler._result_errors import AwaitableReturned
from s3batch_handler.handler._results import outcome_of
from s3batch_handler.handler._task_function import is_async, name_of
from s3batch_handler.handler._time_limit import (
    call_within,
    deadline_of,
    forget_interruption,
    in_main_thread,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from s3batch_handler.core._payload import Response
    from s3batch_handler.handler._event_loop import EventLoop
    from s3batch_handler.handler._idempotency import TaskRecords
    from s3batch_handler.handler._types import HandlerOptions


class TaskRunner:
    """Runs the tasks of invocations for one handler."""

    def __init__(
        self,
        function: Callable[[Any], Any],
        *,
        arguments: type[Any] | None = None,
        payload: type[Any] | None = None,
        **given: Unpack[HandlerOptions],
    ) -> None:
        options = check.with_defaults(given)
        self._function = function
        self._time_reserve: float = check.number("time_reserve", options["time_reserve"])
        self._observer = Observer(
            logger=options["logger"], metrics=options["metrics"], tracer=options["tracer"]
        )
        self._failures = FailureHandler(function, self._observer, self._time_reserve, options)
        self._models = task_models(arguments, payload)
        self._missing = ResultCode(options["treat_missing_keys_as"])
        task_timeout = options["task_timeout"]
        self._task_timeout = math.inf
        if task_timeout is not None:
            self._task_timeout = check.number("task_timeout", task_timeout, positive=True)
        self._strict = check.boolean("strict", options["strict"])
        self._concurrency: int = check.number(
            "concurrency", options["concurrency"], minimum=1, integer=True
        )
        # A bound method would create a reference cycle and keep event loops open until it is
        # collected.
        self._records = self._task_records(options)
        self._run_plain = (
            TaskRunner._run_task if self._records is None else TaskRunner._run_recorded
        )
        self._run_one = TaskRunner._run_observed if self._observer.active else self._run_plain
        self._loop: EventLoop | None = None
        self._is_async = is_async(function)
        if self._is_async:
            self._event_loop()

    @property
    def time_reserve(self) -> float:
        """Return the seconds that are reserved to build the response."""
        return self._time_reserve

    @property
    def task_timeout(self) -> float:
        """Return the seconds that a task may take; infinite without the option."""
        return self._task_timeout

    def handle(self, event: Any, context: Any = None) -> Response:
        """Handle one invocation: see :meth:`TaskHandler.__call__`."""
        task = None if self._is_async else parse_usual_event(event)
        deadline = deadline_of(context, self._time_reserve)
        if task is not None:
            version, invocation_id = event["invocationSchemaVersion"], event["invocationId"]
            outcome = self._run_one(self, task, deadline)
            return build_usual_response(version, invocation_id, task, outcome, self._missing)
        invocation = parse_event(event, strict=self._strict)
        results = self._run_tasks(invocation.tasks, deadline)
        return build_response(invocation, results, self._missing)

    def run(self, task: Task[Any, Any], context: Any = None) -> Outcome:
        """Run one task outside of an invocation: see :meth:`TaskHandler.run`."""
        deadline = deadline_of(context, self._time_reserve)
        ((_, outcome),) = self._run_tasks((task,), deadline)
        return outcome

    def _task_records(self, options: HandlerOptions) -> TaskRecords | None:
        layer = check.persistence_layer_or_none("idempotency", options["idempotency"])
        key_of = check.function_or_none("idempotency_key", options["idempotency_key"])
        if layer is None:
            if key_of is not None:
                raise TypeError(
                    "idempotency_key requires idempotency: pass a Powertools persistence layer, too"
                )
            return None
        if key_of is not None and is_async(key_of):
            raise TypeError(
                f"idempotency_key takes a function that is not async, got {name_of(key_of)}"
            )
        from s3batch_handler.handler._idempotency import TaskRecords  # only with the option

        return TaskRecords(
            layer,
            key_of,
            name=f"{self._function.__module__}.{name_of(self._function)}",
            models=self._models,
            failures=self._failures,
            time_reserve=self._time_reserve,
        )

    # ------------------------------------------------------------ all tasks of an invocation

    def _run_tasks(self, tasks: Sequence[Task[Any, Any]], deadline: float) -> list[TaskResult]:
        if self._is_async:
            return self._run_tasks_in_event_loop(tasks, deadline)
        if self._concurrency > 1 and len(tasks) > 1:
            return self._run_tasks_in_threads(tasks, deadline)
        return [TaskResult(task, self._run_one(self, task, deadline)) for task in tasks]

    def _run_tasks_in_threads(
        self, tasks: Sequence[Task[Any, Any]], deadline: float
    ) -> list[TaskResult]:
        outcomes: dict[int, Outcome] = {}
        escaped: list[Exception] = []
        contexts = [copy_context() for _ in tasks]
        waiting = enumerate(tasks)  # next() is atomic

        def run_next() -> None:
            for number, task in waiting:
                try:
                    outcomes[number] = contexts[number].run(self._run_one, self, task, deadline)
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
        self,
        tasks: Sequence[Task[Any, Any]],
        deadline: float,
        awaitable: Awaitable[object] | None = None,
    ) -> list[TaskResult]:
        loop = self._event_loop()
        outcomes = loop.run_all(
            lambda task: self._run_task_async(loop, task, deadline, awaitable),
            tasks,
            concurrency=self._concurrency,
            time_limit=lambda number: min(deadline - monotonic(), self._task_timeout * number),
            on_failure=functools.partial(self._failures.outcome_of, deadline=deadline),
        )
        return list(map(TaskResult, tasks, outcomes))

    # ------------------------------------------------------------ one task

    def _run_observed(self, task: Task[Any, Any], deadline: float) -> Outcome:
        with self._observe(task, deadline) as observation:
            observation.outcome = outcome = self._run_plain(self, task, deadline)
        return outcome

    def _run_recorded(self, task: Task[Any, Any], deadline: float) -> Outcome:
        assert self._records is not None
        with self._records.open(task, deadline, self._task_timeout) as record:
            record.outcome = outcome = record.outcome or self._run_task(task, record.deadline)
        return outcome

    def _run_task(self, task: Task[Any, Any], deadline: float) -> Outcome:
        seconds = min(deadline - monotonic(), self._task_timeout)
        if seconds <= 0:
            return self._failures.not_started(task, deadline)
        awaitable: Awaitable[object] | None = None
        try:
            outcome = call_within(seconds, self._call_function, task, self._time_reserve)
        except AwaitableReturned as returned:
            awaitable = returned.awaitable
        except BaseException as error:  # nothing may end the environment
            outcome = self._failures.outcome_of(task, error, seconds, deadline)
        else:
            if outcome.code is not ResultCode.SUCCEEDED:
                self._failures.log_returned(task, outcome, deadline)
            return outcome
        if awaitable is not None:
            return self._run_awaitable(task, awaitable, deadline)
        forget_interruption()
        return outcome

    def _call_function(self, task: Task[Any, Any]) -> Outcome:
        forks_before = forks.count
        try:
            if self._models is not None or not task.key.isascii():
                task = prepare(task, self._models)
            return outcome_of(self._function(task), task)
        except AwaitableReturned:
            raise
        except Exception:
            load_modules_for_failures()
            raise
        finally:
            if forks.count != forks_before:
                exit_child()

    def _run_awaitable(
        self, task: Task[Any, Any], awaitable: Awaitable[object], deadline: float
    ) -> Outcome:
        """Wait for the awaitable that a function returned, although it is not declared as async."""
        try:
            ((_, outcome),) = self._run_tasks_in_event_loop((task,), deadline, awaitable)
        finally:
            if isinstance(awaitable, CoroutineType):
                import inspect  # slow; the event loop has imported it

                if inspect.getcoroutinestate(awaitable) == inspect.CORO_CREATED:
                    awaitable.close()  # avoids Python's warning "was never awaited"
        return outcome

    def _event_loop(self) -> EventLoop:
        from s3batch_handler.handler._event_loop import EventLoop  # asyncio is slow

        self._loop = self._loop or EventLoop(self._time_reserve)
        return self._loop

    async def _run_task_async(
        self,
        loop: EventLoop,
        task: Task[Any, Any],
        deadline: float,
        awaitable: Awaitable[object] | None,
    ) -> Outcome:
        if awaitable is not None:  # its task is observed and recorded already
            return await self._run_coroutine(loop, task, deadline, awaitable)
        if not self._observer.active:
            return await self._run_recorded_async(loop, task, deadline)
        with self._observe(task, deadline) as observation:
            observation.outcome = outcome = await self._run_recorded_async(loop, task, deadline)
        return outcome

    async def _run_recorded_async(
        self, loop: EventLoop, task: Task[Any, Any], deadline: float
    ) -> Outcome:
        if self._records is None:
            return await self._run_coroutine(loop, task, deadline)
        with self._records.open(task, deadline, self._task_timeout) as record:
            record.outcome = outcome = record.outcome or await self._run_coroutine(
                loop, task, record.deadline
            )
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
            return self._failures.not_started(task, deadline)
        try:
            outcome = await loop.await_within(seconds, self._call_function_async(task, awaitable))
        except LoopIsClosing:
            raise
        except BaseException as error:  # nothing may end the environment
            raised = error.exit if isinstance(error, _ExitInEventLoop) else error
            return self._failures.outcome_of(task, raised, seconds, deadline)
        if outcome.code is not ResultCode.SUCCEEDED:
            self._failures.log_returned(task, outcome, deadline)
        return outcome

    async def _call_function_async(
        self, task: Task[Any, Any], awaitable: Awaitable[object] | None
    ) -> Outcome:
        forks_before = forks.count
        try:
            try:
                value = (
                    self._function(prepare(task, self._models)) if awaitable is None else awaitable
                )
                while is_awaitable(value):  # the user may have forgotten an `await`
                    value = await value
                return outcome_of(value, task)
            except Exception:
                load_modules_for_failures()
                raise
            finally:
                if forks.count != forks_before:
                    exit_child()
        except (SystemExit, KeyboardInterrupt) as error:
            # asyncio would raise these two out of the event loop, and end all other tasks.
            raise _ExitInEventLoop(error) from None

    @contextmanager
    def _observe(self, task: Task[Any, Any], deadline: float) -> Iterator[Observation]:
        """Add keys, metrics and a subsegment for a task, within the time limit."""
        if not in_main_thread():
            deadline = math.inf  # context variables set in another thread would be lost
        observing = self._observer.observe(task, deadline - monotonic())
        call_safely = self._failures.call_safely
        with ExitStack() as stack:
            observation = call_safely(observing.__enter__, deadline)
            if observation is not None:
                stack.push(lambda *error: call_safely(lambda: observing.__exit__(*error), deadline))
            yield observation or Observation()


class _ExitInEventLoop(Exception):
    """Carries a SystemExit or KeyboardInterrupt through an event loop."""

    def __init__(self, exit_: BaseException) -> None:
        super().__init__()
        self.exit = exit_
