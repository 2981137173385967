"""Copies of objects that are too large for CopyObject. Here, objects are too large from 1 byte."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3batch_handler.core._model import ObjectRef, Outcome
from s3batch_handler.engine._engine import Engine
from s3batch_handler.engine.invoke._answer import ServiceError
from s3batch_handler.engine.invoke._call_threads import Stopped
from s3batch_handler.engine.operations import _copy_in_parts, _put_object_copy
from s3batch_handler.engine.operations._base import Store
from s3batch_handler.engine.operations._copy_in_parts import byte_ranges
from s3batch_handler.engine.operations._request_pace import RequestPace
from s3batch_handler.engine.operations._s3_endpoint import S3Endpoint
from s3batch_handler.engine.operations._s3_requests import S3Requests
from s3batch_handler.engine.operations._table import s3_operation
from s3batch_handler.jobs._operations import Operation
from tests.support.engine_jobs import spec
from tests.support.operation_jobs import TOMORROW, acl_of, copying, refuse, tags_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from s3batch_handler.engine.invoke._answer import Answer

MIB = 1024**2
BODY = bytes(range(256)) * 45056  # 11 MiB
LARGE = ObjectRef(bucket="photos", key="large é.jpg")
COPY = {"Bucket": "copies", "Key": LARGE.key}


class Refusals:
    """The requests that S3 refuses, by the name of the call; copies at first."""

    def __init__(self) -> None:
        self.errors: dict[str, Exception] = {
            "CopyObject": refuse(400, "InvalidRequest", "CopyObject")
        }
        self.calls: list[str] = []

    def __call__(self, model: Any, **_: Any) -> None:
        self.calls.append(model.name)
        if model.name in self.errors:
            raise self.errors[model.name]


@pytest.fixture
def refusals(s3: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Refusals]:
    """Refuse to copy objects; put one with everything that a copy takes over."""
    monkeypatch.setattr(_put_object_copy, "MAX_COPY_BYTES", 1)
    monkeypatch.setattr(_copy_in_parts, "_PART_BYTES", 5 * MIB)
    s3.put_object(
        Bucket="photos",
        Key=LARGE.key,
        Body=BODY,
        ContentType="image/jpeg",
        CacheControl="no-store",
        Metadata={"camera": "old"},
        Tagging="size=big&a=1%20%2B",
    )
    refusals = Refusals()
    s3.meta.events.register("before-call.s3", refusals)
    yield refusals
    s3.meta.events.unregister("before-call.s3", refusals)


def copy(s3: Any, item: ObjectRef = LARGE, **settings: Any) -> Answer:
    operation = Operation.model_validate(copying(**settings))
    return s3_operation(operation, Store(s3, is_imitation=False))(item)


def uploads(s3: Any) -> list[Any]:
    found: list[Any] = s3.list_multipart_uploads(Bucket="copies").get("Uploads", [])
    return found


def test_a_copy_in_parts_has_what_a_copy_has(s3: Any, refusals: Refusals) -> None:
    """Content, metadata and tags; the task says that there were parts."""
    answer = copy(s3, TargetKeyPrefix="2026")

    assert isinstance(answer, Outcome)
    assert answer.message == "Successful (copied in 3 parts)"
    found = s3.get_object(Bucket="copies", Key=f"2026/{LARGE.key}")
    assert found["Body"].read() == BODY
    assert (found["ContentType"], found["CacheControl"]) == ("image/jpeg", "no-store")
    assert found["Metadata"] == {"camera": "old"}
    assert tags_of(s3, Bucket="copies", Key=f"2026/{LARGE.key}") == {"size": "big", "a": "1 +"}
    assert uploads(s3) == []


def test_settings_of_the_operation_replace_what_the_object_has(s3: Any, refusals: Refusals) -> None:
    """Metadata, tags, storage class and permissions."""
    answer = copy(
        s3,
        NewObjectMetadata={"ContentType": "text/plain", "UserMetadata": {"camera": "new"}},
        NewObjectTagging=[{"Key": "new", "Value": "b c"}],
        StorageClass="STANDARD_IA",
        CannedAccessControlList="public-read",
    )

    assert isinstance(answer, Outcome)
    found = s3.head_object(**COPY)
    assert (found["ContentType"], found["Metadata"]) == ("text/plain", {"camera": "new"})
    assert "CacheControl" not in found
    assert found["StorageClass"] == "STANDARD_IA"
    assert tags_of(s3, **COPY) == {"new": "b c"}
    grants = s3.get_object_acl(**COPY)["Grants"]
    assert "READ" in {grant["Permission"] for grant in grants if "URI" in grant["Grantee"]}


def test_a_copy_in_parts_is_locked(s3: Any, refusals: Refusals) -> None:
    """In a bucket with Object Lock: retention and legal hold."""
    s3.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)

    answer = copy(
        s3,
        TargetResource="arn:aws:s3:::locked",
        ObjectLockMode="GOVERNANCE",
        ObjectLockRetainUntilDate=TOMORROW.isoformat(),
        ObjectLockLegalHoldStatus="ON",
    )

    assert isinstance(answer, Outcome)
    found = s3.head_object(Bucket="locked", Key=LARGE.key)
    assert found["ObjectLockMode"] == "GOVERNANCE"
    assert found["ObjectLockRetainUntilDate"] == TOMORROW
    assert found["ObjectLockLegalHoldStatus"] == "ON"


def test_the_checksum_of_the_copy_has_the_algorithm_of_the_operation(
    s3: Any, refusals: Refusals
) -> None:
    """Without one, that of the object."""
    sent: dict[str, Any] = {}

    def note(params: Any, **_: Any) -> None:
        sent.update(params)

    s3.meta.events.register("provide-client-params.s3.CreateMultipartUpload", note)
    try:
        copy(s3, ChecksumAlgorithm="SHA256")
        assert sent["ChecksumAlgorithm"] == "SHA256"
        s3.put_object(Bucket="photos", Key=LARGE.key, Body=BODY, ChecksumAlgorithm="CRC32")
        sent.clear()
        copy(s3)
        assert sent["ChecksumAlgorithm"] == "CRC32"
    finally:
        s3.meta.events.unregister("provide-client-params.s3.CreateMultipartUpload", note)


def test_the_version_of_the_manifest_is_copied(s3: Any, refusals: Refusals) -> None:
    """Not the latest one."""
    s3.put_bucket_versioning(Bucket="photos", VersioningConfiguration={"Status": "Enabled"})
    old = s3.put_object(Bucket="photos", Key=LARGE.key, Body=BODY[::-1])["VersionId"]
    s3.put_object(Bucket="photos", Key=LARGE.key, Body=b"new version")

    answer = copy(s3, ObjectRef(bucket="photos", key=LARGE.key, version_id=old))

    assert isinstance(answer, Outcome)
    assert s3.get_object(**COPY)["Body"].read() == BODY[::-1]


@pytest.mark.parametrize("call", ["UploadPartCopy", "CompleteMultipartUpload"])
def test_a_failed_copy_leaves_no_parts(s3: Any, refusals: Refusals, call: str) -> None:
    """The upload is aborted, and the task has the error of S3."""
    refusals.errors[call] = refuse(403, "AccessDenied", call)

    with pytest.raises(s3.exceptions.ClientError, match="AccessDenied"):
        copy(s3)

    assert uploads(s3) == []
    assert "Contents" not in s3.list_objects_v2(Bucket="copies")


def test_an_object_that_is_replaced_meanwhile_is_not_mixed(
    s3: Any, refusals: Refusals, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The copy fails; its parts may be those of two objects."""
    # moto cannot replace an object while another thread copies it.
    monkeypatch.setattr(_copy_in_parts, "_PARTS_AT_A_TIME", 1)

    def replace(**_: Any) -> None:
        if refusals.calls.count("UploadPartCopy") == 3:
            s3.put_object(Bucket="photos", Key=LARGE.key, Body=b"replaced")

    s3.meta.events.register("after-call.s3.UploadPartCopy", replace)
    try:
        answer = copy(s3)
    finally:
        s3.meta.events.unregister("after-call.s3.UploadPartCopy", replace)

    assert isinstance(answer, ServiceError)
    assert (answer.http_status, answer.error_code) == (412, "PreconditionFailed")
    assert uploads(s3) == []


