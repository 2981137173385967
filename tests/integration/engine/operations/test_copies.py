"""Jobs that copy objects."""

from __future__ import annotations

from base64 import b64encode
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto.s3.models import s3_backends

from s3batch_handler.core._model import ObjectRef, Outcome, ResultCode
from s3batch_handler.engine.invoke._answer import ServiceError
from s3batch_handler.engine.operations._base import Store
from s3batch_handler.engine.operations._s3_invoker import S3Invoker
from s3batch_handler.engine.operations._table import s3_operation
from s3batch_handler.jobs._operations import Operation
from tests.support.operation_jobs import (
    ACCOUNT,
    CHECKSUMS,
    DONE,
    ENTRY,
    EVERYBODY,
    GRANTED,
    GRANTS,
    KMS_KEY,
    LOCATION,
    TEMPLATE,
    TOMORROW,
    YESTERDAY,
    acl_of,
    client,
    copying,
    results,
    run,
    tags_of,
)


def test_a_copy_has_content_tags_and_metadata(s3: Any) -> None:
    """The copy is equal to the original."""
    s3.put_object(**LOCATION, Body=b"new", Tagging="a=b", Metadata={"c": "d"}, CacheControl="no")

    assert results(run(copying())) == DONE

    copy = s3.get_object(Bucket="copies", Key="a b+c.jpg")
    assert copy["Body"].read() == b"new"
    assert (copy["Metadata"], copy["CacheControl"]) == ({"c": "d"}, "no")
    assert tags_of(s3, Bucket="copies") == {"a": "b"}


@pytest.mark.parametrize("prefix", ["folder", "folder/"])
def test_a_prefix_is_separated_by_one_slash(s3: Any, prefix: str) -> None:
    """With or without a slash at the end of the prefix."""
    run(copying(TargetKeyPrefix=prefix))

    (copy,) = s3.list_objects_v2(Bucket="copies")["Contents"]
    assert copy["Key"] == "folder/a b+c.jpg"


def test_parameters_of_a_copy_are_applied(s3: Any) -> None:
    """This covers all parameters that moto stores."""
    metadata = {
        "CacheControl": "no-cache",
        "ContentDisposition": "inline",
        "ContentEncoding": "gzip",
        "ContentLanguage": "de",
        "ContentType": "image/jpeg",
        "HttpExpiresDate": TOMORROW,
        "UserMetadata": {"color": "blue"},
    }
    settings = {
        "CannedAccessControlList": "public-read",
        "ModifiedSinceConstraint": YESTERDAY,
        "UnModifiedSinceConstraint": TOMORROW,
        "NewObjectMetadata": metadata,
        "NewObjectTagging": [{"Key": "a", "Value": "1 + 1 =2"}],
        "RedirectLocation": "/elsewhere",
        "RequesterPays": True,
        "StorageClass": "STANDARD_IA",
        "SSEAwsKmsKeyId": KMS_KEY,
        "BucketKeyEnabled": True,
        "ChecksumAlgorithm": "SHA256",
        "AnnotationDirective": "COPY",
    }

    assert results(run(copying(**settings))) == DONE

    copy = s3.head_object(Bucket="copies", Key="a b+c.jpg", ChecksumMode="ENABLED")
    assert copy.pop("Metadata") == {"color": "blue"}
    assert (EVERYBODY, "READ") in acl_of(s3, "copies")
    assert tags_of(s3, Bucket="copies") == {"a": "1 + 1 =2"}
    expected = {
        "CacheControl": "no-cache",
        "ContentDisposition": "inline",
        "ContentEncoding": "gzip",
        "ContentLanguage": "de",
        "ContentType": "image/jpeg",
        "Expires": TOMORROW,
        "WebsiteRedirectLocation": "/elsewhere",
        "StorageClass": "STANDARD_IA",
        "ServerSideEncryption": "aws:kms",
        "SSEKMSKeyId": KMS_KEY,
        "BucketKeyEnabled": True,
        "ChecksumSHA256": b64encode(bytes.fromhex(CHECKSUMS["SHA256"])).decode(),
    }
    assert {name: copy.get(name) for name in expected} == expected


