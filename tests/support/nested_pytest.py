"""Test suites that a test writes and runs."""

from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING, Final

from s3batch_handler.testing import FakeClock, mock_s3batch, run_job, strategies

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    Result = pytest.RunResult

# A run in this process removes the modules that it imports, so the package would be imported again,
# and a clock would change other modules than those that handlers use.
IMPORTED: Final = (mock_s3batch, run_job, strategies)
with FakeClock():  # imports all modules of the runtime
    pass

PLUGIN: Final = "s3batch_handler.testing._plugin"


class NestedPytest:
    """A directory with one test module, which runs with our plugin and no other.

    Args:
        pytester: pytest's fixture.
        monkeypatch: pytest's fixture.
    """

    def __init__(self, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
        self._pytester = pytester
        self._monkeypatch = monkeypatch
        self.path: Path = pytester.path
        pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function")

    def write(self, source: str) -> None:
        """Write the test module."""
        self._pytester.makepyfile(test_module=dedent(source))

    def run(self, source: str, *options: str) -> Result:
        """Write a test module and run it in this process, which is fast."""
        self.write(source)
        self._monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        return self._pytester.runpytest_inprocess("-p", PLUGIN, *options)

    def run_process(self, *options: str, autoload: bool = False) -> Result:
        """Run the test module in a process of its own; ``autoload`` uses the entry points."""
        if not autoload:
            self._monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
            options = ("-p", PLUGIN, *options)
        return self._pytester.runpytest_subprocess(*options)
