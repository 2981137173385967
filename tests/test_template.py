"""``template.yaml`` and what stands beside it for those who deploy by other means."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from string import Template
from typing import TYPE_CHECKING, Any

import pytest
import yaml  # type: ignore[import-untyped]
from moto.events.models import EventPattern

from s3batch_handler.status import JobStatus
from tests.sam_cli import PROJECT, needs_sam, tool

if TYPE_CHECKING:
    from pathlib import Path

POLICIES = PROJECT / "templates" / "policies"

# What the placeholders of the policies are called in the template.
PLACEHOLDERS = {
    "partition": "${AWS::Partition}",
    "region": "${AWS::Region}",
    "account": "${AWS::AccountId}",
    "source_bucket": "${SourceBucket}",
    "target_bucket": "${TargetBucket}",
    "job_bucket": "${JobBucket}",
    "job_role": "${JobRole}",
    "function": "${CompressFunction}",
    "log_group": "${FunctionLogs}",
    "stack": "${AWS::StackName}",
}

# What !GetAtt gives for a resource of the template.
ARNS = {
    "JobBucket": "arn:${partition}:s3:::${job_bucket}",
    "CompressFunction": "arn:${partition}:lambda:${region}:${account}:function:${function}",
    "FunctionLogs": "arn:${partition}:logs:${region}:${account}:log-group:${log_group}:*",
}


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """Reads CloudFormation's tags as what they mean, in the placeholders of the policies."""


def _tag(loader: _Loader, name: str, node: Any) -> Any:
    match name:
        case "Ref":
            return _substituted(f"${{{node.value}}}")
        case "Sub":
            return _substituted(node.value)
        case "GetAtt":
            return _substituted(f"${{{node.value}}}")
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    return {name: loader.construct_scalar(node)}


def _substituted(text: str) -> str:
    for resource, arn in ARNS.items():
        text = text.replace(f"${{{resource}.Arn}}", arn)
    for placeholder, name in PLACEHOLDERS.items():
        text = text.replace(name, f"${{{placeholder}}}")
    return text


_Loader.add_multi_constructor("!", _tag)


@pytest.fixture(scope="module")
def template() -> Any:
    return yaml.load(PROJECT.joinpath("template.yaml").read_text(), _Loader)


def policy(name: str) -> Any:
    return json.loads(POLICIES.joinpath(f"{name}.json").read_text())


# ---------------------------------------------------------------- what the roles may do


@pytest.mark.parametrize(
    ("role", "name"), [("FunctionRole", "function-role"), ("JobRole", "job-role")]
)
def test_the_policies_are_those_of_the_template(template: Any, role: str, name: str) -> None:
    """Who deploys with CDK or Terraform gives the roles the same rights, to the letter."""
    properties = template["Resources"][role]["Properties"]

    assert [one["PolicyDocument"] for one in properties["Policies"]] == [policy(name)]
    assert properties["AssumeRolePolicyDocument"] == policy(f"{name}-trust")


def test_the_policy_of_the_bucket_is_that_of_the_template(template: Any) -> None:
    """It is for those whose tool has no switch for TLS."""
    properties = template["Resources"]["JobBucketPolicy"]["Properties"]

    assert properties["PolicyDocument"] == policy("job-bucket")


@pytest.mark.parametrize("name", ["function-role", "job-role"])
def test_the_roles_are_narrow(name: str) -> None:
    """No action is a pattern, and every resource is named down to its bucket or function."""
    for statement in policy(name)["Statement"]:
        assert "*" not in str(statement["Action"])
        assert statement["Resource"].count("${") >= 2
        assert re.search(r"^[^*]+(/\*|:\*)?$", statement["Resource"])


def test_only_s3_takes_the_job_role() -> None:
    """For this account, if it says for which: that it does is documented nowhere."""
    (statement,) = policy("job-role-trust")["Statement"]

    assert statement["Principal"] == {"Service": "batchoperations.s3.amazonaws.com"}
    assert statement["Condition"] == {"StringEqualsIfExists": {"aws:SourceAccount": "${account}"}}


