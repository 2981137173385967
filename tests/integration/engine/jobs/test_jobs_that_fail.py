"""Jobs that cannot run, or whose report cannot be written."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any, cast

import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from s3batch_handler.engine._engine import Engine
from tests.support.job_contract import World, client, thumbnails, why

if TYPE_CHECKING:
    from pathlib import Path

    from s3batch_handler.jobs._job import JobSpec

# A server runs functions in threads.
pytestmark = pytest.mark.filterwarnings("ignore::s3batch_handler.ThreadTimeLimitWarning")


def with_location(spec: JobSpec, **members: Any) -> dict[str, Any]:
    request = spec.to_request()
    request["Manifest"]["Location"].update(members)
    return request


def test_a_manifest_with_another_etag_is_refused(world: World) -> None:
    """A manifest that was overwritten is not the one of the request."""
    request = with_location(world.spec(), ETag="0" * 32)

    job = world.run(**request)

    assert why(job) == ("ManifestNotFound", "Etag mismatch reading manifest")


def test_an_etag_in_quotes_is_refused(world: World) -> None:
    """AWS expects it without the quotes that S3 returns."""
    spec = world.spec()
    assert spec.manifest is not None

    job = world.run(**with_location(spec, ETag=f'"{spec.manifest.location.etag}"'))

    assert why(job) == ("ManifestNotFound", "Etag mismatch reading manifest")


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ({"ObjectArn": "arn:aws:s3:::photos/no.csv"}, "Manifest object was not found"),
        (
            {"ObjectArn": "arn:aws:s3:::nowhere/m.csv"},
            "Invalid manifest was provided. Target bucket nowhere does not exist.",
        ),
    ],
)
def test_a_missing_manifest_or_bucket_is_named(
    world: World, location: dict[str, str], reason: str
) -> None:
    """The reason says whether the object or its bucket is missing."""
    job = world.run(**with_location(world.spec(), **location))

    assert why(job)[1] == reason


def test_the_requested_version_of_a_manifest_is_read(world: World) -> None:
    """It is read even if there is a newer one."""
    world.s3.put_bucket_versioning(Bucket="photos", VersioningConfiguration={"Status": "Enabled"})
    spec = world.spec(b"photos,old\n")
    versions = world.s3.list_object_versions(Bucket="photos", Prefix="m.csv")["Versions"]
    request = with_location(spec, ObjectVersionId=versions[0]["VersionId"])

    job = world.run(b"photos,new\n", **request)

    assert [row.key for row in world.rows(job)] == ["old"]


@pytest.mark.parametrize(
    ("manifest", "reason"),
    [
        (b"photos,a\nphotos,b,c\n", "Unexpected number of task fields: s3://photos/m.csv, line 2"),
        (b"Bucket,Key\nphotos,a\n", "Manifest file is not properly formatted: "),
        (b"", "Manifest file is not properly formatted: s3://photos/m.csv: the manifest is empty"),
        (b"\xff,a\n", "Manifest file is not properly formatted: "),
    ],
)
def test_a_malformed_manifest_fails_the_job_before_its_first_task(
    world: World, manifest: bytes, reason: str
) -> None:
    """The reason says where the fault is."""
    job = world.run(manifest)

    code, told = why(job)
    assert code == "InvalidManifestContent"
    assert told is not None
    assert told.startswith(reason)
    assert job.progress.done == 0


def test_a_manifest_without_a_required_column_is_refused(world: World) -> None:
    """The reason names the column."""
    request = world.spec().to_request()
    request["Manifest"]["Spec"]["Fields"] = ["Bucket", "Ignore"]

    job = world.run(**request)

    text = "Required fields are missing in the schema: Key"
    assert why(job) == ("InvalidManifestContent", text)


@pytest.mark.parametrize(
    ("s3_code", "code", "reason"),
    [
        ("AccessDenied", "AccessDenied", "Reading the manifest is forbidden: AccessDenied"),
        ("InvalidObjectState", "ManifestNotFound", "Manifest cannot be read: InvalidObjectState"),
    ],
)
def test_errors_of_s3_for_a_manifest_are_in_the_reason(
    s3_code: str, code: str, reason: str
) -> None:
    """The reason has the error code of S3."""
    s3 = client("s3")

    class Refuser:
        """S3 that gives no object."""

        upload_fileobj = list_objects_v2 = None

        def get_object(self, **location: str) -> Any:
            raise ClientError({"Error": {"Code": s3_code, "Message": "no"}}, "GetObject")

    with mock_aws(), Engine({"thumbnails": thumbnails}, s3=cast("Any", Refuser())) as engine:
        s3.create_bucket(Bucket="photos")
        told = why(World(engine, s3).run())

    assert told[0] == code
    assert (told[1] or "").startswith(reason)


def test_a_manifest_encrypted_with_kms_is_refused(world: World) -> None:
    """S3 Batch Operations does not support it."""
    spec = world.spec()
    answer = world.s3.put_object(
        Bucket="photos", Key="kms.csv", Body=b"photos,a\n", ServerSideEncryption="aws:kms"
    )
    location = {"ObjectArn": "arn:aws:s3:::photos/kms.csv", "ETag": answer["ETag"].strip('"')}

    job = world.run(**with_location(spec, **location))

    text = "Unsupported encryption type SSE_KMS used for manifest"
    assert why(job) == ("InvalidManifestContent", text)


@pytest.mark.parametrize("bucket", ["arn:aws:s3:::nowhere", "arn:aws:s3:::photos/no/bucket"])
def test_a_job_fails_if_its_report_cannot_be_written(world: World, bucket: str) -> None:
    """The bucket does not exist, or its ARN is invalid."""
    job = world.run(Report={"Enabled": True, "Bucket": bucket})

    code, reason = why(job)
    assert code == "ReportNotWritten"
    assert reason


def test_the_counts_of_a_job_stay_if_its_report_is_lost(world: World) -> None:
    """The reason has AWS's words, and then the error of the bucket."""
    job = world.run(Report={"Enabled": True, "Bucket": "arn:aws:s3:::nowhere"})

    text = "The job report could not be written to your report bucket. Please check your"
    assert (why(job)[1] or "").startswith(text)
    assert "NoSuchBucket" in (why(job)[1] or "")
    assert job.progress.succeeded == 1