def test_every_parameter_of_a_copy_reaches_s3() -> None:
    """This covers the parameters that moto does not store, too."""
    s3: Any = boto3.Session("a", "b", region_name="us-east-1").client("s3")
    settings = Operation.model_validate(
        copying(
            MetadataDirective="COPY",
            AnnotationDirective="EXCLUDE",
            AccessControlGrants=[*GRANTS, GRANTS[1]],
            NewObjectMetadata={"SSEAlgorithm": "KMS"},
            NewObjectTagging=[],
            ObjectLockLegalHoldStatus="ON",
            ObjectLockMode="COMPLIANCE",
            ObjectLockRetainUntilDate=TOMORROW,
            ObjectLockEventHold="ON",
            ObjectLockEventHoldDuration={"Days": 7},
            ModifiedSinceConstraint=YESTERDAY,
            UnModifiedSinceConstraint=TOMORROW,
            RequesterPays=True,
        )
    )
    object_ = ObjectRef(bucket="photos", key="k", version_id="v")
    location = {"Bucket": "photos", "Key": "k", "VersionId": "v"}
    expected = {
        "Bucket": "copies",
        "Key": "k",
        "CopySource": location,
        "MetadataDirective": "COPY",
        "AnnotationDirective": "EXCLUDE",
        "GrantFullControl": 'id="ann"',
        "GrantRead": f'uri="{EVERYBODY}",uri="{EVERYBODY}"',
        "GrantReadACP": 'id="bob"',
        "GrantWriteACP": 'id="eve"',
        "Metadata": {},
        "ServerSideEncryption": "aws:kms",
        "TaggingDirective": "REPLACE",
        "Tagging": "",
        "ObjectLockLegalHoldStatus": "ON",
        "ObjectLockMode": "COMPLIANCE",
        "ObjectLockRetainUntilDate": TOMORROW,
        "ObjectLockEventHold": "ON",
        "ObjectLockEventHoldDurationDays": 7,
        "CopySourceIfModifiedSince": YESTERDAY,
        "CopySourceIfUnmodifiedSince": TOMORROW,
        "RequestPayer": "requester",
    }

    with Stubber(s3) as stub:
        conditions = {
            "IfModifiedSince": YESTERDAY,
            "IfUnmodifiedSince": TOMORROW,
            "RequestPayer": "requester",
        }
        stub.add_response("head_object", {"ContentLength": 1}, {**location, **conditions})
        stub.add_response("copy_object", {}, expected)

        answer = s3_operation(settings, Store(s3))(object_)

        stub.assert_no_pending_responses()
    assert answer == Outcome(ResultCode.SUCCEEDED, "Successful")


def test_a_copy_gets_grants(s3: Any) -> None:
    """They are the only grants."""
    assert results(run(copying(AccessControlGrants=GRANTS))) == DONE
    assert acl_of(s3, "copies") == GRANTED


@pytest.mark.parametrize(
    "condition", [{"ModifiedSinceConstraint": TOMORROW}, {"UnModifiedSinceConstraint": YESTERDAY}]
)
def test_a_copy_is_not_made_if_a_condition_is_not_met(s3: Any, condition: dict[str, Any]) -> None:
    """moto does not check conditions. The row has the error of S3."""
    ((status, http_status, code, message),) = results(run(copying(**condition)))

    assert (status, http_status, code) == ("failed", 412, "PreconditionFailed")
    assert message.startswith("At least one of the pre-conditions you specified did not hold (")
    assert "Contents" not in s3.list_objects_v2(Bucket="copies")


def test_objects_over_five_gigabytes_are_not_copied(s3: Any) -> None:
    """This is the limit of CopyObject and of jobs."""
    backend = s3_backends[ACCOUNT]["aws"]
    photo: Any = backend.get_object("photos", "a b+c.jpg")

    photo.contentsize = 5 * 1024**3 + 1
    ((status, http_status, code, message),) = results(run(copying()))

    assert (status, http_status, code) == ("failed", 400, "InvalidRequest")
    assert message.startswith(
        "The specified copy source is larger than the maximum allowable size for a copy source: "
        "5368709120 (Service: Amazon S3; Status Code: 400; "
    )
    assert "Contents" not in s3.list_objects_v2(Bucket="copies")


def test_a_missing_target_bucket_fails_the_tasks(s3: Any) -> None:
    """Each row has the error of S3."""
    job = run(copying(TargetResource="arn:aws:s3:::nowhere"))

    ((status, http_status, code, _),) = results(job)
    assert (status, http_status, code) == ("failed", 404, "NoSuchBucket")


@pytest.mark.parametrize("slash", ["", "/"])
def test_an_object_with_tags_is_not_copied_to_a_directory_bucket(slash: str) -> None:
    """S3 responds with 501, and the job continues. moto has no directory buckets."""
    target = f"arn:aws:s3express:us-east-1:{ACCOUNT}:{slash}bucket/a--use1-az4--x-s3"
    operation = s3_operation(
        Operation.model_validate({"S3PutObjectCopy": {"TargetResource": target}}),
        Store(client("s3")),
    )
    buckets = []

    def answer(model: Any, params: Any, context: Any, **_: Any) -> Any:
        status, body = 200, {"ContentLength": 1, "ETag": "1"}
        if model.name == "CopyObject":
            buckets.append(context["input_params"]["Bucket"])
            status, body = 501, {"Error": {"Code": "NotImplemented", "Message": "A header …"}}
        return SimpleNamespace(status_code=status, headers={}), {
            **body,
            "ResponseMetadata": {"HTTPStatusCode": status},
        }

    client("s3").meta.events.register("before-call.s3", answer)
    try:
        invoked = S3Invoker(operation, "S3PutObjectCopy").invoke_all(
            TEMPLATE, [ENTRY] * 2, stop=lambda: False
        )
        answers = [answer for _, answer, _ in invoked]
    finally:
        client("s3").meta.events.unregister("before-call.s3", answer)

    assert all(isinstance(answer, ServiceError) for answer in answers)
    assert {(one.http_status, one.error_code) for one in answers} == {(501, "NotImplemented")}  # type: ignore[union-attr]
    assert set(buckets) == {"a--use1-az4--x-s3"}
