"""Folders of manifests and reports: a directory, or a prefix of a bucket in S3.

:func:`open_folder` returns both with one interface, :class:`Folder`.
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
    """The methods of ``boto3.client("s3")`` that are called, with or without boto3's type stubs."""

    @property
    def get_object(self) -> Callable[..., Any]: ...
    @property
    def list_objects_v2(self) -> Callable[..., Any]: ...
    @property
    def upload_fileobj(self) -> Callable[..., Any]: ...


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

    def read(self, name: str) -> BinaryIO:
        """Open a file for streaming; the caller closes it."""
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


def split_location(location: str | Path) -> tuple[str | Path, str]:
    """Return the folder of a file, for :func:`open_folder`, and the name of the file in it."""
    if not is_s3_url(location):
        return Path(location).parent, Path(location).name
    folder, _, name = location.rpartition("/")
    return folder, name


def bucket_and_key(url: str) -> tuple[str, str]:
    """Split ``s3://bucket/key``; a missing part is empty."""
    scheme, _, place = url.partition(_S3_URL)
    bucket, _, key = place.partition("/")
    return ("", "") if scheme else (bucket, key)


def is_s3_url(location: str | Path) -> TypeGuard[str]:
    """Return whether this is an ``s3://`` URL, not a path."""
    return isinstance(location, str) and location.startswith(_S3_URL)


def bucket_name_for(folder: Path) -> str:
    """Return a valid bucket name for a folder: ``My Photos`` → ``my-photos``."""
    name = re.sub(r"[^a-z0-9-]+", "-", folder.resolve().name.lower())[:63].strip("-")
    return name if len(name) >= 3 else f"bucket-{name}".rstrip("-")


class LocalFolder:
    """A directory."""

    def __init__(self, root: Path) -> None:
        self.bucket = root.resolve().name
        self._root = root

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
        part = None
        try:
            with _open_part(path) as target:
                part = Path(target.name)
                shutil.copyfileobj(source, target, _COPY_SIZE)
                target.flush()
                part.replace(path)
        except BaseException:
            if part is not None:
                part.unlink(missing_ok=True)
            for folder in new_folders:
                with suppress(OSError):
                    folder.rmdir()
            raise

    def remove_leftovers(self, name: str) -> None:
        """Remove incomplete files whose writer was killed, but not those of a running writer.

        Only files that :meth:`write` created are removed. ``name`` may contain asterisks, which
        match any folder or file. Folders that become empty are removed, too, except this one.
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
            raise _invalid_name(name)
        path = self._root.joinpath(*parts)
        if not path.resolve().is_relative_to(self._root.resolve()):  # a link leads out
            raise _invalid_name(name)
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
        self.bucket = bucket
        self._s3 = s3
        self._prefix = prefix

    def key(self, name: str) -> str:
        _parts(name)
        return f"{self._prefix}/{name}" if self._prefix else name

    def location(self, name: str) -> str:
        return f"{_S3_URL}{self.bucket}/{self.key(name)}"

    def read(self, name: str) -> BinaryIO:
        return io.BufferedReader(_S3Object(self._s3, self.bucket, self.key(name)))

    def write(self, name: str, source: BinaryIO) -> None:
        self._s3.upload_fileobj(source, self.bucket, self.key(name))

    def subfolders(self, start: str) -> Iterator[str]:
        full = self.key(start)
        request = {"Bucket": self.bucket, "Prefix": full, "Delimiter": "/"}
        while True:
            page = self._s3.list_objects_v2(**request)
            for found in page.get("CommonPrefixes", ()):
                yield start + found["Prefix"].removeprefix(full).removesuffix("/")
            if not page.get("IsTruncated"):
                return
            request["ContinuationToken"] = page["NextContinuationToken"]


class _S3Object(io.RawIOBase):
    """Reads an object in parts, each with its own request.

    A manifest is read while its tasks run, for hours. S3 would close the connection of a single
    GetObject, and botocore does not repeat a request whose response body is interrupted.
    """

    def __init__(self, s3: S3Client, bucket: str, key: str) -> None:
        super().__init__()
        self._get = partial(s3.get_object, Bucket=bucket, Key=key)
        self._url = f"{_S3_URL}{bucket}/{key}"
        self._if_match: dict[str, str] = {}
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
            response = self._get(Range=f"bytes={self._next}-{last}", **self._if_match)
        except Exception as error:
            match aws_error_code(error):
                case "InvalidRange" if self._next == 0:
                    return  # an empty object has no first byte
                case "NoSuchKey" | "NoSuchBucket":
                    raise FileNotFoundError(f"{self._url}: no such object") from error
                case "PreconditionFailed":
                    raise OSError(
                        f"{self._url}: overwritten while it was read; read it again"
                    ) from error
            raise
        data = response["Body"].read()
        self._part = io.BytesIO(data)
        self._next += len(data)
        # A server that does not support ranges omits the header and sends the whole object.
        self._size = int(response.get("ContentRange", f"/{self._next}").rpartition("/")[2])
        self._if_match = {"IfMatch": response["ETag"]}


class HashingReader(io.RawIOBase):
    """Reads from ``source``; counts the bytes and computes their MD5."""

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
        raise _invalid_name(name)
    return parts


def _invalid_name(name: str) -> ValueError:
    return ValueError(f"{name!r} is not the name of a file inside the folder")
