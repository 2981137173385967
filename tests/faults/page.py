"""Write ``docs/faults.md`` from the cells of the matrix."""

from __future__ import annotations

import inspect
import platform
import re
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.faults.catalog import MODULES, faults_of
from tests.faults.fault import FAULTS, ISOLATIONS, WAYS
from tests.faults.handler import RESERVE, ROOT, TIMEOUT
from tests.faults.matrix import Place

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import ModuleType

    from tests.faults.cell import Cell
    from tests.faults.fault import Fault, Isolation, Kind, Way

    Matrix = Mapping[Place, Cell]

PAGE: Final = ROOT / "docs" / "faults.md"

LABELS: Final[dict[Kind, str]] = {
    "Succeeded": "Succeeded",
    "TemporaryFailure": "TemporaryFailure",
    "PermanentFailure": "PermanentFailure",
    "error": "**exception**",
    "exit": "**process ended**",
    "timeout": "**timeout**",
}
"""The text of a cell for each kind of answer."""


def page(matrix: Matrix) -> str:
    """Return the whole page: ``page.md`` with the tables."""
    versions = [f"Python {platform.python_version()}"]
    versions += [f"{name} {version(name)}" for name in ("s3batch-handler", "awslambdaric")]
    isolations = [
        isolation
        for isolation in ISOLATIONS
        if any(place.isolation == isolation for place in matrix)
    ]
    template = Path(__file__).with_name("page.md").read_text(encoding="utf-8")
    return template.format(
        made=f"{datetime.now(UTC):%Y-%m-%d} with {', '.join(versions)}",
        faults=len(FAULTS),
        cells=len(matrix),
        timeout=TIMEOUT,
        reserve=RESERVE,
        results="\n".join(_results(isolation, matrix) for isolation in isolations),
        rows=_rows(isolations, matrix),
    )


# ---------------------------------------------------------------- results


def _results(isolation: Isolation, matrix: Matrix) -> str:
    lines = [f'## Results with `isolation="{isolation}"`']
    for module in MODULES:
        header = ["fault", *WAYS, "next task"]
        lines += ["", f"### {_title(module)}, `{isolation}`", "", _line(header), _line(["---"] * 5)]
        lines += [_line(_results_of(fault, isolation, matrix)) for fault in faults_of(module)]
    return "\n".join([*lines, ""])


def _results_of(fault: Fault, isolation: Isolation, matrix: Matrix) -> Iterator[str]:
    cells = {way: matrix[Place(fault, isolation, way)] for way in WAYS}
    yield fault.name
    for cell in cells.values():
        problems = cell.problems()
        yield f"PROBLEM: {_code('; '.join(problems))}" if problems else LABELS[cell.answer.kind]
    yield _next_task(cells)


def _next_task(cells: Mapping[Way, Cell]) -> str:
    texts = {way: _process_of_next_task(cell) for way, cell in cells.items()}
    first, *others = set(texts.values())
    return "; ".join(f"{way}: {text}" for way, text in texts.items()) if others else first


def _process_of_next_task(cell: Cell) -> str:
    text = "same process" if cell.same_process else "new process"
    return f"{text}, **no time limit**" if cell.expected.then else text


# ---------------------------------------------------------------- rows of reports


def _rows(isolations: list[Isolation], matrix: Matrix) -> str:
    lines = []
    for module in MODULES:
        header = ["fault", *(f"row with `{isolation}`" for isolation in isolations)]
        lines += [
            "",
            f"### {_title(module)}: rows",
            "",
            _line(header),
            _line(["---"] * len(header)),
        ]
        for fault in faults_of(module):
            about = f"**{fault.name}**<br>{fault.description}"
            rows = [_rows_of(fault, isolation, matrix) for isolation in isolations]
            if len(rows) > 1 and rows[0] == rows[1]:
                rows[1] = "the same"
            lines.append(_line([about, *rows]))
    return "\n".join([*lines, ""])


def _rows_of(fault: Fault, isolation: Isolation, matrix: Matrix) -> str:
    """Return the row under the Lambda runtime, and that of a local job if its kind differs."""
    runtime, local = (matrix[Place(fault, isolation, way)] for way in WAYS[1:])
    text = _code(_shortened(runtime.row))
    if local.answer.kind != runtime.answer.kind:
        text += f"<br>local job: {_code(_shortened(local.row))}"
    return text


def _shortened(row: str) -> str:
    row = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22,27}", "…", row)
    row = re.sub(r'"requestId":\s*"[^"]*",?\s*|"stackTrace":.*', "", row)
    return row if len(row) <= _WIDTH else row[: _WIDTH - 1] + "…"


_WIDTH: Final = 200


def _code(text: str) -> str:
    """Return text as code in a cell of a table."""
    quotes = "``" if "`" in text else "`"
    return f"{quotes}{text.replace('|', chr(92) + '|')}{quotes}"


def _line(cells: Iterator[str] | list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _title(module: ModuleType) -> str:
    """Return the title of a module's faults, from its docstring."""
    text = (inspect.getdoc(module) or "").partition("\n")[0].removeprefix("Faults: ")
    return text[0].upper() + text[1:].rstrip(".")
