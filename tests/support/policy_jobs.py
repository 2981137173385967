"""Requests of jobs for the tests of policies: one for each operation, and any of them."""

from __future__ import annotations

import fnmatch
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from s3batch_handler.policies._job import PolicyOptions

if TYPE_CHECKING:
    from collections.abc import Iterator

ACCOUNT = "123456789012"
OTHER_ACCOUNT = "210987654321"
REGION = "eu-west-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/batch"
FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:thumbnails:7"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"
DIRECTORY_BUCKET = "fast--euw1-az1--x-s3"

OPERATIONS: dict[str, dict[str, Any]] = {
    "LambdaInvoke": {"FunctionArn": FUNCTION},
    "S3PutObjectCopy": {"TargetResource": "arn:aws:s3:::copies"},
    "S3PutObjectAcl": {"AccessControlPolicy": {"CannedAccessControlList": "private"}},
    "S3PutObjectTagging": {"TagSet": [{"Key": "a", "Value": "b"}]},
    "S3DeleteObjectTagging": {},
    "S3InitiateRestoreObject": {"ExpirationInDays": 1, "GlacierJobTier": "BULK"},
    "S3PutObjectLegalHold": {"LegalHold": {"Status": "ON"}},
    "S3PutObjectRetention": {"Retention": {"Mode": "GOVERNANCE"}},
    "S3ReplicateObject": {},
    "S3ComputeObjectChecksum": {},
    "S3UpdateObjectEncryption": {"ObjectEncryption": {"SSEKMS": {"KMSKeyArn": KEY}}},
}
"""The settings of each operation."""

MANIFEST: dict[str, Any] = {
    "Spec": {"Format": "S3BatchOperations_CSV_20180820", "Fields": ["Bucket", "Key"]},
    "Location": {"ObjectArn": "arn:aws:s3:::lists/manifests/a b.csv", "ETag": "e"},
}
INVENTORY: dict[str, Any] = {
    "Spec": {"Format": "S3InventoryReport_CSV_20161130"},
    "Location": {
        "ObjectArn": "arn:aws:s3:::lists/inventory/photos/all/2026-11-30T00-00Z/manifest.json",
        "ETag": "e",
    },
}
REPORT = {
    "Enabled": True,
    "Bucket": "arn:aws:s3:::reports",
    "Prefix": "of/jobs",
    "Format": "Report_CSV_20180820",
    "ReportScope": "AllTasks",
}


def generator(**settings: Any) -> dict[str, Any]:
    """Return a manifest generator."""
    known = {"SourceBucket": "arn:aws:s3:::photos", "EnableManifestOutput": False}
    return {"S3JobManifestGenerator": {**known, **settings}}


def output(**settings: Any) -> dict[str, Any]:
    """Return the location of a generated manifest."""
    form = {"ManifestFormat": "S3InventoryReport_CSV_20211130"}
    return {"Bucket": "arn:aws:s3:::lists", "ManifestPrefix": "generated", **form, **settings}


def job_request(name: str = "LambdaInvoke", /, **members: Any) -> dict[str, Any]:
    """Return a request of CreateJob with members of the operation, and of the request itself.

    Members of the request have the names of AWS: ``Manifest``, ``Report``, ….
    """
    request = {"Manifest": MANIFEST, "Report": REPORT, "RoleArn": ROLE, "Priority": 10}
    own = {key: members.pop(key) for key in [*members] if key in _MEMBERS}
    request |= own
    if "ManifestGenerator" in own:
        del request["Manifest"]
    return {"Operation": {name: {**OPERATIONS[name], **members}}, **request}


_MEMBERS = ("Manifest", "ManifestGenerator", "Report", "RoleArn", "AccountId", "Tags")


# ---------------------------------------------------------------- any job

