"""The policies of a job as an application for CDK, in Python."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, assert_never

from s3batch_handler.policies.formats._deployed import Permission, Policy, Role, resources

if TYPE_CHECKING:
    from collections.abc import Iterator

    from s3batch_handler.policies._documents import JobPolicies
    from s3batch_handler.policies.formats._deployed import Resource


def as_cdk(policies: JobPolicies, part: str | None = None) -> str:
    """Return a module with a stack, which also runs as an application."""
    chosen = [*resources(policies, part)]
    modules = ["aws_iam"]
    modules += ["aws_lambda"] if any(isinstance(one, Permission) for one in chosen) else []
    return "\n".join(
        [
            '"""IAM policies of a job of S3 Batch Operations."""',
            "",
            "import aws_cdk as cdk",
            f"from aws_cdk import {', '.join(modules)}",
            "",
            *(line for resource in chosen for line in _documents(resource)),
            "",
            "",
            "class JobPolicies(cdk.Stack):",
            "    def __init__(self, scope: cdk.App, name: str, **options) -> None:",
            "        super().__init__(scope, name, **options)",
            *(line for resource in chosen for line in _constructs(resource)),
            "",
            "",
            'if __name__ == "__main__":',
            "    app = cdk.App()",
            '    JobPolicies(app, "job-policies")',
            "    app.synth()",
            "",
        ]
    )


def _documents(resource: Resource) -> Iterator[str]:
    """Yield the documents of a resource as constants."""
    name = resource.name.upper()
    match resource:
        case Role():
            yield f"{name}_ROLE_TRUST = {_literal(resource.trust)}"
            yield f"{name}_ROLE = {_literal(resource.permissions)}"
        case Policy():
            yield f"{name} = {_literal(resource.document)}"
        case Permission():
            pass
        case _:
            assert_never(resource)


def _constructs(resource: Resource) -> list[str]:
    name = resource.name
    match resource:
        case Role():
            return _call(
                "aws_iam.CfnRole",
                f'"{name.title()}Role"',
                *([f"role_name={_literal(resource.role_name)}"] if resource.role_name else []),
                *([] if resource.path == "/" else [f"path={_literal(resource.path)}"]),
                f"assume_role_policy_document={name.upper()}_ROLE_TRUST",
                "policies=[",
                "    aws_iam.CfnRole.PolicyProperty(",
                f'        policy_name="{name}",',
                f"        policy_document={name.upper()}_ROLE,",
                "    ),",
                "]",
            )
        case Policy():
            return _call(
                "aws_iam.CfnManagedPolicy",
                f'"{name.title()}Policy"',
                f"description={_literal(resource.description)}",
                f"policy_document={name.upper()}",
            )
        case Permission():
            return _call(
                "aws_lambda.CfnPermission",
                f'"{name.title()}Permission"',
                'action="lambda:InvokeFunction"',
                f"function_name={_literal(resource.function)}",
                f"principal={_literal(resource.principal)}",
            )
    assert_never(resource)


def _call(function: str, *arguments: str) -> list[str]:
    indent = " " * 8
    lines = [f"{indent}{function}(", f"{indent}    self,"]
    for argument in arguments:
        comma = "" if argument.endswith(("[", "(", ",")) else ","
        lines.append(f"{indent}    {argument}{comma}")
    return [*lines, f"{indent})"]


def _literal(value: Any, indent: str = "") -> str:
    """Write a value in Python, one member on each line, as formatters keep it."""
    inner = f"{indent}    "
    match value:
        case dict():
            items = [
                f"{inner}{_literal(key)}: {_literal(each, inner)}," for key, each in value.items()
            ]
            return "\n".join(["{", *items, f"{indent}}}"])
        case list():
            items = [f"{inner}{_literal(each, inner)}," for each in value]
            return "\n".join(["[", *items, f"{indent}]"])
        case _:
            return json.dumps(value, ensure_ascii=False)
