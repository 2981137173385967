"""Convert the return values that may contain an outcome, and those that become JSON.

A failure must never count as a success, so the following rules recognize outcomes, and results
and responses of AWS. They apply to the value itself. Nested in the value, only the
``ResultCode`` or the ``Outcome`` of a failure is refused.

- Text that equals the code of a failure is that code. Text that is a result or response of AWS
  in JSON and contains the code of a failure is parsed first.
- A tuple or list of one or two items that begins with a result code, as enum or text, is an
  outcome. So is an object whose only fields are ``code``, a result code, and ``message``. Any
  other tuple or list that contains a ``ResultCode`` or an ``Outcome`` is refused, except
  ``[Outcome(…)]``.
- An object with the field ``resultCode`` is a result of AWS, also in a list.
- An object is a response of AWS if it has ``treatMissingKeysAs``, or if it has ``results``
  together with ``invocationSchemaVersion``, ``invocationId`` or a result in the list. With
  ``results`` alone it is data.

A result or response of AWS must contain one result. If the result has a ``taskId``, it must be
the ID of this task. Objects are dicts and values that become one in JSON: models, dataclasses,
and the responses of Powertools.
"""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any, Final

from s3batch_handler.core._awaitables import is_awaitable
from s3batch_handler.core._errors import InvalidResponse, TaskFailure
from s3batch_handler.core._model import Outcome, ResultCode, TaskResult
from s3batch_handler.core._response_forms import (
    FAILURE_CODES,
    POWERTOOLS_FIELDS,
    RESULT_CODES,
    is_response,
    is_result,
    read_result,
    with_aws_names,
)
from s3batch_handler.handler._json import (
    JSON_ERRORS,
    compact_json,
    json_layer,
    python_layer,
    raise_for,
)
from s3batch_handler.handler._result_errors import AwaitableReturned, InvalidReturnValue

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping, Sequence

    from s3batch_handler.core._model import Task


def outcome_of_value(value: object, task: Task[Any, Any] | None) -> Outcome:
    """Convert a value to an outcome: see :func:`~._results.outcome_of`."""
    if isinstance(value, Outcome):
        return _validated(value)
    if isinstance(value, str):  # of a subclass, it may convert to other text
        return _outcome_of_text(value, task)
    plain = value if type(value) is dict else _outer_layer(value)
    outcome = None
    if isinstance(plain, dict):
        outcome = _outcome_in_object(plain, task)
    elif isinstance(plain, list | tuple):
        plain, outcome = _outcome_in_sequence(plain, task)
    elif isinstance(plain, str) and plain in FAILURE_CODES:  # of an enum
        outcome = Outcome(FAILURE_CODES[plain])
    return outcome or Outcome(ResultCode.SUCCEEDED, _result_as_json(plain, value))


# ---------------------------------------------------------------- returned results and responses


def _outcome_of_text(value: str, task: Task[Any, Any] | None) -> Outcome:
    if isinstance(value, ResultCode):
        return Outcome(value)
    text = str.__str__(value)
    if text in FAILURE_CODES:
        return Outcome(FAILURE_CODES[text])
    return _outcome_in_json(text, task) or Outcome(ResultCode.SUCCEEDED, text)


def _outcome_in_json(text: str, task: Task[Any, Any] | None) -> Outcome | None:
    """Return the outcome in a result or response of AWS as JSON text, if it may be a failure."""
    if not (_contains_any(text, FAILURE_CODES) and _contains_any(text, _CODE_FIELDS)):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if isinstance(value, dict):
        return _outcome_in_object(value, task)
    return _outcome_in_sequence(value, task)[1] if isinstance(value, list) else None


def _contains_any(text: str, names: Iterable[str]) -> bool:
    return any(f'"{name}"' in text for name in names)


_CODE_FIELDS: Final = ("resultCode", "result_code", "treatMissingKeysAs", "treat_missing_keys_as")


def _validated(outcome: Outcome) -> Outcome:
    """Return the outcome of the user after checking the types of its members."""
    try:
        code = ResultCode(outcome.code)
    except ValueError as error:
        raise InvalidReturnValue(f"the function returned an Outcome, but {error}") from error
    return _make_outcome(code, outcome.message)


def _make_outcome(code: ResultCode, message: object = None) -> Outcome:
    """Return an outcome. Its message may be any value that JSON can represent."""
    if message is None:
        text = ""
    elif isinstance(message, str):
        text = str.__str__(message)
    elif code is ResultCode.SUCCEEDED:
        text = _result_as_json(message, message)
    else:
        text = _failure_message(message)
    if code is ResultCode.SUCCEEDED:  # its message is data, which is not redacted
        return Outcome(code, text)
    from s3batch_handler.core._redaction import redact  # only failures need it

    return Outcome(code, redact(text, _MAX_MESSAGE))


_MAX_MESSAGE: Final = 10_000  # characters; a report keeps 1,024


def _failure_message(message: object) -> str:
    """Return the message of a failure as text, even if JSON cannot represent it."""
    if isinstance(message, BaseException):
        from s3batch_handler.core._error_text import describe  # only failures need it

        return describe(message)
    if isinstance(message, bytes | bytearray):
        return message.decode(errors="backslashreplace")
    try:
        return compact_json(message)
    except InvalidReturnValue:
        return f"(the message, of type {type(message).__name__}, cannot be shown)"


