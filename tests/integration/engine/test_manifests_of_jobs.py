"""Jobs over S3 Inventory reports, and over manifests that S3 makes itself."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
from collections import Counter
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from hypothesis import given, settings
from hypothesis import strategies as st
from moto import mock_aws
from moto.s3.models import s3_backends

from s3batch_handler.documents._inventory import read_inventory
from s3batch_handler.engine._engine import Engine
from s3batch_handler.engine.manifests._generator import matching_objects
from s3batch_handler.jobs._job import Job, JobSpec
from s3batch_handler.jobs._manifests import S3ManifestGenerator
from s3batch_handler.jobs._status import JobStatus
from s3batch_handler.testing import mock_s3batch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

ACCOUNT = "123456789012"
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
KMS_KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
OTHER_KMS_KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/00000000-12ab-34cd-56ef-1234567890ab"


@cache
def client(service: str) -> Any:
    session: Any = boto3.Session("testing", "testing", region_name="us-east-1")
    return session.client(service)


class World:
    """A bucket ``photos``, S3 Control, and the events that the function has been called with."""

    def __init__(self) -> None:
        self.tasks: list[dict[str, Any]] = []

    def function(self, event: Any, context: Any) -> Any:
        (task,) = event["tasks"]
        self.tasks.append(task)
        return {
            "invocationSchemaVersion": event["invocationSchemaVersion"],
            "invocationId": event["invocationId"],
            "results": [{"taskId": task["taskId"], "resultCode": "Succeeded"}],
        }

    @property
    def keys(self) -> list[str]:
        """What the tasks were about, as it stood in their events."""
        return [task["s3Key"] for task in self.tasks]

    def run(self, **members: Any) -> dict[str, Any]:
        """Run a job, and give what DescribeJob tells of it."""
        request = {
            "AccountId": ACCOUNT,
            "ConfirmationRequired": False,
            "Operation": {"LambdaInvoke": {"FunctionArn": "f"}},
            "Report": {"Enabled": True, "Bucket": "arn:aws:s3:::photos", "Prefix": "reports"},
            "Priority": 1,
            "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/batch",
        }
        s3control = client("s3control")
        job_id = s3control.create_job(**request, **members)["JobId"]
        job: dict[str, Any] = s3control.describe_job(AccountId=ACCOUNT, JobId=job_id)["Job"]
        return job

    def over(self, key: str, etag: str | None = None) -> dict[str, Any]:
        """Run a job over an inventory."""
        etag = etag or client("s3").head_object(Bucket="photos", Key=key)["ETag"].strip('"')
        location = {"ObjectArn": f"arn:aws:s3:::photos/{key}", "ETag": etag}
        spec = {"Format": "S3InventoryReport_CSV_20161130"}
        return self.run(Manifest={"Spec": spec, "Location": location})

    def generating(self, **members: Any) -> dict[str, Any]:
        """Run a job over a manifest that is made for it."""
        generator = {
            "SourceBucket": "arn:aws:s3:::photos",
            "EnableManifestOutput": False,
            **members,
        }
        return self.run(ManifestGenerator={"S3JobManifestGenerator": generator})


@pytest.fixture
def world() -> Iterator[World]:
    """moto's AWS with a function ``f``."""
    world = World()
    with mock_s3batch({"f": world.function}):
        client("s3").create_bucket(Bucket="photos")
        yield world


def why(job: dict[str, Any]) -> tuple[str, str]:
    """Code and text of the only failure of a job that has failed."""
    assert job["Status"] == "Failed"
    (failure,) = job["FailureReasons"]
    return failure["FailureCode"], failure["FailureReason"]


# ---------------------------------------------------------------- inventories


