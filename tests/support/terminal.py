"""Run a command in a terminal of its own, and type text."""

from __future__ import annotations

import os
import pty
import re
import select
import shlex
import signal
import sys
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

    def end(self) -> int:
        """Wait for the end of the command, and return its exit code."""
        while self._read():
            pass
        return os.waitstatus_to_exitcode(os.waitpid(self._process, 0)[1])

    def _read(self) -> bool:
        if select.select([self._descriptor], [], [], 1)[0]:
            try:
                new = os.read(self._descriptor, 65536).decode()
            except OSError:  # the command has closed the terminal
                return False
            self._unread += new
            self.shown += new
            return bool(new)
        return True


@contextmanager
def terminal(line: str, folder: Path, environment: Mapping[str, str]) -> Iterator[Terminal]:
    """Run a line of shell in a terminal; ``s3batch`` is the command. Kill it at the end."""
    shell = f's3batch() {{ {shlex.quote(sys.executable)} -m s3batch_handler.cli "$@"; }}\n{line}'
    process, descriptor = pty.fork()
    if process == 0:
        try:
            os.chdir(folder)
            os.execve("/bin/bash", ["bash", "-c", shell], {**environment, "TERM": "dumb"})
        finally:
            os._exit(127)
    try:
        yield Terminal(process, descriptor)
    finally:
        os.close(descriptor)
        with suppress(OSError):
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
