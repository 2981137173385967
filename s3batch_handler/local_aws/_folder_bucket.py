"""Buckets in moto's S3, among them one whose objects are the files of a folder."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast
from unittest.mock import patch

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.s3.exceptions import MissingKey, S3ClientError
from moto.s3.models import FakeKey, S3Backend, s3_backends

from s3batch_handler.core._keys import is_utf8
from s3batch_handler.core._sanitize import escape_surrogates, escape_unprintable
from s3batch_handler.core._typing import override
from s3batch_handler.documents.manifests._limits import MAX_KEY_BYTES
from s3batch_handler.local_aws._folder_listing import files_below

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

REGION: Final = "us-east-1"


@contextmanager
def folder_as_bucket(
    folder: Path, bucket: str, *, leave_out: Iterable[Path] = ()
) -> Iterator[list[str]]:
    """Create a bucket in moto's S3 with the files of a folder, and yield the keys of all files.

    Keys that are not valid UTF-8 are in the list, but not in the bucket.

    Raises:
        OSError: The folder cannot be listed.
    """
    with new_buckets([bucket]) as backend:
        keys = []
        for key, path in files_below(folder, leave_out=leave_out):
            keys.append(key)
            if is_utf8(key):
                backend.buckets[bucket].keys.setlist(key, [_FileObject(bucket, key, path)])
        yield keys


@contextmanager
def new_buckets(names: Iterable[str]) -> Iterator[Any]:
    """Create empty buckets, yield the backend of moto that has them, and delete them at the end."""
    backend = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
    names = list(names)
    try:
        for name in names:
            backend.create_bucket(name, REGION)
        yield backend
    finally:
        for name in names:
            owner = _backend_of(name)
            if owner is not None:
                owner.buckets.pop(name, None)
                s3_backends.bucket_accounts.pop(name, None)


@contextmanager
def accepting_create_bucket(backend: Any, names: Iterable[str]) -> Iterator[None]:
    """Accept the first CreateBucket for each of these buckets, although they exist.

    Some functions create the bucket that they write to, in any Region and in any account. The
    bucket then belongs to that account. Objects that were written to it before are kept.
    """
    untouched = {name: backend.buckets[name] for name in names}
    create_bucket: Any = S3Backend.create_bucket

    def create(
        caller: S3Backend, bucket_name: str, region_name: str, *args: Any, **kwargs: Any
    ) -> Any:
        bucket = untouched.pop(bucket_name, None)
        if bucket is None or backend.buckets.get(bucket_name) is not bucket:
            return create_bucket(caller, bucket_name, region_name, *args, **kwargs)
        bucket.region_name = region_name
        if caller is not backend:
            bucket.partition, bucket.account_id = caller.partition, caller.account_id
            # In this order, so that requests of other threads find the bucket at any moment.
            caller.buckets[bucket_name] = bucket
            s3_backends.bucket_accounts[bucket_name] = (caller.partition, caller.account_id)
            del backend.buckets[bucket_name]
        return bucket

    with patch.object(S3Backend, "create_bucket", create):
        yield


def bucket_names() -> set[str]:
    """Return the names of all buckets, of any account."""
    return {*s3_backends.bucket_accounts}


def objects_in(bucket: str) -> dict[str, FakeKey]:
    """Return the objects of a bucket by key; none if the bucket was deleted."""
    backend = _backend_of(bucket)
    if backend is None:
        return {}
    items = backend.buckets[bucket].keys.items()
    # Any other item is a delete marker.
    return {key: item for key, item in items if isinstance(item, FakeKey)}


def objects_written_to(bucket: str) -> dict[str, FakeKey]:
    """Return the objects of a bucket by key, without those that are files of a folder."""
    objects = objects_in(bucket)
    return {key: item for key, item in objects.items() if not isinstance(item, _FileObject)}


def _backend_of(bucket: str) -> Any:
    """Return the S3 of the account that has a bucket; ``None`` if there is no such bucket."""
    if bucket not in s3_backends.bucket_accounts:
        return None
    partition, account_id = s3_backends.bucket_accounts[bucket]
    return s3_backends[account_id][partition]


class _FileObject(FakeKey):
    """An object whose content is that of a file at the moment of a request.

    It keeps neither an open file nor content, because there can be very many objects. A listing
    still shows a file that was deleted or cannot be read; a request for it gets S3's error.
    """

    def __init__(self, bucket: str, key: str, path: Path) -> None:
        self._path = path
        self._last_status = (0, 0)  # size and time of the last change
        self._last_etag = ""
        super().__init__(key, b"", DEFAULT_ACCOUNT_ID, REGION, bucket_name=bucket)
        seconds = 0.0
        with suppress(OSError):  # a request for the object gets the error
            seconds = path.stat().st_mtime
        # A header cannot represent a time before 1970 or after the year 9999.
        seconds = min(max(seconds, 0), _MAX_TIMESTAMP)
        self.last_modified = datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)

    @property  # type: ignore[explicit-override]  # mypy does not see override on a property setter
    @override
    def value(self) -> bytes:
        with self._open() as file:
            return file.read()

    @value.setter
    def value(self, new_value: bytes) -> None:
        """Ignore the value that moto sets when it creates an object."""

    @property
    @override
    def response_dict(self) -> dict[str, Any]:
        with self._open():
            return super().response_dict

    @property
    @override
    def size(self) -> int:
        return self._file_status()[0]

    @property
    @override
    def etag(self) -> str:
        before = self._last_status
        if self._file_status() != before or not self._last_etag:
            with suppress(S3ClientError), self._open() as file:
                digest = hashlib.file_digest(
                    cast("Any", file), lambda: hashlib.md5(usedforsecurity=False)
                )
                self._last_etag = f'"{digest.hexdigest()}"'
        return self._last_etag

    def _file_status(self) -> tuple[int, int]:
        """Return the file's size and time of change, or the last known ones."""
        with suppress(OSError):
            status = self._path.stat()
            self._last_status = status.st_size, status.st_mtime_ns
        return self._last_status

    @contextmanager
    def _open(self) -> Iterator[BinaryIO]:
        """Open the file while the block runs; raise S3's error if that fails."""
        if len(self.name.encode()) > MAX_KEY_BYTES:
            raise S3ClientError("KeyTooLongError", "Your key is too long")
        try:
            if self.name.endswith("/") and self._path.is_dir():
                raise PermissionError(errno.EACCES, "the folder cannot be listed")
            with open(self._path, "rb", opener=_open_without_blocking) as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    raise FileNotFoundError(errno.ENOENT, "not a file")
                yield file
        except OSError as error:
            if error.errno in _MISSING:
                raise MissingKey(self.name) from None
            code = "AccessDenied" if isinstance(error, PermissionError) else "InternalError"
            text = escape_surrogates(escape_unprintable(f"{self._path}: {error.strerror}"))
            raise S3ClientError(code, text) from None


def _open_without_blocking(path: str, flags: int) -> int:
    """Open a file without waiting, even if it was replaced by a pipe without a writer."""
    return os.open(path, flags | os.O_NONBLOCK)


_MAX_TIMESTAMP: Final = datetime(9999, 12, 31, tzinfo=UTC).timestamp()
_MISSING: Final = {
    errno.ENOENT,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.ELOOP,
    errno.ENAMETOOLONG,
    errno.ENXIO,  # it was replaced by a socket
    errno.ENODEV,
}
