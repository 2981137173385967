"""Call a function in worker processes that run at the same time and are replaced when they end."""

from __future__ import annotations

import logging
import math
import os
import select
import time
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from s3batch_handler.core._defaults import DEFAULT_TIMEOUT
from s3batch_handler.core._errors import InvalidFunction
from s3batch_handler.documents.manifests._manifest import ManifestEntry
from s3batch_handler.documents.manifests._plain_lines import PlainLines
from s3batch_handler.engine.invoke._answer import NotRun
from s3batch_handler.engine.invoke._answer_records import success_of
from s3batch_handler.engine.invoke._function_errors import exit_reason, process_ended, timed_out
from s3batch_handler.engine.invoke._function_loader import split_spec
from s3batch_handler.engine.invoke._invoker import AnsweredLines, running_call
from s3batch_handler.engine.invoke._lambda_environment import lambda_variables, request_id_of
from s3batch_handler.engine.invoke._task_queue import TaskQueue, part_of
from s3batch_handler.engine.invoke._worker_process import WorkerProcess

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from s3batch_handler.engine.invoke._answer import Answer
    from s3batch_handler.engine.invoke._events import EventTemplate
    from s3batch_handler.engine.invoke._invoker import (
        Answers,
        Entries,
        LineAnswers,
        RunningCall,
        Stop,
    )
    from s3batch_handler.engine.invoke._log_tail import Log
    from s3batch_handler.engine.invoke._task_queue import Tasks
    from s3batch_handler.engine.invoke._worker_batches import AnsweredPart


