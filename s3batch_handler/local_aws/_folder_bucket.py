"""A bucket in moto's S3 whose objects are the files of a folder."""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import stat
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.s3.exceptions import MissingKey, S3ClientError
from moto.s3.models import FakeKey, S3Backend, s3_backends
from typing_extensions import override

from s3batch_handler.core._keys import is_utf8
from s3batch_handler.core._sanitize import escape_surrogates, escape_unprintable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

REGION: Final = "us-east-1"


@contextmanager
def folder_as_bucket(
    folder: Path, bucket: str, *, leave_out: Iterable[Path] = ()
) -> Iterator[list[str]]:
    """Let moto's S3 have the files of a folder as the objects of a bucket; give all their keys.

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
    """Have empty buckets while the block runs; give moto's S3, which they are in."""
    backend = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
    names = list(names)
    try:
        for name in names:
            backend.create_bucket(name, REGION)
        yield backend
    finally:
        for name in names:
            owner = _owner_of(name)
            if owner is not None:
                owner.buckets.pop(name, None)
                s3_backends.bucket_accounts.pop(name, None)


@contextmanager
def buckets_that_may_be_created(backend: Any, names: Iterable[str]) -> Iterator[None]:
    """Accept the first CreateBucket for each of these buckets, although they exist.

    Some functions create the bucket that they write to, in any Region and in any account. The
    bucket then belongs to that account. Objects that were written to it before are kept.
    """
    untouched = {name: backend.buckets[name] for name in names}
    all_backends: Any = S3Backend
    create_bucket = all_backends.create_bucket

    def create(
        caller: S3Backend, bucket_name: str, region_name: str, *others: Any, **more: Any
    ) -> Any:
        bucket = untouched.pop(bucket_name, None)
        if bucket is None or backend.buckets.get(bucket_name) is not bucket:
            return create_bucket(caller, bucket_name, region_name, *others, **more)
        bucket.region_name = region_name
        if caller is not backend:
            bucket.partition, bucket.account_id = caller.partition, caller.account_id
            # In this order, so that requests of other threads find the bucket at any moment.
            caller.buckets[bucket_name] = bucket
            s3_backends.bucket_accounts[bucket_name] = (caller.partition, caller.account_id)
            del backend.buckets[bucket_name]
        return bucket

    all_backends.create_bucket = create
    try:
        yield
    finally:
        all_backends.create_bucket = create_bucket


def bucket_names() -> set[str]:
    """Return the names of all buckets, of any account."""
    return {*s3_backends.bucket_accounts}


def _owner_of(bucket: str) -> Any:
    """Return the S3 of the account that has a bucket; ``None`` if there is no such bucket."""
    if bucket not in s3_backends.bucket_accounts:
        return None
    partition, account_id = s3_backends.bucket_accounts[bucket]
    return s3_backends[account_id][partition]


def files_in(bucket: str) -> Iterator[FakeKey]:
    """Yield the objects of a bucket that are files of a folder."""
    yield from (item for _, item in _objects_in(bucket) if isinstance(item, _FileObject))


def objects_written_to(bucket: str) -> Iterator[tuple[str, FakeKey]]:
    """Yield keys and objects of a bucket, without those that are files of a folder."""
    for key, item in _objects_in(bucket):
        if not isinstance(item, _FileObject):
            yield key, item


def _objects_in(bucket: str) -> list[tuple[str, FakeKey]]:
    owner = _owner_of(bucket)
    if owner is None:  # it has been deleted
        return []
    objects = owner.buckets[bucket].keys
    # Any other item is a delete marker.
    return [(key, item) for key, item in objects.items() if isinstance(item, FakeKey)]


def files_below(folder: Path, *, leave_out: Iterable[Path] = ()) -> Iterator[tuple[str, Path]]:
    """Yield the keys and paths of all files below a folder, in the order of a listing of S3.

    Also yields each folder below it that cannot be listed, as a key that ends in a slash: a request
    for that object gets S3's error, so the files in the folder are not skipped silently.

    Raises:
        OSError: The folder itself cannot be listed.
    """
    root = _real(folder)
    if root is None:
        raise FileNotFoundError(errno.ENOENT, "the current directory does not exist", str(folder))
    left_out = {*map(_real, leave_out)}
    found = []
    folders = [("", root)]
    while folders:
        prefix, place = folders.pop()
        for entry in _entries(prefix, place):
            if entry is None:
                found.append((prefix, Path(place)))
            elif entry.path in left_out:
                continue
            elif _is_folder(entry):
                folders.append((f"{prefix}{entry.name}/", entry.path))
            elif _is_object(entry, root):
                found.append((prefix + entry.name, Path(entry.path)))
    yield from sorted(found)


def _real(path: Path) -> str | None:
    """Resolve a path; return ``None`` if it is relative to a deleted current directory."""
    try:
        return os.path.realpath(path)
    except FileNotFoundError:
        return None


