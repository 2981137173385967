"""Copy an object in parallel parts, except those that S3 already has."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode
from zlib import crc32

from botocore.exceptions import ClientError
from s3batch_handler import TemporaryFailure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

MIN_PART_SIZE = 256 * 1024**2  # bytes; S3 allows 5 MiB to 5 GiB
MAX_PARTS = 10_000
MAX_COPY_SIZE = 5 * 1024**3  # bytes that S3 copies in one request
MAX_PARALLEL_PARTS = 20
TIME_RESERVE = 15.0  # seconds before the function's timeout, in which no part starts
TIME_TO_END = 9.0  # seconds of these in which parts in progress may end
# Properties of an object that are copied, besides its metadata, tags and checksum.
COPIED_PROPERTIES = (
    "CacheControl",
    "ContentDisposition",
    "ContentEncoding",
    "ContentLanguage",
    "ContentType",
    "Expires",
)


@dataclass(frozen=True)
class MultipartCopy:
    """The copy of an object into another bucket.

    Attributes:
        s3: A client with at least ``MAX_PARALLEL_PARTS`` connections.
        location: The object, as boto3's ``CopySource``.
        source: The response of ``head_object`` for it, with its checksum.
        bucket, key: Bucket and key of the copy.
    """

    s3: Any
    location: Any
    source: Mapping[str, Any]
    bucket: str
    key: str

    def run(self) -> None:
        """Copy the object, or the parts that are still missing.

        S3 keeps the upload and its parts, so an interrupted invocation loses nothing. When this
        returns or raises, no part is being copied.
        """
        ranges = self._ranges()
        upload = self._upload_in_progress(ranges) or self._create_upload()
        copied = {part["PartNumber"] for part in self._parts(upload)}
        missing = [number for number in ranges if number not in copied]

        def copy(number: int) -> None:
            self.s3.upload_part_copy(
                **upload,
                PartNumber=number,
                CopySource=self.location,
                CopySourceRange="bytes={}-{}".format(*ranges[number]),
                CopySourceIfMatch=self.source["ETag"],
            )

        self.s3.meta.events.register(
            "before-send.s3.UploadPartCopy", _refuse_after_end, unique_id="refuse-after-end"
        )
        in_threads(copy, missing)
        self._complete(upload, list(self._parts(upload)))

    def _upload_in_progress(self, ranges: dict[int, tuple[int, int]]) -> dict[str, str] | None:
        """Find the last upload that has parts of this object, and of no other."""
        pages = self.s3.get_paginator("list_multipart_uploads").paginate(
            Bucket=self.bucket, Prefix=self.key
        )
        ids = [
            upload["UploadId"]
            for page in pages
            for upload in page.get("Uploads", ())
            if upload["Key"] == self.key
        ]
        sizes = {number: last - first + 1 for number, (first, last) in ranges.items()}
        for upload in map(self._upload, reversed(ids)):
            parts = list(self._parts(upload))
            if parts and all(part["Size"] == sizes.get(part["PartNumber"]) for part in parts):
                return upload
        return None

    def _create_upload(self) -> dict[str, str]:
        options = {name: self.source[name] for name in COPIED_PROPERTIES if name in self.source}
        # S3 adds CRC64NVME to an object without checksum.
        checksum = self._checksum() or "ChecksumCRC64NVME"
        options["ChecksumAlgorithm"] = checksum.removeprefix("Checksum")
        if self._whole_checksum():
            options["ChecksumType"] = "FULL_OBJECT"
        tags = self.s3.get_object_tagging(**self.location)["TagSet"]
        response = self.s3.create_multipart_upload(
            Bucket=self.bucket,
            Key=self.key,
            Metadata=self.source["Metadata"],
            Tagging=urlencode({tag["Key"]: tag["Value"] for tag in tags}, quote_via=quote),
            **options,
        )
        return self._upload(response["UploadId"])

    def _upload(self, upload_id: str) -> dict[str, str]:
        return {"Bucket": self.bucket, "Key": self.key, "UploadId": upload_id}

    def _ranges(self) -> dict[int, tuple[int, int]]:
        """Divide the object into parts: their numbers, with the first and last byte of each.

        S3 does not return the source of an upload in progress, but it returns the sizes of the
        parts. So their size depends on the object, its version and its content.
        """
        size = self.source["ContentLength"]
        identity = f"{self.location} {self.source['ETag']} {self.source['LastModified']}"
        extra = crc32(identity.encode()) % (MIN_PART_SIZE // 16)  # a number below 2**24
        step = min(max(MIN_PART_SIZE, -(-size // MAX_PARTS)) + extra, MAX_COPY_SIZE)
        starts = enumerate(range(0, size, step), 1)
        return {number: (start, min(start + step, size) - 1) for number, start in starts}

    def _parts(self, upload: dict[str, str]) -> Iterator[dict[str, Any]]:
        for page in self.s3.get_paginator("list_parts").paginate(**upload):
            yield from page.get("Parts", ())

    def _complete(self, upload: dict[str, str], parts: list[dict[str, Any]]) -> None:
        """Complete the upload; S3 compares the object with the checksum of the source."""
        fields = ("PartNumber", "ETag", "Checksum")
        parts = [{name: part[name] for name in part if name.startswith(fields)} for part in parts]
        try:
            self.s3.complete_multipart_upload(
                **upload,
                MultipartUpload={"Parts": parts},
                MpuObjectSize=self.source["ContentLength"],
                **self._whole_checksum(),
            )
        except ClientError as error:
            match error.response["Error"]["Code"]:
                case "BadDigest":
                    self.s3.abort_multipart_upload(**upload)  # so that a retry starts again
                case "InvalidPart":  # S3 sent the task twice: the other one copied a part again
                    raise TemporaryFailure from error
            raise

    def _checksum(self) -> str | None:
        """Return the name of the object's checksum, such as ``ChecksumCRC64NVME``."""
        names = (name for name in self.source if name.startswith("Checksum"))
        return next((name for name in names if name != "ChecksumType"), None)

    def _whole_checksum(self) -> dict[str, str]:
        """Return the checksum if S3 can compare it with an object made of parts: a CRC of all."""
        name = self._checksum()
        if name is None or "CRC" not in name or self.source.get("ChecksumType") != "FULL_OBJECT":
            return {}
        return {name: self.source[name], "ChecksumType": "FULL_OBJECT"}


