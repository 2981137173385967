"""Where manifests and reports live: a local folder, or a bucket and a prefix in S3.

:func:`open_folder` gives one small interface, :class:`Folder`, for both. What is written appears
whole or not at all; what is read is streamed. An S3 client is handed in, boto3 is not imported.
"""

from __future__ import annotations

import glob
import hashlib
import io
import os
import re
import secrets
import shutil
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Protocol, TypeGuard

from typing_extensions import override

from s3batch_handler.core._aws_errors import aws_error_code

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from typing_extensions import Buffer


class S3Client(Protocol):
    """What is asked of ``boto3.client("s3")``, with boto3's type stubs or without."""

    @property
    def get_object(self) -> Callable[..., Any]: ...
    @property
    def list_objects_v2(self) -> Callable[..., Any]: ...
    @property
    def upload_fileobj(self) -> Callable[..., Any]: ...


class Folder(Protocol):
    """Files by name; a name may have slashes in it, and never leads out of the folder.

    A name that would (``../x``) raises :class:`ValueError`, one that is not there
    :class:`FileNotFoundError`, in S3 too. Other errors of a client come through as they are.
    """

    @property
    def bucket(self) -> str:
        """The bucket's name; for a local folder its own name."""
        ...

    def key(self, name: str) -> str:
        """Give the key of ``name`` in :attr:`bucket`."""
        ...

    def location(self, name: str) -> str:
        """Give a path or an ``s3://`` URL, to show and to open again."""
        ...

    def read(self, name: str) -> BinaryIO:
        """Open a file for streaming; the caller closes it."""
        ...

    def write(self, name: str, source: BinaryIO) -> None:
        """Store what can be read from ``source``: whole, or not at all.

        boto3 closes what it has uploaded, so ``source`` may come back closed.
        """
        ...

    def subfolders(self, start: str) -> Iterator[str]:
        """Give the names of the folders in this one that begin with ``start``."""
        ...


def open_folder(location: str | Path, *, s3: S3Client | None = None) -> Folder:
    """Open a local folder or ``s3://bucket/prefix``; neither needs to be there yet.

    Raises:
        ValueError: ``location`` is an S3 URL without a bucket, or there is no client for it.
    """
    if not is_s3_url(location):
        return LocalFolder(Path(location))
    if s3 is None:
        raise ValueError(f"{location} is in S3: an S3 client is needed (s3=boto3.client('s3'))")
    bucket, prefix = bucket_and_key(location)
    if not bucket:
        raise ValueError(f"{location} names no bucket: give s3://bucket/prefix")
    # One slash only: with a report prefix that ends in one, AWS writes "prefix//job-…".
    return S3Folder(s3, bucket, prefix.removesuffix("/"))


def split_location(location: str | Path) -> tuple[str | Path, str]:
    """Give the folder that a file is in, for :func:`open_folder`, and the file's name in it."""
    if not is_s3_url(location):
        return Path(location).parent, Path(location).name
    folder, _, name = location.rpartition("/")
    return folder, name


def bucket_and_key(url: str) -> tuple[str, str]:
    """Split ``s3://bucket/key``; what is missing is empty."""
    scheme, _, place = url.partition(_S3_URL)
    bucket, _, key = place.partition("/")
    return ("", "") if scheme else (bucket, key)


def is_s3_url(location: str | Path) -> TypeGuard[str]:
    """Tell an ``s3://`` URL from a path."""
    return isinstance(location, str) and location.startswith(_S3_URL)


def bucket_name_for(folder: Path) -> str:
    """Make a valid bucket name of a folder's: ``My Photos`` → ``my-photos``."""
    name = re.sub(r"[^a-z0-9-]+", "-", folder.resolve().name.lower())[:63].strip("-")
    return name if len(name) >= 3 else f"bucket-{name}".rstrip("-")


