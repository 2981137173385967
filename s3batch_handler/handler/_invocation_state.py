"""What changes in a process with each invocation, for the child process that runs the tasks.

The child is created during one invocation and runs the tasks of many.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import Any, Final, NamedTuple

_TRACE_ID: Final = "_X_AMZN_TRACE_ID"
_RUNTIME_CLIENT: Final = "awslambdaric.bootstrap"
_REQUEST_ID: Final = "_GLOBAL_AWS_REQUEST_ID"


class InvocationState(NamedTuple):
    """The state of one invocation.

    Attributes:
        trace_id: The environment variable of X-Ray.
        request_id: The request ID in the log lines of Lambda's runtime client.
        logger_keys: The keys of the user's Powertools logger.
    """

    trace_id: str | None = None
    request_id: str | None = None
    logger_keys: dict[str, Any] | None = None


def read_state(logger: Any) -> InvocationState:
    """Return the state of the current invocation. The logger may be ``None``."""
    keys: dict[str, Any] | None = None
    if hasattr(logger, "get_current_keys"):
        with suppress(Exception):  # code of the user
            keys = {
                key: value
                for key, value in logger.get_current_keys().items()
                if isinstance(value, str | int | float | None)
            }
    client = sys.modules.get(_RUNTIME_CLIENT)
    return InvocationState(os.environ.get(_TRACE_ID), getattr(client, _REQUEST_ID, None), keys)


def apply_state(state: InvocationState, earlier: InvocationState, logger: Any) -> None:
    """Set the state of an invocation in this process, in place of an earlier one."""
    if state.trace_id is None:
        os.environ.pop(_TRACE_ID, None)
    elif state.trace_id != earlier.trace_id:
        os.environ[_TRACE_ID] = state.trace_id
    client = sys.modules.get(_RUNTIME_CLIENT)
    if client is not None:
        setattr(client, _REQUEST_ID, state.request_id)
    if state.logger_keys != earlier.logger_keys:
        with suppress(Exception):  # code of the user
            keys, before = state.logger_keys or {}, earlier.logger_keys or {}
            logger.remove_keys([key for key in before if key not in keys])
            logger.append_keys(**keys)


def forget_trace() -> None:
    """Remove the X-Ray segments that were open in the parent: only the parent sends them."""
    recorder = getattr(sys.modules.get("aws_xray_sdk.core"), "xray_recorder", None)
    if recorder is not None:
        with suppress(Exception):
            recorder.clear_trace_entities()
