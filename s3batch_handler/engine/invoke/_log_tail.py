"""The last lines that a function wrote, without credentials and control codes."""

from __future__ import annotations

import os
import re
import stat
import threading
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Protocol

from s3batch_handler.core._redaction import redact
from s3batch_handler.core._sanitize import sanitize

if TYPE_CHECKING:
    from pathlib import Path

TAIL_BYTES: Final = 64 * 1024
"""How much of a log is kept."""


class Log(Protocol):
    """Where worker processes write: a file, or anything else with a file descriptor."""

    def fileno(self) -> int: ...


class LogTail(Protocol):
    """The end of a log. Threads may read it while others write."""

    def lines(self) -> list[str]:
        """Return the last lines, at most :data:`TAIL_LINES`, without credentials."""
        ...


class MemoryTail:
    """The last bytes that were added, as a :class:`LogTail`."""

    def __init__(self, size: int = TAIL_BYTES) -> None:
        self._limit = size
        self._chunks: deque[bytes] = deque()
        self._size = 0
        self._is_cut = False
        self._lock = threading.Lock()

    def add(self, data: bytes) -> None:
        """Add the next bytes of the log."""
        with self._lock:
            self._chunks.append(data)
            self._size += len(data)
            while self._size > self._limit:
                excess = self._size - self._limit
                first = self._chunks.popleft()
                if len(first) > excess:
                    self._chunks.appendleft(first[excess:])
                self._size -= min(len(first), excess)
                self._is_cut = True

    def lines(self) -> list[str]:
        with self._lock:
            data, is_cut = b"".join(self._chunks), self._is_cut
        return log_lines(data, is_cut=is_cut)


class FileTail:
    """The end of a log file, as a :class:`LogTail`. It also works after the file was moved.

    Args:
        path: The file. Anything else, such as a pipe, has no lines.
        start: Where the log begins in the file.
    """

    def __init__(self, path: Path, *, start: int = 0) -> None:
        self._start = start
        self._file: int | None = None
        with suppress(OSError):
            if stat.S_ISREG(path.stat().st_mode):  # opening a pipe would wait for its other end
                self._file = os.open(path, os.O_RDONLY)

    def lines(self) -> list[str]:
        if self._file is None:
            return []
        try:
            size = os.fstat(self._file).st_size
            begin = self._start if size >= self._start else 0  # the file was truncated
            first = max(begin, size - TAIL_BYTES)
            return log_lines(os.pread(self._file, size - first, first), is_cut=first > begin)
        except OSError:
            return []

    def close(self) -> None:
        """Close the file. Afterwards, :meth:`lines` returns no lines."""
        file, self._file = self._file, None
        if file is not None:
            os.close(file)


def log_lines(data: bytes, *, is_cut: bool = False) -> list[str]:
    """Return the last lines of a log as text that can be shown, without credentials.

    Terminal codes are removed. Of a line that was overwritten with carriage returns, such as a
    progress bar, the last text is kept.

    Args:
        data: The end of the log. Bytes that are not valid UTF-8 are replaced.
        is_cut: Whether bytes before it are missing. Then its first line is left out: it may begin
            within a credential, which could not be recognized.
    """
    if is_cut:
        _, newline, rest = data.partition(b"\n")
        data = rest if newline else b""
    text = _TERMINAL_CODE.sub("", data.decode("utf-8", "replace").replace("\r\n", "\n"))
    plain = [
        sanitize(line.rstrip("\r").rpartition("\r")[2].expandtabs(), _UNLIMITED)
        for line in text.split("\n")
    ]
    shown = redact("\n".join(plain)).split("\n")
    while shown and not shown[-1]:  # after the last line break
        shown.pop()
    return [sanitize(line, _MAX_LINE) for line in shown[-TAIL_LINES:]]


TAIL_LINES: Final = 200
_MAX_LINE: Final = 2_000  # characters
_UNLIMITED: Final = 100 * TAIL_BYTES  # more than a whole log with escapes
_TERMINAL_CODE: Final = re.compile(
    r"""\x1b (?: \[ [0-?]* [ -/]* [@-~]            # CSI: colors, cursor
               | [\]PX^_] [^\x07\x1b\n]* (?: \x07 | \x1b\\ )?  # OSC, DCS and other strings
               | [ -/]* [0-~] )                      # other sequences
      | \x9b [0-?]* [ -/]* [@-~]
    """,
    re.VERBOSE,
)