def test_news_of_jobs_reach_the_topic(template: Any) -> None:
    """EventBridge publishes to no topic whose policy has a condition for it; CloudWatch does."""
    statements = template["Resources"]["NotificationsPolicy"]["Properties"]["PolicyDocument"]

    conditions = {
        statement["Principal"]["Service"]: "Condition" in statement
        for statement in statements["Statement"]
    }

    assert conditions == {"events.amazonaws.com": False, "cloudwatch.amazonaws.com": True}


@pytest.mark.parametrize("status", JobStatus)
def test_there_is_news_of_a_job_that_ends_or_waits(status: JobStatus, template: Any) -> None:
    """The event is as the User Guide shows one; of what goes on by itself there is no news."""
    rule = template["Resources"]["JobChanges"]["Properties"]
    event: Any = {
        "source": "aws.s3",
        "detail-type": "AWS Service Event via CloudTrail",
        "detail": {
            "eventSource": "s3.amazonaws.com",
            "eventName": "JobStatusChanged",
            "eventType": "AwsServiceEvent",
            "serviceEventDetails": {"jobId": "d6e5", "status": status.value, "failureCodes": []},
        },
    }

    told = EventPattern.load(json.dumps(rule["EventPattern"])).matches_event(event)

    assert told == (status.is_final or status is JobStatus.SUSPENDED)


def test_a_parameter_that_changes_the_function_publishes_a_version(template: Any) -> None:
    """SAM looks at the template alone, so what it refers to stands in the version's text too."""
    function = template["Resources"]["CompressFunction"]
    properties = dict(function["Properties"])
    description = set(re.findall(r"\$\{(\w+)\}", properties.pop("VersionDescription")))
    del properties["ReservedConcurrentExecutions"]  # is of the function, of all its versions

    used = set(re.findall(r"\$\{(\w+)\}", str(properties))) & template["Parameters"].keys()

    assert used == description == {"Runtime", "Architecture", "LogLevel"}


def test_what_has_no_resource_is_all_that_the_caller_has_for_all() -> None:
    """CreateJob and ListJobs know no resource; everything else is for one."""
    for_all = {
        statement["Action"]
        for statement in policy("caller")["Statement"]
        if statement["Resource"] == "*"
    }

    assert for_all == {"s3:CreateJob", "s3:ListJobs"}


def test_the_caller_passes_one_role() -> None:
    """Else who makes jobs would have the rights of every role of the account."""
    (passing,) = [one for one in policy("caller")["Statement"] if "iam:" in str(one["Action"])]

    assert passing["Action"] == "iam:PassRole"
    assert passing["Resource"] == "arn:${partition}:iam::${account}:role/${job_role}"


def test_the_placeholders_of_the_policies_are_listed() -> None:
    """The page on deployment explains each of them, and no other."""
    page = PROJECT.joinpath("docs", "deploy.md").read_text()
    used = {
        name
        for path in POLICIES.glob("*.json")
        for name in Template(path.read_text()).get_identifiers()
    }

    listed = re.findall(r"^\| `\$\{(\w+)\}` \|", page, re.MULTILINE)

    assert set(listed) == used == set(PLACEHOLDERS)


# ---------------------------------------------------------------- the recipes of docs/deploy.md


def recipe(language: str) -> str:
    page = PROJECT.joinpath("docs", "deploy.md").read_text()
    (snippet,) = re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)
    return str(snippet)


