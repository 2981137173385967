"""The documents in ``templates/policies`` and ``s3batch policy`` say the same.

The documents are for all jobs of an application: they have prefixes in place of one manifest, and
all versions of the function.
"""

from __future__ import annotations

import json
from string import Template
from typing import Any

import pytest

from s3batch_handler.policies._documents import job_policies
from s3batch_handler.policies._job import PolicyOptions
from tests.support.policies import POLICIES
from tests.support.policy_jobs import ACCOUNT, REGION, job_request, listed, not_allowed, rights

VALUES = {
    "partition": "aws",
    "region": REGION,
    "account": ACCOUNT,
    "source_bucket": "photos",
    "target_bucket": "results",
    "job_bucket": "jobs",
    "job_role_arn": f"arn:aws:iam::{ACCOUNT}:role/compress-JobRole-1",
    "function": "compress",
    "log_group": "compress-FunctionLogs-1",
    "stack": "compress",
}


def template(name: str) -> Any:
    return json.loads(Template(POLICIES.joinpath(f"{name}.json").read_text()).substitute(VALUES))


@pytest.fixture(scope="module")
def printed() -> dict[str, Any]:
    """The documents for a job that ``s3batch job submit --stack`` creates for a starter."""
    request = job_request(
        FunctionArn=f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:compress:3",
        RoleArn=VALUES["job_role_arn"],
        Manifest={
            "Spec": {
                "Format": "S3BatchOperations_CSV_20180820",
                "Fields": ["Bucket", "Key", "VersionId"],
            },
            "Location": {
                "ObjectArn": "arn:aws:s3:::jobs/manifests/my.csv",
                "ObjectVersionId": "1",
                "ETag": "e",
            },
        },
        Report={"Enabled": True, "Bucket": "arn:aws:s3:::jobs", "Prefix": "reports"},
    )
    options = PolicyOptions(
        function_reads=("s3://photos",),
        function_writes=("s3://results",),
        log_group=VALUES["log_group"],
    )
    policies = job_policies(request, options)
    assert policies.function_role is not None
    return {
        "job-role": policies.permissions,
        "job-role-trust": policies.trust,
        "caller": policies.caller,
        "function-role": policies.function_role,
        "function-role-trust": policies.function_trust,
    }


@pytest.mark.parametrize("name", ["job-role-trust", "function-role-trust"])
def test_the_trust_policies_are_equal(name: str, printed: dict[str, Any]) -> None:
    """They do not depend on the job."""
    assert printed[name] == template(name)


DOCUMENTS = ("job-role", "caller", "function-role")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_documents_allow_what_is_printed(name: str, printed: dict[str, Any]) -> None:
    """A role or a person with the document of the starter can run the job."""
    assert [*not_allowed(printed[name], template(name))] == []


ONLY_IN_TEMPLATES = {
    "job-role": set(),
    "function-role": set(),
    "caller": {
        ("cloudformation:DescribeStacks", "for --stack"),
        ("s3:ListBucket", "says that a manifest is missing"),
        ("s3:PutObject", "uploads a local manifest"),
    },
}
"""Actions that a document has for commands that do not read a job file, and the reasons."""


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_documents_allow_nothing_else_without_a_reason(
    name: str, printed: dict[str, Any]
) -> None:
    """So a permission that is added to one of them is added to the other."""
    more = {action for action, _ in rights(template(name))}
    more -= {action for action, _ in rights(printed[name])}

    assert more == {action for action, _ in ONLY_IN_TEMPLATES[name]}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_documents_have_the_same_conditions(name: str, printed: dict[str, Any]) -> None:
    """The Region is added where it is known: the documents are for the Region of the stack."""
    expected = _conditions(template(name))

    for action, condition in _conditions(printed[name]).items():
        rest = {
            operator: keys
            for operator, pairs in condition.items()
            if (keys := {key: pairs[key] for key in pairs if key != "aws:RequestedRegion"})
        }
        assert rest == expected[action], action


def _conditions(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        action: statement.get("Condition", {})
        for statement in document["Statement"]
        for action in listed(statement["Action"])
    }
