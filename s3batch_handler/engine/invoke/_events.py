"""The events that the engine sends to functions, and the responses that it reads.

Responses are serialized as Lambda's Python runtime interface client (RIC) does it: a value that is
not JSON serializable fails here as in Lambda.
"""

from __future__ import annotations

import json
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple, NoReturn

import pydantic_core

from s3batch_handler.core._errors import InvalidResponse
from s3batch_handler.core._payload import job_as_dict, parse_response, task_as_dict
from s3batch_handler.engine.invoke._answer import InvalidFunctionResponse

if TYPE_CHECKING:
    from s3batch_handler.core._model import JobRef, Outcome

    Entry = tuple[str, str, str | None]
    """Bucket, encoded key and version ID, like a ``ManifestEntry``."""


class EventTemplate(NamedTuple):
    """The part that all events of a job have in common.

    Attributes:
        schema_version: The schema version of the events.
        job: The job as events contain it.
    """

    schema_version: str
    job: dict[str, Any]

    @classmethod
    def of(cls, job: JobRef, schema_version: str) -> EventTemplate:
        """Return the template for a job."""
        return cls(schema_version, job_as_dict(schema_version, job))

    def event(self, call_id: str, entry: Entry) -> dict[str, Any]:
        """Return the event for one task. Its IDs contain ``call_id``, which must be unique."""
        # An ID contains "/" and "+" like those of AWS, so a function that uses it as a file name
        # fails here, too.
        prefix = f"AAAAAAAAAA{call_id}"
        return {
            "invocationSchemaVersion": self.schema_version,
            "invocationId": f"{prefix}/In+=",
            "job": self.job,
            "tasks": [task_as_dict(self.schema_version, f"{prefix}/Ta+=", *entry)],
        }


def read_response(
    event: dict[str, Any], response: str | bytes
) -> Outcome | InvalidFunctionResponse:
    """Read the response to an event with one task."""
    try:
        value = _from_json(response)
    except (ValueError, RecursionError) as error:
        return InvalidFunctionResponse(f"not JSON: {error}")
    return read_parsed_response(event, value)


def read_parsed_response(
    event: dict[str, Any], response: object
) -> Outcome | InvalidFunctionResponse:
    """Read the response to an event with one task, after it was parsed as JSON."""
    try:
        (outcome,) = parse_response(event, response)
    except InvalidResponse as error:
        return InvalidFunctionResponse(str(error))
    return outcome


def serialize_response(returned: object) -> tuple[str | bytes, object]:
    """Convert what a function returned to JSON. RIC sends bytes as they are.

    Returns:
        The JSON, and what it contains if that was parsed, or else :data:`NOT_PARSED`.

    Raises:
        Exception: The value is not JSON serializable, or its own methods raise.
    """
    if isinstance(returned, bytes):
        return returned, NOT_PARSED
    try:
        # Three times as fast, but it also serializes values that are not JSON. They differ from
        # what is parsed.
        text = pydantic_core.to_json(returned)
        value = read_json(text, allow_inf_nan=False)
        is_json = bool(value == returned)
    except Exception:
        is_json = False
    return (text, value) if is_json else (to_json(returned), NOT_PARSED)


NOT_PARSED: Final = object()
# Task IDs and keys differ from call to call, so a cache for them would be useless.
read_json: Final = partial(pydantic_core.from_json, cache_strings="keys")


def _from_json(text: str | bytes) -> Any:
    try:
        return read_json(text, allow_inf_nan=False)
    except ValueError:  # halves of surrogate pairs, deep nesting: the slow decoder accepts more
        return _DECODER.decode(text if isinstance(text, str) else text.decode())


def _to_serializable(value: object) -> object:
    """Convert the values that RIC serializes, and the standard library does not."""
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def _refuse_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a valid JSON value")


# RIC also writes NaN and Infinity. They are found when the response is read.
to_json: Final = json.JSONEncoder(separators=(",", ":"), default=_to_serializable).encode
_DECODER: Final = json.JSONDecoder(parse_constant=_refuse_constant)