def test_the_recipe_for_cdk() -> None:
    """It is Python, fills every placeholder of the policies, and has the outputs of the stack."""
    text = recipe("python")

    ast.parse(text)
    for name in ("function-role", "job-role"):
        for part in (name, f"{name}-trust"):
            for placeholder in Template(
                POLICIES.joinpath(f"{part}.json").read_text()
            ).get_identifiers():
                assert re.search(rf'\b{placeholder}(=|": )', text), placeholder
    for output in ("FunctionArn", "JobRoleArn", "ManifestLocation", "ReportLocation"):
        assert f'"{output}"' in text


# What checkov wants of the recipes, and why they have it not.
EXCUSED = {
    "CKV2_AWS_62": "notifications of the bucket: nobody waits for its objects",
    "CKV_AWS_116": "a dead letter queue: S3 calls and waits for answers",
    "CKV_AWS_117": "a VPC: the function talks to S3 alone",
    "CKV_AWS_144": "a copy in another Region: manifests and reports are forgotten anyhow",
    "CKV_AWS_145": "a KMS key for the bucket: S3 reads no CSV manifest under one",
    "CKV_AWS_158": "a KMS key for the logs: one's own costs money and needs its policy",
    "CKV_AWS_18": "access logs: they need a further bucket",
    "CKV_AWS_272": "signed code: who signs has a profile to name",
    "CKV_AWS_338": "logs of a year: they are kept as long as the template's, thirty days",
    "CKV_AWS_50": "tracing: it costs, and a task is one call",
}


def found_by_checkov(path: Path, framework: str) -> set[str]:
    said = tool(
        *("checkov", "--file", path, "--framework", framework, "--skip-download"),
        *("--soft-fail", "--output", "json"),
    )
    results = json.loads(said)["results"]
    assert len(results["passed_checks"]) > 20
    return {one["check_id"] for one in results["failed_checks"]}


@pytest.mark.application
@needs_sam
def test_checkov_on_the_recipe_for_terraform(tmp_path: Path) -> None:
    """Nothing is found but what is excused, and all excuses are needed."""
    path = tmp_path / "main.tf"
    path.write_text(recipe("hcl"))

    assert found_by_checkov(path, "terraform") == EXCUSED.keys()


needs_cdk = pytest.mark.skipif(
    importlib.util.find_spec("aws_cdk") is None or shutil.which("node") is None,
    reason="there is no CDK here: pip install aws-cdk-lib, and Node.js",
)


