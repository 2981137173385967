"""A clock that a test advances, so that time limits are tested without waiting."""

from __future__ import annotations

import pkgutil
import time
from contextlib import AbstractContextManager, ExitStack, suppress
from importlib import import_module
from typing import TYPE_CHECKING, Final, Self
from unittest.mock import patch

import s3batch_handler.handler
from s3batch_handler.core._typing import override

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType, TracebackType


class FakeClock(AbstractContextManager["FakeClock"]):
    """A clock that runs as usual, and that a test advances.

    In its ``with`` block, handlers and the contexts of tests use it. All other code uses the real
    clock: ``time.sleep`` waits, and coroutines are not cancelled earlier.
    """

    def __init__(self) -> None:
        self._seconds = 0.0
        self._patches = ExitStack()

    def advance(self, seconds: float) -> None:
        """Advance the clock, as if the calling code had taken this time.

        If the time of the running task is then over, the task is interrupted in this call. Tasks
        that follow are not started.

        Raises:
            ValueError: The seconds are negative.
        """
        from s3batch_handler.handler._time_limit import check_limit

        if seconds < 0:
            raise ValueError(f"cannot advance the clock by {seconds} seconds: it cannot go back")
        self._seconds += seconds
        check_limit()

    @override
    def __enter__(self) -> Self:
        for module, name, clock in _clocks():
            self._patches.enter_context(patch.object(module, name, self._advanced(clock)))
        return self

    @override
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._patches.close()

    def _advanced(self, clock: Callable[[], float]) -> Callable[[], float]:
        return lambda: clock() + self._seconds


def _clocks() -> Iterator[tuple[ModuleType, str, Callable[[], float]]]:
    """Yield the functions that return the time, with the modules that call them."""
    folder = s3batch_handler.handler
    names = [f"{folder.__name__}.{found.name}" for found in pkgutil.iter_modules(folder.__path__)]
    for name in (*names, *_OTHER_MODULES):
        with suppress(ImportError):  # modules that need pydantic
            module = import_module(name)
            for variable, clock in _CLOCKS.items():
                if vars(module).get(variable) == clock:
                    yield module, variable, clock


_OTHER_MODULES: Final = (
    "s3batch_handler.engine.invoke._lambda_environment",
    "s3batch_handler.testing.events._factories",
)

_CLOCKS: Final[dict[str, Callable[[], float]]] = {"monotonic": time.monotonic, "time": time.time}
