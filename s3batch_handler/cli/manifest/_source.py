"""The manifest that a command reads: a file, an object in S3, or standard input."""

from __future__ import annotations

import hashlib
import shutil
import sys
import tempfile
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar, cast

from s3batch_handler.cli._errors import InvalidArgument, error_line
from s3batch_handler.cli._paths import check_s3_url
from s3batch_handler.core._aws_errors import AwsError, aws_error_code
from s3batch_handler.core._errors import ManifestError
from s3batch_handler.documents.files._folder import open_folder
from s3batch_handler.documents.files._locations import bucket_and_key, is_s3_url

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Self

    from s3batch_handler.cli._s3 import HasClient

_T = TypeVar("_T")


class ManifestSource:
    """A manifest that may be read more than once. Standard input is copied to a temporary file."""

    def __init__(self, location: str, s3: HasClient) -> None:
        check_s3_url(location, "FILE")
        self.location = location
        self.s3 = s3
        self._standard_input: BinaryIO | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._standard_input is not None:
            self._standard_input.close()

    @property
    def is_inventory(self) -> bool:
        """Return whether this is the ``manifest.json`` of an inventory."""
        return self.location.endswith(".json")

    @property
    def is_in_s3(self) -> bool:
        """Return whether the manifest is an object."""
        return is_s3_url(self.location)

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Open the manifest at its start.

        Raises:
            InvalidArgument: It cannot be opened.
        """
        with _unreadable(self.location):
            stream = self._open()
        try:
            yield stream
        finally:
            if stream is not self._standard_input:
                stream.close()

    def reading(self, items: Iterable[_T]) -> Iterator[_T]:
        """Yield what is read from the manifest.

        Raises:
            InvalidArgument: The manifest cannot be read.
        """
        with _unreadable(self.location):
            yield from items

    def stored(self) -> Mapping[str, Any]:
        """Return the response of HeadObject for a manifest in S3, or of a file its MD5 as ETag.

        An object with SSE-C cannot be described without its key; the response names SSE-C only.

        Raises:
            InvalidArgument: The manifest cannot be read.
        """
        if not self.is_in_s3:
            with self.open() as stream:
                digest = partial(hashlib.md5, usedforsecurity=False)
                return {"ETag": hashlib.file_digest(cast("Any", stream), digest).hexdigest()}
        bucket, key = bucket_and_key(self.location)
        with _unreadable(self.location):
            try:
                response: Mapping[str, Any] = self.s3.client.head_object(Bucket=bucket, Key=key)
            except Exception:
                # The response to HEAD has no code. S3 names SSE-C when the object is read.
                if not self._needs_key(bucket, key):
                    raise
                return {"SSECustomerAlgorithm": "AES256"}
        return response

    def _needs_key(self, bucket: str, key: str) -> bool:
        try:
            self.s3.client.get_object(Bucket=bucket, Key=key, Range="bytes=0-0")
        except Exception as error:
            aws = AwsError.from_exception(error)
            return aws is not None and aws.code == "InvalidRequest" and "Encryption" in aws.message
        return False

    def _open(self) -> BinaryIO:
        if self.is_in_s3:
            bucket, key = bucket_and_key(self.location)
            return open_folder(f"s3://{bucket}", s3=self.s3.client).read(key)
        if self.location != "-":
            return Path(self.location).open("rb")
        if self._standard_input is None:
            if cast("Any", sys.stdin) is None:  # the parent process closed it
                raise InvalidArgument("FILE -: standard input is closed. Name a file")
            self._standard_input = _copied(sys.stdin.buffer)
        self._standard_input.seek(0)
        return self._standard_input


def _copied(stream: BinaryIO) -> BinaryIO:
    copy = temporary_file()
    shutil.copyfileobj(stream, copy)
    return copy


def temporary_file() -> BinaryIO:
    """Open a temporary file, which is removed when it is closed."""
    return cast("BinaryIO", tempfile.TemporaryFile(prefix="s3batch-manifest-"))


@contextmanager
def _unreadable(location: str) -> Iterator[None]:
    """Turn errors of files and of S3 into wrong arguments: exit code 2."""
    try:
        yield
    except InvalidArgument:
        raise
    except Exception as error:
        if isinstance(error, OSError):
            text = error_line(error)
        elif isinstance(error, ManifestError):
            text = str(error)
        elif aws_error_code(error) in ("404", "NoSuchKey", "NoSuchBucket"):
            text = f"{location}: there is no such object"
        elif aws_error_code(error) is not None or type(error).__module__.startswith("botocore."):
            text = f"{location}: {error_line(error)}"
        else:
            raise
        raise InvalidArgument(
            f"{text}. Check the path or URL, and the permission to read it"
        ) from error
