"""Jobs that change tags, access control lists and locks of objects, or restore them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.operation_jobs import (
    DONE,
    EVERYBODY,
    GRANTED,
    GRANTS,
    LOCATION,
    PHOTO,
    TOMORROW,
    acl_of,
    results,
    rows,
    run,
    tags_of,
)


def test_tags_are_replaced(s3: Any) -> None:
    """The old tags are removed. The key is decoded as in manifests."""
    job = run({"S3PutObjectTagging": {"TagSet": [{"Key": "a", "Value": "1 + 1"}]}})

    assert results(job) == DONE
    assert tags_of(s3) == {"a": "1 + 1"}


@pytest.mark.parametrize(
    "operation", [{"S3DeleteObjectTagging": {}}, {"S3PutObjectTagging": {"TagSet": []}}]
)
def test_tags_are_removed(s3: Any, operation: dict[str, Any]) -> None:
    """By the operation, or by an empty set of tags."""
    assert results(run(operation)) == DONE
    assert tags_of(s3) == {}


def test_a_version_is_changed_and_no_other(s3: Any) -> None:
    """The manifest names the version."""
    s3.put_bucket_versioning(Bucket="copies", VersioningConfiguration={"Status": "Enabled"})
    old, new = (s3.put_object(Bucket="copies", Key="k")["VersionId"] for _ in range(2))

    job = run({"S3PutObjectTagging": {"TagSet": [{"Key": "a", "Value": "b"}]}}, f"copies,k,{old}")

    assert results(job) == DONE
    assert tags_of(s3, Bucket="copies", Key="k", VersionId=old) == {"a": "b"}
    assert tags_of(s3, Bucket="copies", Key="k", VersionId=new) == {}


def test_the_null_version_is_the_object_without_versioning(s3: Any) -> None:
    """The version ``null`` also exists in a bucket that never had versioning."""
    assert results(run({"S3DeleteObjectTagging": {}}, f"{PHOTO},null")) == DONE
    assert tags_of(s3) == {}


def test_a_canned_acl_replaces_the_acl(s3: Any) -> None:
    """The object is public afterwards."""
    policy = {"CannedAccessControlList": "public-read"}

    assert results(run({"S3PutObjectAcl": {"AccessControlPolicy": policy}})) == DONE
    assert (EVERYBODY, "READ") in acl_of(s3)


def test_a_list_of_grants_replaces_the_acl(s3: Any) -> None:
    """The object has exactly these grants afterwards."""
    acl = {"Owner": {"ID": "ann"}, "Grants": GRANTS}
    job = run({"S3PutObjectAcl": {"AccessControlPolicy": {"AccessControlList": acl}}})

    assert results(job) == DONE
    assert acl_of(s3) == GRANTED


def test_a_list_without_grants_removes_all_grants(s3: Any) -> None:
    """The object is private afterwards."""
    s3.put_object_acl(**LOCATION, ACL="public-read")
    acl = {"Owner": {"ID": "ann"}}
    job = run({"S3PutObjectAcl": {"AccessControlPolicy": {"AccessControlList": acl}}})

    assert results(job) == DONE
    assert (EVERYBODY, "READ") not in acl_of(s3)


def test_a_legal_hold_is_set_and_removed(s3: Any, locked: str) -> None:
    """One job sets it, another one removes it."""
    for status in ("ON", "OFF"):
        job = run({"S3PutObjectLegalHold": {"LegalHold": {"Status": status}}}, locked)

        assert results(job) == DONE
        hold = s3.get_object_legal_hold(Bucket="locked", Key="k")["LegalHold"]
        assert hold == {"Status": status}


def test_a_retention_is_set(s3: Any, locked: str) -> None:
    """Mode and date are those of the request."""
    retention = {"Mode": "GOVERNANCE", "RetainUntilDate": TOMORROW}
    settings = {"BypassGovernanceRetention": True, "Retention": retention}

    assert results(run({"S3PutObjectRetention": settings}, locked)) == DONE
    kept = s3.head_object(Bucket="locked", Key="k")
    assert (kept["ObjectLockMode"], kept["ObjectLockRetainUntilDate"]) == ("GOVERNANCE", TOMORROW)


def test_a_bucket_without_object_lock_refuses_a_legal_hold(s3: Any) -> None:
    """The row has the message of S3, as in AWS's reports."""
    ((status, http_status, code, message),) = results(
        run({"S3PutObjectLegalHold": {"LegalHold": {"Status": "ON"}}})
    )

    assert (status, http_status, code) == ("failed", 400, "InvalidRequest")
    assert message.startswith(
        "Bucket is missing ObjectLockConfiguration (Service: Amazon S3; Status Code: 400; "
        "Error Code: InvalidRequest; Request ID: "
    )
    assert message.endswith("; Proxy: null)")


def test_archived_objects_are_restored(s3: Any) -> None:
    """An object that is not archived fails its task."""
    s3.put_object(Bucket="photos", Key="cold", StorageClass="GLACIER")
    settings = {"ExpirationInDays": 2, "GlacierJobTier": "BULK"}

    restored, not_archived = rows(run({"S3InitiateRestoreObject": settings}, "photos,cold", PHOTO))

    assert (restored.key, restored.message) == ("cold", "Successful")
    assert "expiry-date" in s3.head_object(Bucket="photos", Key="cold")["Restore"]
    assert (not_archived.http_status, not_archived.error_code) == (403, "InvalidObjectState")
