"""The file that gets the output of the function during ``s3batch run``."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from s3batch_handler.cli._errors import InvalidArgument
from s3batch_handler.cli.terminal._output import print_message
from s3batch_handler.core._sanitize import escape_unprintable
from s3batch_handler.documents.files._locations import is_s3_url

if TYPE_CHECKING:
    from collections.abc import Iterator


class FunctionLog(NamedTuple):
    """The log of the function.

    Attributes:
        stream: The file; ``None`` for standard error.
        path: The path of the file.
        is_requested: Whether the user named the file: it is kept even if it is empty.
        start: Where the log of this run begins in the file.
    """

    stream: BinaryIO | None = None
    path: Path | None = None
    is_requested: bool = False
    start: int = 0

    @property
    def location(self) -> str | None:
        """Return the path of the log, if something was written or the user named the file."""
        if self.path is None or self.stream is None:
            return None
        written = os.fstat(self.stream.fileno()).st_size  # even if the file was moved
        return str(self.path) if written or self.is_requested else None


@contextmanager
def function_log(
    location: str | None, report: str | None, job_id: str, *, quiet: bool
) -> Iterator[FunctionLog]:
    """Open the log of the function.

    Without a ``location`` it is beside the report, and is removed if it is empty.
    """
    if location is None and report is not None and not is_s3_url(report):
        path = Path(report, f"job-{job_id}.log")
        new_folder = not path.parent.exists()
        with _open_log(path) as stream:
            log = FunctionLog(stream, path)
            try:
                yield log
            finally:
                _keep_unless_empty(log, path, new_folder=new_folder, quiet=quiet)
    elif location is None or location == "-":
        yield FunctionLog()
    else:
        with _open_log(Path(location)) as stream:
            start = os.fstat(stream.fileno()).st_size
            yield FunctionLog(stream, Path(location), is_requested=True, start=start)


def _open_log(path: Path) -> BinaryIO:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("ab")  # several processes write to it
    except OSError as error:
        raise InvalidArgument(f"--log {path}: cannot write there: {error.strerror}") from error


def _keep_unless_empty(log: FunctionLog, path: Path, *, new_folder: bool, quiet: bool) -> None:
    if log.location is not None:
        if not quiet:
            print_message(f"the function's log is {escape_unprintable(log.location)}")
        return
    with suppress(OSError):  # the file was moved, or the folder has the report
        path.unlink()
        if new_folder:
            path.parent.rmdir()
