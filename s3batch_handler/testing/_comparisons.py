"""Explanations of ``==`` for values that pytest would show with IDs of 1,000 characters."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from s3batch_handler.core._model import ObjectRef, Outcome, short_id

if TYPE_CHECKING:
    from collections.abc import Iterator


def explain_comparison(left: object, right: object) -> list[str] | None:
    """Explain why ``left == right`` is false, or return ``None`` for values of other types.

    pytest shows a few lines, so fields that are the same are only named.
    """
    for kind, fields_of in _KINDS:
        if kind(left) or kind(right):
            ours, theirs = fields_of(left), fields_of(right)
            break
    else:
        return None
    if not ours or not theirs:
        return None
    lines, same = [f"{type(left).__name__} == {type(right).__name__} (- right, + left)"], []
    for field in dict.fromkeys([*ours, *theirs]):
        if ours.get(field) == theirs.get(field):
            same.append(field)
        else:
            lines += _explain_field(field, ours.get(field), theirs.get(field))
    return [*lines, f"same: {', '.join(same)}"] if same else lines


def differences(expected: str, actual: str) -> Iterator[str]:
    """Yield the lines of two texts, with marks below the characters that differ."""
    for line in difflib.ndiff(expected.splitlines() or [""], actual.splitlines() or [""]):
        yield line.rstrip("\n")


def _explain_field(field: str, ours: object, theirs: object) -> list[str]:
    shown = [_shown(field, theirs), _shown(field, ours)]
    if shown[0] == shown[1]:  # the IDs differ in the middle, or the types differ
        return [f"{field}: {shown[0]} on both sides, but they differ"]
    if all(len(text) <= _SHORT and "\n" not in text for text in shown):
        return [f"{field}: {shown[1]} != {shown[0]}"]
    return [f"{field}:", *(f"  {line}" for line in differences(*shown))]


def _shown(field: str, value: object) -> str:
    return short_id(value) if field.rpartition(".")[2] in _IDS else str(value)


_SHORT: Final = 40
"""Texts up to this length are shown in one line."""

_IDS: Final = frozenset({"id", "invocationId", "taskId"})

_FIELDS: Final = (
    "bucket",
    "key",
    "version_id",
    "id",
    "job",
    "payload",
    "status",
    "http_status",
    "error_code",
    "message",
)


def _fields_of_outcome(value: Any) -> dict[str, object]:
    """Return the fields of an outcome, or of a tuple that can be equal to one."""
    if not isinstance(value, tuple) or len(value) != len(Outcome._fields):
        return {}
    return dict(zip(Outcome._fields, value, strict=True))


def _fields_of_object(value: Any) -> dict[str, object]:
    """Return the fields of a task, of a row of a report, or of another object."""
    if not isinstance(value, ObjectRef):
        return {}
    return {field: getattr(value, field) for field in _FIELDS if hasattr(value, field)}


def _fields_of_response(value: Any) -> dict[str, object]:
    """Return the fields of a response, with one field for each result."""
    if not isinstance(value, Mapping) or not isinstance(value.get("results"), list):
        return {}
    fields = {name: field for name, field in value.items() if name != "results"}
    for number, result in enumerate(value["results"]):
        for name, field in result.items() if isinstance(result, Mapping) else ():
            fields[f"results[{number}].{name}"] = field
    return fields


def _is_outcome(value: object) -> bool:
    return isinstance(value, Outcome)


def _is_object(value: object) -> bool:
    return isinstance(value, ObjectRef)


def _is_response(value: object) -> bool:
    return isinstance(value, Mapping) and {"invocationSchemaVersion", "results"} <= value.keys()


_KINDS: Final = (
    (_is_outcome, _fields_of_outcome),
    (_is_object, _fields_of_object),
    (_is_response, _fields_of_response),
)
