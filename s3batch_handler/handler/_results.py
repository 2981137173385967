"""What a user's function may return."""

from __future__ import annotations

import contextlib
import functools
import inspect
import json
import os
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any, Final, NoReturn, get_args, get_type_hints

from pydantic import BaseModel, TypeAdapter
from pydantic_core import PydanticSerializationError, to_jsonable_python

from s3batch_handler.core._classification import describe
from s3batch_handler.core._errors import InvalidResponse, PermanentFailure, TaskFailure
from s3batch_handler.core._model import Outcome, ResultCode, TaskResult
from s3batch_handler.core._payload import (
    SNAKE_CASE,
    is_response,
    is_result,
    read_result,
    spell_fields,
    spell_response,
)
from s3batch_handler.core._redaction import redact

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterator

    from s3batch_handler.core._model import Task


def outcome_of(value: object, task: Task[Any, Any] | None = None) -> Outcome:
    """Turn what a function returned for a task into an outcome.

    ==================================  =====================================================
    ``None``                            Succeeded, without a message
    ``str``                             Succeeded, with that message
    ``Outcome``                         itself
    ``ResultCode``                      that code, without a message
    ``(ResultCode.X, "text")``          that code, with that message
    an exception                        as if it had been raised
    AWS's result or response            the result code and text in it
    a pydantic model, ``dict``, …       Succeeded, with the value as compact JSON
    ==================================  =====================================================

    A failure is never taken for a success, so outcomes and results of AWS are recognised by the
    following rules. They apply to the value itself, not to values nested in it: there, only the
    ``ResultCode`` or the ``Outcome`` of a failure is refused.

    - Text that consists of the code of a failure is that code. Text that is AWS's result or
      response as JSON, with the code of a failure in it, is read as that object.
    - A tuple or list of one or two items that begins with a result code, as enum or as text, is
      an outcome, and so is an object with no fields but ``code``, a result code, and
      ``message``. Any other tuple or list with a ``ResultCode`` or an ``Outcome`` in it is
      refused, except ``[Outcome(…)]``.
    - An object with the field ``resultCode`` is AWS's result of a task, also in a list.
    - An object is AWS's response if it has ``treatMissingKeysAs``, or if it has ``results``
      together with ``invocationSchemaVersion``, ``invocationId`` or a result in them. With
      ``results`` alone it is data.

    AWS's shapes have to answer exactly this task: one result, whose ``taskId``, where there is
    one, is the task's. Objects are dicts and what becomes one in JSON: models, dataclasses, and
    the responses of Powertools.

    Raises:
        UnusableResult: JSON cannot hold the value (NaN, bytes, a generator, a circle), or it
            is AWS's shape or an outcome, but not of this task or with an unknown code.
        NotAwaited: The value has to be awaited first.
    """
    if type(value) is str:
        if len(value) == _LENGTH_OF_FAILURES and value in _FAILURES:
            return Outcome(_FAILURES[value])
        if "{" in value:
            return _of_text(value, task)
        return _new_tuple(Outcome, (_SUCCEEDED, value))
    if value is None:
        return _NOTHING_TO_SAY
    if isinstance(value, Outcome):
        return _checked(value)
    if isinstance(value, str):  # a subclass, which may print otherwise
        return _of_text(value, task)
    plain = value if type(value) is dict else _one_layer(value)
    outcome = None
    if isinstance(plain, dict):
        outcome = _in_object(plain, task)
    elif isinstance(plain, list | tuple):
        plain, outcome = _in_sequence(plain, task)
    elif isinstance(plain, str) and plain in _FAILURES:  # of an enum
        outcome = Outcome(_FAILURES[plain])
    return outcome or Outcome(_SUCCEEDED, _result_as_json(plain, value))


# Nearly all outcomes are made here. The look-up in the enum shows, and so does NamedTuple's
# constructor: this is what it comes down to, at half its price.
_SUCCEEDED: Final = ResultCode.SUCCEEDED
_new_tuple: Final = tuple.__new__
_NOTHING_TO_SAY: Final = Outcome(_SUCCEEDED)
_CODES: Final = {code.value: code for code in ResultCode}
_FAILURES: Final = {text: code for text, code in _CODES.items() if code is not _SUCCEEDED}
_LENGTH_OF_FAILURES: Final = 16
"""The length of both codes. Most texts differ in length, so they need not be hashed."""