class _Calls:
    """Calls of a function by several threads."""

    def __init__(self, function: Callable[[int], object], numbers: Iterable[int]) -> None:
        self.function = function
        self.numbers = deque(numbers)
        self.started: list[_Worker] = []
        self.ended: list[_Worker] = []
        self.errors: list[BaseException] = []
        self.is_over = False


class _Worker(threading.Thread):
    def __init__(self, calls: _Calls) -> None:
        super().__init__(daemon=True)
        self.calls = calls

    def run(self) -> None:
        calls = self.calls
        calls.started.append(self)
        try:
            while not calls.is_over:
                try:
                    number = calls.numbers.popleft()
                except IndexError:
                    break
                calls.function(number)
        except BaseException as error:  # in_threads raises it
            calls.errors.append(error)
            calls.is_over = True
        finally:
            calls.ended.append(self)


def in_threads(function: Callable[[int], object], numbers: Iterable[int]) -> None:
    """Call a function for each number, in parallel, and return when all calls have ended.

    After an error, or when the time is up, no further call starts. Running calls get
    ``TIME_TO_END``: after the response, Lambda would freeze them and continue them during the next
    task. A call that takes even longer sends no further request.
    """
    calls = _Calls(function, numbers)
    workers = [_Worker(calls) for _ in range(min(MAX_PARALLEL_PARTS, len(calls.numbers)))]
    try:
        for worker in workers:
            worker.start()
        while len(calls.ended) < len(workers):
            sleep(0.02)
    finally:
        calls.is_over = True
        _wait_for(calls)
    if calls.errors:
        raise calls.errors[0]


def _wait_for(calls: _Calls) -> None:
    """Wait until the calls have ended, at most ``TIME_TO_END``, then raise the last interruption.

    The handler repeatedly interrupts a task that is out of time until it ends.
    """
    until = monotonic() + TIME_TO_END
    interruption: BaseException | None = None
    while True:
        try:
            while len(calls.ended) < len(calls.started) and monotonic() < until:
                sleep(0.02)
            break
        except BaseException as error:
            interruption = error
    if interruption is not None:
        raise interruption


def _refuse_after_end(**_: Any) -> None:
    """Refuse to send a request, or to retry it, when its copy is over."""
    worker = threading.current_thread()
    if isinstance(worker, _Worker) and worker.calls.is_over:
        raise TemporaryFailure("the copy is over")
