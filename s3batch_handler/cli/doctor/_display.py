"""Print the results of checks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from s3batch_handler.cli.doctor._check import CheckStatus
from s3batch_handler.cli.terminal._console import (
    print_rich,
    printable,
    safe_text,
    shows_tables,
)
from s3batch_handler.cli.terminal._job_style import FAILED, MUTED, SUCCEEDED, WARNING
from s3batch_handler.cli.terminal._output import print_data
from s3batch_handler.core._sanitize import escape_unprintable, one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from s3batch_handler.cli.doctor._check import Check


def print_checks(checks: Sequence[Check], *, as_json: bool) -> None:
    """Print checks: a table on a terminal, one line for each check in a pipe, or a JSON list."""
    if as_json:
        print_data(json.dumps([check._asdict() for check in checks], indent=2))
    elif shows_tables():
        _print_table(checks)
        print_data(f"\n{_counts(checks)}")
    else:
        for check in checks:
            print_data(_line(check))


def _line(check: Check) -> str:
    text = f"{check.name}: {check.message}"
    text = one_line(f"{text}; {check.remedy}" if check.remedy else text)
    return f"{check.status.value:<8} {escape_unprintable(text)}"


def _counts(checks: Sequence[Check]) -> str:
    counts = {status: sum(check.status is status for check in checks) for status in CheckStatus}
    words = {
        CheckStatus.WARNING: "warning" if counts[CheckStatus.WARNING] == 1 else "warnings",
        CheckStatus.ERROR: "error" if counts[CheckStatus.ERROR] == 1 else "errors",
    }
    return ", ".join(
        f"{count} {words.get(status, status.value)}" for status, count in counts.items() if count
    )


def _print_table(checks: Sequence[Check]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("STATUS", no_wrap=True)
    table.add_column("CHECK", overflow="fold", max_width=_WIDEST_NAME)
    table.add_column("RESULT", overflow="fold")
    for check in checks:
        result = safe_text(printable(one_line(check.message)))
        if check.remedy:
            remedy = printable(f"→ {one_line(check.remedy)}")
            result.append("\n").append_text(safe_text(remedy, MUTED))
        mark = printable(f"{_MARKS[check.status]} {check.status.value}")
        table.add_row(safe_text(mark, _STYLES[check.status]), safe_text(check.name), result)
    print_rich(table)


_WIDEST_NAME: Final = 32
_MARKS: Final = {
    CheckStatus.OK: "✓",
    CheckStatus.WARNING: "!",
    CheckStatus.ERROR: "✗",
    CheckStatus.SKIPPED: "-",
}
_STYLES: Final = {
    CheckStatus.OK: SUCCEEDED,
    CheckStatus.WARNING: WARNING,
    CheckStatus.ERROR: FAILED,
    CheckStatus.SKIPPED: MUTED,
}
