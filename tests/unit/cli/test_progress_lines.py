"""The progress of a job as lines, in pipes and CI."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from s3batch_handler.cli.terminal._progress_lines import ProgressLines
from s3batch_handler.engine.run._run_progress import RunProgress

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Set the time in seconds, at first 0."""
    now = [0.0]
    clock = SimpleNamespace(monotonic=lambda: now[0])
    monkeypatch.setattr("s3batch_handler.cli.terminal._progress_lines.time", clock)

    def set_time(seconds: float) -> None:
        now[0] = seconds

    return set_time


def progress(done: int, *, failed: int = 0, waiting: int = 0, in_pass: int = 1) -> RunProgress:
    return RunProgress(
        1_000, done - failed, failed, waiting=waiting, pass_number=in_pass, answers=done + waiting
    )


def test_a_line_appears_every_ten_seconds(
    at: Callable[[float], None], capsys: pytest.CaptureFixture[str]
) -> None:
    lines = ProgressLines()

    for second in range(25):
        at(second)
        lines.update(progress(10 * second, failed=second))

    assert capsys.readouterr().err.splitlines() == [
        "100 done, 10 failed, 10 tasks/s, about 1 min 30 s left",
        "200 done, 20 failed, 10 tasks/s, about 1 min 20 s left",
    ]


def test_a_pass_is_announced_once_with_its_tasks(
    at: Callable[[float], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """Passes without tasks are not."""
    lines = ProgressLines()

    lines.update(progress(980, waiting=20))
    lines.update(progress(980, waiting=20, in_pass=2))
    lines.update(progress(999, waiting=1, in_pass=2))
    lines.update(progress(999, waiting=1, in_pass=3))
    lines.update(progress(1_000, in_pass=4))

    assert capsys.readouterr().err.splitlines() == [
        "pass 2: 20 tasks to retry",
        "pass 3: 1 task to retry",
    ]