class UnusableResult(PermanentFailure):
    """A function returned a value that is neither a result nor an outcome of its task.

    Unlike a PermanentFailure that the user raises, nobody expected it.
    """


class NotAwaited(Exception):
    """A function returned an awaitable, such as a coroutine, instead of a value."""

    def __init__(self, awaitable: Awaitable[object]) -> None:
        super().__init__("the function returned something that was never awaited")
        self.awaitable = awaitable


# ---------------------------------------------------------------- returned results and responses


def _of_text(value: str, task: Task[Any, Any] | None) -> Outcome:
    if isinstance(value, ResultCode):
        return Outcome(value)
    text = str.__str__(value)
    if text in _FAILURES:
        return Outcome(_FAILURES[text])
    return _in_json(text, task) or Outcome(_SUCCEEDED, text)


def _in_json(text: str, task: Task[Any, Any] | None) -> Outcome | None:
    """Return the outcome in a result or response of AWS as JSON text, if it may be a failure."""
    if not any(f'"{code}"' in text for code in _FAILURES):
        return None
    if not any(f'"{name}"' in text for name in _NAMES_OF_CODES):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if isinstance(value, dict):
        return _in_object(value, task)
    return _in_sequence(value, task)[1] if isinstance(value, list) else None


_NAMES_OF_CODES: Final = (
    "resultCode",
    "result_code",
    "treatMissingKeysAs",
    "treat_missing_keys_as",
)


def _checked(outcome: Outcome) -> Outcome:
    """Check what a user has put into an outcome: a type checker may not have."""
    try:
        code = ResultCode(outcome.code)
    except ValueError as error:
        raise UnusableResult(f"the function returned an Outcome, but {error}") from error
    return _outcome(code, outcome.message)


def _outcome(code: ResultCode, message: object) -> Outcome:
    """Return an outcome; its message may be any value that JSON can hold."""
    is_failure = code is not _SUCCEEDED
    if message is None:
        text = ""
    elif isinstance(message, str):
        text = str.__str__(message)
    else:
        text = _about_failure(message) if is_failure else _result_as_json(message, message)
    if is_failure:  # the message of a success is its result, which stays as it is
        text = redact(text, _LONGEST)
    return Outcome(code, text)


_LONGEST: Final = 10_000  # characters; a report keeps 1,024


def _about_failure(message: object) -> str:
    """Return the message of a failure as text. The failure counts, whatever its message is."""
    if isinstance(message, BaseException):
        return describe(message)
    if isinstance(message, bytes | bytearray):
        return message.decode(errors="backslashreplace")
    try:
        return _compact_json(message)
    except UnusableResult:
        return f"(the message, of type {type(message).__name__}, cannot be shown)"


def _result_as_json(plain: object, returned: object) -> str:
    """Return a result as JSON.

    Args:
        plain: The value, whose outermost layer is one of JSON.
        returned: The same value as the function returned it.

    Raises:
        UnusableResult: JSON cannot hold the value, or there is a failure in it.
    """
    text = _compact_json(plain, returned)
    if 'Failure"' in text and _has_failure(returned):  # walk through very few values
        raise UnusableResult(
            f"the function returned a value ({type(returned).__name__}) that contains the "
            "ResultCode of a failure or an Outcome. Return Outcome(code, message) if the task "
            "failed, or code.value in place of a ResultCode that is data"
        )
    return text


