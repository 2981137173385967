"""Metrics of tasks, with the real Powertools Metrics."""

from __future__ import annotations

import json
import math
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from s3batch_handler.handler._observability import Observer
from tests.support.observation import PERMANENT, SUCCEEDED, TEMPORARY, new_metrics, task

if TYPE_CHECKING:
    from s3batch_handler.core._model import Outcome


@pytest.mark.parametrize(
    ("outcome", "name"),
    [
        (SUCCEEDED, "TaskSucceeded"),
        (TEMPORARY, "TaskTemporaryFailure"),
        (PERMANENT, "TaskPermanentFailure"),
    ],
)
def test_a_task_is_counted_and_timed(
    outcome: Outcome, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """``@metrics.log_metrics`` prints the metrics as EMF."""
    metrics = new_metrics()
    observer = Observer(metrics=metrics)

    @metrics.log_metrics
    def handler(event: object, context: object) -> None:
        with observer.observe(task(), 10.0) as watched:
            time.sleep(0.02)
            watched.outcome = outcome

    handler({}, None)

    emf = json.loads(capsys.readouterr().out)
    (declared,) = emf["_aws"]["CloudWatchMetrics"]
    assert {each["Name"]: each["Unit"] for each in declared["Metrics"]} == {
        name: "Count",
        "TaskDuration": "Milliseconds",
        "TimeLeft": "Milliseconds",
    }
    assert declared["Dimensions"] == [["service"]]
    assert emf[name] == [1.0]
    assert 20 <= emf["TaskDuration"][0] < 5000
    assert emf["TimeLeft"][0] == pytest.approx(10_000 - emf["TaskDuration"][0], abs=0.01)


def test_an_unknown_time_left_is_not_a_metric() -> None:
    metrics = new_metrics()

    with Observer(metrics=metrics).observe(task(), math.inf):
        pass

    assert "TimeLeft" not in metrics.provider.metric_set


def test_time_left_is_never_negative() -> None:
    metrics = new_metrics()

    with Observer(metrics=metrics).observe(task(), -1.0):
        pass

    assert metrics.provider.metric_set["TimeLeft"]["Value"] == [0.0]


def test_a_task_that_exits_has_only_a_duration() -> None:
    metrics = new_metrics()

    with pytest.raises(SystemExit), Observer(metrics=metrics).observe(task(), math.inf):
        raise SystemExit

    assert set(metrics.provider.metric_set) == {"TaskDuration"}


def test_metrics_of_many_threads_are_all_counted(capsys: pytest.CaptureFixture[str]) -> None:
    """Powertools' Metrics is not thread-safe, and prints at 100 values."""
    metrics = new_metrics()
    observer = Observer(metrics=metrics)

    def work(number: int) -> None:
        with observer.observe(task(str(number)), 1.0) as watched:
            watched.outcome = SUCCEEDED

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(950)))
    metrics.flush_metrics()

    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert sum(len(each.get("TaskSucceeded", [])) for each in printed) == 950
    assert sum(len(each.get("TaskDuration", [])) for each in printed) == 950
