"""Tests of the function: the row of each object in the completion report."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from s3batch_handler.testing import assert_succeeded, make_context, make_event, run_job

import app
import multipart
from app import handler
from multipart import MultipartCopy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import Refuse
    from mypy_boto3_s3 import S3Client
    from s3batch_handler.testing import EventFactory, JobRunner, LambdaContext

EVENTS = sorted(Path(__file__).parents[1].joinpath("events").glob("*.json"))
MIB, GIB = 1024**2, 1024**3
CONTENT = bytes(range(256)) * 4096 * 11  # 11 MiB: three parts


@pytest.fixture(autouse=True)
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the limits to 5 MiB, so that small objects are copied in parts."""
    monkeypatch.setattr(app, "MAX_COPY_SIZE", 5 * MIB)
    monkeypatch.setattr(multipart, "MIN_PART_SIZE", 5 * MIB)


@pytest.fixture
def source(s3: S3Client) -> str:
    """Create a large object with metadata and tags, and return its key."""
    s3.put_object(
        Bucket="source",
        Key="2024/a b.bin",
        Body=CONTENT,
        ContentType="video/mp4",
        CacheControl="no-cache",
        Metadata={"owner": "ann"},
        Tagging="project=a%20b&stage=raw",
    )
    return "2024/a b.bin"


@pytest.fixture
def calls() -> Iterator[list[str]]:
    """Record the names of the function's requests to S3."""
    made: list[str] = []

    def note(model: Any, **_: Any) -> None:
        made.append(model.name)

    app.s3.meta.events.register("before-call.s3", note)
    yield made
    app.s3.meta.events.unregister("before-call.s3", note)


@contextmanager
def before_part_3(do: Callable[[], object], *, fails: bool = True) -> Iterator[None]:
    """Call a function before the third part of a copy, and fail that part."""

    def stop(params: dict[str, Any], **_: Any) -> None:
        if params["query_string"]["partNumber"] == 3:
            do()
            if fails:
                raise ConnectionError("by the test")

    app.s3.meta.events.register("before-call.s3.UploadPartCopy", stop)
    try:
        yield
    finally:
        app.s3.meta.events.unregister("before-call.s3.UploadPartCopy", stop)


def almost_out_of_time() -> LambdaContext:
    """Create a context with five seconds until no further part starts."""
    return make_context(timeout=multipart.TIME_RESERVE + 5)


def workers() -> list[multipart._Worker]:
    """Return the threads that still copy a part."""
    return [
        thread
        for thread in threading.enumerate()
        if isinstance(thread, multipart._Worker) and thread not in thread.calls.ended
    ]


def until_the_copy_is_over() -> None:
    worker = threading.current_thread()
    while isinstance(worker, multipart._Worker) and not worker.calls.is_over:
        time.sleep(0.01)


def until_parts_1_and_2_are_there(s3: S3Client, key: str) -> Callable[[], None]:
    def wait() -> None:
        while parts_of(s3, key) != [1, 2]:
            time.sleep(0.01)

    return wait


def parts_of(s3: S3Client, key: str) -> list[int]:
    """Return the parts of the only upload in progress, if there is one."""
    return [
        part["PartNumber"]
        for upload in s3.list_multipart_uploads(Bucket="target").get("Uploads", ())
        for part in s3.list_parts(Bucket="target", Key=key, UploadId=upload["UploadId"]).get(
            "Parts", ()
        )
    ]


@pytest.mark.s3batch_schemas
def test_a_small_object_is_copied_in_one_request(
    s3: S3Client, calls: list[str], s3batch_job: JobRunner
) -> None:
    s3.put_object(Bucket="source", Key="a.txt", Body=b"text", Metadata={"owner": "ann"})

    (row,) = s3batch_job(handler, ["a.txt"], bucket="source")

    copy = s3.get_object(Bucket="target", Key="a.txt")
    assert (row.error_code, row.message) == (None, '{"target":"s3://target/a.txt","size":4}')
    assert (copy["Body"].read(), copy["Metadata"]) == (b"text", {"owner": "ann"})
    assert calls == ["HeadObject", "CopyObject"]


def test_a_large_object_is_copied_with_its_properties(
    s3: S3Client, calls: list[str], source: str
) -> None:
    (row,) = run_job(handler, [source], bucket="source", user_arguments={"prefix": "copies/"})

    copy = s3.get_object(Bucket="target", Key=f"copies/{source}")
    tags = s3.get_object_tagging(Bucket="target", Key=f"copies/{source}")["TagSet"]
    assert row.error_code is None, row.message
    assert copy["Body"].read() == CONTENT
    assert (copy["ContentType"], copy["CacheControl"]) == ("video/mp4", "no-cache")
    assert copy["Metadata"] == {"owner": "ann"}
    assert tags == [{"Key": "project", "Value": "a b"}, {"Key": "stage", "Value": "raw"}]
    assert calls.count("UploadPartCopy") == 3


