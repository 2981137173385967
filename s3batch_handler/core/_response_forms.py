"""The forms of a response to S3 that a function may return: AWS's own, and that of Powertools."""

from __future__ import annotations

from collections.abc import Mapping

from s3batch_handler.core._errors import InvalidResponse
from s3batch_handler.core._model import ResultCode
from s3batch_handler.core._typing import TYPE_CHECKING, Any, Final
from s3batch_handler.core._validation import json_type

if TYPE_CHECKING:
    from collections.abc import Sequence

RESULT_CODES: Final = {code.value: code for code in ResultCode}
FAILURE_CODES: Final = {
    text: code for text, code in RESULT_CODES.items() if code is not ResultCode.SUCCEEDED
}
_RESULT_FIELDS: Final = {
    "task_id": "taskId",
    "result_code": "resultCode",
    "result_string": "resultString",
}
_RESPONSE_FIELDS: Final = {
    "invocation_id": "invocationId",
    "invocation_schema_version": "invocationSchemaVersion",
    "treat_missing_keys_as": "treatMissingKeysAs",
}
POWERTOOLS_FIELDS: Final = frozenset({*_RESULT_FIELDS, *_RESPONSE_FIELDS})
"""The names in Powertools of the fields of results and responses."""


def is_result(value: object) -> bool:
    """Return whether a value has the form of AWS's result of a task."""
    return isinstance(value, dict) and "resultCode" in value


def is_response(value: Mapping[str, Any]) -> bool:
    """Return whether an object has the form of a response, and not only ``results``."""
    results = value.get("results")
    return (
        "treatMissingKeysAs" in value
        or "invocationSchemaVersion" in value
        or "invocationId" in value
        or is_result(results)
        or (isinstance(results, list | tuple) and any(map(is_result, results)))
    )


def read_result(
    response: Mapping[str, Any] | Sequence[Any], task_id: str | None
) -> tuple[ResultCode, object]:
    """Return the code and the message of the one result in a response, or in its results.

    Args:
        response: A response, or the results of one.
        task_id: The ID that the result must have, if it is known.

    Raises:
        InvalidResponse: The results are not exactly one, for this task. The text says why.
    """
    results = response.get("results") if isinstance(response, Mapping) else response
    if not isinstance(results, list | tuple):
        raise InvalidResponse(f"results: expected a list, got {json_type(results)}")
    if len(results) != 1 or not is_result(results[0]):
        raise InvalidResponse(f"results: expected one for the task, got {len(results)}")
    (result,) = results
    code, result_id = result["resultCode"], result.get("taskId")
    if not (isinstance(code, str) and code in RESULT_CODES):
        got = repr(str(code)[:50]) if isinstance(code, str) else json_type(code)
        raise InvalidResponse(f"resultCode: expected one of {', '.join(RESULT_CODES)}, got {got}")
    if not (result_id is None or task_id is None or result_id == task_id):
        raise InvalidResponse("taskId: not the ID of the task. Return task.id, or leave it out")
    return RESULT_CODES[code], result.get("resultString")


def response_as_dict(value: object) -> dict[str, Any] | None:
    """Convert a response of Powertools, or a result in it, to AWS's form; others to ``None``.

    Powertools is not imported: its classes are recognized by their attributes.
    """
    if not callable(getattr(type(value), "asdict", None)):
        return None
    if hasattr(value, "result_code"):
        return result_as_dict({name: getattr(value, name, None) for name in _RESULT_FIELDS})
    if hasattr(value, "invocation_id") and hasattr(value, "results"):
        return {"invocationId": value.invocation_id, "results": value.results}
    return None


def result_as_dict(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Convert a result with Powertools' field names to AWS's form, without its other fields."""
    return {name: fields[snake] for snake, name in _RESULT_FIELDS.items() if snake in fields}


def with_aws_names(value: dict[Any, Any]) -> dict[Any, Any]:
    """Convert Powertools' field names of a response or result; return other objects as they are.

    An object with more fields than a result has is a result only if its code is of a failure.
    """
    code = value.get("result_code")
    if isinstance(code, str) and (
        code in FAILURE_CODES or (code in RESULT_CODES and value.keys() <= _RESULT_FIELDS.keys())
    ):
        return result_as_dict(value)
    if not _RESPONSE_FIELDS.keys().isdisjoint(value) and (
        "results" in value or "treat_missing_keys_as" in value
    ):
        return {_RESPONSE_FIELDS.get(name, name): item for name, item in value.items()}
    return value
