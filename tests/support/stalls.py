"""A pytest plugin that finds tests which hold only on a machine that is never busy.

Once in each test, before some line, the thread that comes by stops for a while, as it may whenever
the machine has something else to do. What fails then would fail some day without it:

    python -m pytest -p tests.support.stalls --stalls 1    # before lines of tests
    python -m pytest -p tests.support.stalls --stalls 1 --stalls-in s3batch_handler

Each number chooses other lines, the same number chooses the same again, and a test that fails says
where it was stopped. It needs Python 3.12, for ``sys.monitoring``.
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
"""How many lines of a folder a test comes by, as a rule; those of helpers and fixtures count."""

_SIGNALS: Final = (deadline.__file__, interruption.__file__)
"""They rest on where Python handles signals: because of this plugin, between any two lines."""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("stalls")
    group.addoption("--stalls", default="1", metavar="N", help="which choice of lines")
    group.addoption("--stalls-in", default="tests", choices=LINES, help="in which folder")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(_Stalls(config))


class _Stalls:
    def __init__(self, config: pytest.Config) -> None:
        folder = config.getoption("--stalls-in")
        self._folder = str(config.rootpath / folder) + os.sep
        self._most, self._choice = LINES[folder], config.getoption("--stalls")
        self._lines_before = -1  # none to come
        self._place = "nowhere"
        self._sleep, self._now = time.sleep, time.monotonic  # tests have clocks of their own
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
                while (left := until - self._now()) > 0:  # a signal may cut it short
                    self._sleep(left)
        return None
