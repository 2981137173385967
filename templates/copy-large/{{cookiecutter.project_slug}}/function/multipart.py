"""Copy an object part by part, many at a time; parts that S3 has already are not copied again."""

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

PART_SIZE = 256 * 1024**2  # bytes, at least: S3 takes 5 MiB to 5 GiB, and at most 10,000 parts
MOST_PARTS = 10_000
LARGEST_COPY = 5 * 1024**3  # bytes that S3 copies in one request
PARTS_AT_A_TIME = 20
TIME_RESERVE = 15.0  # seconds before the function's timeout, in which no part starts
TIME_TO_END = 9.0  # seconds of these in which parts in progress can end
# What of an object an upload is told when it begins, besides its metadata, tags and checksum.
KEPT = (
    "CacheControl",
    "ContentDisposition",
    "ContentEncoding",
    "ContentLanguage",
    "ContentType",
    "Expires",
)


@dataclass(frozen=True)
class MultipartCopy:
    """An object on its way to another bucket.

    Attributes:
        s3: A client that has a connection for each of ``PARTS_AT_A_TIME``.
        location: The object, as boto3's ``CopySource``.
        source: What ``head_object`` tells of it, with its checksum.
        bucket, key: Where it goes.
    """

    s3: Any
    location: Any
    source: Mapping[str, Any]
    bucket: str
    key: str

    def run(self) -> None:
        """Copy the object, or what is still missing of it.

        The upload and its parts are S3's to keep: an invocation that is cut short loses nothing.
        When this returns or raises, no part is being copied any more.
        """
        ranges = self._ranges()
        upload = self._upload_in_progress(ranges) or self._begin()
        there = {part["PartNumber"] for part in self._parts(upload)}
        missing = [number for number in ranges if number not in there]

        def copy(number: int) -> None:
            self.s3.upload_part_copy(
                **upload,
                PartNumber=number,
                CopySource=self.location,
                CopySourceRange="bytes={}-{}".format(*ranges[number]),
                CopySourceIfMatch=self.source["ETag"],
            )

        self.s3.meta.events.register(
            "before-send.s3.UploadPartCopy", _refuse_after_the_end, unique_id="after-the-end"
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

    def _begin(self) -> dict[str, str]:
        options = {name: self.source[name] for name in KEPT if name in self.source}
        checksum = self._checksum() or "ChecksumCRC64NVME"  # which S3 adds to what has none
        options["ChecksumAlgorithm"] = checksum.removeprefix("Checksum")
        if self._whole_checksum():
            options["ChecksumType"] = "FULL_OBJECT"
        tags = self.s3.get_object_tagging(**self.location)["TagSet"]
        answer = self.s3.create_multipart_upload(
            Bucket=self.bucket,
            Key=self.key,
            Metadata=self.source["Metadata"],
            Tagging=urlencode({tag["Key"]: tag["Value"] for tag in tags}, quote_via=quote),
            **options,
        )
        return self._upload(answer["UploadId"])

    def _upload(self, upload_id: str) -> dict[str, str]:
        return {"Bucket": self.bucket, "Key": self.key, "UploadId": upload_id}

    def _ranges(self) -> dict[int, tuple[int, int]]:
        """Cut the object into parts: their numbers, with the first and last byte of each.

        S3 does not tell what an upload in progress is of, but it tells the sizes of the parts. So
        they are made to differ: from those of another object, another version, an earlier content.
        """
        size = self.source["ContentLength"]
        what = f"{self.location} {self.source['ETag']} {self.source['LastModified']}"
        own = crc32(what.encode()) % (PART_SIZE // 16)  # a number below 2**24
        step = min(max(PART_SIZE, -(-size // MOST_PARTS)) + own, LARGEST_COPY)
        starts = enumerate(range(0, size, step), 1)
        return {number: (start, min(start + step, size) - 1) for number, start in starts}

    def _parts(self, upload: dict[str, str]) -> Iterator[dict[str, Any]]:
        for page in self.s3.get_paginator("list_parts").paginate(**upload):
            yield from page.get("Parts", ())

    def _complete(self, upload: dict[str, str], parts: list[dict[str, Any]]) -> None:
        """Make an object of the parts; S3 compares it with the checksum that the source has."""
        told = ("PartNumber", "ETag", "Checksum")
        parts = [{name: part[name] for name in part if name.startswith(told)} for part in parts]
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
                    self.s3.abort_multipart_upload(**upload)  # or the next try would go on with it
                case "InvalidPart":  # the same task, sent twice, has just copied a part once more
                    raise TemporaryFailure from error
            raise

    def _checksum(self) -> str | None:
        """Name the checksum that the object has: ``ChecksumCRC64NVME`` and the like."""
        names = (name for name in self.source if name.startswith("Checksum"))
        return next((name for name in names if name != "ChecksumType"), None)

    def _whole_checksum(self) -> dict[str, str]:
        """Give it, if it is one that S3 can compare with what it makes of parts: a CRC of all."""
        name = self._checksum()
        if name is None or "CRC" not in name or self.source.get("ChecksumType") != "FULL_OBJECT":
            return {}
        return {name: self.source[name], "ChecksumType": "FULL_OBJECT"}


class _Calls:
    """Calls that several threads share."""

    def __init__(self, function: Callable[[int], object], numbers: Iterable[int]) -> None:
        self.function = function
        self.todo = deque(numbers)
        self.begun: list[_Worker] = []
        self.ended: list[_Worker] = []
        self.errors: list[BaseException] = []
        self.is_over = False


class _Worker(threading.Thread):
    def __init__(self, calls: _Calls) -> None:
        super().__init__(daemon=True)
        self.calls = calls

    def run(self) -> None:
        calls = self.calls
        calls.begun.append(self)
        try:
            while not calls.is_over:
                try:
                    number = calls.todo.popleft()
                except IndexError:  # nothing is left
                    break
                calls.function(number)
        except BaseException as error:  # noqa: BLE001  raised by in_threads
            calls.errors.append(error)
            calls.is_over = True
        finally:
            calls.ended.append(self)


def in_threads(function: Callable[[int], object], numbers: Iterable[int]) -> None:
    """Call a function for each number, many at a time, and return when all calls have ended.

    After an error, or when the time is up, no call begins any more. Those that have begun get
    ``TIME_TO_END``: what runs on after the function has answered is frozen with its environment,
    and disturbs the next task. A call that takes even longer sends no further request.
    """
    calls = _Calls(function, numbers)
    workers = [_Worker(calls) for _ in range(min(PARTS_AT_A_TIME, len(calls.todo)))]
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
    """Wait until the calls have ended, at most ``TIME_TO_END``, whatever interrupts it.

    The handler interrupts a task that is out of time again and again until it ends.
    """
    until = monotonic() + TIME_TO_END
    interruption: BaseException | None = None
    while True:
        try:
            while len(calls.ended) < len(calls.begun) and monotonic() < until:
                sleep(0.02)
            break
        except BaseException as error:  # noqa: BLE001  raised below
            interruption = error
    if interruption is not None:
        raise interruption


def _refuse_after_the_end(**_: Any) -> None:
    """Refuse to send a request, or to retry it, when its copy is over."""
    worker = threading.current_thread()
    if isinstance(worker, _Worker) and worker.calls.is_over:
        raise TemporaryFailure("the copy is over")
