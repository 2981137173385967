"""End child processes that a task has forked, so that only one process responds.

A forked process has a copy of the call stack. If the code of the task returned there, or raised an
exception such as that of ``sys.exit()``, the child process would send a response to Lambda, too.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress


class Forks:
    """Counts the forks between the first process and this one.

    Attributes:
        count: The number of forks. If it changes during a call, the caller is in a child process.
    """

    def __init__(self) -> None:
        self.count = 0
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._add)

    def _add(self) -> None:
        self.count += 1


forks = Forks()


def exit_child() -> None:
    """End this process as Python ends a program, but without ``atexit`` functions.

    The exception that is being handled is the reason.
    """
    error, status = sys.exception(), 0
    with suppress(BaseException):  # the streams and the hook may be those of the task
        if isinstance(error, SystemExit) and isinstance(error.code, int | None):
            status = (error.code or 0) & 0xFF
        elif error is not None:
            status = 1
            sys.excepthook(type(error), error, error.__traceback__)
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(status)