def put_inventory(*parts: Iterable[list[str]], **members: Any) -> str:
    """Put an inventory into the bucket ``photos``, and give the key of its ``manifest.json``."""
    files = []
    for number, rows in enumerate(parts):
        text = io.StringIO()
        csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
        content = gzip.compress(text.getvalue().encode())
        key = f"inventory/data/{number}.csv.gz"
        client("s3").put_object(Bucket="photos", Key=key, Body=content)
        md5 = hashlib.md5(content).hexdigest()
        files.append({"key": key, "size": len(content), "MD5checksum": md5})
    document = {
        "sourceBucket": "photos",
        "destinationBucket": "arn:aws:s3:::photos",
        "version": "2016-11-30",
        "creationTimestamp": "1514944800000",
        "fileFormat": "CSV",
        "fileSchema": "Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size",
        "files": files,
        **members,
    }
    key = "inventory/2024-01-03T02-00Z/manifest.json"
    client("s3").put_object(Bucket="photos", Key=key, Body=json.dumps(document))
    return key


def rows(key: str, version: str = "v1") -> list[list[str]]:
    return [["photos", key, version, "true", "false", "17"]]


def test_a_job_over_an_inventory(world: World) -> None:
    """Every line of every part is a task, and stands in the report as in the inventory."""
    job = world.over(put_inventory(rows("a+b.jpg"), rows("gr%C3%B6%C3%9Fe%2C.jpg", "v2")))

    assert job["Status"] == "Complete"
    assert job["ProgressSummary"]["TotalNumberOfTasks"] == 2
    assert [(task["s3Key"], task["s3VersionId"]) for task in world.tasks] == [
        ("a+b.jpg", "v1"),
        ("gr%C3%B6%C3%9Fe%2C.jpg", "v2"),
    ]
    folder = f"reports/job-{job['JobId']}/results/"
    (report,) = client("s3").list_objects_v2(Bucket="photos", Prefix=folder)["Contents"]
    text = client("s3").get_object(Bucket="photos", Key=report["Key"])["Body"].read().decode()
    assert text.splitlines() == [
        "photos,a+b.jpg,v1,succeeded,200,,",
        "photos,gr%C3%B6%C3%9Fe%2C.jpg,v2,succeeded,200,,",
    ]


def test_an_inventory_that_is_encrypted(world: World) -> None:
    """SSE-KMS is refused for CSV manifests only."""
    key = put_inventory(rows("a"))
    content = client("s3").get_object(Bucket="photos", Key=key)["Body"].read()
    client("s3").put_object(
        Bucket="photos", Key=key, Body=content, ServerSideEncryption="aws:kms", SSEKMSKeyId=KMS_KEY
    )

    assert world.over(key)["Status"] == "Complete"


def test_an_inventory_is_kept_while_a_job_waits(world: World) -> None:
    """What was read when the job was made is what it works on."""
    key = put_inventory(rows("a"))
    s3control = client("s3control")
    etag = client("s3").head_object(Bucket="photos", Key=key)["ETag"].strip('"')
    job_id = s3control.create_job(
        AccountId=ACCOUNT,
        **REQUEST,
        Manifest={
            "Spec": {"Format": "S3InventoryReport_CSV_20161130"},
            "Location": {"ObjectArn": f"arn:aws:s3:::photos/{key}", "ETag": etag},
        },
    )["JobId"]
    put_inventory(rows("b"))

    s3control.update_job_status(AccountId=ACCOUNT, JobId=job_id, RequestedJobStatus="Ready")

    assert world.keys == ["a"]


@pytest.mark.parametrize(
    ("members", "problem"),
    [
        ({"fileFormat": "Parquet"}, "properly formatted: s3://photos/inventory/2024"),
        ({"fileSchema": "Bucket, Size"}, "Required fields are missing in the schema: Key"),
        ({"fileSchema": "Bucket, Key"}, "Unexpected number of task fields"),
        ({"files": []}, "the manifest is empty"),
        ({"files": [{"key": "gone", "size": 1, "MD5checksum": "0" * 32}]}, "gone: missing"),
        ({"destinationBucket": "arn:aws:s3:::elsewhere"}, "inventory/data/0.csv.gz: missing"),
    ],
)
def test_an_inventory_that_cannot_be_used(
    world: World, members: dict[str, Any], problem: str
) -> None:
    """The job fails before its first task."""
    code, reason = why(world.over(put_inventory(rows("a"), **members)))

    assert code == "InvalidManifestContent"
    assert problem in reason
    assert not world.tasks


