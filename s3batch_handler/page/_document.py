"""The documents that a page shows, as JSON: one job, or the list of jobs.

A saved page contains the document of its job. A live page gets new documents from the server.
The scripts in ``assets/`` display both. A value that is not known is ``None``, and its section is
left out. Times are ISO 8601 with a time zone, durations are seconds. The size of a document does
not depend on the number of tasks: lists of tasks have a fixed maximum.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypedDict

if TYPE_CHECKING:
    from s3batch_handler.documents.reports._run_record import (
        Durations,
        RateHistory,
        StatusChange,
        TaskFacts,
        Threshold,
    )

Origin = Literal["aws", "serve", "run"]
"""Where a job runs: in AWS, in ``s3batch serve``, or in ``s3batch run``."""

ActionName = Literal["confirm", "cancel", "priority", "redrive"]


class FailureReason(TypedDict):
    """Why a job failed (DescribeJob's ``FailureReasons``)."""

    code: str
    reason: str


class JobFacts(TypedDict):
    """A job, as DescribeJob describes it.

    Attributes:
        origin: ``None`` if it is not known where the job ran.
        status: ``None`` for a report whose job is not known: the job has ended.
        function: The name or ARN of the function, or the HANDLER of a local run; ``None`` for S3's
            own operations.
        reasons: Why the job failed.
        update_reason: Why it was confirmed or cancelled.
        redrive_of: The ID of the job whose failed tasks it runs.
        report: The location of its report; ``None`` if there is none, or not yet.
    """

    id: str
    origin: Origin | None
    status: str | None
    description: str | None
    operation: str | None
    function: str | None
    priority: int | None
    account_id: str | None
    region: str | None
    created: str | None
    ended: str | None
    reasons: list[FailureReason]
    update_reason: str | None
    redrive_of: str | None
    tags: dict[str, str]
    report: str | None


class Counts(TypedDict):
    """How many tasks are in which state. Their sum is ``total`` if all are known.

    Attributes:
        waiting: Tasks that failed temporarily and wait for a redrive.
        running: Tasks that workers are running.
        pending: Tasks that have not started. After the end of a job: tasks that were not run.
    """

    total: int | None
    succeeded: int
    failed: int
    waiting: int | None
    running: int | None
    pending: int | None


class Rate(TypedDict):
    """How fast tasks end, in tasks per second.

    Attributes:
        now: The rate over the last ten seconds; ``None`` if no task ended.
        average: The rate since the job became Active.
        left: The seconds until the end, at least and at most.
        active_seconds: How long the job has been Active.
    """

    now: float | None
    average: float | None
    left: tuple[float, float] | None
    active_seconds: float | None


class Example(TypedDict):
    """A failed task as an example of its group."""

    bucket: str
    key: str
    version_id: str | None
    message: str


class Failures(TypedDict):
    """A group of failures with the same code, whose messages differ only in names and numbers."""

    code: str
    message: str
    count: int
    examples: list[Example]


class FailedTasks(TypedDict):
    """Some failed tasks, and a cursor for the next ones.

    Attributes:
        total: The number of all failed tasks.
        searched: The number of rows that were searched for this answer.
        next: A cursor for further rows; ``None`` at the end.
    """

    rows: list[TaskFacts]
    total: int
    searched: int
    next: str | None


class Worker(TypedDict):
    """A worker, and the object of its running task; ``key`` is ``None`` while it is idle.

    Attributes:
        seconds: How long the task has been running.
    """

    name: str
    bucket: str | None
    key: str | None
    seconds: float


class Workers(TypedDict):
    """The workers of a job, the longest running tasks first, at most 100, and their number."""

    count: int
    shown: list[Worker]


class Log(TypedDict):
    """The last lines of the log of the function, and the location of the log."""

    lines: list[str]
    location: str | None


class Facts(TypedDict):
    """A titled group of settings: names and values, in their order."""

    title: str
    facts: list[tuple[str, str]]


class Command(TypedDict):
    """A command for the next step, and what it does."""

    title: str
    command: str


class Live(TypedDict):
    """What only a live page has.

    Attributes:
        token: Must be sent with each action. It changes when the server starts again.
        actions: The actions that the job allows now.
    """

    token: str
    actions: list[ActionName]


class JobDocument(TypedDict):
    """What the page of a job shows."""

    version: Literal[1]
    time: str
    job: JobFacts
    counts: Counts
    history: list[StatusChange]
    rate: Rate | None
    rate_history: RateHistory | None
    durations: Durations | None
    threshold: Threshold | None
    failures: list[Failures]
    failed_tasks: FailedTasks | None
    latest: list[TaskFacts]
    slowest: list[TaskFacts]
    workers: Workers | None
    log: Log | None
    configuration: list[Facts]
    commands: list[Command]
    live: Live | None


class ListedJob(TypedDict):
    """A job in the list of jobs."""

    id: str
    origin: Origin
    status: str
    description: str | None
    operation: str | None
    function: str | None
    priority: int | None
    account_id: str | None
    region: str | None
    created: str | None
    ended: str | None
    total: int | None
    succeeded: int
    failed: int


class ListDocument(TypedDict):
    """A page of the list of jobs, the newest first.

    Attributes:
        matching: The number of jobs that match the search and the statuses.
        by_status: The number of jobs of each status that occurs.
        next: A cursor for the next page; ``None`` at the end.
    """

    version: Literal[1]
    time: str
    jobs: list[ListedJob]
    matching: int
    by_status: dict[str, int]
    next: str | None


Document = JobDocument | ListDocument | FailedTasks
