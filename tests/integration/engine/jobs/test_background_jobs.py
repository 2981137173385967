"""Jobs in the background: their order, pauses and expiry."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from s3batch_handler.core._errors import JobError, JobNotFound
from s3batch_handler.engine._engine import Engine
from s3batch_handler.jobs._status import JobStatus
from tests.support.engine_jobs import Clock, Gate, close, over, rows, spec, status
from tests.support.waiting import wait_for


def test_create_job_returns_while_the_job_runs(s3: Any) -> None:
    """The caller does not wait until the job is over."""
    gate = Gate()
    with Engine({"function": gate}, s3=s3, background=True) as engine:
        job_id = engine.create_job(spec(s3))
        at_first = status(engine, job_id)
        gate.let(3)
        job = over(engine, job_id)

        assert not at_first.is_final
        assert (job.status, job.progress.succeeded) == (JobStatus.COMPLETE, 3)
        assert sorted(row.key for row in rows(s3, job_id)) == ["0", "1", "2"]


def test_a_job_pauses_for_a_job_of_higher_priority(s3: Any) -> None:
    """It pauses after its task, and continues when the other job is over."""
    gate = Gate()
    with Engine({"function": gate}, s3=s3, background=True) as engine:
        low = engine.create_job(spec(s3, 3, Priority=1))
        gate.let(1)
        wait_for(lambda: gate.jobs == [low, low])
        high = engine.create_job(spec(s3, 2, Priority=2))
        wait_for(lambda: status(engine, low) is JobStatus.PAUSING)
        gate.let(1)
        wait_for(lambda: gate.jobs == [low, low, high])
        meanwhile = engine.describe_job(low)
        gate.let(4)

        assert (over(engine, high).status, over(engine, low).status) == ("Complete", "Complete")
        assert (meanwhile.status, meanwhile.progress.succeeded) == (JobStatus.PAUSED, 2)
        assert gate.jobs == [low, low, high, high, low]
        assert sorted(row.key for row in rows(s3, low)) == ["0", "1", "2"]


def test_a_job_with_a_raised_priority_runs_at_once(s3: Any) -> None:
    """The running job pauses for it."""
    gate = Gate()
    with Engine({"function": gate}, s3=s3, background=True) as engine:
        first = engine.create_job(spec(s3, 2, Priority=5))
        wait_for(lambda: gate.jobs == [first])
        second = engine.create_job(spec(s3, 2, Priority=5))
        wait_for(lambda: status(engine, second) is JobStatus.READY)
        engine.update_job_priority(second, 6)
        gate.let(4)
        over(engine, first)

        assert gate.jobs == [first, second, second, first]


def test_jobs_of_the_same_priority_run_in_the_order_of_their_creation(s3: Any) -> None:
    """One runs after the other."""
    gate = Gate()
    with Engine({"function": gate}, s3=s3, background=True) as engine:
        jobs = [engine.create_job(spec(s3, 1)) for _ in range(4)]
        gate.let(4)
        for job_id in jobs:
            over(engine, job_id)

    assert gate.jobs == jobs


@pytest.mark.parametrize("when", ["ready", "paused", "active"])
def test_cancelling_a_job_that_is_ready_paused_or_active(s3: Any, when: str) -> None:
    """Its report has the tasks that were done before."""
    gate = Gate()
    with Engine({"function": gate}, s3=s3, background=True) as engine:
        job_id = engine.create_job(spec(s3, 3, Priority=1))
        wait_for(lambda: gate.jobs == [job_id])
        if when == "ready":
            job_id = engine.create_job(spec(s3, 3, Priority=0))
            wait_for(lambda: status(engine, job_id) is JobStatus.READY)
        elif when == "paused":
            engine.create_job(spec(s3, 3, Priority=2))
            wait_for(lambda: status(engine, job_id) is JobStatus.PAUSING)
            gate.let(1)
            wait_for(lambda: status(engine, job_id) is JobStatus.PAUSED)

        updated = engine.update_job_status(job_id, JobStatus.CANCELLED)
        gate.let(9)
        job = over(engine, job_id)

        done = {"ready": 0, "paused": 1, "active": 1}[when]
        assert (updated.status, job.status) == (JobStatus.CANCELLING, JobStatus.CANCELLED)
        assert (job.progress.total, job.progress.done) == (3, done)
        if done:
            assert len(rows(s3, job_id)) == done


def test_a_job_in_the_background_waits_for_its_confirmation(s3: Any) -> None:
    """No task runs before it is confirmed."""
    gate = Gate()
    gate.let(3)
    with Engine({"function": gate}, s3=s3, background=True) as engine:
        job_id = engine.create_job(spec(s3, ConfirmationRequired=True))
        wait_for(lambda: status(engine, job_id) is JobStatus.SUSPENDED)
        began = list(gate.jobs)
        engine.update_job_status(job_id, JobStatus.READY)

        assert began == []
        assert over(engine, job_id).status is JobStatus.COMPLETE


def test_a_job_that_cannot_run_does_not_stop_others(s3: Any) -> None:
    """The next job runs."""
    gate = Gate()
    gate.let(3)
    with Engine({"function": gate}, s3=s3, background=True) as engine:
        bad = engine.create_job(spec(s3, Operation={"LambdaInvoke": {"FunctionArn": "unknown"}}))
        good = engine.create_job(spec(s3))

        assert over(engine, good).status is JobStatus.COMPLETE
        assert over(engine, bad).failure_reasons[0].failure_code == "ResourceNotFoundException"


@pytest.mark.parametrize("error", [KeyboardInterrupt, GeneratorExit])
def test_an_exception_that_is_not_an_error_fails_a_pausing_job(
    s3: Any, error: type[BaseException]
) -> None:
    """The thread continues with the other jobs."""
    gate = Gate()

    def breaks(event: Any, context: object) -> Any:
        gate(event, context)
        raise error

    with Engine({"function": gate, "breaks": breaks}, s3=s3, background=True) as engine:
        operation = {"LambdaInvoke": {"FunctionArn": "breaks"}}
        low = engine.create_job(spec(s3, Priority=1, Operation=operation))
        wait_for(lambda: gate.jobs == [low])
        high = engine.create_job(spec(s3, Priority=2))
        wait_for(lambda: status(engine, low) is JobStatus.PAUSING)
        gate.let(4)

        (reason,) = over(engine, low).failure_reasons
        assert reason.failure_reason == f"interrupted by {error.__name__}"
        assert over(engine, high).status is JobStatus.COMPLETE


REQUESTS = st.lists(
    st.tuples(
        st.sampled_from(["create", "ask", "confirm", "cancel", "priority", "reopen", "let"]),
        st.integers(0, 3),
    ),
    max_size=25,
)


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(requests=REQUESTS)
def test_requests_in_any_order_lead_to_correct_counts_and_rows(
    s3: Any, tmp_path_factory: pytest.TempPathFactory, requests: list[tuple[str, int]]
) -> None:
    """Transitions are legal, counts add up, and each task that was done has one row."""
    gate, jobs, state = Gate(), list[str](), tmp_path_factory.mktemp("state")

    def opened() -> Engine:
        return Engine({"function": gate}, s3=s3, state=state, background=True)

    engine = opened()
    try:
        for verb, number in requests:
            with suppress(JobError):  # refusals are answers
                if verb in ("create", "ask"):
                    wanted = spec(s3, 3, Priority=number, ConfirmationRequired=verb == "ask")
                    jobs.append(engine.create_job(wanted))
                elif verb == "reopen":
                    close(engine, gate)
                    engine = opened()
                elif verb == "let":
                    gate.let(number + 1)
                elif jobs and verb == "priority":
                    engine.update_job_priority(jobs[number % len(jobs)], number)
                elif jobs:
                    asked = JobStatus.READY if verb == "confirm" else JobStatus.CANCELLED
                    engine.update_job_status(jobs[number % len(jobs)], asked)
        gate.let(1_000)
        for job_id in jobs:
            wait_for(partial(rests, engine, job_id))
            if status(engine, job_id) is JobStatus.SUSPENDED:
                engine.update_job_status(job_id, JobStatus.READY)
            job = over(engine, job_id)

            assert job.status in (JobStatus.COMPLETE, JobStatus.CANCELLED), job.failure_reasons
            assert job.termination_date is not None
            assert job.progress.failed == 0
            assert job.progress.done == 3 or job.status is JobStatus.CANCELLED
            if job.progress.done:
                found = Counter(row.key for row in rows(s3, job_id))
                assert found.total() == len(found) == job.progress.done
    finally:
        gate.let(1_000)
        engine.close()


def rests(engine: Engine, job_id: str) -> bool:
    """Return whether a job does not change without a request."""
    now = status(engine, job_id)
    return now.is_final or now is JobStatus.SUSPENDED


def test_a_job_that_is_not_confirmed_in_30_days_fails(s3: Any) -> None:
    clock = Clock()
    with Engine({"function": Gate()}, s3=s3, clock=clock) as engine:
        job_id = engine.create_job(spec(s3, ConfirmationRequired=True))
        clock.now += timedelta(days=29)
        still = status(engine, job_id)
        clock.now += timedelta(days=2)

        assert (still, status(engine, job_id)) == (JobStatus.SUSPENDED, JobStatus.FAILED)


def test_a_job_is_forgotten_90_days_after_its_end(s3: Any) -> None:
    clock, gate = Clock(), Gate()
    gate.let(3)
    with Engine({"function": gate}, s3=s3, clock=clock) as engine:
        job_id = engine.create_job(spec(s3))
        clock.now += timedelta(days=89)
        still = status(engine, job_id)
        clock.now += timedelta(days=2)

        assert still is JobStatus.COMPLETE
        assert engine.list_jobs().jobs == ()
        with pytest.raises(JobNotFound):
            engine.describe_job(job_id)