@pytest.fixture(scope="module")
def synthesised(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the recipe for CDK makes, where the layer is any archive."""
    folder = tmp_path_factory.mktemp("cdk")
    for name in ("examples", "templates"):
        folder.joinpath(name).symlink_to(PROJECT / name)
    (layer,) = re.findall(r'LAYER = "(.*)"', recipe("python"))
    folder.joinpath(layer).parent.mkdir()
    zipfile.ZipFile(folder / layer, "w").close()
    subprocess.run(
        [sys.executable, "-c", recipe("python")],
        cwd=folder,
        env={**os.environ, "CDK_OUTDIR": "out", "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1"},
        check=True,
    )
    return folder / "out" / "s3batch-compress.template.json"


@needs_cdk
def test_what_the_recipe_for_cdk_makes(synthesised: Path, template: Any) -> None:
    """Roles as those of the policies, a bucket as the template's, versions that stay."""
    made = json.loads(synthesised.read_text())["Resources"]
    names = {logical_id: MADE.get(one["Type"], "") for logical_id, one in made.items()}

    roles = [one["Properties"] for one in made.values() if one["Type"] == "AWS::IAM::Role"]
    assert _with_placeholders(roles, names) == [
        {
            "AssumeRolePolicyDocument": policy(f"{name}-trust"),
            "Policies": [{"PolicyDocument": policy(name), "PolicyName": name}],
        }
        for name in ("function-role", "job-role")
    ]
    (bucket,) = [one["Properties"] for one in made.values() if one["Type"] == "AWS::S3::Bucket"]
    as_template = template["Resources"]["JobBucket"]["Properties"]
    for name in ("BucketEncryption", "PublicAccessBlockConfiguration", "VersioningConfiguration"):
        assert bucket[name] == as_template[name]
    (version,) = [one for one in made.values() if one["Type"] == "AWS::Lambda::Version"]
    assert (version["DeletionPolicy"], version["UpdateReplacePolicy"]) == ("Retain", "Retain")


# What the resources of the recipe, and its buckets, are called in the policies.
MADE = {
    "AWS::S3::Bucket": "job_bucket",
    "AWS::Lambda::Function": "function",
    "AWS::Logs::LogGroup": "log_group",
}
BUCKETS = {"my-photos": "${source_bucket}", "my-results": "${target_bucket}"}


def _with_placeholders(value: Any, names: dict[str, str]) -> Any:
    match value:
        case {"Ref": "AWS::Partition" | "AWS::Region" | "AWS::AccountId" as name}:
            return _substituted(f"${{{name}}}")
        case {"Ref": name}:
            return f"${{{names[name]}}}"
        case {"Fn::Join": ["", parts]}:
            return "".join(_with_placeholders(part, names) for part in parts)
        case dict():
            return {key: _with_placeholders(one, names) for key, one in value.items()}
        case list():
            return [_with_placeholders(one, names) for one in value]
        case str():
            return re.sub("|".join(BUCKETS), lambda found: BUCKETS[found[0]], value)
    return value


@pytest.mark.application
@needs_sam
@needs_cdk
def test_checkov_on_the_recipe_for_cdk(synthesised: Path) -> None:
    """Nothing is found but what is excused."""
    assert found_by_checkov(synthesised, "cloudformation") <= EXCUSED.keys()


needs_terraform = pytest.mark.skipif(
    shutil.which("terraform") is None, reason="there is no terraform here"
)


def terraform(*arguments: str, text: str, folder: Path) -> str:
    return subprocess.run(
        ["terraform", *arguments],
        cwd=folder,
        env={**os.environ, "CHECKPOINT_DISABLE": "1", "TF_CLI_CONFIG_FILE": os.devnull},
        input=text,
        capture_output=True,
        text=True,
        check=True,
    ).stdout


@needs_terraform
def test_the_recipe_for_terraform(tmp_path: Path) -> None:
    """It is written as Terraform writes it, which also says that it can be read."""
    text = recipe("hcl")

    assert terraform("fmt", "-", text=text, folder=tmp_path) == text


@needs_terraform
@pytest.mark.parametrize(
    "name", ["function-role", "function-role-trust", "job-bucket", "job-role", "job-role-trust"]
)
def test_terraform_fills_the_policies(name: str, tmp_path: Path) -> None:
    """``templatefile`` takes the names of the recipe, and what it makes is the policy."""
    (names,) = re.findall(r"  names = \{\n(.*?)\n  \}", recipe("hcl"), re.DOTALL)
    values = {
        line.split("=")[0].strip(): line.split("=")[0].strip().upper()
        for line in names.splitlines()
    }
    call = f'templatefile("{POLICIES / name}.json", {json.dumps(values)})'

    filled = terraform("console", text=f"jsonencode(jsondecode({call}))\n", folder=tmp_path)

    text = Template(POLICIES.joinpath(f"{name}.json").read_text()).substitute(values)
    assert json.loads(json.loads(filled)) == json.loads(text)


# ---------------------------------------------------------------- environments


def test_the_environments_of_samconfig(template: Any) -> None:
    """Each has a stack of its own, and names parameters that there are."""
    config = tomllib.loads(PROJECT.joinpath("samconfig.toml").read_text())
    del config["version"]

    assert list(config) == ["default", "dev", "prod"]
    assert len({one["global"]["parameters"]["stack_name"] for one in config.values()}) == 3
    for environment in config.values():
        overrides = environment["deploy"]["parameters"].get("parameter_overrides", "")
        assert {one.partition("=")[0] for one in overrides.split()} <= template["Parameters"].keys()
