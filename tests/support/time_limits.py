"""Functions that block, and programs for a fresh interpreter."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import time
from typing import TYPE_CHECKING

from tests.support.handlers import LONG

if TYPE_CHECKING:
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
    def asleep() -> None:  # what InSleep looks for
        time.sleep(LONG)

    asleep()


class InSleep:
    """Only sleep() above is to be interrupted."""

    def may_interrupt(self, frame: FrameType) -> bool:
        return frame.f_code.co_name == "asleep"

    def stop(self) -> None: ...
