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

    def has(self, count: int) -> bool:
        """Return whether there are at least ``count`` tasks; read them if necessary."""
        while (found := sum(map(len, self._waiting))) < count:
            if not self._read(count - found):
                return False
        return True

    def take(self, count: int) -> Tasks | None:
        """Remove and return at most ``count`` tasks; ``None`` if there are none left."""
        if not self._waiting and not self._read(count):
            return None
        tasks = self._waiting.popleft()
        if isinstance(tasks, PlainLines):
            if len(tasks) > count:
                self._waiting.appendleft(tasks.part(count))
                tasks = tasks.part(0, count)
        elif len(tasks) > count:
            self._waiting.appendleft(tasks[count:])
            tasks = tasks[:count]
        return tasks

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

    def returned(self) -> Iterator[Tasks]:
        """Yield the tasks that were read and not taken."""
        while self._waiting:
            yield self._waiting.popleft()


def part_of(tasks: Tasks, start: int, stop: int | None = None) -> Tasks:
    """Return some of the tasks."""
    return tasks.part(start, stop) if isinstance(tasks, PlainLines) else tasks[start:stop]