def test_a_stopped_job_aborts_its_uploads(s3: Any, refusals: Refusals) -> None:
    """No further part is copied."""
    requests = S3Requests(s3, S3Endpoint(RequestPace(4)))
    operation = s3_operation(
        Operation.model_validate(copying()), Store(requests, False, requests.is_stopped)
    )
    s3.meta.events.register("after-call.s3.CreateMultipartUpload", stop := _stopping(requests))
    try:
        with pytest.raises(Stopped):
            operation(LARGE)
    finally:
        s3.meta.events.unregister("after-call.s3.CreateMultipartUpload", stop)

    assert "UploadPartCopy" not in refusals.calls
    assert uploads(s3) == []


def _stopping(requests: S3Requests) -> Any:
    def stop(**_: Any) -> None:
        requests.stopped = threading.Event()
        requests.stopped.set()

    return stop


def test_a_lost_response_to_the_last_request_fails_no_task(s3: Any, refusals: Refusals) -> None:
    """The upload is complete, so S3 does not find it when the request is sent again."""

    def lose(**_: Any) -> None:
        raise refuse(404, "NoSuchUpload", "CompleteMultipartUpload")

    s3.meta.events.register("after-call.s3.CompleteMultipartUpload", lose)
    try:
        answer = copy(s3)
    finally:
        s3.meta.events.unregister("after-call.s3.CompleteMultipartUpload", lose)

    assert isinstance(answer, Outcome)
    assert s3.get_object(**COPY)["Body"].read() == BODY


