"""The options that select rows of a report, shared by the commands that read reports."""

from __future__ import annotations

from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from s3batch_handler.documents.reports._failure_groups import failure_reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from s3batch_handler.documents.reports._rows import ReportRow


@dataclass(frozen=True, slots=True, kw_only=True)
class RowFilter:
    """Selects rows of a report.

    Attributes:
        codes: The error codes, in any case; empty for all.
        message: A part of the message, in any case; ``…`` in it stands for any text.
        prefix: The beginning of the key.
    """

    codes: tuple[str, ...] = ()
    message: str = ""
    prefix: str = ""

    @property
    def is_empty(self) -> bool:
        """Return whether all rows are selected."""
        return not (self.codes or self.message or self.prefix)

    def select(self, rows: Iterable[ReportRow]) -> Iterator[ReportRow]:
        """Yield the rows that are selected."""
        return filter(self.predicate(), rows)

    def predicate(self) -> Callable[[ReportRow], bool]:
        """Return a function that says whether a row is selected."""
        codes = {code.lower() for code in self.codes}
        parts = [part for part in self.message.lower().split("…") if part]

        def is_selected(row: ReportRow) -> bool:
            if self.prefix and not row.key.startswith(self.prefix):
                return False
            if codes and (row.error_code or "").lower() not in codes:
                return False
            return not parts or _has(parts, row.message) or _has(parts, failure_reason(row.message))

        return is_selected


def _has(parts: list[str], message: str) -> bool:
    """Return whether a message contains all parts, one after the other."""
    text = message.lower()
    position = 0
    for part in parts:
        found = text.find(part, position)
        if found < 0:
            return False
        position = found + len(part)
    return True


def filter_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of a :class:`RowFilter` to a command, which gets one as ``row_filter``."""

    @click.option(
        "--code",
        "codes",
        metavar="CODE",
        multiple=True,
        help="Error code, such as PermanentFailure; repeat for more.",
    )
    @click.option(
        "--message",
        metavar="TEXT",
        default="",
        help="Part of the message; … stands for any text.",
    )
    @click.option("--prefix", metavar="TEXT", default="", help="Prefix of the object keys.")
    @wraps(command)
    def with_filter(*, codes: tuple[str, ...], message: str, prefix: str, **options: Any) -> None:
        row_filter = RowFilter(codes=codes, message=message, prefix=prefix)
        command(row_filter=row_filter, **options)

    return with_filter
