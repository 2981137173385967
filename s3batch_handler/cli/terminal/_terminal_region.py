"""Lines at the end of a terminal that are replaced again and again, below all other output."""

from __future__ import annotations

import io
import os
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple, TextIO, cast

from s3batch_handler.cli.terminal._output import discard_buffer
from s3batch_handler.core._typing import override

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class Line(NamedTuple):
    """A line to draw: its text with the codes of its colors, and its width in cells."""

    text: str
    cells: int


class TerminalRegion:
    """The last lines of a terminal. If the terminal is closed, nothing more is written.

    A frame is written at once and over the one before, which is not erased first, so it does not
    flicker. The cursor is not hidden, so a killed process leaves the terminal usable.
    """

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self._shown: Sequence[Line] = ()
        self._is_after_newline = True
        self._is_closed = False
        self._lock = threading.RLock()

    def size(self) -> os.terminal_size:
        """Return the columns and lines of the terminal at this moment."""
        try:
            size = os.get_terminal_size(self.stream.fileno())
        except OSError:
            return _USUAL_SIZE
        return size if size.columns and size.lines else _USUAL_SIZE

    def draw(self, lines: Sequence[Line]) -> None:
        """Replace the lines that are shown."""
        with self._lock:
            frame = "\n".join(f"{line.text}{_ERASE_TO_END_OF_LINE}" for line in lines)
            self._write(f"{_NO_WRAP}{self._to_the_start()}{frame}{_ERASE_BELOW}{_WRAP}")
            self._shown = lines

    def clear(self) -> None:
        """Remove the lines; the cursor is then where they began."""
        with self._lock:
            if self._shown:
                self._write(f"{self._to_the_start()}{_ERASE_BELOW}")
                self._shown = ()

    def print_above(self, text: str) -> None:
        """Write text in place of the lines; the next frame is drawn below it."""
        with self._lock:
            self.clear()
            self._write(text)
            self._is_after_newline = text.endswith("\n")

    def _to_the_start(self) -> str:
        """Return the codes that move the cursor to the start of the lines that are shown."""
        if not self._shown:
            start = "\r" if self._is_after_newline else "\n"
            self._is_after_newline = True
            return start
        # In a terminal that has become narrower, a line may now occupy several rows.
        columns = self.size().columns
        rows = sum(max(1, -(-line.cells // columns)) for line in self._shown)
        return f"\r\x1b[{rows - 1}A" if rows > 1 else "\r"

    def _write(self, text: str) -> None:
        if self._is_closed:
            return
        try:
            self.stream.write(text)
            self.stream.flush()
        except OSError:  # the terminal is closed, but the job continues
            self._is_closed = True
            discard_buffer(self.stream)


_USUAL_SIZE: Final = os.terminal_size((80, 24))
_ERASE_TO_END_OF_LINE: Final = "\x1b[K"
_ERASE_BELOW: Final = "\x1b[J"
# Terminals disagree about the width of some characters: they cut a line instead of wrapping it.
_NO_WRAP: Final = "\x1b[?7l"
_WRAP: Final = "\x1b[?7h"


@contextmanager
def region_of_standard_error() -> Iterator[TerminalRegion]:
    """Reserve the last lines of the terminal; what is written to standard error appears above."""
    original = sys.stderr
    region = TerminalRegion(original)
    sys.stderr = cast("TextIO", _Above(region))
    try:
        yield region
    finally:
        sys.stderr = original
        region.clear()


class _Above(io.TextIOBase):
    """Standard error while a region is shown."""

    def __init__(self, region: TerminalRegion) -> None:
        self._region = region

    @property
    @override
    def encoding(self) -> str:  # type: ignore[override]
        return self._region.stream.encoding

    @override
    def write(self, text: str, /) -> int:
        if not isinstance(text, str):  # click tries this to recognize binary streams
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        if text:  # Rich also writes nothing
            self._region.print_above(text)
        return len(text)

    @override
    def fileno(self) -> int:
        return self._region.stream.fileno()

    @override
    def isatty(self) -> bool:
        return self._region.stream.isatty()

    @override
    def writable(self) -> bool:
        return True
