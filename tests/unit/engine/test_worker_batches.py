"""The batches of a worker, seen from its parent."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from s3batch_handler.documents.manifests._plain_lines import PlainLines
from s3batch_handler.engine.invoke import _worker_batches
from s3batch_handler.engine.invoke._answer_memory import AnswerReader, AnswerWriter, create_memory
from s3batch_handler.engine.invoke._answer_records import InvalidRecord
from s3batch_handler.engine.invoke._worker_batches import WorkerBatches

if TYPE_CHECKING:
    from collections.abc import Iterator


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(_worker_batches, "time", SimpleNamespace(monotonic=clock.monotonic))
    return clock


@pytest.fixture
def writer_and_batches(clock: Clock) -> Iterator[tuple[AnswerWriter, WorkerBatches]]:
    file = create_memory()
    reader = AnswerReader(file)
    yield AnswerWriter(file), WorkerBatches(reader)
    reader.close()


WriterAndBatches = tuple[AnswerWriter, WorkerBatches]


def lines(first: int, count: int) -> PlainLines:
    return PlainLines(first, [b"photos,%d" % number for number in range(first, first + count)])


def look_often(batches: WorkerBatches, clock: Clock) -> int:
    """Return the number of answers that are found in a second."""
    found = 0
    for _ in range(20):
        clock.now += 0.05
        found += sum(len(part.tasks) for part in batches.look())
    return found


def test_the_tasks_behind_a_slow_one_are_returned(
    clock: Clock, writer_and_batches: WriterAndBatches
) -> None:
    """Also those of the second batch."""
    writer, batches = writer_and_batches
    batches.add(lines(0, 5))
    batches.add(lines(5, 2))
    writer.next_batch()
    writer.add(b"done", 1)

    assert look_often(batches, clock) == 1

    assert [len(tasks) for tasks in batches.returned] == [3, 2]
    assert batches.task_count == 1
    assert batches.running is not None
    assert batches.running[0].encoded_key == "1"


def test_a_worker_may_be_late_to_say_that_a_batch_has_ended(
    clock: Clock, writer_and_batches: WriterAndBatches
) -> None:
    """It may be stopped, or wait for memory. The job does not wait for tasks that do not exist."""
    writer, batches = writer_and_batches
    batches.add(lines(0, 3))
    batches.add(lines(3, 2))
    writer.next_batch()
    for _ in range(3):
        writer.add(b"done", 1)

    assert look_often(batches, clock) == 3

    assert [len(tasks) for tasks in batches.returned if len(tasks)] == [2]
    assert batches.task_count == 0
    assert batches.end_first(3) == []
    assert batches.end_first(0) == []
    assert batches.wants_work


def test_the_time_of_a_pause_is_not_that_of_the_running_task(
    clock: Clock, writer_and_batches: WriterAndBatches
) -> None:
    """As while a container is paused."""
    _, batches = writer_and_batches
    batches.add(lines(0, 1))
    look_often(batches, clock)

    clock.now += 7
    batches.look()

    assert clock.now - batches.since == pytest.approx(1, abs=0.1)


def test_tasks_that_were_returned_are_not_started(
    clock: Clock, writer_and_batches: WriterAndBatches
) -> None:
    """Another worker runs them. This one may pause after it has said that a batch has ended."""
    writer, batches = writer_and_batches
    batches.add(lines(0, 2))
    batches.add(lines(2, 5))
    writer.next_batch()
    look_often(batches, clock)
    assert [len(tasks) for tasks in batches.returned] == [1, 5]
    writer.add(b"done", 1)
    batches.end_first(1)

    batches.add(lines(7, 2))
    look_often(batches, clock)

    writer.next_batch()  # the one whose tasks were returned
    assert not writer.may_start(late=False)
    assert batches.end_first(0) == []


@pytest.mark.parametrize(("answers", "seconds"), [(0, 1.0), (1, 0.05)])
def test_a_batch_does_not_end_early(
    clock: Clock, writer_and_batches: WriterAndBatches, answers: int, seconds: float
) -> None:
    """A worker ends it after 0.1 seconds, and not before its first answer."""
    writer, batches = writer_and_batches
    batches.add(lines(0, 5))
    writer.next_batch()
    for _ in range(answers):
        writer.add(b"done", 1)
    clock.now += seconds

    with pytest.raises(InvalidRecord):
        batches.end_first(answers)


def test_a_long_batch_ends_with_the_answers_that_it_has(
    clock: Clock, writer_and_batches: WriterAndBatches
) -> None:
    """The other tasks are returned."""
    writer, batches = writer_and_batches
    batches.add(lines(0, 5))
    writer.next_batch()
    writer.add(b"done", 1)
    clock.now += 0.11

    (part,) = batches.end_first(1)

    assert part.cells == [b"done"]
    assert [len(tasks) for tasks in batches.returned] == [4]
    assert batches.task_count == 0
