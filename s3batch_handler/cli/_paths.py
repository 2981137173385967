"""Check the locations that options name, before a job does any work."""

from __future__ import annotations

import errno
import re
import tempfile
from pathlib import Path
from typing import Final

from s3batch_handler.cli._errors import InvalidArgument
from s3batch_handler.documents.files._whole_folder import check_empty


def check_s3_url(location: str, option: str) -> None:
    """Check that what looks like an ``s3://`` URL names an object."""
    if _LIKE_S3.match(location) and not _S3_OBJECT.match(location):
        raise InvalidArgument(
            f"{option} {location}: not the URL of an object. Write s3://bucket/key"
        )


_LIKE_S3: Final = re.compile(r"s3:/", re.IGNORECASE)
_S3_OBJECT: Final = re.compile(r"s3://[^/]+/(?!(.*/)?\.\.?(/|$)).*[^/]$")


def check_csv_manifest(location: str, option: str) -> None:
    """Check that a manifest is not saved with a name that means an inventory, or a report."""
    if location.endswith(".json"):
        raise InvalidArgument(
            f"{option} {location}: the manifest is a CSV file. Name a file that ends in .csv"
        )


def check_new_manifest(location: str, option: str) -> None:
    """Check that a CSV manifest can be saved as a file, or as an ``s3://`` object."""
    check_s3_url(location, option)
    check_csv_manifest(location, option)
    if _LIKE_S3.match(location):
        return
    if location.endswith("/"):
        raise InvalidArgument(f"{option} {location}: this is a folder. Name a file")
    check_file(Path(location), option)


def check_name(path: Path, option: str) -> None:
    """Check that a file or a folder can have this name: it is short enough, and no loop of links.

    Raises:
        InvalidArgument: The operating system refuses the name.
    """
    try:
        path.stat()
    except OSError as error:
        if error.errno in (errno.ENAMETOOLONG, errno.ELOOP):
            problem = f"{option} {path}: {error.strerror}. Choose another name"
            raise InvalidArgument(problem) from error


def is_same_file(target: str, source: str) -> bool:
    """Return whether two locations mean the same file on this machine.

    A path through a folder that does not exist yet, such as ``new/../m.csv``, is resolved first:
    manifests are written to the resolved path.
    """
    path = Path(target).resolve()
    return path.exists() and Path(source).exists() and path.samefile(source)


def check_writable(folder: Path, option: str) -> None:
    """Check that a folder is writable."""
    place = folder
    while not place.exists() and place != place.parent:
        place = place.parent
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        raise InvalidArgument(
            f"{option} {folder}: cannot write there: {error.strerror}. Choose another folder"
        ) from error


def check_new_folder(folder: Path, option: str) -> None:
    """Check that a folder can be created, or is empty."""
    if _LIKE_S3.match(str(folder)):
        raise InvalidArgument(f"{option} {folder}: S3 is not supported here. Name a local folder")
    if str(folder) == "-":
        raise InvalidArgument(f"{option} -: standard output is not supported here. Name a folder")
    check_name(folder, option)
    try:
        if folder.exists():
            check_empty(folder)
    except FileExistsError as error:
        raise InvalidArgument(
            f"{option} {folder}: the folder is not empty. Name a new or an empty one"
        ) from error
    except NotADirectoryError as error:
        raise InvalidArgument(f"{option} {folder}: this is not a folder. Name a folder") from error
    check_writable(folder, option)


def check_file(path: Path, option: str) -> None:
    """Check that a file can be created or replaced."""
    if _LIKE_S3.match(str(path)):
        raise InvalidArgument(f"{option} {path}: S3 is not supported here. Name a local file")
    if str(path) == "-":
        raise InvalidArgument(f"{option} -: standard output is not supported here. Name a file")
    check_name(path, option)
    if path.is_dir():
        raise InvalidArgument(f"{option} {path}: this is a folder. Name a file")
    if path.exists() and not path.is_file():  # as /dev/null, which the file would replace
        raise InvalidArgument(f"{option} {path}: this is not a regular file. Name another file")
    check_writable(path.parent, option)
