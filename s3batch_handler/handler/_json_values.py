"""Convert values of the standard library to JSON types, with the text that pydantic gives them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from enum import Enum
from types import CoroutineType
from typing import TYPE_CHECKING, Any, Final

from s3batch_handler.core._response_forms import response_as_dict
from s3batch_handler.core._value import Value, fields_of

if TYPE_CHECKING:
    import datetime as dt
    import re
    from collections.abc import Callable

NOT_FINITE: Final = "NaN and infinity are not JSON numbers; return None or text in their place"


class NotSerializable(TypeError):
    """A value of a type that cannot be serialized to JSON."""

    def __init__(self, value: object) -> None:
        super().__init__(f"Object of type {type(value).__name__!r} is not JSON serializable")


class InvalidKey(TypeError):
    """A key of a dict that cannot be a key of a JSON object."""

    def __init__(self, key: object) -> None:
        super().__init__(f"keys must be str, int, float, bool or None, not {type(key).__name__}")


def standard_value(value: object) -> Any:
    """Return a value with its outermost layer converted to a simpler type, such as a dict.

    Raises:
        NotSerializable: The standard library does not define the type of the value.
        TypeError: The value cannot be serialized.
    """
    if isinstance(value, CoroutineType):
        value.close()  # avoids Python's warning "was never awaited"
        raise TypeError("it was never awaited; await it in an `async def` function")
    if isinstance(value, bytes | bytearray | memoryview) or hasattr(value, "__next__"):
        raise TypeError(str(NotSerializable(value)))
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, AbstractSet | Sequence) and not isinstance(value, str):
        return list(value)
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, Value):
        return dict(fields_of(value))
    if hasattr(type(value), "__dataclass_fields__"):
        return _fields_of_dataclass(value)
    if isinstance(value, Enum):
        return value.value
    return _number_or_text(value)


def _fields_of_dataclass(value: Any) -> dict[str, Any]:
    from dataclasses import fields  # loaded if there are dataclasses, and slow otherwise

    spelled = response_as_dict(value)
    if spelled is not None:
        return spelled
    return {field.name: getattr(value, field.name) for field in fields(value)}


def standard_key(key: object) -> str | float | None:
    """Return a key of a JSON object for a key of a dict.

    Raises:
        NotSerializable: The standard library does not define the type of the key.
        TypeError: JSON does not have such keys.
    """
    if key is None or isinstance(key, str | int | float):
        return key
    if isinstance(key, bytes | frozenset):
        raise InvalidKey(key)
    if isinstance(key, Enum):
        return _text_of_key(key.value)
    if isinstance(key, tuple):
        return ",".join(map(_text_of_key, key))
    return standard_key(os.fspath(key) if isinstance(key, os.PathLike) else _number_or_text(key))


def _text_of_key(key: object) -> str:
    text = str(standard_key(key))
    return text.lower() if isinstance(key, bool) else text


def _number_or_text(value: object) -> Any:
    """Return the number or the text of a value that has no parts."""
    import numbers  # rarely needed

    kind = type(value)
    if hasattr(kind, "tolist"):
        return _array_as_list(value)
    if kind.__name__ in ("NAType", "NaTType") and kind.__module__.startswith("pandas"):
        return None
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Rational):
        return str(value)
    if isinstance(value, numbers.Real):
        return float(value)
    if hasattr(kind, "__index__") and not hasattr(kind, "__iter__"):  # not a mock
        return int(value)  # type: ignore[call-overload]
    for base in kind.__mro__:
        text_of = _TEXTS.get(f"{base.__module__}.{base.__qualname__}")
        if text_of is not None:
            return text_of(value)
    raise NotSerializable(value)


# ---------------------------------------------------------------- numbers of other libraries


_MAX_ARRAY: Final = 10_000
"""Maximum number of items of an array; a report keeps 1,024 characters."""


def _array_as_list(array: Any) -> Any:
    """Return a numpy scalar or array, or a similar object, as numbers and lists."""
    size = getattr(array, "size", 1)
    if isinstance(size, int) and size > _MAX_ARRAY:
        raise ValueError(f"{type(array).__name__} has {size:,} items; return a summary of them")
    unit = str(getattr(getattr(array, "dtype", None), "str", ""))  # such as <M8[ns]
    if unit.endswith(("ns]", "ps]", "fs]", "as]")):
        # Times in nanoseconds would become integers, because Python has only microseconds.
        array = array.astype("datetime64[us]" if "M8[" in unit else "timedelta64[us]")
    plain = array.tolist()
    # tolist() does not convert a longdouble.
    return float(plain) if type(plain) is type(array) else plain


# ---------------------------------------------------------------- texts of the standard library


def _datetime(value: dt.datetime) -> str:
    import datetime as dt

    # The methods of datetime, because a subclass may format its times differently.
    date, time = dt.datetime.date(value), dt.datetime.time(value)
    return f"{date.isoformat()}T{time.isoformat()}{_offset(value.utcoffset())}"


def _date(value: dt.date) -> str:
    return f"{value.year:04}-{value.month:02}-{value.day:02}"


def _time(value: dt.time) -> str:
    naive = f"{value.hour:02}:{value.minute:02}:{value.second:02}"
    fraction = f".{value.microsecond:06}" if value.microsecond else ""
    return f"{naive}{fraction}{_offset(value.utcoffset())}"


def _offset(offset: dt.timedelta | None) -> str:
    """Return the offset from UTC in hours and minutes; ISO 8601 has no seconds in it."""
    if offset is None:
        return ""
    seconds = offset.days * 86_400 + offset.seconds
    if seconds == 0:
        return "Z"
    minutes = abs(seconds) // 60
    return f"{'-' if seconds < 0 else '+'}{minutes // 60:02}:{minutes % 60:02}"


def _duration(value: dt.timedelta) -> str:
    """Return a duration in the form of ISO 8601, such as ``P1DT2H0.5S``, in years of 365 days."""
    microseconds = (value.days * 86_400 + value.seconds) * 1_000_000 + value.microseconds
    sign, microseconds = "-" if microseconds < 0 else "", abs(microseconds)
    seconds, fraction = divmod(microseconds, 1_000_000)
    days, seconds = divmod(seconds, 86_400)
    years, days = divmod(days, 365)
    date = _units((years, "Y"), (days, "D"))
    time = _units((seconds // 3600, "H"), (seconds // 60 % 60, "M"))
    if seconds % 60 or fraction:
        time += f"{seconds % 60}.{fraction:06}".rstrip("0").rstrip(".") + "S"
    return f"{sign}P{date}{f'T{time}' if time else ''}" if date or time else "PT0S"


def _units(*amounts: tuple[int, str]) -> str:
    return "".join(f"{amount}{unit}" for amount, unit in amounts if amount)


def _decimal(value: Any) -> str:
    if not value.is_finite():
        raise ValueError(NOT_FINITE)
    return str(value)


def _uuid(value: Any) -> str:
    digits = f"{value.int:032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _complex(value: complex) -> str:
    return str(value).strip("()").replace("nan", "NaN")


def _pattern(value: re.Pattern[Any]) -> str:
    return str(value.pattern)


# By name: a module is loaded if there are values of its types, and loading it is slow otherwise.
_TEXTS: Final[dict[str, Callable[[Any], str]]] = {
    "datetime.datetime": _datetime,
    "datetime.date": _date,
    "datetime.time": _time,
    "datetime.timedelta": _duration,
    "decimal.Decimal": _decimal,
    "builtins.complex": _complex,
    "uuid.UUID": _uuid,
    "re.Pattern": _pattern,
    "zoneinfo.ZoneInfo": str,
    "ipaddress.IPv4Address": str,
    "ipaddress.IPv6Address": str,
    "ipaddress.IPv4Interface": str,
    "ipaddress.IPv6Interface": str,
    "ipaddress.IPv4Network": str,
    "ipaddress.IPv6Network": str,
}
