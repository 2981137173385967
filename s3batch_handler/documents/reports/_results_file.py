"""The files with the rows of a completion report, and their MD5s."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event
from typing import TYPE_CHECKING, BinaryIO, Final, TypeVar

from s3batch_handler.core._errors import ReportError
from s3batch_handler.documents.files._hashing import HashingReader
from s3batch_handler.documents.files._locations import is_s3_url
from s3batch_handler.documents.reports._rows import DAMAGED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from s3batch_handler.documents.files._folder import Folder
    from s3batch_handler.documents.reports._rows import Layout, TaskStatus

CHUNK_SIZE: Final = 1 << 17
_RowT = TypeVar("_RowT")


@dataclass(frozen=True, slots=True)
class ResultsFile:
    """A file with the rows of tasks that have the same status.

    Attributes:
        md5: The MD5 of the file, as ``manifest.json`` contains it.
        names: Where the file may be in ``folder``.
        index: The location of ``manifest.json``, for errors.
        layout: The columns of its rows; ``None`` for those of AWS.
    """

    status: TaskStatus
    md5: str
    folder: Folder
    names: tuple[str, ...]
    index: str
    layout: Layout | None = None

    def read(self, read: Callable[..., Iterator[_RowT]]) -> Iterator[_RowT]:
        """Yield what ``read`` (such as :func:`read_rows`) reads; check the MD5 at the end.

        Raises:
            ReportError: The file is missing, or has a faulty row or a different MD5.
        """
        with self.open() as (location, source):
            yield from self.rows_of(location, source, read)
            self.check_md5(location, source)

    def rows_of(
        self, location: str, source: io.RawIOBase, read: Callable[..., Iterator[_RowT]]
    ) -> Iterator[_RowT]:
        """Yield what ``read`` reads from the open file."""
        stream = io.BufferedReader(source, CHUNK_SIZE)
        yield from read(stream, self.status, source=location, layout=self.layout)

    def check_md5(self, location: str, source: HashingReader) -> None:
        """Raise a :class:`ReportError` if the file, read to its end, has a different MD5."""
        check_md5(location, source, self.md5)

    @property
    def is_in_s3(self) -> bool:
        return is_s3_url(self.folder.location(self.names[0]))

    @contextmanager
    def open(self) -> Iterator[tuple[str, HashingReader]]:
        """Open the file; the value is its path or URL, and its content.

        Raises:
            ReportError: The file is missing.
        """
        name, stream = self._found(start=0)
        with HashingReader(stream) as source:
            yield self.folder.location(name), source

    def open_from(self, start: int) -> BinaryIO:
        """Open the file at an offset.

        Raises:
            ReportError: The file is missing.
        """
        return self._found(start=start)[1]

    def _found(self, *, start: int) -> tuple[str, BinaryIO]:
        for name in self.names:
            try:
                return name, self.folder.read(name, start=start)
            except (FileNotFoundError, IsADirectoryError):
                continue
            except ValueError as error:  # a name that leads out of the folder
                raise ReportError(f"{self.index}: {error}; {DAMAGED}") from error
        location = self.folder.location(self.names[0])
        raise ReportError(f"{location}: missing, but listed in manifest.json; {DAMAGED}")

    def verify(
        self, *, copy: BinaryIO | None = None, is_cancelled: Callable[[], bool] | None = None
    ) -> None:
        """Check the MD5 of the file, without parsing it; write its content to ``copy``.

        Raises:
            ReportError: The file is missing, or has a different MD5.
        """
        with self.open() as (location, source):
            while chunk := source.read(_LARGE_CHUNK_SIZE):
                if is_cancelled is not None and is_cancelled():
                    return
                if copy is not None:
                    copy.write(chunk)
            self.check_md5(location, source)


def verify_files(files: Sequence[ResultsFile]) -> None:
    """Check the MD5s of files, a few at a time.

    Raises:
        ReportError: A file is missing, or has a different MD5.
    """
    with cancelled_at_exit() as (pool, is_cancelled):
        checks = [pool.submit(file.verify, is_cancelled=is_cancelled) for file in files]
        for check in checks:
            check.result()


@contextmanager
def cancelled_at_exit() -> Iterator[tuple[ThreadPoolExecutor, Callable[[], bool]]]:
    """Create a pool for four files at a time; at the end, what still runs is told to stop."""
    stop = Event()
    with ThreadPoolExecutor(FILES_AT_A_TIME) as pool:
        try:
            yield pool, stop.is_set
        finally:
            stop.set()
            pool.shutdown(cancel_futures=True)


FILES_AT_A_TIME: Final = 4
_LARGE_CHUNK_SIZE: Final = 1 << 20


def check_md5(location: str, source: HashingReader, expected: str) -> None:
    """Raise a :class:`ReportError` if a file that was read to its end has a different MD5."""
    actual = source.md5.hexdigest()
    if actual != expected.lower():
        raise ReportError(
            f"{location}: its MD5 is {actual}, not {expected}: changed or truncated; {DAMAGED}"
        )
