"""Run the fault matrix, and write docs/faults.md if all of it was run."""

from __future__ import annotations

import argparse
import sys

from tests.faults.fault import FAULTS, ISOLATIONS, WAYS
from tests.faults.matrix import Place, run_cells
from tests.faults.page import PAGE, page


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument(
        "faults", nargs="*", metavar="FAULT", help="name of a fault  [default: all]"
    )
    parser.add_argument("--isolation", choices=ISOLATIONS, help="[default: both]")
    parser.add_argument("--way", choices=WAYS, help="[default: all]")
    parser.add_argument("--parallel", type=int, default=8, help="cells at a time  [default: 8]")
    options = parser.parse_args()
    places = [
        Place(FAULTS[name], isolation, way)
        for isolation in ([options.isolation] if options.isolation else ISOLATIONS)
        for name in options.faults or FAULTS
        for way in ([options.way] if options.way else WAYS)
    ]
    cells = {}
    failed = 0
    for place, cell in run_cells(places, parallel=options.parallel):
        cells[place] = cell
        problems = cell.problems()
        failed += bool(problems)
        name = f"{place.isolation}, {place.way}: {place.fault.name}"
        print(
            "FAIL" if problems else "ok  ",
            name,
            *problems,
            sep="\n       " if problems else " ",
            flush=True,
        )
    if not (options.faults or options.way):
        PAGE.write_text(page(cells), encoding="utf-8")
    print(f"{failed} of {len(cells)} cells are not as expected")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
