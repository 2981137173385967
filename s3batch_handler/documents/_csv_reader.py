"""Reading what manifests and reports both are: CSV in UTF-8, of any length."""

from __future__ import annotations

import csv
from functools import partial
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from _csv import Reader
    from io import TextIOWrapper


def csv_reader(text: TextIOWrapper, *, strict: bool) -> Reader:
    r"""Give rows one at a time; a file without line breaks does not fill the memory.

    ``text`` is to be made with ``newline="\n"``: lines end where AWS and every editor agree that
    they end, at a newline, a CR before it or not.
    """
    return csv.reader(iter(partial(text.readline, _MAX_LINE), ""), strict=strict)


_MAX_LINE: Final = 1 << 20  # no honest line is that long


def line_of_decode_error(error: UnicodeDecodeError, reader: Reader) -> int:
    """Give the line, from 1, of what could not be decoded.

    Text is decoded in chunks: the one that failed begins where the lines given out end.
    """
    return reader.line_num + 1 + error.object.count(b"\n", 0, error.start)
