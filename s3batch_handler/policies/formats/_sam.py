"""The policies of a job as a template for SAM and CloudFormation."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, assert_never

from s3batch_handler.policies.formats._deployed import Permission, Policy, Role, resources

if TYPE_CHECKING:
    from s3batch_handler.policies._documents import JobPolicies
    from s3batch_handler.policies.formats._deployed import Resource


def as_sam(policies: JobPolicies, part: str | None = None) -> str:
    """Return a template in YAML, whose resources can be moved to another template."""
    import yaml  # type: ignore[import-untyped]  # part of the extra cli

    template: dict[str, Any] = {"AWSTemplateFormatVersion": "2010-09-09", "Resources": {}}
    for resource in resources(policies, part):
        name, content = _resource(resource)
        template["Resources"][name] = content
    # A copy: the same object twice would become an anchor and an alias.
    template = json.loads(json.dumps(template))
    text: str = yaml.safe_dump(template, sort_keys=False, width=10_000, allow_unicode=True)
    return text


def _resource(resource: Resource) -> tuple[str, dict[str, Any]]:
    match resource:
        case Role():
            names = {"RoleName": resource.role_name} if resource.role_name else {}
            return f"{resource.name.title()}Role", {
                "Type": "AWS::IAM::Role",
                "Properties": {
                    **names,
                    **({} if resource.path == "/" else {"Path": resource.path}),
                    "AssumeRolePolicyDocument": resource.trust,
                    "Policies": [
                        {"PolicyName": resource.name, "PolicyDocument": resource.permissions}
                    ],
                },
            }
        case Policy():
            return f"{resource.name.title()}Policy", {
                "Type": "AWS::IAM::ManagedPolicy",
                "Properties": {
                    "Description": resource.description,
                    "PolicyDocument": resource.document,
                },
            }
        case Permission():
            return f"{resource.name.title()}Permission", {
                "Type": "AWS::Lambda::Permission",
                "Properties": {
                    "Action": "lambda:InvokeFunction",
                    "FunctionName": resource.function,
                    "Principal": resource.principal,
                },
            }
    assert_never(resource)
