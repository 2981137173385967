"""Tables of results as text: for the terminal, and as ``docs/benchmarks.md``."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from benchmarks.runtime.tables import TABLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from benchmarks.runtime.tables import Table, Target

Results = dict[str, Any]
"""The machine and the date, and the results of ``measure_all`` on each Python."""

INTRODUCTION = """\
# Benchmarks of the runtime

`python -m benchmarks runtime --write` generates this page; do not edit it. Compare the ratios,
because times depend on the machine and its load. The rows of a table are measured in turn for many
rounds: a time is the median of all rounds, and a ratio is the median of the ratios of each round.
The measured functions are in [`benchmarks/functions/`](../benchmarks/functions/__init__.py).
"""


def page(results: Results) -> str:
    """Return the text of ``docs/benchmarks.md``."""
    return "\n".join([INTRODUCTION, *_machine(results), *tables_of(results)]) + "\n"


def tables_of(results: Results) -> Iterator[str]:
    """Yield the lines of the targets and of all tables that were measured."""
    versions = [measured["python"] for measured in results["pythons"]]
    yield from ("## Targets", "")
    yield from _grid(["what", "at most", *versions], _targets(results))
    for table in _measured(results):
        yield from ("", f"## {table.title}", "", *_wrapped(table.text), "")
        head = f"median ({table.unit})" + (", ratio" if table.reference else "")
        yield from _grid([head, *versions], _rows(table, results))


def missed(results: Results) -> list[str]:
    """Return the targets that a Python of the results has missed."""
    return [what for what, _, *cells in _targets(results) if any("missed" in c for c in cells)]


def _machine(results: Results) -> Iterator[str]:
    yield from _grid(["machine", ""], results["machine"].items())
    yield ""
    packages = results["pythons"][0]["packages"]
    rows = [
        [f"Python {measured['python']}", *measured["packages"].values()]
        for measured in results["pythons"]
    ]
    yield from (*_grid(["", *packages], rows), "")


def _measured(results: Results) -> list[Table]:
    names = {name for measured in results["pythons"] for name in measured["tables"]}
    return [table for table in TABLES if table.name in names]


def _targets(results: Results) -> Iterator[list[str]]:
    for table in _measured(results):
        for target in table.targets:
            cells = [
                _verdict(target, measured["tables"].get(table.name), table.unit)
                for measured in results["pythons"]
            ]
            if target.kind == "ratio":
                yield [table.title, f"{target.limit:.2f}x {table.reference}", *cells]
            else:
                yield [f"{table.title}: {target.row}", f"{target.limit:g} {table.unit}", *cells]


def _verdict(target: Target, rows: dict[str, Any] | None, unit: str) -> str:
    if rows is None:
        return "not measured"
    row = rows[target.row]
    value = row["ratio"] if target.kind == "ratio" else row["median"]
    text = f"{value:.2f}x" if target.kind == "ratio" else f"{_rounded(value)} {unit}"
    return f"{text}, met" if value <= target.limit else f"{text}, **missed**"


def _rows(table: Table, results: Results) -> Iterator[list[str]]:
    names = {
        name: None
        for measured in results["pythons"]
        for name in measured["tables"].get(table.name, ())
    }
    for name in names:
        yield [
            name,
            *(
                _figures(measured["tables"].get(table.name, {}).get(name))
                for measured in results["pythons"]
            ),
        ]


def _figures(row: dict[str, Any] | None) -> str:
    if row is None:
        return "not measured"
    median = _rounded(row["median"])
    return median if row["ratio"] is None else f"{median} · {row['ratio']:.2f}x"


def _rounded(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}"


def _grid(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    lines = [list(head), *map(list, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    lines.insert(1, ["-" * width for width in widths])
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        yield f"| {' | '.join(cells)} |"


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, 100, break_on_hyphens=False)
