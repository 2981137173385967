"""What the tests of redaction share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import pydantic
import pydantic.v1

if TYPE_CHECKING:
    from collections.abc import Callable


SECRET = "aB3xY5zK9mQ7wE1r"


class Account(pydantic.BaseModel):
    name: str
    pin: int
    kind: Literal["a", "b"] = "a"


def error_of(call: Callable[[], object]) -> Exception:
    try:
        call()
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


def raised(error: Exception, *, cause: Exception | None = None) -> Exception:
    try:
        raise error from cause
    except Exception as caught:
        return caught
