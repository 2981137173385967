"""Tables of failed tasks: their reasons with counts and examples, and the first objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from s3batch_handler.cli.terminal._console import data_console, shows_tables
from s3batch_handler.cli.terminal._job_style import FAILED
from s3batch_handler.cli.terminal._output import counted
from s3batch_handler.cli.terminal._stream_table import Column, lines_of_table
from s3batch_handler.core._sanitize import escape_unprintable, one_line
from s3batch_handler.documents.reports._failure_groups import failure_reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from s3batch_handler.documents.reports._failure_groups import FailureGroup
    from s3batch_handler.documents.reports._rows import ReportRow


def failure_lines(groups: Sequence[FailureGroup], failed: int) -> Iterator[str]:
    """Yield a table of the first failures, and a line with the number of the others."""
    groups = groups[:_SHOWN]
    rows = [
        (
            f"{group.count:,}",
            group.error_code,
            one_line(group.message),
            group.examples[0].key if group.examples else "",
        )
        for group in groups
    ]
    width = max([len("COUNT"), *(len(count) for count, *_ in rows)])
    yield from lines_of_table(
        [
            Column(f"{'COUNT':>{width}}", may_be_cut=False),
            Column("CODE", style_of=lambda _: FAILED),
            Column("MESSAGE"),
            Column("EXAMPLE", keeps_end=True),
        ],
        ((f"{count:>{width}}", *others) for count, *others in rows),
    )
    others = failed - sum(group.count for group in groups)
    if others > 0:
        yield f"{others:>{width},}  for other reasons"


def plain_failure_lines(groups: Sequence[FailureGroup], failed: int) -> Iterator[str]:
    """Yield the first failures without a table, and a line with the number of the others."""
    shown = groups[:_SHOWN]
    for group in shown:
        text = escape_unprintable(one_line(group.message))
        short = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
        yield f"{group.count:>9,}  {escape_unprintable(group.error_code)}: {short}"
    others = failed - sum(group.count for group in shown)
    if others > 0:
        yield f"{others:>9,}  for other reasons"


_SHOWN: Final = 10
_LONGEST: Final = 100  # characters


def first_failure_lines(rows: Sequence[ReportRow], failed: int) -> Iterator[str]:
    """Yield the objects whose tasks failed first, with the reasons."""
    few = "" if len(rows) == failed else f"The first {len(rows)} of "
    yield f"{few}{counted(failed, 'failed object')}:"
    failures = [(object_name(row), code_of(row), failure_reason(row.message)) for row in rows]
    if shows_tables() and data_console().width < _NARROW:
        for name, code, reason in failures:
            yield from lines_of_table([Column("", keeps_end=True)], [(name,)], with_header=False)
            yield from lines_of_table([Column("")], [(f"  {reason} [{code}]",)], with_header=False)
    else:
        yield from lines_of_table(
            [Column("", keeps_end=True), Column("")],
            ((name, f"{code}: {reason}") for name, code, reason in failures),
            with_header=False,
        )


_NARROW: Final = 80  # columns; below, the reason is on a line of its own


def object_name(row: ReportRow) -> str:
    """Return the object of a row, as people read it."""
    url = f"s3://{row.bucket}/{row.key}"
    return url if row.version_id is None else f"{url} (version {row.version_id})"


def code_of(row: ReportRow) -> str:
    """Return the error code of a row, with the HTTP status if it is not the usual one."""
    code = row.error_code or ""
    if row.http_status in (None, 200):
        return code
    return f"{code} ({row.http_status})" if code else str(row.http_status)