def _has_failure(value: object) -> bool:
    """Return whether a ResultCode of a failure is in a value that JSON can hold, at any depth."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, ResultCode | Outcome):
            if (item.code if isinstance(item, Outcome) else item) in _FAILURES:
                return True
        elif isinstance(item, dict):
            waiting.extend((*item.keys(), *item.values()))
        elif isinstance(item, list | tuple):
            waiting.extend(item)
        elif not (item is None or isinstance(item, str | int | float)):
            with contextlib.suppress(*_NO_JSON):
                waiting.append(_as_python(item))
    return False


def _as_python(value: object) -> Any:
    """Return one layer of a value as :func:`_jsonable` does, but keep enums in models."""
    if isinstance(value, BaseModel):
        return value.model_dump(warnings=False)
    if is_dataclass(value) and not isinstance(value, type):
        adapter = _adapter_of_dataclass(type(value))
        if adapter is not None:
            return adapter.dump_python(value, warnings=False)
    return _foreign(value)


def _one_layer(value: object) -> Any:
    """Return the outermost layer of a value as JSON: see :func:`_jsonable`."""
    if value is None or isinstance(value, dict | list | tuple | str | int | float):
        return value
    if isinstance(value, BaseException):
        raise value
    if isinstance(value, type) and issubclass(value, TaskFailure):
        raise value
    if inspect.isawaitable(value):
        raise NotAwaited(value)
    try:
        return _jsonable(value)
    except _NO_JSON as error:
        _refuse(value, error)


def _in_object(value: dict[Any, Any], task: Task[Any, Any] | None) -> Outcome | None:
    """Return the outcome that an object represents, or ``None``."""
    if not SNAKE_CASE.isdisjoint(value):
        value = spell_fields(value)
    if "resultCode" in value:
        return _of_results([value], task)
    if "results" in value or "treatMissingKeysAs" in value:
        results = _item_layer(value.get("results"))  # a deque and a set become a list
        if isinstance(results, list | tuple):
            results = _spelled(_layers(results))
        value = {**value, "results": results}
        return _of_results(value, task) if is_response(value) else None
    if "code" in value and value.keys() <= {"code", "message"} and _is_code(value["code"]):
        return _outcome(ResultCode(value["code"]), value.get("message"))
    return None


def _in_sequence(
    value: Sequence[Any], task: Task[Any, Any] | None
) -> tuple[object, Outcome | None]:
    """Return the items in one layer of JSON, and the outcome that they represent, or ``None``."""
    if isinstance(value, TaskResult):
        if task is not None and value.task.id != task.id:
            raise UnusableResult("the function returned a TaskResult of another task")
        return value, _checked(value.outcome)
    names = getattr(value, "_fields", ())
    if "resultCode" in names or "results" in names:  # a named tuple of the user
        return value, _in_object(dict(zip(names, value, strict=True)), task)
    if (
        1 <= len(value) <= 2
        and _is_failure(value[0])
        and not _is_code(value[-1] if value[1:] else 0)
    ):
        return value, _outcome(ResultCode(value[0]), value[1] if value[1:] else None)
    items = _layers(value)
    results = _spelled(items)
    if any(map(is_result, results)):
        return items, _of_results(results, task)
    if len(items) == 1 and isinstance(items[0], Outcome):
        return items, _checked(items[0])
    if 1 <= len(items) <= 2 and _is_code(items[0]) and not _is_code(items[-1] if items[1:] else 0):
        return items, _outcome(ResultCode(items[0]), items[1] if items[1:] else None)
    if any(isinstance(item, ResultCode | Outcome) for item in items):
        raise UnusableResult(
            f"the function returned a {type(value).__name__} with a ResultCode or an Outcome in "
            "it, but not (ResultCode, message). Return one Outcome for the task"
        )
    return items, None


def _layers(values: Sequence[Any]) -> list[Any]:
    return [_item_layer(item) for item in values]


def _spelled(items: list[Any]) -> list[Any]:
    return [spell_fields(item) if isinstance(item, dict) else item for item in items]


def _item_layer(item: object) -> Any:
    if item is None or isinstance(item, str | dict | list | tuple | int | float | BaseException):
        return item  # an exception counts as raised, together with those in the other items
    try:
        return _jsonable(item)
    except _NO_JSON as error:
        _refuse(item, error)


def _is_failure(value: object) -> bool:
    return isinstance(value, str) and str.__str__(value) in _FAILURES


def _is_code(value: object) -> bool:
    return isinstance(value, str) and str.__str__(value) in _CODES


def _of_results(results: Mapping[str, Any] | Sequence[Any], task: Task[Any, Any] | None) -> Outcome:
    try:
        code, message = read_result(results, None if task is None else task.id)
    except InvalidResponse as error:
        raise UnusableResult(
            f"the function returned an invalid response to S3: {error}. "
            'Data of your own may be returned inside another object: {"data": …}'
        ) from error
    return _outcome(code, message)


# ---------------------------------------------------------------- JSON

_NO_JSON: Final = (TypeError, ValueError, RecursionError, OverflowError)
_NOT_FINITE: Final = "NaN and infinity are not JSON numbers; return None or text in their place"


def _compact_json(value: object, returned: object = None) -> str:
    try:
        try:
            return _ENCODER.encode(value)
        except TypeError:  # perhaps of a key, which the encoder does not let us convert
            return _ENCODER.encode(_with_json_keys(value))
    except _NO_JSON as error:
        _refuse(value if returned is None else returned, error)


def _refuse(value: object, error: Exception) -> NoReturn:
    """Raise what an error of serialisation means for the task."""
    if _is_of_a_serializer(error):
        raise error
    failures = [*_exceptions_in(value)]
    if len(failures) == 1:
        raise failures[0]
    if failures:
        raise BaseExceptionGroup("the function returned several exceptions", failures)
    reason = str(error)
    if reason.startswith("Out of range float values"):
        reason = _NOT_FINITE
    raise UnusableResult(
        "the function did its work, but returned something that JSON cannot hold "
        f"({type(value).__name__}): {reason}"
    ) from error


def _exceptions_in(value: object) -> Iterator[BaseException]:
    """Yield the exceptions in lists and dicts, as ``gather(…, return_exceptions=True)`` returns."""
    waiting, seen = [value], set[int]()
    while waiting:
        item = waiting.pop()
        if isinstance(item, BaseException):
            yield item
        elif isinstance(item, dict | list | tuple) and id(item) not in seen:
            seen.add(id(item))
            waiting.extend(reversed([*item.values()] if isinstance(item, dict) else item))


def _is_of_a_serializer(error: Exception) -> bool:
    """Return whether a serializer of the user's model raised it. It is judged by its cause."""
    return isinstance(error, PydanticSerializationError) and error.__cause__ is not None


