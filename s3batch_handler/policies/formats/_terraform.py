"""The policies of a job as a configuration for Terraform and OpenTofu."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, assert_never

from s3batch_handler.policies.formats._deployed import Permission, Policy, Role, resources

if TYPE_CHECKING:
    from collections.abc import Iterator

    from s3batch_handler.policies._documents import JobPolicies
    from s3batch_handler.policies.formats._deployed import Resource


def as_terraform(policies: JobPolicies, part: str | None = None) -> str:
    """Return the resources in the language of Terraform, formatted as by ``terraform fmt``."""
    blocks = [
        block for resource in resources(policies, part) for block in _blocks(resource, policies)
    ]
    return "\n".join(blocks)


def _blocks(resource: Resource, policies: JobPolicies) -> Iterator[str]:
    name = resource.name
    match resource:
        case Role():
            named = {"name": resource.role_name} if resource.role_name else {}
            yield _block(
                "aws_iam_role",
                name,
                {
                    **named,
                    **({} if resource.path == "/" else {"path": resource.path}),
                    "assume_role_policy": _Encoded(resource.trust),
                },
            )
            yield _block(
                "aws_iam_role_policy",
                name,
                {
                    "name": name,
                    "role": _Reference(f"aws_iam_role.{name}.id"),
                    "policy": _Encoded(resource.permissions),
                },
            )
        case Policy():
            yield _block(
                "aws_iam_policy",
                name,
                {
                    "name_prefix": f"s3batch-{name}-",
                    "description": resource.description,
                    "policy": _Encoded(resource.document),
                },
            )
        case Permission():
            qualifier = policies.function.qualifier if policies.function else ""
            function = resource.function.removesuffix(f":{qualifier}") if qualifier else ""
            yield _block(
                "aws_lambda_permission",
                name,
                {
                    "action": "lambda:InvokeFunction",
                    "function_name": function or resource.function,
                    **({"qualifier": qualifier} if qualifier else {}),
                    "principal": resource.principal,
                },
            )
        case _:
            assert_never(resource)


class _Encoded:
    """A value that Terraform encodes as JSON."""

    def __init__(self, value: Any) -> None:
        self.value = value


class _Reference(str):
    """An expression, not a text."""

    __slots__ = ()


def _block(kind: str, name: str, attributes: dict[str, Any]) -> str:
    lines = [f'resource "{kind}" "{name}" {{', *_attributes(attributes, "  "), "}", ""]
    return "\n".join(lines)


def _attributes(values: dict[str, Any], indent: str) -> list[str]:
    """Return the lines of attributes; neighbors of one line each have their ``=`` aligned."""
    rendered = [(_name(name), _value(value, indent)) for name, value in values.items()]
    lines: list[str] = []
    group: list[tuple[str, str]] = []
    for name, text in rendered:
        if "\n" in text:
            lines += _aligned(group, indent)
            group = []
            lines.append(f"{indent}{name} = {text}")
        else:
            group.append((name, text))
    return lines + _aligned(group, indent)


def _aligned(group: list[tuple[str, str]], indent: str) -> list[str]:
    width = max((len(name) for name, _ in group), default=0)
    return [f"{indent}{name:{width}} = {text}" for name, text in group]


def _name(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", name) else _text(name)


def _value(value: Any, indent: str) -> str:
    inner = f"{indent}  "
    match value:
        case _Reference():
            return str(value)
        case str():
            return _text(value)
        case _Encoded():
            return f"jsonencode({_value(value.value, indent)})"
        case list():
            items = [f"{inner}{_value(item, inner)}," for item in value]
            return "\n".join(["[", *items, f"{indent}]"])
        case _:
            return "\n".join(["{", *_attributes(value, inner), f"{indent}}}"])


def _text(text: str) -> str:
    """Quote a text. ``${`` and ``%{`` would begin a template."""
    return re.sub(r"([$%])(?=\{)", r"\1\1", json.dumps(text, ensure_ascii=False))