class WorkerPool:
    """Calls a function in worker processes. An :class:`Invoker`.

    A worker starts when there is an entry for it. If a call reaches the timeout, its worker is
    killed. If a worker ends, only its running task fails, and another worker replaces it.

    Args:
        spec: The function, as :func:`~._function_loader.load_function` accepts it.
        workers: The maximum number of workers; by default one for each processor.
        timeout: Seconds that a call may take.
        init_timeout: Seconds that loading the function may take.
        grace: Seconds that running tasks have to end when the job is stopped.
        variables: Environment variables for the function, in addition to those of this process.
        log: Where the standard output and standard error of the function are written. Default:
            standard error, because the program that runs the job uses standard output.
    """

    def __init__(
        self,
        spec: str,
        *,
        workers: int | None = None,
        timeout: float = DEFAULT_TIMEOUT,
        init_timeout: float = 60.0,
        grace: float = 2.0,
        variables: Mapping[str, str] | None = None,
        log: Log | None = None,
    ) -> None:
        self._log = _STDERR if log is None else log.fileno()
        self._spec = spec
        self._limit = workers or os.cpu_count() or 1
        self._timeout = timeout
        self._init_timeout = init_timeout
        self._grace = grace
        place, _ = split_spec(spec)
        name = Path(place).stem if place.endswith(".py") else place
        self._variables = lambda_variables(name, {**os.environ, **(variables or {})})
        self._workers: list[WorkerProcess] = []
        self._starts = count(1)
        self._failed_starts = 0
        self._has_started = False

    @property
    def workers(self) -> int:
        """The number of worker processes."""
        return len(self._workers)

    def invoke_all(self, template: EventTemplate, entries: Entries, /, *, stop: Stop) -> Answers:
        """Call the function for all entries: see :meth:`Invoker.invoke_all`.

        Raises:
            InvalidFunction: The function cannot be loaded.
        """
        return cast("Answers", self.invoke_lines(template, entries, stop=stop))

    def invoke_lines(
        self, template: EventTemplate, tasks: Iterable[PlainLines | ManifestEntry], *, stop: Stop
    ) -> Iterator[LineAnswers]:
        """Call the function for plain lines and entries: see :meth:`LinesInvoker.invoke_lines`.

        Raises:
            InvalidFunction: The function cannot be loaded.
        """
        queue = TaskQueue(tasks)
        try:
            while not stop():
                self._send_batches(template, queue)
                self._start_workers(queue)
                if not self._busy and not queue.has(1):
                    return
                for worker in self._wait():
                    yield from self._answers(worker, queue)
        except Exception:  # a worker cannot be replaced, or an entry cannot be read
            yield from self._stop(queue)
            raise
        yield from self._stop(queue)

    def running(self) -> list[RunningCall]:
        """Return what each worker process does now. Any thread may call this at any time."""
        return [running_call(worker.name, worker.batches.running) for worker in list(self._workers)]

    def load(self) -> None:
        """Load the function in a worker, without calling it.

        Raises:
            InvalidFunction: The function cannot be loaded.
        """
        queue = TaskQueue([ManifestEntry("", "", None)])  # no worker gets it
        while not self._has_started:
            self._start_workers(queue)
            for worker in self._wait():
                list(self._answers(worker, queue))

    def close(self) -> None:
        """End all workers. Idle workers have time to clean up, the others are killed."""
        workers, self._workers = self._workers, []
        for worker in workers:
            worker.close_input()
        deadline = time.monotonic() + self._grace
        for worker in workers:
            worker.end(deadline if worker.ready and not worker.batches.task_count else 0)

    # -------------------------------------------------------- send tasks

    def _send_batches(self, template: EventTemplate, queue: TaskQueue) -> None:
        """Send tasks to all workers that have none left soon."""
        for worker in self._workers:
            if not worker.wants_work:
                continue
            batches = worker.batches
            if tasks := queue.take(batches.size, is_idle=not batches.task_count):
                worker.send_batch(template, tasks)

    def _start_workers(self, queue: TaskQueue) -> None:
        """Start workers for the tasks that no worker has."""
        idle = len(self._workers) - len(self._busy)
        starting = sum(not worker.ready for worker in self._workers)
        limit = min(self._limit, len(self._workers) + _MAX_STARTING - starting)
        while len(self._workers) < limit and queue.has(idle + 1):
            try:
                worker = WorkerProcess(self._variables, self._log, name=str(next(self._starts)))
            except OSError as error:
                self._continue_with_fewer(error)
                return
            worker.load(self._spec, self._timeout)
            self._workers.append(worker)
            idle += 1

    def _continue_with_fewer(self, error: OSError) -> None:
        """Limit the pool to its workers, because the system cannot start another process."""
        if not self._workers:
            raise InvalidFunction(
                f"cannot start a worker process for {self._spec}: {error.strerror}"
            ) from error
        requested, self._limit = self._limit, len(self._workers)
        _LOG.warning(
            "the job continues with %d of %d workers: %s", self._limit, requested, error.strerror
        )

    @property
    def _busy(self) -> list[WorkerProcess]:
        return [worker for worker in self._workers if worker.batches.task_count]

    # -------------------------------------------------------- receive answers

    def _wait(self) -> list[WorkerProcess]:
        """Wait, and return the workers to look at: for results, after a pause, or a timeout."""
        wake_times = [self._wake_time(worker) for worker in self._workers]
        poll = select.poll()
        for worker in self._workers:
            poll.register(worker.results, select.POLLIN)
            if worker.unsent:
                poll.register(worker.input, select.POLLOUT)
        # At most a tick, because stop() may return true in the meantime.
        wake = min(wake_times, default=math.inf)
        seconds = max(0.0, min(wake - time.monotonic(), _TICK))
        ready = {file for file, _ in poll.poll(math.ceil(seconds * 1000))}
        now = time.monotonic()
        for worker in self._workers:
            if worker.input in ready:
                worker.flush()
        return [
            worker
            for worker, wake in zip(self._workers, wake_times, strict=True)
            if worker.results in ready or wake <= now
        ]

    def _wake_time(self, worker: WorkerProcess) -> float:
        return min(worker.batches.next_look, self._deadline(worker))

    def _deadline(self, worker: WorkerProcess) -> float:
        if not worker.ready:
            return worker.loading_since + self._init_timeout
        return worker.batches.since + self._timeout if worker.batches.task_count else math.inf

    def _answers(self, worker: WorkerProcess, queue: TaskQueue) -> Iterator[LineAnswers]:
        """Yield the answers of a worker. Remove the worker if it has ended or reached a timeout."""
        yield from self._receive(worker, queue)
        is_late = (
            self._deadline(worker) <= time.monotonic()
            and not worker.ended
            and not worker.batches.has_progressed()
        )
        has_failed = True
        if is_late:
            answered = worker.batches.answered
            worker.kill()
            yield from self._receive(worker, queue)
            has_failed = (
                worker.batches.answered == answered
            )  # or else it answered at the last moment
        if worker.ended:
            self._workers.remove(worker)
            returncode = worker.end(0)
            if not worker.ready:
                self._check_start(is_late=is_late, returncode=returncode)
            left = worker.batches.remove()
            if worker.is_damaged and sum(map(len, left)) > 1:
                queue.put_back_suspicious(left)
                return
            if left and has_failed:
                request_id = request_id_of(worker.environment_id, worker.batches.answered + 1)
                late = timed_out(self._timeout, request_id)
                ended = process_ended(returncode, request_id)
                answer = late if is_late else ended  # Lambda bills such a call, too
                seconds = time.monotonic() - worker.batches.since
                yield from _answers_of(part_of(left[0], 0, 1), answer, seconds)
                left[0] = part_of(left[0], 1)
            queue.put_back(left)

    def _receive(self, worker: WorkerProcess, queue: TaskQueue) -> Iterator[LineAnswers]:
        parts = worker.receive()
        if worker.ready:
            self._has_started = True
            self._failed_starts = 0
        if worker.load_error is not None:
            raise InvalidFunction(worker.load_error)
        queue.put_back(worker.batches.returned)
        worker.batches.returned.clear()
        for part in parts:
            yield from _separated(part)

    def _check_start(self, *, is_late: bool, returncode: int) -> None:
        """Raise InvalidFunction if the first worker could not start, or three in a row.

        A signal, such as that of a system without memory, need not have to do with the function.
        """
        self._failed_starts += 1
        was_killed = returncode < 0 and not is_late
        if (self._has_started or was_killed) and self._failed_starts < _MAX_FAILED_STARTS:
            return
        if is_late:
            problem = f"{self._spec} was not loaded within {self._init_timeout:g} seconds"
        else:
            problem = f"the process ended while it loaded {self._spec} ({exit_reason(returncode)})"
        raise InvalidFunction(problem)

    # -------------------------------------------------------- stop

    def _stop(self, queue: TaskQueue) -> Iterator[LineAnswers]:
        """Wait for the running tasks, and end the workers. Yield all entries that were read."""
        for worker in self._workers:
            worker.batches.stop()
        deadline = time.monotonic() + self._grace
        while self._busy and time.monotonic() < deadline:
            for worker in self._wait():
                yield from self._answers(worker, queue)
        for worker in self._busy:
            worker.kill()
            yield from self._receive(worker, queue)  # also answers of the last moment
            queue.put_back(worker.batches.remove())
        self.close()
        for tasks in queue.rest():
            yield from _answers_of(tasks, NotRun(), None)


