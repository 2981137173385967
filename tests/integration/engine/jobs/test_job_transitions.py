"""Any sequence of requests moves jobs only by the table of transitions."""

from __future__ import annotations

import logging
import tempfile
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from logging.handlers import BufferingHandler
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from unittest.mock import patch

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule
from moto import mock_aws
from typing_extensions import override

from s3batch_handler.core._errors import InvalidTransition, JobError
from s3batch_handler.engine import _engine as engine
from s3batch_handler.engine._engine import Engine
from s3batch_handler.engine.state._job_store import JobStore
from s3batch_handler.engine.state._lifecycle import TRANSITIONS
from s3batch_handler.jobs._status import JobStatus
from s3batch_handler.jobs._waiting import wait_for_job
from tests.support.engine_jobs import client, function, spec_of_keys

if TYPE_CHECKING:
    from s3batch_handler.jobs._job import Job

NOON = datetime(2026, 11, 3, 12, 0, tzinfo=UTC)


class Recorded(JobStore):
    """Records each transition of its jobs."""

    steps: ClassVar[set[tuple[JobStatus, JobStatus]]] = set()

    @override
    def save(self, job: Job, history: Any = ()) -> None:
        with self.lock:
            self.steps.add((self.get(job.job_id).job.status, job.status))
            super().save(job, history)


class JobsOfAnEngine(RuleBasedStateMachine):
    """An engine that gets any requests in any order, and is closed and opened in between."""

    jobs: Bundle[str] = Bundle("jobs")

    @initialize(background=st.booleans())
    def open_engine(self, background: bool) -> None:
        self.world = ExitStack()
        self.world.enter_context(mock_aws())
        self.logged = BufferingHandler(1_000)
        log = logging.getLogger("s3batch_handler.engine")
        log.addHandler(self.logged)
        self.world.callback(log.removeHandler, self.logged)
        self.folder = Path(self.world.enter_context(tempfile.TemporaryDirectory()))
        self.background = background
        self.now = NOON
        self.job_ids: list[str] = []
        client().create_bucket(Bucket="photos")
        Recorded.steps.clear()
        self.world.enter_context(patch.object(engine, "JobStore", Recorded))
        self.engine = self.new_engine()

    def new_engine(self) -> Engine:
        return Engine(
            {"function": function},
            s3=client(),
            state=self.folder,
            background=self.background,
            clock=lambda: self.now,
        )

    @rule(
        target=jobs,
        keys=st.lists(st.sampled_from(["fine", "broken"]), max_size=4),
        name=st.sampled_from(["function", "function", "unknown"]),
        confirm=st.booleans(),
        priority=st.integers(0, 2),
    )
    def create_job(self, keys: list[str], name: str, confirm: bool, priority: int) -> str:
        wanted = spec_of_keys(
            keys,
            ConfirmationRequired=confirm,
            Operation={"LambdaInvoke": {"FunctionArn": name}},
            Priority=priority,
        )
        self.job_ids.append(self.engine.create_job(wanted))
        return self.job_ids[-1]

    @rule(job=jobs, requested=st.sampled_from([JobStatus.READY, JobStatus.CANCELLED]))
    def update_status(self, job: str, requested: JobStatus) -> None:
        refused_at = None
        try:
            self.engine.update_job_status(job, requested)
        except InvalidTransition as refusal:
            refused_at = JobStatus(refusal.current)

        if refused_at is not None:
            assert requested is JobStatus.READY or refused_at.is_final
            assert refused_at is not JobStatus.SUSPENDED

    @rule(job=jobs, priority=st.integers(0, 2))
    def update_priority(self, job: str, priority: int) -> None:
        try:
            assert self.engine.update_job_priority(job, priority).priority == priority
        except JobError:
            assert self.engine.describe_job(job).status.is_final

    @rule()
    def wait_for_a_month(self) -> None:
        self.now = min(self.now + timedelta(days=31), NOON + timedelta(days=62))

    @rule()
    def reopen_engine(self) -> None:
        self.engine.close()
        self.only_legal_transitions()
        self.engine = self.new_engine()

    @invariant()
    def only_legal_transitions(self) -> None:
        """Check every transition, also those that are never visible in a description."""
        for before, after in Recorded.steps.copy():
            assert after is before or after in TRANSITIONS[before]

    def confirm(self, job: Job) -> None:
        if job.status is JobStatus.SUSPENDED:
            with suppress(InvalidTransition):
                self.engine.update_job_status(job.job_id, JobStatus.READY)

    @override
    def teardown(self) -> None:
        """Check that all jobs end, complete jobs ran all tasks, and nothing was logged."""
        with self.world, self.engine:
            for job_id in self.job_ids:
                job = wait_for_job(
                    self.engine, job_id, poll=0.005, timeout=60, on_progress=self.confirm
                )
                if job.status is JobStatus.COMPLETE:
                    assert job.progress.done == job.progress.total
            self.only_legal_transitions()
            messages = [self.logged.format(record) for record in self.logged.buffer]
            assert not messages, messages


TestJobsOfAnEngine = pytest.mark.slow(JobsOfAnEngine.TestCase)
TestJobsOfAnEngine.settings = settings(stateful_step_count=15)
