"""The failure threshold of a job."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3batch_handler.core._model import Outcome, ResultCode
from s3batch_handler.documents.manifests._manifest import ManifestEntry
from s3batch_handler.engine.invoke._answer import Answer, NotRun
from s3batch_handler.engine.invoke._in_process import InProcess
from s3batch_handler.engine.invoke._worker_pool import WorkerPool
from s3batch_handler.engine.run._run_job import run_job
from s3batch_handler.jobs._failure_threshold import FailureThreshold
from s3batch_handler.jobs._status import JobStatus, Progress
from tests.support.job_run import JOB, SUCCEEDS, Rows, function_of, numbered

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from s3batch_handler.engine.invoke._events import EventTemplate
    from s3batch_handler.engine.invoke._invoker import RunningCall
    from tests.support.invoker_calls import Write


def test_a_job_fails_when_more_than_half_of_1000_tasks_failed(report: Rows) -> None:
    """The other tasks are not run. The report has those that were."""
    run = run_job(
        numbered(5_000),
        InProcess(function_of(lambda key: ("PermanentFailure", "no"))),
        JOB,
        report=report,
    )

    assert run.status is JobStatus.FAILED
    assert run.reason == "1,000 of 1,000 tasks failed: more than half"
    assert len(report.rows) == run.progress.done == 1_000
    assert report.is_written


@pytest.mark.parametrize(("count", "failing"), [(999, 999), (3_000, 1_500)])
def test_a_job_below_the_threshold_completes(report: Rows, count: int, failing: int) -> None:
    """Complete means that all tasks were run, not that they succeeded."""

    def outcome(key: str) -> Any:
        return ("PermanentFailure" if int(key) >= count - failing else "Succeeded"), ""

    run = run_job(numbered(count), InProcess(function_of(outcome)), JOB, report=report)

    assert run.status is JobStatus.COMPLETE
    counts = (run.progress.total, run.progress.succeeded, run.progress.failed)
    assert counts == (count, count - failing, failing)


def test_temporary_failures_do_not_count_before_the_last_retry(report: Rows) -> None:
    """Only permanent failures count."""
    seen: set[str] = set()

    def outcome(key: str) -> Any:
        first = key not in seen
        seen.add(key)
        return ("TemporaryFailure" if first else "Succeeded"), ""

    run = run_job(numbered(2_000), InProcess(function_of(outcome)), JOB, report=report)

    assert run.status is JobStatus.COMPLETE
    assert run.progress.succeeded == 2_000


def test_the_threshold_in_the_last_retry_leaves_no_task_without_a_row(report: Rows) -> None:
    """Tasks that are not retried any more have failed with their latest message."""
    run = run_job(
        numbered(2_000),
        InProcess(function_of(lambda key: ("TemporaryFailure", f"busy {key}"))),
        replace(JOB, max_redrives=1),
        report=report,
    )

    assert run.status is JobStatus.FAILED
    assert len(report.by_key) == 2_000
    assert report.by_key["1999"] == ("failed", 200, "TemporaryFailure", "busy 1999")


@pytest.mark.parametrize(
    ("tolerate", "run_tasks"),
    [("0", 1), ("0%", 1), ("4", 5), ("5%", 6), ("4.99%", 5), ("99%", 100), ("100%", None)],
)
def test_a_job_ends_with_one_more_failure_than_is_tolerated(
    report: Rows, tolerate: str, run_tasks: int | None
) -> None:
    """There is no minimum number of tasks. A percentage is of all tasks, also before they run."""
    settings = replace(JOB, total=100, threshold=FailureThreshold.parse(tolerate))
    fails = InProcess(function_of(lambda key: ("PermanentFailure", "no")))

    run = run_job(numbered(100), fails, settings, report=report)

    assert run.status is (JobStatus.COMPLETE if run_tasks is None else JobStatus.FAILED)
    assert run.failure_code == (None if run_tasks is None else "FailureThresholdExceeded")
    assert len(report.rows) == run.progress.failed == (run_tasks or 100)


def test_successes_never_end_a_job(report: Rows) -> None:
    """The threshold counts failures only."""
    settings = replace(JOB, total=100, threshold=FailureThreshold.parse(0))

    run = run_job(numbered(100), InProcess(SUCCEEDS), settings, report=report)

    assert run.status is JobStatus.COMPLETE


class Parallel:
    """Takes tasks in batches as a pool of workers does, and answers them in another order.

    Args:
        outcome: Returns the result code of a task.
        batch: The number of tasks that are taken before any of them is answered.
        order: Sorts the tasks of a batch into the order of their answers.
    """

    workers: Final = 1

    def __init__(
        self,
        outcome: Callable[[str], ResultCode],
        batch: int,
        order: Callable[[list[ManifestEntry]], None],
    ) -> None:
        self.outcome, self.batch, self.order = outcome, batch, order

    def invoke_all(
        self,
        _: EventTemplate,
        entries: Iterable[ManifestEntry],
        /,
        *,
        stop: Callable[[], bool],
    ) -> Iterator[tuple[ManifestEntry, Answer, float | None]]:
        entries = iter(entries)
        while drawn := list(itertools.islice(entries, self.batch)):
            self.order(drawn)
            for entry in drawn:
                if stop():
                    yield entry, NotRun(), None
                else:
                    yield entry, Outcome(self.outcome(entry.encoded_key), ""), None

    def running(self) -> list[RunningCall]:
        return []

    def close(self) -> None:
        """Return immediately."""


def failures_first(failing: Collection[int]) -> Callable[[list[ManifestEntry]], None]:
    return lambda drawn: drawn.sort(key=lambda entry: int(entry.encoded_key) not in failing)


@given(
    failing=st.sets(st.integers(0, 39)),
    tolerate=st.integers(0, 40).flatmap(lambda n: st.sampled_from([f"{n}", f"{n * 2.5:.1f}%"])),
    batch=st.sampled_from([1, 7, 100]),
)
def test_what_is_tolerated_decides_in_any_order(
    failing: set[int], tolerate: str, batch: int
) -> None:
    """A job fails if more of its 40 tasks fail, however they are batched and answered."""

    def outcome(key: str) -> ResultCode:
        return ResultCode.PERMANENT_FAILURE if int(key) in failing else ResultCode.SUCCEEDED

    settings = replace(JOB, total=40, threshold=FailureThreshold.parse(tolerate))
    run = run_job(numbered(40), Parallel(outcome, batch, failures_first(failing)), settings)

    is_share = tolerate.endswith("%")
    most = float(tolerate.strip("%")) / 2.5 if is_share else int(tolerate)
    assert (run.status is JobStatus.FAILED) == (len(failing) > most)
    assert (run.failure_code is None) == (run.status is JobStatus.COMPLETE)


@pytest.mark.slow
@given(
    period=st.integers(2, 40),
    share=st.floats(0, 1),
    without_run=st.floats(0, 1),
    batch=st.sampled_from([1, 7, 500, 2_000, 5_000]),
    seed=st.integers(0, 1_000),
)
def test_the_threshold_does_not_depend_on_the_order_of_answers(
    period: int, share: float, without_run: float, batch: int, seed: int
) -> None:
    """However tasks are batched and answered, a job fails only if it would fail with one task after
    the other. If it would, it does so, unless only the tasks of a batch make the difference.
    """
    chance = random.Random(seed)
    failing_ones = chance.sample(range(period), round(share * period))
    count = 6_000
    failing = {number for number in range(count) if number % period in failing_ones}
    empty = {number for number in failing if chance.random() < without_run}
    entries = [
        ManifestEntry("photos", str(number), "" if number in empty else "v")
        for number in range(count)
    ]
    failed_up_to = [*itertools.accumulate(int(number in failing) for number in range(count))]

    def first_over_half(margin: int) -> int | None:
        runs = enumerate(failed_up_to, 1)
        over = (run for run, failed in runs if run >= 1_000 and failed * 2 > run + margin)
        return next(over, None)

    def outcome(key: str) -> ResultCode:
        return ResultCode.PERMANENT_FAILURE if int(key) in failing else ResultCode.SUCCEEDED

    run = run_job(entries, Parallel(outcome, batch, failures_first(failing)), JOB)

    places = [-1, *(number for number in range(count) if number not in empty), count]
    ends = [*places[batch:], *[count] * batch]
    drawn_meanwhile = max(end - place for place, end in zip(places, ends, strict=False))
    certain = first_over_half(drawn_meanwhile)
    if first_over_half(0) is None:
        assert (run.status, run.progress.done) == (JobStatus.COMPLETE, count)
    if certain is not None:
        assert run.status is JobStatus.FAILED
        assert run.progress.done <= certain + drawn_meanwhile
    if len(failing) * 2 > count:
        assert run.status is JobStatus.FAILED


def test_tasks_without_a_version_id_are_counted_after_the_task_before_them(report: Rows) -> None:
    """The proportion of failures is at any time that of the manifest."""
    entries = [
        ManifestEntry("photos", str(number), "v" if number % 3 == 0 else "")
        for number in range(900)
    ]
    progress: list[Progress] = []
    with patch("s3batch_handler.engine.run._ledger._COMMIT_SECONDS", 0):
        run = run_job(
            entries,
            Parallel(lambda key: ResultCode.SUCCEEDED, 2_000, lambda drawn: None),
            JOB,
            report=report,
            on_progress=progress.append,
        )

    assert all(each.failed <= 2 * each.succeeded for each in progress)
    assert (run.progress.succeeded, run.progress.failed) == (300, 600)


@pytest.mark.slow
def test_tasks_without_a_version_id_do_not_tip_the_threshold(function: Write, report: Rows) -> None:
    """Nearly half of the tasks have no version ID, and workers take others in batches."""
    spec = function(
        """
        def handler(event, context):
            return answer(event)
        """
    )
    entries = [ManifestEntry("b", str(n), "" if n % 20 in range(9) else "v") for n in range(20_000)]

    run = run_job(entries, WorkerPool(spec, workers=2), JOB, report=report)

    assert run.status is JobStatus.COMPLETE
    assert (run.progress.succeeded, run.progress.failed) == (11_000, 9_000)


def test_a_job_whose_tasks_all_lack_a_version_id_fails_early(report: Rows) -> None:
    """Tasks are not kept in memory until the end."""
    entries = (ManifestEntry("photos", str(number), "") for number in range(5_000))

    run = run_job(entries, InProcess(SUCCEEDS), JOB, report=report)

    assert run.status is JobStatus.FAILED
    assert 1_000 <= run.progress.done <= 2_000
    assert len(report.rows) == run.progress.failed
