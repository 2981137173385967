"""S3's own operations on objects of Ceph: what it supports works, the rest ends with one reason."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from s3batch_handler.engine.operations import _copy_in_parts, _put_object_copy
from tests.support.ceph_jobs import DONE
from tests.support.operation_jobs import refuse

if TYPE_CHECKING:
    from tests.support.ceph_jobs import Store

pytestmark = pytest.mark.ceph

TOMORROW = (datetime.now(UTC) + timedelta(days=1)).replace(microsecond=0)
KEY = "a b+ü/c.jpg"
EVERYBODY = "http://acs.amazonaws.com/groups/global/AllUsers"


@pytest.fixture
def line(store: Store) -> str:
    """Create an object with metadata and tags; return its line of a manifest."""
    store.s3.put_object(
        Bucket=store.photos,
        Key=KEY,
        Body=b"photo",
        ContentType="image/jpeg",
        Metadata={"camera": "old"},
        Tagging="size=big",
    )
    return store.line(KEY)


def tags_of(store: Store, bucket: str, key: str = KEY, **version: str) -> dict[str, str]:
    # Ceph 16 leaves out an empty set.
    tags = store.s3.get_object_tagging(Bucket=bucket, Key=key, **version).get("TagSet", ())
    return {tag["Key"]: tag["Value"] for tag in tags}


def test_copies_have_the_content_the_metadata_and_the_tags(store: Store, line: str) -> None:
    """As with CopyObject."""
    job = store.run(store.copying(TargetKeyPrefix="2026"), [line])

    assert store.results(job) == [DONE]
    copy = store.s3.get_object(Bucket=store.copies, Key=f"2026/{KEY}")
    assert (copy["Body"].read(), copy["ContentType"]) == (b"photo", "image/jpeg")
    assert copy["Metadata"] == {"camera": "old"}
    assert tags_of(store, store.copies, f"2026/{KEY}") == {"size": "big"}


def test_copies_can_have_other_metadata_tags_and_permissions(store: Store, line: str) -> None:
    """The settings of the operation replace what the object has."""
    settings = {
        "NewObjectMetadata": {"ContentType": "text/plain", "UserMetadata": {"camera": "new"}},
        "NewObjectTagging": [{"Key": "a", "Value": "1 + 1"}],
        "CannedAccessControlList": "public-read",
    }

    assert store.results(store.run(store.copying(**settings), [line])) == [DONE]

    copy = store.s3.head_object(Bucket=store.copies, Key=KEY)
    assert (copy["ContentType"], copy["Metadata"]) == ("text/plain", {"camera": "new"})
    assert tags_of(store, store.copies) == {"a": "1 + 1"}
    assert EVERYBODY in grantees(store, store.copies)


def test_copies_with_other_metadata_keep_the_tags(store: Store, line: str) -> None:
    """As in S3. Ceph 16 itself loses them."""
    settings = {"NewObjectMetadata": {"ContentType": "text/plain"}}

    assert store.results(store.run(store.copying(**settings), [line])) == [DONE]
    assert tags_of(store, store.copies) == {"size": "big"}


def test_an_object_that_is_copied_onto_itself_keeps_its_tags(store: Store, line: str) -> None:
    """That is how metadata is changed."""
    settings = {
        "TargetResource": f"arn:aws:s3:::{store.photos}",
        "NewObjectMetadata": {"ContentType": "text/plain"},
    }

    assert store.results(store.run(store.copying(**settings), [line])) == [DONE]
    assert store.s3.head_object(Bucket=store.photos, Key=KEY)["ContentType"] == "text/plain"
    assert tags_of(store, store.photos) == {"size": "big"}


def test_the_new_version_gets_the_tags(store: Store, line: str) -> None:
    """In a bucket with versioning, earlier versions keep theirs."""
    store.s3.put_bucket_versioning(
        Bucket=store.copies, VersioningConfiguration={"Status": "Enabled"}
    )
    old = store.s3.put_object(Bucket=store.copies, Key=KEY, Tagging="old=1")["VersionId"]
    settings = {"NewObjectTagging": [{"Key": "a", "Value": "b"}]}

    assert store.results(store.run(store.copying(**settings), [line])) == [DONE]
    assert tags_of(store, store.copies) == {"a": "b"}
    assert tags_of(store, store.copies, VersionId=old) == {"old": "1"}


def test_all_tags_can_be_left_out(store: Store, line: str) -> None:
    """With an empty list of new tags."""
    job = store.run(store.copying(NewObjectTagging=[]), [line])

    assert store.results(job) == [DONE]
    assert tags_of(store, store.copies) == {}


def test_copies_can_be_locked(store: Store, line: str) -> None:
    """With a retention and a legal hold, which Ceph 16 itself ignores."""
    with store.lock() as bucket:
        settings = {
            "TargetResource": f"arn:aws:s3:::{bucket}",
            "ObjectLockMode": "GOVERNANCE",
            "ObjectLockRetainUntilDate": TOMORROW.isoformat(),
            "ObjectLockLegalHoldStatus": "ON",
        }
        job = store.run(store.copying(**settings), [line])
        place = {"Bucket": bucket, "Key": KEY}
        hold = store.s3.get_object_legal_hold(**place)["LegalHold"]["Status"]
        retention = store.s3.get_object_retention(**place)["Retention"]

    assert store.results(job) == [DONE]
    assert (hold, retention["Mode"]) == ("ON", "GOVERNANCE")
    assert retention["RetainUntilDate"] == TOMORROW


def test_objects_that_the_store_refuses_to_copy_are_copied_in_parts(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With metadata and tags, and no parts remain. Here, the limit is 1 byte, not 5 GB."""
    monkeypatch.setattr(_put_object_copy, "MAX_COPY_BYTES", 1)
    monkeypatch.setattr(_copy_in_parts, "_PART_BYTES", 5 * 1024**2)
    body = bytes(range(256)) * 45056  # 11 MiB
    store.s3.put_object(
        Bucket=store.photos, Key=KEY, Body=body, Metadata={"camera": "old"}, Tagging="size=big"
    )

    def refuse_copies(**_: Any) -> None:
        raise refuse(400, "InvalidRequest")

    store.s3.meta.events.register("before-call.s3.CopyObject", refuse_copies)
    (row,) = store.rows(store.run(store.copying(), [store.line(KEY)]))

    assert row.message == "Successful (copied in 3 parts)"
    copy = store.s3.get_object(Bucket=store.copies, Key=KEY)
    assert (copy["Body"].read(), copy["Metadata"]) == (body, {"camera": "old"})
    assert tags_of(store, store.copies) == {"size": "big"}
    assert "Uploads" not in store.s3.list_multipart_uploads(Bucket=store.copies)


