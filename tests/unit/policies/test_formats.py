"""The code for deployment tools contains the documents, as a parser of its language reads them."""

from __future__ import annotations

import ast
import io
import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import hcl2
import pytest
import yaml  # type: ignore[import-untyped]
from hypothesis import given

from s3batch_handler.policies._documents import JobPolicies, job_policies
from s3batch_handler.policies._job import PolicyOptions
from s3batch_handler.policies.formats._cdk import as_cdk
from s3batch_handler.policies.formats._sam import as_sam
from s3batch_handler.policies.formats._terraform import as_terraform
from tests.support.policy_jobs import (
    FUNCTION,
    OPTIONS,
    OTHER_ACCOUNT,
    REGION,
    any_request,
    job_request,
)

if TYPE_CHECKING:
    from pathlib import Path


def policies_of(request: dict[str, Any] | None = None, **options: Any) -> JobPolicies:
    return job_policies(request or job_request(), PolicyOptions(region=REGION, **options))


CROSS_ACCOUNT = job_request(FunctionArn=FUNCTION.replace("123456789012", OTHER_ACCOUNT))
HOSTILE = job_request(
    "S3PutObjectCopy", TargetKeyPrefix="${var.x}%{if true}\"\\ #'\n", CannedAccessControlList="x"
)


# ---------------------------------------------------------------- SAM


@given(request=any_request(), options=OPTIONS)
def test_the_template_for_sam_contains_the_documents(
    request: dict[str, Any], options: PolicyOptions
) -> None:
    """YAML reads back what was written, for any job."""
    policies = job_policies(request, options)

    resources = yaml.safe_load(as_sam(policies))["Resources"]

    role = resources["JobRole"]["Properties"]
    assert role["AssumeRolePolicyDocument"] == policies.trust
    assert [one["PolicyDocument"] for one in role["Policies"]] == [policies.permissions]
    assert resources["CallerPolicy"]["Properties"]["PolicyDocument"] == policies.caller
    in_this_account = policies.function_role is not None and policies.function_policy is None
    assert ("FunctionRole" in resources) is in_this_account


def test_roles_have_the_name_and_path_of_the_job_file() -> None:
    """So the job file needs no change after the deployment."""
    request = job_request(RoleArn="arn:aws:iam::123456789012:role/batch/jobs/copy")

    role = yaml.safe_load(as_sam(policies_of(request)))["Resources"]["JobRole"]["Properties"]

    assert (role["RoleName"], role["Path"]) == ("copy", "/batch/jobs/")


@pytest.mark.parametrize("write", [as_sam, as_terraform, as_cdk])
def test_a_function_in_another_account_is_deployed_there(write: Any) -> None:
    """Its role and its policy belong to that account."""
    policies = policies_of(CROSS_ACCOUNT)

    there = write(policies, "function")

    assert "lambda.amazonaws.com" in there
    assert "lambda.amazonaws.com" not in write(policies)
    assert OTHER_ACCOUNT in there
    assert policies.job_role_arn in there
    assert "caller" not in there.lower()


# ---------------------------------------------------------------- Terraform


def terraform_documents(text: str) -> dict[str, Any]:
    """Return the attributes of the resources by type and name, with their documents."""
    found: dict[str, Any] = {}
    for block in hcl2.load(io.StringIO(text))["resource"]:
        ((kind, named),) = block.items()
        ((name, attributes),) = named.items()
        found[f"{_text(kind)}.{_text(name)}"] = attributes
    return found


def _text(value: str) -> str:
    return value.strip('"')


def written(text: str) -> Any:
    """Read an argument of ``jsonencode`` as Terraform does."""
    as_json = re.sub(r'^( *)("?)([\w:]+)\2 += ', r'\1"\3": ', text, flags=re.MULTILINE)
    as_json = re.sub(r",(\n *[\]}])", r"\1", as_json)
    # Attributes need no commas.
    as_json = re.sub(r'(["\]}])\n( *")', r"\1,\n\2", as_json)
    return json.loads(re.sub(r"([$%])\1(?=\{)", r"\1", as_json))


@pytest.mark.parametrize("request_", [job_request(), HOSTILE], ids=["usual", "hostile"])
def test_terraform_code_contains_the_documents(request_: dict[str, Any]) -> None:
    """``${`` and ``%{`` would begin a template of Terraform, so they are doubled."""
    policies = policies_of(request_, objects=("photos",))

    text = as_terraform(policies)

    resources = terraform_documents(text)
    assert {"aws_iam_role.job", "aws_iam_role_policy.job", "aws_iam_policy.caller"} <= {*resources}
    documents = [
        written(one) for one in re.findall(r"jsonencode\((\{.*?\n  \})\)", text, re.DOTALL)
    ]
    assert documents[:3] == [policies.trust, policies.permissions, policies.caller]


@given(request=any_request(), options=OPTIONS)
def test_terraform_code_of_any_job_can_be_parsed(
    request: dict[str, Any], options: PolicyOptions
) -> None:
    """By a parser of its language, and with the documents unchanged."""
    policies = job_policies(request, options)

    text = as_terraform(policies)

    assert "aws_iam_role.job" in terraform_documents(text)
    documents = [
        written(one) for one in re.findall(r"jsonencode\((\{.*?\n  \})\)", text, re.DOTALL)
    ]
    assert documents[:3] == [policies.trust, policies.permissions, policies.caller]


# ---------------------------------------------------------------- CDK


def constants(code: str) -> dict[str, Any]:
    return {
        statement.targets[0].id: ast.literal_eval(statement.value)
        for statement in ast.parse(code).body
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name)
    }


@given(request=any_request(), options=OPTIONS)
def test_the_code_for_cdk_contains_the_documents(
    request: dict[str, Any], options: PolicyOptions
) -> None:
    """They are constants of the module."""
    policies = job_policies(request, options)

    found = constants(as_cdk(policies))

    assert found["JOB_ROLE_TRUST"] == policies.trust
    assert found["JOB_ROLE"] == policies.permissions
    assert found["CALLER"] == policies.caller


@pytest.mark.parametrize("part", [None, "job-role", "caller", "function"])
def test_the_code_for_cdk_is_formatted(part: str | None, tmp_path: Path) -> None:
    """People keep it in their repositories, with their own formatter."""
    pytest.importorskip("ruff")
    path = tmp_path / "policies.py"
    path.write_text(as_cdk(policies_of(CROSS_ACCOUNT), part))

    run = subprocess.run(
        [sys.executable, "-m", "ruff", "format", "--isolated", "--diff", path],
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stdout
