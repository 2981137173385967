"""The folder in which a new report is written."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from s3batch_handler.core._errors import ReportError
from s3batch_handler.documents.files._folder import open_folder
from s3batch_handler.documents.files._locations import is_s3_url
from s3batch_handler.documents.reports._report_files import INDEX

if TYPE_CHECKING:
    from collections.abc import Iterator

    from s3batch_handler.documents.files._folder import Folder
    from s3batch_handler.documents.files._s3_folder import S3Client


@contextmanager
def new_report_folder(
    target: str | Path, job_id: str, *, s3: S3Client | None = None
) -> Iterator[Folder]:
    """Open a folder for the report of a job. After an error, the files of the report are removed.

    Files in S3 are not removed. Without ``manifest.json``, which is written last, they are no
    report.

    Raises:
        ReportError: The folder has a report of this job, or another command is writing it, or the
            folder cannot be opened.
    """
    try:
        folder = open_folder(target, s3=s3)
    except ValueError as error:
        raise ReportError(str(error)) from error
    own = None if is_s3_url(target) else Path(target, f"job-{job_id}")
    new = [path for path in (own, own.parent) if not path.exists()] if own else []
    with _locked(own):
        _check_missing(folder, f"job-{job_id}/{INDEX}")
        try:
            yield folder
        except BaseException:
            if own in new:
                shutil.rmtree(own, ignore_errors=True)
            if own and own.parent in new:
                with suppress(OSError):  # it has other files meanwhile
                    own.parent.rmdir()
            raise


def _check_missing(folder: Folder, index: str) -> None:
    try:
        folder.read(index).close()
    except (FileNotFoundError, NotADirectoryError):
        return
    raise ReportError(f"{folder.location(index)} exists: choose another folder for the new report")


@contextmanager
def _locked(path: Path | None) -> Iterator[None]:
    """Create and lock a folder: two commands at once would mix their files.

    Raises:
        ReportError: Another command has locked it.
    """
    try:
        import fcntl  # not on Windows
    except ImportError:
        path = None
    if path is None:
        yield
        return
    path.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        with suppress(OSError):  # a file system without locks
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise ReportError(
                    f"{path}: another command is writing this report. Choose another folder"
                ) from error
        yield
    finally:
        os.close(descriptor)
