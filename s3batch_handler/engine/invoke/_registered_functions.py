"""The functions that are registered for jobs, by name or ARN."""

from __future__ import annotations

import re
from operator import itemgetter
from typing import TYPE_CHECKING, Final

from s3batch_handler.engine.invoke._target import check_target

if TYPE_CHECKING:
    from collections.abc import Mapping

    from s3batch_handler.engine.invoke._target import Target


class Functions:
    """The registered functions, by name or ARN: see :class:`~s3batch_handler.engine.Engine`.

    Args:
        functions: The functions, by name or ARN. The caller may add more.
        account_id: The account of names without one.
        region: The Region of names without one.

    Raises:
        ValueError, InvalidFunction, TypeError: See :func:`check_functions`.
    """

    def __init__(
        self,
        functions: Mapping[str, Target],
        *,
        account_id: str = "123456789012",
        region: str = "us-east-1",
    ) -> None:
        check_functions(functions)
        self._defaults = {"account": account_id, "region": region, "qualifier": "$LATEST"}
        self._functions = functions

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names and ARNs as they were given."""
        return tuple(self._functions)

    def find(self, arn: str) -> Target | None:
        """Return the function that a ``FunctionArn`` names, or ``None``.

        If several match, it is the one whose registered name has the most parts.
        """
        parts = {**self._defaults, **_parts_of(arn)}
        matching = [
            (len(registered), function)
            for name, function in self._functions.items()
            if (registered := _parts_of(name)).items() <= parts.items()
        ]
        return max(matching, key=itemgetter(0))[1] if matching else None


def check_functions(functions: Mapping[str, Target]) -> None:
    """Check functions and their names, without calling or loading anything.

    Raises:
        ValueError: A key is neither the name nor the ARN of a function.
        InvalidFunction, TypeError: See :func:`check_target`.
    """
    for name, target in functions.items():
        _parts_of(name)
        check_target(target, name=name)


def qualified_name(arn: str) -> str:
    """Return the name and qualifier of the function that a ``FunctionArn`` names."""
    parts = _parts_of(arn)
    return ":".join(parts[part] for part in ("name", "qualifier") if part in parts)


def _parts_of(name: str) -> dict[str, str]:
    match = _FUNCTION_NAME.fullmatch(name)
    if match is None:
        raise ValueError(
            f"{name!r} is not the name of a function. Pass a name, name:qualifier or ARN"
        )
    return {part: value for part, value in match.groupdict().items() if value}


_FUNCTION_NAME: Final = re.compile(
    r"""(?: arn:[^:]*:lambda: )?
        (?: (?P<region> [a-z]{2} (?:-[a-z]+)+ -\d ): )?
        (?: (?P<account> \d{12} ): )?
        (?: function: )?
        (?P<name> [a-zA-Z0-9_-]+ )
        (?: :(?P<qualifier> \$LATEST | [a-zA-Z0-9_-]+ ) )?
    """,
    re.VERBOSE,
)
