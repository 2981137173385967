"""Jobs go only where the table lets them, and always come to an end."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from s3batch_handler.core._errors import InvalidTransition, JobError
from s3batch_handler.jobs._lifecycle import (
    TRANSITIONS,
    check_transition,
    shortest_path,
    status_on_request,
)
from s3batch_handler.jobs._status import JobStatus

STATUSES = st.sampled_from(JobStatus)
FINAL = {JobStatus.COMPLETE, JobStatus.CANCELLED, JobStatus.FAILED}


def test_the_table_has_every_status() -> None:
    """All 13 have their line, and those at the end lead nowhere."""
    assert set(TRANSITIONS) == set(JobStatus)
    assert {status for status in JobStatus if not TRANSITIONS[status]} == FINAL
    assert {status for status in JobStatus if status.is_final} == FINAL


def test_every_status_is_met_on_the_way_of_some_job() -> None:
    """From New, each of the others can be reached."""
    reached = {JobStatus.NEW}
    while more := {to for status in reached for to in TRANSITIONS[status]} - reached:
        reached |= more

    assert reached == set(JobStatus)


def test_a_job_without_trouble() -> None:
    """The first legal move of each status is the way through."""
    way = [JobStatus.READY]
    while moves := TRANSITIONS[way[-1]]:
        way.append(moves[0])

    assert way == [JobStatus.READY, JobStatus.ACTIVE, JobStatus.COMPLETING, JobStatus.COMPLETE]


@given(current=STATUSES, to=STATUSES)
def test_a_move_is_legal_or_refused(current: JobStatus, to: JobStatus) -> None:
    """There is nothing between: what is not in the table is refused, and says what was asked."""
    if to in TRANSITIONS[current]:
        check_transition("job-1", current, to)
    else:
        with pytest.raises(InvalidTransition) as refusal:
            check_transition("job-1", current, to)

        assert (refusal.value.current, refusal.value.requested) == (current, to)
        assert (refusal.value.job_id, refusal.value.code) == ("job-1", "JobStatusException")


@pytest.mark.parametrize("current", sorted(set(JobStatus) - FINAL - {JobStatus.CANCELLING}))
def test_a_way_to_fail(current: JobStatus) -> None:
    """Wherever a job is, unless it is being cancelled, legal moves lead to Failed."""
    steps = [current, *shortest_path(current, JobStatus.FAILED)]

    for before, after in itertools.pairwise(steps):
        check_transition("job-1", before, after)
    assert steps[-1] is JobStatus.FAILED
    assert JobStatus.SUSPENDED not in steps[1:]  # where it would wait for somebody


@pytest.mark.parametrize("current", JobStatus)
def test_confirming(current: JobStatus) -> None:
    """Only what is suspended can be confirmed."""
    if current is JobStatus.SUSPENDED:
        assert status_on_request("job-1", current, JobStatus.READY) is JobStatus.READY
    else:
        with pytest.raises(InvalidTransition):
            status_on_request("job-1", current, JobStatus.READY)


@pytest.mark.parametrize("current", JobStatus)
def test_cancelling(current: JobStatus) -> None:
    """What is not over can be cancelled; nothing has begun of what is suspended, so that is all."""
    at_once = {JobStatus.SUSPENDED: JobStatus.CANCELLED, JobStatus.FAILING: JobStatus.FAILING}
    if current in FINAL:
        with pytest.raises(InvalidTransition):
            status_on_request("job-1", current, JobStatus.CANCELLED)
    else:
        status = status_on_request("job-1", current, JobStatus.CANCELLED)

        assert status is at_once.get(current, JobStatus.CANCELLING)


@pytest.mark.parametrize("current", JobStatus)
@pytest.mark.parametrize(
    "requested", [item for item in JobStatus if item not in (JobStatus.READY, JobStatus.CANCELLED)]
)
def test_asking_for_what_nobody_can_ask_for(current: JobStatus, requested: JobStatus) -> None:
    """A request can confirm and cancel, nothing else, whatever the job is at."""
    with pytest.raises(JobError, match=f"RequestedJobStatus.* not {requested}") as refusal:
        status_on_request("job-1", current, requested)

    assert refusal.value.code == "BadRequestException"


class JobLife(RuleBasedStateMachine):
    """A job that is moved on by the engine and by requests, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.status = JobStatus.NEW
        self.steps_since_cancelled: int | None = None

    @precondition(lambda self: not self.status.is_final)
    @rule(choice=st.integers(0, 3))
    def moves_on(self, choice: int) -> None:
        moves = TRANSITIONS[self.status]
        to = moves[choice % len(moves)]
        check_transition("job-1", self.status, to)
        self._becomes(to)

    @rule(requested=st.sampled_from([JobStatus.READY, JobStatus.CANCELLED]))
    def is_asked(self, requested: JobStatus) -> None:
        try:
            status = status_on_request("job-1", self.status, requested)
        except InvalidTransition:
            assert requested is JobStatus.READY or self.status.is_final
            return
        if status is not self.status:
            check_transition("job-1", self.status, status)  # requests break no rule either
            self._becomes(status)
        if requested is JobStatus.CANCELLED and self.steps_since_cancelled is None:
            self.steps_since_cancelled = 0

    def _becomes(self, status: JobStatus) -> None:
        assert not self.status.is_final
        self.status = status
        if self.steps_since_cancelled is not None:
            self.steps_since_cancelled += 1

    @invariant()
    def ends_soon_once_cancelled(self) -> None:
        """What was cancelled never runs again, and has one step to go at most."""
        if self.steps_since_cancelled is not None:
            assert self.status not in (JobStatus.READY, JobStatus.ACTIVE, JobStatus.COMPLETE)
            assert self.status.is_final or self.steps_since_cancelled == 0

    @invariant()
    def can_come_to_an_end(self) -> None:
        """Wherever a job is, it can be over within a few steps."""
        reached = {self.status}
        for _ in range(5):
            reached |= {to for status in reached for to in TRANSITIONS[status]}
        assert reached & FINAL


TestJobLife = JobLife.TestCase
