"""An execution environment of Lambda in this process: a function, its context and its variables.

Sources: the Python runtime interface client (RIC) for what a function sees, the Lambda Developer
Guide for the limits.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, Any, ClassVar, Final

from s3batch_handler.core._payload import MAX_PAYLOAD_BYTES
from s3batch_handler.engine.invoke._answer import to_texts
from s3batch_handler.engine.invoke._events import (
    from_json,
    read_response,
    serialize_response,
    to_json,
    usual_answer,
)
from s3batch_handler.engine.invoke._function_errors import error_text, function_error, raised
from s3batch_handler.engine.invoke._lambda_logging import LOG_FORMAT, LOG_LEVEL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from s3batch_handler.core._model import Outcome
    from s3batch_handler.engine.invoke._answer import FunctionError, InvalidFunctionResponse
    from s3batch_handler.engine.invoke._events import Entry, EventTemplate
    from s3batch_handler.engine.invoke._function_loader import Function


class Environment:
    """One execution environment: a loaded function that is called once at a time.

    Args:
        function: The function to call.
        variables: The environment variables that the function sees.
        timeout: Seconds that a call may take. The context shows it; only the parent of a worker
            process enforces it.
        environment_id: The first part of all request IDs of this environment, unique.

    Attributes:
        request_id: The request ID of the latest call.
    """

    def __init__(
        self,
        function: Function,
        *,
        variables: Mapping[str, str],
        timeout: float,
        environment_id: str,
    ) -> None:
        self._function = function
        self._timeout = timeout
        self._id = environment_id
        self._calls = 0
        self.request_id = ""
        name = variables.get("AWS_LAMBDA_FUNCTION_NAME")
        region = variables.get("AWS_REGION") or "us-east-1"
        attributes = {
            "function_name": name,
            "function_version": variables.get("AWS_LAMBDA_FUNCTION_VERSION"),
            "invoked_function_arn": f"arn:aws:lambda:{region}:{_ACCOUNT_ID}:function:{name}",
            "memory_limit_in_mb": variables.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"),
            "log_group_name": variables.get("AWS_LAMBDA_LOG_GROUP_NAME"),
            "log_stream_name": variables.get("AWS_LAMBDA_LOG_STREAM_NAME"),
        }
        self._context = type("LambdaContext", (Context,), attributes)  # the same for all calls

    def invoke(
        self, template: EventTemplate, entry: Entry
    ) -> Outcome | FunctionError | InvalidFunctionResponse:
        """Call the function for one task, and return its answer.

        The event and the response are converted to JSON and back, as between S3 and Lambda.

        Like RIC, this does not catch exceptions such as ``SystemExit``: they end the environment.
        """
        call_id, context = self._next_call()
        event = template.event(call_id, entry)
        try:
            returned = self._function(from_json(to_json(event)), context)
        except Exception as error:
            return raised(error, self.request_id)
        return self._read(event, returned)

    def invoke_directly(self, template: EventTemplate, entry: Entry) -> tuple[str, str]:
        """Call the function like :meth:`invoke`, without JSON where it would change nothing.

        Args:
            template: See :meth:`invoke`.
            entry: Text that is in a manifest in UTF-8.

        Returns:
            The answer, as two texts: see :func:`~._answer.to_texts`.
        """
        call_id, context = self._next_call()
        event = template.event(call_id, entry)
        ids = event["invocationSchemaVersion"], event["invocationId"], event["tasks"][0]["taskId"]
        try:
            returned = self._function(event, context)
        except Exception as error:
            return to_texts(raised(error, self.request_id))
        answer = usual_answer(returned, *ids)
        if answer is None:  # the function may have changed its event
            answer = to_texts(self._read(template.event(call_id, entry), returned))
        return answer

    def _next_call(self) -> tuple[str, Context]:
        """Return the ID and the context of the next call."""
        self._calls += 1
        request_id = self.request_id = request_id_of(self._id, self._calls)
        return request_id.replace("-", ""), self._context(request_id, time() + self._timeout)

    def _read(
        self, event: dict[str, Any], returned: object
    ) -> Outcome | FunctionError | InvalidFunctionResponse:
        """Convert what the function returned to JSON, and read it as S3 does."""
        try:
            response = serialize_response(returned)
        except Exception as error:  # the user's types may raise anything
            problem = f"Unable to marshal response: {error_text(error)}"
            return function_error("Runtime.MarshalError", problem, self.request_id)
        if len(response) > _MAX_RESPONSE:
            return function_error("Function.ResponseSizeTooLarge", _TOO_LARGE, self.request_id)
        return read_response(event, response)


_MAX_RESPONSE: Final = MAX_PAYLOAD_BYTES + 100  # as in Lambda's own message
_TOO_LARGE: Final = (
    f"Response payload size exceeded maximum allowed payload size ({_MAX_RESPONSE} bytes)."
)


def new_environment_id() -> str:
    """Return an ID for an :class:`Environment`."""
    return str(uuid.uuid4())[:23]


def request_id_of(environment_id: str, call: int) -> str:
    """Return the request ID of the n-th call of an environment, in the form of a UUID."""
    return f"{environment_id}-{call:012x}"


class Context:
    """The context of a call, with the attributes and methods of RIC's context."""

    client_context = None
    tenant_id = None

    def __init__(self, request_id: str, deadline: float) -> None:
        self.aws_request_id = request_id
        self._deadline = deadline

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until the timeout, by the wall clock as in Lambda."""
        return max(0, int((self._deadline - time()) * 1000))

    def log(self, message: object) -> None:
        """Write to the function's log."""
        print(message)

    class _NoIdentity:
        cognito_identity_id = None
        cognito_identity_pool_id = None

    identity: ClassVar = _NoIdentity()


# ---------------------------------------------------------------- environment variables

_ACCOUNT_ID: Final = "123456789012"  # as in AWS's examples, and in moto


def lambda_variables(name: str, variables: Mapping[str, str]) -> dict[str, str]:
    """Return the environment variables of a function: Lambda's, overridden by ``variables``.

    ``AWS_LAMBDA_RUNTIME_API`` and ``LAMBDA_TASK_ROOT`` are missing, because by them libraries
    (Powertools, X-Ray) decide that they run in Lambda, and look for services that exist only there.
    """
    today = datetime.now(UTC).strftime("%Y/%m/%d")
    defaults = {
        "AWS_LAMBDA_FUNCTION_NAME": name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": f"{today}/[$LATEST]local",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
    }
    if variables.get(LOG_FORMAT, "").upper() == "JSON":
        defaults[LOG_LEVEL] = "INFO"
    return {**defaults, **_region(variables), **variables}


def _region(variables: Mapping[str, str]) -> dict[str, str]:
    """Return both variables of the Region, which Lambda sets; none if a profile may set it."""
    region = variables.get("AWS_REGION") or variables.get("AWS_DEFAULT_REGION")
    if region is None:
        config = variables.get("AWS_CONFIG_FILE") or Path("~/.aws/config").expanduser()
        if Path(config).is_file():
            return {}
        region = "us-east-1"
    return {"AWS_REGION": region, "AWS_DEFAULT_REGION": region}


def profile_variables(profile: str | None) -> dict[str, str]:
    """Return environment variables with which SDKs use a profile; none for ``None``."""
    # SDKs prefer credentials in variables to AWS_PROFILE, and ignore empty variables.
    return {} if profile is None else {**dict.fromkeys(_CREDENTIALS, ""), "AWS_PROFILE": profile}


_CREDENTIALS: Final = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
