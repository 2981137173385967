"""What Lambda does with one call of a function: payload in, payload out, and what went wrong.

Payloads are JSON in both directions, so that what is not JSON fails here as it would there.
Sources: the Python runtime interface client (RIC) for what a function sees and how its errors are
told; the Lambda Developer Guide for the limits. For the texts about a function that ends its
process, or answers too much, there is none: see docs/fidelity.md.
"""

from __future__ import annotations

import json
import signal
import time
import traceback
import uuid
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, NoReturn

import pydantic_core

from s3batch_handler.core._errors import InvalidResponse
from s3batch_handler.core._payload import MAX_PAYLOAD_BYTES, parse_response, task_to_json
from s3batch_handler.core._redaction import redact, redacted_text
from s3batch_handler.engine.invoke._answer import FunctionError, InvalidAnswer
from s3batch_handler.engine.invoke._lambda_logging import LOG_FORMAT, LOG_LEVEL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from s3batch_handler.core._model import Outcome
    from s3batch_handler.engine.invoke._function_loader import Function


class Environment:
    """One execution environment: a function that is loaded, called once at a time.

    Args:
        function: What to call.
        variables: The environment variables the function sees: its name, memory, ….
        timeout: Seconds that a call may take. Only told to the function here: ending a call that
            takes longer needs another process.
        instance: Makes the request ids of this environment differ from all others'.
    """

    def __init__(
        self, function: Function, *, variables: Mapping[str, str], timeout: float, instance: str
    ) -> None:
        self._function = function
        self._timeout = timeout
        self._instance = instance
        self._ids = "AAAAAAAAAA" + instance.replace("-", "")
        self._calls = 0
        self.request_id = ""  # of the latest call
        name = variables.get("AWS_LAMBDA_FUNCTION_NAME")
        region = variables.get("AWS_REGION") or "us-east-1"
        facts = {
            "function_name": name,
            "function_version": variables.get("AWS_LAMBDA_FUNCTION_VERSION"),
            "invoked_function_arn": f"arn:aws:lambda:{region}:{ACCOUNT_ID}:function:{name}",
            "memory_limit_in_mb": variables.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"),
            "log_group_name": variables.get("AWS_LAMBDA_LOG_GROUP_NAME"),
            "log_stream_name": variables.get("AWS_LAMBDA_LOG_STREAM_NAME"),
        }
        self._context = type("LambdaContext", (Context,), facts)  # set once, not for each call

    def invoke(
        self,
        schema_version: str,
        job: dict[str, Any],
        bucket: str,
        encoded_key: str,
        version_id: str | None,
    ) -> Outcome | FunctionError | InvalidAnswer:
        """Call the function for one task, and return its answer.

        ``job`` is spelled as in events. What is no ``Exception`` (``SystemExit``, …) is let
        through, as RIC does: it ends the environment.
        """
        self._calls += 1
        request_id = self.request_id = request_id_of(self._instance, self._calls)
        call = self._ids + request_id[-12:]  # the number of the call
        event = task_event(call, schema_version, job, (bucket, encoded_key, version_id))
        request = pydantic_core.to_json(event)
        if len(request) > MAX_PAYLOAD_BYTES:  # cannot happen with keys and arguments S3 accepts
            return _error(
                "RequestEntityTooLargeException",
                f"Request must be smaller than {MAX_PAYLOAD_BYTES} bytes",
                request_id,
            )
        context = self._context(request_id, time.time() + self._timeout)
        try:
            returned = self._function(_read(request), context)
        except Exception as error:  # whatever a function raises is its answer
            return _error(type(error).__name__, _text(error), request_id, _stack_trace(error))
        try:
            response, value = _marshal(returned)
        except Exception as error:  # a function's own types may raise anything
            problem = f"Unable to marshal response: {_text(error)}"
            return _error("Runtime.MarshalError", problem, request_id)
        if len(response) > _RESPONSE_LIMIT:
            problem = (
                "Response payload size exceeded maximum allowed payload size "
                f"({_RESPONSE_LIMIT} bytes)."
            )
            return _error("Function.ResponseSizeTooLarge", problem, request_id)
        if value is _UNREAD:
            return read_response(event, response)
        return _answer_in(event, value)


