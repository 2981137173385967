"""The interface of all invokers, which call a function for the tasks of a job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from s3batch_handler.documents.manifests._manifest import ManifestEntry
    from s3batch_handler.engine.invoke._answer import Answer
    from s3batch_handler.engine.invoke._events import EventTemplate

    Entries = Iterable[ManifestEntry]
    Answers = Iterator[tuple[ManifestEntry, Answer]]
    Stop = Callable[[], bool]


class Invoker(Protocol):
    """Calls the function for the tasks of a job."""

    @property
    def workers(self) -> int:
        """The number of calls at the same time."""
        ...

    def invoke_all(self, template: EventTemplate, entries: Entries, /, *, stop: Stop) -> Answers:
        """Call the function once for each entry, and yield the entry with its answer.

        Entries are read when they are needed, in the thread of the caller. The same objects are
        yielded, in any order: callers recognize them. When ``stop()`` returns true, no further task
        starts: entries that were read before get :class:`NotRun`.
        """
        ...

    def close(self) -> None:
        """End the calls that still run."""
        ...