def _result_as_json(plain: object, returned: object) -> str:
    """Return a result as JSON.

    Args:
        plain: The value, with its outermost layer converted to a JSON type.
        returned: The value as the function returned it.

    Raises:
        InvalidReturnValue: JSON cannot represent the value, or it contains a failure.
    """
    text = compact_json(plain, returned)
    if 'Failure"' in text and _has_failure(returned):  # the text excludes most values quickly
        raise InvalidReturnValue(
            f"the function returned a value ({type(returned).__name__}) that contains the "
            "ResultCode of a failure or an Outcome. Return Outcome(code, message) if the task "
            "failed, or code.value in place of a ResultCode that is data"
        )
    return text


def _has_failure(value: object) -> bool:
    """Return whether a value contains the ResultCode or Outcome of a failure, at any depth."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, ResultCode | Outcome):
            if (item.code if isinstance(item, Outcome) else item) in FAILURE_CODES:
                return True
        elif isinstance(item, dict):
            waiting.extend((*item.keys(), *item.values()))
        elif isinstance(item, list | tuple):
            waiting.extend(item)
        elif not (item is None or isinstance(item, str | int | float)):
            with contextlib.suppress(*JSON_ERRORS):
                waiting.append(python_layer(item))
    return False


def _outer_layer(value: object) -> Any:
    """Return the value with its outermost layer converted to a JSON type."""
    if value is None or isinstance(value, dict | list | tuple | str | int | float):
        return value
    if isinstance(value, BaseException):
        raise value
    if isinstance(value, type) and issubclass(value, TaskFailure):
        raise value
    if is_awaitable(value):
        raise AwaitableReturned(value)
    try:
        return json_layer(value)
    except JSON_ERRORS as error:
        raise_for(value, error)


def _outcome_in_object(value: dict[Any, Any], task: Task[Any, Any] | None) -> Outcome | None:
    """Return the outcome that an object represents, or ``None``."""
    if not POWERTOOLS_FIELDS.isdisjoint(value):
        value = with_aws_names(value)
    if "resultCode" in value:
        return _outcome_in_results([value], task)
    if "results" in value or "treatMissingKeysAs" in value:
        results = _layer_of_item(value.get("results"))  # a deque and a set become a list
        if isinstance(results, list | tuple):
            results = _with_aws_names(map(_layer_of_item, results))
        value = {**value, "results": results}
        return _outcome_in_results(value, task) if is_response(value) else None
    if value.keys() <= {"code", "message"} and _is_in(RESULT_CODES, value.get("code")):
        return _make_outcome(ResultCode(value["code"]), value.get("message"))
    return None


def _outcome_in_sequence(
    value: Sequence[Any], task: Task[Any, Any] | None
) -> tuple[object, Outcome | None]:
    """Return the items as JSON types, and the outcome that they represent, or ``None``."""
    if isinstance(value, TaskResult):
        if task is not None and value.task.id != task.id:
            raise InvalidReturnValue("the function returned a TaskResult of another task")
        return value, _validated(value.outcome)
    names = getattr(value, "_fields", ())
    if "resultCode" in names or "results" in names:  # a named tuple of the user
        return value, _outcome_in_object(dict(zip(names, value, strict=True)), task)
    if _is_pair(value, FAILURE_CODES):  # its message may be a value that JSON cannot represent
        return value, _make_outcome(ResultCode(value[0]), *value[1:])
    items = list(map(_layer_of_item, value))
    results = _with_aws_names(items)
    if any(map(is_result, results)):
        return items, _outcome_in_results(results, task)
    if len(items) == 1 and isinstance(items[0], Outcome):
        return items, _validated(items[0])
    if _is_pair(items, RESULT_CODES):
        return items, _make_outcome(ResultCode(items[0]), *items[1:])
    if any(isinstance(item, ResultCode | Outcome) for item in items):
        raise InvalidReturnValue(
            f"the function returned a {type(value).__name__} with a ResultCode or an Outcome in "
            "it, but not (ResultCode, message). Return one Outcome for the task"
        )
    return items, None


def _is_pair(items: Sequence[Any], codes: Container[str]) -> bool:
    """Return whether the items are one of these codes, and perhaps a message."""
    return (
        1 <= len(items) <= 2
        and _is_in(codes, items[0])
        and not any(_is_in(RESULT_CODES, message) for message in items[1:])
    )


def _is_in(codes: Container[str], value: object) -> bool:
    return isinstance(value, str) and str.__str__(value) in codes


def _with_aws_names(items: Iterable[Any]) -> list[Any]:
    return [with_aws_names(item) if isinstance(item, dict) else item for item in items]


def _layer_of_item(item: object) -> Any:
    if item is None or isinstance(item, str | dict | list | tuple | int | float | BaseException):
        return item  # exceptions are raised later, together with those in the other items
    try:
        return json_layer(item)
    except JSON_ERRORS as error:
        raise_for(item, error)


def _outcome_in_results(
    results: Mapping[str, Any] | Sequence[Any], task: Task[Any, Any] | None
) -> Outcome:
    try:
        code, message = read_result(results, None if task is None else task.id)
    except InvalidResponse as error:
        raise InvalidReturnValue(
            f"the function returned an invalid response to S3: {error}. "
            'To return data in this form, put it into another object: {"data": …}'
        ) from error
    return _make_outcome(code, message)
