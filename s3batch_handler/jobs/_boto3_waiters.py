"""Waiters for jobs and a paginator of ListJobs for clients of boto3, which has neither."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from botocore import xform_name
from botocore.paginate import Paginator
from botocore.waiter import WaiterModel, create_waiter_with_client

from s3batch_handler.core._typing import override

if TYPE_CHECKING:
    from botocore.client import BaseClient as _Client
    from botocore.hooks import BaseEventHooks
else:
    _Client = object


def job_waiter(client: Any, name: str = "job_complete") -> Any:
    """Create a waiter for a job with any boto3 client of S3 Control.

    ``waiter.wait(AccountId=…, JobId=…, WaiterConfig={"Delay": 30, "MaxAttempts": 2880})`` returns
    when the job is ``Complete``. With the name ``job_succeeded``, it must also have no failed task.

    Raises:
        ValueError: There is no such waiter.
        botocore.exceptions.WaiterError: By ``wait``: the job ended in another way, it did not end
            after ``MaxAttempts`` requests, or a request failed.
    """
    if name not in _WAITERS:
        raise ValueError(f"Waiter does not exist: {name}. Use {' or '.join(_WAITERS)}")
    model = WaiterModel({"version": 2, "waiters": {name: _WAITERS[name]}})
    return create_waiter_with_client(name, model, client)


def list_jobs_paginator(client: Any) -> Any:
    """Create a paginator of ListJobs with any boto3 client of S3 Control.

    ``paginator.paginate(AccountId=…, JobStatuses=["Active"])`` yields the pages.
    """
    paginator: Any = Paginator
    operation = client.meta.service_model.operation_model(_LIST_JOBS)
    return paginator(client.list_jobs, _PAGES, operation)


def add_waiters_and_paginators(events: BaseEventHooks) -> None:
    """Add them to the clients of S3 Control that a session creates, given the session's events.

    Source: boto3's documentation, "Extensibility guide".
    """
    events.register(
        "creating-client-class.s3-control",
        _add_base_class,
        unique_id="s3batch-handler-jobs",
    )


def _add_base_class(base_classes: list[type], **_: Any) -> None:
    base_classes.insert(0, _JobClient)


class _JobClient(_Client):
    """A base class of boto3's clients."""

    @override
    def get_waiter(self, waiter_name: str) -> Any:
        return (
            job_waiter(self, waiter_name)
            if waiter_name in _WAITERS
            else super().get_waiter(waiter_name)
        )

    @property
    @override
    def waiter_names(self) -> list[str]:
        return sorted({*super().waiter_names, *_WAITERS})

    @override
    def can_paginate(self, operation_name: str) -> bool:
        return operation_name == xform_name(_LIST_JOBS) or super().can_paginate(operation_name)

    @override
    def get_paginator(self, operation_name: str) -> Any:
        if operation_name == xform_name(_LIST_JOBS):
            return list_jobs_paginator(self)
        return super().get_paginator(operation_name)


def _status(status: str, state: str) -> dict[str, Any]:
    return {"matcher": "path", "argument": "Job.Status", "expected": status, "state": state}


def _waiter(*success: dict[str, Any]) -> dict[str, Any]:
    """Describe a waiter of up to a day. AWS throttles more than one request in 30 seconds."""
    failures = [_status(status, "failure") for status in ("Complete", "Failed", "Cancelled")]
    return {
        "operation": "DescribeJob",
        "delay": 30,
        "maxAttempts": 2880,
        "acceptors": [*success, *failures],  # the first match decides
    }


_WITHOUT_FAILURES: Final = (
    "Job.Status == 'Complete' && !(Job.ProgressSummary.NumberOfTasksFailed > `0`)"
)

_WAITERS: Final = {
    "job_complete": _waiter(_status("Complete", "success")),
    "job_succeeded": _waiter(
        {"matcher": "path", "argument": _WITHOUT_FAILURES, "expected": True, "state": "success"}
    ),
}

_LIST_JOBS: Final = "ListJobs"
_PAGES: Final = {
    "input_token": "NextToken",
    "output_token": "NextToken",
    "limit_key": "MaxResults",
    "result_key": "Jobs",
}
