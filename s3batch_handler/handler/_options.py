"""The options of ``@task_handler``, and the checks of their values.

The checks raise when the function is decorated, and name the option and the value.
"""

from __future__ import annotations

from collections.abc import Iterable

from s3batch_handler.core._model import ResultCode
from s3batch_handler.core._typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from s3batch_handler.handler._types import HandlerOptions


DEFAULTS: Final[HandlerOptions] = {
    "retry_on": (),
    "give_up_on": (),
    "classify": None,
    "unexpected": ResultCode.PERMANENT_FAILURE,
    "on_timeout": ResultCode.TEMPORARY_FAILURE,
    "treat_missing_keys_as": ResultCode.TEMPORARY_FAILURE,
    "time_reserve": 1.0,
    "task_timeout": None,
    "strict": False,
    "concurrency": 1,
    "isolation": "signal",
    "isolation_memory": None,
    "logger": None,
    "metrics": None,
    "tracer": None,
    "idempotency": None,
    "idempotency_key": None,
}


def with_defaults(options: HandlerOptions) -> HandlerOptions:
    """Return all options; raise a TypeError that suggests similar names if one does not exist."""
    unknown = sorted(options.keys() - DEFAULTS.keys())
    if not unknown:
        return {**DEFAULTS, **options}
    from difflib import get_close_matches  # only after a mistake

    known = sorted({"arguments", "payload", *DEFAULTS})
    similar = [match for name in unknown for match in get_close_matches(name.lower(), known, n=2)]
    hint = (
        f"Did you mean {' or '.join(similar)}?"
        if similar
        else f"Its options are {', '.join(known)}"
    )
    raise TypeError(f"task_handler has no option {', '.join(unknown)}. {hint}")


# ---------------------------------------------------------------- values


def function_or_none(option: str, value: Any) -> Any:
    """Return the value if it is a function or ``None``."""
    if not (value is None or callable(value)):
        raise TypeError(f"{option} takes a function, got {value!r}")
    return value


def persistence_layer_or_none(option: str, value: Any) -> Any:
    """Return the value if it is a persistence layer of Powertools or ``None``."""
    methods = ("configure", "save_inprogress", "save_success", "delete_record", "get_record")
    if not (value is None or all(callable(getattr(value, name, None)) for name in methods)) or (
        isinstance(value, type)
    ):
        raise TypeError(
            f"{option} takes a persistence layer of Powertools, got {value!r}. Write "
            f'{option}=DynamoDBPersistenceLayer(table_name="…")'
        )
    return value


def exception_classes(option: str, classes: Any) -> tuple[type[BaseException], ...]:
    """Return the exception classes as a tuple; a single class is accepted."""
    found = tuple(classes) if isinstance(classes, Iterable) else (classes,)
    for cls in found:
        if not (isinstance(cls, type) and issubclass(cls, BaseException)):
            raise TypeError(f"{option} takes exception classes, got {cls!r}")
    return found


def boolean(option: str, value: Any) -> bool:
    """Return the value if it is a bool: the text "false" would be true."""
    if not isinstance(value, bool):
        raise TypeError(f"{option} is {value!r}: it must be True or False")
    return value


def one_of(option: str, value: Any, choices: tuple[str, ...]) -> Any:
    """Return the value if it is one of the texts."""
    if value not in choices:
        listed = " or ".join(map(repr, choices))
        raise ValueError(f"{option} is {value!r}: it must be {listed}")
    return value


def number(
    option: str, value: Any, *, minimum: float = 0, positive: bool = False, integer: bool = False
) -> Any:
    """Return the value if it is a number of at least ``minimum``, not NaN."""
    if not isinstance(value, int if integer else int | float) or isinstance(value, bool):
        raise TypeError(f"{option} is {value!r}: it must be a {'whole ' if integer else ''}number")
    if not (value > 0 if positive else value >= minimum):
        limit = "more than 0" if positive else f"at least {minimum}"
        raise ValueError(f"{option} is {value!r}: it must be {limit}")
    return value
