"""The end of what the function writes during a run, for its page."""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Final

from s3batch_handler.engine.invoke._log_tail import FileTail
from s3batch_handler.engine.invoke._recorded_log import RecordedLog
from s3batch_handler.engine.invoke._target import runs_in_workers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from s3batch_handler.cli.run._function_log import FunctionLog
    from s3batch_handler.engine.invoke._log_tail import Log, LogTail
    from s3batch_handler.page._document import Log as LogSection


class RunLog:
    """The last lines of the log of a run.

    Args:
        handler: The function.
    """

    def __init__(self, handler: str) -> None:
        self._handler = handler
        self._tail: LogTail | None = None
        self._location: str | None = None

    @contextmanager
    def recorded(self, log: FunctionLog) -> Iterator[Log | None]:
        """Yield where worker processes write, so that the page has the end of it."""
        if not runs_in_workers(self._handler):
            yield log.stream
        elif log.stream is None or log.path is None:
            with closing(RecordedLog(_STDERR)) as recorded:
                self._tail = recorded.tail
                yield recorded
        else:
            self._tail = FileTail(log.path, start=log.start)  # read until the command ends
            self._location = str(log.path)
            yield log.stream

    def section(self) -> LogSection | None:
        """Return what the page shows; ``None`` if the function does not write here."""
        if self._tail is None:
            return None
        return {"lines": self._tail.lines(), "location": self._location}


_STDERR: Final = 2
