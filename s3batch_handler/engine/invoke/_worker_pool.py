"""Worker processes, kept supplied with tasks: as fast as the machine, whatever a task does."""

from __future__ import annotations

import logging
import math
import os
import select
import time
from collections import deque
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from s3batch_handler.core._errors import InvalidFunction
from s3batch_handler.core._payload import job_to_json
from s3batch_handler.engine.invoke._answer import Answer, FunctionError, NotRun, from_texts
from s3batch_handler.engine.invoke._function_loader import split_spec
from s3batch_handler.engine.invoke._invoker import DEFAULT_TIMEOUT
from s3batch_handler.engine.invoke._lambda_environment import (
    exit_reason,
    exited,
    lambda_variables,
    request_id_of,
    timed_out,
)
from s3batch_handler.engine.invoke._worker_main import READY, REST, UNUSABLE
from s3batch_handler.engine.invoke._worker_process import WorkerProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from s3batch_handler.core._model import JobRef
    from s3batch_handler.documents._manifest import ManifestEntry


class WorkerPool:
    """Calls a function in worker processes, as many at a time as there are workers.

    No process runs before the first entry is there. A worker that does not answer a task in time
    is killed; one that ends, for whatever reason, costs the task it was doing, and is replaced.

    Args:
        spec: The function, as :func:`~._function_loader.load_function` accepts it.
        workers: How many; by default one for each processor.
        timeout: Seconds that a call may take.
        init_timeout: Seconds that loading the function may take.
        grace: Seconds that running tasks get to end in, when the job is stopped.
        env: Environment variables for the function, beside those of this process.
        log: Where the function's output goes, both streams of it; standard error by default, as
            standard output belongs to whoever runs the job.
    """

    def __init__(
        self,
        spec: str,
        *,
        workers: int | None = None,
        timeout: float = DEFAULT_TIMEOUT,
        init_timeout: float = 60.0,
        grace: float = 2.0,
        env: Mapping[str, str] | None = None,
        log: BinaryIO | None = None,
    ) -> None:
        self._log = _STDERR if log is None else log.fileno()
        self._spec = spec
        self._limit = workers or os.cpu_count() or 1
        self._timeout = timeout
        self._init_timeout = init_timeout
        self._grace = grace
        place, _ = split_spec(spec)
        name = Path(place).stem if place.endswith(".py") else place
        self._env = lambda_variables(name, {**os.environ, **(env or {})})
        self._workers: list[WorkerProcess] = []
        self._failed_starts = 0
        self._has_started = False

    def invoke_all(
        self,
        job: JobRef,
        schema_version: str,
        entries: Iterable[ManifestEntry],
        *,
        stop: Callable[[], bool],
    ) -> Iterator[tuple[ManifestEntry, Answer]]:
        """Call the function for all entries: see :meth:`Invoker.invoke_all`.

        Raises:
            InvalidFunction: The function cannot be loaded.
        """
        work = _Work(schema_version, job_to_json(schema_version, job), entries)
        try:
            while not stop():
                self._hand_out(work)
                if not self._busy and not work.has(1):
                    return
                for worker in self._wait():
                    yield from self._answers(worker, work)
        except Exception:  # a worker could not be replaced, or an entry not be read
            yield from self._stop(work)
            raise
        yield from self._stop(work)

    def close(self) -> None:
        """End all workers: those that do nothing may tidy up, the others are killed."""
        workers, self._workers = self._workers, []
        for worker in workers:
            worker.close_inbox()
        tidy_until = time.monotonic() + self._grace
        for worker in workers:
            worker.end(tidy_until if worker.ready and not worker.tasks else 0)

    # -------------------------------------------------------- work out

    def _hand_out(self, work: _Work) -> None:
        """Keep every worker supplied, so that none waits for us; begin more as they are needed."""
        for worker in self._workers:
            if worker.wants_work:
                tasks = work.take(worker.batch_size)
                if not tasks:
                    return
                worker.give((work.schema_version, work.job, [task[:3] for task in tasks]), tasks)
        free = len(self._workers) - len(self._busy)
        starting = sum(not worker.ready for worker in self._workers)
        most = min(self._limit, len(self._workers) + _MOST_STARTING - starting)
        while len(self._workers) < most and work.has(free + 1):
            try:
                self._workers.append(WorkerProcess(self._spec, self._timeout, self._env, self._log))
            except OSError as error:
                self._go_on_with_fewer(error)
                return
            free += 1

    def _go_on_with_fewer(self, error: OSError) -> None:
        """Let those that run do the work, when the system has no room for another one."""
        if not self._workers:
            raise InvalidFunction(
                f"no process can be started for {self._spec}: {error.strerror}"
            ) from error
        asked, self._limit = self._limit, len(self._workers)
        _LOG.warning("%d of %d workers, and no more: %s", self._limit, asked, error.strerror)

    @property
    def _busy(self) -> list[WorkerProcess]:
        return [worker for worker in self._workers if worker.tasks]

    # -------------------------------------------------------- answers in

    def _wait(self) -> list[WorkerProcess]:
        """Wait until workers have something to say, or have been silent for too long."""
        if any(worker.batch_size >= _MANY for worker in self._workers):
            # Results come every few microseconds: being woken for each would cost more than
            # they do. No worker runs dry meanwhile, each has work for much longer.
            time.sleep(_NAP)
        now = time.monotonic()
        deadline = min(map(self._deadline, self._workers), default=math.inf)
        poll = select.poll()
        for worker in self._workers:
            poll.register(worker.results, select.POLLIN)
            if worker.unsent:
                poll.register(worker.inbox, select.POLLOUT)
        # Not for ever: stop() may have become true meanwhile.
        seconds = max(0.0, min(deadline - now, _TICK))
        ready = {file for file, _ in poll.poll(math.ceil(seconds * 1000))}
        now = time.monotonic()
        for worker in self._workers:
            if worker.inbox in ready:
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

    def _answers(
        self, worker: WorkerProcess, work: _Work
    ) -> Iterator[tuple[ManifestEntry, Answer]]:
        """Give what a worker has answered; replace it when it has ended, or has to be."""
        yield from self._receive(worker, work)
        late = self._deadline(worker) <= time.monotonic() and not worker.ended
        guilty = True
        if late:
            running = worker.answered
            worker.kill()
            yield from self._receive(worker, work)
            guilty = worker.answered == running  # or else it answered in the last moment
        if worker.ended:
            self._workers.remove(worker)
            returncode = worker.end(0)
            if not worker.ready:
                self._cannot_start(late=late, returncode=returncode)
            elif worker.tasks and guilty:
                yield worker.tasks.popleft(), self._ending(worker, late=late, code=returncode)
            work.put_back(worker.tasks)

    def _receive(
        self, worker: WorkerProcess, work: _Work
    ) -> Iterator[tuple[ManifestEntry, Answer]]:
        for kind, text in worker.receive():
            if kind == REST:
                count = min(int(text), len(worker.tasks))  # a function may have written this
                work.put_back([worker.tasks.popleft() for _ in range(count)])
            elif kind == READY:
                worker.ready = self._has_started = True
                self._failed_starts = 0
            elif kind == UNUSABLE:
                raise InvalidFunction(text)
            elif worker.tasks:
                worker.answered += 1
                yield worker.tasks.popleft(), from_texts(kind, text)

    def _ending(self, worker: WorkerProcess, *, late: bool, code: int) -> FunctionError:
        request_id = request_id_of(worker.instance, worker.answered + 1)
        return timed_out(self._timeout, request_id) if late else exited(code, request_id)

    def _cannot_start(self, *, late: bool, returncode: int) -> None:
        """Give up when the first start fails, or three in a row do."""
        self._failed_starts += 1
        if self._has_started and self._failed_starts < _MAX_FAILED_STARTS:
            return
        if late:
            raise InvalidFunction(
                f"{self._spec} was not loaded within {self._init_timeout:g} seconds"
            )
        raise InvalidFunction(
            f"the process ended while it loaded {self._spec} ({exit_reason(returncode)})"
        )

    # -------------------------------------------------------- stopping

    def _stop(self, work: _Work) -> Iterator[tuple[ManifestEntry, Answer]]:
        """Let running tasks end, for a while; give back what was not begun."""
        for worker in self._workers:
            worker.ask_to_stop()
        give_up = time.monotonic() + self._grace
        while self._busy and time.monotonic() < give_up:
            for worker in self._wait():
                yield from self._answers(worker, work)
        for worker in self._busy:  # what has come while this process itself was stopped
            yield from self._answers(worker, work)
        for worker in self._busy:
            work.put_back(worker.tasks)
        self.close()
        for entry in work.given_back():
            yield entry, NotRun()


