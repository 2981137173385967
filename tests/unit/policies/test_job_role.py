"""The permissions of the role that S3 assumes, for each operation, manifest and report."""

from __future__ import annotations

import re
from typing import Any

import pytest

from s3batch_handler.policies._documents import job_policies
from s3batch_handler.policies._job import PolicyOptions
from s3batch_handler.policies._resources import IncompleteJob
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
    generator,
    job_request,
    output,
    rights,
)

OBJECTS = "arn:aws:s3:::photos/*"
COPIES = "arn:aws:s3:::copies/*"
ALWAYS = {
    ("s3:GetObject", "arn:aws:s3:::lists/manifests/a b.csv"),
    ("s3:GetObjectVersion", "arn:aws:s3:::lists/manifests/a b.csv"),
    ("s3:PutObject", "arn:aws:s3:::reports/of/jobs/job-*"),
}


def allowed(request: dict[str, Any], **options: Any) -> set[tuple[str, str]]:
    """Return what the role of a job may do, except to read the manifest and write the report."""
    document = job_policies(request, PolicyOptions(**options)).permissions
    return rights(document) - ALWAYS


def on(resource: str, *actions: str) -> set[tuple[str, str]]:
    return {(f"s3:{action}", resource) for action in actions}


LOCK = on("arn:aws:s3:::photos", "GetBucketObjectLockConfiguration")
LIST = on("arn:aws:s3:::photos", "ListBucket")

EXPECTED = {
    "LambdaInvoke": {("lambda:InvokeFunction", FUNCTION)},
    "S3PutObjectCopy": {
        *LIST,
        *on(OBJECTS, "GetObject", "GetObjectAcl", "GetObjectTagging", "GetObjectAnnotation"),
        *on(COPIES, "PutObject", "PutObjectTagging", "PutObjectAnnotation"),
    },
    "S3PutObjectAcl": on(OBJECTS, "PutObjectAcl"),
    "S3PutObjectTagging": on(OBJECTS, "PutObjectTagging"),
    "S3DeleteObjectTagging": on(OBJECTS, "DeleteObjectTagging"),
    "S3InitiateRestoreObject": on(OBJECTS, "RestoreObject"),
    "S3PutObjectLegalHold": LOCK | on(OBJECTS, "PutObjectLegalHold"),
    "S3PutObjectRetention": LOCK | on(OBJECTS, "PutObjectRetention"),
    "S3ReplicateObject": on(OBJECTS, "InitiateReplication"),
    "S3ComputeObjectChecksum": on(OBJECTS, "GetObject", "RestoreObject"),
    "S3UpdateObjectEncryption": {
        *on(OBJECTS, "UpdateObjectEncryption"),
        *(
            (f"kms:{action}", KEY)
            for action in ("Encrypt", "Decrypt", "GenerateDataKey", "ReEncryptFrom", "ReEncryptTo")
        ),
    },
}
"""What each operation needs for a manifest without versions; ``_operations.py`` has the sources."""


def test_the_manifests_of_a_canary_job_are_allowed_on_request() -> None:
    """Their names are those of ``job submit --sample``: the role reads them, the caller writes."""
    parts = [f"arn:aws:s3:::lists/manifests/a b-{part}-*.csv" for part in ("canary", "rest")]
    request = job_request("LambdaInvoke")

    policies = job_policies(request, PolicyOptions(canary=True))

    reads = {right for part in parts for right in on(part, "GetObject", "GetObjectVersion")}
    writes = {right for part in parts for right in on(part, "GetObject", "PutObject")}
    assert allowed(request, canary=True) - allowed(request) == reads
    assert writes <= rights(policies.caller)


def test_a_generated_manifest_has_no_canary_job() -> None:
    with pytest.raises(IncompleteJob, match="--canary"):
        allowed(job_request(ManifestGenerator=generator()), canary=True)


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_role_may_do_what_its_operation_needs_and_nothing_else(name: str) -> None:
    """The role reads this manifest, writes this report, and calls what the operation calls."""
    document = job_policies(job_request(name), PolicyOptions(objects=("photos",))).permissions

    assert rights(document) == ALWAYS | EXPECTED[name]


