"""Call a function in worker processes that run at the same time and are replaced when they end."""

from __future__ import annotations

import logging
import math
import os
import select
import time
from collections import deque
from itertools import count, islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

from s3batch_handler.core._defaults import DEFAULT_TIMEOUT
from s3batch_handler.core._errors import InvalidFunction
from s3batch_handler.documents.manifests._manifest import ManifestEntry
from s3batch_handler.engine.invoke._answer import NotRun, from_texts
from s3batch_handler.engine.invoke._function_errors import exit_reason, process_ended, timed_out
from s3batch_handler.engine.invoke._function_loader import split_spec
from s3batch_handler.engine.invoke._invoker import running_call
from s3batch_handler.engine.invoke._lambda_environment import lambda_variables, request_id_of
from s3batch_handler.engine.invoke._worker_main import LOAD_ERROR, NOT_STARTED, READY
from s3batch_handler.engine.invoke._worker_process import WorkerProcess

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from s3batch_handler.engine.invoke._answer import Answer
    from s3batch_handler.engine.invoke._events import EventTemplate
    from s3batch_handler.engine.invoke._invoker import Answers, Entries, RunningCall, Stop
    from s3batch_handler.engine.invoke._log_tail import Log


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
        queue = _Queue(entries)
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
        return [running_call(worker.name, worker.running) for worker in list(self._workers)]

    def load(self) -> None:
        """Load the function in a worker, without calling it.

        Raises:
            InvalidFunction: The function cannot be loaded.
        """
        queue = _Queue([ManifestEntry("", "", None)])  # no worker gets it
        while not self._has_started:
            self._start_workers(queue)
            for worker in self._wait():
                list(self._answers(worker, queue))

    def close(self) -> None:
        """End all workers. Idle workers have time to clean up, the others are killed."""
        workers, self._workers = self._workers, []
        for worker in workers:
            worker.close_batches()
        deadline = time.monotonic() + self._grace
        for worker in workers:
            worker.end(deadline if worker.ready and not worker.tasks else 0)

    # -------------------------------------------------------- send tasks

    def _send_batches(self, template: EventTemplate, queue: _Queue) -> None:
        """Send tasks to all workers that have none left soon."""
        for worker in self._workers:
            if worker.wants_work and (tasks := queue.take(worker.batch_size)):
                worker.send_batch(template, tasks)

    def _start_workers(self, queue: _Queue) -> None:
        """Start workers for the tasks that no worker has."""
        idle = len(self._workers) - len(self._busy)
        starting = sum(not worker.ready for worker in self._workers)
        limit = min(self._limit, len(self._workers) + _MAX_STARTING - starting)
        while len(self._workers) < limit and queue.has(idle + 1):
            try:
                self._workers.append(
                    WorkerProcess(
                        *(self._spec, self._timeout, self._variables, self._log),
                        name=str(next(self._starts)),
                    )
                )
            except OSError as error:
                self._continue_with_fewer(error)
                return
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
        return [worker for worker in self._workers if worker.tasks]

    # -------------------------------------------------------- receive answers

    def _wait(self) -> list[WorkerProcess]:
        """Wait, and return the workers that have sent results or have reached a timeout."""
        if any(worker.batch_size >= _LARGE_BATCH for worker in self._workers):
            # Results arrive every few microseconds. Waking up for each would cost more than the
            # results, and every worker has enough tasks for this pause.
            time.sleep(_PAUSE)
        deadline = min(map(self._deadline, self._workers), default=math.inf)
        poll = select.poll()
        for worker in self._workers:
            poll.register(worker.results, select.POLLIN)
            if worker.unsent:
                poll.register(worker.batches, select.POLLOUT)
        # At most a tick, because stop() may return true in the meantime.
        seconds = max(0.0, min(deadline - time.monotonic(), _TICK))
        ready = {file for file, _ in poll.poll(math.ceil(seconds * 1000))}
        now = time.monotonic()
        for worker in self._workers:
            if worker.batches in ready:
                worker.flush()
        return [
            worker
            for worker in self._workers
            if worker.results in ready or self._deadline(worker) <= now
        ]

    def _deadline(self, worker: WorkerProcess) -> float:
        if not worker.ready:
            return worker.since + self._init_timeout
        return worker.since + self._timeout if worker.tasks else math.inf

    def _answers(self, worker: WorkerProcess, queue: _Queue) -> Answers:
        """Yield the answers of a worker. Remove the worker if it has ended or reached a timeout."""
        yield from self._receive(worker, queue)
        is_late = self._deadline(worker) <= time.monotonic() and not worker.ended
        has_failed = True
        if is_late:
            answered = worker.answered
            worker.kill()
            yield from self._receive(worker, queue)
            has_failed = worker.answered == answered  # or else it answered at the last moment
        if worker.ended:
            self._workers.remove(worker)
            returncode = worker.end(0)
            if not worker.ready:
                self._check_start(is_late=is_late, returncode=returncode)
            elif worker.tasks and has_failed:
                request_id = request_id_of(worker.environment_id, worker.answered + 1)
                late = timed_out(self._timeout, request_id)
                ended = process_ended(returncode, request_id)
                answer = late if is_late else ended  # Lambda bills such a call, too
                yield worker.tasks.popleft(), answer, time.monotonic() - worker.since
            queue.put_back(worker.tasks)

    def _receive(self, worker: WorkerProcess, queue: _Queue) -> Answers:
        latest_kind = latest_text = ""
        answer: Answer | None = None
        for kind, text, microseconds in worker.receive():
            if kind == NOT_STARTED:
                left = min(int(text), len(worker.tasks))  # the function may have written the text
                queue.put_back([worker.tasks.popleft() for _ in range(left)])
            elif kind == READY:
                worker.ready = self._has_started = True
                self._failed_starts = 0
            elif kind == LOAD_ERROR:
                raise InvalidFunction(text)
            elif worker.tasks:
                worker.answered += 1
                # Most answers are like the one before, and creating one takes longer than this.
                if text != latest_text or kind != latest_kind or answer is None:
                    latest_kind, latest_text, answer = kind, text, from_texts(kind, text)
                yield worker.tasks.popleft(), answer, microseconds / 1e6

    def _check_start(self, *, is_late: bool, returncode: int) -> None:
        """Raise InvalidFunction if the first worker could not start, or three in a row."""
        self._failed_starts += 1
        if self._has_started and self._failed_starts < _MAX_FAILED_STARTS:
            return
        if is_late:
            problem = f"{self._spec} was not loaded within {self._init_timeout:g} seconds"
        else:
            problem = f"the process ended while it loaded {self._spec} ({exit_reason(returncode)})"
        raise InvalidFunction(problem)

    # -------------------------------------------------------- stop

    def _stop(self, queue: _Queue) -> Answers:
        """Wait for the running tasks, and end the workers. Yield all entries that were read."""
        for worker in self._workers:
            worker.request_stop()
        deadline = time.monotonic() + self._grace
        while self._busy and time.monotonic() < deadline:
            for worker in self._wait():
                yield from self._answers(worker, queue)
        for worker in self._busy:  # answers that arrived while this process was stopped
            yield from self._answers(worker, queue)
        for worker in self._busy:
            queue.put_back(worker.tasks)
        self.close()
        for entry in queue.returned():
            yield entry, NotRun(), None


