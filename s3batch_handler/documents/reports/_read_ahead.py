"""Read the next files of a report in S3 while the rows of the first one are used."""

from __future__ import annotations

import io
from collections import deque
from itertools import islice
from queue import Full, Queue
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, Final, TypeVar

from s3batch_handler.core._typing import override
from s3batch_handler.documents.reports._results_file import FILES_AT_A_TIME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager

    from typing_extensions import Buffer

    from s3batch_handler.documents.files._hashing import HashingReader
    from s3batch_handler.documents.reports._results_file import ResultsFile

_RowT = TypeVar("_RowT")


def read_ahead(
    files: Iterable[ResultsFile], read: Callable[..., Iterator[_RowT]]
) -> Iterator[_RowT]:
    """Yield the rows of files, in order; read up to four files at a time, in bounded memory.

    Raises:
        ReportError: As for :meth:`ResultsFile.read`, when the rows of the file are reached.
    """
    waiting = iter(files)
    started: deque[tuple[ResultsFile, _AheadReader]] = deque()
    try:
        while True:
            for file in islice(waiting, FILES_AT_A_TIME - len(started)):
                started.append((file, _AheadReader(file.open)))
            if not started:
                return
            file, reader = started[0]
            location, source = reader.opened()
            yield from file.rows_of(location, reader, read)
            file.check_md5(location, source)
            started.popleft()[1].close()
    finally:
        for _, reader in started:
            reader.close()


_CHUNK_SIZE: Final = 1 << 20
_CHUNKS: Final = 8  # of each file


class _AheadReader(io.RawIOBase):
    """Reads what a thread has read ahead.

    Args:
        open_file: Opens the file, in the thread. Its errors are raised to the reader.
    """

    def __init__(
        self, open_file: Callable[[], AbstractContextManager[tuple[str, HashingReader]]]
    ) -> None:
        super().__init__()
        self._open_file = open_file
        self._items: Queue[Any] = Queue(_CHUNKS)
        self._is_closed = Event()
        self._chunk = b""
        self._has_ended = False
        Thread(target=self._read_file, daemon=True).start()

    def opened(self) -> tuple[str, HashingReader]:
        """Return the location of the file and its stream, of which only the MD5 is used here."""
        opened: tuple[str, HashingReader] = self._next_item()
        return opened

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: Buffer, /) -> int:
        if not self._chunk and not self._has_ended:
            self._chunk = self._next_item()
            self._has_ended = not self._chunk
        view = memoryview(buffer)
        count = min(len(view), len(self._chunk))
        view[:count] = self._chunk[:count]
        self._chunk = self._chunk[count:]
        return count

    @override
    def close(self) -> None:
        self._is_closed.set()
        super().close()

    def _next_item(self) -> Any:
        item = self._items.get()
        if isinstance(item, BaseException):
            raise item
        return item

    def _read_file(self) -> None:
        try:
            with self._open_file() as opened:
                self._add(opened)
                while not self._is_closed.is_set():
                    chunk = opened[1].read(_CHUNK_SIZE)
                    self._add(chunk)
                    if not chunk:
                        return
        except BaseException as error:  # raised to the reader
            self._add(error)

    def _add(self, item: object) -> None:
        while not self._is_closed.is_set():
            try:
                self._items.put(item, timeout=_SECONDS_BETWEEN_CHECKS)
            except Full:
                continue
            return


_SECONDS_BETWEEN_CHECKS: Final = 0.1
