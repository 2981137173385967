"""The tasks of a job that no worker process has."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from s3batch_handler.documents.manifests._plain_lines import PlainLines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from s3batch_handler.documents.manifests._manifest import ManifestEntry

    Tasks = PlainLines | list[ManifestEntry]
    """Tasks that are next to each other, at least one."""


class TaskQueue:
    """Those that were returned, then those that were not read yet.

    Args:
        source: All tasks. They are read when they are needed.
    """

    def __init__(self, source: Iterable[PlainLines | ManifestEntry]) -> None:
        self._source = iter(source)
        self._waiting: deque[Tasks] = deque()
        self._suspicious: deque[Tasks] = deque()

    def has(self, count: int) -> bool:
        """Return whether there are at least ``count`` tasks; read them if necessary."""
        suspicious = sum(map(len, self._suspicious))
        while (found := suspicious + sum(map(len, self._waiting))) < count:
            if not self._read(count - found):
                return False
        return True

    def take(self, count: int, *, is_idle: bool = True) -> Tasks | None:
        """Remove and return at most ``count`` tasks; ``None`` if there are none left.

        Args:
            count: The number of tasks.
            is_idle: Whether the worker has no other task.
        """
        if self._suspicious and is_idle:
            return _first(self._suspicious, 1)
        if not self._waiting and not self._read(count):
            return None
        return _first(self._waiting, count)

    def _read(self, count: int) -> bool:
        """Read plain lines, or at most ``count`` entries; return whether there are any."""
        entries: list[ManifestEntry] = []
        for item in self._source:
            if isinstance(item, PlainLines):
                self._waiting.append(item)
                return True
            if not entries:
                self._waiting.append(entries)
            entries.append(item)
            if len(entries) >= count:
                break
        return bool(entries)

    def put_back(self, parts: Iterable[Tasks]) -> None:
        """Add tasks in front, in their order."""
        self._waiting.extendleft(reversed([tasks for tasks in parts if len(tasks)]))

    def put_back_suspicious(self, parts: Iterable[Tasks]) -> None:
        """Add tasks of which one has damaged its worker. Each is taken alone, to find that one."""
        self._suspicious.extend(parts)

    def rest(self) -> Iterator[Tasks]:
        """Yield the tasks that were read and not taken."""
        for waiting in (self._suspicious, self._waiting):
            while waiting:
                yield waiting.popleft()


def _first(waiting: deque[Tasks], count: int) -> Tasks:
    """Remove and return at most ``count`` tasks from the front."""
    tasks = waiting.popleft()
    if len(tasks) > count:
        waiting.appendleft(part_of(tasks, count))
        tasks = part_of(tasks, 0, count)
    return tasks


def part_of(tasks: Tasks, start: int, stop: int | None = None) -> Tasks:
    """Return some of the tasks."""
    return tasks.part(start, stop) if isinstance(tasks, PlainLines) else tasks[start:stop]
