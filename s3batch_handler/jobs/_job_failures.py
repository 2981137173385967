"""Why jobs fail, or have to wait.

AWS's codes and texts where they are known; docs/fidelity.md has the others.
"""

from __future__ import annotations

from typing import Final

from s3batch_handler.jobs._job import JobFailure

BAD_MANIFEST: Final = "InvalidManifestContent"
NO_MANIFEST: Final = "ManifestNotFound"
NO_FUNCTION: Final = "ResourceNotFoundException"


class FatalJobError(Exception):
    """A job cannot run.

    Attributes:
        failure: Why, as DescribeJob tells it.
    """

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.failure = job_failure(code, reason)


class RetryLater(Exception):
    """A job cannot go on for now: S3 is away."""


def job_failure(code: str, reason: str) -> JobFailure:
    """Make a failure reason, at most as long as the service model has it."""
    return JobFailure(failure_code=code, failure_reason=reason[:_LONGEST_REASON])


_LONGEST_REASON: Final = 256