_STDERR: Final = 2
_LOG: Final = logging.getLogger("s3batch_handler.engine")
_PAUSE: Final = 0.001  # seconds
_TICK: Final = 0.1
_LARGE_BATCH: Final = 64  # tasks
_MAX_FAILED_STARTS: Final = 3
# If hundreds started at the same time, the first would not be ready before the last.
_MAX_STARTING: Final = max(8, os.cpu_count() or 1)


class _Queue:
    """The tasks that no worker has: those that were returned, then those that were not read yet."""

    def __init__(self, entries: Iterable[ManifestEntry]) -> None:
        self._returned: deque[ManifestEntry] = deque()
        self._entries = iter(entries)

    def has(self, count: int) -> bool:
        """Return whether there are at least ``count`` tasks; read entries if necessary."""
        self._returned.extend(islice(self._entries, max(0, count - len(self._returned))))
        return len(self._returned) >= count

    def take(self, count: int) -> list[ManifestEntry]:
        """Remove and return at most ``count`` tasks."""
        tasks = [self._returned.popleft() for _ in range(min(count, len(self._returned)))]
        tasks.extend(islice(self._entries, count - len(tasks)))
        return tasks

    def put_back(self, tasks: Sequence[ManifestEntry]) -> None:
        """Add tasks in front, in their order."""
        self._returned.extendleft(reversed(tasks))

    def returned(self) -> Iterator[ManifestEntry]:
        """Yield the tasks that were read and not taken."""
        while self._returned:
            yield self._returned.popleft()
