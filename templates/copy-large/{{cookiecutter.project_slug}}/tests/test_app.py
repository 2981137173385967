"""One object at a time, and the row that it gets in the completion report."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from s3batch_handler.testing import make_context, make_event, run_job

import app
import multipart
from app import handler

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Refuse
    from mypy_boto3_s3 import S3Client

EVENTS = sorted(Path(__file__).parents[1].joinpath("events").glob("*.json"))
MIB = 1024**2
CONTENT = bytes(range(256)) * 4096 * 11  # 11 MiB: three parts


@pytest.fixture(autouse=True)
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Objects above 5 MiB are large ones here, and have parts of 5 MiB."""
    monkeypatch.setattr(app, "LARGEST_COPY", 5 * MIB)
    monkeypatch.setattr(multipart, "PART_SIZE", 5 * MIB)


@pytest.fixture
def source(s3: S3Client) -> str:
    """The key of a large object that has all that an object may have."""
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
    """The requests of the function to S3, by name; uploads are of now: moto has no dates."""
    made: list[str] = []

    def note(model: Any, **_: Any) -> None:
        made.append(model.name)

    def date(parsed: Any, **_: Any) -> None:
        for upload in parsed.get("Uploads", ()):
            upload["Initiated"] = datetime.now(UTC)

    app.s3.meta.events.register("before-call.s3", note)
    app.s3.meta.events.register("after-call.s3.ListMultipartUploads", date)
    yield made
    app.s3.meta.events.unregister("before-call.s3", note)
    app.s3.meta.events.unregister("after-call.s3.ListMultipartUploads", date)


def test_a_small_object_is_copied_in_one_request(
    s3: S3Client, calls: list[str], schema: str
) -> None:
    s3.put_object(Bucket="source", Key="a.txt", Body=b"text", Metadata={"owner": "ann"})

    (row,) = run_job(handler, ["a.txt"], bucket="source", schema_version=schema)

    copy = s3.get_object(Bucket="target", Key="a.txt")
    assert (row.error_code, row.message) == (None, '{"target":"s3://target/a.txt","size":4}')
    assert (copy["Body"].read(), copy["Metadata"]) == (b"text", {"owner": "ann"})
    assert calls == ["HeadObject", "CopyObject"]


def test_a_large_object_is_copied_with_all_that_it_carries(
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


def test_checksums_of_parts_are_handed_in(s3: S3Client, source: str) -> None:
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


def test_a_copy_that_was_cut_short_goes_on_where_it_was(
    s3: S3Client, calls: list[str], source: str
) -> None:
    stuck = threading.Event()

    def hang(params: dict[str, Any], **_: Any) -> None:
        if params["query_string"]["partNumber"] == 3:
            stuck.wait(20)
            raise ConnectionError("the test is over")

    app.s3.meta.events.register("before-call.s3.UploadPartCopy", hang)
    try:
        first = handler(make_event(source, bucket="source"), make_context(timeout=2.5))
    finally:
        app.s3.meta.events.unregister("before-call.s3.UploadPartCopy", hang)
    calls.clear()
    second = handler(make_event(source, bucket="source"), make_context())
    stuck.set()

    assert first["results"][0]["resultCode"] == "TemporaryFailure"
    assert "out of time" in first["results"][0]["resultString"]
    assert second["results"][0]["resultCode"] == "Succeeded"
    assert calls.count("UploadPartCopy") == 1
    assert s3.get_object(Bucket="target", Key=source)["Body"].read() == CONTENT


def test_an_upload_older_than_the_object_is_left_alone(s3: S3Client, source: str) -> None:
    old = s3.create_multipart_upload(Bucket="target", Key=source)["UploadId"]  # 2010, says moto

    (row,) = run_job(handler, [source], bucket="source")

    uploads = s3.list_multipart_uploads(Bucket="target")["Uploads"]
    assert row.error_code is None, row.message
    assert [upload["UploadId"] for upload in uploads] == [old]


def test_parts_of_something_else_are_thrown_away(s3: S3Client, source: str, refuse: Refuse) -> None:
    refuse("BadDigest", 400, "CompleteMultipartUpload")

    (row,) = run_job(handler, [source], bucket="source", max_redrives=0)

    assert row.error_code == "TemporaryFailure"
    assert "Uploads" not in s3.list_multipart_uploads(Bucket="target")


def test_a_task_that_came_twice_is_looked_at_again(source: str, refuse: Refuse) -> None:
    refuse("NoSuchUpload", 404, "UploadPartCopy")

    (row,) = run_job(handler, [source], bucket="source")

    assert row.error_code == "TemporaryFailure"


def test_what_does_not_get_better_is_given_up() -> None:
    (row,) = run_job(handler, ["missing.bin"], bucket="source")

    assert row.error_code == "PermanentFailure"
    assert row.message == "404 calling HeadObject: Not Found"


def test_a_busy_s3_is_asked_again(refuse: Refuse) -> None:
    refuse("SlowDown", 503)

    (row,) = run_job(handler, ["a.bin"], bucket="source")

    assert row.error_code == "TemporaryFailure"  # after three redrives


@pytest.mark.parametrize("path", EVENTS, ids=lambda path: path.stem)
def test_example_events(s3: S3Client, path: Path) -> None:
    s3.put_object(Bucket="source", Key="2024/a b.bin", Body=b"text")

    answer = handler(json.loads(path.read_text()), make_context())

    assert [result["resultCode"] for result in answer["results"]] == ["Succeeded"]
