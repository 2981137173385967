"""A folder as a bucket: its name, and its files as keys, in the order in which S3 lists them."""

from __future__ import annotations

import errno
import logging
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from s3batch_handler.core._sanitize import escape_surrogates, escape_unprintable
from s3batch_handler.documents.manifests._limits import MAX_KEY_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def bucket_name_for(folder: Path) -> str:
    """Return a valid bucket name for a folder: ``My Photos`` → ``my-photos``."""
    name = re.sub(r"[^a-z0-9-]+", "-", folder.resolve().name.lower())[:63].strip("-")
    return name if len(name) >= 3 else f"bucket-{name}".rstrip("-")


def files_below(folder: Path, *, leave_out: Iterable[Path] = ()) -> Iterator[tuple[str, Path]]:
    """Yield the keys and paths of all files below a folder, in the order of a listing of S3.

    Also yields each folder below it that cannot be listed, as a key that ends in a slash: a request
    for that object gets S3's error, so the files in the folder are not skipped silently.

    Raises:
        OSError: The folder itself cannot be listed.
    """
    root = _resolve(folder)
    if root is None:
        raise FileNotFoundError(errno.ENOENT, "the current directory does not exist", str(folder))
    left_out = {*map(_resolve, leave_out)}
    found = []
    folders = [("", root)]
    while folders:
        prefix, path = folders.pop()
        for entry in _entries(prefix, path):
            if entry is None:
                found.append((prefix, Path(path)))
            elif entry.path in left_out:
                continue
            elif _is_folder(entry):
                folders.append((f"{prefix}{entry.name}/", entry.path))
            elif _is_object(entry, root):
                found.append((prefix + entry.name, Path(entry.path)))
    yield from sorted(found)


def _resolve(path: Path) -> str | None:
    """Resolve a path; return ``None`` if it is relative to a deleted current directory."""
    try:
        return os.path.realpath(path)
    except FileNotFoundError:
        return None


def _entries(prefix: str, path: str) -> Iterator[os.DirEntry[str] | None]:
    """Yield the entries of a folder, and ``None`` at the end if the listing failed."""
    try:
        with os.scandir(path) as entries:
            yield from entries
    except OSError as error:
        if not prefix:
            raise
        if not isinstance(error, FileNotFoundError | NotADirectoryError):  # deleted meanwhile
            text = f"{path[-MAX_KEY_BYTES:]}: the folder cannot be listed: {error.strerror}"
            _LOG.warning("%s", escape_surrogates(escape_unprintable(text)))
            yield None


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False


def _is_object(entry: os.DirEntry[str], root: str) -> bool:
    """Return whether an entry is a file, or a link to a file below the folder.

    An entry whose type cannot be read, as in a folder that can be listed but not entered, counts
    as a file.
    """
    is_link = is_file = True
    try:
        is_link, is_file = entry.is_symlink(), entry.is_file()
    except PermissionError:
        pass
    except OSError:  # a circular link
        return False
    return is_file and (not is_link or Path(os.path.realpath(entry.path)).is_relative_to(root))


_LOG: Final = logging.getLogger("s3batch_handler.local_aws")
