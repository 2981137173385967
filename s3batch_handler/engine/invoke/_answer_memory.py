"""Memory that a worker process shares with its parent, for the answers to its tasks.

It survives the worker. So even if the worker is killed, its parent knows which tasks are answered,
which one was running and which had not started, and no task needs a system call for that.

A worker has at most two batches, and each has one half of the memory, in turn. A half contains:

==========  =======================================================================
part        content
==========  =======================================================================
answered    one word of 64 bits: the number of answered tasks and of bytes of records
limit       one word: the tasks from this number on must not start; the parent writes it
durations   the microseconds of each call, 64 bits each
records     a record for each answered task, in the order of the tasks
==========  =======================================================================

A record is written before the word that counts it. Processors may show this to another process in
reverse order, but not for as long as two :data:`LOOK_SECONDS`, nor across the write to a pipe. So
the parent reads at once what a message on the results pipe announces, and otherwise only what it
has already seen one look before.
"""

from __future__ import annotations

import mmap
import os
import sys
from array import array
from typing import Final, NamedTuple

MAX_BATCH: Final = 2_000
"""The most tasks of a batch."""

LOOK_SECONDS: Final = 0.05
"""How often the parent looks at the memory of a worker that works."""


def create_memory() -> int:
    """Create the memory of a worker and return its file descriptor.

    Raises:
        OSError: The system cannot create it.
    """
    if hasattr(os, "memfd_create"):  # Linux
        file = os.memfd_create("s3batch-answers")
    else:
        import tempfile  # a slow import, which Linux does not need

        with tempfile.TemporaryFile() as temporary:
            file = os.dup(temporary.fileno())
    try:
        os.ftruncate(file, _SIZE)
    except BaseException:
        os.close(file)
        raise
    return file


_PAGE: Final = mmap.ALLOCATIONGRANULARITY
_DURATIONS: Final = tuple(half * MAX_BATCH for half in (0, 1))  # in words
_RECORDS: Final = tuple((half + 1) << 26 for half in (0, 1))  # the file has holes between its parts
_MAPPED: Final = 1 << 20  # bytes of the records of a half: most batches have less
_SIZE: Final = _RECORDS[-1] + _MAPPED
MAX_RECORDS: Final = 16 << 20
"""The most bytes of records in a half, unless a single one is longer."""


class AnswerWriter:
    """The memory in the worker.

    Args:
        file: The file descriptor of the memory.

    Attributes:
        count: The number of answered tasks of the current batch.
    """

    def __init__(self, file: int) -> None:
        self._file = file
        words = _map(file, _PAGE, 0)
        durations = _map(file, _DURATION_BYTES, _PAGE)
        self._words = memoryview(words).cast("Q")
        self._durations = memoryview(durations).cast("Q")
        self._maps = [_map(file, _MAPPED, offset) for offset in _RECORDS]
        self._half = 1
        self.count = self._size = 0

    def next_batch(self) -> None:
        """Begin a batch, in the other half."""
        self._half ^= 1
        self.count = self._size = 0

    def may_start(self, *, late: bool) -> bool:
        """Return whether the next task may start; ``late``: only if it is the first one."""
        count = self.count
        if late and count:
            return False
        return self._words[2 + self._half] > count and self._size < MAX_RECORDS

    def add(self, record: bytes, microseconds: int) -> None:
        """Add the record of the next task. It has no line break at its end."""
        start = self._size
        end = start + len(record) + 1
        if end <= _MAPPED:
            self._maps[self._half][start:end] = record + b"\n"
        else:
            _write_all(self._file, record + b"\n", _RECORDS[self._half] + start)
        self._durations[_DURATIONS[self._half] + self.count] = microseconds
        self.count += 1
        self._size = end
        self._words[self._half] = self.count << 32 | end  # last: now the answer counts


_DURATION_BYTES: Final = -(-2 * MAX_BATCH * 8 // _PAGE) * _PAGE


def _map(file: int, size: int, offset: int) -> mmap.mmap:
    mapped = mmap.mmap(file, size, offset=offset)
    if hasattr(mmap, "MADV_DONTFORK"):  # the processes that the function forks have no answers
        mapped.madvise(mmap.MADV_DONTFORK)
    return mapped


def _write_all(file: int, data: bytes, offset: int) -> None:
    while data:
        written = os.pwrite(file, data, offset)
        data, offset = data[written:], offset + written


class Answered(NamedTuple):
    """How much of a batch is answered.

    Attributes:
        number: The number of tasks.
        size: The number of bytes of their records.
    """

    number: int = 0
    size: int = 0


class AnswerReader:
    """The memory in the parent.

    It is read like a file: if the function has truncated a file that is mapped, reading the map
    would end the process.

    Args:
        file: The file descriptor of the memory; :meth:`close` closes it.
    """

    def __init__(self, file: int) -> None:
        self._file = file

    def clear(self, half: int, limit: int) -> None:
        """Prepare a half for a batch with ``limit`` tasks, before it is sent."""
        self._write(half, 0)
        self.limit(half, limit)

    def limit(self, half: int, tasks: int) -> None:
        """Limit the tasks of a batch that the worker may start to the first ones."""
        self._write(2 + half, tasks)

    def _write(self, word: int, value: int) -> None:
        os.pwrite(self._file, value.to_bytes(8, sys.byteorder), 8 * word)

    def is_whole(self) -> bool:
        """Return whether the function has not truncated the memory."""
        return os.fstat(self._file).st_size >= _SIZE

    def answered(self, half: int) -> Answered:
        """Return how much of a batch is answered. The function may have written this."""
        word = int.from_bytes(os.pread(self._file, 8, 8 * half), sys.byteorder)
        return Answered(word >> 32, word & 0xFFFF_FFFF)

    def read(self, half: int, start: Answered, end: Answered) -> tuple[bytes, array[int]]:
        """Return the records between two looks, each with a line break, and the microseconds.

        Raises:
            ValueError: There are fewer.
        """
        first = _PAGE + 8 * (_DURATIONS[half] + start.number)
        records = os.pread(self._file, end.size - start.size, _RECORDS[half] + start.size)
        durations = array("Q", os.pread(self._file, 8 * (end.number - start.number), first))
        if len(durations) != end.number - start.number:
            raise ValueError("the memory has less than its words say")
        return records, durations

    def close(self) -> None:
        """Release the memory."""
        os.close(self._file)
