"""The file that gets the output of the function during ``s3batch run``."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from s3batch_handler.cli._errors import InvalidArgument
from s3batch_handler.cli._output import print_message
from s3batch_handler.core._sanitize import escape_unprintable
from s3batch_handler.documents._storage import is_s3_url

if TYPE_CHECKING:
    from collections.abc import Iterator


class FunctionLog(NamedTuple):
    """What the function prints to.

    Attributes:
        stream: ``None`` is standard error.
        path: ``None`` as well, then.
        is_asked_for: It is the user's file, to be kept even without a line in it.
    """

    stream: BinaryIO | None = None
    path: Path | None = None
    is_asked_for: bool = False

    @property
    def location(self) -> str | None:
        """Where to read it, if there is anything to read."""
        if self.path is None or self.stream is None:
            return None
        written = os.fstat(self.stream.fileno()).st_size  # even if somebody has moved it away
        return str(self.path) if written or self.is_asked_for else None


@contextmanager
def function_log(
    location: str | None, report: str | None, job_id: str, *, quiet: bool
) -> Iterator[FunctionLog]:
    """Open what the function prints to.

    Without a ``location`` it lies beside the report, and is kept only if there is something in it.
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
            yield FunctionLog(stream, Path(location), is_asked_for=True)


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
    with suppress(OSError):  # it has been moved away; or the report is in the folder now
        path.unlink()
        if new_folder:
            path.parent.rmdir()