def _entries(prefix: str, place: str) -> Iterator[os.DirEntry[str] | None]:
    """Yield the entries of a folder; at the end ``None`` if the listing failed."""
    try:
        with os.scandir(place) as entries:
            yield from entries
    except OSError as error:
        if not prefix:
            raise
        if not isinstance(error, FileNotFoundError | NotADirectoryError):  # it has gone meanwhile
            text = f"{place[-_LONGEST_KEY:]}: the folder cannot be listed: {error.strerror}"
            _LOG.warning("%s", escape_surrogates(escape_unprintable(text)))
            yield None


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False


def _is_object(entry: os.DirEntry[str], root: str) -> bool:
    """Return whether an entry is a file, or a link to a file below the folder.

    An entry without permission to read its type, as in a folder that can be listed but not
    entered, counts as a file.
    """
    try:
        if not entry.is_symlink():
            return entry.is_file(follow_symlinks=False)
        is_file = stat.S_ISREG(os.stat(entry.path).st_mode)  # noqa: PTH116  no Path for each link
    except PermissionError:
        is_file = True
    except OSError:  # a broken or circular link, or the entry was removed
        return False
    return is_file and Path(os.path.realpath(entry.path)).is_relative_to(root)


class _FileObject(FakeKey):
    """An object whose bytes are those of a file, at the moment they are asked for.

    Nothing of it is kept open or in memory: there may be very many. A listing still shows a file
    that has gone or cannot be read; whoever asks for it gets S3's error.
    """

    def __init__(self, bucket: str, key: str, path: Path) -> None:
        self._path = path
        self._known = (0, 0)
        self._known_etag = ""
        super().__init__(key, b"", DEFAULT_ACCOUNT_ID, REGION, bucket_name=bucket)
        seconds = 0.0
        with suppress(OSError):  # a request for the object gets the error
            seconds = path.stat().st_mtime
        # A header cannot represent a time before 1970 or after the year 9999.
        seconds = min(max(seconds, 0), _LATEST)
        self.last_modified = datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)

    @property  # type: ignore[explicit-override]  # mypy sees no decorator where there is a setter
    @override
    def value(self) -> bytes:
        with self._told_as_s3_does(), self._opened() as file:
            return file.read()

    @value.setter
    def value(self, new_value: bytes) -> None:
        """Nothing: moto sets it when an object is made."""

    @property
    @override
    def response_dict(self) -> dict[str, Any]:
        with self._told_as_s3_does(), self._opened():
            return super().response_dict

    @property
    @override
    def size(self) -> int:
        return self._look()[0]

    @property
    @override
    def etag(self) -> str:
        known = self._known
        if self._look() != known or not self._known_etag:
            with suppress(OSError), self._opened() as file:
                digest = hashlib.file_digest(
                    cast("Any", file), lambda: hashlib.md5(usedforsecurity=False)
                )
                self._known_etag = f'"{digest.hexdigest()}"'
        return self._known_etag

    def _look(self) -> tuple[int, int]:
        """Give the size of the file and when it was changed, or what they were at last."""
        with suppress(OSError):
            status = self._path.stat()
            self._known = status.st_size, status.st_mtime_ns
        return self._known

    def _opened(self) -> BinaryIO:
        """Open the file; refuse anything else that has its name now, such as a pipe."""
        if stat.S_ISDIR(self._path.stat().st_mode) and self.name.endswith("/"):
            raise PermissionError(errno.EACCES, "the folder cannot be listed")
        file = open(self._path, "rb", opener=_open_at_once)  # noqa: SIM115
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            file.close()
            raise FileNotFoundError(errno.ENOENT, "not a file")
        return file

    @contextmanager
    def _told_as_s3_does(self) -> Iterator[None]:
        if len(self.name.encode()) > _LONGEST_KEY:
            raise S3ClientError("KeyTooLongError", "Your key is too long")
        try:
            yield
        except OSError as error:
            if error.errno in _GONE:
                raise MissingKey(self.name) from None
            problem = escape_surrogates(escape_unprintable(f"{self._path}: {error.strerror}"))
            if isinstance(error, PermissionError):
                raise S3ClientError("AccessDenied", problem) from None
            raise S3ClientError("InternalError", problem) from None


def _open_at_once(path: str, flags: int) -> int:
    """Open a file without blocking, as a pipe without a writer would."""
    return os.open(path, flags | os.O_NONBLOCK)


_LOG: Final = logging.getLogger("s3batch_handler.engine")
_LATEST: Final = datetime(9999, 12, 31, tzinfo=UTC).timestamp()
_LONGEST_KEY: Final = 1024  # bytes; S3 User Guide
_GONE: Final = {
    errno.ENOENT,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.ELOOP,
    errno.ENAMETOOLONG,
    errno.ENXIO,  # a socket has its name now
    errno.ENODEV,
}