PREFIXES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
BUCKETS = st.from_regex(r"[a-z0-9][a-z0-9.-]{2,20}[a-z0-9]", fullmatch=True)
KEYS = st.sampled_from(
    [KEY, "11111111-2222-3333-4444-555555555555", "alias/photos", KEY.replace(ACCOUNT, "1" * 12)]
)
PLACES = st.one_of(
    BUCKETS,
    st.builds(lambda bucket, prefix: f"s3://{bucket}/{prefix}", BUCKETS, PREFIXES),
    st.just(f"arn:aws:s3:{REGION}:{ACCOUNT}:accesspoint/readers"),
)
FUNCTIONS = st.sampled_from(
    [
        FUNCTION,
        "thumbnails",
        "thumbnails:$LATEST",
        f"{ACCOUNT}:function:thumbnails",
        FUNCTION.replace(ACCOUNT, OTHER_ACCOUNT),
        f"arn:aws-us-gov:lambda:us-gov-west-1:{ACCOUNT}:function:thumbnails",
    ]
)
SETTINGS: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "LambdaInvoke": st.fixed_dictionaries({"FunctionArn": FUNCTIONS}),
    "S3PutObjectCopy": st.fixed_dictionaries(
        {
            "TargetResource": st.sampled_from(
                [
                    "arn:aws:s3:::copies",
                    f"arn:aws:s3express:{REGION}:{ACCOUNT}:/bucket/{DIRECTORY_BUCKET}",
                    f"arn:aws:s3express:{REGION}:{ACCOUNT}:bucket/{DIRECTORY_BUCKET}",
                ]
            )
        },
        optional={
            "TargetKeyPrefix": PREFIXES,
            "SSEAwsKmsKeyId": KEYS,
            "CannedAccessControlList": st.just("private"),
            "ObjectLockMode": st.just("GOVERNANCE"),
            "ObjectLockLegalHoldStatus": st.just("ON"),
            "ObjectLockEventHold": st.just("ON"),
            "AnnotationDirective": st.sampled_from(["COPY", "EXCLUDE"]),
        },
    ),
    "S3PutObjectRetention": st.fixed_dictionaries(
        {"Retention": st.just({"Mode": "GOVERNANCE"})},
        optional={"BypassGovernanceRetention": st.booleans()},
    ),
    "S3UpdateObjectEncryption": KEYS.map(
        lambda key: {"ObjectEncryption": {"SSEKMS": {"KMSKeyArn": key}}}
    ),
}
LISTS: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.just({"Manifest": MANIFEST}),
    st.just({"Manifest": INVENTORY}),
    st.builds(
        lambda prefix, fields: {
            "Manifest": {
                "Spec": {**MANIFEST["Spec"], "Fields": fields},
                "Location": {"ObjectArn": f"arn:aws:s3:::lists/{prefix}", "ETag": "e"},
            }
        },
        PREFIXES,
        st.sampled_from([["Bucket", "Key"], ["Bucket", "Key", "VersionId"]]),
    ),
    st.builds(
        lambda filters, target: {
            "ManifestGenerator": generator(
                EnableManifestOutput=bool(target),
                **({"ManifestOutputLocation": target} if target else {}),
                Filter=filters,
            )
        },
        st.fixed_dictionaries(
            {},
            optional={
                "EligibleForReplication": st.booleans(),
                "KeyNameConstraint": PREFIXES.map(lambda text: {"MatchAnyPrefix": [text]}),
            },
        ),
        st.one_of(
            st.none(),
            st.just(output()),
            st.just(output(ManifestEncryption={"SSEKMS": {"KeyId": KEY}})),
            st.just(output(ExpectedManifestBucketOwner=OTHER_ACCOUNT)),
        ),
    ),
)
REPORTS = st.sampled_from(
    [REPORT, {"Enabled": False}, {"Enabled": True, "Bucket": "arn:aws:s3:::reports"}]
)
OPTIONS = st.builds(
    PolicyOptions,
    objects=st.lists(PLACES, max_size=2).map(lambda places: ("photos", *places)),
    versions=st.sampled_from([None, True, False]),
    region=st.sampled_from([None, REGION]),
    source_key=st.one_of(st.none(), KEYS),
    target_key=st.one_of(st.none(), KEYS),
    function_reads=st.lists(PLACES, max_size=2).map(tuple),
    function_writes=st.lists(st.one_of(PLACES, st.just(DIRECTORY_BUCKET)), max_size=2).map(tuple),
    function_keys=st.lists(KEYS, max_size=2).map(tuple),
    log_group=st.sampled_from([None, "/my/logs"]),
)


@st.composite
def any_request(draw: st.DrawFn) -> dict[str, Any]:
    """Create the request of any job."""
    name = draw(st.sampled_from([*OPERATIONS]))
    settings = draw(SETTINGS.get(name, st.just(OPERATIONS[name])))
    return job_request(name, **draw(LISTS), Report=draw(REPORTS), **settings)


# ---------------------------------------------------------------- documents


def rights(document: dict[str, Any]) -> set[tuple[str, str]]:
    """Return the pairs of action and resource that a policy allows."""
    return {
        (action, resource)
        for statement in document["Statement"]
        for action in listed(statement["Action"])
        for resource in listed(statement.get("Resource", "-"))
    }


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def not_allowed(wanted: dict[str, Any], document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the pairs of action and resource that a policy allows and another one does not."""
    allowed = rights(document)
    for action, resource in sorted(rights(wanted)):
        if not any(
            action == other and fnmatch.fnmatchcase(resource, pattern) for other, pattern in allowed
        ):
            yield action, resource
