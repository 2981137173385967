"""Check the locations that options name, before a job does any work."""

from __future__ import annotations

import re
import tempfile
from typing import TYPE_CHECKING, Final

from s3batch_handler.cli._options import InvalidArgument

if TYPE_CHECKING:
    from pathlib import Path


def check_s3_url(location: str, option: str) -> None:
    """Refuse what looks like an ``s3://`` URL and is none of an object."""
    if _LIKE_S3.match(location) and not _S3_OBJECT.match(location):
        raise InvalidArgument(f"{option} {location}: write s3://bucket/key")


_LIKE_S3: Final = re.compile(r"s3:/", re.IGNORECASE)
_S3_OBJECT: Final = re.compile(r"s3://[^/]+/(?!(.*/)?\.\.?(/|$)).*[^/]$")


def check_writable(folder: Path, option: str) -> None:
    """Find out whether a folder can be written to: now, not after all the work."""
    place = folder
    while not place.exists() and place != place.parent:
        place = place.parent
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        raise InvalidArgument(f"{option} {folder}: cannot write there: {error.strerror}") from error


def check_file(path: Path, option: str) -> None:
    """Find out whether a file can be written, or written anew: now, not after all the work."""
    if _LIKE_S3.match(str(path)):
        raise InvalidArgument(f"{option} {path}: that is no file")
    if str(path) == "-":
        raise InvalidArgument(f"{option} -: name a file; standard output takes no manifest")
    if path.is_dir():
        raise InvalidArgument(f"{option} {path}: that is a folder")
    if path.exists() and not path.is_file():  # /dev/null, say: the file would take its place
        raise InvalidArgument(f"{option} {path}: that is no regular file")
    check_writable(path.parent, option)
