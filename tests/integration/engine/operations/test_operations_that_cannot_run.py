"""Operations that are not implemented here, or lack a parameter."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.loaders import Loader
from botocore.stub import ANY, Stubber

from s3batch_handler.core._model import ObjectRef, Outcome, ResultCode
from s3batch_handler.engine.operations._base import CannotRun, Store
from s3batch_handler.engine.operations._s3_invoker import S3Invoker
from s3batch_handler.engine.operations._table import s3_operation
from s3batch_handler.jobs._operations import Operation

if TYPE_CHECKING:
    from pathlib import Path


from tests.support.operation_jobs import (
    ENTRY,
    KMS_KEY,
    TEMPLATE,
    client,
    copying,
    refuse,
    rows,
    run,
    why,
)

SETTINGS: dict[str, Any] = {
    "LambdaInvoke": {"FunctionArn": "not-registered"},
    "S3PutObjectCopy": {"TargetResource": "arn:aws:s3:::copies"},
    "S3PutObjectAcl": {"AccessControlPolicy": {"CannedAccessControlList": "private"}},
    "S3PutObjectLegalHold": {"LegalHold": {"Status": "OFF"}},
    "S3PutObjectRetention": {"Retention": {}},
    "S3UpdateObjectEncryption": {"ObjectEncryption": {"SSEKMS": {"KMSKeyArn": KMS_KEY}}},
}


def test_every_operation_of_the_service_model_runs_or_is_not_implemented(
    subtests: pytest.Subtests, s3: Any
) -> None:
    """The reason of a job that fails says what is not implemented."""
    for name in client("s3control").meta.service_model.shape_for("JobOperation").members:
        with subtests.test(name=name):
            job = run({name: SETTINGS.get(name, {})})

            if name == "LambdaInvoke":
                assert why(job)[0] == "ResourceNotFoundException"
            elif name in ("S3ReplicateObject", "S3UpdateObjectEncryption") or name not in _KNOWN:
                code, reason = why(job)
                assert code == "NotImplemented"
                assert reason.startswith(f"{name} is not implemented here")
            else:
                assert job["ProgressSummary"]["TotalNumberOfTasks"] == len(rows(job)) == 1


_KNOWN = {field.serialization_alias for field in Operation.model_fields.values()}


@pytest.mark.slow
def test_a_new_operation_of_botocore_is_not_implemented(tmp_path: Path, project: Path) -> None:
    """The request is accepted, and the job fails with the name of the operation."""
    model: Any = Loader().load_service_model("s3control", "service-2")
    model["shapes"]["JobOperation"]["members"]["S3FoldObject"] = {
        "shape": "S3ReplicateObjectOperation"
    }
    folder = tmp_path / ".aws" / "models" / "s3control" / "2018-08-20"
    folder.mkdir(parents=True)
    (folder / "service-2.json").write_text(json.dumps(model))
    program = """
from s3batch_handler.testing import mock_s3batch
from tests.support.operation_jobs import client, run, why
with mock_s3batch({}):
    client("s3").create_bucket(Bucket="reports")
    job = run({"S3FoldObject": {}})
    print(job["Operation"], *why(job))
