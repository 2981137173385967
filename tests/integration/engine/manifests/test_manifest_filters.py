"""The filters of generated manifests."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from s3batch_handler.engine.manifests._generator import matching_objects

if TYPE_CHECKING:
    from collections.abc import Iterator

from tests.support.manifest_jobs import (
    ACCOUNT,
    KMS_KEY,
    LONG_AGO,
    OTHER_KMS_KEY,
    ManifestJobs,
    answering,
    client,
    generator,
    matching,
    put,
    stored,
    why,
)


@pytest.mark.parametrize(
    ("constraint", "expected"),
    [
        ({"MatchAnyPrefix": ["2024/"]}, ["2024/a.jpg", "2024/b.png"]),
        ({"MatchAnyPrefix": []}, ["2023/a.jpg", "2024/a.jpg", "2024/b.png", "c.gif"]),
        ({"MatchAnySuffix": [".png"]}, ["2024/b.png"]),
        ({"MatchAnySubstring": ["/a"]}, ["2023/a.jpg", "2024/a.jpg"]),
        ({"MatchAnyPrefix": ["2024"], "MatchAnySuffix": [".jpg"]}, ["2024/a.jpg"]),
    ],
)
def test_keys_match_by_prefix_suffix_and_substring(
    jobs: ManifestJobs, constraint: dict[str, Any], expected: list[str]
) -> None:
    """An object must match one text of each list."""
    put("2023/a.jpg", "2024/a.jpg", "2024/b.png", "c.gif")

    jobs.generating(Filter={"KeyNameConstraint": constraint})

    assert sorted(jobs.keys) == expected


def test_sizes_match_strictly(jobs: ManifestJobs) -> None:
    """Greater and less, but not equal."""
    for size in (1, 2, 3, 4):
        put(str(size), Body=b"x" * size)

    jobs.generating(Filter={"ObjectSizeGreaterThanBytes": 1, "ObjectSizeLessThanBytes": 4})

    assert jobs.keys == ["2", "3"]


def test_times_match_strictly(jobs: ManifestJobs) -> None:
    """After and before, but not at."""
    first = datetime(2024, 5, 1, tzinfo=UTC)
    put("0", "1", "2", "3")
    for key in "0123":
        stored(key).last_modified = (first + timedelta(hours=int(key))).replace(tzinfo=None)

    jobs.generating(Filter={"CreatedAfter": first, "CreatedBefore": first + timedelta(hours=3)})

    assert jobs.keys == ["1", "2"]


def test_a_time_without_a_zone_is_utc() -> None:
    """boto3 treats it in the same way."""
    filters = {"CreatedAfter": datetime(2024, 5, 1, 12, tzinfo=UTC).replace(tzinfo=None)}
    with mock_aws():
        client("s3").create_bucket(Bucket="photos")
        put("at", "after")
        stored("at").last_modified = filters["CreatedAfter"]
        stored("after").last_modified = filters["CreatedAfter"] + timedelta(seconds=1)

        assert [item.key for item in matching(**filters)] == ["after"]


def test_any_of_the_storage_classes_matches(jobs: ManifestJobs) -> None:
    """Objects without a storage class are STANDARD."""
    put("standard")
    for storage_class in ("STANDARD_IA", "GLACIER", "DEEP_ARCHIVE"):
        put(storage_class, StorageClass=storage_class)

    jobs.generating(Filter={"MatchAnyStorageClass": ["STANDARD", "GLACIER"]})

    assert sorted(jobs.keys) == ["GLACIER", "standard"]


@pytest.mark.parametrize(
    ("encryption", "expected"),
    [
        ({"SSES3": {}}, ["s3"]),
        ({"SSEKMS": {}}, ["kms", "kms-bucket-key", "kms-other"]),
        ({"SSEKMS": {"KmsKeyArn": KMS_KEY}}, ["kms", "kms-bucket-key"]),
        ({"SSEKMS": {"BucketKeyEnabled": True}}, ["kms-bucket-key"]),
        ({"SSEKMS": {"KmsKeyArn": KMS_KEY, "BucketKeyEnabled": False}}, ["kms"]),
        ({"DSSEKMS": {}}, ["dsse"]),
        ({"DSSEKMS": {"KmsKeyArn": OTHER_KMS_KEY}}, []),
        ({"NOTSSE": {}}, ["none"]),
        ({"SSEC": {}}, []),
    ],
)
def test_encryption_matches_by_kind_and_key(
    jobs: ManifestJobs, encryption: dict[str, Any], expected: list[str]
) -> None:
    """For KMS, key and bucket key may be given."""
    kms = {"ServerSideEncryption": "aws:kms"}
    put("s3", ServerSideEncryption="AES256")
    put("kms", **kms, SSEKMSKeyId=KMS_KEY)
    put("kms-bucket-key", **kms, SSEKMSKeyId=KMS_KEY, BucketKeyEnabled=True)
    put("kms-other", **kms, SSEKMSKeyId=OTHER_KMS_KEY)
    put("dsse", ServerSideEncryption="aws:kms:dsse", SSEKMSKeyId=KMS_KEY)
    put("none")
    stored("none").encryption = None

    job = jobs.generating(Filter={"MatchAnyObjectEncryption": [encryption]})

    assert sorted(jobs.keys) == expected
    if not expected:
        assert why(job)[0] == "ManifestGenerationFailed"


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        (["COMPLETED"], ["done"]),
        (["FAILED", "REPLICA"], ["failed", "replica"]),
        (["NONE"], ["never"]),
    ],
)
def test_replication_statuses_match_versions(
    jobs: ManifestJobs, statuses: list[str], expected: list[str]
) -> None:
    """All versions are listed with their IDs. Pending ones match no status."""
    client("s3").put_bucket_versioning(
        Bucket="photos", VersioningConfiguration={"Status": "Enabled"}
    )
    of_key = {"done": "COMPLETED", "failed": "FAILED", "replica": "REPLICA", "waits": "PENDING"}
    put("never", *of_key)
    for key, status in of_key.items():
        stored(key).metadata["x-amz-replication-status"] = status

    jobs.generating(Filter={"ObjectReplicationStatuses": statuses})

    assert sorted(jobs.keys) == expected
    for task in jobs.tasks:
        assert task["s3VersionId"] == stored(task["s3Key"]).version_id


def replicate(*rules: str) -> bytes:
    """Return a response to GetBucketReplication. Those of moto never have a filter."""
    content = "".join(
        f"<Rule><ID>{number}</ID><Priority>{number}</Priority>{rule}</Rule>"
        for number, rule in enumerate(rules)
    )
    return f"<ReplicationConfiguration><Role>r</Role>{content}</ReplicationConfiguration>".encode()


ENABLED = "<Status>Enabled</Status>"


RED = "<Tag><Key>color</Key><Value>red</Value></Tag>"


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([f"{ENABLED}<Filter><Prefix></Prefix></Filter>"], {"a/blue", "a/red", "b/blue", "b/red"}),
        ([f"{ENABLED}<Filter><Prefix>a/</Prefix></Filter>"], {"a/blue", "a/red"}),
        ([f"{ENABLED}<Prefix>b/</Prefix>"], {"b/blue", "b/red"}),
        ([f"{ENABLED}<Filter>{RED}</Filter>"], {"a/red", "b/red"}),
        ([f"{ENABLED}<Filter><And><Prefix>a/</Prefix>{RED}</And></Filter>"], {"a/red"}),
        (
            [f"{ENABLED}<Filter>{RED}</Filter>", f"{ENABLED}<Filter><Prefix>a/</Prefix></Filter>"],
            {"a/blue", "a/red", "b/red"},
        ),
        (["<Status>Disabled</Status><Filter><Prefix></Prefix></Filter>"], set()),
    ],
)
@mock_aws
def test_replication_rules_match_by_prefix_and_tags(rules: list[str], expected: set[str]) -> None:
    """Disabled rules do not match."""
    s3 = client("s3")
    s3.create_bucket(Bucket="photos")
    s3.put_bucket_versioning(Bucket="photos", VersioningConfiguration={"Status": "Enabled"})
    put("a/blue", "b/blue")
    put("a/red", "b/red", Tagging="color=red&size=1")

    with answering(s3, "GetBucketReplication", "?replication", 200, replicate(*rules)):
        found = matching(EligibleForReplication=True)

    assert {item.key for item in found} == expected


@mock_aws
def test_objects_deleted_during_the_listing_are_left_out() -> None:
    """The job does not fail."""
    s3 = client("s3")
    s3.create_bucket(Bucket="photos")
    put("a", "b", Tagging="color=red")
    rules = replicate(f"{ENABLED}<Filter>{RED}</Filter>")
    gone = b"<Error><Code>NoSuchKey</Code><Message>gone</Message></Error>"

    with (
        answering(s3, "GetBucketReplication", "?replication", 200, rules),
        answering(s3, "GetObjectTagging", "/a?tagging", 404, gone),
    ):
        found = matching(EligibleForReplication=True)

    assert [item.key for item in found] == ["b"]


@mock_aws
def test_no_object_is_eligible_without_replication() -> None:
    """The bucket has no replication configuration."""
    client("s3").create_bucket(Bucket="photos")
    put("a")

    assert matching(EligibleForReplication=True) == []
    assert [item.key for item in matching(EligibleForReplication=False)] == ["a"]


@mock_aws
def test_delete_markers_are_left_out() -> None:
    """A filter about replication lists all versions."""
    s3 = client("s3")
    s3.create_bucket(Bucket="photos")
    put("a")
    s3.put_bucket_versioning(Bucket="photos", VersioningConfiguration={"Status": "Enabled"})
    put("a", "b")
    s3.delete_object(Bucket="photos", Key="b")

    found = matching(ObjectReplicationStatuses=["NONE"])

    assert [item.key for item in found] == ["a", "a", "b"]
    assert len({item.version_id for item in found}) == 3
    assert "null" in {item.version_id for item in found}
    assert [(item.key, item.version_id) for item in matching()] == [("a", None)]


@pytest.mark.parametrize(
    ("status", "filters", "expected"),
    [
        (400, {"SSEC": {}}, ["secret"]),  # S3's answer where the customer's key is needed
        (400, {"SSES3": {}}, []),
        (400, {"NOTSSE": {}}, ["plain"]),
        (404, {"NOTSSE": {}}, ["plain"]),  # deleted meanwhile
    ],
)
@mock_aws
def test_objects_without_a_readable_header_are_decided(
    status: int, filters: dict[str, Any], expected: list[str]
) -> None:
    """S3 refuses HEAD for customer-provided keys. A deleted object is left out."""
    client("s3").create_bucket(Bucket="photos")
    put("plain", "secret")
    stored("plain").encryption = stored("secret").encryption = None

    with answering(client("s3"), "HeadObject", "secret", status):
        found = matching(MatchAnyObjectEncryption=[filters])

    assert [item.key for item in found] == expected


@contextmanager
def requests() -> Iterator[Counter[str]]:
    """Count the requests to S3 by operation."""
    seen: Counter[str] = Counter()

    def note(model: Any, **_: Any) -> None:
        seen[model.name] += 1

    client("s3").meta.events.register("before-call.s3", note)
    try:
        yield seen
    finally:
        client("s3").meta.events.unregister("before-call.s3", note)


@mock_aws
def test_only_necessary_requests_are_made() -> None:
    """Requests for single objects are made only for what the listing lacks."""
    client("s3").create_bucket(Bucket="photos")
    put("a/1.jpg", "a/2.png", "b/1.jpg")
    names = {"MatchAnyPrefix": ["a/"], "MatchAnySuffix": [".jpg"]}

    with requests() as cheap:
        matching(KeyNameConstraint=names, ObjectSizeLessThanBytes=1, CreatedAfter=LONG_AGO)
    with requests() as dear:
        matching(
            KeyNameConstraint=names,
            MatchAnyObjectEncryption=[{"SSES3": {}}],
            ObjectReplicationStatuses=["NONE"],
        )

    assert cheap == {"ListObjectsV2": 1}
    assert dear == {"ListObjectVersions": 1, "HeadObject": 1}


@mock_aws
def test_every_request_has_the_expected_bucket_owner() -> None:
    """S3 compares the owner itself."""
    s3 = client("s3")
    s3.create_bucket(Bucket="photos")
    put("a")
    owners = []

    def note(params: Any, **_: Any) -> None:
        owners.append(params["headers"].get("x-amz-expected-bucket-owner"))

    s3.meta.events.register("before-call.s3", note)
    try:
        list(matching_objects(s3, generator(ACCOUNT, MatchAnyObjectEncryption=[{"SSES3": {}}])))
    finally:
        s3.meta.events.unregister("before-call.s3", note)

    assert owners == [ACCOUNT] * 2


sizes = st.integers(0, 5)


names = st.text("ab/", min_size=1, max_size=4)


@given(
    objects=st.dictionaries(names, sizes, max_size=8),
    prefixes=st.lists(names, max_size=1),
    suffixes=st.lists(names, max_size=1),
    substrings=st.lists(names, max_size=1),
    more=st.none() | sizes,
    less=st.none() | sizes,
)
def test_objects_match_if_they_meet_all_conditions(
    objects: dict[str, int],
    prefixes: list[str],
    suffixes: list[str],
    substrings: list[str],
    more: int | None,
    less: int | None,
) -> None:
    """Each object is listed once."""
    filters = {
        "KeyNameConstraint": {
            "MatchAnyPrefix": prefixes or None,
            "MatchAnySuffix": suffixes or None,
            "MatchAnySubstring": substrings or None,
        },
        "ObjectSizeGreaterThanBytes": more,
        "ObjectSizeLessThanBytes": less,
    }
    expected = [
        key
        for key, size in sorted(objects.items())
        if (not prefixes or any(key.startswith(prefix) for prefix in prefixes))
        and (not suffixes or any(key.endswith(suffix) for suffix in suffixes))
        and (not substrings or any(substring in key for substring in substrings))
        and (more is None or size > more)
        and (less is None or size < less)
    ]
    with mock_aws():
        client("s3").create_bucket(Bucket="photos")
        for key, size in objects.items():
            put(key, Body=b"x" * size)

        assert [item.key for item in matching(**filters)] == expected