def test_another_error_of_a_copy_is_the_result(s3: Any, refusals: Refusals) -> None:
    """An object that is not too large is not copied in parts."""
    s3.put_object(Bucket="photos", Key="small", Body=b"1")

    with pytest.raises(s3.exceptions.ClientError, match="InvalidRequest"):
        copy(s3, ObjectRef(bucket="photos", key="small"))

    assert "CreateMultipartUpload" not in refusals.calls


def test_annotations_cannot_be_copied_in_parts(s3: Any, refusals: Refusals) -> None:
    """An upload in parts has no such parameter."""
    answer = copy(s3, AnnotationDirective="COPY")

    assert isinstance(answer, ServiceError)
    assert answer.reason == "AnnotationDirective COPY is not supported for objects over 5 GB"


def test_one_request_copies_an_object(s3: Any, refusals: Refusals) -> None:
    """A store checks size and conditions itself."""
    refusals.errors.clear()

    assert isinstance(copy(s3), Outcome)

    assert refusals.calls == ["CopyObject"]


def test_an_engine_for_aws_and_its_imitations_refuses_large_objects(
    s3: Any, refusals: Refusals
) -> None:
    """As S3 Batch Operations does. With ``existing_s3``, it copies them in parts."""
    refusals.errors.clear()
    s3.put_object(Bucket="photos", Key="0", Body=b"12")
    statuses = []
    for existing_s3 in (False, True):
        with Engine({}, s3=s3, existing_s3=existing_s3) as engine:
            job_id = engine.create_job(spec(s3, 1, Operation=copying()))
            statuses.append(engine.describe_job(job_id).progress.succeeded)

    assert statuses == [0, 1]
    assert acl_of(s3)


@given(st.integers(1, 48 * 1024**4))
def test_parts_are_the_whole_object(size: int) -> None:
    """At most 10,000 parts, of at most 5 GiB, as S3 accepts them."""
    ranges = [byte_range.removeprefix("bytes=").split("-") for byte_range in byte_ranges(size)]

    assert 1 <= len(ranges) <= 10_000
    end = -1
    for first, last in ranges:
        assert int(first) == end + 1
        end = int(last)
        assert end - int(first) < 5 * 1024**3
    assert end == size - 1