def _jsonable(value: object) -> Any:
    """Return a JSON value for a type that JSON does not know: a model, a date, a path.

    Converts one layer, because the encoder calls this function again for nested values. Pydantic
    serialises all values that it can. It is told not to warn about values that do not fit their
    fields, because its warnings quote them.
    """
    if isinstance(value, BaseModel):
        try:
            return value.model_dump(mode="json", by_alias=True, warnings=False)
        except PydanticSerializationError:  # perhaps a number that pydantic does not know
            return value.model_dump(mode="json", by_alias=True, fallback=_fallback, warnings=False)
    if is_dataclass(value) and not isinstance(value, type):
        adapter = _adapter_of_dataclass(type(value))
        if adapter is not None:
            return adapter.dump_python(
                value, mode="json", by_alias=True, fallback=_fallback, warnings=False
            )
    try:
        return _foreign(value)
    except _Unknown:
        pass
    try:
        return to_jsonable_python(value, by_alias=True, fallback=_fallback)
    except (PydanticSerializationError, _Unknown):
        return _by_its_type(value)


class _Unknown(TypeError):
    """A value of a type that cannot be serialised to JSON."""

    def __init__(self, value: object) -> None:
        super().__init__(f"Object of type {type(value).__name__!r} is not JSON serializable")


def _fallback(value: object) -> Any:
    """Return a JSON value for a value in a model that pydantic cannot serialise."""
    try:
        return _foreign(value)
    except _Unknown:
        return _by_its_type(value)


def _foreign(value: object) -> Any:
    """Return a JSON value for one layer of a value that pydantic cannot serialise.

    Raises:
        _Unknown: This function cannot serialise it either.
    """
    if inspect.iscoroutine(value):
        value.close()  # avoids Python's warning "was never awaited"
        raise TypeError("it was never awaited; await it in an `async def` function")
    if isinstance(value, bytes | bytearray | memoryview) or hasattr(value, "__next__"):
        raise TypeError(str(_Unknown(value)))
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, AbstractSet | Sequence) and not isinstance(value, str):
        return list(value)
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if is_dataclass(value) and not isinstance(value, type):
        spelled = spell_response(value)
        if spelled is not None:
            return spelled
        return {field.name: getattr(value, field.name) for field in fields(value)}
    return _number(value)


def _number(value: object) -> Any:
    """Return a number of another library, such as numpy, as a number of Python."""
    import numbers  # only needed for values that are neither text nor numbers of Python
    from decimal import Decimal

    kind = type(value)
    if hasattr(kind, "tolist"):
        return _listed(value)
    if kind.__name__ in ("NAType", "NaTType") and kind.__module__.startswith("pandas"):
        return None
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Rational):
        return str(value)  # as pydantic does it
    if isinstance(value, numbers.Real):
        return float(value)
    if isinstance(value, Decimal) and not value.is_finite():
        raise ValueError(_NOT_FINITE)
    if hasattr(kind, "__index__") and not hasattr(kind, "__iter__"):  # not a mock
        return int(value)  # type: ignore[call-overload]
    raise _Unknown(value)


_LARGEST_ARRAY: Final = 10_000
"""The most items of an array that become text; a report keeps 1,024 characters."""


