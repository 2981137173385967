"""The folder in which an engine keeps what must outlive it: one engine at a time."""

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
    """Turn the error of a disk that takes no more into a :class:`StateError`.

    Raises:
        StateError: What the block writes to the folder has no room, or the disk is read-only.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        raise StateError(f"{folder} cannot be written: {error.strerror}") from error


_NO_ROOM: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS}


@contextmanager
def folder_lock(folder: Path) -> Iterator[Path]:
    """Have a folder to oneself, made if need be. The lock goes when the process does.

    Raises:
        StateError: Another process has it; or it cannot be written.
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
                "wait until that has ended, or use another folder"
            ) from None
        yield folder
