"""The errors that fail or delay a job."""

from __future__ import annotations

from typing import Final

from s3batch_handler.jobs._job import JobFailure


class FatalJobError(Exception):
    """A job cannot run.

    Attributes:
        failure: The reason that DescribeJob returns.
    """

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.failure = job_failure(code, reason)


class RetryLater(Exception):
    """A job cannot continue now, because S3 is not available."""


def job_failure(code: str, reason: str) -> JobFailure:
    """Return a failure, whose reason is truncated to the limit of the service model."""
    return JobFailure(failure_code=code, failure_reason=reason[:_MAX_REASON])


_MAX_REASON: Final = 256
