"""Folders that are directories: files are complete or missing, even if a writer is killed."""

from __future__ import annotations

import errno
import glob
import io
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from s3batch_handler.documents.files._file_names import part_name, part_start
from s3batch_handler.documents.files._locations import invalid_name, parts_of

if TYPE_CHECKING:
    from collections.abc import Iterator


class LocalFolder:
    """A directory."""

    def __init__(self, root: Path) -> None:
        self.bucket = root.resolve().name
        self._root = root

    def key(self, name: str) -> str:
        return name

    def location(self, name: str) -> str:
        return str(self._path(name))

    def read(self, name: str, *, start: int = 0) -> BinaryIO:
        stream = self._path(name).open("rb")
        stream.seek(start)
        return stream

    def write(self, name: str, source: BinaryIO) -> None:
        path = self._path(name)
        new_folders = [folder for folder in path.parents if not folder.exists()]
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(path.parent, path.name)
        part = None
        try:
            with _open_part(path) as target:
                part = Path(target.name)
                shutil.copyfileobj(source, target, _COPY_SIZE)
                target.flush()
                part.replace(path)
        except BaseException as error:
            if part is not None:
                part.unlink(missing_ok=True)
            for folder in new_folders:
                with suppress(OSError):
                    folder.rmdir()
            if isinstance(error, OSError) and error.errno in FULL and error.filename is None:
                raise OSError(error.errno, error.strerror, str(path)) from error
            raise

    def remove_leftovers(self, name: str) -> None:
        """Remove incomplete files whose writer was killed, but not those of a running writer.

        Only files that :meth:`write` created are removed. ``name`` may contain asterisks, which
        match any folder or file. Folders that become empty are removed, too, except this one.
        """
        *folders, file = name.split("/")
        for folder in self._root.glob("/".join(folders)) if folders else (self._root,):
            if not _remove_leftovers(folder, file):
                continue
            for parent in (folder, *folder.parents)[: len(folders)]:
                with suppress(OSError):
                    parent.rmdir()

    def subfolders(self, start: str) -> Iterator[str]:
        start = start.lstrip("/")
        if self._root.is_dir():
            names = (path.name for path in self._root.iterdir() if path.is_dir())
            yield from sorted(name for name in names if name.startswith(start))

    def _path(self, name: str) -> Path:
        parts = parts_of(name)
        if any(Path(part).name != part for part in parts):  # a drive or a backslash, on Windows
            raise invalid_name(name)
        path = self._root.joinpath(*parts)
        if not path.resolve().is_relative_to(self._root.resolve()):  # a link leads out
            raise invalid_name(name)
        return path


def write_file(path: Path, content: bytes) -> None:
    """Create or replace a file, completely or not at all. Of a link, its target is replaced."""
    target = path.resolve()
    LocalFolder(target.parent).write(target.name, io.BytesIO(content))


# A file has a temporary name until it is complete. Its writer locks it, so that another process can
# distinguish a file that is being written from one that was left behind.


def _open_part(path: Path) -> BinaryIO:
    while True:
        # tempfile creates files that only the owner can read, but this file is kept.
        part = path.with_name(part_name(path.name))
        target = part.open("xb")
        _lock(target)
        if os.fstat(target.fileno()).st_nlink:
            return target
        target.close()  # another process removed it as a leftover before it was locked


def _remove_leftovers(folder: Path, name: str) -> int:
    """Remove the incomplete files of writers that were killed; return their number."""
    removed = 0
    start = ".*." if name == "*" else glob.escape(part_start(name))
    for part in folder.glob(f"{start}{'[0-9a-f]' * 8}.part"):
        with suppress(OSError), open(part, "r+b", opener=_open_no_link) as file:
            if _lock(file):
                part.unlink()
                removed += 1
    return removed


def _open_no_link(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))


def _lock(file: BinaryIO) -> bool:
    """Lock a file as long as it is open; return whether this succeeded."""
    try:
        import fcntl  # not on Windows
    except ImportError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # another process holds the lock, or the file system has no locks
        return False
    return True


_COPY_SIZE: Final = 1 << 17
FULL: Final = (errno.ENOSPC, errno.EDQUOT)
"""Errors of a full disk, or of a user who may not store more on it."""
