"""``@task_handler``: a function for one task becomes a Lambda handler for S3 Batch Operations."""

from __future__ import annotations

import functools
import inspect
import math
import threading
from collections.abc import Iterable
from contextlib import contextmanager, suppress
from contextvars import copy_context
from time import monotonic
from typing import (
    TYPE_CHECKING,
    Any,
    Final,
    Literal,
    Protocol,
    TypeAlias,
    TypedDict,
    Unpack,
    cast,
    overload,
    runtime_checkable,
)

from pydantic import ValidationError
from typing_extensions import TypeIs

from s3batch_handler.core._classification import (
    Verdict,
    classify,
    describe,
    is_explained,
    leaves_of,
)
from s3batch_handler.core._errors import OutOfTime, PermanentFailure, TaskFailure
from s3batch_handler.core._keys import encode_key, is_utf8
from s3batch_handler.core._model import (
    ArgumentsT,
    JobRef,
    Outcome,
    PayloadT,
    ResultCode,
    Task,
    TaskResult,
)
from s3batch_handler.core._payload import build_response, explain, parse_event
from s3batch_handler.handler._declaration import (
    is_async,
    model_adapter,
    name_of,
    task_function,
    unknown_options,
)
from s3batch_handler.handler._interruption import find_out_of_time
from s3batch_handler.handler._leftovers import free_variables, keep_suspended_coroutines
from s3batch_handler.handler._observability import Observer, Watched
from s3batch_handler.handler._results import NotAwaited, UnusableResult, outcome_of
from s3batch_handler.handler._time_limit import (
    call_in_thread,
    call_within,
    deadline_of,
    forget_interruption,
    in_main_thread,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
    from logging import Logger

    from pydantic import TypeAdapter

    from s3batch_handler.core._classification import Classify
    from s3batch_handler.core._payload import Response
    from s3batch_handler.handler._event_loop import EventLoop
    from s3batch_handler.handler._observability import LoggerLike, MetricsLike, TracerLike

TaskFunction: TypeAlias = "Callable[[Task[ArgumentsT, PayloadT]], object | Awaitable[object]]"
"""A user's function: from a task to a result that :mod:`._results` accepts."""


class HandlerOptions(TypedDict, total=False):
    """What ``@task_handler`` can be told, beside ``arguments`` and ``payload``.

    Attributes:
        retry_on: Exceptions that are temporary, on top of the built-in table.
        give_up_on: Exceptions that are permanent, likewise.
        classify: Asked about each exception before these three; ``None`` means "no opinion".
        unexpected: What an exception is that nobody classified (PermanentFailure); ``"raise"``
            lets it fail the whole invocation, which S3 reports as PermanentFailure as well.
        on_timeout: What a task is whose time ran out (TemporaryFailure).
        treat_missing_keys_as: Sent along for tasks without an answer (TemporaryFailure). Every
            task gets an answer, so this is for what nobody thought of.
        time_reserve: Seconds before the function's timeout at which its task is ended, so that
            there is time to answer (1.0).
        task_timeout: Seconds that each task has at most (no limit but the function's).
        strict: Refuse events that AWS does not document (``False``).
        concurrency: Tasks of one invocation at a time (1); threads, or one event loop for an
            ``async def`` function. S3 sends one task per invocation.
        logger: A Powertools ``Logger``, or one of the standard library.
        metrics: A Powertools ``Metrics``.
        tracer: A Powertools ``Tracer``.
    """

    retry_on: tuple[type[BaseException], ...]
    give_up_on: tuple[type[BaseException], ...]
    classify: Classify | None
    unexpected: ResultCode | Literal["raise"]
    on_timeout: ResultCode
    treat_missing_keys_as: ResultCode
    time_reserve: float
    task_timeout: float | None
    strict: bool
    concurrency: int
    logger: LoggerLike | Logger | None
    metrics: MetricsLike | None
    tracer: TracerLike | None


@runtime_checkable
class TaskHandler(Protocol[ArgumentsT, PayloadT]):
    """A Lambda handler for S3 Batch Operations, as ``@task_handler`` returns it.

    It is a function, so decorators for Lambda handlers accept it, and decorators that use
    ``functools.wraps`` keep its ``run``.
    """

    def __call__(self, event: Any, context: Any = None) -> Response:
        """Answer one invocation: run every task of the event once, in order.

        Raises:
            InvalidEvent: The event is not an S3 Batch Operations event; no task was started.
        """
        ...

    def run(self, task: Task[Any, Any], context: Any = None) -> Outcome:
        """Run one task as an invocation does, and return its outcome. Intended for tests.

        User arguments and a JSON key may have the form in which S3 sends them: they are parsed into
        the handler's models, as in an invocation.
        """
        ...


class TaskRunner:
    """Run the tasks of invocations for a handler."""

    def __init__(
        self,
        function: Callable[[Any], Any],
        *,
        arguments: type[Any] | None = None,
        payload: type[Any] | None = None,
        **options: Unpack[HandlerOptions],
    ) -> None:
        unknown = options.keys() - HandlerOptions.__annotations__.keys()
        if unknown:
            known = {"arguments", "payload", *HandlerOptions.__annotations__}
            raise TypeError(unknown_options(unknown, known))
        self._function = function
        self._arguments = model_adapter("arguments", arguments)
        self._payload = model_adapter("payload", payload)
        self._as_it_comes = arguments is None and payload is None
        self._classify = functools.partial(
            classify,
            classify=_callable_or_none("classify", options.get("classify")),
            retry_on=_exceptions("retry_on", options.get("retry_on", ())),
            give_up_on=_exceptions("give_up_on", options.get("give_up_on", ())),
        )
        self._unexpected = _code_or_raise(options.get("unexpected", ResultCode.PERMANENT_FAILURE))
        self._on_timeout = ResultCode(options.get("on_timeout", ResultCode.TEMPORARY_FAILURE))
        self._missing = ResultCode(
            options.get("treat_missing_keys_as", ResultCode.TEMPORARY_FAILURE)
        )
        self._time_reserve = _number("time_reserve", options.get("time_reserve", 1.0), least=0)
        task_timeout = options.get("task_timeout")
        self._task_timeout = math.inf
        if task_timeout is not None:
            self._task_timeout = _number("task_timeout", task_timeout, more_than=0)
        self._strict = _true_or_false("strict", options.get("strict", False))
        self._concurrency = _whole_number("concurrency", options.get("concurrency", 1), least=1)
        self._observer = Observer(
            logger=options.get("logger"),
            metrics=options.get("metrics"),
            tracer=options.get("tracer"),
        )
        # A bound method would create a reference cycle and keep event loops open until it is
        # collected.
        self._attempt = TaskRunner._attempt_watched if self._observer.active else TaskRunner._answer
        self._loop = _event_loop_for(function, self._time_reserve)
        self._late_loop: EventLoop | None = None

    def respond(self, event: Any, context: Any = None) -> Response:
        """Answer one invocation: see :meth:`TaskHandler.__call__`."""
        invocation = parse_event(event, strict=self._strict)
        deadline = deadline_of(context, self._time_reserve)
        results = self._attempt_all(invocation.tasks, deadline)
        return build_response(invocation, results, self._missing)

    def run(self, task: Task[Any, Any], context: Any = None) -> Outcome:
        """Run one task: see :meth:`TaskHandler.run`."""
        deadline = deadline_of(context, self._time_reserve)
        ((_, outcome),) = self._attempt_all((task,), deadline)
        return outcome

    # ------------------------------------------------------------ all tasks of an invocation

    def _attempt_all(self, tasks: Sequence[Task[Any, Any]], deadline: float) -> list[TaskResult]:
        if self._loop is not None:
            return self._attempt_all_async(self._loop, tasks, deadline)
        if self._concurrency > 1 and len(tasks) > 1:
            return self._attempt_all_in_threads(tasks, deadline)
        results = []
        for task in tasks:  # before Python 3.12 a comprehension costs a function call
            results.append(_new_tuple(TaskResult, (task, self._attempt(self, task, deadline))))  # noqa: PERF401
        return results

    def _attempt_all_in_threads(
        self, tasks: Sequence[Task[Any, Any]], deadline: float
    ) -> list[TaskResult]:
        outcomes: dict[int, Outcome] = {}
        escaped: list[Exception] = []
        contexts = [copy_context() for _ in tasks]  # what is set for the invocation
        waiting = iter(range(len(tasks)))  # next() is atomic

        def attempt_next() -> None:
            for number in waiting:
                try:
                    outcomes[number] = contexts[number].run(
                        self._attempt, self, tasks[number], deadline
                    )
                except Exception as error:  # raised below, after the other tasks
                    escaped.append(error)

        # This thread runs tasks, too, because the process may be unable to start other threads.
        threads = [
            threading.Thread(target=attempt_next, name="s3batch", daemon=True)
            for _ in range(min(self._concurrency, len(tasks)) - 1)
        ]
        with suppress(RuntimeError):
            for thread in threads:
                thread.start()
        attempt_next()
        for thread in threads:
            if thread.ident is not None:
                thread.join()
        if escaped:
            raise escaped[0]
        return [TaskResult(task, outcomes[number]) for number, task in enumerate(tasks)]

    def _attempt_all_async(
        self, loop: EventLoop, tasks: Sequence[Task[Any, Any]], deadline: float
    ) -> list[TaskResult]:
        outcomes = loop.run_all(
            lambda task: self._attempt_async(loop, task, deadline),
            tasks,
            at_a_time=self._concurrency,
            limit=lambda number: min(deadline - monotonic(), self._task_timeout * number),
            fallen=lambda task, error, seconds: self._failed(task, error, seconds, deadline),
        )
        return list(map(TaskResult, tasks, outcomes))

    # ------------------------------------------------------------ one task

    def _attempt_watched(self, task: Task[Any, Any], deadline: float) -> Outcome:
        with self._watch(task, deadline) as watched:
            watched.outcome = outcome = self._answer(task, deadline)
        return outcome

    def _answer(self, task: Task[Any, Any], deadline: float) -> Outcome:
        seconds = deadline - monotonic()
        if seconds > self._task_timeout:  # noqa: PLR1730  min() takes longer
            seconds = self._task_timeout
        if seconds <= 0:
            return self._never_started(task, deadline)
        begun: Awaitable[object] | None = None
        try:
            outcome = call_within(seconds, self._call, task, self._time_reserve)
        except NotAwaited as returned:
            begun = returned.awaitable
        except BaseException as error:  # nothing may end the environment
            outcome = self._failed(task, error, seconds, deadline)
        else:
            if outcome.code is not _SUCCEEDED:
                self._log_returned(task, outcome, deadline)
            return outcome
        if begun is not None:
            return self._answer_late(task, begun, deadline)
        forget_interruption()
        return outcome

    def _call(self, task: Task[Any, Any]) -> Outcome:
        if not (self._as_it_comes and task.key.isascii()):
            task = self._bound(task)
        return outcome_of(self._function(task), task)

    def _answer_late(
        self, task: Task[Any, Any], awaitable: Awaitable[object], deadline: float
    ) -> Outcome:
        """Await the return value of a function that is not recognised as async."""
        from s3batch_handler.handler._event_loop import EventLoop  # asyncio is slow

        self._late_loop = loop = self._late_loop or EventLoop(self._time_reserve)
        try:
            (outcome,) = loop.run_all(
                lambda task: self._answer_async(loop, task, deadline, awaitable),
                (task,),
                at_a_time=1,
                limit=lambda _: min(deadline - monotonic(), self._task_timeout),
                fallen=lambda task, error, seconds: self._failed(task, error, seconds, deadline),
            )
        finally:
            if _is_unbegun(awaitable):
                awaitable.close()  # avoids Python's warning "was never awaited"
        return outcome

    async def _attempt_async(
        self, loop: EventLoop, task: Task[Any, Any], deadline: float
    ) -> Outcome:
        if not self._observer.active:
            return await self._answer_async(loop, task, deadline)
        with self._watch(task, deadline) as watched:
            watched.outcome = outcome = await self._answer_async(loop, task, deadline)
        return outcome

    async def _answer_async(
        self,
        loop: EventLoop,
        task: Task[Any, Any],
        deadline: float,
        begun: Awaitable[object] | None = None,
    ) -> Outcome:
        from s3batch_handler.handler._event_loop import Abandoned  # asyncio is slow

        seconds = min(deadline - monotonic(), self._task_timeout)
        if seconds <= 0:
            return self._never_started(task, deadline)
        try:
            outcome = await loop.await_within(seconds, self._call_async(task, begun))
        except Abandoned:
            raise
        except BaseException as error:  # nothing may end the environment
            return self._failed(task, error, seconds, deadline)
        if outcome.code is not _SUCCEEDED:
            self._log_returned(task, outcome, deadline)
        return outcome

    async def _call_async(
        self, task: Task[Any, Any], begun: Awaitable[object] | None = None
    ) -> Outcome:
        try:
            value = await _value(self._function(self._bound(task)) if begun is None else begun)
            return outcome_of(value, task)
        except (SystemExit, KeyboardInterrupt) as error:
            # asyncio would let these two fall through the loop, past all other tasks.
            raise _Exit(error) from None

    def _bound(self, task: Task[Any, Any]) -> Task[Any, Any]:
        """Give the task as the function wants it: user arguments and payload read into models."""
        if not is_utf8(task.key):
            raise PermanentFailure(f"the key is no UTF-8 text: {_spelled(task.key)}")
        if self._as_it_comes:
            return task
        fields = dict(task.__dict__)
        if self._arguments is not None:
            fields["job"] = _read_arguments(self._arguments, task.job)
        if self._payload is not None and task.payload is None:
            fields["payload"] = _read_payload(self._payload, task.key)
        return Task.of_valid(fields)

    # ------------------------------------------------------------ failures

    def _failed(
        self, task: Task[Any, Any], error: BaseException, seconds: float, deadline: float
    ) -> Outcome:
        """Say what an exception means for its task, or raise it (``unexpected="raise"``)."""
        if type(error) is _Exit:
            error = error.exit
        stopped = find_out_of_time(error)
        if stopped is None:
            return self._judged(task, error, deadline)
        if seconds <= 0:  # reporting that there is no time took too long
            return self._never_started(task, deadline)
        outcome = self._stopped(error, stopped, seconds, deadline)
        self._guard(lambda: self._observer.failed(task, outcome, error), deadline)
        self._guard(keep_suspended_coroutines, deadline)
        self._guard(lambda: free_variables(error), deadline)
        return outcome

    def _judged(self, task: Task[Any, Any], error: BaseException, deadline: float) -> Outcome:
        """Classify, describe and log an exception, even if its own code fails or takes long."""
        verdict = Verdict(None, None)
        message = "an exception that could not be described"

        def judge() -> None:
            nonlocal verdict, message
            message = f"{type(error).__name__}, which could not be described"
            verdict = self._classify(error)
            message = describe(error, verdict.about)

        self._guard(judge, deadline)
        code = verdict.code or self._unexpected
        if code == "raise":
            if issubclass(type(error), Exception):  # isinstance() asks the object, too
                raise error
            code = ResultCode.PERMANENT_FAILURE  # sys.exit() must not end the environment
        outcome = Outcome(code, message)

        def log() -> None:
            is_expected = self._is_expected(verdict)
            traceback = not (is_expected or is_explained(verdict))
            self._observer.failed(task, outcome, error, expected=is_expected, traceback=traceback)

        self._guard(log, deadline)
        self._guard(lambda: free_variables(error), deadline)
        return outcome

    def _is_expected(self, verdict: Verdict) -> bool:
        """Return whether the user raised a TaskFailure or classified the exception by an option.

        Of a group, that has to be true of all exceptions in it.
        """
        code, about = verdict
        if about is None:
            return False
        options = self._classify.keywords
        named = (TaskFailure, *options["retry_on"], *options["give_up_on"])
        are_named = all(
            isinstance(leaf, named) and not isinstance(leaf, UnusableResult)
            for leaf in leaves_of(about)
        )
        return are_named or classify(about).code is not code

    def _log_returned(self, task: Task[Any, Any], outcome: Outcome, deadline: float) -> None:
        """Log a failure that the function returned, as if it had raised it."""
        self._guard(
            lambda: self._observer.failed(task, outcome, None, expected=True, traceback=False),
            deadline,
        )

    def _stopped(
        self, error: BaseException, stopped: OutOfTime, seconds: float, deadline: float
    ) -> Outcome:
        place = ""

        def find_place() -> None:
            nonlocal place
            place = _place(error.__cause__ or error, self._function)

        self._guard(find_place, deadline)
        message = f"stopped after {seconds:.1f} s{place}: out of time"
        if stopped.module:
            message += (
                f"; the import of {stopped.module} was interrupted, "
                "so later tasks in this environment may fail"
            )
        return Outcome(self._on_timeout, message)

    def _never_started(self, task: Task[Any, Any], deadline: float) -> Outcome:
        outcome = Outcome(
            self._on_timeout,
            f"not started: no more time left than the time_reserve of {self._time_reserve:g} s",
        )
        self._guard(lambda: self._observer.failed(task, outcome, None), deadline)
        return outcome

    # ------------------------------------------------------------ what surrounds a task

    def _guard(self, function: Callable[[], object], deadline: float) -> None:
        """Call a function that must neither fail, nor end the environment, nor take too long.

        It may use half of the remaining reserve before it is interrupted.
        """
        left = deadline + self._time_reserve - monotonic()
        seconds = max(left / 2, _LEAST_TIME)
        with suppress(BaseException):
            if in_main_thread():
                call_within(seconds, lambda _: function(), None, left - seconds)
            else:
                call_in_thread(seconds, lambda _: function(), None)

    @contextmanager
    def _watch(self, task: Task[Any, Any], deadline: float) -> Iterator[Watched]:
        """Observe a task (logger, metrics, tracer) without delaying it beyond its limit."""
        if not in_main_thread():
            deadline = math.inf  # another thread would not see its context variables
        watch = self._observer.watch(task, deadline - monotonic())
        begun: list[Watched] = []
        self._guard(lambda: begun.append(watch.__enter__()), deadline)
        raised: BaseException | None = None
        try:
            yield begun[0] if begun else Watched()
        except BaseException as error:
            raised = error
            raise
        finally:
            if begun:
                kind = None if raised is None else type(raised)
                trace = None if raised is None else raised.__traceback__
                self._guard(lambda: watch.__exit__(kind, raised, trace), deadline)


# ---------------------------------------------------------------- the decorator


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
    """Make a Lambda handler of a function that does one task.

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
        function: Sync or async, from a task to a result.
        more: Refused: everything else goes by its name.
        arguments: A pydantic model (or whatever pydantic can read) of the job's user arguments:
            ``task.job.arguments``. Arguments that do not fit fail all tasks permanently.
        payload: A model of the JSON that stands in place of the key: ``task.payload``. A task
            whose payload does not fit fails permanently.
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
        runner = TaskRunner(function, arguments=arguments, payload=payload, **options)
        return _handler(function, runner)

    return decorate(function, *more) if function is not None or more else decorate


def _handler(function: Callable[..., Any], runner: TaskRunner) -> TaskHandler[Any, Any]:
    """Create the handler as a real function, because some Powertools decorators require one."""
    respond = runner.respond

    def handler(event: Any, context: Any = None) -> Response:
        return respond(event, context)

    functools.update_wrapper(handler, function)
    handler.__name__ = name_of(function)
    handler.__dict__["run"] = runner.run
    return cast("TaskHandler[Any, Any]", handler)


# ---------------------------------------------------------------- small things


_LEAST_TIME: Final = 0.01  # seconds


_SUCCEEDED: Final = ResultCode.SUCCEEDED  # the look-up in the enum shows


_new_tuple: Final = tuple.__new__  # what TaskResult(…) comes down to, at half its price


class _Exit(Exception):
    """Carries a SystemExit or KeyboardInterrupt safely through an event loop."""

    def __init__(self, exit_: BaseException) -> None:
        super().__init__()
        self.exit = exit_


def _event_loop_for(function: Callable[..., object], reserve: float) -> EventLoop | None:
    if not is_async(function):
        return None
    from s3batch_handler.handler._event_loop import EventLoop  # asyncio is slow

    return EventLoop(reserve)


async def _value(returned: object) -> object:
    """Await a return value, and its result if that is awaitable: an ``await`` may be missing."""
    while inspect.isawaitable(returned):
        returned = await returned
    return returned


def _is_unbegun(awaitable: Awaitable[object]) -> TypeIs[Coroutine[Any, Any, object]]:
    return inspect.iscoroutine(awaitable) and (
        inspect.getcoroutinestate(awaitable) == inspect.CORO_CREATED
    )


def _read_arguments(model: TypeAdapter[Any], job: JobRef[Any]) -> JobRef[Any]:
    try:
        arguments = model.validate_python(job.arguments)
    except ValidationError as error:
        problem = explain(error, whole="all of them")
        raise PermanentFailure(f"the job's user arguments do not fit: {problem}") from None
    return JobRef.of_valid({"id": job.id, "arguments": arguments})


def _read_payload(model: TypeAdapter[Any], key: str) -> object:
    try:
        return model.validate_json(key)
    except ValidationError as error:
        problem = explain(error, whole="the key")
        raise PermanentFailure(f"the payload in the key does not fit: {problem}") from None


def _spelled(key: str) -> str:
    """Give a key that is no UTF-8 as it stands in the manifest, if it can stand there."""
    try:
        return encode_key(key)
    except UnicodeEncodeError:
        return ascii(key)


def _place(error: BaseException, function: Callable[..., object]) -> str:
    """Say where the user's code was when it was interrupted, as far as the traceback tells."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    place, step = "", error.__traceback__
    while code is not None and step is not None:
        frame = step.tb_frame.f_code
        if frame.co_filename == code.co_filename:
            line: int | None = step.tb_lineno  # an interruption may strike where there is none
            place = f" in {frame.co_name}()" + (f", line {line}" if line else "")
        step = step.tb_next
    return place


# ---------------------------------------------------------------- options, checked


def _code_or_raise(value: ResultCode | Literal["raise"]) -> ResultCode | Literal["raise"]:
    return "raise" if value == "raise" else ResultCode(value)


def _callable_or_none(option: str, value: Any) -> Any:
    if not (value is None or callable(value)):
        raise TypeError(f"{option} takes a function, got {value!r}")
    return value


def _exceptions(option: str, classes: Any) -> tuple[type[BaseException], ...]:
    found = tuple(classes) if isinstance(classes, Iterable) else (classes,)
    for cls in found:
        if not (isinstance(cls, type) and issubclass(cls, BaseException)):
            raise TypeError(f"{option} takes exception classes, got {cls!r}")
    return found


def _true_or_false(option: str, value: Any) -> bool:
    if not isinstance(value, bool):  # "false" would be true
        raise TypeError(f"{option} is {value!r}: it must be True or False")
    return value


def _whole_number(option: str, value: Any, *, least: int) -> int:
    number = _number(option, value, least=least)
    if not isinstance(number, int):
        raise TypeError(f"{option} is {value!r}: it must be a whole number")
    return number


def _number(
    option: str, value: Any, *, least: float = -math.inf, more_than: float = -math.inf
) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise TypeError(f"{option} is {value!r}: it must be a number")
    if value >= least and value > more_than:
        return value
    limit = f"more than {more_than}" if least == -math.inf else f"at least {least}"
    raise ValueError(f"{option} is {value!r}: it must be {limit}")