def task_event(
    call: str, schema_version: str, job: dict[str, Any], entry: tuple[str, str, str | None]
) -> dict[str, Any]:
    """Make the event for one task; ``call`` makes its ids differ from all others'."""
    # Unfit for file names, as the real ones are, so that no function comes to rely on it.
    return {
        "invocationSchemaVersion": schema_version,
        "invocationId": f"{call}/In+=",
        "job": job,
        "tasks": [task_to_json(schema_version, f"{call}/Ta+=", *entry)],
    }


def new_instance() -> str:
    """Name an environment: the first part of its request ids."""
    return str(uuid.uuid4())[:23]


def request_id_of(instance: str, call: int) -> str:
    """Give the request id of an environment's n-th call: of a UUID's form, without its price."""
    return f"{instance}-{call:012x}"


class Context:
    """What a function gets beside the event: the attributes and methods of RIC's context."""

    function_name: str
    function_version: str
    invoked_function_arn: str
    memory_limit_in_mb: str
    log_group_name: str
    log_stream_name: str
    client_context = None
    tenant_id = None

    def __init__(self, request_id: str, deadline: float) -> None:
        self.aws_request_id = request_id
        self._deadline = deadline

    def get_remaining_time_in_millis(self) -> int:
        """Give the milliseconds until the call is ended, by the wall clock as in Lambda."""
        return max(0, int((self._deadline - time.time()) * 1000))

    def log(self, message: object) -> None:
        """Write to the function's log."""
        print(message)

    class _NoIdentity:
        cognito_identity_id = None
        cognito_identity_pool_id = None

    identity: ClassVar = _NoIdentity()


def read_response(event: dict[str, Any], response: str | bytes) -> Outcome | InvalidAnswer:
    """Read the response to an event of one task."""
    try:
        value = _from_json(response)
    except (ValueError, RecursionError) as error:
        return InvalidAnswer(f"not JSON: {error}")
    return _answer_in(event, value)


def _answer_in(event: dict[str, Any], value: object) -> Outcome | InvalidAnswer:
    try:
        (outcome,) = parse_response(event, value)
    except InvalidResponse as error:
        return InvalidAnswer(str(error))
    return outcome


def _marshal(returned: object) -> tuple[str | bytes, object]:
    """Write what a function returned as JSON, as RIC does: bytes are taken for JSON already.

    Where that was read back already, to compare, what was read is given as well, else ``_UNREAD``.
    """
    if isinstance(returned, bytes):
        return returned, _UNREAD
    try:
        # Three times as fast, but it also writes what is not JSON: that does not come back equal.
        text = pydantic_core.to_json(returned)
        value = _read(text)
        if value == returned:
            return text, value
    except Exception:  # noqa: S110  the slower writer tells
        pass
    return _to_json(returned), _UNREAD


_UNREAD: Final = object()
# Ids and keys of objects differ from call to call: looking for them in a cache is in vain.
_read: Final = partial(pydantic_core.from_json, cache_strings="keys")


def _from_json(text: str | bytes) -> Any:
    try:
        return pydantic_core.from_json(text, allow_inf_nan=False)
    except ValueError:  # halves of surrogate pairs, deep nesting: the slower reader takes more
        return _SLOWER.decode(text if isinstance(text, str) else text.decode())


