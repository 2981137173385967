"""Print what a check of a manifest found: for people, or as JSON lines."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Final

from s3batch_handler.cli.terminal._console import print_rich, printable, safe_text
from s3batch_handler.cli.terminal._job_style import FAILED, MUTED, SUCCEEDED, WARNING
from s3batch_handler.cli.terminal._output import counted, print_lines
from s3batch_handler.cli.terminal._stream_table import Column, lines_of_table
from s3batch_handler.documents.manifests.check._codes import CODES, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from s3batch_handler.documents.manifests.check._finding import Finding

SHOWN: Final = 10  # findings of each code


def json_line(finding: Finding) -> str:
    """Return a finding as one line of JSON."""
    return json.dumps(finding._asdict())


class FindingSummary:
    """The first findings of each code, and how many there are.

    Memory does not grow with the number of findings.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.errors = 0
        self.warnings = 0
        self._shown: list[Finding] = []
        self._fixes: dict[str, Finding] = {}

    def add(self, finding: Finding) -> None:
        """Count a finding."""
        self.counts[finding.code] += 1
        if finding.is_error:
            self.errors += 1
        else:
            self.warnings += 1
        if self.counts[finding.code] <= SHOWN:
            self._shown.append(finding)
        self._fixes.setdefault(finding.code, finding)

    def add_counted(self, counts: Mapping[str, int]) -> None:
        """Add the numbers of findings that were not created, by code."""
        for code, number in counts.items():
            self.counts[code] += number
            if CODES[code].severity is Severity.ERROR:
                self.errors += number
            else:
                self.warnings += number

    def counting(self, findings: Iterable[Finding]) -> Iterator[Finding]:
        """Yield findings, and count them."""
        for finding in findings:
            self.add(finding)
            yield finding

    def print(self, location: str, objects: int) -> None:
        """Print tables of the findings and of what to do, and a summary."""
        if self._shown:
            print_lines(lines_of_table(_COLUMNS, self._rows()))
            print_lines(["", *lines_of_table(_FIX_COLUMNS, self._fix_rows()), ""])
        counts = [
            counted(number, noun)
            for number, noun in ((self.errors, "error"), (self.warnings, "warning"))
            if number
        ]
        mark, style = ("✗", FAILED) if self.errors else ("✓", SUCCEEDED)
        text = f"{' and '.join(counts) or 'nothing wrong'} in {counted(objects, 'object')}"
        line = safe_text(f"{printable(mark)} ", style)
        print_rich(line.append_text(safe_text(f"{location}: {text}")))

    def _rows(self) -> Iterator[tuple[str, ...]]:
        for finding in self._shown:
            line = "" if finding.line is None else str(finding.line)
            yield line, finding.severity.value, finding.code, finding.message
        for code, number in self.counts.items():
            if number > SHOWN:
                more = f"{number - SHOWN:,} more of these; --json prints all"
                yield "", self._fixes[code].severity.value, code, more

    def _fix_rows(self) -> Iterator[tuple[str, ...]]:
        for code, finding in self._fixes.items():
            yield code, finding.fix


def _style(severity: str) -> str | None:
    return {"error": FAILED, "warning": WARNING}.get(severity)


_COLUMNS: Final = (
    Column("LINE", may_be_cut=False),
    Column("SEVERITY", may_be_cut=False, style_of=_style),
    Column("CODE", may_be_cut=False),
    Column("MESSAGE"),
)
_FIX_COLUMNS: Final = (
    Column("CODE", may_be_cut=False, style_of=lambda _: MUTED),
    Column("WHAT TO DO", may_be_cut=False),
)
