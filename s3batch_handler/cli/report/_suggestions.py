"""Suggest what was meant by a LOCATION that does not exist."""

from __future__ import annotations

import re
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from s3batch_handler.cli.run._report import DEFAULT_REPORTS
from s3batch_handler.cli.terminal._output import shell_command
from s3batch_handler.documents.reports._report_files import INDEX


def suggest_location(location: str) -> str:
    """Return what to do about a LOCATION that does not exist."""
    if match := _JOB_ARN.fullmatch(location):
        return f"pass the job ID alone: {match[1]}"
    if _LIKE_S3.match(location):
        return "the URL of a folder in S3 has the form s3://bucket/prefix"
    similar = _similar(location)
    if similar:
        return f"did you mean {' or '.join(shell_command([name]) for name in similar)}?"
    return "pass the folder of a report, its manifest.json, an s3:// URL or a job ID"


def report_of_part(path: Path) -> Path | None:
    """Return the folder of the report whose ``results`` a path is, or is in."""
    for folder in (path, path.parent):
        if folder.name == "results" and (folder.parent / INDEX).is_file():
            return folder.parent
    return None


_JOB_ARN: Final = re.compile(r"arn:[\w-]+:s3:[\w-]*:\d*:job/([\w-]+)")
_LIKE_S3: Final = re.compile(r"s3:|s3/|https?://", re.IGNORECASE)


def _similar(location: str) -> list[str]:
    """Return the names of reports and folders that are similar to a LOCATION."""
    path = Path(location)
    folders = [*dict.fromkeys((*_folders(Path(DEFAULT_REPORTS)), *_folders(path.parent)))]
    start = path.name.removeprefix("job-")
    begun = [name for name in folders if _begins(name, start)]
    return begun[:_MAX] or get_close_matches(str(path), folders, n=_MAX)


def _begins(name: str, start: str) -> bool:
    """Return whether a folder is that of a job whose ID begins with a text."""
    return len(start) >= _MIN_START and Path(name).name.startswith(f"job-{start}")


def _folders(parent: Path) -> list[str]:
    try:
        return sorted(str(path) for path in parent.iterdir() if path.is_dir())
    except OSError:
        return []


_MAX: Final = 3
_MIN_START: Final = 4
