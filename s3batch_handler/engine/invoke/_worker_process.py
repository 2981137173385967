"""A worker process, from the side of its parent: its pipes, its batches, its answers, its end."""

from __future__ import annotations

import fcntl
import json
import math
import os
import select
import signal
import subprocess
import sys
import time
from array import array
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from s3batch_handler.documents.manifests._plain_lines import PlainLines
from s3batch_handler.engine.invoke._answer_memory import (
    LOOK_SECONDS,
    MAX_BATCH,
    MAX_RECORDS,
    Answered,
    AnswerReader,
    create_memory,
)
from s3batch_handler.engine.invoke._answer_records import InvalidRecord, read_records
from s3batch_handler.engine.invoke._lambda_environment import new_environment_id
from s3batch_handler.engine.invoke._task_queue import part_of
from s3batch_handler.engine.invoke._worker_main import BATCH_ENDED, BATCH_SECONDS, LOAD_ERROR, READY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from s3batch_handler.documents.manifests._manifest import ManifestEntry
    from s3batch_handler.engine.invoke._answer import Answer
    from s3batch_handler.engine.invoke._events import EventTemplate
    from s3batch_handler.engine.invoke._task_queue import Tasks


class AnsweredPart(NamedTuple):
    """Tasks that were answered one after the other.

    Attributes:
        tasks: The tasks.
        cells: The cell of each success; a value without meaning for another answer.
        others: The other answers, by their index.
        microseconds: The duration of each call.
    """

    tasks: Tasks
    cells: list[bytes]
    others: dict[int, Answer]
    microseconds: array[int]


@dataclass(slots=True)
class _Batch:
    """A batch that was sent to the worker, and has not ended.

    Attributes:
        half: The half of the memory for its answers.
        tasks: The tasks that the worker may start.
        read: What was read from the memory.
        seen: What was in the memory at the latest look.
        limit: The number of tasks that the worker may start now.
    """

    half: int
    tasks: Tasks
    read: Answered
    seen: Answered
    limit: int


