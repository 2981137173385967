"""Functions that block, and programs for a fresh interpreter."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import time
from typing import TYPE_CHECKING

from tests.support.handlers import LONG

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType


LIMIT = 0.1


def run(program: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a fresh interpreter."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def sleep(_: object = None) -> None:
    def asleep() -> None:
        time.sleep(LONG)

    asleep()


class InterruptibleIf:
    """Lets the code be interrupted only while a condition holds.

    On a busy machine, the time may be over before the code has come to the place of interest.
    """

    def __init__(self, condition: Callable[[FrameType], object]) -> None:
        self._condition = condition

    def may_interrupt(self, frame: FrameType) -> bool:
        return bool(self._condition(frame))

    def stop(self) -> None: ...


IN_SLEEP = InterruptibleIf(lambda frame: frame.f_code.co_name == "asleep")
