"""Types of options that are numbers: their errors name the limits, and the help stays short."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final

from click.types import FloatParamType, IntParamType, ParamType

from s3batch_handler.core._typing import override

if TYPE_CHECKING:
    import click

    _DecimalParamType = ParamType[Decimal]
else:
    _DecimalParamType = ParamType  # not generic before click 8.4


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


class ExactNumber(_DecimalParamType):
    """A decimal number, which is kept as it is written.

    Attributes:
        name: The kind of the value in messages.
    """

    name = "number"

    def __init__(self, *, allow_zero: bool = False, maximum: int = 10**15, unit: str = "") -> None:
        self._allow_zero = allow_zero
        self._maximum = maximum
        self._unit = f" {unit}" if unit else ""

    @override
    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Decimal:
        try:
            number = Decimal(value)
        except InvalidOperation:
            self.fail(f"{value!r} is not a valid number.", param, ctx)
        if not number.is_finite() or (number and number.adjusted() < _SMALLEST):
            self.fail(f"{value} is not valid: pass a number such as 0.5.", param, ctx)
        if number < 0 or (number == 0 and not self._allow_zero):
            limit = "0 or more" if self._allow_zero else "more than 0"
            self.fail(f"{value} is not valid: pass {limit}{self._unit}.", param, ctx)
        if number > self._maximum:
            self.fail(
                f"{value} is too large: pass at most {self._maximum:,}{self._unit}.", param, ctx
            )
        return number


_SMALLEST: Final = -15  # the power of ten: results with 28 digits are exact enough