def test_an_operation_that_is_not_implemented_fails_the_job(world: World) -> None:
    """The reason names the operation."""
    job = world.run(Operation={"S3ReplicateObject": {}})

    (reason,) = job.failure_reasons
    assert reason.failure_code == "NotImplemented"
    assert reason.failure_reason is not None
    assert "S3ReplicateObject" in reason.failure_reason


def test_a_job_whose_function_is_deleted_has_this_reason(s3: Any) -> None:
    """Also if tasks were run before. The failure threshold is another reason."""

    class Lambda:
        """Has the function for the first task only."""

        def invoke(self, **arguments: Any) -> dict[str, Any]:
            event = json.loads(arguments["Payload"])
            if event["tasks"][0]["s3Key"] == "late":
                response: Any = {
                    "Error": {"Code": "ResourceNotFoundException", "Message": "deleted"},
                    "ResponseMetadata": {"HTTPStatusCode": 404},
                }
                raise ClientError(response, "Invoke")
            answer = json.dumps(thumbnails(event, None)).encode()
            return {"StatusCode": 200, "Payload": io.BytesIO(answer)}

    with Engine({"thumbnails": Lambda()}, s3=s3) as engine:
        world = World(engine, s3)
        job = world.run(b"photos,good\nphotos,late\n")

        assert why(job)[0] == "ResourceNotFoundException"
        assert [row.key for row in world.rows(job)] == ["good"]


def test_a_job_whose_saved_manifest_is_changed_has_this_reason(s3: Any, tmp_path: Path) -> None:
    """Also if tasks were run before."""

    def change_manifest(event: Any, context: Any) -> Any:
        (manifest,) = tmp_path.rglob("manifest.csv")
        manifest.write_bytes(b"")
        return thumbnails(event, context)

    with Engine({"thumbnails": change_manifest}, s3=s3, state=tmp_path) as engine:
        job = World(engine, s3).run(b"photos,good\n" * 2)

        assert why(job)[0] == "InvalidManifestContent"
