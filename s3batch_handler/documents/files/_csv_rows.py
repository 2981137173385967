"""The rows of a CSV file in UTF-8 of any length: a manifest, or the results of a report."""

from __future__ import annotations

import csv
from functools import partial
from typing import TYPE_CHECKING, BinaryIO, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class InvalidCsv(Exception):
    """A file is not CSV in UTF-8; ``line`` is the line of the error, from 1."""

    def __init__(self, problem: str, line: int) -> None:
        super().__init__(problem)
        self.line = line


def csv_rows(lines: Iterable[bytes], *, strict: bool) -> Iterator[tuple[int, list[str]]]:
    """Yield each row with the number of its first line, from 1.

    Args:
        lines: Lines with their line breaks, such as those of a file (see :func:`lines_of`). A row
            is yielded before the line after it is read.
        strict: Also refuse faulty quotes.

    Raises:
        InvalidCsv: The rest of the file cannot be read.
    """
    reader = csv.reader(_decoded(lines), strict=strict)
    line = 1
    try:
        for row in reader:
            yield line, row
            line = reader.line_num + 1
    except csv.Error as error:
        raise InvalidCsv(f"not well-formed CSV: {error}", line) from error


def _decoded(lines: Iterable[bytes]) -> Iterator[str]:
    for number, line in enumerate(lines, 1):
        if len(line) >= MAX_LINE:
            raise InvalidCsv(f"the line is longer than {MAX_LINE:,} bytes", number)
        try:
            yield line.decode()
        except UnicodeDecodeError as error:
            problem = f"byte 0x{line[error.start]:02x} is not UTF-8"
            if number == 1 and line.startswith(b"\x1f\x8b"):
                problem = "compressed with gzip"
            raise InvalidCsv(problem, number) from error


def lines_of(stream: BinaryIO) -> Iterator[bytes]:
    """Yield the lines of a file, with their line breaks. The stream is not closed.

    Lines end at a newline, with or without a CR before it, as in S3 and in editors.
    """
    return iter(partial(stream.readline, MAX_LINE), b"")


# Bytes; keys have at most 1,024. The limit protects the memory from a file without line breaks.
MAX_LINE: Final = 1 << 20


def csv_cell(text: str) -> str:
    """Return the cell of a CSV file, in quotes only if it needs them.

    The csv module quotes a lone CR since Python 3.13 only.
    """
    return '"' + text.replace('"', '""') + '"' if needs_quotes(text) else text


def needs_quotes(text: str) -> bool:
    return '"' in text or "," in text or "\n" in text or "\r" in text
