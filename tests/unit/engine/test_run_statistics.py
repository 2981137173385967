"""What a job knows about its run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from s3batch_handler.core._model import Outcome, ResultCode
from s3batch_handler.engine.invoke._answer import ServiceError
from s3batch_handler.engine.run._journal import QueuedTask
from s3batch_handler.engine.run._run_statistics import MAX_LATEST, MAX_SLOWEST, RunStatistics

if TYPE_CHECKING:
    from s3batch_handler.engine.run._run_statistics import AnsweredTask, Status


def answered(
    number: int, seconds: float | None = 0.01, status: Status = "succeeded"
) -> AnsweredTask:
    task = QueuedTask("photos", f"image%20{number}.jpg", None)
    task.number = number
    if status == "succeeded":
        return task, Outcome(ResultCode.SUCCEEDED, "done"), status, seconds
    if status == "waiting":
        return task, Outcome(ResultCode.TEMPORARY_FAILURE, "later"), status, seconds
    return task, ServiceError(403, "AccessDenied", "no"), status, seconds


def added(statistics: RunStatistics, tasks: list[AnsweredTask], seconds: float = 1.0) -> None:
    for task in tasks:
        statistics.add(*task)
    statistics.sample(seconds, answers=len(tasks), succeeded=len(tasks), failed=0, workers=1)


def test_the_slowest_and_the_latest_tasks_are_kept() -> None:
    """Their keys are decoded, and each task is among the slowest once."""
    statistics = RunStatistics()
    tasks = [answered(number, number / 1000) for number in range(100)]
    later = [answered(7, 5.0, "waiting"), answered(8, None, "failed"), answered(7, 3.0)]
    added(statistics, [*tasks, *later])

    found = statistics.snapshot(remaining=None)

    assert [each["seconds"] for each in found.slowest] == [
        5.0,
        *(number / 1000 for number in range(99, 99 - MAX_SLOWEST + 1, -1)),
    ]
    assert found.slowest[0]["key"] == "image 7.jpg"
    assert len(found.latest) == MAX_LATEST
    newest, failed, waiting = found.latest[:3]
    assert (newest["status"], newest["message"], newest["seconds"]) == ("succeeded", "done", 3.0)
    assert (failed["status"], failed["code"], failed["http_status"]) == (
        *("failed", "AccessDenied", 403),
    )
    assert failed["seconds"] is None
    assert (waiting["status"], waiting["message"]) == ("waiting", "later")
    assert found.durations is not None
    assert found.durations["calls"] == 102


def test_statistics_continue_from_facts() -> None:
    """Facts go through JSON, as in the journal; lone surrogates of keys do, too."""
    statistics = RunStatistics()
    task = QueuedTask("photos", "%FF.jpg", None)
    task.number = 1
    statistics.add(task, Outcome(ResultCode.SUCCEEDED, ""), "succeeded", 1.0)
    statistics.add(*answered(2))
    statistics.sample(4.0, answers=2, succeeded=2, failed=0, workers=3)

    resumed = RunStatistics(json.loads(json.dumps(statistics.facts())), seconds=4.0)
    resumed.sample(4.0, answers=0, succeeded=2, failed=0, workers=1)

    before, after = statistics.snapshot(remaining=0), resumed.snapshot(remaining=0)
    assert after.slowest == before.slowest
    assert after.latest == before.latest
    assert after.durations == before.durations
    assert after.rate_history == before.rate_history
    assert after.rate_average == before.rate_average == 0.5
    assert after.workers == 3
    assert after.slowest[0]["key"] == "\udcff.jpg"


def test_the_size_does_not_depend_on_the_tasks() -> None:
    """It is saved with each commit, so messages are cut."""
    statistics = RunStatistics()
    for start in range(0, 20_000, 2_000):
        tasks = [answered(n, 1e-6 * (n + 1) ** 2, "failed") for n in range(start, start + 2_000)]
        added(statistics, tasks, seconds=start + 1)

    assert len(json.dumps(statistics.facts())) < 30_000


def test_a_long_message_is_truncated() -> None:
    """Messages of functions may have 1 KB."""
    task = answered(1)[0]
    statistics = RunStatistics()
    statistics.add(task, Outcome(ResultCode.SUCCEEDED, "x" * 1024), "succeeded", 1.0)

    assert len(statistics.snapshot(None).latest[0]["message"]) == 300


def test_names_that_s3_does_not_have_are_shortened() -> None:
    """A manifest may have keys of any length; the size of the statistics is limited."""
    statistics = RunStatistics()
    for number in range(MAX_SLOWEST + MAX_LATEST):
        task = QueuedTask("b" * 100_000, "k" * 100_000, "v" * 100_000)
        task.number = number
        failure = ServiceError(400, "KeyTooLongError" * 10_000, "long" * 10_000)
        statistics.add(task, failure, "failed", float(number))

    assert len(json.dumps(statistics.facts())) < 200_000
    (slowest, *_) = statistics.snapshot(remaining=None).slowest
    assert slowest["key"] == "k" * 1_024
    assert slowest["code"] is not None
    assert len(slowest["code"]) == 300