def test_a_part_that_is_not_the_one_that_was_listed(world: World) -> None:
    """A wrong MD5 in the last part costs no task."""
    key = put_inventory(rows("a"), rows("b"))
    content = client("s3").get_object(Bucket="photos", Key="inventory/data/1.csv.gz")["Body"].read()
    changed = content[:4] + b"\1" + content[5:]
    client("s3").put_object(Bucket="photos", Key="inventory/data/1.csv.gz", Body=changed)

    code, reason = why(world.over(key))

    assert code == "InvalidManifestContent"
    assert "inventory/data/1.csv.gz: its MD5 is" in reason
    assert not world.tasks


def test_an_inventory_that_has_changed(world: World) -> None:
    """The ETag is that of ``manifest.json``."""
    key = put_inventory(rows("a"))

    assert why(world.over(key, etag="old")) == (
        "ManifestNotFound",
        "Etag mismatch reading manifest",
    )


@contextmanager
def answering(s3: Any, operation: str, key: str, status: int, body: bytes = b"") -> Iterator[None]:
    """Let S3 answer the requests for a key as moto never does."""

    def answer(request: Any, **_: Any) -> AWSResponse | None:
        if key not in request.url:
            return None
        raw: Any = io.BytesIO(body)
        raw.stream = lambda **_: iter([body])
        return AWSResponse(request.url, status, HTTPHeaders(), raw)

    s3.meta.events.register_first(f"before-send.s3.{operation}", answer)
    try:
        yield
    finally:
        s3.meta.events.unregister(f"before-send.s3.{operation}", answer)


FORBIDDEN = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"


REQUEST = {
    "Operation": {"LambdaInvoke": {"FunctionArn": "f"}},
    "Report": {"Enabled": False},
    "Priority": 1,
    "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/batch",
}


def run_in_engine(members: dict[str, Any]) -> Job:
    """Run a job on an engine with our own client, whose answers can be changed."""
    request = {**REQUEST, "ClientRequestToken": "t", "ConfirmationRequired": False}
    with Engine({"f": lambda event, context: None}, s3=client("s3")) as engine:
        return engine.describe_job(engine.create_job(JobSpec.from_request({**request, **members})))


@mock_aws
def test_a_part_that_must_not_be_read() -> None:
    """As with the manifest itself."""
    client("s3").create_bucket(Bucket="photos")
    key = put_inventory(rows("a"))
    etag = client("s3").head_object(Bucket="photos", Key=key)["ETag"].strip('"')
    manifest = {
        "Spec": {"Format": "S3InventoryReport_CSV_20161130"},
        "Location": {"ObjectArn": f"arn:aws:s3:::photos/{key}", "ETag": etag},
    }

    with answering(client("s3"), "GetObject", "data/0.csv.gz", 403, FORBIDDEN):
        job = run_in_engine({"Manifest": manifest})

    (failure,) = job.failure_reasons
    assert failure.failure_code == "AccessDenied"
    assert failure.failure_reason == "Reading the manifest is forbidden: AccessDenied"


# ---------------------------------------------------------------- what outlives the engine


@mock_aws
def test_what_was_made_outlives_the_engine(tmp_path: Path) -> None:
    """Both the lines and where they were kept; the bucket is not listed again."""
    tasks: list[str] = []

    def function(event: Any, context: Any) -> None:
        tasks.append(event["tasks"][0]["s3Key"])

    client("s3").create_bucket(Bucket="photos")
    client("s3").create_bucket(Bucket="manifests")
    put("a", ServerSideEncryption="AES256")
    asked = {
        "CreatedAfter": LONG_AGO,
        "MatchAnyStorageClass": ["STANDARD"],
        "MatchAnyObjectEncryption": [{"SSES3": {}}],
        "KeyNameConstraint": {"MatchAnyPrefix": ["a"]},
    }
    made = {"SourceBucket": "arn:aws:s3:::photos", "Filter": asked, **output()}
    spec = JobSpec.from_request(
        {
            **REQUEST,
            "ManifestGenerator": {"S3JobManifestGenerator": made},
            "ClientRequestToken": "t",
        }
    )
    with Engine({"f": function}, s3=client("s3"), state=tmp_path) as engine:
        before = engine.describe_job(engine.create_job(spec))
    put("ab", ServerSideEncryption="AES256")

    with Engine({"f": function}, s3=client("s3"), state=tmp_path) as engine:
        assert engine.describe_job(before.job_id) == before
        assert before.generated_manifest_descriptor is not None
        engine.update_job_status(before.job_id, JobStatus.READY)

    assert tasks == ["a"]


