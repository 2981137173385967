"""The memory that a worker process shares with its parent."""

from __future__ import annotations

import faulthandler
import os
import signal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3batch_handler.engine.invoke._answer_memory import (
    MAX_BATCH,
    MAX_RECORDS,
    Answered,
    AnswerReader,
    AnswerWriter,
    create_memory,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def memory() -> Iterator[tuple[AnswerReader, AnswerWriter]]:
    file = create_memory()
    reader = AnswerReader(file)
    yield reader, AnswerWriter(file)
    reader.close()


Memory = tuple[AnswerReader, AnswerWriter]


@given(batches=st.lists(st.lists(st.binary(max_size=30), max_size=6), max_size=5))
def test_a_batch_has_the_records_that_were_added_to_it(batches: list[list[bytes]]) -> None:
    """The halves take turns, and nothing of an earlier batch is left."""
    reader = AnswerReader(file := create_memory())
    writer = AnswerWriter(file)
    for number, batch in enumerate(batches):
        half = number % 2
        reader.clear(half, limit=len(batch))
        writer.next_batch()
        for microseconds, record in enumerate(batch):
            assert writer.may_start(late=False)
            writer.add(record, microseconds)

        answered = reader.answered(half)
        records, durations = reader.read(half, Answered(), answered)

        assert not writer.may_start(late=False)
        assert answered.number == writer.count == len(batch)
        assert records == b"".join(record + b"\n" for record in batch)
        assert list(durations) == list(range(len(batch)))
    reader.close()


def test_records_are_read_in_parts(memory: Memory) -> None:
    reader, writer = memory
    reader.clear(0, limit=MAX_BATCH)
    writer.next_batch()
    writer.add(b"first", 1)
    first = reader.answered(0)
    for _ in range(MAX_BATCH - 1):
        writer.add(b"other", 2)

    records, durations = reader.read(0, first, reader.answered(0))

    assert records == b"other\n" * (MAX_BATCH - 1)
    assert list(durations) == [2] * (MAX_BATCH - 1)


def test_records_have_room_for_the_longest_answers(memory: Memory) -> None:
    """When the memory is full, the worker returns the rest of its batch."""
    reader, writer = memory
    long = b"x" * (MAX_RECORDS // 4)
    for half in (0, 1):
        reader.clear(half, limit=MAX_BATCH)
        writer.next_batch()
        while writer.may_start(late=False):
            writer.add(long, 0)

        records, _ = reader.read(half, Answered(), reader.answered(half))

        assert records == (long + b"\n") * 4


def test_no_task_starts_beyond_the_limit_of_the_parent(memory: Memory) -> None:
    reader, writer = memory
    reader.clear(0, limit=10)
    writer.next_batch()
    writer.add(b"", 0)

    reader.limit(0, 1)

    assert not writer.may_start(late=False)


def test_a_batch_that_takes_long_ends_after_its_first_task(memory: Memory) -> None:
    """A task that was sent alone starts in any case."""
    reader, writer = memory
    reader.clear(0, limit=10)
    writer.next_batch()

    assert writer.may_start(late=True)
    writer.add(b"", 0)
    assert not writer.may_start(late=True)
    assert writer.may_start(late=False)


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="only Linux keeps memory from forks")
def test_a_forked_process_cannot_add_answers(memory: Memory) -> None:
    """The memory is not in its address space: the function's child processes are not workers."""
    reader, writer = memory
    reader.clear(0, limit=10)
    writer.next_batch()

    child = os.fork()
    if not child:
        faulthandler.disable()  # or else pytest's prints where it ends
        writer.add(b"", 0)
        os._exit(0)
    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == -signal.SIGSEGV
    assert reader.answered(0) == Answered()
