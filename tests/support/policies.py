"""``template.yaml`` and the documents in ``templates/policies/`` in a form for comparison."""

from __future__ import annotations

import json
from typing import Any

import yaml  # type: ignore[import-untyped]

from tests.support.sam_cli import PROJECT

POLICIES = PROJECT / "templates" / "policies"

# Names of the placeholders of the policies in the template.
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

# Values of !GetAtt for resources of the template.
ARNS = {
    "JobBucket": "arn:${partition}:s3:::${job_bucket}",
    "CompressFunction": "arn:${partition}:lambda:${region}:${account}:function:${function}",
    "FunctionLogs": "arn:${partition}:logs:${region}:${account}:log-group:${log_group}:*",
}


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """Reads tags of CloudFormation as placeholders of the policies."""


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
    """Read ``template.yaml``, with placeholders in place of references."""
    return yaml.load(PROJECT.joinpath("template.yaml").read_text(), _Loader)  # a SafeLoader


def policy(name: str) -> Any:
    return json.loads(POLICIES.joinpath(f"{name}.json").read_text())
