"""Run cells of the matrix."""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from tests.faults.cell import Cell, Observed
from tests.faults.direct import call_directly
from tests.faults.handler import CALLS, keys_for
from tests.faults.jobs import call_in_local_job, call_in_runtime

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tests.faults.fault import Fault, Isolation, Way

_FUNCTIONS: Final[dict[Way, Callable[..., Observed]]] = {
    "direct call": call_directly,
    "Lambda runtime": call_in_runtime,
    "local job": call_in_local_job,
}


class Place(NamedTuple):
    """The place of a cell in the matrix."""

    fault: Fault
    isolation: Isolation
    way: Way


def run_cell(place: Place) -> Cell:
    """Cause a fault, and observe it and the next tasks."""
    fault, isolation, way = place
    keys = keys_for(fault)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        calls = folder / "calls"
        calls.touch()
        module = f"tests.faults.with_{isolation}"
        observed, error = Observed(), ""
        try:
            observed = _FUNCTIONS[way](module, keys, folder, {CALLS: str(calls)})
        except Exception as raised:  # the other cells are run
            error = f"{type(raised).__name__}: {raised}"
        number = len(calls.read_text().splitlines())
        return Cell(keys, fault.expected(isolation, way), observed, number, error)


def run_cells(places: Iterable[Place], *, parallel: int) -> Iterator[tuple[Place, Cell]]:
    """Run cells, most of which wait, in parallel; yield them in the order of ``places``."""
    places = list(places)
    with ThreadPoolExecutor(parallel) as pool:
        yield from zip(places, pool.map(run_cell, places), strict=True)
