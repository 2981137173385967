"""The batches of tasks that a worker process has, and the answers to them, in its parent."""

from __future__ import annotations

import math
import time
from array import array
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from s3batch_handler.documents.manifests._plain_lines import PlainLines
from s3batch_handler.engine.invoke._answer_memory import (
    LOOK_SECONDS,
    MAX_BATCH,
    MAX_RECORDS,
    Answered,
)
from s3batch_handler.engine.invoke._answer_records import InvalidRecord, read_records
from s3batch_handler.engine.invoke._task_queue import part_of
from s3batch_handler.engine.invoke._worker_main import BATCH_SECONDS

if TYPE_CHECKING:
    from s3batch_handler.documents.manifests._manifest import ManifestEntry
    from s3batch_handler.engine.invoke._answer import Answer
    from s3batch_handler.engine.invoke._answer_memory import AnswerReader
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
        limit: The number of tasks that the worker may start now.
        read: What was read from the memory.
        seen: What was in the memory at the latest look.
        since: When it was sent.
    """

    half: int
    tasks: Tasks
    limit: int
    read: Answered
    seen: Answered
    since: float

    def may_end(self, answered: Answered) -> bool:
        """Return whether the worker may end the batch after so many answers.

        A function that writes the message of a worker could run forever.
        """
        if answered.number >= self.limit or answered.size >= MAX_RECORDS:
            return True
        return answered.number > 0 and time.monotonic() - self.since >= BATCH_SECONDS


class WorkerBatches:
    """The batches of one worker, at most two. The worker runs the first one.

    Methods that read the memory raise :class:`InvalidRecord` if the function has written to it.

    Args:
        memory: The memory for the answers.

    Attributes:
        size: The number of tasks that the next batch should have.
        answered: The number of tasks that the worker has answered.
        returned: Tasks that it had and will not start, for the caller to take.
        since: The latest time at which the running task may have begun.
        next_look: When the caller has to look at the answers; infinity without a batch.
    """

    def __init__(self, memory: AnswerReader) -> None:
        self._memory = memory
        self._batches: deque[_Batch] = deque()
        self._half = 1
        self.size = 1
        self.answered = 0
        self.returned: list[Tasks] = []
        self.since = self._busy_since = self._batch_since = time.monotonic()
        self.next_look = math.inf
        self._progress = 0  # answers of the first batch, when this was last checked
        self._reported = 0  # microseconds of the calls since _busy_since, as the worker says

    @property
    def task_count(self) -> int:
        """The number of tasks whose answers were not read."""
        return sum(len(batch.tasks) - batch.read.number for batch in self._batches)

    @property
    def wants_work(self) -> bool:
        """Whether there may be no task left soon. Slow tasks are sent one by one."""
        return len(self._batches) < _MOST and self.task_count * 2 < self.size

    @property
    def running(self) -> tuple[ManifestEntry, float] | None:
        """The running task, and when it began, for any thread; ``None`` if there is no task."""
        for batch in self._batches.copy():
            number, tasks = batch.seen.number, batch.tasks
            if number < len(tasks):
                entry = tasks.entry(number) if isinstance(tasks, PlainLines) else tasks[number]
                return entry, self.since
        return None

    def add(self, tasks: Tasks) -> None:
        """Add a batch, before it is sent."""
        now = time.monotonic()
        if not self._batches:
            self.since = self._busy_since = self._batch_since = now
            self.next_look = now + LOOK_SECONDS
            self._reported = self._progress = 0
        self._half ^= 1
        self._memory.clear(self._half, len(tasks))
        self._batches.append(_Batch(self._half, tasks, len(tasks), Answered(), Answered(), now))

    # -------------------------------------------------------- answers

    def end_first(self, count: int) -> list[AnsweredPart]:
        """Read all answers of the first batch; the worker returns the tasks after ``count``."""
        if not self._batches:
            raise InvalidRecord("no batch")
        batch = self._batches[0]
        answered = self._look(batch)
        if answered.number != count or not batch.may_end(answered):
            raise InvalidRecord("another number of answers")
        parts = self._read(batch, answered)
        self._batches.popleft()
        self._return(batch, count)
        now = time.monotonic()
        if count:
            fitting = int(count * _FITTING * BATCH_SECONDS / max(now - self._batch_since, 1e-6))
            self.size = max(1, min(fitting, 2 * self.size, MAX_BATCH))
        self.since = self._batch_since = now
        self._progress = 0
        self.next_look = now + LOOK_SECONDS if self._batches else math.inf
        return parts

    def look(self) -> list[AnsweredPart]:
        """Check the memory if that is due; read it if the batch does not end in time.

        Only what was already there at the look before is read.
        """
        now = time.monotonic()
        late = now - self.next_look
        if late < 0:
            return []
        if late > _PAUSE:  # a container may be paused: the task did not run either
            self.since += late
        self.next_look = now + LOOK_SECONDS
        batch = self._batches[0]
        is_long = now - self._batch_since >= BATCH_SECONDS
        parts = self._read(batch, batch.seen) if is_long else []
        self._look(batch)
        if not self.has_progressed() and now - self.since >= BATCH_SECONDS and self.task_count > 1:
            self._remove_behind(batch)
        return parts

    def read_rest(self) -> list[AnsweredPart]:
        """Read all answers that are left, after the worker has ended."""
        return [part for batch in self._batches for part in self._read(batch, self._look(batch))]

    def has_progressed(self) -> bool:
        """Return whether a task was answered since the latest check; then another one runs."""
        if not self._batches:
            return False
        number = self._memory.answered(self._batches[0].half).number
        if number == self._progress:
            return False
        self._progress, self.since = number, time.monotonic()
        return True

    def _look(self, batch: _Batch) -> Answered:
        """Return what is answered of a batch, and note it."""
        answered = self._memory.answered(batch.half)
        if not (
            self._memory.is_whole()
            and batch.seen.number <= answered.number <= len(batch.tasks)
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

    # -------------------------------------------------------- tasks that do not start

    def _remove_behind(self, batch: _Batch) -> None:
        """Remove the tasks behind one that takes long, so that idle workers can run them.

        First the worker gets a limit. If the same task is still running at the next look, the
        worker has started no other, and will see the limit before it does.
        """
        # If all tasks of the batch are answered, the worker has not said so yet.
        limits = [min(batch.seen.number + 1, len(batch.tasks)), *[0] * (len(self._batches) - 1)]
        if [each.limit for each in self._batches] != limits:
            for each, limit in zip(self._batches, limits, strict=True):
                each.limit = limit
                self._memory.limit(each.half, limit)
            return
        for each in self._batches:
            self._return(each, each.limit)
        self.size = 1

    def _return(self, batch: _Batch, start: int) -> None:
        """Return the tasks of a batch from one on."""
        self.returned.append(part_of(batch.tasks, start))
        batch.tasks = part_of(batch.tasks, 0, start)

    def stop(self) -> None:
        """Stop after the running task; the worker returns the tasks behind it."""
        for batch in self._batches:
            batch.limit = 0
            self._memory.limit(batch.half, 0)

    def remove(self) -> list[Tasks]:
        """Remove the tasks without an answer, after the worker has ended: the first was running."""
        left = [part_of(batch.tasks, batch.read.number) for batch in self._batches]
        self._batches.clear()
        return [tasks for tasks in left if len(tasks)]


_PAUSE: Final = 1.0  # seconds
_MOST: Final = 2  # the memory has two halves
_FITTING: Final = 0.8  # of the longest batch: the next one may have slower tasks