def _separated(part: AnsweredPart) -> Iterator[LineAnswers]:
    """Yield the answers to entries one by one, and the successes of plain lines together."""
    tasks, cells, others, microseconds = part
    if not isinstance(tasks, PlainLines):
        for index, (entry, duration) in enumerate(zip(tasks, microseconds, strict=True)):
            answer = others[index] if index in others else success_of(cells[index])
            yield entry, answer, duration / 1e6
        return
    if not others:
        yield AnsweredLines(tasks, cells, microseconds)
        return
    start = 0
    for index, answer in others.items():
        if start < index:
            yield _succeeded(part, tasks, start, index)
        yield tasks.part(index, index + 1), answer, microseconds[index] / 1e6
        start = index + 1
    if start < len(cells):
        yield _succeeded(part, tasks, start, len(cells))


def _succeeded(part: AnsweredPart, lines: PlainLines, start: int, stop: int) -> AnsweredLines:
    cells, microseconds = part.cells[start:stop], part.microseconds[start:stop]
    return AnsweredLines(lines.part(start, stop), cells, microseconds)


def _answers_of(tasks: Tasks, answer: Answer, seconds: float | None) -> Iterator[LineAnswers]:
    """Yield the same answer to plain lines together, or to each of some entries."""
    if isinstance(tasks, PlainLines):
        yield tasks, answer, seconds
    else:
        for entry in tasks:
            yield entry, answer, seconds


_STDERR: Final = 2
_LOG: Final = logging.getLogger("s3batch_handler.engine")
_TICK: Final = 0.1  # seconds
_MAX_FAILED_STARTS: Final = 3
# If hundreds started at the same time, the first would not be ready before the last.
_MAX_STARTING: Final = max(8, os.cpu_count() or 1)
