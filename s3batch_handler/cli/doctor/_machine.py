"""This machine: places to write, disk space and open files."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from s3batch_handler.cli._errors import InvalidArgument
from s3batch_handler.cli._paths import check_writable
from s3batch_handler.cli.doctor._check import error, ok, skipped, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from s3batch_handler.cli.doctor._check import Check


def check_report_folder(location: str) -> Iterator[Check]:
    """Check that reports can be written to a folder."""
    name = f"reports {location}"
    try:
        check_writable(Path(location), "--report")
    except InvalidArgument as problem:
        yield error(
            name,
            f"cannot write there: {getattr(problem.__cause__, 'strerror', problem)}",
            "pass another folder to s3batch run --report",
        )
    else:
        yield ok(name, "writable")


def check_temporary_space() -> Iterator[Check]:
    """Check that there is space for temporary files: journals, and manifests that are prepared."""
    name = "temporary files"
    try:
        folder = tempfile.gettempdir()
        free = shutil.disk_usage(folder).free
    except OSError as problem:
        yield error(name, f"no folder is writable: {problem.strerror}", _OTHER_FOLDER)
        return
    message = f"{free / 1e9:,.1f} GB free in {folder}"
    if free < _TOO_LITTLE:
        yield error(name, message, _OTHER_FOLDER)
    elif free < _LITTLE:
        yield warning(name, message, _OTHER_FOLDER)
    else:
        yield ok(name, message)


_TOO_LITTLE: Final = 100e6  # bytes
_LITTLE: Final = 1e9
_OTHER_FOLDER: Final = "free space, or set TMPDIR to another folder"


def check_open_files(workers: int | None) -> Iterator[Check]:
    """Check the limit of open files against the pipes of the workers."""
    name = "open files"
    try:
        import resource  # only on Unix
    except ImportError:
        yield skipped(name, "this system has no such limit")
        return
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = workers or os.cpu_count() or 1
    needed = _OPEN_FILES + count * _OPEN_FILES_PER_WORKER
    if limit != resource.RLIM_INFINITY and limit < needed:
        yield warning(
            name,
            f"the limit is {limit:,}, and {count} workers may need {needed:,}",
            f"run 'ulimit -n {needed}', or use fewer workers",
        )
    else:
        shown = "no limit" if limit == resource.RLIM_INFINITY else f"up to {limit:,}"
        yield ok(name, f"{shown}, for {count} workers")


_OPEN_FILES: Final = 64
_OPEN_FILES_PER_WORKER: Final = 8
