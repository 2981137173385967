"""The state folder: it keeps jobs between processes, for one process at a time."""

from __future__ import annotations

import errno
import fcntl
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from s3batch_handler.core._errors import StateError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def disk_errors_as_state_error(folder: Path) -> Iterator[None]:
    """Translate errors of a disk that is full or read-only to :class:`StateError`.

    Raises:
        StateError: The block cannot write to the folder.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _NOT_WRITABLE:
            raise
        raise StateError(f"{folder} cannot be written: {error.strerror}") from error


_NOT_WRITABLE: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS}


@contextmanager
def folder_lock(folder: Path) -> Iterator[Path]:
    """Create a folder if necessary, and lock it until the end of the block or of the process.

    Raises:
        StateError: Another process has locked the folder, or it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("a+b")
    except OSError as error:
        problem = error.strerror or "its file 'lock' is not a regular file"
        raise StateError(f"the state folder {folder} cannot be used: {problem}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StateError(
                f"the state folder {folder} is in use by another process: "
                "wait until that process has ended, or use another folder"
            ) from None
        yield folder


def partial_path(path: Path) -> Path:
    """Return the path of a file in the state folder while it is incomplete.

    It needs no lock of its own: only the process that has locked the folder writes it.
    """
    return path.with_name(f"{path.name}.part")


REPORTS: Final = "reports"
"""The subfolder with copies of the reports of jobs."""
