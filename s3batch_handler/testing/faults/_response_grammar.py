"""Check that a response has the form that AWS documents."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from s3batch_handler.core._model import ResultCode
from s3batch_handler.core._validation import json_type

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_CODES: Final = tuple(code.value for code in ResultCode)


def problems_of_response(event: Mapping[str, Any], response: object) -> list[str]:
    """Return how a response differs from what AWS documents, which is stricter than what S3 needs.

    Source: S3 User Guide, "Invoke AWS Lambda function".
    """
    try:
        response = json.loads(json.dumps(response, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        return [f"the response is not JSON: {error}"]
    if not isinstance(response, dict):
        return [f"the response: expected an object, got {json_type(response)}"]
    return [*_of_fields(event, response), *_of_results(event, response.get("results", ...))]


def _of_fields(event: Mapping[str, Any], response: Mapping[str, Any]) -> Iterator[str]:
    for name in ("invocationSchemaVersion", "invocationId"):
        if name not in response:
            yield f"{name}: missing"
        elif response[name] != event[name]:
            yield f"{name}: not the same as in the event"
    if response.get("treatMissingKeysAs", _CODES[0]) not in _CODES:
        yield f"treatMissingKeysAs: expected one of {', '.join(_CODES)}"


def _of_results(event: Mapping[str, Any], results: object) -> Iterator[str]:
    if not isinstance(results, list):
        yield "results: missing" if results is ... else f"results: got {json_type(results)}"
        return
    expected = [task["taskId"] for task in event["tasks"]]
    answered = []
    for number, result in enumerate(results):
        if not isinstance(result, dict):
            yield f"results[{number}]: expected an object, got {json_type(result)}"
            continue
        task_id = result.get("taskId", ...)
        if task_id is ...:
            yield f"results[{number}].taskId: missing"
        elif task_id not in expected:
            yield f"results[{number}].taskId: not a task of the event"
        answered.append(task_id)
        if result.get("resultCode") not in _CODES:
            yield f"results[{number}].resultCode: expected one of {', '.join(_CODES)}"
        if not isinstance(result.get("resultString"), str | None):
            yield f"results[{number}].resultString: got {json_type(result['resultString'])}"
    for task_id in expected:
        if answered.count(task_id) != expected.count(task_id):
            yield f"results: a task has {answered.count(task_id)} results"
