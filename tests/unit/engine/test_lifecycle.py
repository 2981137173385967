"""The statuses of a job follow the table of transitions."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from s3batch_handler.core._errors import InvalidTransition, JobError
from s3batch_handler.engine.state._lifecycle import (
    TRANSITIONS,
    check_transition,
    shortest_path,
    status_on_request,
)
from s3batch_handler.jobs._status import JobStatus

STATUSES = st.sampled_from(JobStatus)
FINAL = {JobStatus.COMPLETE, JobStatus.CANCELLED, JobStatus.FAILED}


def test_the_table_has_every_status() -> None:
    """Only final statuses have no next status."""
    assert set(TRANSITIONS) == set(JobStatus)
    assert {status for status in JobStatus if not TRANSITIONS[status]} == FINAL
    assert {status for status in JobStatus if status.is_final} == FINAL


def test_every_status_can_be_reached() -> None:
    reached = {JobStatus.NEW}
    while more := {to for status in reached for to in TRANSITIONS[status]} - reached:
        reached |= more

    assert reached == set(JobStatus)


def test_the_first_next_status_is_that_of_a_successful_job() -> None:
    path = [JobStatus.READY]
    while following := TRANSITIONS[path[-1]]:
        path.append(following[0])

    assert path == [JobStatus.READY, JobStatus.ACTIVE, JobStatus.COMPLETING, JobStatus.COMPLETE]


@given(current=STATUSES, to=STATUSES)
def test_a_transition_that_is_not_in_the_table_is_refused(
    current: JobStatus, to: JobStatus
) -> None:
    """The error has both statuses."""
    if to in TRANSITIONS[current]:
        check_transition("job-1", current, to)
    else:
        with pytest.raises(InvalidTransition) as refusal:
            check_transition("job-1", current, to)

        assert (refusal.value.current, refusal.value.requested) == (current, to)
        assert (refusal.value.job_id, refusal.value.code) == ("job-1", "JobStatusException")


def test_every_job_can_fail_unless_it_is_being_cancelled() -> None:
    """The shortest path to Failed consists of transitions in the table."""
    for current in set(JobStatus) - FINAL - {JobStatus.CANCELLING}:
        steps = [current, *shortest_path(current, JobStatus.FAILED)]

        for before, after in itertools.pairwise(steps):
            check_transition("job-1", before, after)
        assert steps[-1] is JobStatus.FAILED
        assert JobStatus.SUSPENDED not in steps[1:]  # where it would wait for its confirmation


def test_only_suspended_jobs_can_be_confirmed() -> None:
    for current in set(JobStatus) - {JobStatus.SUSPENDED}:
        with pytest.raises(InvalidTransition):
            status_on_request("job-1", current, JobStatus.READY)

    confirmed = status_on_request("job-1", JobStatus.SUSPENDED, JobStatus.READY)
    assert confirmed is JobStatus.READY


def test_jobs_that_have_not_ended_can_be_cancelled() -> None:
    """Suspended jobs end immediately, because no task has run."""
    at_once = {JobStatus.SUSPENDED: JobStatus.CANCELLED, JobStatus.FAILING: JobStatus.FAILING}
    for current in JobStatus:
        if current in FINAL:
            with pytest.raises(InvalidTransition):
                status_on_request("job-1", current, JobStatus.CANCELLED)
        else:
            status = status_on_request("job-1", current, JobStatus.CANCELLED)

            assert status is at_once.get(current, JobStatus.CANCELLING)


def test_other_statuses_cannot_be_requested() -> None:
    """A request can only confirm or cancel a job."""
    others = set(JobStatus) - {JobStatus.READY, JobStatus.CANCELLED}
    for current, requested in itertools.product(JobStatus, others):
        with pytest.raises(JobError, match=f"RequestedJobStatus.* not {requested}") as refusal:
            status_on_request("job-1", current, requested)

        assert refusal.value.code == "BadRequestException"


class JobTransitions(RuleBasedStateMachine):
    """A job whose status the engine and requests change in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.status = JobStatus.NEW
        self.steps_since_cancelled: int | None = None

    @precondition(lambda self: not self.status.is_final)
    @rule(choice=st.integers(0, 3))
    def engine_changes_status(self, choice: int) -> None:
        statuses = TRANSITIONS[self.status]
        to = statuses[choice % len(statuses)]
        check_transition("job-1", self.status, to)
        self._set(to)

    @rule(requested=st.sampled_from([JobStatus.READY, JobStatus.CANCELLED]))
    def request_changes_status(self, requested: JobStatus) -> None:
        try:
            status = status_on_request("job-1", self.status, requested)
        except InvalidTransition:
            assert requested is JobStatus.READY or self.status.is_final
            return
        if status is not self.status:
            check_transition("job-1", self.status, status)
            self._set(status)
        if requested is JobStatus.CANCELLED and self.steps_since_cancelled is None:
            self.steps_since_cancelled = 0

    def _set(self, status: JobStatus) -> None:
        assert not self.status.is_final
        self.status = status
        if self.steps_since_cancelled is not None:
            self.steps_since_cancelled += 1

    @invariant()
    def ends_soon_once_cancelled(self) -> None:
        """A cancelled job never runs again, and ends after one more step."""
        if self.steps_since_cancelled is not None:
            assert self.status not in (JobStatus.READY, JobStatus.ACTIVE, JobStatus.COMPLETE)
            assert self.status.is_final or self.steps_since_cancelled == 0

    @invariant()
    def can_end_soon(self) -> None:
        """Every job can end within five steps."""
        reached = {self.status}
        for _ in range(5):
            reached |= {to for status in reached for to in TRANSITIONS[status]}
        assert reached & FINAL


TestJobTransitions = JobTransitions.TestCase
