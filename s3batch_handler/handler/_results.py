"""Convert the return value of a user's function to an outcome."""

from __future__ import annotations

from s3batch_handler.core._model import Outcome, ResultCode
from s3batch_handler.core._response_forms import FAILURE_CODES
from s3batch_handler.core._typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from s3batch_handler.core._model import Task


def outcome_of(value: object, task: Task[Any, Any] | None = None) -> Outcome:
    """Convert the return value of a function for a task to an outcome.

    ==================================  =====================================================
    ``None``                            Succeeded, without a message
    ``str``                             Succeeded, with that message
    ``Outcome``                         itself
    ``ResultCode``                      that code, without a message
    ``(ResultCode.X, "text")``          that code, with that message
    an exception                        as if the function had raised it
    a result or response of AWS         its result code and text
    a pydantic model, ``dict``, …       Succeeded, with the value as compact JSON
    ==================================  =====================================================

    Raises:
        InvalidReturnValue: JSON cannot represent the value (NaN, bytes, a generator, a circular
            reference), or it is an outcome, result or response with an unknown code or for another
            task.
        AwaitableReturned: The value has to be awaited first.
    """
    if type(value) is str:
        if len(value) == _LENGTH_OF_FAILURES and value in FAILURE_CODES:
            return Outcome(FAILURE_CODES[value])
        if "{" not in value:
            return _new_tuple(Outcome, (_SUCCEEDED, value))
    elif value is None:
        return _SUCCEEDED_WITHOUT_MESSAGE
    # The other values need JSON, which takes 3 ms to import.
    from s3batch_handler.handler._returned_values import outcome_of_value

    return outcome_of_value(value, task)


_SUCCEEDED: Final = ResultCode.SUCCEEDED  # saves 0.5 % of an invocation
_new_tuple: Final = tuple.__new__  # not Outcome(…): saves 1.5 % of an invocation
_SUCCEEDED_WITHOUT_MESSAGE: Final = Outcome(ResultCode.SUCCEEDED)
_LENGTH_OF_FAILURES: Final = 16
"""The length of both codes. Comparing it first is faster than hashing the text."""
