"""Jobs over manifests that are generated for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from moto import mock_aws

from s3batch_handler.documents.manifests._inventory import read_inventory
from s3batch_handler.engine._engine import Engine
from s3batch_handler.jobs._job import JobSpec
from s3batch_handler.jobs._status import JobStatus

if TYPE_CHECKING:
    from pathlib import Path

from tests.support.manifest_jobs import (
    FORBIDDEN,
    KMS_KEY,
    LONG_AGO,
    REQUEST,
    ManifestJobs,
    answering,
    client,
    generator,
    output,
    put,
    run_in_engine,
    why,
)


@mock_aws
def test_a_generated_manifest_outlives_the_engine(tmp_path: Path) -> None:
    """Its entries and its location are kept. The bucket is not listed again."""
    tasks: list[str] = []

    def function(event: Any, context: Any) -> None:
        tasks.append(event["tasks"][0]["s3Key"])

    client("s3").create_bucket(Bucket="photos")
    client("s3").create_bucket(Bucket="manifests")
    put("a", ServerSideEncryption="AES256")
    filters = {
        "CreatedAfter": LONG_AGO,
        "MatchAnyStorageClass": ["STANDARD"],
        "MatchAnyObjectEncryption": [{"SSES3": {}}],
        "KeyNameConstraint": {"MatchAnyPrefix": ["a"]},
    }
    made = {"SourceBucket": "arn:aws:s3:::photos", "Filter": filters, **output()}
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


def test_all_objects_match_without_a_filter(jobs: ManifestJobs) -> None:
    """Keys are encoded, and there are no version IDs."""
    put("a b.jpg", "größe.jpg", "100%")

    job = jobs.generating()

    assert job["Status"] == "Complete"
    assert sorted(jobs.keys) == ["100%25", "a%20b.jpg", "gr%C3%B6%C3%9Fe.jpg"]
    assert {task["s3VersionId"] for task in jobs.tasks} == {None}
    assert "GeneratedManifestDescriptor" not in job
    generator = job["ManifestGenerator"]["S3JobManifestGenerator"]
    assert generator["SourceBucket"] == "arn:aws:s3:::photos"


def test_a_filter_without_matches_fails_the_job(jobs: ManifestJobs) -> None:
    """The reason is that of AWS."""
    put("a.jpg")

    job = jobs.generating(Filter={"KeyNameConstraint": {"MatchAnySuffix": [".png"]}})

    assert why(job) == (
        "ManifestGenerationFailed",
        "Manifest generation found no keys matching the filter criteria",
    )


def test_a_missing_source_bucket_fails_the_job(jobs: ManifestJobs) -> None:
    """The reason names the bucket."""
    job = jobs.generating(SourceBucket="arn:aws:s3:::elsewhere")

    assert why(job) == ("NoSuchBucket", "Source bucket arn:aws:s3:::elsewhere does not exist.")


def test_an_invalid_source_bucket_fails_the_job(jobs: ManifestJobs) -> None:
    """The pattern of AWS accepts more than names of buckets."""
    code, reason = why(jobs.generating(SourceBucket="arn:aws:s3:::photos/2024"))

    assert code == "ManifestGenerationFailed"
    assert "arn:aws:s3:::photos/2024: ValueError: does not name a bucket" in reason


@mock_aws
def test_a_forbidden_source_bucket_fails_the_job() -> None:
    """S3 has the same error for a bucket with another owner."""
    client("s3").create_bucket(Bucket="photos")
    made = {"S3JobManifestGenerator": generator().to_boto3()}

    with answering(client("s3"), "ListObjectsV2", "photos", 403, FORBIDDEN):
        job = run_in_engine({"ManifestGenerator": made})

    (failure,) = job.failure_reasons
    assert failure.failure_code == "AccessDenied"
    assert failure.failure_reason == "Listing arn:aws:s3:::photos is forbidden: AccessDenied"


def test_a_saved_manifest_can_be_used_by_another_job(jobs: ManifestJobs) -> None:
    """DescribeJob returns its location. It is an inventory."""
    client("s3").create_bucket(Bucket="manifests")
    put("a b.jpg", "c.jpg", "d.png")

    job = jobs.generating(Filter={"KeyNameConstraint": {"MatchAnySuffix": [".jpg"]}}, **output())

    kept = job["GeneratedManifestDescriptor"]
    assert kept["Format"] == "S3InventoryReport_CSV_20211130"
    bucket, _, key = kept["Location"]["ObjectArn"].removeprefix("arn:aws:s3:::").partition("/")
    assert bucket == "manifests"
    assert key.startswith(f"made/photos/job-{job['JobId']}/")
    assert key.endswith("/manifest.json")
    entries = read_inventory(f"s3://{bucket}/{key}", s3=client("s3"))
    assert [entry.encoded_key for entry in entries] == ["a%20b.jpg", "c.jpg"]

    jobs.tasks.clear()
    spec = {"Format": "S3InventoryReport_CSV_20161130"}
    again = jobs.run(Manifest={"Spec": spec, "Location": kept["Location"]})

    assert again["Status"] == "Complete"
    assert jobs.keys == ["a%20b.jpg", "c.jpg"]


def test_a_saved_manifest_contains_version_ids(jobs: ManifestJobs) -> None:
    """They are the IDs of the tasks."""
    client("s3").create_bucket(Bucket="manifests")
    client("s3").put_bucket_versioning(
        Bucket="photos", VersioningConfiguration={"Status": "Enabled"}
    )
    put("a", "a")

    job = jobs.generating(Filter={"ObjectReplicationStatuses": ["NONE"]}, **output())

    arn = job["GeneratedManifestDescriptor"]["Location"]["ObjectArn"]
    location = f"s3://{arn.removeprefix('arn:aws:s3:::')}"
    kept = [entry.version_id for entry in read_inventory(location, s3=client("s3"))]
    assert kept == [task["s3VersionId"] for task in jobs.tasks]
    assert len(set(kept)) == 2


@pytest.mark.parametrize(
    ("encryption", "expected"),
    [
        (None, None),
        ({"SSES3": {}}, "AES256"),
        ({"SSEKMS": {"KeyId": KMS_KEY}}, "aws:kms"),
    ],
)
def test_a_saved_manifest_is_encrypted_as_requested(
    jobs: ManifestJobs, encryption: dict[str, Any] | None, expected: str | None
) -> None:
    """This concerns both of its files."""
    client("s3").create_bucket(Bucket="manifests")
    put("a")

    jobs.generating(**output(**({"ManifestEncryption": encryption} if encryption else {})))

    files = client("s3").list_objects_v2(Bucket="manifests")["Contents"]
    heads = [client("s3").head_object(Bucket="manifests", Key=file["Key"]) for file in files]
    assert len(heads) == 2
    if expected:
        assert {head.get("ServerSideEncryption") for head in heads} == {expected}
    if expected == "aws:kms":
        assert {head["SSEKMSKeyId"] for head in heads} == {KMS_KEY}


def test_a_manifest_is_not_saved_unless_requested(jobs: ManifestJobs) -> None:
    """A location alone does not save it."""
    client("s3").create_bucket(Bucket="manifests")
    put("a")

    job = jobs.generating(**{**output(), "EnableManifestOutput": False})

    assert job["Status"] == "Complete"
    assert "GeneratedManifestDescriptor" not in job
    assert "Contents" not in client("s3").list_objects_v2(Bucket="manifests")


@pytest.mark.parametrize("members", [output(), {"EnableManifestOutput": True}])
def test_a_manifest_that_cannot_be_saved_fails_the_job(
    jobs: ManifestJobs, members: dict[str, Any]
) -> None:
    """The bucket is missing, or no location is given. No task runs."""
    put("a")

    code, reason = why(jobs.generating(**members))

    assert code == "ManifestGenerationFailed"
    assert reason.startswith("Error occurred when preparing manifest: Failed to write manifest (")
    assert not jobs.tasks
