"""The page with the benchmarks of the runtime contains what the command measured."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.runtime.page import page
from benchmarks.runtime.tables import TABLES
from s3batch_handler import HandlerOptions

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def results(project: Path) -> Any:
    return json.loads((project / "benchmarks" / "runtime" / "results.json").read_text())


def test_the_page_contains_the_results_of_the_last_measurement(project: Path, results: Any) -> None:
    """`python -m benchmarks runtime --write` writes both; no figure is written by hand."""
    written = (project / "docs" / "benchmarks.md").read_text()

    assert written == page(results), "run python -m benchmarks runtime --page"


def test_every_target_has_a_figure_on_each_python(results: Any) -> None:
    """A table is left out only if the package does not have the option that it measures."""
    tables = [
        table
        for table in TABLES
        if table.name != "isolation" or "isolation" in HandlerOptions.__annotations__
    ]

    for measured in results["pythons"]:
        for table in tables:
            rows = measured["tables"][table.name]
            assert {target.row for target in table.targets} <= rows.keys()
            assert table.reference is None or rows[table.reference]["ratio"] == 1
            assert all(row["median"] >= 0 for row in rows.values()), table.name


def test_a_figure_above_its_target_is_marked_as_missed() -> None:
    """So a page with a missed target cannot look like one that meets all of them."""
    rows = {
        "Powertools data class": {"median": 10.0, "ratio": 1.0},
        "s3batch_handler": {"median": 6.5, "ratio": 0.65},
    }
    results = {
        "machine": {"processor": "one"},
        "pythons": [{"python": "3.11.7", "packages": {}, "tables": {"invocation": rows}}],
    }

    assert "0.65x, met" in page(results)
    rows["s3batch_handler"]["ratio"] = 0.66
    assert "0.66x, **missed**" in page(results)


def test_the_page_of_local_jobs_has_a_figure_for_every_target(project: Path) -> None:
    """`python -m benchmarks local_job --write` writes it."""
    page = (project / "docs" / "benchmarks-local-jobs.md").read_text(encoding="utf-8")

    for target in ("1.0x", "2.5x", "3.0x", "1.6 µs", "10 %"):
        assert f"target {target}, " in page or f"target: {target}, " in page
    assert "| s3batch run, 10 objects |" in page
    assert "| 10,000,000 |" in page
    assert page.count("2,500/s, ") == 4
