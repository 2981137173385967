"""The events that the engine sends to functions, and the responses that it reads.

Responses are serialized as Lambda's Python runtime interface client (RIC) does it: a value that is
not JSON serializable fails here as in Lambda.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, NamedTuple, NoReturn

from s3batch_handler.core._errors import InvalidResponse
from s3batch_handler.core._model import Outcome, ResultCode
from s3batch_handler.core._payload import job_as_dict, parse_response, task_as_dict
from s3batch_handler.core._sanitize import MAX_RESULT_STRING
from s3batch_handler.engine.invoke._answer import InvalidFunctionResponse

if TYPE_CHECKING:
    from s3batch_handler.core._model import JobRef

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
        """Return a new event for one task. Its IDs contain ``call_id``, which must be unique."""
        # An ID contains "/" and "+" like those of AWS, so a function that uses it as a file name
        # fails here, too.
        prefix = f"AAAAAAAAAA{call_id}"
        job = self.job.copy()
        if "userArguments" in job:
            job["userArguments"] = job["userArguments"].copy()
        return {
            "invocationSchemaVersion": self.schema_version,
            "invocationId": f"{prefix}/In+=",
            "job": job,
            "tasks": [task_as_dict(self.schema_version, f"{prefix}/Ta+=", *entry)],
        }


def usual_answer(returned: object, *ids: str) -> tuple[str, str] | None:
    """Return the result code and the message, if a function has returned the usual response.

    That is what AWS documents, in plain dictionaries, lists and strings, with a short message.
    Converting it to JSON and back would change nothing. Any other value results in ``None``: use
    :func:`serialize_response` and :func:`read_response`.

    Args:
        returned: What the function returned.
        ids: The schema version, the ID of the invocation and the ID of the task in the event.
    """
    if type(returned) is not dict or len(returned) != 4:
        return None
    try:
        results = returned["results"]
        if type(results) is not list or len(results) != 1:
            return None
        result = results[0]
        if type(result) is not dict or len(result) != 3:
            return None
        code, message = result["resultCode"], result["resultString"]
        if (
            type(code) is str
            and code in _CODES
            and type(message) is str
            and len(message) <= MAX_RESULT_STRING
            and message.isprintable()
            and type(task_id := result["taskId"]) is str
            and type(code_if_missing := returned["treatMissingKeysAs"]) is str
            and code_if_missing in _CODES
            and type(invocation_id := returned["invocationId"]) is str
            and type(version := returned["invocationSchemaVersion"]) is str
            and (version, invocation_id, task_id) == ids
        ):
            return code, message
    except KeyError:
        pass
    return None


def read_response(
    event: dict[str, Any], response: str | bytes
) -> Outcome | InvalidFunctionResponse:
    """Read the response to an event with one task."""
    try:
        value = _DECODER.decode(response if isinstance(response, str) else response.decode())
    except (ValueError, RecursionError) as error:
        return InvalidFunctionResponse(f"not JSON: {error}")
    ids = event["invocationSchemaVersion"], event["invocationId"], event["tasks"][0]["taskId"]
    if (answer := usual_answer(value, *ids)) is not None:
        return Outcome(ResultCode(answer[0]), answer[1])
    try:
        (outcome,) = parse_response(event, value)
    except InvalidResponse as error:
        return InvalidFunctionResponse(str(error))
    return outcome


def serialize_response(returned: object) -> str | bytes:
    """Convert what a function returned to JSON. RIC sends bytes as they are.

    Raises:
        Exception: The value is not JSON serializable, or its own methods raise.
    """
    return returned if isinstance(returned, bytes) else to_json(returned)


def _to_serializable(value: object) -> object:
    """Convert the values that RIC serializes, and the standard library does not."""
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def _refuse_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a valid JSON value")


from_json: Final = json.JSONDecoder().decode  # the function may replace json.loads
# RIC also writes NaN and Infinity. They are found when the response is read.
to_json: Final = json.JSONEncoder(separators=(",", ":"), default=_to_serializable).encode
_DECODER: Final = json.JSONDecoder(parse_constant=_refuse_constant)
_CODES: Final = frozenset(code.value for code in ResultCode)
