"""The rows of a completion report, cell by cell, as they are in the file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from s3batch_handler.core._keys import decode_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from s3batch_handler.cli.smoke._job import Observed


class RawRow(NamedTuple):
    """One row of a results file.

    Attributes:
        cells: The cells, without their quotes.
        quoted: The numbers of the cells that are in quotes, from 1.
        end: The end of the line; empty if the file ends without one.
    """

    cells: tuple[str, ...]
    quoted: tuple[int, ...]
    end: str

    @property
    def key(self) -> str:
        """Return the decoded key."""
        return decode_key(self.cells[1]) if len(self.cells) > 1 else ""


def raw_rows(observed: Observed) -> Iterator[RawRow]:
    """Yield all rows of a report."""
    for result in observed.results():
        yield from parse_rows(observed.files.get(result["Key"], b""))


def parse_rows(content: bytes) -> Iterator[RawRow]:
    """Yield the rows of one results file. A quote inside a cell is doubled, as in RFC 4180."""
    text = content.decode("utf-8", "surrogateescape")
    cells: list[str] = []
    quoted: list[int] = []
    for match in _CELL.finditer(text):
        if match.start() == len(text) and not cells:
            return
        in_quotes, plain, end = match["quoted"], match["plain"], match["end"]
        if in_quotes is not None:
            quoted.append(len(cells) + 1)
        cells.append(plain if in_quotes is None else in_quotes.replace('""', '"') + plain)
        if end != ",":
            yield RawRow(tuple(cells), tuple(quoted), end)
            cells, quoted = [], []


_CELL: Final = re.compile(
    r'(?:"(?P<quoted>(?:[^"]|"")*)")?(?P<plain>[^,\r\n]*)(?P<end>,|\r\n|\n|\r|\Z)'
)
