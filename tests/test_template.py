"""``template.yaml`` and what stands beside it for those who deploy by other means."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from string import Template
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

PROJECT = Path(__file__).parents[1]
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
