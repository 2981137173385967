"""``template.yaml``, checked by SAM, cfn-lint and checkov."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from moto import mock_aws

from s3batch_handler.cli.job._stack_outputs import StackOutputs
from s3batch_handler.jobs._aws_clients import describe_stack
from tests.support.sam_cli import PROJECT, needs_sam, tool

pytestmark = [pytest.mark.application, needs_sam]

TEMPLATE = PROJECT / "template.yaml"


def test_sam_validates_the_template() -> None:
    """``sam validate --lint`` with the settings of ``samconfig.toml``."""
    output = tool("sam", "validate", "--template", TEMPLATE, "--lint")

    assert "is a valid SAM Template" in output


def test_cfn_lint_accepts_the_template() -> None:
    """It runs with all rules, also informational and experimental ones."""
    output = tool(
        "cfn-lint", "--include-checks", "I", "--include-experimental", "--", str(TEMPLATE)
    )

    assert output == ""


def test_checkov_findings_are_explained() -> None:
    """The template explains each remaining finding, and has no other explanations."""
    text = TEMPLATE.read_text()

    output = json.loads(
        tool(
            *("checkov", "--file", str(TEMPLATE), "--framework", "cloudformation"),
            *("--skip-download", "--output", "json"),
        )
    )

    skipped = [one["check_id"] for one in output["results"]["skipped_checks"]]
    assert output["summary"]["failed"] == 0
    assert output["summary"]["passed"] > 20
    assert sorted(skipped) == sorted(
        line.split("id:")[1].strip() for line in text.splitlines() if "id: CKV" in line
    )
    assert all(
        one["check_result"]["suppress_comment"] for one in output["results"]["skipped_checks"]
    )


# Expand the template as CloudFormation does, in the environment of the SAM CLI.
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


def test_old_versions_are_retained(expanded: str) -> None:
    """A job may still invoke a version that was replaced or removed."""
    resources = json.loads(expanded)["Resources"].values()

    (version,) = [one for one in resources if one["Type"] == "AWS::Lambda::Version"]

    assert (version["DeletionPolicy"], version["UpdateReplacePolicy"]) == ("Retain", "Retain")


@pytest.mark.filterwarnings("ignore:Tried to parse .* not supported by moto:UserWarning")
@pytest.mark.usefixtures("credentials")
def test_the_outputs_name_the_deployed_resources(expanded: str) -> None:
    """They are the jobs' role and bucket."""
    with mock_aws():
        deploy("compress", expanded)
        stack = StackOutputs.of_outputs("compress", *describe_stack("compress"))
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
@pytest.mark.parametrize(("value", "reserved"), [("", 50), ("7", 7), ("0", None)])
@pytest.mark.usefixtures("credentials")
def test_reserved_concurrency_of_zero_reserves_nothing(
    expanded: str, value: str, reserved: int | None
) -> None:
    """With 0 the property is left out; a value of 0 would stop the function."""
    with mock_aws():
        deploy("compress", expanded, **({"ReservedConcurrency": value} if value else {}))
        client: Any = boto3.client("lambda")
        (function,) = client.list_functions()["Functions"]
        response = client.get_function_concurrency(FunctionName=function["FunctionName"])

    assert response.get("ReservedConcurrentExecutions") == reserved


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