# ---------------------------------------------------------------- generated manifests


def put(*keys: str, **members: Any) -> None:
    for key in keys:
        client("s3").put_object(Bucket="photos", Key=key, **members)


def stored(key: str) -> Any:
    """Give what moto has stored, to be made as AWS would have it."""
    return s3_backends[ACCOUNT]["aws"].buckets["photos"].keys[key]


def test_all_objects_of_a_bucket(world: World) -> None:
    """Without a filter; keys are encoded, the latest versions are meant."""
    put("a b.jpg", "größe.jpg", "100%")

    job = world.generating()

    assert job["Status"] == "Complete"
    assert sorted(world.keys) == ["100%25", "a%20b.jpg", "gr%C3%B6%C3%9Fe.jpg"]
    assert {task["s3VersionId"] for task in world.tasks} == {None}
    assert "GeneratedManifestDescriptor" not in job
    generator = job["ManifestGenerator"]["S3JobManifestGenerator"]
    assert generator["SourceBucket"] == "arn:aws:s3:::photos"


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
def test_names(world: World, constraint: dict[str, Any], expected: list[str]) -> None:
    """The string of each list that is given."""
    put("2023/a.jpg", "2024/a.jpg", "2024/b.png", "c.gif")

    world.generating(Filter={"KeyNameConstraint": constraint})

    assert sorted(world.keys) == expected


def test_size(world: World) -> None:
    """Greater and less, not equal."""
    for size in (1, 2, 3, 4):
        put(str(size), Body=b"x" * size)

    world.generating(Filter={"ObjectSizeGreaterThanBytes": 1, "ObjectSizeLessThanBytes": 4})

    assert world.keys == ["2", "3"]


def test_time_of_creation(world: World) -> None:
    """After and before, not at."""
    first = datetime(2024, 5, 1, tzinfo=UTC)
    put("0", "1", "2", "3")
    for key in "0123":
        stored(key).last_modified = (first + timedelta(hours=int(key))).replace(tzinfo=None)

    world.generating(Filter={"CreatedAfter": first, "CreatedBefore": first + timedelta(hours=3)})

    assert world.keys == ["1", "2"]


def test_a_time_without_a_zone() -> None:
    """It is UTC, as for boto3."""
    asked = {"CreatedAfter": datetime(2024, 5, 1, 12)}  # noqa: DTZ001  that is the point
    with mock_aws():
        client("s3").create_bucket(Bucket="photos")
        put("at", "after")
        stored("at").last_modified = asked["CreatedAfter"]
        stored("after").last_modified = asked["CreatedAfter"] + timedelta(seconds=1)

        assert [item.key for item in matching(**asked)] == ["after"]


