"""Chunks of tasks for Dask workers, and the answers to them, as bytes.

A chunk is one bytes object, because Dask walks through lists and tuples, which takes several times
as long. Both directions have a header of JSON in one line. Answers name their tasks by position in
the chunk, so the driver yields its own objects.
"""

from __future__ import annotations

import json
from array import array
from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING, Any, NamedTuple

from s3batch_handler.documents.manifests._manifest import ManifestEntry
from s3batch_handler.documents.manifests._plain_lines import PlainLines
from s3batch_handler.engine.invoke._answer import NotRun, from_texts, to_texts
from s3batch_handler.engine.invoke._invoker import AnsweredLines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from s3batch_handler.engine.invoke._invoker import LineAnswers
    from s3batch_handler.engine.invoke._task_queue import Tasks


def chunk_to_bytes(items: Sequence[Tasks]) -> bytes:
    """Convert the tasks of a chunk."""
    bodies = [
        b"\n".join(item.lines) if isinstance(item, PlainLines) else json.dumps(item).encode()
        for item in items
    ]
    header = [
        (isinstance(item, PlainLines), len(item), len(body))
        for item, body in zip(items, bodies, strict=True)
    ]
    return b"".join((json.dumps(header).encode(), b"\n", *bodies))


def chunk_from_bytes(data: bytes) -> list[PlainLines | list[ManifestEntry]]:
    """Convert a chunk back. The number of a line is its position in the chunk."""
    header, start = _header(data)
    items: list[PlainLines | list[ManifestEntry]] = []
    position = 0
    for is_plain, count, size in header:
        body = data[start : start + size]
        if is_plain:
            items.append(PlainLines(position, body.split(b"\n")))
        else:
            items.append([ManifestEntry(*each) for each in json.loads(body)])
        start += size
        position += count
    return items


class ChunkAnswers(NamedTuple):
    """The answers to a chunk.

    Attributes:
        answers: As :meth:`LinesInvoker.invoke_lines` yields them.
        seconds: How long the worker took for them.
    """

    answers: Iterator[LineAnswers]
    seconds: float


def answers_to_bytes(
    items: Sequence[Tasks], answers: Iterable[LineAnswers], *, seconds: Any
) -> bytes:
    """Convert the answers to a chunk of :func:`chunk_from_bytes`.

    ``seconds()`` is called when all answers have arrived.
    """
    positions = _positions_of_entries(items)
    parts: list[tuple[Any, ...]] = []
    cells: list[bytes] = []
    microseconds = array("Q")
    for answered in answers:
        if isinstance(answered, AnsweredLines):
            parts.append((answered.lines.first, len(answered.lines)))
            cells += answered.cells
            microseconds += answered.microseconds
            continue
        tasks, answer, duration = answered
        count = len(tasks) if isinstance(tasks, PlainLines) else 1
        first = tasks.first if isinstance(tasks, PlainLines) else positions[id(tasks)]
        if isinstance(answer, NotRun):
            parts.append((first, count, None))
        else:  # a worker pool yields no ServiceError
            texts = to_texts(answer)  # type: ignore[arg-type]
            parts.append((first, count, duration, *texts))
    header = json.dumps({"seconds": seconds(), "parts": parts}).encode()
    return b"".join((header, b"\n", microseconds.tobytes(), b"\n".join(cells)))


def answers_from_bytes(items: Sequence[Tasks], data: bytes) -> ChunkAnswers:
    """Convert the answers to a chunk back, with the tasks that the driver has sent."""
    header, start = _header(data)
    return ChunkAnswers(_answers(items, header["parts"], data, start), header["seconds"])


def _answers(
    items: Sequence[Tasks], parts: list[list[Any]], data: bytes, start: int
) -> Iterator[LineAnswers]:
    starts = [0, *accumulate(map(len, items))]
    microseconds = array("Q")
    size = 8 * sum(part[1] for part in parts if len(part) == _SUCCESSES)
    microseconds.frombytes(data[start : start + size])
    cells = data[start + size :].split(b"\n")
    used = 0
    for first, count, *answer in parts:
        index = bisect_right(starts, first) - 1
        item, offset = items[index], first - starts[index]
        tasks = item.part(offset, offset + count) if isinstance(item, PlainLines) else item[offset]
        if answer:
            duration, *texts = answer
            yield tasks, from_texts(*texts) if texts else NotRun(), duration
        else:
            end = used + count
            assert isinstance(tasks, PlainLines)
            yield AnsweredLines(tasks, cells[used:end], microseconds[used:end])
            used = end


def _header(data: bytes) -> tuple[Any, int]:
    """Return the header, and where the rest begins."""
    end = data.index(b"\n")
    return json.loads(data[:end]), end + 1


def _positions_of_entries(items: Sequence[Tasks]) -> dict[int, int]:
    positions: dict[int, int] = {}
    position = 0
    for item in items:
        if not isinstance(item, PlainLines):
            positions |= {id(entry): position + index for index, entry in enumerate(item)}
        position += len(item)
    return positions


_SUCCESSES = 2  # the length of such a part: first task, number of tasks
