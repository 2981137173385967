"""The tasks that no worker process has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3batch_handler.documents.manifests._manifest import ManifestEntry
from s3batch_handler.documents.manifests._plain_lines import PlainLines
from s3batch_handler.engine.invoke._task_queue import TaskQueue, part_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from s3batch_handler.engine.invoke._task_queue import Tasks


def entry(number: int) -> ManifestEntry:
    return ManifestEntry("b", str(number), None)


def numbers_of(tasks: Tasks) -> list[int]:
    if isinstance(tasks, PlainLines):
        return [int(tasks.entry(index).encoded_key) for index in range(len(tasks))]
    return [int(each.encoded_key) for each in tasks]


def source_of(sizes: list[int]) -> list[PlainLines | ManifestEntry]:
    """Return plain lines for each positive size, and one entry for each zero."""
    source: list[PlainLines | ManifestEntry] = []
    number = 0
    for size in sizes:
        if size:
            lines = [f"b,{each}".encode() for each in range(number, number + size)]
            source.append(PlainLines(number, lines))
        else:
            source.append(entry(number))
        number += max(1, size)
    return source


@given(
    sizes=st.lists(st.integers(0, 5), max_size=10),
    steps=st.lists(st.tuples(st.integers(1, 6), st.integers(0, 6)), max_size=40),
)
def test_every_task_is_taken_in_order_whatever_was_returned(
    sizes: list[int], steps: list[tuple[int, int]]
) -> None:
    """A part of what was taken is put back; then it comes next."""
    queue = TaskQueue(source_of(sizes))
    taken: list[int] = []
    for count, kept in [*steps, *[(3, 3)] * 60]:
        tasks = queue.take(count)
        if tasks is not None:
            assert 1 <= len(tasks) <= count
            taken += numbers_of(part_of(tasks, 0, kept))
            queue.put_back([part_of(tasks, kept)])

    assert taken == list(range(sum(max(1, size) for size in sizes)))
    assert not queue.has(1)


def test_suspicious_tasks_are_taken_one_by_one_by_idle_workers() -> None:
    """Other workers get other tasks meanwhile."""
    queue = TaskQueue(source_of([3, 5]))
    first = queue.take(3)
    assert first is not None

    queue.put_back_suspicious([first])

    assert queue.has(8)
    assert not queue.has(9)
    taken = [queue.take(2), queue.take(2, is_idle=False), *(queue.take(9) for _ in range(2))]
    assert [numbers_of(tasks) for tasks in taken if tasks] == [[0], [3, 4], [1], [2]]
    assert [numbers_of(tasks) for tasks in queue.rest()] == [[5, 6, 7]]


def test_suspicious_tasks_are_returned_when_a_job_stops() -> None:
    queue = TaskQueue(source_of([3]))
    first = queue.take(3)
    assert first is not None

    queue.put_back_suspicious([first])

    assert [numbers_of(tasks) for tasks in queue.rest()] == [[0, 1, 2]]


def test_entries_are_read_when_they_are_needed() -> None:
    read: list[int] = []

    def entries() -> Iterator[ManifestEntry]:
        for number in range(100):
            read.append(number)
            yield entry(number)

    queue = TaskQueue(entries())

    assert queue.has(3)
    assert len(read) == 3
    queue.take(2)
    queue.take(5)
    assert len(read) <= 8


def test_entries_before_one_that_cannot_be_read_are_not_lost() -> None:
    """The job can report them as not run."""

    def entries() -> Iterator[ManifestEntry]:
        yield entry(0)
        yield entry(1)
        raise ValueError("line 3")

    queue = TaskQueue(entries())
    with pytest.raises(ValueError, match="line 3"):
        queue.take(10)

    assert [numbers_of(tasks) for tasks in queue.rest()] == [[0, 1]]