def test_storage_class(world: World) -> None:
    """Any of those that are named."""
    put("standard")
    for storage_class in ("STANDARD_IA", "GLACIER", "DEEP_ARCHIVE"):
        put(storage_class, StorageClass=storage_class)

    world.generating(Filter={"MatchAnyStorageClass": ["STANDARD", "GLACIER"]})

    assert sorted(world.keys) == ["GLACIER", "standard"]


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
def test_encryption(world: World, encryption: dict[str, Any], expected: list[str]) -> None:
    """By kind, and for KMS by key and bucket key."""
    kms = {"ServerSideEncryption": "aws:kms"}
    put("s3", ServerSideEncryption="AES256")
    put("kms", **kms, SSEKMSKeyId=KMS_KEY)
    put("kms-bucket-key", **kms, SSEKMSKeyId=KMS_KEY, BucketKeyEnabled=True)
    put("kms-other", **kms, SSEKMSKeyId=OTHER_KMS_KEY)
    put("dsse", ServerSideEncryption="aws:kms:dsse", SSEKMSKeyId=KMS_KEY)
    put("none")
    stored("none").encryption = None

    job = world.generating(Filter={"MatchAnyObjectEncryption": [encryption]})

    assert sorted(world.keys) == expected
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
def test_replication_status(world: World, statuses: list[str], expected: list[str]) -> None:
    """Of all versions, with their ids: what is pending is none of them."""
    client("s3").put_bucket_versioning(
        Bucket="photos", VersioningConfiguration={"Status": "Enabled"}
    )
    of_key = {"done": "COMPLETED", "failed": "FAILED", "replica": "REPLICA", "waits": "PENDING"}
    put("never", *of_key)
    for key, status in of_key.items():
        stored(key).metadata["x-amz-replication-status"] = status

    world.generating(Filter={"ObjectReplicationStatuses": statuses})

    assert sorted(world.keys) == expected
    for task in world.tasks:
        assert task["s3VersionId"] == stored(task["s3Key"]).version_id


def replicate(*rules: str) -> bytes:
    """Make S3's answer to GetBucketReplication; moto's never has a filter."""
    content = "".join(
        f"<Rule><ID>{number}</ID><Priority>{number}</Priority>{rule}</Rule>"
        for number, rule in enumerate(rules)
    )
    return f"<ReplicationConfiguration><Role>r</Role>{content}</ReplicationConfiguration>".encode()


ENABLED = "<Status>Enabled</Status>"
RED = "<Tag><Key>colour</Key><Value>red</Value></Tag>"


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
def test_eligible_for_replication(rules: list[str], expected: set[str]) -> None:
    """A rule that is in force covers the key, and the tags."""
    s3 = client("s3")
    s3.create_bucket(Bucket="photos")
    s3.put_bucket_versioning(Bucket="photos", VersioningConfiguration={"Status": "Enabled"})
    put("a/blue", "b/blue")
    put("a/red", "b/red", Tagging="colour=red&size=1")

    with answering(s3, "GetBucketReplication", "?replication", 200, replicate(*rules)):
        found = matching(EligibleForReplication=True)

    assert {item.key for item in found} == expected


@mock_aws
def test_tags_of_what_has_gone() -> None:
    """An object that is deleted while the bucket is listed fails nothing."""
    s3 = client("s3")
    s3.create_bucket(Bucket="photos")
    put("a", "b", Tagging="colour=red")
    rules = replicate(f"{ENABLED}<Filter>{RED}</Filter>")
    gone = b"<Error><Code>NoSuchKey</Code><Message>gone</Message></Error>"

    with (
        answering(s3, "GetBucketReplication", "?replication", 200, rules),
        answering(s3, "GetObjectTagging", "/a?tagging", 404, gone),
    ):
        found = matching(EligibleForReplication=True)

    assert [item.key for item in found] == ["b"]


@mock_aws
def test_a_bucket_that_is_not_replicated() -> None:
    """Nothing in it is eligible."""
    client("s3").create_bucket(Bucket="photos")
    put("a")

    assert matching(EligibleForReplication=True) == []
    assert [item.key for item in matching(EligibleForReplication=False)] == ["a"]


@mock_aws
def test_versions_and_delete_markers() -> None:
    """A filter about replication is for all versions; a delete marker is none."""
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


def matching(**asked: Any) -> list[Any]:
    """What a filter finds in the bucket ``photos``."""
    return list(matching_objects(client("s3"), generator(**asked)))


def generator(owner: str | None = None, **asked: Any) -> S3ManifestGenerator:
    return S3ManifestGenerator.model_validate(
        {
            "SourceBucket": "arn:aws:s3:::photos",
            "EnableManifestOutput": False,
            "ExpectedBucketOwner": owner,
            "Filter": asked,
        }
    )


