"""Without a library, with a time limit that is set at each call, as in most examples."""

from __future__ import annotations

import signal
from typing import Any

from benchmarks.functions import hand_written


def _raise_timeout(*_: object) -> None:
    raise TimeoutError


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    earlier = signal.signal(signal.SIGALRM, _raise_timeout)
    signal.setitimer(signal.ITIMER_REAL, context.get_remaining_time_in_millis() / 1000 - 1)
    try:
        return hand_written.handler(event, context)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, earlier)