def test_conditions_of_a_copy_are_checked(store: Store, line: str) -> None:
    """An object that has not been changed since tomorrow is not copied."""
    job = store.run(store.copying(ModifiedSinceConstraint=TOMORROW.isoformat()), [line])

    assert store.results(job) == [("failed", 412, "PreconditionFailed")]
    assert store.keys(store.copies) == set()


def test_tags_are_replaced_and_removed(store: Store, line: str) -> None:
    """One job sets them, another one removes them."""
    new = {"S3PutObjectTagging": {"TagSet": [{"Key": "a", "Value": "b"}]}}

    assert store.results(store.run(new, [line])) == [DONE]
    assert tags_of(store, store.photos) == {"a": "b"}
    assert store.results(store.run({"S3DeleteObjectTagging": {}}, [line])) == [DONE]
    assert tags_of(store, store.photos) == {}


def grantees(store: Store, bucket: str) -> set[str | None]:
    grants = store.s3.get_object_acl(Bucket=bucket, Key=KEY)["Grants"]
    return {grant["Grantee"].get("URI") for grant in grants}


def test_permissions_are_replaced(store: Store, line: str) -> None:
    """The object is public afterwards."""
    policy = {"CannedAccessControlList": "public-read"}
    job = store.run({"S3PutObjectAcl": {"AccessControlPolicy": policy}}, [line])

    assert store.results(job) == [DONE]
    assert EVERYBODY in grantees(store, store.photos)


def test_legal_holds_are_set_and_removed(store: Store) -> None:
    """S3 does not delete the version in between."""
    with store.lock() as bucket:
        version = store.s3.put_object(Bucket=bucket, Key=KEY)["VersionId"]
        place = {"Bucket": bucket, "Key": KEY, "VersionId": version}
        line = store.line(KEY, version, bucket=bucket)

        hold = store.run({"S3PutObjectLegalHold": {"LegalHold": {"Status": "ON"}}}, [line])
        with pytest.raises(ClientError, match="AccessDenied"):
            store.s3.delete_object(**place)
        release = store.run({"S3PutObjectLegalHold": {"LegalHold": {"Status": "OFF"}}}, [line])
        store.s3.delete_object(**place)

    assert store.results(hold) == store.results(release) == [DONE]


