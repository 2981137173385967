"""Run a command in a terminal of its own, and type text."""

from __future__ import annotations

import codecs
import fcntl
import os
import pty
import re
import select
import shlex
import signal
import struct
import sys
import termios
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


class Terminal:
    """The output of a command, and its input."""

    def __init__(self, process: int, descriptor: int) -> None:
        self._process = process
        self._descriptor = descriptor
        self._decode = codecs.getincrementaldecoder("utf-8")().decode
        self._is_open = True
        self._unread = ""
        self.shown = ""

    def expect(self, pattern: str, seconds: float = 60) -> str:
        """Wait for a pattern in the output; return the output since the last call."""
        deadline = time.monotonic() + seconds
        while (found := re.search(pattern, self._unread)) is None:
            assert time.monotonic() < deadline, f"{pattern} is not shown:\n{self.shown}"
            assert self._read(), f"the command ended without {pattern}:\n{self.shown}"
        text, self._unread = self._unread[: found.end()], self._unread[found.end() :]
        return text

    def type(self, text: str) -> None:
        os.write(self._descriptor, text.encode())

    def resize(self, columns: int, lines: int = 24) -> None:
        """Change the size, as a user does who drags the window's border."""
        _set_size(self._descriptor, columns, lines)

    def close(self) -> None:
        """Close the terminal, as a user does who closes its window."""
        if self._is_open:
            self._is_open = False
            os.close(self._descriptor)

    def end(self) -> int:
        """Wait for the end of the command, and return its exit code."""
        while self._read():
            pass
        return os.waitstatus_to_exitcode(os.waitpid(self._process, 0)[1])

    def _read(self) -> bool:
        if select.select([self._descriptor], [], [], 1)[0]:
            try:
                received = os.read(self._descriptor, 65536)
            except OSError:  # the command has closed the terminal
                return False
            if not received:
                return False
            new = self._decode(received)
            self._unread += new
            self.shown += new
        return True


@contextmanager
def terminal(
    line: str,
    folder: Path,
    environment: Mapping[str, str],
    *,
    columns: int = 80,
    kind: str = "dumb",
) -> Iterator[Terminal]:
    """Run a line of shell in a terminal; ``s3batch`` is the command. Kill it at the end.

    ``kind`` is the value of ``TERM``; with ``dumb``, no text is replaced or in color.
    """
    shell = f's3batch() {{ {shlex.quote(sys.executable)} -m s3batch_handler.cli "$@"; }}\n{line}'
    process, descriptor = pty.fork()
    if process == 0:
        try:
            os.chdir(folder)
            _set_size(0, columns, 24)
            os.execve("/bin/bash", ["bash", "-c", shell], {**environment, "TERM": kind})
        finally:
            os._exit(127)
    opened = Terminal(process, descriptor)
    try:
        yield opened
    finally:
        opened.close()
        with suppress(OSError):
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)


def _set_size(descriptor: int, columns: int, lines: int) -> None:
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
