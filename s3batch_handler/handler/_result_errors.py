"""Exceptions for values that a function cannot return as the result of its task."""

from __future__ import annotations

from s3batch_handler.core._errors import PermanentFailure
from s3batch_handler.core._typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable


class InvalidReturnValue(PermanentFailure):
    """A function returned a value that is neither a result nor an outcome of its task.

    It is logged with a traceback, unlike a PermanentFailure that the user raises.
    """


class AwaitableReturned(Exception):
    """A function returned an awaitable, such as a coroutine, instead of a value."""

    def __init__(self, awaitable: Awaitable[object]) -> None:
        super().__init__("the function returned something that was never awaited")
        self.awaitable = awaitable
