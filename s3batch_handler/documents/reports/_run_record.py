"""``run.json``: how a local job ran, beside its report. Its size does not depend on the tasks.

A completion report has no times, so this file has what a page shows besides: the rate, the
durations and the statuses of the job. Times are ISO 8601 with a time zone, durations are seconds.
"""

from __future__ import annotations

from typing import Final, Literal

from typing_extensions import TypedDict

RUN_RECORD: Final = "run.json"


class StatusChange(TypedDict):
    """A status of a job, and when it began."""

    status: str
    time: str


class RateHistory(TypedDict):
    """How many tasks ended in each interval while the job was Active.

    Attributes:
        seconds: The length of an interval. The last one may not be over yet.
        succeeded, failed: The tasks that ended in each interval.
    """

    seconds: float
    succeeded: list[int]
    failed: list[int]


class Durations(TypedDict):
    """How long calls took.

    Attributes:
        calls: The number of calls. A task that was retried has several.
        histogram: Upper bounds in ascending order, each with the number of calls up to it and above
            the bound before. Bounds without calls are left out.
    """

    calls: int
    average: float
    p50: float
    p90: float
    p99: float
    maximum: float
    histogram: list[tuple[float, int]]


class Threshold(TypedDict):
    """The failure threshold.

    Attributes:
        rule: The rule as text.
        tolerated: How many tasks may have failed now; ``None`` if the job does not end now, however
            many have failed.
    """

    rule: str
    tolerated: int | None


class TaskFacts(TypedDict):
    """A task that has been run.

    Attributes:
        status: ``waiting`` if the task failed temporarily and waits for a redrive.
        code: The error code; ``None`` for a success.
        seconds: The duration of its latest call.
    """

    bucket: str
    key: str
    version_id: str | None
    status: Literal["succeeded", "failed", "waiting"]
    code: str | None
    http_status: int | None
    message: str
    seconds: float | None


class RunRecord(TypedDict):
    """The content of ``run.json``.

    Attributes:
        workers: The most workers at the same time.
        function_timeout: Seconds that a call may take.
    """

    version: Literal[1]
    job_id: str
    active_seconds: float
    history: list[StatusChange]
    rate_history: RateHistory | None
    durations: Durations | None
    slowest: list[TaskFacts]
    threshold: Threshold | None
    workers: int | None
    function_timeout: float | None
