"""A log whose last lines are kept in memory while worker processes write to it."""

from __future__ import annotations

import os
import select
import threading
import time
from typing import Final

from s3batch_handler.engine.invoke._log_tail import MemoryTail


class RecordedLog:
    """Copies what is written to a pipe to another file, and keeps the last lines.

    A thread copies. It ends when no process has the pipe open any more: a process that a function
    has started may write later than its job.

    Args:
        target: The file descriptor that gets everything, unchanged. If it cannot be written, the
            writers are not affected.

    Attributes:
        tail: The last lines.
    """

    def __init__(self, target: int) -> None:
        self.tail = MemoryTail()
        self._target: int | None = target
        self._read, self._write = os.pipe()
        self._wake_read, self._wake_write = os.pipe()
        self._is_drained = threading.Event()
        threading.Thread(target=self._copy_all, name="s3batch log", daemon=True).start()

    def fileno(self) -> int:
        """Return the file descriptor to write to."""
        return self._write

    def close(self) -> None:
        """Wait until everything that was written is copied, but not for a target that blocks."""
        if self._write < 0:
            return
        os.close(self._write)
        self._write = -1
        os.close(self._wake_write)
        self._is_drained.wait(_MAX_WAIT)

    def _copy_all(self) -> None:
        poll = select.poll()
        poll.register(self._read, select.POLLIN)
        poll.register(self._wake_read, select.POLLIN)
        try:
            while True:
                ready = {file for file, _ in poll.poll()}
                if self._wake_read in ready and self._read not in ready:
                    self._is_drained.set()
                    poll.unregister(self._wake_read)
                if self._read in ready:
                    data = os.read(self._read, _CHUNK)
                    if not data:
                        return
                    self.tail.add(data)
                    self._forward(data)
                    time.sleep(_PAUSE)
        finally:
            self._is_drained.set()
            os.close(self._read)
            os.close(self._wake_read)

    def _forward(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest and self._target is not None:
            try:
                rest = rest[os.write(self._target, rest) :]
            except BlockingIOError:
                select.select([], [self._target], [])
            except OSError:  # for example, the reader of standard error has ended
                self._target = None


_CHUNK: Final = 1 << 16
_PAUSE: Final = 0.001  # seconds: waking up for each line would slow down the writers
_MAX_WAIT: Final = 2.0
