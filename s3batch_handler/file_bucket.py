"""A bucket in moto's S3 whose objects are the files of a folder."""

from __future__ import annotations

import hashlib
import os
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.s3.exceptions import MissingKey, S3ClientError
from moto.s3.models import FakeKey, s3_backends
from typing_extensions import override

from s3batch_handler.keys import is_utf8

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

REGION: Final = "us-east-1"


@contextmanager
def folder_as_bucket(
    folder: Path, bucket: str, *, leave_out: Iterable[Path] = ()
) -> Iterator[list[str]]:
    """Let moto's S3 have the files of a folder as the objects of a bucket; give all their keys.

    Raises:
        OSError: A folder in it cannot be listed.
    """
    with new_buckets([bucket]) as backend:
        keys = []
        for key, path in files_below(folder, leave_out=leave_out):
            keys.append(key)
            # It may have gone since it was listed, as its task will tell.
            with suppress(FileNotFoundError):
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
            backend.buckets.pop(name, None)
            s3_backends.bucket_accounts.pop(name, None)


@contextmanager
def buckets_that_may_be_created(backend: Any, names: Iterable[str]) -> Iterator[None]:
    """Let the first CreateBucket for each of these buckets succeed, although they are there.

    Some functions create the bucket that they write to, in whichever Region. What was written to
    the bucket before stays in it.
    """
    untouched = {name: backend.buckets[name] for name in names}
    create_bucket = backend.create_bucket

    def create(bucket_name: str, region_name: str, *others: Any, **more: Any) -> Any:
        bucket = untouched.pop(bucket_name, None)
        if bucket is None or backend.buckets.get(bucket_name) is not bucket:
            return create_bucket(bucket_name, region_name, *others, **more)
        bucket.region_name = region_name
        return bucket

    backend.create_bucket = create
    try:
        yield
    finally:
        del backend.create_bucket


def files_in(bucket: str) -> Iterator[FakeKey]:
    """Yield the objects of a bucket that are files of a folder."""
    yield from (item for _, item in _objects_in(bucket) if isinstance(item, _FileObject))


def objects_written_to(bucket: str) -> Iterator[tuple[str, FakeKey]]:
    """Yield keys and objects of a bucket, without those that are files of a folder."""
    for key, item in _objects_in(bucket):
        if not isinstance(item, _FileObject):
            yield key, item


def _objects_in(bucket: str) -> list[tuple[str, FakeKey]]:
    account_of = s3_backends.bucket_accounts.get(bucket)
    if account_of is None:  # it has been deleted
        return []
    partition, account_id = account_of
    objects = s3_backends[account_id][partition].buckets[bucket].keys
    # Anything else is the mark of a deletion.
    return [(key, item) for key, item in objects.items() if isinstance(item, FakeKey)]


def files_below(folder: Path, *, leave_out: Iterable[Path] = ()) -> Iterator[tuple[str, Path]]:
    """Give the keys and paths of all files below a folder, in the order of a listing of S3."""
    root = folder.resolve()
    left_out = {str(path.resolve()) for path in leave_out}
    found = []
    folders = [("", str(root))]
    while folders:
        prefix, place = folders.pop()
        with os.scandir(place) as entries:
            for entry in entries:
                key = prefix + entry.name
                if entry.path in left_out:
                    continue
                if entry.is_dir(follow_symlinks=False):
                    folders.append((f"{key}/", entry.path))
                elif entry.is_file(follow_symlinks=False) or (
                    entry.is_symlink() and _is_file_below(root, Path(entry.path))
                ):
                    found.append((key, Path(entry.path)))
    yield from sorted(found)


def _is_file_below(root: Path, link: Path) -> bool:
    return link.is_file() and link.resolve().is_relative_to(root)


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
        modified = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        self.last_modified = modified.replace(tzinfo=None)

    @property  # type: ignore[explicit-override]  # mypy sees no decorator where there is a setter
    @override
    def value(self) -> bytes:
        with self._told_as_s3_does():
            return self._path.read_bytes()

    @value.setter
    def value(self, new_value: bytes) -> None:
        """Nothing: moto sets it when an object is made."""

    @property
    @override
    def response_dict(self) -> dict[str, Any]:
        with self._told_as_s3_does(), self._path.open("rb"):
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
            with suppress(OSError), self._path.open("rb") as file:
                digest = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False))
                self._known_etag = f'"{digest.hexdigest()}"'
        return self._known_etag

    def _look(self) -> tuple[int, int]:
        """Give the size of the file and when it was changed, or what they were at last."""
        with suppress(OSError):
            status = self._path.stat()
            self._known = status.st_size, status.st_mtime_ns
        return self._known

    @contextmanager
    def _told_as_s3_does(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise MissingKey(self.name) from None
        except PermissionError:
            raise S3ClientError("AccessDenied", "the file cannot be read") from None
