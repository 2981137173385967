"""Types of options that are numbers: their errors name the limits, and the help stays short."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from click.types import FloatParamType, IntParamType

from s3batch_handler.core._typing import override

if TYPE_CHECKING:
    import click


class Integer(IntParamType):
    """An integer of at least ``minimum``, and at most ``maximum`` if it is given."""

    def __init__(self, minimum: int, maximum: int | None = None) -> None:
        self._minimum = minimum
        self._maximum = maximum

    @override
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        number: int = super().convert(value, param, ctx)
        if self._maximum is not None and not self._minimum <= number <= self._maximum:
            self.fail(f"{number} is not between {self._minimum} and {self._maximum}.", param, ctx)
        if number < self._minimum:
            self.fail(f"{number} is too small: pass at least {self._minimum}.", param, ctx)
        return number


class Seconds(FloatParamType):
    """A number of seconds: greater than 0, or also 0 with ``allow_zero``."""

    def __init__(self, *, allow_zero: bool = False) -> None:
        self._allow_zero = allow_zero

    @override
    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        seconds: float = super().convert(value, param, ctx)
        if not (seconds > 0 or (self._allow_zero and seconds == 0)):  # also refuses nan
            limit = "0 or more" if self._allow_zero else "more than 0"
            self.fail(f"{seconds:g} is not valid: pass {limit} seconds.", param, ctx)
        return seconds