def _listed(array: Any) -> Any:
    """Return a numpy scalar or array, or an object with its methods, as numbers and lists."""
    size = getattr(array, "size", 1)
    if isinstance(size, int) and size > _LARGEST_ARRAY:
        raise ValueError(f"{type(array).__name__} has {size:,} items; return a summary of them")
    unit = str(getattr(getattr(array, "dtype", None), "str", ""))  # such as <M8[ns]
    if unit.endswith(("ns]", "ps]", "fs]", "as]")):
        # Times in nanoseconds would become whole numbers. Python's times have microseconds.
        array = array.astype("datetime64[us]" if "M8[" in unit else "timedelta64[us]")
    plain = array.tolist()
    return float(plain) if type(plain) is type(array) else plain  # longdouble stays one


def _by_its_type(value: object) -> Any:
    """Serialise a value that pydantic supports by its type, such as an IP address."""
    try:
        cls: Any = type(value)
        return _adapter(cls).dump_python(value, mode="json", fallback=_foreign, warnings=False)
    except Exception as error:
        if _is_of_a_serializer(error):
            raise
        raise _Unknown(value) from None  # pydantic may raise any exception


@functools.lru_cache(maxsize=256)
def _adapter(cls: type) -> TypeAdapter[Any]:
    return TypeAdapter(cls)


@functools.lru_cache(maxsize=256)
def _adapter_of_dataclass(cls: type) -> TypeAdapter[Any] | None:
    """Return the serialiser of a pydantic dataclass, or of a dataclass with pydantic's fields.

    Raises:
        TypeError: It has pydantic's fields, which may be excluded, but pydantic cannot read them.
    """
    if not (hasattr(cls, "__pydantic_serializer__") or _speaks_pydantic(cls)):
        return None
    try:
        adapter = TypeAdapter[Any](cls)
        if not adapter.pydantic_complete:
            adapter.rebuild()
    except Exception as error:
        raise TypeError(f"pydantic cannot serialize {cls.__name__!r}: {error}") from error
    return adapter


def _speaks_pydantic(cls: type) -> bool:
    """Check whether the fields of a dataclass say how pydantic serialises them."""
    own = [value for base in cls.__mro__ for value in vars(base).values()]
    own.extend(field.default for field in fields(cls))
    if hasattr(cls, "__pydantic_config__") or any(map(_is_of_pydantic, own)):
        return True
    return any(
        _hint_is_about_pydantic(base, name, hint)
        for base in cls.__mro__
        for name, hint in inspect.get_annotations(base).items()
    )


def _hint_is_about_pydantic(cls: type, name: str, hint: object) -> bool:
    alone = type(cls.__name__, (), {"__annotations__": {name: hint}, "__module__": cls.__module__})
    try:
        (resolved,) = get_type_hints(alone, localns=vars(cls), include_extras=True).values()
    except Exception:  # a name that only type checkers know
        return "Annotated" in str(hint)
    return _is_about_pydantic(resolved)


def _is_about_pydantic(hint: object) -> bool:
    metadata = getattr(hint, "__metadata__", ())
    return any(map(_is_of_pydantic, metadata)) or any(map(_is_about_pydantic, get_args(hint)))


def _is_of_pydantic(value: object) -> bool:
    return type(value).__module__.partition(".")[0] == "pydantic"


def _with_json_keys(value: object) -> object:
    """Return a copy of the value in which JSON can represent all keys."""
    if isinstance(value, dict):
        return {_key(key): _with_json_keys(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_with_json_keys(item) for item in value]
    if value is None or isinstance(value, str | int | float):
        return value
    return _with_json_keys(_jsonable(value))


def _key(key: object) -> str | float | None:
    """Return a key; convert a key that JSON cannot represent, as a model does."""
    if key is None or isinstance(key, str | int | float):
        return key
    if not isinstance(key, bytes | frozenset | BaseModel):
        with contextlib.suppress(_Unknown):
            key = _number(key)
            if isinstance(key, int | float):
                return key
        try:
            ((text, _),) = to_jsonable_python({key: None}, fallback=_foreign).items()
        except _NO_JSON:
            text = _by_its_type(key)
        if isinstance(text, str | int | float):
            return text
    raise TypeError(f"keys must be str, int, float, bool or None, not {type(key).__name__}")


_ENCODER: Final = json.JSONEncoder(
    separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=_jsonable
)