class WorkerProcess:
    """A process that loads a function and calls it: see :mod:`._worker_main`.

    Args:
        variables: The environment variables of the process.
        log: The file descriptor for its standard output and standard error.
        name: Its name in its job.

    Raises:
        OSError: The system cannot start another process.

    Attributes:
        environment_id: The ID of its :class:`~._lambda_environment.Environment`.
        ready: Whether it has loaded the function.
        load_error: Why the function cannot be loaded.
        answered: The number of tasks that it has answered.
        since: The latest time at which the running task may have begun, or the process.
        next_look: When the parent has to look at its answers; infinity if it has no task.
        returned: Tasks that it had and will not start, for the caller to take.
        ended: Whether all its answers have been read.
        killed: Whether this process has killed it.
    """

    def __init__(self, variables: Mapping[str, str], log: int, name: str) -> None:
        self.name = name
        self.environment_id = new_environment_id()
        self.ready = self.ended = self.killed = False
        self.load_error: str | None = None
        self.answered = 0
        self.batch_size = 1
        self.returned: list[Tasks] = []
        self.next_look = math.inf
        self.unsent = b""
        self._partial = b""
        self._batches: deque[_Batch] = deque()
        self._half = 1
        self._progress = 0  # answers of the first batch, when this was last checked
        files: list[int] = []
        try:
            for _ in range(3):
                files += os.pipe()
            child_batches, self.batches, self.results, child_results = files[:4]
            child_life, self._life = files[4:]
            files.append(memory := create_memory())
            self._memory = AnswerReader(memory)
            for pipe in (self.batches, self.results):
                os.set_blocking(pipe, False)
            with suppress(AttributeError, OSError):  # Linux; room for a whole batch
                fcntl.fcntl(self.batches, fcntl.F_SETPIPE_SZ, _BATCH_BYTES)
            child_files = (child_batches, child_results, child_life, memory)
            self._process = subprocess.Popen(  # noqa: S603  our own code
                [sys.executable, "-P", "-c", _MAIN, _PACKAGES, *map(str, child_files)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=variables,
                pass_fds=child_files,
                start_new_session=True,  # Ctrl-C does not reach it, and killpg ends its children
            )
        except BaseException:
            for file in files:
                os.close(file)
            raise
        for file in (child_batches, child_results, child_life):
            os.close(file)
        self.since = self._busy_since = self._batch_since = time.monotonic()
        self._reported = 0  # microseconds of all calls since then, as the worker measured them

    def load(self, spec: str, timeout: float) -> None:
        """Request that it loads a function, whose calls may take ``timeout`` seconds."""
        self.since = time.monotonic()
        self._send(_line((spec, timeout, self.environment_id)))

    # -------------------------------------------------------- send tasks

    @property
    def task_count(self) -> int:
        """The number of tasks that it has and has not answered."""
        return sum(len(batch.tasks) - batch.read.number for batch in self._batches)

    @property
    def running(self) -> tuple[ManifestEntry, float] | None:
        """The running task, and when it began, for any thread; ``None`` if it has no task."""
        for batch in self._batches.copy():
            number = batch.seen.number
            if number < len(batch.tasks):
                tasks = batch.tasks
                entry = tasks.entry(number) if isinstance(tasks, PlainLines) else tasks[number]
                return entry, self.since
        return None

    @property
    def wants_work(self) -> bool:
        """Whether it may have no task left soon. Slow tasks are sent one by one."""
        return (
            self.ready
            and not self.ended
            and len(self._batches) < _MAX_BATCHES
            and self.task_count * 2 < self.batch_size
        )

    def send_batch(self, template: EventTemplate, tasks: Tasks) -> None:
        """Send tasks to the worker, after those that it has."""
        if not self._batches:
            now = time.monotonic()
            self.since = self._busy_since = self._batch_since = now
            self.next_look = now + LOOK_SECONDS
            self._reported = self._progress = 0
        self._half ^= 1
        self._memory.clear(self._half, len(tasks))
        self._batches.append(_Batch(self._half, tasks, Answered(), Answered(), len(tasks)))
        if isinstance(tasks, PlainLines):
            data = b"\n".join(tasks.lines)
            self._send(_line((*template, None, len(data))) + data)
        else:
            self._send(_line((*template, tasks, 0)))

    def _send(self, data: bytes) -> None:
        self.unsent += data
        self.flush()

    def flush(self) -> None:
        """Write as much as the pipe accepts. Do not wait: the worker may wait for this process."""
        try:
            while self.unsent:
                self.unsent = self.unsent[os.write(self.batches, self.unsent) :]
        except BlockingIOError:
            pass
        except BrokenPipeError:  # the worker has ended, as its results pipe also shows
            self.unsent = b""

    # -------------------------------------------------------- receive answers

    def receive(self) -> list[AnsweredPart]:
        """Return the answers that have arrived, without waiting."""
        parts: list[AnsweredPart] = []
        try:
            for kind, text in self._messages():
                if kind == BATCH_ENDED:
                    parts += self._end_batch(int(text))
                elif kind == READY:
                    self.ready = True
                elif kind == LOAD_ERROR:
                    self.load_error = text
            if self.ended:
                for batch in self._batches:
                    parts += self._read(batch, self._look(batch))
            elif self._batches and time.monotonic() >= self.next_look:
                parts += self._look_at_running_batch(self._batches[0])
        except (ValueError, TypeError, RecursionError, InvalidRecord):
            # The function has written to the pipe or the memory: nothing there can be trusted.
            self.kill()
            self.ended = True
        return parts

    def _messages(self) -> list[tuple[str, str]]:
        """Return the messages on the results pipe.

        Raises:
            ValueError, TypeError, RecursionError: The function has written to the pipe.
        """
        data = [self._partial]
        try:
            while chunk := os.read(self.results, 1 << 16):
                data.append(chunk)
        except BlockingIOError:
            self.ended = self.killed
        else:
            self.ended = True
        *lines, self._partial = b"".join(data).split(b"\n")
        messages = [(kind, text) for kind, text in map(json.loads, lines)]
        if any(not isinstance(text, str) for message in messages for text in message):
            raise ValueError("not a message of a worker")
        return messages

    def _end_batch(self, count: int) -> list[AnsweredPart]:
        """Read all answers of the first batch; the worker returns the rest of its tasks."""
        if not self._batches:
            raise InvalidRecord("no batch")
        batch = self._batches[0]
        answered = self._look(batch)
        if answered.number != count:
            raise InvalidRecord("another number of answers")
        parts = self._read(batch, answered)
        self._batches.popleft()
        self.returned.append(part_of(batch.tasks, count))
        now = time.monotonic()
        if count:
            fitting = int(count * BATCH_SECONDS / 2 / max(now - self._batch_since, 1e-6))
            self.batch_size = max(1, min(fitting, 2 * self.batch_size, MAX_BATCH))
        self.since = self._batch_since = now
        self._progress = 0
        self.next_look = now + LOOK_SECONDS if self._batches else math.inf
        return parts

    def _look_at_running_batch(self, batch: _Batch) -> list[AnsweredPart]:
        """Check the memory, and read what was already there at the look before."""
        before, now = batch.seen, time.monotonic()
        self.next_look = now + LOOK_SECONDS
        parts = self._read(batch, before)
        self._look(batch)
        if not self.has_progressed() and now - self.since >= BATCH_SECONDS and self.task_count > 1:
            self._take_back(batch)
        return parts

    def has_progressed(self) -> bool:
        """Return whether it has answered a task since the latest check; then another one runs."""
        if not self._batches:
            return False
        count = self._memory.answered(self._batches[0].half).number
        if count == self._progress:
            return False
        self._progress, self.since = count, time.monotonic()
        return True

    def _take_back(self, batch: _Batch) -> None:
        """Remove the tasks after one that takes long from it, so that idle workers can run them.

        First the worker gets a limit. If the same task is still running at the next look, the
        worker has started no other, and will see the limit before it does.
        """
        limit = batch.seen.number + 1
        if batch.limit != limit:
            for each in self._batches:
                each.limit = limit if each is batch else 0
                self._memory.limit(each.half, each.limit)
            return
        for each in self._batches:
            self.returned.append(part_of(each.tasks, each.limit))
            each.tasks = part_of(each.tasks, 0, each.limit)
        self.batch_size = 1

    def _look(self, batch: _Batch) -> Answered:
        """Return what is answered of a batch, and note it.

        Raises:
            InvalidRecord: The function has written to the memory.
        """
        answered = self._memory.answered(batch.half)
        if not (
            batch.seen.number <= answered.number <= len(batch.tasks)
            and batch.seen.size <= answered.size <= 2 * MAX_RECORDS
        ):
            raise InvalidRecord("an impossible number of answers")
        batch.seen = answered
        return answered

    def _read(self, batch: _Batch, end: Answered) -> list[AnsweredPart]:
        """Read the answers of a batch up to an end, at most one part."""
        count = end.number - batch.read.number
        if not count:
            return []
        records, microseconds = self._memory.read(batch.half, batch.read, end)
        cells, others = read_records(records, count)
        tasks = part_of(batch.tasks, batch.read.number, end.number)
        batch.read = end
        self.answered += count
        return [AnsweredPart(tasks, cells, others, self._possible(microseconds))]

    def _possible(self, microseconds: array[int]) -> array[int]:
        """Return the durations of calls, or their average if they are longer than possible.

        The function may have written them.
        """
        elapsed = int((time.monotonic() - self._busy_since) * 1e6)
        total = sum(microseconds)
        if self._reported + total <= elapsed:
            self._reported += total
            return microseconds
        left = max(0, elapsed - self._reported)
        self._reported += left
        return array("Q", [left // len(microseconds)] * len(microseconds))

    # -------------------------------------------------------- end

    def request_stop(self) -> None:
        """Request that it stops after the running task, and returns the other tasks."""
        for batch in self._batches:
            batch.limit = 0
            self._memory.limit(batch.half, 0)

    def close_batches(self) -> None:
        """Close the batches pipe, so that it ends after its tasks."""
        if self.batches >= 0:
            os.close(self.batches)
            self.batches = -1

    def kill(self) -> None:
        """Kill it, with all processes that the function has started."""
        self.killed = True
        # No thread has waited for it, so its ID is still valid. (macOS: no permission for zombies.)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def unanswered(self) -> list[Tasks]:
        """Return the tasks without an answer, after it has ended: the first one was running."""
        left = [part_of(batch.tasks, batch.read.number) for batch in self._batches]
        self._batches.clear()
        return [tasks for tasks in left if len(tasks)]

    def end(self, deadline: float) -> int:
        """Wait until it has ended, kill it at the deadline, and return its exit code."""
        self.close_batches()
        while not self.ended and (seconds := deadline - time.monotonic()) > 0:
            poll = select.poll()
            poll.register(self.results, select.POLLIN)
            poll.poll(math.ceil(seconds * 1000))
            self.receive()
        if not self.killed:
            self.kill()
        for pipe in (self.results, self._life):
            os.close(pipe)
        self._memory.close()
        return self._process.returncode


def _line(value: object) -> bytes:
    return json.dumps(value).encode() + b"\n"


_BATCH_BYTES: Final = 1 << 18
_MAX_BATCHES: Final = 2  # the memory has two halves
_PACKAGES: Final = str(Path(__file__).resolve().parents[3])

# Without -m, the current directory is not on the path, where its modules would hide those that the
# worker needs. The folder of this package comes last; it may already be on the path.
_MAIN: Final = (
    "import sys; sys.path.append(sys.argv[1]); "
    "from s3batch_handler.engine.invoke._worker_main import main; main()"
)
