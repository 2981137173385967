"""The errors of functions, as Lambda reports them.

Source: the Python runtime interface client (RIC). AWS does not document the texts for a function
that ends its process: see docs/fidelity.md.
"""

from __future__ import annotations

import signal
import traceback
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from s3batch_handler.core._redaction import redact, redacted_text
from s3batch_handler.engine.invoke._answer import FunctionError
from s3batch_handler.engine.invoke._events import to_json

if TYPE_CHECKING:
    from collections.abc import Sequence


def function_error(
    error_type: str, message: str, request_id: str, stack_trace: Sequence[str] = ()
) -> FunctionError:
    """Return an error in the form of RIC."""
    payload = {
        "errorMessage": message[:_MAX_MESSAGE],
        "errorType": error_type,
        "requestId": request_id,
        "stackTrace": stack_trace,
    }
    return FunctionError(to_json(payload))


def error_of_lambda(error_type: str, message: str) -> FunctionError:
    """Return an error that Lambda reports instead of the function."""
    return FunctionError(to_json({"errorType": error_type, "errorMessage": message}))


def is_function_error(payload: object) -> bool:
    """Return whether a parsed response has the form of a function's error."""
    return isinstance(payload, dict) and isinstance(payload.get("errorMessage"), str)


def raised(error: Exception, request_id: str) -> FunctionError:
    """Return the error of a function that raised an exception, without the frame that called it."""
    called = error.__traceback__ and error.__traceback__.tb_next
    frames = traceback.format_tb(called, limit=-100)  # a recursion has many
    # They contain source code, of which a line may be very long.
    stack_trace = [redact(frame[:_MAX_FRAME]) for frame in frames]
    return function_error(type(error).__name__, error_text(error), request_id, stack_trace)


def error_text(error: Exception) -> str:
    """Return the message of an exception of the user's code."""
    try:
        return redacted_text(error, _MAX_MESSAGE)
    except Exception as unprintable:  # __str__ is the user's code
        return f"<{type(unprintable).__name__} in __str__>"


_MAX_MESSAGE: Final = 64 * 1024  # characters; a report keeps 1,024
_MAX_FRAME: Final = 10_000


def timed_out(timeout: float, request_id: str) -> FunctionError:
    """Return the error of a call that reached its timeout, as in AWS's example report."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    message = f"{now} {request_id} Task timed out after {timeout:.2f} seconds"
    return FunctionError(to_json({"errorMessage": message}))


def process_ended(returncode: int, request_id: str) -> FunctionError:
    """Return the error of a call whose process ended.

    ``returncode`` is as in :attr:`subprocess.Popen.returncode`: negative for a signal.
    """
    if returncode == 0:
        reason = "Runtime exited without providing a reason"
    else:
        reason = f"Runtime exited with error: {exit_reason(returncode)}"
    message = f"RequestId: {request_id} Error: {reason}"
    return error_of_lambda("Runtime.ExitError", message)


def exit_reason(returncode: int) -> str:
    """Return why a process ended: ``exit status 3``, ``signal: killed``."""
    if returncode >= 0:
        return f"exit status {returncode}"
    return f"signal: {(signal.strsignal(-returncode) or str(-returncode)).lower()}"
