"""The files with the rows of a completion report, and their MD5s."""

from __future__ import annotations

import io
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final, TypeVar

from s3batch_handler.core._errors import ReportError
from s3batch_handler.documents._hashing import HashingReader
from s3batch_handler.documents._report_rows import DAMAGED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from s3batch_handler.documents._folder import Folder
    from s3batch_handler.documents._report_rows import Layout, TaskStatus

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
            stream = io.BufferedReader(source, CHUNK_SIZE)
            yield from read(stream, self.status, source=location, layout=self.layout)
            check_md5(location, source, self.md5)

    @contextmanager
    def open(self) -> Iterator[tuple[str, HashingReader]]:
        """Open the file; the value is its path or URL, and its content.

        Raises:
            ReportError: The file is missing.
        """
        for name in self.names:
            try:
                source = HashingReader(self.folder.read(name))
            except (FileNotFoundError, IsADirectoryError):
                continue
            except ValueError as error:  # a name that leads out of the folder
                raise ReportError(f"{self.index}: {error}; {DAMAGED}") from error
            with source:
                yield self.folder.location(name), source
            return
        location = self.folder.location(self.names[0])
        raise ReportError(f"{location}: missing, but listed in manifest.json; {DAMAGED}")

    def verify(self, copy: BinaryIO | None = None) -> None:
        """Check the MD5 of the file, without parsing it; write its content to ``copy``.

        Raises:
            ReportError: The file is missing, or has a different MD5.
        """
        with self.open() as (location, source):
            while chunk := source.read(_LARGE_CHUNK_SIZE):
                if copy is not None:
                    copy.write(chunk)
            check_md5(location, source, self.md5)


_LARGE_CHUNK_SIZE: Final = 1 << 20


def check_md5(location: str, source: HashingReader, expected: str) -> None:
    """Raise a :class:`ReportError` if a file that was read to its end has a different MD5."""
    actual = source.md5.hexdigest()
    if actual != expected.lower():
        raise ReportError(
            f"{location}: its MD5 is {actual}, not {expected}: changed or truncated; {DAMAGED}"
        )
