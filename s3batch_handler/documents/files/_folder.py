"""The folders of manifests and reports: a directory, or a prefix of a bucket in S3."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

from s3batch_handler.documents.files._local_folder import LocalFolder
from s3batch_handler.documents.files._locations import bucket_and_key, is_s3_url
from s3batch_handler.documents.files._s3_folder import S3Folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from s3batch_handler.documents.files._s3_folder import S3Client


class Folder(Protocol):
    """A folder of files, whose names may contain slashes.

    A name that leads out of the folder (``../x``) raises :class:`ValueError`. The name of a file
    that does not exist raises :class:`FileNotFoundError`, in S3 too. Other errors of an S3 client
    are not changed.
    """

    @property
    def bucket(self) -> str:
        """Return the name of the bucket, or of the directory."""
        ...

    def key(self, name: str) -> str:
        """Return the key of a file in :attr:`bucket`."""
        ...

    def location(self, name: str) -> str:
        """Return the path or ``s3://`` URL of a file."""
        ...

    def read(self, name: str, *, start: int = 0) -> BinaryIO:
        """Open a file for streaming, from an offset; the caller closes it."""
        ...

    def write(self, name: str, source: BinaryIO) -> None:
        """Write a file with the content of ``source``, completely or not at all.

        ``source`` may be closed afterwards, because boto3 closes what it has uploaded.
        """
        ...

    def subfolders(self, start: str) -> Iterator[str]:
        """Yield the names of direct subfolders that begin with ``start``."""
        ...


def open_folder(location: str | Path, *, s3: S3Client | None = None) -> Folder:
    """Return the folder of a path or of ``s3://bucket/prefix``; neither has to exist.

    Raises:
        ValueError: ``location`` is an S3 URL without a bucket, or there is no client for it.
    """
    if not is_s3_url(location):
        return LocalFolder(Path(location))
    if s3 is None:
        raise ValueError(f"{location} is in S3: pass a client, s3=boto3.client('s3')")
    bucket, prefix = bucket_and_key(location)
    if not bucket:
        raise ValueError(f"{location} has no bucket: pass s3://bucket/prefix")
    # Only one slash: if the prefix of a report ends in a slash, AWS writes "prefix//job-…".
    return S3Folder(s3, bucket, prefix.removesuffix("/"))
