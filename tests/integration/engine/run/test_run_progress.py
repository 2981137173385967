"""What a running job reports: waiting tasks, passes, failures, the failure threshold."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from s3batch_handler.engine.invoke._in_process import InProcess
from s3batch_handler.engine.invoke._worker_pool import WorkerPool
from s3batch_handler.engine.run._run_job import run_job
from s3batch_handler.engine.run._run_observer import RunObserver
from s3batch_handler.jobs._failure_threshold import FailureThreshold
from tests.support.job_run import JOB, function_of, lines, numbered

if TYPE_CHECKING:
    import pytest

    from s3batch_handler.engine.run._run_progress import RunProgress
    from tests.support.invoker_calls import Write


def test_tasks_that_wait_for_a_retry_are_counted_with_the_pass() -> None:
    """They are neither succeeded nor failed; each retry is an answer."""
    seen: list[RunProgress] = []
    tries: dict[str, int] = {}

    def outcome(key: str) -> Any:
        tries[key] = tries.get(key, 0) + 1
        return ("Succeeded" if key == "a" or tries[key] == 3 else "TemporaryFailure"), ""

    run_job(lines("a", "b", "c"), InProcess(function_of(outcome)), JOB, on_progress=seen.append)

    retries = [(each.pass_number, each.waiting, each.done) for each in seen if each.waiting]
    assert retries[-2:] == [(2, 2, 1), (3, 2, 1)]
    assert (seen[-1].waiting, seen[-1].done, seen[-1].answers) == (0, 3, 7)


def test_failures_are_reported_with_examples_and_the_failure_threshold() -> None:
    """The most frequent three."""
    seen: list[RunProgress] = []

    def outcome(key: str) -> Any:
        number = int(key)
        reasons = ["one", "two", "two", "three", "three", "three", "four", "four", "four", "four"]
        return ("PermanentFailure", reasons[number]) if number < len(reasons) else ("Succeeded", "")

    settings = replace(JOB, total=50, threshold=FailureThreshold.parse("50%"))
    run_job(numbered(50), InProcess(function_of(outcome)), settings, on_progress=seen.append)

    last = seen[-1]
    assert [(group.message, group.count) for group in last.failures] == [
        ("four", 4),
        ("three", 3),
        ("two", 2),
    ]
    assert last.failures[0].examples[0].key == "6"
    assert (last.failed, last.tolerated, last.workers) == (10, 25, 1)


def test_the_failures_that_others_see_are_those_of_the_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Other threads see as many failures in groups as tasks that have failed."""
    monkeypatch.setattr("s3batch_handler.engine.run._ledger._COMMIT_SECONDS", 0.0)
    observer = RunObserver()
    seen: list[tuple[int, int]] = []

    def read(progress: RunProgress) -> None:
        counts, failures = observer.counts
        assert counts is progress
        seen.append((progress.failed, sum(group.count for group in failures)))

    run_job(
        numbered(50),
        InProcess(function_of(lambda key: ("PermanentFailure", f"no {key}"))),
        JOB,
        on_progress=read,
        observer=observer,
    )

    assert len({failed for failed, _ in seen}) > 10
    assert [failed for failed, _ in seen] == [grouped for _, grouped in seen]


def test_progress_is_reported_while_no_task_ends(function: Write) -> None:
    """A display can show the time and the workers."""
    seen: list[RunProgress] = []
    spec = function(
        """
        import time

        def handler(event, context):
            time.sleep(1)
            return answer(event)
        """
    )

    run_job(lines("a"), WorkerPool(spec, workers=1), JOB, on_progress=seen.append)

    assert sum(not progress.done and progress.workers == 1 for progress in seen) >= 3
