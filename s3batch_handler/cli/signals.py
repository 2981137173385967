"""What ends a command from outside."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

from s3batch_handler.engine.runner import INTERRUPTS

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def ended_like_ctrl_c() -> Iterator[None]:
    """Take what ends processes (``kill``, a closed terminal) for a Ctrl-C.

    So that nothing stays behind half-written; ``nohup`` keeps its effect.
    """
    before = {
        number: signal.getsignal(number)
        for number in INTERRUPTS
        if signal.getsignal(number) is signal.SIG_DFL
    }
    for number in before:
        signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