@pytest.mark.parametrize(
    ("status", "asked", "expected"),
    [
        (400, {"SSEC": {}}, ["secret"]),  # S3's answer where the customer's key is needed
        (400, {"SSES3": {}}, []),
        (400, {"NOTSSE": {}}, ["plain"]),
        (404, {"NOTSSE": {}}, ["plain"]),  # gone meanwhile
    ],
)
@mock_aws
def test_objects_that_do_not_answer(
    status: int, asked: dict[str, Any], expected: list[str]
) -> None:
    """Customer-provided keys show in S3's refusal; what has gone is no object any more."""
    client("s3").create_bucket(Bucket="photos")
    put("plain", "secret")
    stored("plain").encryption = stored("secret").encryption = None

    with answering(client("s3"), "HeadObject", "secret", status):
        found = matching(MatchAnyObjectEncryption=[asked])

    assert [item.key for item in found] == expected


@contextmanager
def requests() -> Iterator[Counter[str]]:
    """Count the requests to S3, by operation."""
    seen: Counter[str] = Counter()

    def note(model: Any, **_: Any) -> None:
        seen[model.name] += 1

    client("s3").meta.events.register("before-call.s3", note)
    try:
        yield seen
    finally:
        client("s3").meta.events.unregister("before-call.s3", note)


@mock_aws
def test_no_more_requests_than_needed() -> None:
    """A listing of what can match at all; then only what it does not tell of what is left."""
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
def test_expected_bucket_owner() -> None:
    """Every request says whose bucket it must be: S3 itself compares."""
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


