"""The policies of a job as a template for SAM and CloudFormation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_never

from s3batch_handler.policies._deployed import Permission, Policy, Role, resources

if TYPE_CHECKING:
    from s3batch_handler.policies._deployed import Resource
    from s3batch_handler.policies._documents import JobPolicies


def as_sam(policies: JobPolicies, part: str | None = None) -> str:
    """Return a template in YAML, whose resources can be moved to another template."""
    import yaml  # type: ignore[import-untyped]  # part of the extra cli

    template: dict[str, Any] = {"AWSTemplateFormatVersion": "2010-09-09", "Resources": {}}
    for resource in resources(policies, part):
        name, content = _resource(resource)
        template["Resources"][name] = content
    text: str = yaml.dump(
        template, Dumper=_dumper(), sort_keys=False, width=10_000, allow_unicode=True
    )
    return text


def _dumper() -> Any:
    import yaml

    class Dumper(yaml.SafeDumper):  # type: ignore[misc]
        """Writes documents that occur twice in full, without anchors."""

        def ignore_aliases(self, _data: object) -> bool:
            return True

    return Dumper


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