def test_a_checksum_of_the_whole_object_is_kept(s3: S3Client, calls: list[str]) -> None:
    upload_id = s3.create_multipart_upload(
        Bucket="source", Key="a.bin", ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT"
    )["UploadId"]
    part = s3.upload_part(
        Bucket="source", Key="a.bin", UploadId=upload_id, PartNumber=1, Body=CONTENT
    )
    s3.complete_multipart_upload(
        Bucket="source",
        Key="a.bin",
        UploadId=upload_id,
        MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]},
    )

    (row,) = run_job(handler, ["a.bin"], bucket="source")

    assert row.error_code is None, row.message
    original, copy = (
        s3.head_object(Bucket=bucket, Key="a.bin", ChecksumMode="ENABLED")
        for bucket in ("source", "target")
    )
    assert copy["ChecksumType"] == "FULL_OBJECT"
    assert copy["ChecksumCRC32"] == original["ChecksumCRC32"]


def test_checksums_of_parts_are_sent_with_the_completion(s3: S3Client, source: str) -> None:
    given: list[str] = []

    def add(parsed: Any, **_: Any) -> None:  # moto has none
        for part in parsed.get("Parts", ()):
            part["ChecksumSHA256"] = f"of part {part['PartNumber']}"

    def note(params: Any, **_: Any) -> None:
        given.extend(part["ChecksumSHA256"] for part in params["MultipartUpload"]["Parts"])

    app.s3.meta.events.register("after-call.s3.ListParts", add)
    app.s3.meta.events.register("provide-client-params.s3.CompleteMultipartUpload", note)
    try:
        run_job(handler, [source], bucket="source")
    finally:
        app.s3.meta.events.unregister("after-call.s3.ListParts", add)
        app.s3.meta.events.unregister("provide-client-params.s3.CompleteMultipartUpload", note)

    assert given == ["of part 1", "of part 2", "of part 3"]


def test_an_interrupted_copy_continues_with_the_missing_parts(
    s3: S3Client, calls: list[str], source: str
) -> None:
    """Parts in progress when the time is up end before the function responds."""
    with before_part_3(until_the_copy_is_over):
        first = handler(make_event(source, bucket="source"), almost_out_of_time())
    still_running, there = workers(), parts_of(s3, source)
    calls.clear()
    second = handler(make_event(source, bucket="source"), make_context(timeout=900))

    assert first["results"][0]["resultCode"] == "TemporaryFailure"
    assert "out of time" in first["results"][0]["resultString"]
    assert still_running == []
    assert second["results"][0]["resultCode"] == "Succeeded"
    assert 3 not in there
    assert calls.count("UploadPartCopy") == 3 - len(there)
    assert s3.get_object(Bucket="target", Key=source)["Body"].read() == CONTENT


def test_a_part_that_does_not_end_is_not_copied_after_the_response(
    monkeypatch: pytest.MonkeyPatch, s3: S3Client, source: str
) -> None:
    """A call that exceeds its time sends no request when it continues."""
    monkeypatch.setattr(multipart, "TIME_TO_END", 0.1)
    responded = threading.Event()

    with before_part_3(lambda: responded.wait(60), fails=False):
        response = handler(make_event(source, bucket="source"), almost_out_of_time())
        (stuck,) = workers()
        responded.set()
        stuck.join(60)

    assert response["results"][0]["resultCode"] == "TemporaryFailure"
    assert 3 not in parts_of(s3, source)


def test_an_error_of_one_part_waits_for_the_others(s3: S3Client, source: str) -> None:
    """Parts in progress end; none is copied after the response."""
    failed = threading.Event()

    def after_the_error(params: dict[str, Any], **_: Any) -> None:
        if params["query_string"]["partNumber"] < 3:
            failed.wait(60)

    app.s3.meta.events.register("before-call.s3.UploadPartCopy", after_the_error)
    try:
        with before_part_3(failed.set):
            response = handler(make_event(source, bucket="source"), make_context(timeout=900))
    finally:
        app.s3.meta.events.unregister("before-call.s3.UploadPartCopy", after_the_error)

    assert workers() == []
    assert response["results"][0]["resultCode"] == "TemporaryFailure"
    assert "by the test" in response["results"][0]["resultString"]


@pytest.mark.parametrize("numbers", [0, 1, 5, 100])
def test_every_part_is_copied_once(numbers: int) -> None:
    copied: list[int] = []

    multipart.in_threads(copied.append, range(numbers))

    assert sorted(copied) == list(range(numbers))
    assert workers() == []


