"""The page of the fault matrix is complete, and some of its cells are run."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.faults.catalog import FAULTS
from tests.faults.fault import ISOLATIONS, WAYS
from tests.faults.matrix import Place, run_cell
from tests.faults.page import LABELS, PAGE

if TYPE_CHECKING:
    from tests.faults.fault import Isolation, Way


def rows_of(section: str) -> dict[str, list[str]]:
    """Return the cells of the rows below a heading of the second level, by the first cell."""
    text = PAGE.read_text(encoding="utf-8").split(f"\n## {section}\n")[1].split("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    names = [name for name, *_ in rows if name not in {"fault", "---"}]
    assert len(names) == len({*names}), "a fault is listed twice"
    return {name: cells for name, *cells in rows if name in names}


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_the_page_has_the_expected_result_of_every_fault(isolation: Isolation) -> None:
    """Run ``python -m tests.faults`` after a change of the faults."""
    assert len(FAULTS) >= 30

    rows = rows_of(f'Results with `isolation="{isolation}"`')

    assert {name: cells[:3] for name, cells in rows.items()} == {
        name: [LABELS[fault.expected(isolation, way).kind] for way in WAYS]
        for name, fault in FAULTS.items()
    }
    for name, cells in rows.items():
        assert re.search("(same|new) process", cells[3]), name


def test_the_page_has_the_row_of_every_fault() -> None:
    rows = rows_of("Rows of completion reports")

    names = {re.sub(r"\*\*(.*)\*\*<br>.*", r"\1", name) for name in rows}
    assert names == FAULTS.keys()
    for name, cells in rows.items():
        for cell in cells:
            assert re.match("`+(succeeded|failed),200,|the same$", cell), (name, cell)


def test_no_cell_of_the_page_is_unknown_or_has_a_problem() -> None:
    assert not re.search(r"(?i)unknown\b|problem", PAGE.read_text(encoding="utf-8"))


# Faults that end long before the timeout, also on a busy machine.
CELLS: Any = [
    ("hanging finally", "signal", "direct call"),
    ("segmentation fault", "signal", "Lambda runtime"),
    ("exit of process", "signal", "local job"),
    ("exit of process", "process", "direct call"),
    ("segmentation fault", "process", "Lambda runtime"),
    ("memory beyond limit", "process", "local job"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "isolation", "way"), CELLS)
def test_a_cell_is_as_expected(name: str, isolation: Isolation, way: Way) -> None:
    """The task has one answer, in time, and the next task is healthy."""
    cell = run_cell(Place(FAULTS[name], isolation, way))

    assert cell.problems() == []
