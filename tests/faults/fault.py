"""What a fault is, and the answer that is expected of a handler."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    from s3batch_handler import Task

Kind = Literal["Succeeded", "TemporaryFailure", "PermanentFailure", "error", "exit", "timeout"]
"""What came back: a result code, an exception, the end of the process, or Lambda's timeout."""

Isolation = Literal["signal", "process"]
"""A value of ``isolation=``."""

Way = Literal["direct call", "Lambda runtime", "local job"]
"""How a handler is called; see :mod:`tests.faults.matrix`."""

ISOLATIONS: Final[tuple[Isolation, ...]] = ("signal", "process")
WAYS: Final[tuple[Way, ...]] = ("direct call", "Lambda runtime", "local job")

Cause: TypeAlias = "Callable[[Task], Any]"
"""The function of a task, which causes a fault."""


class Expected(NamedTuple):
    """The expected answer: its kind, and a regular expression for its message.

    Attributes:
        then: The answer to a later task that sleeps, if the fault disables the time limit.
        in_ways: The expectation for ways of calling where it differs.
    """

    kind: Kind
    pattern: str = ""
    then: Expected | None = None
    in_ways: tuple[tuple[Way, Expected], ...] = ()


def succeeded(pattern: str, then: Expected | None = None) -> Expected:
    return Expected("Succeeded", pattern, then)


def temporary(pattern: str) -> Expected:
    return Expected("TemporaryFailure", pattern)


def permanent(pattern: str) -> Expected:
    return Expected("PermanentFailure", pattern)


def by_way(direct_call: Expected, lambda_runtime: Expected, local_job: Expected) -> Expected:
    """Return an expectation that depends on how the handler is called."""
    others: Any = (("Lambda runtime", lambda_runtime), ("local job", local_job))
    return direct_call._replace(in_ways=others)


OUT_OF_TIME: Final = temporary("out of time")
"""The handler interrupted the task, or killed its process, before Lambda's timeout."""

TIMEOUT: Final = Expected("timeout", "timed out after")
"""The handler could not interrupt the task: Lambda ended the function."""


def exits(reason: str) -> Expected:
    """Return the expectation that the process of the function ends."""
    return Expected("exit", reason)


def raises(error_type: str) -> Expected:
    """Return the expectation that the handler raises, which is a function error in Lambda."""
    return Expected("error", error_type)


@dataclass(frozen=True)
class Fault:
    """A fault, and what is expected with each value of ``isolation=``.

    Attributes:
        name: The name of the function that causes it, in words. It is the key of the task.
        description: One line, from the docstring of that function.
        cause: The function of the task.
    """

    name: str
    description: str
    cause: Cause
    signal: Expected
    process: Expected

    def expected(self, isolation: Isolation, way: Way) -> Expected:
        expected = self.signal if isolation == "signal" else self.process
        return dict(expected.in_ways).get(way, expected)


FAULTS: Final[dict[str, Fault]] = {}
"""All faults by name, in the order of their definition. The package's modules add them."""


def fault(
    expected: Expected | None = None,
    *,
    signal: Expected | None = None,
    process: Expected | None = None,
) -> Callable[[Cause], Cause]:
    """Add the decorated function to the faults.

    Args:
        expected: The expected answer with both values of ``isolation=``.
        signal: The expected answer with ``isolation="signal"``, if it differs.
        process: The expected answer with ``isolation="process"``, if it differs.
    """

    def add(cause: Cause) -> Cause:
        with_signal, with_process = signal or expected, process or expected
        assert with_signal is not None
        assert with_process is not None
        name = cause.__name__.strip("_").replace("_", " ")
        description = inspect.getdoc(cause) or ""
        FAULTS[name] = Fault(name, description.rstrip("."), cause, with_signal, with_process)
        return cause

    return add
