"""Numbers of options: limits are in the error, not in the help."""

from __future__ import annotations

import click
import pytest

from s3batch_handler.cli._numbers import Integer, Seconds


@pytest.mark.parametrize(
    ("type_", "value", "expected"),
    [
        (Integer(1), "1", 1),
        (Integer(0, 65535), "65535", 65535),
        (Seconds(), "0.5", 0.5),
        (Seconds(allow_zero=True), "0", 0),
    ],
)
def test_a_number_within_the_limits_is_accepted(
    type_: Integer | Seconds, value: str, expected: float
) -> None:
    assert type_.convert(value, None, None) == expected


@pytest.mark.parametrize(
    ("type_", "value", "message"),
    [
        (Integer(1), "0", "0 is too small: pass at least 1."),
        (Integer(0, 65535), "65536", "65536 is not between 0 and 65535."),
        (Seconds(), "0", "0 is not valid: pass more than 0 seconds."),
        (Seconds(), "nan", "nan is not valid: pass more than 0 seconds."),
        (Seconds(allow_zero=True), "-1", "-1 is not valid: pass 0 or more seconds."),
    ],
)
def test_a_number_beyond_the_limits_is_refused_with_the_limit(
    type_: Integer | Seconds, value: str, message: str
) -> None:
    with pytest.raises(click.BadParameter, match=message):
        type_.convert(value, None, None)


def test_the_help_does_not_show_the_limits() -> None:
    option = click.Option(["--limit"], type=Integer(1), metavar="NUMBER", help="Maximum.")

    record = option.get_help_record(click.Context(click.Command("any")))

    assert record == ("--limit NUMBER", "Maximum.")
