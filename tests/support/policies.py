"""``template.yaml`` and the documents in ``templates/policies/``, spelled alike to be compared."""

from __future__ import annotations

import json
from typing import Any

import yaml  # type: ignore[import-untyped]

from tests.support.sam_cli import PROJECT

POLICIES = PROJECT / "templates" / "policies"

# What the placeholders of the policies are called in the template.
PLACEHOLDERS = {
    "partition": "${AWS::Partition}",
    "region": "${AWS::Region}",
    "account": "${AWS::AccountId}",
    "source_bucket": "${SourceBucket}",
    "target_bucket": "${TargetBucket}",
    "job_bucket": "${JobBucket}",
    "job_role_arn": "${JobRole.Arn}",
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
            return substituted(f"${{{node.value}}}")
        case "Sub":
            return substituted(node.value)
        case "GetAtt":
            return substituted(f"${{{node.value}}}")
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    return {name: loader.construct_scalar(node)}


def substituted(text: str) -> str:
    for resource, arn in ARNS.items():
        text = text.replace(f"${{{resource}.Arn}}", arn)
    for placeholder, name in PLACEHOLDERS.items():
        text = text.replace(name, f"${{{placeholder}}}")
    return text


_Loader.add_multi_constructor("!", _tag)


def load_template() -> Any:
    """Read ``template.yaml``, with the placeholders of the policies for what it refers to."""
    return yaml.load(PROJECT.joinpath("template.yaml").read_text(), _Loader)  # a SafeLoader


def policy(name: str) -> Any:
    return json.loads(POLICIES.joinpath(f"{name}.json").read_text())