def test_retentions_are_set(store: Store) -> None:
    """Mode and date are those of the request."""
    with store.lock() as bucket:
        version = store.s3.put_object(Bucket=bucket, Key=KEY)["VersionId"]
        place = {"Bucket": bucket, "Key": KEY, "VersionId": version}
        retention = {"Mode": "GOVERNANCE", "RetainUntilDate": TOMORROW.isoformat()}

        job = store.run(
            {"S3PutObjectRetention": {"Retention": retention}},
            [store.line(KEY, version, bucket=bucket)],
        )
        found = store.s3.get_object_retention(**place)["Retention"]
        store.s3.delete_object(**place, BypassGovernanceRetention=True)

    assert store.results(job) == [DONE]
    assert found == {"Mode": "GOVERNANCE", "RetainUntilDate": TOMORROW}


def test_locks_of_a_bucket_without_object_lock_are_refused(store: Store, line: str) -> None:
    """The row has the error of Ceph."""
    job = store.run({"S3PutObjectLegalHold": {"LegalHold": {"Status": "ON"}}}, [line])

    ((status, http_status, code),) = store.results(job)
    assert (status, code) == ("failed", "InvalidRequest")
    assert http_status in (400, 409)


@pytest.mark.parametrize("algorithm", ["SHA256", "MD5"])
def test_checksums_are_computed(store: Store, line: str, algorithm: str) -> None:
    """They are those of the content."""
    settings = {"ChecksumAlgorithm": algorithm, "ChecksumType": "FULL_OBJECT"}
    (row,) = store.rows(store.run({"S3ComputeObjectChecksum": settings}, [line]))

    digest = hashlib.new(algorithm, b"photo").digest()
    assert json.loads(row.message)["checksum_base64"] == base64.b64encode(digest).decode()


@pytest.mark.parametrize(
    "operation",
    [
        {"S3ReplicateObject": {}},
        {"S3InitiateRestoreObject": {"ExpirationInDays": 1, "GlacierJobTier": "BULK"}},
        {
            "S3UpdateObjectEncryption": {
                "ObjectEncryption": {
                    "SSEKMS": {"KMSKeyArn": "arn:aws:kms:us-east-1:123456789012:key/1"}
                }
            }
        },
    ],
    ids=["replication", "restore", "encryption"],
)
def test_what_ceph_does_not_support_ends_the_job(
    store: Store, line: str, operation: dict[str, Any]
) -> None:
    """With one reason, and the object is as before."""
    job = store.run(operation, [line])

    assert job.status == "Failed"
    (reason,) = job.failure_reasons
    assert reason.failure_code == "NotImplemented"
    assert store.s3.get_object(Bucket=store.photos, Key=KEY)["Body"].read() == b"photo"


def test_a_version_is_changed_and_no_other(store: Store) -> None:
    """The manifest names the version."""
    store.s3.put_bucket_versioning(
        Bucket=store.photos, VersioningConfiguration={"Status": "Enabled"}
    )
    old, new = (
        store.s3.put_object(Bucket=store.photos, Key=KEY, Body=body)["VersionId"]
        for body in (b"old", b"new")
    )
    tags = {"S3PutObjectTagging": {"TagSet": [{"Key": "a", "Value": "b"}]}}

    tagged = store.run(tags, [store.line(KEY, old)])
    copied = store.run(store.copying(), [store.line(KEY, old)])

    assert store.results(tagged) == store.results(copied) == [DONE]
    assert tags_of(store, store.photos, VersionId=old) == {"a": "b"}
    assert tags_of(store, store.photos, VersionId=new) == {}
    assert store.s3.get_object(Bucket=store.copies, Key=KEY)["Body"].read() == b"old"


@pytest.mark.parametrize(
    "operation",
    ["S3PutObjectCopy", "S3DeleteObjectTagging", "S3PutObjectAcl", "S3ComputeObjectChecksum"],
)
def test_an_object_that_does_not_exist_fails_its_task(store: Store, operation: str) -> None:
    """The other tasks of the job succeed."""
    settings: dict[str, Any] = {
        "S3PutObjectCopy": store.copying()["S3PutObjectCopy"],
        "S3PutObjectAcl": {"AccessControlPolicy": {"CannedAccessControlList": "private"}},
        "S3ComputeObjectChecksum": {"ChecksumAlgorithm": "SHA256"},
    }
    lines = [*store.put_objects(["a", "b"]), store.line("missing")]

    rows = store.rows(store.run({operation: settings.get(operation, {})}, lines))

    assert {row.key: row.status for row in rows} == {
        "a": "succeeded",
        "b": "succeeded",
        "missing": "failed",
    }
    (message,) = [row.message for row in rows if row.key == "missing"]
    assert "NoSuchKey" in message
