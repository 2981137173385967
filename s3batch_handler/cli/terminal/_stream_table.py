"""Tables of any length: only the first rows are kept, to choose the widths of the columns."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Final

from s3batch_handler.cli.terminal._console import data_console
from s3batch_handler.core._sanitize import escape_unprintable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from rich.console import Console


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes:
        header: Its name.
        keeps_end: Cut long cells at the beginning, such as keys, whose ends differ.
        may_be_cut: ``False`` for numbers, which would be wrong.
        style_of: Returns the style of a cell, such as ``red``; ``None`` for no style.
    """

    header: str
    keeps_end: bool = False
    may_be_cut: bool = True
    style_of: Callable[[str], str | None] | None = None


def lines_of_table(
    columns: Sequence[Column], rows: Iterable[Sequence[str]], *, with_header: bool = True
) -> Iterator[str]:
    """Yield the header and the rows, with control characters escaped.

    In a terminal the table is not wider than the terminal, and long cells are cut. Elsewhere
    nothing is cut, and cells that are longer than those of the first rows move the next columns.
    """
    cells = (tuple(map(escape_unprintable, row)) for row in rows)
    first = [*islice(cells, _MEASURED)]
    header = tuple(escape_unprintable(column.header) for column in columns)
    table = _Table(columns, [header, *first], data_console())
    if with_header:
        yield table.line(header, style="bold")
    for row in chain(first, cells):
        yield table.line(row)


_MEASURED: Final = 500


class _Table:
    def __init__(
        self, columns: Sequence[Column], first: Sequence[Sequence[str]], console: Console
    ) -> None:
        self._columns = columns
        self._console = console
        widths = [max(map(_width, column)) for column in zip(*first, strict=True)]
        self._cuts = console.is_terminal
        self._has_styles = console.color_system is not None and not console.no_color
        if self._cuts:
            widths = _fitted(widths, columns, console.width - len(_GAP) * (len(columns) - 1))
        self._widths = widths

    def line(self, cells: Sequence[str], *, style: str | None = None) -> str:
        """Return one line of the table, without spaces at its end."""
        parts = [
            self._cell(text, width, column, style)
            for text, width, column in zip(cells, self._widths, self._columns, strict=True)
        ]
        return _GAP.join(parts).rstrip()

    def _cell(self, text: str, width: int, column: Column, style: str | None) -> str:
        size = _width(text)
        if size > width and self._cuts and column.may_be_cut:
            shown = _cut(text, width, keeps_end=column.keeps_end)
        else:
            shown = text + " " * (width - size)
        if style is None and column.style_of is not None:
            style = column.style_of(text)
        return self._styled(shown, style) if style and self._has_styles else shown

    def _styled(self, text: str, style: str) -> str:
        """Return a text with the codes that show it in a style."""
        with self._console.capture() as capture:
            self._console.print(text, style=style, end="", soft_wrap=True)
        return capture.get()


_GAP: Final = "  "


def _width(text: str) -> int:
    """Return the number of columns that a terminal uses for a text."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _fitted(widths: list[int], columns: Sequence[Column], available: int) -> list[int]:
    """Reduce the widest columns that may be cut until all together have an available width."""
    widths = [*widths]
    cut = [number for number, column in enumerate(columns) if column.may_be_cut]
    while sum(widths) > available and any(widths[number] > 1 for number in cut):
        widths[max(cut, key=widths.__getitem__)] -= 1
    return widths


def _cut(text: str, width: int, *, keeps_end: bool) -> str:
    from rich.cells import set_cell_size

    if keeps_end:
        return f"…{set_cell_size(text[::-1], width - 1)[::-1]}"
    return f"{set_cell_size(text, width - 1)}…"
