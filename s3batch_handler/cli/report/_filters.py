"""The options that select rows of a report, shared by the commands that read reports."""

from __future__ import annotations

from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from s3batch_handler.documents.reports._failure_groups import failure_reason
from s3batch_handler.documents.reports._row_search import has_parts, parts_of

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
        parts = parts_of(self.message.lower())

        def is_selected(row: ReportRow) -> bool:
            if self.prefix and not row.key.startswith(self.prefix):
                return False
            if codes and (row.error_code or "").lower() not in codes:
                return False
            texts = (row.message, failure_reason(row.message))
            return not parts or any(has_parts(text.lower(), parts) for text in texts)

        return is_selected


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