_STDERR: Final = 2
_LOG: Final = logging.getLogger("s3batch_handler.engine")
_NAP: Final = 0.001
_TICK: Final = 0.1
_MANY: Final = 64  # tasks in a batch, in 0.1 s
_MAX_FAILED_STARTS: Final = 3
# Of hundreds that start at once, the first would be ready when the last is.
_MOST_STARTING: Final = max(8, os.cpu_count() or 1)


class _Work:
    """What is left to do: entries that came back, then those not yet taken."""

    def __init__(
        self, schema_version: str, job: dict[str, Any], entries: Iterable[ManifestEntry]
    ) -> None:
        self.schema_version = schema_version
        self.job = job
        self._back: deque[ManifestEntry] = deque()
        self._entries = iter(entries)

    def has(self, count: int) -> bool:
        """Tell whether so many are left; may have to take them to know."""
        self._back.extend(islice(self._entries, max(0, count - len(self._back))))
        return len(self._back) >= count

    def take(self, most: int) -> list[ManifestEntry]:
        tasks = [self._back.popleft() for _ in range(min(most, len(self._back)))]
        tasks.extend(islice(self._entries, most - len(tasks)))
        return tasks

    def put_back(self, tasks: Sequence[ManifestEntry]) -> None:
        self._back.extendleft(reversed(tasks))

    def given_back(self) -> Iterator[ManifestEntry]:
        """Give all that was taken and not done."""
        while self._back:
            yield self._back.popleft()
