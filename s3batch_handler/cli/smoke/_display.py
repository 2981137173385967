"""Print comparisons: a table, or one JSON object for each."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from s3batch_handler.cli.terminal._job_style import FAILED, SUCCEEDED
from s3batch_handler.cli.terminal._output import counted, print_lines
from s3batch_handler.cli.terminal._stream_table import Column, lines_of_table
from s3batch_handler.core._sanitize import escape_unprintable, truncate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from s3batch_handler.cli.smoke._compare import Comparison


def print_comparisons(comparisons: Sequence[Comparison], *, as_json: bool) -> None:
    """Print all comparisons, and what differs."""
    if as_json:
        print_lines(json.dumps(comparison.to_json()) for comparison in comparisons)
        return
    print_lines(lines_of_table(_COLUMNS, map(_cells, comparisons)))
    print_lines(_differences(comparisons))


def _cells(comparison: Comparison) -> tuple[str, ...]:
    is_object = comparison.subject == "object"
    subject = _short(comparison.key or "") if is_object else comparison.subject
    return (
        subject,
        comparison.name,
        _outcome(comparison.aws),
        _outcome(comparison.local),
        "yes" if comparison.is_same else "NO",
    )


def _outcome(values: Mapping[str, Any]) -> str:
    """Return the result of a task, or the value of a property, in a few characters."""
    if not values:
        return "no row"
    if "value" in values:
        value = values["value"]
        return _short(value if isinstance(value, str) else json.dumps(value))
    parts = (values.get(name, "") for name in ("status", "http_status", "error_code"))
    return " ".join(part for part in parts if part)


def _short(text: str) -> str:
    return truncate(text, _LONGEST_CELL)


_LONGEST_CELL: Final = 32
_COLUMNS: Final = (
    Column("OBJECT"),
    Column("KIND", may_be_cut=False),
    Column("AWS"),
    Column("LOCAL"),
    Column("SAME", may_be_cut=False, style_of=lambda text: {"yes": SUCCEEDED, "NO": FAILED}[text]),
)


def _differences(comparisons: Sequence[Comparison]) -> Iterator[str]:
    different = [comparison for comparison in comparisons if not comparison.is_same]
    yield ""
    for comparison in different:
        if not (comparison.aws and comparison.local):
            side = "AWS" if comparison.aws else "the local engine"
            yield escape_unprintable(f"{comparison.subject} {comparison.name}: only in {side}")
            continue
        for name in comparison.differences:
            place = comparison.name if name == "value" else f"{comparison.name}, {name}"
            yield escape_unprintable(f"{comparison.subject} {place}")
            yield escape_unprintable(f"  AWS    {_full(comparison.aws, name)}")
            yield escape_unprintable(f"  local  {_full(comparison.local, name)}")
    if different:
        yield f"{len(different)} of {counted(len(comparisons), 'comparison')} differ."
    else:
        yield f"All {counted(len(comparisons), 'comparison')} are the same."


def _full(values: Mapping[str, Any], name: str) -> str:
    if name not in values:
        return "(nothing)"
    return truncate(json.dumps(values[name], ensure_ascii=False), _LONGEST_VALUE)


_LONGEST_VALUE: Final = 2000