"""

    output = subprocess.run(
        [sys.executable, "-c", program],
        check=True,
        capture_output=True,
        text=True,
        env={"HOME": str(tmp_path), "PYTHONPATH": str(project)},
    ).stdout

    assert output == ("{'S3FoldObject': {}} NotImplemented S3FoldObject is not implemented here\n")


def test_an_old_boto3_without_a_call_is_not_implemented() -> None:
    """The client has no method for it."""
    with pytest.raises(CannotRun, match="S3PutObjectTagging is not implemented here"):
        s3_operation(Operation.model_validate({"S3PutObjectTagging": {}}), Store(object()))


def test_a_501_before_any_success_fails_the_job() -> None:
    """No row is written. After a success, 501 concerns one object only."""
    answers = [refuse(404, "NoSuchKey"), None, refuse(501, "NotImplemented")]

    def operation(item: ObjectRef) -> Outcome:
        if (error := answers.pop(0)) is not None:
            raise error
        return Outcome(ResultCode.SUCCEEDED, "Successful")

    on_s3 = S3Invoker(operation, "S3PutObjectAcl")
    invoked = on_s3.invoke_all(TEMPLATE, [ENTRY] * 3, stop=lambda: False)

    assert [getattr(answer, "http_status", 200) for _, answer, _ in invoked] == [404, 200, 501]

    answers = [refuse(404, "NoSuchKey"), refuse(501, "NotImplemented")]
    invoked = S3Invoker(operation, "S3PutObjectAcl").invoke_all(
        TEMPLATE, [ENTRY] * 2, stop=lambda: False
    )
    with pytest.raises(CannotRun, match=r"not implemented here: No\.$") as failed:
        list(invoked)
    assert failed.value.failure.failure_code == "NotImplemented"


ENCRYPTION = {"SSEKMS": {"KMSKeyArn": KMS_KEY, "BucketKeyEnabled": True}}


@pytest.mark.parametrize("versioning", ["Suspended", "Enabled"])
def test_an_s3_that_treats_encryption_as_an_upload_is_recognized(s3: Any, versioning: str) -> None:
    """moto does so. The job fails, and no object is changed."""
    s3.put_bucket_versioning(Bucket="photos", VersioningConfiguration={"Status": versioning})
    before = s3.list_object_versions(Bucket="photos")

    job = run({"S3UpdateObjectEncryption": {"ObjectEncryption": ENCRYPTION}})

    reason = "this S3 treats UpdateObjectEncryption as an upload"
    text = f"S3UpdateObjectEncryption is not implemented here: {reason}"
    assert why(job) == ("NotImplemented", text)
    after = s3.list_object_versions(Bucket="photos")
    assert (after["Versions"], "DeleteMarkers" in after) == (before["Versions"], False)


def test_the_encryption_of_objects_is_changed() -> None:
    """The first call is for a missing object, to check the support."""
    s3: Any = boto3.Session("a", "b", region_name="us-east-1").client("s3")
    settings = Operation.model_validate(
        {"S3UpdateObjectEncryption": {"ObjectEncryption": ENCRYPTION}}
    )
    call = "update_object_encryption"

    with Stubber(s3) as stub:
        expected = {"Bucket": "photos", "ObjectEncryption": ENCRYPTION}
        stub.add_client_error(call, "NoSuchKey", expected_params={**expected, "Key": ANY})
        stub.add_response(call, {}, {**expected, "Key": "a"})
        stub.add_response(call, {}, {**expected, "Key": "b", "VersionId": "v"})
        operation = s3_operation(settings, Store(s3))

        answers = [
            operation(ObjectRef(bucket="photos", key="a")),
            operation(ObjectRef(bucket="photos", key="b", version_id="v")),
        ]

        stub.assert_no_pending_responses()
    assert answers == [Outcome(ResultCode.SUCCEEDED, "Successful")] * 2


@pytest.mark.parametrize(
    ("operation", "reason"),
    [
        ({"S3PutObjectCopy": {}}, "S3PutObjectCopy: TargetResource is missing"),
        (
            {"S3PutObjectCopy": {"TargetResource": "arn:aws:s3:::photos/key"}},
            "S3PutObjectCopy: TargetResource does not name a bucket",
        ),
        (copying(AccessControlGrants=[{}]), "a grant has no Grantee or no Permission: add both"),
        (
            {"S3PutObjectAcl": {}},
            "S3PutObjectAcl: AccessControlPolicy needs a list of grants or a canned ACL",
        ),
        (
            {"S3UpdateObjectEncryption": {}},
            "S3UpdateObjectEncryption: ObjectEncryption is missing",
        ),
        (
            {
                "S3ComputeObjectChecksum": {
                    "ChecksumAlgorithm": "CRC64NVME",
                    "ChecksumType": "COMPOSITE",
                }
            },
            "S3ComputeObjectChecksum: CRC64NVME supports FULL_OBJECT only, not COMPOSITE",
        ),
    ],
)
def test_a_missing_parameter_fails_the_job(s3: Any, operation: dict[str, Any], reason: str) -> None:
    """The service model does not require it. The job fails before its first task."""
    assert why(run(operation)) == ("InvalidRequest", reason)
