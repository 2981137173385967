"""Events, contexts and tasks for tests, whole jobs without AWS, and a mock AWS that runs jobs."""

from typing import TYPE_CHECKING, Any

from s3batch_handler.core._lazy_exports import import_public

if TYPE_CHECKING:
    from s3batch_handler.testing._assertions import assert_failed, assert_succeeded
    from s3batch_handler.testing._clock import FakeClock
    from s3batch_handler.testing._jobs import JobRunner, ReportRows, run_job
    from s3batch_handler.testing._mock import MockAws, mock_s3batch
    from s3batch_handler.testing.events._event_files import EventFactory, load_event
    from s3batch_handler.testing.events._factories import (
        LambdaContext,
        make_context,
        make_event,
        make_task,
    )
    from s3batch_handler.testing.faults._fault_check import FaultResult, assert_handles_every_fault

__all__ = [
    "EventFactory",
    "FakeClock",
    "FaultResult",
    "JobRunner",
    "LambdaContext",
    "MockAws",
    "ReportRows",
    "assert_failed",
    "assert_handles_every_fault",
    "assert_succeeded",
    "load_event",
    "make_context",
    "make_event",
    "make_task",
    "mock_s3batch",
    "run_job",
]

_MODULES = {
    "EventFactory": "events._event_files",
    "FakeClock": "_clock",
    "FaultResult": "faults._fault_check",
    "JobRunner": "_jobs",
    "LambdaContext": "events._factories",
    "MockAws": "_mock",
    "ReportRows": "_jobs",
    "assert_failed": "_assertions",
    "assert_succeeded": "_assertions",
    "assert_handles_every_fault": "faults._fault_check",
    "load_event": "events._event_files",
    "make_context": "events._factories",
    "make_event": "events._factories",
    "make_task": "events._factories",
    "mock_s3batch": "_mock",
    "run_job": "_jobs",
}


def __getattr__(name: str) -> Any:
    return import_public(__name__, name, _MODULES)
