"""The rows of a CSV file in UTF-8 of any length: a manifest, or the results of a report."""

from __future__ import annotations

import csv
import io
from functools import partial
from typing import TYPE_CHECKING, BinaryIO, Final

if TYPE_CHECKING:
    from collections.abc import Iterator


class InvalidCsv(Exception):
    """A file is not CSV in UTF-8; ``line`` is the line of the error, from 1."""

    def __init__(self, problem: str, line: int) -> None:
        super().__init__(problem)
        self.line = line


def csv_rows(stream: BinaryIO, *, strict: bool) -> Iterator[tuple[int, list[str]]]:
    """Yield each row with the number of its first line, from 1. The stream is not closed.

    Raises:
        InvalidCsv: The rest of the file cannot be read. ``strict`` also refuses faulty quotes.
    """
    # Lines end at a newline, with or without a CR before it, as in S3 and in editors.
    text = io.TextIOWrapper(stream, "utf-8", newline="\n")
    # The limit protects the memory from a file without line breaks.
    reader = csv.reader(iter(partial(text.readline, _MAX_LINE), ""), strict=strict)
    line = 1
    try:
        for row in reader:
            yield line, row
            line = reader.line_num + 1
    except UnicodeDecodeError as error:
        problem = f"byte 0x{error.object[error.start]:02x} is not UTF-8"
        if line == 1 and error.object.startswith(b"\x1f\x8b"):
            problem = "compressed with gzip"
        # Text is decoded in chunks. This one begins after the last line that was read.
        line = reader.line_num + 1 + error.object.count(b"\n", 0, error.start)
        raise InvalidCsv(problem, line) from error
    except csv.Error as error:
        raise InvalidCsv(f"not well-formed CSV: {error}", line) from error
    finally:
        if not stream.closed:
            text.detach()  # otherwise the wrapper would close the stream


_MAX_LINE: Final = 1 << 20  # characters; keys have at most 1,024 bytes


def csv_cell(text: str) -> str:
    """Return the cell of a CSV file, in quotes only if it needs them.

    The csv module quotes a lone CR since Python 3.13 only.
    """
    return '"' + text.replace('"', '""') + '"' if needs_quotes(text) else text


def needs_quotes(text: str) -> bool:
    return '"' in text or "," in text or "\n" in text or "\r" in text