class LocalFolder:
    """A folder in the file system."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def bucket(self) -> str:
        return self._root.resolve().name

    def key(self, name: str) -> str:
        return name

    def location(self, name: str) -> str:
        return str(self._path(name))

    def read(self, name: str) -> BinaryIO:
        return self._path(name).open("rb")

    def write(self, name: str, source: BinaryIO) -> None:
        path = self._path(name)
        new_folders = [folder for folder in path.parents if not folder.exists()]
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(path.parent, path.name)
        try:
            with _open_part(path) as target:
                part = Path(target.name)
                try:
                    shutil.copyfileobj(source, target, _COPY_SIZE)
                    target.flush()
                    part.replace(path)
                except BaseException:
                    part.unlink(missing_ok=True)
                    raise
        except BaseException:
            for folder in new_folders:
                with suppress(OSError):
                    folder.rmdir()
            raise

    def remove_leftovers(self, name: str) -> None:
        """Remove incomplete files whose writer was killed, but not those of a running writer.

        Only files that :meth:`write` created are removed. In ``name`` an asterisk stands for any
        folder or file. Folders that become empty are removed, too, except this one.
        """
        *folders, file = name.split("/")
        for folder in self._root.glob("/".join(folders)) if folders else (self._root,):
            if not _remove_leftovers(folder, file):
                continue
            for parent in (folder, *folder.parents)[: len(folders)]:
                with suppress(OSError):
                    parent.rmdir()

    def subfolders(self, start: str) -> Iterator[str]:
        start = start.lstrip("/")
        if self._root.is_dir():
            names = (path.name for path in self._root.iterdir() if path.is_dir())
            yield from sorted(name for name in names if name.startswith(start))

    def _path(self, name: str) -> Path:
        parts = _parts(name)
        if any(Path(part).name != part for part in parts):  # a drive or a backslash, on Windows
            raise _refused(name)
        path = self._root.joinpath(*parts)
        if not path.resolve().is_relative_to(self._root.resolve()):  # a link leads out
            raise _refused(name)
        return path


# A file has a temporary name until it is complete. Its writer locks it, so that another process can
# distinguish a file that is being written from one that was left behind.


def _open_part(path: Path) -> BinaryIO:
    while True:
        # tempfile creates files that only the owner can read, but this file is kept.
        part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
        target = part.open("xb")
        _lock(target)
        if os.fstat(target.fileno()).st_nlink:
            return target
        target.close()  # another process removed it as a leftover before it was locked


def _remove_leftovers(folder: Path, name: str) -> int:
    """Remove the incomplete files of writers that were killed; return their number."""
    removed = 0
    names = name if name == "*" else glob.escape(name)
    for part in folder.glob(f".{names}.{'[0-9a-f]' * 8}.part"):
        with suppress(OSError), open(part, "r+b", opener=_open_no_link) as file:
            if _lock(file):
                part.unlink()
                removed += 1
    return removed


def _open_no_link(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))


def _lock(file: BinaryIO) -> bool:
    """Lock a file as long as it is open; return whether this succeeded."""
    try:
        import fcntl  # not on Windows
    except ImportError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # another process holds the lock, or the file system has no locks
        return False
    return True


class S3Folder:
    """A prefix of a bucket."""

    def __init__(self, s3: S3Client, bucket: str, prefix: str = "") -> None:
        self._s3 = s3
        self._bucket = bucket
        self._prefix = prefix

    @property
    def bucket(self) -> str:
        return self._bucket

    def key(self, name: str) -> str:
        _parts(name)
        return f"{self._prefix}/{name}" if self._prefix else name

    def location(self, name: str) -> str:
        return f"{_S3_URL}{self._bucket}/{self.key(name)}"

    def read(self, name: str) -> BinaryIO:
        return io.BufferedReader(_S3Object(self._s3, self._bucket, self.key(name)))

    def write(self, name: str, source: BinaryIO) -> None:
        self._s3.upload_fileobj(source, self._bucket, self.key(name))

    def subfolders(self, start: str) -> Iterator[str]:
        full = self.key(start)
        list_page = partial(
            self._s3.list_objects_v2, Bucket=self._bucket, Prefix=full, Delimiter="/"
        )
        page = list_page()
        while True:
            for found in page.get("CommonPrefixes", ()):
                yield start + found["Prefix"].removeprefix(full).removesuffix("/")
            if not page.get("IsTruncated"):
                return
            page = list_page(ContinuationToken=page["NextContinuationToken"])


class _S3Object(io.RawIOBase):
    """Reads an object part by part, each with a request of its own.

    A manifest is read as slowly as its tasks are done, for hours if need be. S3 would long have
    closed the connection of a single GetObject, and botocore repeats requests, not broken bodies.
    """

    def __init__(self, s3: S3Client, bucket: str, key: str) -> None:
        super().__init__()
        self._get = partial(s3.get_object, Bucket=bucket, Key=key)
        self._url = f"{_S3_URL}{bucket}/{key}"
        self._only_this: dict[str, str] = {}
        self._part = io.BytesIO()
        self._next = 0
        self._size = 0
        self._fetch()

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: Buffer, /) -> int:
        count = self._part.readinto(buffer)
        if not count and self._next < self._size:
            self._fetch()
            count = self._part.readinto(buffer)
        return count

    def _fetch(self) -> None:
        last = self._next + _PART_SIZE - 1
        try:
            answer = self._get(Range=f"bytes={self._next}-{last}", **self._only_this)
        except Exception as error:
            match aws_error_code(error):
                case "InvalidRange" if self._next == 0:
                    return  # an empty object has no first byte
                case "NoSuchKey" | "NoSuchBucket":
                    raise FileNotFoundError(f"{self._url}: no such object") from error
                case "PreconditionFailed":
                    raise OSError(f"{self._url}: overwritten while it was read") from error
            raise
        data = answer["Body"].read()
        self._part = io.BytesIO(data)
        self._next += len(data)
        # Without the header, a server that knows no ranges sent everything.
        self._size = int(answer.get("ContentRange", f"/{self._next}").rpartition("/")[2])
        self._only_this = {"IfMatch": answer["ETag"]}


class HashingReader(io.RawIOBase):
    """Passes on what is read from ``source``; counts it, and takes its MD5."""

    def __init__(self, source: BinaryIO) -> None:
        super().__init__()
        self.count = 0
        self.md5 = hashlib.md5(usedforsecurity=False)
        self._source = source

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: Buffer, /) -> int:
        view = memoryview(buffer)
        chunk = self._source.read(len(view))
        view[: len(chunk)] = chunk
        self.count += len(chunk)
        self.md5.update(chunk)
        return len(chunk)

    @override
    def close(self) -> None:
        self._source.close()
        super().close()


_S3_URL: Final = "s3://"
_COPY_SIZE: Final = 1 << 17
_PART_SIZE: Final = 8 << 20


def _parts(name: str) -> list[str]:
    parts = [part for part in name.split("/") if part]
    if not parts or not {".", ".."}.isdisjoint(parts):
        raise _refused(name)
    return parts


def _refused(name: str) -> ValueError:
    return ValueError(f"{name!r} is no name of a file inside the folder")
