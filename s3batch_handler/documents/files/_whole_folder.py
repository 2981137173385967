"""Create the files of a folder: all of them, or none."""

from __future__ import annotations

import errno
import shutil
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from s3batch_handler.documents.files._file_names import part_name
from s3batch_handler.documents.files._local_folder import FULL, LocalFolder

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """Yield a temporary folder whose files are in ``target`` when the context has ended.

    A new folder appears under its name with all of its files. In a folder that exists, each file
    appears when it is complete. After an error there are no new files, and no new folder.

    Raises:
        FileExistsError: ``target`` is not an empty folder.
        NotADirectoryError: ``target`` is not a folder.
    """
    target = target.resolve()  # create the target of a link, not a link
    if target.exists():
        check_empty(target)
        with tempfile.TemporaryDirectory(prefix="s3batch-") as folder:
            yield Path(folder)
            _copy_files(Path(folder), target)
        return
    new_parents = [parent for parent in target.parents if not parent.exists()]
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(part_name(target.name))
    try:
        part.mkdir()
        yield part
        part.rename(target)
    except BaseException as error:
        shutil.rmtree(part, ignore_errors=True)
        for parent in new_parents:
            with suppress(OSError):
                parent.rmdir()
        if isinstance(error, OSError) and error.errno in FULL and error.filename is None:
            raise OSError(error.errno, error.strerror, str(target)) from error
        raise


def check_empty(folder: Path) -> None:
    """Check that a folder, which exists, has no files.

    Raises:
        FileExistsError: It has files.
        NotADirectoryError: It is not a folder.
    """
    if any(folder.iterdir()):
        raise FileExistsError(errno.EEXIST, "the folder is not empty", str(folder))


def _copy_files(source: Path, target: Path) -> None:
    """Copy the files of a folder; remove the copies after an error."""
    check_empty(target)  # another command may have written files meanwhile
    copies = LocalFolder(target)
    written: list[str] = []
    try:
        for path in sorted(source.iterdir()):
            with path.open("rb") as stream:
                copies.write(path.name, stream)
            written.append(path.name)
    except BaseException:
        for name in written:
            (target / name).unlink(missing_ok=True)
        raise
