"""Recognize awaitables without the module ``inspect``, which takes 5 ms to import."""

from __future__ import annotations

from collections.abc import Awaitable
from types import CoroutineType, GeneratorType

from s3batch_handler.core._typing import Final, TypeGuard

CO_GENERATOR: Final = 0x20
CO_COROUTINE: Final = 0x80
CO_ITERABLE_COROUTINE: Final = 0x100
CO_ASYNC_GENERATOR: Final = 0x200


def is_awaitable(value: object) -> TypeGuard[Awaitable[object]]:
    """Return whether ``await`` accepts a value, as :func:`inspect.isawaitable` does."""
    if isinstance(value, CoroutineType | Awaitable):
        return True
    return isinstance(value, GeneratorType) and bool(value.gi_code.co_flags & CO_ITERABLE_COROUTINE)
