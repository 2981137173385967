"""``template.yaml`` before those who know what AWS takes: SAM, cfn-lint, checkov."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from moto import mock_aws

from s3batch_handler.cli.job._stack import Stack
from s3batch_handler.jobs._aws_clients import describe_stack
from tests.support.sam_cli import PROJECT, needs_sam, tool

pytestmark = [pytest.mark.application, needs_sam]

TEMPLATE = PROJECT / "template.yaml"


def test_sam_validates_the_template() -> None:
    """``sam validate --lint``, as ``samconfig.toml`` has it by default."""
    said = tool("sam", "validate", "--template", TEMPLATE, "--lint")

    assert "is a valid SAM Template" in said


def test_cfn_lint_has_nothing_to_say() -> None:
    """Not with all its rules, those for mere information and those on trial included."""
    said = tool("cfn-lint", "--include-checks", "I", "--include-experimental", "--", str(TEMPLATE))

    assert said == ""


def test_checkov_finds_nothing_that_is_not_explained() -> None:
    """What is left as it is says why, in the template; and no excuse is left over."""
    text = TEMPLATE.read_text()

    said = json.loads(
        tool(
            *("checkov", "--file", str(TEMPLATE), "--framework", "cloudformation"),
            *("--skip-download", "--output", "json"),
        )
    )

    skipped = [one["check_id"] for one in said["results"]["skipped_checks"]]
    assert said["summary"]["failed"] == 0
    assert said["summary"]["passed"] > 20
    assert sorted(skipped) == sorted(
        line.split("id:")[1].strip() for line in text.splitlines() if "id: CKV" in line
    )
    assert all(one["check_result"]["suppress_comment"] for one in said["results"]["skipped_checks"])


# What CloudFormation does with the template before anything else, in the SAM CLI's environment.
EXPAND = """
import json, sys, boto3
from samcli.yamlhelper import yaml_parse
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

template = yaml_parse(open(sys.argv[1]).read())
template["Resources"]["CompressFunction"]["Properties"]["CodeUri"] = "s3://code/function.zip"
translator = Translator({}, Parser(), boto_session=boto3.Session(region_name="us-east-1"))
print(json.dumps(translator.translate(template, parameter_values={})))
"""


@pytest.fixture(scope="module")
def expanded() -> str:
    return tool("python", "-c", EXPAND, TEMPLATE)


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


def test_a_version_outlives_the_next_one(expanded: str) -> None:
    """Whether its place is taken or it is left out: a job may still call it."""
    resources = json.loads(expanded)["Resources"].values()

    (version,) = [one for one in resources if one["Type"] == "AWS::Lambda::Version"]

    assert (version["DeletionPolicy"], version["UpdateReplacePolicy"]) == ("Retain", "Retain")


@pytest.mark.filterwarnings("ignore:Tried to parse .* not supported by moto:UserWarning")
@pytest.mark.usefixtures("credentials")
def test_a_job_finds_its_way_to_what_is_deployed(expanded: str) -> None:
    """The outputs of the stack name what is there: the role of the jobs, and their bucket."""
    with mock_aws():
        deploy("compress", expanded)
        stack = Stack.of_outputs("compress", *describe_stack("compress"))
        role = boto3.client("iam").get_role(RoleName=stack.role.rpartition("/")[2])["Role"]
        bucket = stack.reports.removeprefix("s3://").removesuffix("/reports")
        encryption = boto3.client("s3").get_bucket_encryption(Bucket=bucket)

    assert role["Arn"] == stack.role
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "batchoperations.s3.amazonaws.com"}
    assert stack.manifests == f"s3://{bucket}/manifests"
    (rule,) = encryption["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    # An ARN in AWS; moto knows versions by the names that they have in the template.
    assert stack.function.startswith("CompressFunctionVersion")


@pytest.mark.filterwarnings("ignore:Tried to parse .* not supported by moto:UserWarning")
@pytest.mark.parametrize(("asked", "reserved"), [("", 50), ("7", 7), ("0", None)])
@pytest.mark.usefixtures("credentials")
def test_how_much_is_reserved(expanded: str, asked: str, reserved: int | None) -> None:
    """What is asked for; with 0 it is nothing that is reserved, not a function that never runs."""
    with mock_aws():
        deploy("compress", expanded, **({"ReservedConcurrency": asked} if asked else {}))
        client: Any = boto3.client("lambda")
        (function,) = client.list_functions()["Functions"]
        answer = client.get_function_concurrency(FunctionName=function["FunctionName"])

    assert answer.get("ReservedConcurrentExecutions") == reserved


def deploy(name: str, template: str, **given: str) -> None:
    s3: Any = boto3.client("s3")
    s3.create_bucket(Bucket="code")
    s3.put_object(Bucket="code", Key="function.zip", Body=b"")
    values = {"SourceBucket": "photos", "TargetBucket": "photos", **given}
    parameters: Any = [
        {"ParameterKey": parameter, "ParameterValue": value} for parameter, value in values.items()
    ]
    cloudformation: Any = boto3.client("cloudformation")
    cloudformation.create_stack(StackName=name, TemplateBody=template, Parameters=parameters)
