"""The recipes of docs/deploy.md for CDK and Terraform create the resources of the template."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import zipfile
from string import Template
from typing import TYPE_CHECKING, Any

import pytest

from s3batch_handler.cli.job._stack_outputs import StackOutputs
from tests.support.policies import POLICIES, load_template, policy, substituted
from tests.support.sam_cli import PROJECT, TOOLS, needs_sam, tool

if TYPE_CHECKING:
    from pathlib import Path


def recipe(language: str) -> str:
    page = PROJECT.joinpath("docs", "deploy.md").read_text()
    return str(re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)[-1])


# Findings of checkov in the recipes, and the reasons for them.
EXPLAINED = {
    "CKV2_AWS_62": "notifications of the bucket: nothing processes its objects",
    "CKV_AWS_116": "a dead letter queue: S3 invokes synchronously",
    "CKV_AWS_117": "a VPC: the function only calls S3",
    "CKV_AWS_144": "a copy in another Region: manifests and reports expire",
    "CKV_AWS_145": "a KMS key for the bucket: S3 cannot read encrypted CSV manifests",
    "CKV_AWS_158": "a KMS key for the logs: it costs money and needs a policy",
    "CKV_AWS_18": "access logs: they need another bucket",
    "CKV_AWS_272": "signed code: it needs a signing profile",
    "CKV_AWS_338": "logs of a year: they are kept for 30 days, as in the template",
    "CKV_AWS_50": "tracing: it costs money, and a task is one invocation",
}


def found_by_checkov(path: Path, framework: str) -> set[str]:
    output = tool(
        *("checkov", "--file", path, "--framework", framework, "--skip-download"),
        *("--soft-fail", "--output", "json"),
    )
    results = json.loads(output)["results"]
    assert len(results["passed_checks"]) > 20
    return {one["check_id"] for one in results["failed_checks"]}


@pytest.mark.application
@needs_sam
def test_checkov_accepts_the_recipe_for_terraform(tmp_path: Path) -> None:
    """Every finding is explained, and there are no other explanations."""
    path = tmp_path / "main.tf"
    path.write_text(recipe("hcl"))

    assert found_by_checkov(path, "terraform") == EXPLAINED.keys()


needs_cdk = pytest.mark.skipif(
    not TOOLS.joinpath("cdk").exists() or shutil.which("node") is None,
    reason="CDK is not installed: install Node.js, then run scripts/get-deploy-tools",
)


@pytest.fixture(scope="module")
def synthesized(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthesise(tmp_path_factory.mktemp("cdk"), layer="a file")


def synthesise(folder: Path, *, layer: str) -> Path:
    """Create the template of the recipe for CDK, with a layer of one file."""
    for name in ("examples", "templates"):
        folder.joinpath(name).symlink_to(PROJECT / name)
    (path,) = re.findall(r'LAYER = "(.*)"', recipe("python"))
    folder.joinpath(path).parent.mkdir()
    with zipfile.ZipFile(folder / path, "w") as archive:
        archive.writestr("python/package.py", layer)
    subprocess.run(
        [TOOLS / "cdk" / "bin" / "python", "-c", recipe("python")],
        cwd=folder,
        env={**os.environ, "CDK_OUTDIR": "out", "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1"},
        check=True,
    )
    return folder / "out" / "s3batch-compress.template.json"


@pytest.mark.application
@needs_cdk
def test_the_recipe_for_cdk_creates_the_resources_of_the_template(synthesized: Path) -> None:
    """Policies, bucket and outputs are those of the template, and versions are retained."""
    template = load_template()
    stack = json.loads(synthesized.read_text())
    resources = stack["Resources"]
    names = {logical_id: PLACEHOLDERS.get(one["Type"], "") for logical_id, one in resources.items()}

    roles = [one["Properties"] for one in resources.values() if one["Type"] == "AWS::IAM::Role"]
    assert _with_placeholders(roles, names) == [
        {
            "AssumeRolePolicyDocument": policy(f"{name}-trust"),
            "Policies": [{"PolicyDocument": policy(name), "PolicyName": name}],
        }
        for name in ("function-role", "job-role")
    ]
    (bucket,) = [
        one["Properties"] for one in resources.values() if one["Type"] == "AWS::S3::Bucket"
    ]
    as_template = template["Resources"]["JobBucket"]["Properties"]
    for name in ("BucketEncryption", "PublicAccessBlockConfiguration", "VersioningConfiguration"):
        assert bucket[name] == as_template[name]
    (version,) = [one for one in resources.values() if one["Type"] == "AWS::Lambda::Version"]
    assert (version["DeletionPolicy"], version["UpdateReplacePolicy"]) == ("Retain", "Retain")
    assert stack["Outputs"].keys() <= template["Outputs"].keys()
    assert StackOutputs.of_outputs(
        "compress", "CREATE_COMPLETE", dict.fromkeys(stack["Outputs"], "")
    )


@pytest.mark.application
@needs_cdk
def test_cdk_publishes_a_version_for_another_layer(synthesized: Path, tmp_path: Path) -> None:
    """Otherwise jobs would use the old package after a deployment."""
    other = synthesise(tmp_path, layer="another file")

    assert _outputs(other)["JobRoleArn"] == _outputs(synthesized)["JobRoleArn"]
    assert _outputs(other)["FunctionArn"] != _outputs(synthesized)["FunctionArn"]


def _outputs(template: Path) -> Any:
    return json.loads(template.read_text())["Outputs"]


# Names of the recipe's resources and buckets in the policies.
PLACEHOLDERS = {
    "AWS::S3::Bucket": "job_bucket",
    "AWS::Lambda::Function": "function",
    "AWS::Logs::LogGroup": "log_group",
}
BUCKETS = {"my-photos": "${source_bucket}", "my-results": "${target_bucket}"}


def _with_placeholders(value: Any, names: dict[str, str]) -> Any:
    match value:
        case {"Ref": "AWS::Partition" | "AWS::Region" | "AWS::AccountId" as name}:
            return substituted(f"${{{name}}}")
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
def test_checkov_accepts_the_recipe_for_cdk(synthesized: Path) -> None:
    """Every finding is explained."""
    assert found_by_checkov(synthesized, "cloudformation") <= EXPLAINED.keys()


needs_terraform = pytest.mark.skipif(
    shutil.which("terraform") is None, reason="terraform is not installed"
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
def test_the_recipe_for_terraform_is_formatted(tmp_path: Path) -> None:
    """``terraform fmt`` changes nothing, so Terraform can also parse it."""
    text = recipe("hcl")

    assert terraform("fmt", "-", text=text, folder=tmp_path) == text


@needs_terraform
@pytest.mark.parametrize(
    "name", ["function-role", "function-role-trust", "job-bucket", "job-role", "job-role-trust"]
)
def test_terraform_fills_the_policies(name: str, tmp_path: Path) -> None:
    """``templatefile`` accepts the names of the recipe, and returns the policy."""
    (names,) = re.findall(r"  names = \{\n(.*?)\n  \}", recipe("hcl"), re.DOTALL)
    values = {
        line.split("=")[0].strip(): line.split("=")[0].strip().upper()
        for line in names.splitlines()
    }
    call = f'templatefile("{POLICIES / name}.json", {json.dumps(values)})'

    filled = terraform("console", text=f"jsonencode(jsondecode({call}))\n", folder=tmp_path)

    text = Template(POLICIES.joinpath(f"{name}.json").read_text()).substitute(values)
    assert json.loads(json.loads(filled)) == json.loads(text)