def _encodable(value: object) -> object:
    """Make JSON of what RIC makes JSON of, although the standard library would not."""
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def _no_json(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a value of JSON")


# Slower than pydantic's, but as exact as RIC. That does write NaN and Infinity: whoever reads the
# answer finds that it is no JSON.
_to_json: Final = json.JSONEncoder(separators=(",", ":"), default=_encodable).encode
_SLOWER: Final = json.JSONDecoder(parse_constant=_no_json)

_RESPONSE_LIMIT: Final = MAX_PAYLOAD_BYTES + 100  # as Lambda's own message has it


# ---------------------------------------------------------------- errors, as Lambda tells them


def timed_out(timeout: float, request_id: str) -> FunctionError:
    """Tell that a call was ended for taking too long, as AWS's sample report does."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    message = f"{now} {request_id} Task timed out after {timeout:.2f} seconds"
    return FunctionError(_to_json({"errorMessage": message}))


def exited(returncode: int, request_id: str) -> FunctionError:
    """Tell that the process ended in the middle of a call.

    ``returncode`` is as in :attr:`subprocess.Popen.returncode`: negative for a signal.
    """
    if returncode == 0:
        how = "Runtime exited without providing a reason"
    else:
        how = f"Runtime exited with error: {exit_reason(returncode)}"
    message = f"RequestId: {request_id} Error: {how}"
    return FunctionError(_to_json({"errorType": "Runtime.ExitError", "errorMessage": message}))


def exit_reason(returncode: int) -> str:
    """Say why a process ended: ``exit status 3``, ``signal: killed``."""
    if returncode >= 0:
        return f"exit status {returncode}"
    return f"signal: {(signal.strsignal(-returncode) or str(-returncode)).lower()}"


def _error(
    kind: str, message: str, request_id: str, stack_trace: list[str] | None = None
) -> FunctionError:
    payload = {
        "errorMessage": message[:_LONGEST_MESSAGE],
        "errorType": kind,
        "requestId": request_id,
        "stackTrace": stack_trace or [],
    }
    return FunctionError(_to_json(payload))


_LONGEST_MESSAGE: Final = 64 * 1024  # of which a report keeps 1,024 characters


def _text(error: Exception) -> str:
    try:
        return redacted_text(error, _LONGEST_MESSAGE)
    except Exception as unprintable:  # __str__ is the user's code
        return f"<{type(unprintable).__name__} in __str__>"


def _stack_trace(error: Exception) -> list[str]:
    frames = traceback.extract_tb(error.__traceback__, limit=-100)  # recursion goes deep
    lines = traceback.format_list([frame for frame in frames if frame.filename != __file__])
    return list(map(redact, lines))  # they contain source code


# ---------------------------------------------------------------- environment variables

ACCOUNT_ID: Final = "123456789012"
"""The account of functions that run here: the one of AWS's examples, and of moto."""


def lambda_variables(name: str, given: Mapping[str, str]) -> dict[str, str]:
    """Give the environment variables of a function: Lambda's, and over them those ``given``.

    Left out although Lambda has them: ``AWS_LAMBDA_RUNTIME_API`` and ``LAMBDA_TASK_ROOT``, by which
    libraries (Powertools, X-Ray) know that they are in Lambda, and look for services it has there.
    """
    today = datetime.now(UTC).strftime("%Y/%m/%d")
    lambdas = {
        "AWS_LAMBDA_FUNCTION_NAME": name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": f"{today}/[$LATEST]local",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
    }
    if given.get(LOG_FORMAT, "").upper() == "JSON":
        lambdas[LOG_LEVEL] = "INFO"  # the default for this format
    return {**lambdas, **_region(given), **given}


def _region(given: Mapping[str, str]) -> dict[str, str]:
    """Lambda sets both names of the Region; a profile's Region must win over our default."""
    region = given.get("AWS_REGION") or given.get("AWS_DEFAULT_REGION")
    if region is None:
        config = given.get("AWS_CONFIG_FILE") or Path("~/.aws/config").expanduser()
        if Path(config).is_file():
            return {}
        region = "us-east-1"
    return {"AWS_REGION": region, "AWS_DEFAULT_REGION": region}
