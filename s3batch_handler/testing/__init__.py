"""For tests: events, contexts and tasks, whole jobs without AWS, and an AWS that runs jobs."""

from typing import TYPE_CHECKING, Any

from s3batch_handler.testing.factories import LambdaContext, make_context, make_event, make_task

if TYPE_CHECKING:
    from s3batch_handler.testing.jobs import run_job
    from s3batch_handler.testing.mock import mock_s3batch

__all__ = [
    "LambdaContext",
    "make_context",
    "make_event",
    "make_task",
    "mock_s3batch",
    "run_job",
]


def __getattr__(name: str) -> Any:
    """Import the engine only for those who run jobs, and moto only for those who mock AWS."""
    if name == "run_job":
        from s3batch_handler.testing.jobs import run_job

        return run_job
    if name == "mock_s3batch":
        from s3batch_handler.testing.mock import mock_s3batch

        return mock_s3batch
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
