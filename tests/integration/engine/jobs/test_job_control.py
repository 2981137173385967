"""Requests for jobs: confirm, cancel, prioritize, list and tag them."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, cast

import pytest
from moto import mock_aws

from s3batch_handler import Task, task_handler
from s3batch_handler.core._errors import InvalidTransition, JobError, JobNotFound
from s3batch_handler.engine._engine import Engine
from s3batch_handler.jobs._status import JobStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from s3batch_handler.jobs._control import JobControl
from tests.support.job_contract import Enter, World, client, counts, thumbnails

# A server runs functions in threads.
pytestmark = pytest.mark.filterwarnings("ignore::s3batch_handler.ThreadTimeLimitWarning")


def test_a_job_waits_for_its_confirmation(world: World) -> None:
    """Its manifest is read. No task runs before it is confirmed."""
    job = world.run(ConfirmationRequired=True)

    assert job.status is JobStatus.SUSPENDED
    assert job.suspended_cause == "AWAITING_CONFIRMATION"
    assert job.suspended_date is not None
    assert counts(job) == (1, 0, 0)

    job = world.confirm(job)

    assert job.status is JobStatus.COMPLETE
    assert job.status_update_reason == "looks fine"
    assert job.progress.succeeded == 1


def test_a_job_waits_for_confirmation_by_default(world: World) -> None:
    """ConfirmationRequired is true if it is missing."""
    job = world.run(ConfirmationRequired=None)

    assert job.status is JobStatus.SUSPENDED


def test_changes_of_a_manifest_do_not_affect_a_waiting_job(world: World) -> None:
    """The job runs the manifest that it has read."""
    job = world.run(b"photos,old\n", ConfirmationRequired=True)
    world.s3.put_object(Bucket="photos", Key="m.csv", Body=b"photos,new\n")

    world.confirm(job)

    assert [row.key for row in world.rows(job)] == ["old"]


def test_cancelling_a_suspended_job_ends_it_at_once(world: World) -> None:
    """It cannot be confirmed afterwards."""
    job = world.run(ConfirmationRequired=True)

    cancelled = world.control.update_job_status(job.job_id, JobStatus.CANCELLED, "no")

    assert cancelled.status is JobStatus.CANCELLED
    assert cancelled.termination_date is not None
    with pytest.raises(InvalidTransition) as refused:
        world.control.update_job_status(job.job_id, JobStatus.READY)
    assert refused.value.code == "JobStatusException"
    assert refused.value.current == "Cancelled"


def test_cancelling_a_running_job_starts_no_further_task(enter: Enter) -> None:
    """Its report has the tasks that were run."""
    world: World
    seen: list[JobStatus] = []

    @task_handler
    def function(task: Task) -> str:
        seen.append(world.control.update_job_status(task.job.id, JobStatus.CANCELLED).status)
        return "done"

    world = enter({"thumbnails": function})
    job = world.run(b"photos,1\nphotos,2\nphotos,3\n")

    assert seen == [JobStatus.CANCELLING]
    assert job.status is JobStatus.CANCELLED
    assert counts(job) == (3, 1, 0)
    assert [row.key for row in world.rows(job)] == ["1"]


def test_cancelling_again_without_a_reason_keeps_the_reason(enter: Enter) -> None:
    """The first reason is kept."""
    world: World

    def function(event: Any, context: Any) -> None:
        for reason in ("a mistake", None):
            world.control.update_job_status(event["job"]["id"], JobStatus.CANCELLED, reason)

    world = enter({"thumbnails": function})
    job = world.run(b"photos,1\n")

    assert job.status_update_reason == "a mistake"


def test_the_reason_of_a_confirmation_is_not_the_reason_of_a_cancellation(enter: Enter) -> None:
    """A cancellation without a reason has none."""
    world: World

    def function(event: Any, context: Any) -> None:
        world.control.update_job_status(event["job"]["id"], JobStatus.CANCELLED)

    world = enter({"thumbnails": function})
    job = world.confirm(world.run(b"photos,1\n", ConfirmationRequired=True))

    assert job.status is JobStatus.CANCELLED
    assert job.status_update_reason is None


def test_another_thread_can_list_and_cancel_a_running_job(enter: Enter) -> None:
    """Requests do not wait for a function."""
    world: World
    seen: list[JobStatus] = []

    def list_and_cancel() -> None:
        (job,) = world.control.list_jobs([JobStatus.ACTIVE]).jobs
        seen.append(world.control.update_job_status(job.job_id, JobStatus.CANCELLED).status)

    def function(event: Any, context: Any) -> None:
        thread = threading.Thread(target=list_and_cancel)
        thread.start()
        thread.join(timeout=60)

    world = enter({"thumbnails": function})
    job = world.run(b"photos,1\nphotos,2\n")

    assert seen == [JobStatus.CANCELLING]
    assert job.status is JobStatus.CANCELLED
    assert counts(job) == (2, 0, 1)


@pytest.mark.parametrize("manifest", [b"photos,a\n", b""])
def test_cancelling_a_job_that_is_being_prepared(manifest: bytes) -> None:
    """It is cancelled after its manifest was read, even if that is malformed."""
    s3 = client("s3")

    class CancelsTheJob:
        """An S3 client that cancels the job when its manifest is read."""

        upload_fileobj = list_objects_v2 = None

        def get_object(self, **location: str) -> Any:
            (job,) = engine.list_jobs().jobs
            assert job.status is JobStatus.PREPARING
            engine.update_job_status(job.job_id, JobStatus.CANCELLED)
            return s3.get_object(**location)

    with mock_aws(), Engine({"thumbnails": thumbnails}, s3=cast("Any", CancelsTheJob())) as engine:
        s3.create_bucket(Bucket="photos")
        job = World(engine, s3).run(manifest)

    assert job.status is JobStatus.CANCELLED
    assert job.progress.done == 0


@pytest.mark.parametrize("requested", [JobStatus.READY, JobStatus.CANCELLED])
def test_a_job_that_is_over_can_be_neither_confirmed_nor_cancelled(
    world: World, requested: JobStatus
) -> None:
    """Its status does not change."""
    job = world.run()

    with pytest.raises(InvalidTransition) as refused:
        world.control.update_job_status(job.job_id, requested)

    assert refused.value.code == "JobStatusException"
    assert world.control.describe_job(job.job_id) == job


def test_only_ready_and_cancelled_can_be_requested(world: World) -> None:
    """Other statuses are refused for jobs of any status."""
    job = world.run(ConfirmationRequired=True)

    with pytest.raises(JobError) as refused:
        world.control.update_job_status(job.job_id, JobStatus.COMPLETE)

    assert refused.value.code == "BadRequestException"


def test_the_priority_of_a_job_can_be_changed_until_it_is_over(world: World) -> None:
    job = world.run(ConfirmationRequired=True)

    changed = world.control.update_job_priority(job.job_id, 7)

    assert changed.priority == world.control.describe_job(job.job_id).priority == 7
    world.confirm(job)
    with pytest.raises(JobError) as refused:
        world.control.update_job_priority(job.job_id, 8)
    assert refused.value.code == "BadRequestException"


def test_a_repeated_request_creates_one_job(world: World) -> None:
    """The job runs once."""
    spec = world.spec()

    first, second = world.control.create_job(spec), world.control.create_job(spec)

    assert first == second
    assert len(world.control.list_jobs().jobs) == 1


def test_another_request_with_the_same_token_is_refused(world: World) -> None:
    """No second job is created."""
    world.control.create_job(world.spec(ClientRequestToken="t", Priority=1))

    with pytest.raises(JobError) as refused:
        world.control.create_job(world.spec(ClientRequestToken="t", Priority=2))

    assert refused.value.code == "IdempotencyException"
    assert len(world.control.list_jobs().jobs) == 1


@pytest.mark.parametrize(
    "ask",
    [
        lambda control: control.describe_job("no-such-job"),
        lambda control: control.update_job_status("no-such-job", JobStatus.READY),
        lambda control: control.update_job_priority("no-such-job", 1),
        lambda control: control.get_job_tagging("no-such-job"),
        lambda control: control.put_job_tagging("no-such-job", {"a": "b"}),
        lambda control: control.delete_job_tagging("no-such-job"),
    ],
)
def test_requests_for_an_unknown_job_are_refused(
    world: World, ask: Callable[[JobControl], object]
) -> None:
    """Each of them raises JobNotFound with the ID."""
    with pytest.raises(JobNotFound) as refused:
        ask(world.control)

    assert refused.value.job_id == "no-such-job"
    assert refused.value.code == "NoSuchJobException"


def test_pages_of_a_listing_have_each_job_once(world: World) -> None:
    """The newest job is first. Jobs that are created in between are left out."""
    ids = [world.run().job_id for _ in range(5)]

    first = world.control.list_jobs(max_results=2)
    world.run()
    second = world.control.list_jobs(max_results=2, next_token=first.next_token)
    third = world.control.list_jobs(max_results=2, next_token=second.next_token)

    listed = [job.job_id for page in (first, second, third) for job in page.jobs]
    assert listed == ids[::-1]
    assert third.next_token is None


def test_a_listing_has_the_requested_statuses(world: World) -> None:
    """It has fewer fields than a description."""
    complete = world.run(Description="good <&>")
    world.run(ConfirmationRequired=True)
    failed = world.run(b"")

    page = world.control.list_jobs([JobStatus.COMPLETE, JobStatus.FAILED])

    assert [job.job_id for job in page.jobs] == [failed.job_id, complete.job_id]
    listed = page.jobs[1]
    assert (listed.description, listed.operation_name) == ("good <&>", "LambdaInvoke")
    assert listed.progress == complete.progress


def test_an_unknown_next_token_is_refused(world: World) -> None:
    with pytest.raises(JobError) as refused:
        world.control.list_jobs(next_token="made-up")

    assert refused.value.code == "InvalidNextTokenException"


def test_more_than_1000_results_are_refused(world: World) -> None:
    """AWS returns at most 1,000 jobs at a time."""
    with pytest.raises(JobError) as refused:
        world.control.list_jobs(max_results=1001)

    assert refused.value.code == "InvalidRequestException"


def test_tags_can_be_replaced_and_deleted_after_the_end_of_a_job(world: World) -> None:
    job = world.run(Tags=[{"Key": "team", "Value": "photos + co"}])
    control = world.control

    assert control.get_job_tagging(job.job_id) == {"team": "photos + co"}
    control.put_job_tagging(job.job_id, {"stage": "prod", "empty": ""})
    assert control.get_job_tagging(job.job_id) == {"stage": "prod", "empty": ""}
    control.delete_job_tagging(job.job_id)
    assert control.get_job_tagging(job.job_id) == {}


@pytest.mark.parametrize(
    ("tags", "code"),
    [
        ({str(number): "" for number in range(51)}, "TooManyTagsException"),
        ({"k" * 129: ""}, "BadRequestException"),
        ({"k": "v" * 257}, "BadRequestException"),
        ({"what?": ""}, "BadRequestException"),
    ],
)
def test_invalid_tags_are_refused(world: World, tags: dict[str, str], code: str) -> None:
    """The old tags are kept."""
    job = world.run(Tags=[{"Key": "a", "Value": "b"}])

    with pytest.raises(JobError) as refused:
        world.control.put_job_tagging(job.job_id, tags)

    assert refused.value.code == code
    assert world.control.get_job_tagging(job.job_id) == {"a": "b"}
