"""Check that tests of handlers leave no timers, threads or loops in the process."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """Check that a test leaves no timer, no trace function and no running event loop."""

    def state() -> list[object]:
        return [signal.getsignal(signal.SIGALRM), sys.gettrace(), sys.getprofile()]

    before = state()
    yield
    assert signal.setitimer(signal.ITIMER_REAL, 0) == (0, 0)
    assert state() == before
    assert asyncio._get_running_loop() is None


@pytest.fixture(scope="module")
def loops_are_closed() -> Iterator[None]:
    """Collect garbage at the end: an event loop that is not closed warns then."""
    yield
    gc.collect()


@pytest.fixture
def no_child_is_left() -> Iterator[None]:
    """Check that a test leaves no child process, not even one that has ended."""
    before = child_processes()
    yield
    gc.collect()  # the frames of exceptions may refer to handlers
    assert child_processes() <= before


def child_processes() -> set[str]:
    """Return the IDs of the child processes of this one, also of those that have ended (Linux)."""
    lists = Path("/proc/self/task").glob("*/children")
    return {pid for children in lists for pid in children.read_text().split()}


@pytest.fixture
def logger(request: pytest.FixtureRequest) -> Iterator[logging.Logger]:
    """A logger that no other test uses."""
    logger = logging.getLogger(request.node.name)
    logger.propagate = False
    yield logger
    logger.handlers.clear()
