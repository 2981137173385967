"""A pytest plugin that finds tests which fail on a slow machine.

Once in each test, before a random line, the thread that runs it stops for a while, as it may on a
busy machine. A test that fails with this plugin can also fail without it:

    python -m pytest -p tests.support.stalls --stalls 1    # before lines of tests
    python -m pytest -p tests.support.stalls --stalls 1 --stalls-in s3batch_handler

The number chooses the lines, so that a run can be repeated. The report of a test has the line. The
plugin needs Python 3.12, for ``sys.monitoring``.
"""

from __future__ import annotations

import os
import random
import sys
import time
from typing import TYPE_CHECKING, Any, Final

import pytest

from s3batch_handler.handler import _interruption as interruption
from s3batch_handler.handler import _time_limit as deadline

if TYPE_CHECKING:
    from collections.abc import Generator
    from types import CodeType

SECONDS: Final = 0.4
LINES: Final = {"tests": 15, "s3batch_handler": 1500}
"""The usual number of lines of a folder that run in a test, with its helpers and fixtures."""

_SIGNALS: Final = (deadline.__file__, interruption.__file__)
"""They depend on where Python handles signals; with this plugin, that is between any lines."""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("stalls")
    group.addoption("--stalls", default="1", metavar="N", help="seed of the random lines")
    group.addoption("--stalls-in", default="tests", choices=LINES, help="folder of the lines")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(_Stalls(config))


class _Stalls:
    def __init__(self, config: pytest.Config) -> None:
        folder = config.getoption("--stalls-in")
        self._folder = str(config.rootpath / folder) + os.sep
        self._most, self._choice = LINES[folder], config.getoption("--stalls")
        self._lines_before = -1  # no stop is planned
        self._place = "nowhere"
        self._sleep, self._now = time.sleep, time.monotonic  # tests replace clocks
        self._monitoring: Any = sys.monitoring  # type: ignore[attr-defined,unused-ignore]
        line, tool = self._monitoring.events.LINE, self._monitoring.PROFILER_ID
        self._monitoring.use_tool_id(tool, "stalls")
        self._monitoring.register_callback(tool, line, self._on_line)
        self._monitoring.set_events(tool, line)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        choose = random.Random(f"{self._choice} {item.nodeid}")
        self._lines_before = int(self._most ** choose.random())  # small numbers more often
        self._place = "nowhere"
        try:
            return (yield)
        finally:
            self._lines_before = -1

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        report.sections.append(("stopped before", self._place))
        return report

    def _on_line(self, code: CodeType, line: int) -> object:
        if not code.co_filename.startswith(self._folder) or code.co_filename in _SIGNALS:
            return self._monitoring.DISABLE
        if self._lines_before >= 0:
            self._lines_before -= 1
            if self._lines_before < 0:
                self._place = f"{code.co_filename.removeprefix(self._folder)}:{line}"
                until = self._now() + SECONDS
                while (left := until - self._now()) > 0:  # a signal may interrupt it
                    self._sleep(left)
        return None
