"""Evaluate policies of IAM: whether a request is allowed, as the IAM User Guide describes it.

Only what our policies contain: Allow statements with actions, resources and a few conditions.
"""

from __future__ import annotations

import re
from typing import Any

Context = dict[str, str]


def is_allowed(document: dict[str, Any], action: str, resource: str, **context: str) -> bool:
    """Return whether a statement allows an action on a resource.

    Keys of the context have ``__`` for a colon: ``kms__ViaService="s3.eu-west-1.amazonaws.com"``.
    """
    values = {key.replace("__", ":").lower(): value for key, value in context.items()}
    return any(_applies(one, action, resource, values) for one in document["Statement"])


def _applies(statement: dict[str, Any], action: str, resource: str, context: Context) -> bool:
    return (
        statement["Effect"] == "Allow"
        and any(
            matches(one.lower(), action.lower(), context) for one in _listed(statement["Action"])
        )
        and any(matches(one, resource, context) for one in _listed(statement["Resource"]))
        and all(
            _holds(operator, key, _listed(expected), context)
            for operator, keys in statement.get("Condition", {}).items()
            for key, expected in keys.items()
        )
    )


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def matches(pattern: str, text: str, context: Context) -> bool:
    """Compare a text with a pattern: ``*``, ``?``, ``${*}`` and variables have their meaning."""
    parts = re.split(r"(\$\{[^}]*\}|[*?])", pattern)
    return (
        re.fullmatch("".join(_expression(part, context) for part in parts), text, re.DOTALL)
        is not None
    )


def _expression(part: str, context: Context) -> str:
    if part in ("*", "?"):
        return ".*" if part == "*" else "."
    variable = re.fullmatch(r"\$\{(.*)\}", part, re.DOTALL)
    if variable is None:
        return re.escape(part)
    name = variable[1]
    if name in ("*", "?", "$"):
        return re.escape(name)
    # The resource does not match if the request has no value for a variable.
    return re.escape(context[name.lower()]) if name.lower() in context else r"(?!)"


def _holds(operator: str, key: str, expected: list[str], context: Context) -> bool:
    actual = context.get(key.lower())
    if operator == "StringEqualsIfExists" and actual is None:
        return True
    if operator not in ("StringEquals", "StringEqualsIfExists", "ForAnyValue:StringEquals"):
        raise AssertionError(f"the condition {operator} is not known here")
    return actual in expected
