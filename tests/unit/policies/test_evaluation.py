"""The policies allow the calls that S3 makes for a job, and not those beside them.

The calls are those of the S3 User Guide ("Granting permissions for Batch Operations", "Using Batch
Operations with directory buckets") and of the API reference, with their resources as in AWS's
Service Authorization Reference, evaluated as IAM does.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3batch_handler.policies._documents import job_policies
from s3batch_handler.policies._job import PolicyOptions
from s3batch_handler.policies._resources import IncompleteJob
from tests.support.iam import is_allowed
from tests.support.policy_jobs import (
    ACCOUNT,
    DIRECTORY_BUCKET,
    FUNCTION,
    INVENTORY,
    KEY,
    MANIFEST,
    OPERATIONS,
    OTHER_ACCOUNT,
    REGION,
    REPORT,
    generator,
    job_request,
    output,
)

PHOTO = "arn:aws:s3:::photos/in/a.jpg"
COPY = "arn:aws:s3:::copies/in/a.jpg"
FAST = f"arn:aws:s3express:{REGION}:{ACCOUNT}:bucket/{DIRECTORY_BUCKET}"
VIA_S3 = {"kms__ViaService": f"s3.{REGION}.amazonaws.com"}

CALLS: dict[str, list[tuple[str, str]]] = {
    "LambdaInvoke": [("lambda:InvokeFunction", FUNCTION)],
    "S3PutObjectCopy": [
        ("s3:GetObject", PHOTO),
        ("s3:GetObjectTagging", PHOTO),
        ("s3:PutObject", COPY),
        ("s3:PutObjectTagging", COPY),
    ],
    "S3PutObjectAcl": [("s3:PutObjectAcl", PHOTO)],
    "S3PutObjectTagging": [("s3:PutObjectTagging", PHOTO)],
    "S3DeleteObjectTagging": [("s3:DeleteObjectTagging", PHOTO)],
    "S3InitiateRestoreObject": [("s3:RestoreObject", PHOTO)],
    "S3PutObjectLegalHold": [
        ("s3:GetBucketObjectLockConfiguration", "arn:aws:s3:::photos"),
        ("s3:PutObjectLegalHold", PHOTO),
    ],
    "S3PutObjectRetention": [
        ("s3:GetBucketObjectLockConfiguration", "arn:aws:s3:::photos"),
        ("s3:PutObjectRetention", PHOTO),
    ],
    "S3ReplicateObject": [("s3:InitiateReplication", PHOTO)],
    "S3ComputeObjectChecksum": [("s3:GetObject", PHOTO), ("s3:RestoreObject", PHOTO)],
    "S3UpdateObjectEncryption": [
        ("s3:UpdateObjectEncryption", PHOTO),
        ("kms:ReEncryptTo", KEY),
        ("kms:GenerateDataKey", KEY),
    ],
}
ON_VERSIONS = {
    "s3:GetObject": "s3:GetObjectVersion",
    "s3:GetObjectTagging": "s3:GetObjectVersionTagging",
    "s3:PutObjectAcl": "s3:PutObjectVersionAcl",
    "s3:PutObjectTagging": "s3:PutObjectVersionTagging",
    "s3:DeleteObjectTagging": "s3:DeleteObjectVersionTagging",
}
NEIGHBORS = {
    PHOTO: ["arn:aws:s3:::photos/other/a.jpg", "arn:aws:s3:::photos2/in/a.jpg"],
    COPY: ["arn:aws:s3:::copies2/in/a.jpg"],
    "arn:aws:s3:::photos": ["arn:aws:s3:::photos2"],
    KEY: [KEY[:-1] + "6", KEY.replace(REGION, "us-east-1")],
    FUNCTION: [FUNCTION[:-1] + "8", FUNCTION[:-2], FUNCTION.replace("thumbnails", "thumbnails2")],
}


def permissions(request: dict[str, Any], **options: Any) -> dict[str, Any]:
    return job_policies(request, PolicyOptions(region=REGION, **options)).permissions


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_calls_of_an_operation_are_allowed_and_those_beside_it_are_not(name: str) -> None:
    """Another prefix, bucket, key, function or version is out of reach."""
    document = permissions(job_request(name), objects=("s3://photos/in/",))

    for action, resource in CALLS[name]:
        assert is_allowed(document, action, resource, **VIA_S3), action
        for neighbor in NEIGHBORS[resource]:
            assert not is_allowed(document, action, neighbor, **VIA_S3), neighbor


@pytest.mark.parametrize("name", OPERATIONS)
def test_calls_on_versions_need_a_manifest_with_versions(name: str) -> None:
    """IAM has own actions for versions, which a job without versions does not call."""
    versions = {True: permissions(job_request(name), objects=("photos",), versions=True)}
    versions[False] = permissions(job_request(name), objects=("photos",), versions=False)

    for action, resource in CALLS[name]:
        if resource == PHOTO and action in ON_VERSIONS:
            for has_versions, document in versions.items():
                allowed = is_allowed(document, ON_VERSIONS[action], resource)
                assert allowed is has_versions, action


def test_a_key_is_not_used_without_s3() -> None:
    """The role cannot decrypt for somebody who got its credentials, but not the objects."""
    document = permissions(job_request("S3UpdateObjectEncryption"), objects=("photos",))

    assert is_allowed(document, "kms:Decrypt", KEY, **VIA_S3)
    assert not is_allowed(document, "kms:Decrypt", KEY)
    assert not is_allowed(document, "kms:Decrypt", KEY, kms__ViaService="ec2.amazonaws.com")


@pytest.mark.parametrize(
    ("source", "target"), [(DIRECTORY_BUCKET, "arn:aws:s3:::copies"), ("photos", FAST)]
)
def test_keys_of_copies_with_a_directory_bucket_have_no_service(source: str, target: str) -> None:
    """AWS does not document which service calls KMS for them, so any may."""
    request = job_request("S3PutObjectCopy", TargetResource=target)

    document = permissions(request, objects=(source,), source_key=KEY, target_key=KEY)

    for action in ("kms:Decrypt", "kms:GenerateDataKey"):
        assert is_allowed(
            document, action, KEY, kms__ViaService=f"s3express.{REGION}.amazonaws.com"
        )


def test_sessions_with_the_source_of_copies_are_to_read() -> None:
    """The session with the target may write."""
    read = permissions(job_request("S3PutObjectCopy"), objects=(DIRECTORY_BUCKET,))
    write = permissions(job_request("S3PutObjectCopy", TargetResource=FAST), objects=("photos",))
    session = "s3express:CreateSession"

    assert is_allowed(read, session, FAST, s3express__SessionMode="ReadOnly")
    assert not is_allowed(read, session, FAST, s3express__SessionMode="ReadWrite")
    assert is_allowed(write, session, FAST, s3express__SessionMode="ReadWrite")
    assert not is_allowed(write, session, FAST + "2")


def test_the_role_of_a_job_with_a_function_needs_no_session() -> None:
    """The guide asks for it for copies; here, the function makes the calls."""
    policies = job_policies(
        job_request("LambdaInvoke"),
        PolicyOptions(objects=(DIRECTORY_BUCKET,), function_reads=(DIRECTORY_BUCKET,)),
    )

    session = "s3express:CreateSession"
    assert not is_allowed(policies.permissions, session, FAST)
    assert policies.function_role is not None
    assert is_allowed(policies.function_role, session, FAST, s3express__SessionMode="ReadOnly")


def test_the_manifest_and_the_report_are_within_reach_and_nothing_beside_them() -> None:
    """The other objects of these buckets are not."""
    document = permissions(job_request("LambdaInvoke"))

    assert is_allowed(document, "s3:GetObject", "arn:aws:s3:::lists/manifests/a b.csv")
    assert not is_allowed(document, "s3:GetObject", "arn:aws:s3:::lists/manifests/a b.csv2")
    assert is_allowed(document, "s3:PutObject", "arn:aws:s3:::reports/of/jobs/job-1/manifest.json")
    assert not is_allowed(document, "s3:PutObject", "arn:aws:s3:::reports/of/jobs2/job-1/a")
    assert not is_allowed(document, "s3:GetObject", "arn:aws:s3:::reports/of/jobs/job-1/a")


def test_a_report_prefix_may_end_with_a_slash() -> None:
    """The report can be written with one slash and with two, which AWS does not document."""
    report = {**REPORT, "Prefix": "of/jobs/"}

    policies = job_policies(job_request("LambdaInvoke", Report=report), PolicyOptions())

    for prefix in ("of/jobs/", "of/jobs//"):
        index = f"arn:aws:s3:::reports/{prefix}job-1/manifest.json"
        assert is_allowed(policies.permissions, "s3:PutObject", index)
        assert is_allowed(policies.caller, "s3:GetObject", index)
    assert not is_allowed(policies.permissions, "s3:PutObject", "arn:aws:s3:::reports/of/job-1/a")


def test_an_inventory_is_read_with_its_files() -> None:
    """The files are beside the folder of the manifest, or in the bucket that the manifest names."""
    request = job_request("S3PutObjectTagging", Manifest=INVENTORY)
    manifest = INVENTORY["Location"]["ObjectArn"]
    default = permissions(request, objects=("photos",))
    named = permissions(request, objects=("photos",), inventory_files=("far/away/1.csv.gz",))

    assert is_allowed(default, "s3:GetObject", manifest)
    beside = "arn:aws:s3:::lists/inventory/photos/all/data/1.csv.gz"
    assert is_allowed(default, "s3:GetObject", beside)
    assert not is_allowed(default, "s3:GetObject", "arn:aws:s3:::lists/inventory/photos/other/1")
    assert is_allowed(named, "s3:GetObject", "arn:aws:s3:::far/away/1.csv.gz")
    assert not is_allowed(named, "s3:GetObject", beside)


def test_a_generated_manifest_is_saved_below_a_prefix_with_and_without_slash() -> None:
    """A slash at the end of the prefix does not put the manifest out of reach."""
    for prefix in ("generated", "generated/"):
        settings = generator(
            EnableManifestOutput=True, ManifestOutputLocation=output(ManifestPrefix=prefix)
        )
        document = permissions(job_request("S3DeleteObjectTagging", ManifestGenerator=settings))

        assert is_allowed(document, "s3:PutInventoryConfiguration", "arn:aws:s3:::photos")
        assert is_allowed(document, "s3:PutObject", "arn:aws:s3:::lists/generated/photos/job-1/a")
        assert not is_allowed(document, "s3:PutObject", "arn:aws:s3:::lists/generated2/a")


PLAIN = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=12)
HOSTILE = st.one_of(PLAIN, st.text("$*?{}a:", min_size=1, max_size=8))


@given(prefix=HOSTILE, rest=HOSTILE, other=HOSTILE)
def test_no_character_of_a_prefix_has_a_meaning(prefix: str, rest: str, other: str) -> None:
    """Wildcards and variables in keys are characters as others are."""
    filters = {"KeyNameConstraint": {"MatchAnyPrefix": [prefix]}}
    request = job_request("S3PutObjectAcl", ManifestGenerator=generator(Filter=filters))
    document = permissions(request)

    assert is_allowed(document, "s3:PutObjectAcl", f"arn:aws:s3:::photos/{prefix}{rest}")
    assert is_allowed(
        document, "s3:PutObjectAcl", f"arn:aws:s3:::photos/{other}", aws__userid="a"
    ) is other.startswith(prefix)


@given(prefix=HOSTILE)
def test_no_dollar_sign_stands_before_an_escaped_one(prefix: str) -> None:
    """Terraform, too, would have to decide which of them begins a variable."""
    filters = {"KeyNameConstraint": {"MatchAnyPrefix": [prefix]}}
    request = job_request("S3PutObjectAcl", ManifestGenerator=generator(Filter=filters))

    assert "$${" not in json.dumps(permissions(request))


@given(key=HOSTILE, other=HOSTILE)
def test_no_character_of_a_manifest_key_has_a_meaning(key: str, other: str) -> None:
    """Only this object can be read as the manifest."""
    location = {"ObjectArn": f"arn:aws:s3:::lists/{key}", "ETag": "e"}
    request = job_request("LambdaInvoke", Manifest={**MANIFEST, "Location": location})
    document = permissions(request)

    assert is_allowed(document, "s3:GetObject", f"arn:aws:s3:::lists/{key}")
    assert is_allowed(document, "s3:GetObject", f"arn:aws:s3:::lists/{other}") is (other == key)


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_caller_submits_and_watches_this_job_only(name: str) -> None:
    """Another operation, Region, account or role is refused."""
    caller = job_policies(
        job_request(name), PolicyOptions(objects=("photos",), region=REGION)
    ).caller
    here = {"aws__RequestedRegion": REGION, "s3__RequestJobOperation": name}

    assert is_allowed(caller, "s3:CreateJob", "*", **here)
    assert not is_allowed(caller, "s3:CreateJob", "*", **{**here, "aws__RequestedRegion": "x"})
    assert not is_allowed(caller, "s3:CreateJob", "*", **{**here, "s3__RequestJobOperation": "x"})
    assert is_allowed(caller, "iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/batch")
    assert not is_allowed(caller, "iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/batch2")
    job = f"arn:aws:s3:{REGION}:{ACCOUNT}:job/1"
    assert is_allowed(caller, "s3:DescribeJob", job)
    assert not is_allowed(caller, "s3:DescribeJob", job.replace(ACCOUNT, OTHER_ACCOUNT))
    assert is_allowed(caller, "s3:UpdateJobStatus", job, s3__ExistingJobOperation=name)
    assert not is_allowed(caller, "s3:UpdateJobStatus", job, s3__ExistingJobOperation="x")


@pytest.mark.parametrize(
    "place",
    [
        "arn:aws:s3-object-lambda:eu-west-1:123456789012:accesspoint/ol",
        "arn:aws:s3-outposts:eu-west-1:123456789012:outpost/op-1/bucket/b",
        "arn:aws:s3:eu-west-1:123456789012:accesspoint/a${aws:userid}",
        "arn:aws:s3:eu-west-1:123456789012:accesspoint/*",
        "arn:aws:s3:::photos${x}",
    ],
)
def test_other_arns_do_not_name_a_bucket(place: str) -> None:
    """They are refused, rather than taken for a bucket with another name."""
    with pytest.raises(IncompleteJob, match="does not name a bucket"):
        permissions(job_request("S3PutObjectTagging"), objects=(place,))


@pytest.mark.parametrize(
    ("region", "partition"),
    [
        ("eusc-de-east-1", "aws-eusc"),
        ("us-iso-east-1", "aws-iso"),
        ("us-isob-east-1", "aws-iso-b"),
        ("eu-isoe-west-1", "aws-iso-e"),
        ("us-isof-south-1", "aws-iso-f"),
        ("eu-west-1", "aws"),
    ],
)
def test_names_get_the_partition_of_any_region(region: str, partition: str) -> None:
    """All partitions of botocore are known."""
    request = job_request("LambdaInvoke", FunctionArn="thumbnails", RoleArn="batch")

    document = job_policies(request, PolicyOptions(region=region, account=ACCOUNT)).permissions

    function = f"arn:{partition}:lambda:{region}:{ACCOUNT}:function:thumbnails"
    assert is_allowed(document, "lambda:InvokeFunction", function)
