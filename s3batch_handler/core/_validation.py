"""Sentences for the validation errors of pydantic, without the values."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from s3batch_handler.core._sanitize import escape_unprintable_json, safe_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic import ValidationError


def explain(error: ValidationError, *, whole: str) -> str:
    """Return in one line what is wrong and where: ``tasks[0].s3Key: expected text, got null``.

    The line does not contain values, because they may be secret or hostile.

    Args:
        error: The validation error of pydantic.
        whole: What to call the value as a whole.
    """
    return explain_problems(error.errors(include_url=False), whole=whole)


def explain_problems(problems: Sequence[Mapping[str, Any]], *, whole: str) -> str:
    """Return the same line for a list of pydantic's ``errors()``."""
    lines = [
        f"{_path(problem['loc']) or whole}: {safe_line(_sentence(problem), 300)}"
        for problem in problems[:5]
    ]
    if len(problems) > len(lines):
        lines.append(f"and {len(problems) - len(lines)} more")
    return "; ".join(lines)


def json_type(value: object) -> str:
    """Return the name of a value's type in JSON, or of its class."""
    names = (name for kind, name in _JSON_TYPES.items() if isinstance(value, kind))
    return next(names, type(value).__name__)


_JSON_TYPES: Final[Mapping[type | tuple[type, ...], str]] = {
    type(None): "null",
    bool: "true or false",  # before int, its base class
    (int, float): "a number",
    str: "text",
    (list, tuple): "a list",
    dict: "an object",
}


def _path(location: Sequence[int | str]) -> str:
    steps = [f"[{step}]" if isinstance(step, int) else f".{_field_name(step)}" for step in location]
    path = "".join(steps).removeprefix(".")
    return path if len(path) <= 300 else f"{path[:100]}…{path[-100:]}"


def _field_name(name: str) -> str:
    """Return a field name, in quotes if it would look like a path: ``"2.0"``."""
    is_plain = name.replace("-", "").replace("_", "").isalnum()
    short = name if len(name) <= 80 else f"{name[:80]}…"
    return short if is_plain else escape_unprintable_json(json.dumps(short, ensure_ascii=False))


def _sentence(problem: Mapping[str, Any]) -> str:
    kind = problem["type"]
    if kind in _EXPECTED:
        return f"expected {_EXPECTED[kind]}, got {json_type(problem['input'])}"
    if kind == "missing":
        return "missing"
    if kind == "extra_forbidden":
        return "unknown field"
    if kind == "union_tag_invalid":  # pydantic's own message has the value
        context = problem["ctx"]
        return f"expected {context['discriminator']} to be one of {context['expected_tags']}"
    if kind == "union_tag_not_found":
        discriminator = problem["ctx"]["discriminator"]
        if discriminator.endswith("()"):  # a function of the user
            return f"{discriminator} found no model for it"
        return f"expected {discriminator}, which is missing"
    return str(problem["msg"]).removeprefix("Value error, ")


_EXPECTED: Final = {
    "string_type": "text",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
    "int_type": "a number",
    "bool_type": "true or false",
}
