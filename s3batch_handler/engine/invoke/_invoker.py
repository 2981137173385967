"""The interface of all invokers, which call a function for the tasks of a job."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias, runtime_checkable

if TYPE_CHECKING:
    from array import array
    from collections.abc import Callable, Iterable, Iterator

    from s3batch_handler.documents.manifests._manifest import ManifestEntry
    from s3batch_handler.documents.manifests._plain_lines import PlainLines
    from s3batch_handler.engine.invoke._answer import Answer
    from s3batch_handler.engine.invoke._events import EventTemplate

    Entries = Iterable[ManifestEntry]
    Answers = Iterator[tuple[ManifestEntry, Answer, float | None]]
    LineAnswers: TypeAlias = (
        "AnsweredLines | tuple[PlainLines | ManifestEntry, Answer, float | None]"
    )
    Stop = Callable[[], bool]


class AnsweredLines(NamedTuple):
    """Plain lines of a manifest whose tasks have succeeded.

    Attributes:
        lines: The lines.
        cells: The message of each task, as it is a cell of the report.
        microseconds: The duration of each call.
    """

    lines: PlainLines
    cells: list[bytes]
    microseconds: array[int]


class RunningCall(NamedTuple):
    """A worker, and the entry of its running call.

    Attributes:
        worker: The name of the worker, which is unique in its job.
        entry: ``None`` while the worker is idle.
        seconds: How long the call has been running; 0 for an idle worker.
    """

    worker: str
    entry: ManifestEntry | None
    seconds: float


def running_call(worker: str, running: tuple[ManifestEntry, float] | None) -> RunningCall:
    """Return the call of a worker that began at a time of ``time.monotonic``."""
    if running is None:
        return RunningCall(worker, None, 0.0)
    entry, since = running
    return RunningCall(worker, entry, max(0.0, time.monotonic() - since))


class Invoker(Protocol):
    """Calls the function for the tasks of a job."""

    @property
    def workers(self) -> int:
        """The number of calls at the same time."""
        ...

    def invoke_all(self, template: EventTemplate, entries: Entries, /, *, stop: Stop) -> Answers:
        """Call the function once for each entry, and yield the entry with its answer.

        The third value is the duration of the call in seconds; ``None`` if no call has ended.
        Entries are read when they are needed, in the thread of the caller. The same objects are
        yielded, in any order: callers recognize them. When ``stop()`` returns true, no further task
        starts: entries that were read before get :class:`NotRun`.
        """
        ...

    def running(self) -> list[RunningCall]:
        """Return what each worker does now. Any thread may call this at any time."""
        ...

    def close(self) -> None:
        """End the calls that still run."""
        ...


@runtime_checkable
class LinesInvoker(Invoker, Protocol):
    """An invoker that takes lines of a manifest as they are, which is many times as fast."""

    def invoke_lines(
        self, template: EventTemplate, tasks: Iterable[PlainLines | ManifestEntry], *, stop: Stop
    ) -> Iterator[LineAnswers]:
        """Call the function for each line and each entry, as :meth:`Invoker.invoke_all` does.

        Plain lines are yielded in parts: those that have succeeded as :class:`AnsweredLines`, each
        other line with its answer, and those that have not run together with :class:`NotRun`.
        """
        ...