@settings(max_examples=50)
@given(
    objects=st.dictionaries(names, sizes, max_size=8),
    prefixes=st.lists(names, max_size=1),
    suffixes=st.lists(names, max_size=1),
    substrings=st.lists(names, max_size=1),
    more=st.none() | sizes,
    less=st.none() | sizes,
)
def test_the_rule_of_filters(
    objects: dict[str, int],
    prefixes: list[str],
    suffixes: list[str],
    substrings: list[str],
    more: int | None,
    less: int | None,
) -> None:
    """Whatever is asked for: an object is there once, if it meets all of it."""
    asked = {
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

        assert [item.key for item in matching(**asked)] == expected


def test_a_filter_that_nothing_meets(world: World) -> None:
    """The job fails in AWS's words."""
    put("a.jpg")

    job = world.generating(Filter={"KeyNameConstraint": {"MatchAnySuffix": [".png"]}})

    assert why(job) == (
        "ManifestGenerationFailed",
        "Manifest generation found no keys matching the filter criteria",
    )


def test_a_source_that_is_not_there(world: World) -> None:
    """The bucket is named."""
    job = world.generating(SourceBucket="arn:aws:s3:::elsewhere")

    assert why(job) == ("NoSuchBucket", "Source bucket arn:aws:s3:::elsewhere does not exist.")


def test_a_source_that_is_no_bucket(world: World) -> None:
    """AWS's pattern for it lets more through than there can be."""
    code, reason = why(world.generating(SourceBucket="arn:aws:s3:::photos/2024"))

    assert code == "ManifestGenerationFailed"
    assert "arn:aws:s3:::photos/2024: ValueError: names no bucket" in reason


@mock_aws
def test_a_source_that_must_not_be_listed() -> None:
    """Also what S3 says of a bucket with another owner."""
    client("s3").create_bucket(Bucket="photos")
    made = {"S3JobManifestGenerator": generator().to_boto3()}

    with answering(client("s3"), "ListObjectsV2", "photos", 403, FORBIDDEN):
        job = run_in_engine({"ManifestGenerator": made})

    (failure,) = job.failure_reasons
    assert failure.failure_code == "AccessDenied"
    assert failure.failure_reason == "Listing arn:aws:s3:::photos is forbidden: AccessDenied"


# ---------------------------------------------------------------- written out


def output(**members: Any) -> dict[str, Any]:
    return {
        "EnableManifestOutput": True,
        "ManifestOutputLocation": {
            "Bucket": "arn:aws:s3:::manifests",
            "ManifestPrefix": "made",
            "ManifestFormat": "S3InventoryReport_CSV_20211130",
            **members,
        },
    }


def test_a_manifest_that_is_kept(world: World) -> None:
    """DescribeJob tells where; the next job can work on it as on an inventory."""
    client("s3").create_bucket(Bucket="manifests")
    put("a b.jpg", "c.jpg", "d.png")

    job = world.generating(Filter={"KeyNameConstraint": {"MatchAnySuffix": [".jpg"]}}, **output())

    kept = job["GeneratedManifestDescriptor"]
    assert kept["Format"] == "S3InventoryReport_CSV_20211130"
    bucket, _, key = kept["Location"]["ObjectArn"].removeprefix("arn:aws:s3:::").partition("/")
    assert bucket == "manifests"
    assert key.startswith(f"made/photos/job-{job['JobId']}/")
    assert key.endswith("/manifest.json")
    entries = read_inventory(f"s3://{bucket}/{key}", s3=client("s3"))
    assert [entry.encoded_key for entry in entries] == ["a%20b.jpg", "c.jpg"]

    world.tasks.clear()
    spec = {"Format": "S3InventoryReport_CSV_20161130"}
    again = world.run(Manifest={"Spec": spec, "Location": kept["Location"]})

    assert again["Status"] == "Complete"
    assert world.keys == ["a%20b.jpg", "c.jpg"]


def test_a_manifest_of_versions_that_is_kept(world: World) -> None:
    """It has their ids."""
    client("s3").create_bucket(Bucket="manifests")
    client("s3").put_bucket_versioning(
        Bucket="photos", VersioningConfiguration={"Status": "Enabled"}
    )
    put("a", "a")

    job = world.generating(Filter={"ObjectReplicationStatuses": ["NONE"]}, **output())

    arn = job["GeneratedManifestDescriptor"]["Location"]["ObjectArn"]
    location = f"s3://{arn.removeprefix('arn:aws:s3:::')}"
    kept = [entry.version_id for entry in read_inventory(location, s3=client("s3"))]
    assert kept == [task["s3VersionId"] for task in world.tasks]
    assert len(set(kept)) == 2


@pytest.mark.parametrize(
    ("encryption", "expected"),
    [
        (None, None),
        ({"SSES3": {}}, "AES256"),
        ({"SSEKMS": {"KeyId": KMS_KEY}}, "aws:kms"),
    ],
)
def test_encryption_of_what_is_kept(
    world: World, encryption: dict[str, Any] | None, expected: str | None
) -> None:
    """As the job asks for it, all of the files."""
    client("s3").create_bucket(Bucket="manifests")
    put("a")

    world.generating(**output(**({"ManifestEncryption": encryption} if encryption else {})))

    files = client("s3").list_objects_v2(Bucket="manifests")["Contents"]
    heads = [client("s3").head_object(Bucket="manifests", Key=file["Key"]) for file in files]
    assert len(heads) == 2
    if expected:
        assert {head.get("ServerSideEncryption") for head in heads} == {expected}
    if expected == "aws:kms":
        assert {head["SSEKMSKeyId"] for head in heads} == {KMS_KEY}


def test_a_manifest_that_is_not_to_be_kept(world: World) -> None:
    """A place alone does not say that it is."""
    client("s3").create_bucket(Bucket="manifests")
    put("a")

    job = world.generating(**{**output(), "EnableManifestOutput": False})

    assert job["Status"] == "Complete"
    assert "GeneratedManifestDescriptor" not in job
    assert "Contents" not in client("s3").list_objects_v2(Bucket="manifests")


@pytest.mark.parametrize("members", [output(), {"EnableManifestOutput": True}])
def test_a_manifest_that_cannot_be_kept(world: World, members: dict[str, Any]) -> None:
    """The bucket is not there, or none is named: no task is run."""
    put("a")

    code, reason = why(world.generating(**members))

    assert code == "ManifestGenerationFailed"
    assert reason.startswith("Error occurred when preparing manifest: Failed to write manifest (")
    assert not world.tasks
