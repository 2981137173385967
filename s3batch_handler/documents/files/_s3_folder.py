"""Folders that are prefixes of buckets in S3."""

from __future__ import annotations

import errno
import io
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Protocol

from s3batch_handler.core._aws_errors import aws_error_code
from s3batch_handler.core._typing import override
from s3batch_handler.documents.files._locations import S3_URL, parts_of

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


class S3Folder:
    """A prefix of a bucket."""

    def __init__(self, s3: S3Client, bucket: str, prefix: str = "") -> None:
        self.bucket = bucket
        self._s3 = s3
        self._prefix = prefix

    def key(self, name: str) -> str:
        parts_of(name)
        return f"{self._prefix}/{name}" if self._prefix else name

    def location(self, name: str) -> str:
        return f"{S3_URL}{self.bucket}/{self.key(name)}"

    def read(self, name: str, *, start: int = 0) -> BinaryIO:
        return io.BufferedReader(_S3Object(self._s3, self.bucket, self.key(name), start))

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

    def __init__(self, s3: S3Client, bucket: str, key: str, start: int = 0) -> None:
        super().__init__()
        self._get = partial(s3.get_object, Bucket=bucket, Key=key)
        self._url = f"{S3_URL}{bucket}/{key}"
        self._if_match: dict[str, str] = {}
        self._part = io.BytesIO()
        self._start = self._next = start
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
                case "InvalidRange" if self._next == self._start:
                    return  # there is no byte at this offset; an empty object has none at all
                case "NoSuchKey" | "NoSuchBucket":
                    raise FileNotFoundError(errno.ENOENT, "no such object", self._url) from error
                case "PreconditionFailed":
                    raise OSError(
                        f"{self._url}: overwritten while it was read; read it again"
                    ) from error
            raise
        data = response["Body"].read()
        if "ContentRange" not in response:
            data = data[self._next :]
        self._part = io.BytesIO(data)
        self._next += len(data)
        # A server that does not support ranges omits the header and sends the whole object.
        self._size = int(response.get("ContentRange", f"/{self._next}").rpartition("/")[2])
        self._if_match = {"IfMatch": response["ETag"]}


_PART_SIZE: Final = 8 << 20