VERSION_ACTIONS = {
    "S3PutObjectCopy": {
        *("GetObjectVersion", "GetObjectVersionAcl", "GetObjectVersionTagging"),
        "GetObjectVersionAnnotation",
    },
    "S3PutObjectAcl": {"PutObjectVersionAcl"},
    "S3PutObjectTagging": {"PutObjectVersionTagging"},
    "S3DeleteObjectTagging": {"DeleteObjectVersionTagging"},
    "S3ComputeObjectChecksum": {"GetObjectVersion"},
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_actions_on_versions_are_allowed_if_the_manifest_has_versions(name: str) -> None:
    """The guide requires them only then."""
    spec = {**MANIFEST["Spec"], "Fields": ["Bucket", "Key", "VersionId"]}
    request = job_request(name, Manifest={**MANIFEST, "Spec": spec})

    added = allowed(request, objects=("photos",)) - EXPECTED[name]

    assert added == on(OBJECTS, *VERSION_ACTIONS.get(name, ()))


@pytest.mark.parametrize("versions", [True, False])
def test_an_option_says_whether_an_inventory_has_versions(versions: bool) -> None:
    """The job does not say it; without the option, it may have versions."""
    request = job_request("S3PutObjectTagging", Manifest=INVENTORY)

    with_option = allowed(request, objects=("photos",), versions=versions)

    version_action = ("s3:PutObjectVersionTagging", OBJECTS)
    assert (version_action in with_option) is versions
    assert version_action in allowed(request, objects=("photos",))


@pytest.mark.parametrize(
    ("settings", "added"),
    [
        ({"CannedAccessControlList": "private"}, {"PutObjectAcl"}),
        ({"AccessControlGrants": [{"Permission": "READ"}]}, {"PutObjectAcl"}),
        ({"ObjectLockLegalHoldStatus": "ON"}, {"PutObjectLegalHold"}),
        ({"ObjectLockMode": "GOVERNANCE"}, {"PutObjectRetention"}),
        ({"ObjectLockEventHold": "ON"}, {"PutObjectRetention"}),
    ],
)
def test_copies_may_get_the_acl_and_lock_of_the_job(
    settings: dict[str, Any], added: set[str]
) -> None:
    """Other jobs may not change ACLs and locks."""
    request = job_request("S3PutObjectCopy", **settings)

    assert allowed(request, objects=("photos",)) - EXPECTED["S3PutObjectCopy"] == on(COPIES, *added)


def test_copies_without_annotations_need_no_permission_for_them() -> None:
    """COPY is the default of the directive."""
    request = job_request("S3PutObjectCopy", AnnotationDirective="EXCLUDE")

    assert not [one for one in allowed(request, objects=("photos",)) if "Annotation" in one[0]]


def test_copies_are_written_below_their_prefix() -> None:
    """The prefix is matched literally: ``*`` and ``?`` have a meaning in policies."""
    request = job_request("S3PutObjectCopy", TargetKeyPrefix="a*/?${b}")

    resources = {one for action, one in allowed(request, objects=("photos",)) if "Put" in action}

    assert resources == {"arn:aws:s3:::copies/a${*}/${?}${$}{b}*"}


def test_governance_mode_is_bypassed_only_if_the_job_asks_for_it() -> None:
    """The permission removes a protection."""
    request = job_request("S3PutObjectRetention", BypassGovernanceRetention=True)

    added = allowed(request, objects=("photos",)) - EXPECTED["S3PutObjectRetention"]

    assert added == on(OBJECTS, "BypassGovernanceRetention")


# ---------------------------------------------------------------- directory buckets


@pytest.mark.parametrize("slash", ["", "/"])
def test_copies_to_a_directory_bucket_need_a_session(slash: str) -> None:
    """The guide writes such ARNs without the slash, the service model with it."""
    arn = f"arn:aws:s3express:{REGION}:{ACCOUNT}:{slash}bucket/{DIRECTORY_BUCKET}"
    request = job_request("S3PutObjectCopy", TargetResource=arn)

    assert {one for one in allowed(request, objects=("photos",)) if OBJECTS not in one} == {
        *LIST,
        ("s3express:CreateSession", arn.replace(":/", ":")),
    }


def test_copies_from_a_directory_bucket_need_a_session_to_read() -> None:
    """The bucket is in the Region and account of the job."""
    policies = job_policies(
        job_request("S3PutObjectCopy"), PolicyOptions(objects=(DIRECTORY_BUCKET,), region=REGION)
    )

    (session,) = [one for one in policies.permissions["Statement"] if "express" in str(one)]
    assert session["Action"] == "s3express:CreateSession"
    assert session["Resource"] == f"arn:aws:s3express:{REGION}:{ACCOUNT}:bucket/{DIRECTORY_BUCKET}"
    assert session["Condition"] == {"StringEquals": {"s3express:SessionMode": "ReadOnly"}}


def test_other_operations_refuse_directory_buckets() -> None:
    """S3 supports copies and functions only."""
    with pytest.raises(IncompleteJob, match="does not support directory buckets"):
        job_policies(job_request("S3PutObjectTagging"), PolicyOptions(objects=(DIRECTORY_BUCKET,)))


def test_object_lock_needs_the_bucket_behind_an_access_point() -> None:
    """IAM allows to read the configuration of a bucket only."""
    readers = f"arn:aws:s3:{REGION}:{ACCOUNT}:accesspoint/readers"

    with pytest.raises(IncompleteJob, match="--bucket NAME, too"):
        allowed(job_request("S3PutObjectLegalHold"), objects=(readers,))

    assert allowed(job_request("S3PutObjectLegalHold"), objects=(readers, "photos")) == {
        *EXPECTED["S3PutObjectLegalHold"],
        ("s3:PutObjectLegalHold", f"{readers}/object/*"),
    }


def test_replication_names_the_objects_of_the_bucket_behind_an_access_point() -> None:
    """IAM defines the action for the objects of buckets only."""
    readers = f"arn:aws:s3:{REGION}:{ACCOUNT}:accesspoint/readers"

    with pytest.raises(IncompleteJob, match="--bucket NAME, too"):
        allowed(job_request("S3ReplicateObject"), objects=(readers,))

    replicated = allowed(job_request("S3ReplicateObject"), objects=(readers, "photos"))
    assert replicated == EXPECTED["S3ReplicateObject"]


# ---------------------------------------------------------------- KMS


def statement_for(document: dict[str, Any], action: str) -> dict[str, Any]:
    (found,) = [one for one in document["Statement"] if action in one["Action"]]
    return dict(found)


def test_keys_are_used_through_s3_only() -> None:
    """The role cannot decrypt anything else with them."""
    request = job_request("S3PutObjectCopy", SSEAwsKmsKeyId=KEY)
    policies = job_policies(request, PolicyOptions(objects=("photos",), source_key="alias/old"))

    via_s3 = {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}
    encrypt = statement_for(policies.permissions, "kms:GenerateDataKey")
    assert encrypt["Resource"] == KEY
    assert encrypt["Condition"] == {"StringEquals": via_s3}


def test_an_alias_becomes_a_condition() -> None:
    """The resource of a permission is a key, never an alias."""
    options = PolicyOptions(objects=("photos",), source_key="alias/old", region=REGION)

    decrypt = statement_for(
        job_policies(job_request("S3PutObjectCopy"), options).permissions, "kms:Decrypt"
    )

    assert decrypt["Resource"] == f"arn:aws:kms:{REGION}:{ACCOUNT}:key/*"
    assert decrypt["Condition"]["ForAnyValue:StringEquals"] == {"kms:ResourceAliases": "alias/old"}


def test_a_key_of_another_account_needs_the_organization() -> None:
    """UpdateObjectEncryption then checks the account of the key."""
    key = KEY.replace(ACCOUNT, OTHER_ACCOUNT)
    request = job_request(
        "S3UpdateObjectEncryption", ObjectEncryption={"SSEKMS": {"KMSKeyArn": key}}
    )

    assert (
        "organizations:DescribeAccount",
        f"arn:aws:organizations::*:account/o-*/{OTHER_ACCOUNT}",
    ) in allowed(request, objects=("photos",))


def test_a_csv_manifest_cannot_have_a_key() -> None:
    """S3 fails such jobs."""
    with pytest.raises(IncompleteJob, match="SSE-S3"):
        job_policies(job_request(), PolicyOptions(manifest_key=KEY))


# ---------------------------------------------------------------- manifests


def test_the_files_of_an_inventory_are_read() -> None:
    """They are in the folder data beside the folder of manifest.json, and may have a key."""
    rest = allowed(job_request(Manifest=INVENTORY), manifest_key=KEY)

    folder = "arn:aws:s3:::lists/inventory/photos/all"
    assert rest == {
        *on(f"{folder}/2026-11-30T00-00Z/manifest.json", "GetObject", "GetObjectVersion"),
        *on(f"{folder}/data/*", "GetObject", "GetObjectVersion"),
        ("kms:Decrypt", KEY),
        ("kms:GenerateDataKey", KEY),
        ("lambda:InvokeFunction", FUNCTION),
    }


def test_the_files_of_an_inventory_are_named_if_they_are_known() -> None:
    """Inventories made by hand have their files anywhere, also in another bucket."""
    rest = allowed(job_request(Manifest=INVENTORY), inventory_files=("files/a/1.csv.gz",))

    assert ("s3:GetObject", "arn:aws:s3:::files/a/1.csv.gz") in rest
    assert not any(resource.endswith("data/*") for _, resource in rest)


def test_a_generated_manifest_that_is_not_kept_needs_an_inventory_only() -> None:
    """S3 lists the bucket by itself."""
    request = job_request("S3PutObjectTagging", ManifestGenerator=generator())

    assert allowed(request) - on(OBJECTS, "PutObjectTagging", "PutObjectVersionTagging") == on(
        "arn:aws:s3:::photos", "PutInventoryConfiguration"
    )


def test_a_generated_manifest_is_saved_below_its_prefix() -> None:
    """S3 writes it, and reads it again."""
    place = output(ManifestEncryption={"SSEKMS": {"KeyId": KEY}})
    request = job_request(
        ManifestGenerator=generator(EnableManifestOutput=True, ManifestOutputLocation=place)
    )

    assert allowed(request) == {
        *on("arn:aws:s3:::photos", "PutInventoryConfiguration"),
        *on("arn:aws:s3:::lists/generated/*", "GetObject", "GetObjectVersion", "PutObject"),
        ("kms:Decrypt", KEY),
        ("kms:GenerateDataKey", KEY),
        ("lambda:InvokeFunction", FUNCTION),
    }


def test_a_generated_manifest_in_another_account_needs_its_acl() -> None:
    """Otherwise the job fails: "Failed to write manifest"."""
    place = output(ExpectedManifestBucketOwner=OTHER_ACCOUNT)
    request = job_request(
        ManifestGenerator=generator(EnableManifestOutput=True, ManifestOutputLocation=place)
    )

    assert ("s3:PutObjectAcl", "arn:aws:s3:::lists/generated/*") in allowed(request)


def test_only_objects_with_the_prefix_of_the_filter_are_allowed() -> None:
    """The filter limits the objects of the job, so the policy can, too."""
    filters = {"KeyNameConstraint": {"MatchAnyPrefix": ["2024/"]}}
    request = job_request("S3PutObjectTagging", ManifestGenerator=generator(Filter=filters))

    assert ("s3:PutObjectTagging", "arn:aws:s3:::photos/2024/*") in allowed(request)
    assert ("s3:PutObjectTagging", OBJECTS) not in allowed(request)


@pytest.mark.parametrize(
    ("name", "filters"),
    [("S3ReplicateObject", {}), ("S3PutObjectTagging", {"EligibleForReplication": True})],
)
def test_manifests_for_replication_read_its_configuration(
    name: str, filters: dict[str, Any]
) -> None:
    """S3 lists what the rules of the bucket replicate."""
    request = job_request(name, ManifestGenerator=generator(Filter=filters))

    assert ("s3:GetReplicationConfiguration", "arn:aws:s3:::photos") in allowed(request)


@pytest.mark.parametrize("name", [name for name in OPERATIONS if name != "LambdaInvoke"])
def test_the_buckets_of_the_objects_have_to_be_known(name: str) -> None:
    """A manifest in S3 does not say them, and no policy allows all buckets."""
    with pytest.raises(IncompleteJob, match="--bucket NAME"):
        job_policies(job_request(name))


# ---------------------------------------------------------------- reports, functions, roles


def test_a_job_without_report_writes_nothing() -> None:
    """There is no right to write to a bucket."""
    request = job_request(Report={"Enabled": False})

    assert not [one for one in rights(job_policies(request).permissions) if "Put" in one[0]]


@pytest.mark.parametrize(
    ("name", "arn"),
    [
        ("thumbnails", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:thumbnails"),
        ("thumbnails:live", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:thumbnails:live"),
        (
            f"{OTHER_ACCOUNT}:f:$LATEST",
            f"arn:aws:lambda:{REGION}:{OTHER_ACCOUNT}:function:f:$LATEST",
        ),
        (FUNCTION, FUNCTION),
        (
            f"arn:aws-cn:lambda:cn-north-1:{ACCOUNT}:function:f",
            f"arn:aws-cn:lambda:cn-north-1:{ACCOUNT}:function:f",
        ),
    ],
)
def test_functions_are_allowed_with_their_qualifier(name: str, arn: str) -> None:
    """Lambda compares the whole ARN, so a policy for one version does not allow another one."""
    request = job_request(FunctionArn=name)

    assert allowed(request, region=REGION) == {("lambda:InvokeFunction", arn)}


@pytest.mark.parametrize(
    ("partition", "region"), [("aws-cn", "cn-north-1"), ("aws-us-gov", "us-gov-west-1")]
)
def test_arns_have_the_partition_of_the_role(partition: str, region: str) -> None:
    """Buckets of options have no partition of their own."""
    request = job_request(
        "S3PutObjectTagging", RoleArn=f"arn:{partition}:iam::{ACCOUNT}:role/batch"
    )

    policies = job_policies(request, PolicyOptions(objects=("photos",), region=region))

    assert ("s3:PutObjectTagging", f"arn:{partition}:s3:::photos/*") in rights(policies.permissions)
    assert f"arn:{partition}:s3:{region}:{ACCOUNT}:job/*" in str(policies.caller)


def test_a_role_that_is_only_named_needs_the_account() -> None:
    """Its ARN is in the policy of the caller."""
    request = job_request(RoleArn="service-role/batch", FunctionArn="f")

    with pytest.raises(IncompleteJob, match="--account-id"):
        job_policies(request)

    arn = f"arn:aws:iam::{ACCOUNT}:role/service-role/batch"
    policies = job_policies(request, PolicyOptions(account=ACCOUNT, region=REGION))
    assert policies.job_role_arn == arn
    assert ("iam:PassRole", arn) in rights(policies.caller)


def test_names_in_a_job_file_have_the_partition_of_the_region() -> None:
    """A job file completes them to ARNs of the partition aws."""
    request = job_request(RoleArn="batch", FunctionArn="f")

    policies = job_policies(request, PolicyOptions(account=ACCOUNT, region="cn-north-1"))

    assert "arn:aws:" not in str(policies.to_json())


@pytest.mark.parametrize(
    "options",
    [{"region": "here"}, {"account": "12"}, {"log_group": "a b"}, {"source_key": "a b"}],
)
def test_wrong_values_of_options_are_refused(options: dict[str, Any]) -> None:
    """They would become part of an ARN."""
    with pytest.raises(IncompleteJob, match=re.escape(repr(*options.values()))):
        job_policies(job_request("S3PutObjectCopy"), PolicyOptions(objects=("photos",), **options))


@pytest.mark.parametrize("role", ["", "a\u202eb", "arn:aws:iam::123456789012:user/ann"])
def test_a_wrong_role_is_refused(role: str) -> None:
    """It would be printed as code."""
    with pytest.raises(IncompleteJob, match="RoleArn"):
        job_policies(job_request(RoleArn=role), PolicyOptions(account=ACCOUNT))


def test_keys_with_other_characters_become_wildcards() -> None:
    """IAM accepts no characters beyond Latin-1 in a policy."""
    location = {"ObjectArn": "arn:aws:s3:::lists/größe/写真.csv", "ETag": "e"}

    rest = allowed(job_request(Manifest={**MANIFEST, "Location": location}))

    assert ("s3:GetObject", "arn:aws:s3:::lists/gr*e/*.csv") in rest
