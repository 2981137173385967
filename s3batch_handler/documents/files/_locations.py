"""Paths and ``s3://`` URLs of folders, and the names of the files in them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final, TypeGuard

S3_URL: Final = "s3://"
BUCKET: Final = re.compile(r"[A-Za-z0-9._-]{1,255}|arn:\S+")
"""The names and ARNs of buckets that boto3 accepts."""


def split_location(location: str | Path) -> tuple[str | Path, str]:
    """Return the folder of a file, for :func:`open_folder`, and the name of the file in it."""
    if not is_s3_url(location):
        return Path(location).parent, Path(location).name
    folder, _, name = location.rpartition("/")
    return folder, name


def bucket_and_key(url: str) -> tuple[str, str]:
    """Split ``s3://bucket/key``; a missing part is empty."""
    scheme, _, place = url.partition(S3_URL)
    bucket, _, key = place.partition("/")
    return ("", "") if scheme else (bucket, key)


def is_s3_url(location: str | Path) -> TypeGuard[str]:
    """Return whether this is an ``s3://`` URL, not a path."""
    return isinstance(location, str) and location.startswith(S3_URL)


def parts_of(name: str) -> list[str]:
    """Return the folders and the file in the name of a file, or raise a ValueError."""
    parts = [part for part in name.split("/") if part]
    if not parts or not {".", ".."}.isdisjoint(parts):
        raise invalid_name(name)
    return parts


def invalid_name(name: str) -> ValueError:
    return ValueError(f"{name!r} is not the name of a file inside the folder")