def test_parts_of_another_object_are_not_used(s3: S3Client, source: str) -> None:
    """S3 does not return the source of parts, but the sizes of parts depend on it."""
    s3.create_bucket(Bucket="other")
    s3.put_object(Bucket="other", Key=source, Body=CONTENT[::-1], Metadata={"owner": "bob"})
    with before_part_3(until_parts_1_and_2_are_there(s3, source)):
        run_job(handler, [source], bucket="other", max_redrives=0)

    (row,) = run_job(handler, [source], bucket="source")

    copy = s3.get_object(Bucket="target", Key=source)
    assert row.error_code is None, row.message
    assert (copy["Body"].read() == CONTENT, copy["Metadata"]) == (True, {"owner": "ann"})
    assert parts_of(s3, source) == [1, 2]


def test_an_upload_without_parts_is_not_used(s3: S3Client, source: str) -> None:
    """Another program may have created it, with other metadata."""
    other_id = s3.create_multipart_upload(Bucket="target", Key=source)["UploadId"]

    run_job(handler, [source], bucket="source")

    (left,) = s3.list_multipart_uploads(Bucket="target")["Uploads"]
    assert left["UploadId"] == other_id
    assert s3.head_object(Bucket="target", Key=source)["Metadata"] == {"owner": "ann"}


@pytest.mark.parametrize("size", [5 * GIB + 1, 10**13, 48 * 1024 * GIB, 10_000 * 5 * GIB])
def test_parts_of_the_largest_objects_are_within_the_limits_of_s3(
    monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.undo()
    source = {"ContentLength": size, "ETag": '"1"', "LastModified": datetime.now(UTC)}

    ranges = MultipartCopy(None, {}, source, "target", "a.bin")._ranges()

    sizes = [last - first + 1 for first, last in ranges.values()]
    assert list(ranges) == list(range(1, len(sizes) + 1))
    assert sum(sizes) == size
    assert (len(sizes) <= 10_000, max(sizes) <= 5 * GIB) == (True, True)
    assert min(sizes[:-1]) >= 5 * MIB


def test_an_upload_with_a_wrong_checksum_is_aborted(
    s3: S3Client, source: str, refuse: Refuse
) -> None:
    refuse("BadDigest", 400, "CompleteMultipartUpload")

    (row,) = run_job(handler, [source], bucket="source", max_redrives=0)

    assert row.error_code == "TemporaryFailure"
    assert "Uploads" not in s3.list_multipart_uploads(Bucket="target")


@pytest.mark.parametrize(
    ("operation", "code", "status"),
    [("UploadPartCopy", "NoSuchUpload", 404), ("CompleteMultipartUpload", "InvalidPart", 400)],
)
def test_a_task_that_s3_sent_twice_is_retried(
    source: str, refuse: Refuse, operation: str, code: str, status: int
) -> None:
    """The other task has completed the upload, or copied a part again."""
    refuse(code, status, operation)

    (row,) = run_job(handler, [source], bucket="source", max_redrives=0)

    assert row.error_code == "TemporaryFailure"
    assert code in row.message


def test_an_object_is_not_copied_onto_itself(s3: S3Client, calls: list[str]) -> None:
    s3.put_object(Bucket="target", Key="a.bin", Body=CONTENT)
    calls.clear()

    (row,) = run_job(handler, ["a.bin"], bucket="target")
    (other,) = run_job(handler, ["a.bin"], bucket="target", user_arguments={"prefix": "copies/"})

    assert (row.error_code, other.error_code) == ("PermanentFailure", None)
    assert calls.count("CompleteMultipartUpload") == 1


def test_a_misspelled_argument_fails_every_task(s3: S3Client, source: str) -> None:
    """Otherwise the copies would get other keys."""
    (row,) = run_job(handler, [source], bucket="source", user_arguments={"prefx": "copies/"})

    assert row.error_code == "PermanentFailure"
    assert "prefx" in row.message
    assert "Contents" not in s3.list_objects_v2(Bucket="target")


def test_permanent_failures_are_not_retried() -> None:
    (row,) = run_job(handler, ["missing.bin"], bucket="source")

    assert row.error_code == "PermanentFailure"
    assert row.message.startswith("404 calling HeadObject: Not Found")


def test_a_throttled_request_is_retried(refuse: Refuse) -> None:
    refuse("SlowDown", 503)

    (row,) = run_job(handler, ["a.bin"], bucket="source")

    assert row.error_code == "TemporaryFailure"  # after three redrives


@pytest.mark.parametrize("path", EVENTS, ids=lambda path: path.stem)
def test_example_events_succeed(s3: S3Client, s3batch_event: EventFactory, path: Path) -> None:
    s3.put_object(Bucket="source", Key="2024/a b.bin", Body=b"text")

    response = handler(s3batch_event.load(path), make_context())

    assert_succeeded(response)
