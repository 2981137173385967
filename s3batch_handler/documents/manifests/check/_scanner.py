"""Read a manifest as blocks of usual lines, which need no further check, and single rows."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

from s3batch_handler.documents.manifests.check._usual import has_usual_escapes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from s3batch_handler.documents.manifests.check._usual import LinePatterns


class UsualLines(NamedTuple):
    """Lines in which nothing is wrong, except for what the patterns leave to be counted.

    Attributes:
        line: The number of the first line.
        objects: The number of lines; 0 for the rest of a line that is too long.
        data: The lines.
    """

    line: int
    objects: int
    data: bytes


class Row(NamedTuple):
    """A row of a manifest that must be examined.

    Attributes:
        line: The number of its first line.
        data: Its bytes, with the line break.
        cells: Its cells, in which bytes that are not UTF-8 are lone surrogates; empty for a blank
            line, ``None`` if the row is not CSV.
        problem: Why it is not CSV.
    """

    line: int
    data: bytes
    cells: list[str] | None
    problem: str = ""


class Scanner:
    """Reads a manifest once, in chunks.

    Attributes:
        usual: The patterns of usual lines. Without them, every row is yielded alone. They may be
            changed while the manifest is read.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self.usual: LinePatterns | None = None
        self._stream = stream
        self._buffer = b""
        self._next = 0  # the place of the next line in the buffer
        self._end = 0  # the end of its last whole line
        self._has_odd_escapes = False  # in the buffer
        self._line = 1

    def start(self, size: int) -> bytes:
        """Return the first bytes of the manifest, which are also read later."""
        while len(self._buffer) < size and self._fill():
            pass
        return self._buffer[:size]

    def skip(self, size: int) -> None:
        """Skip bytes of the first line."""
        self._next += size

    def __iter__(self) -> Iterator[UsualLines | Row]:
        while self._has_more():
            usual = self._usual_lines()
            if usual is not None:
                yield usual
            elif self._is_too_long():
                yield from self._long_line()
            else:
                yield self._row()

    def _has_more(self) -> bool:
        """Read until the buffer has a line, or too much without a line break."""
        if self._next >= self._end:
            self._buffer = self._buffer[self._next :]
            self._next = 0
            while self._fill():
                if self._end or len(self._buffer) > MAX_LINE:
                    break
        return self._next < len(self._buffer)

    # ---------------------------------------------------------------- usual lines

    def _usual_lines(self) -> UsualLines | None:
        if self.usual is None:
            return None
        start = self._next
        if start >= self._end:
            return None
        pattern = self.usual.strict if self._has_odd_escapes else self.usual.fast
        match = pattern.match(self._buffer, start, self._end)
        if match is None or match.end() == start:
            return None
        stop = _end_of_short_lines(self._buffer, start, match.end())
        if stop == start:
            return None
        data = self._buffer[start:stop]
        if not self._has_odd_escapes and not has_usual_escapes(
            data, counts_doubly_encoded=self.usual.counts_doubly_encoded
        ):
            self._has_odd_escapes = True
            return self._usual_lines()
        found = UsualLines(self._line, data.count(b"\n"), data)
        self._next = stop
        self._line += found.objects
        return found

    # ---------------------------------------------------------------- single rows

    def _row(self) -> Row:
        line, start = self._line, self._next
        data = self._read_line()
        first_end = self._next
        cells = _cells_without_quotes(data)
        if cells is not None:
            self._line += 1
            return Row(line, data, cells)
        try:
            cells = next(csv.reader(self._lines_from(data), strict=True))
        except csv.Error as error:
            self._next = first_end  # the next row begins on the next line
            self._line = line + 1
            cells = _cells_without_trailing_spaces(data)  # such as "key" followed by spaces
            return Row(line, data, cells, "" if cells is not None else str(error))
        whole = self._buffer[start : self._next]
        self._line += whole.count(b"\n") or 1
        return Row(line, whole, cells)

    def _lines_from(self, first: bytes) -> Iterator[str]:
        data = first
        while data:
            yield data.decode("utf-8", "surrogateescape")
            data = self._read_line()

    def _read_line(self) -> bytes:
        """Return the next line, or its first part if it is too long; nothing at the end.

        The buffer keeps the lines of a row, because the next row may begin inside it.
        """
        start = self._next
        searched = start
        while (stop := self._buffer.find(b"\n", searched)) < 0:
            searched = len(self._buffer)
            if searched - start > MAX_LINE or not self._fill():
                stop = searched - 1
                break
        self._next = stop + 1
        return self._buffer[start : self._next]

    # ---------------------------------------------------------------- lines without an end

    def _is_too_long(self) -> bool:
        return self._next >= self._end and len(self._buffer) - self._next > MAX_LINE

    def _long_line(self) -> Iterator[UsualLines | Row]:
        yield Row(self._line, self._buffer[self._next :], None, "the line is longer than 1 MiB")
        is_ended = False
        while not is_ended and (chunk := self._stream.read(_CHUNK)):
            stop = chunk.find(b"\n") + 1
            is_ended = stop > 0
            self._buffer, self._next = chunk, stop or len(chunk)
            self._end = chunk.rfind(b"\n") + 1
            yield UsualLines(self._line, 0, chunk[: self._next])
        if not is_ended:
            self._buffer, self._next, self._end = b"", 0, 0
        self._line += 1

    def _fill(self) -> bool:
        chunk = self._stream.read(_CHUNK)
        self._buffer += chunk
        self._has_odd_escapes = False
        self._end = self._buffer.rfind(b"\n") + 1
        return bool(chunk)


MAX_LINE: Final = 1 << 20  # bytes; a usual line has at most some thousands
_CHUNK: Final = 1 << 18
_SHORT: Final = 1024  # bytes of a line, so its key cannot exceed a limit


def _end_of_short_lines(data: bytes, start: int, stop: int) -> int:
    """Return the end of the last line before the first line that is longer than ``_SHORT``."""
    while start < stop:
        # The last line break within the next bytes: most lines are skipped.
        end = data.rfind(b"\n", start, min(start + _SHORT, stop)) + 1
        if not end:
            return start
        start = end
    return stop


def _cells_without_quotes(data: bytes) -> list[str] | None:
    """Return the cells of a line that csv would only split at its commas; usually it would."""
    text = data.removesuffix(b"\n").removesuffix(b"\r")
    if b'"' in text or b"\r" in text or len(text) > _SAFE_LENGTH or b"\0" in text:
        return None
    return text.decode("utf-8", "surrogateescape").split(",") if text else []


_SAFE_LENGTH: Final = 100_000  # below csv.field_size_limit()


def _cells_without_trailing_spaces(data: bytes) -> list[str] | None:
    line = data.rstrip(b"\r\n")
    stripped = line.rstrip(b" \t")
    if stripped == line or b"\r" in stripped:
        return None
    try:
        return next(csv.reader([stripped.decode("utf-8", "surrogateescape")], strict=True))
    except csv.Error:
        return None


def are_quoted(row: Row) -> tuple[bool, ...]:
    """Return for each cell of a row whether it is in quotes."""
    assert row.cells is not None
    text = row.data.decode("utf-8", "surrogateescape")
    place = 0
    quoted: list[bool] = []
    for cell in row.cells:
        has_quotes = text.startswith('"', place)
        quoted.append(has_quotes)
        place += len(cell) + (3 if has_quotes else 1)  # with the comma
    return tuple(quoted)
