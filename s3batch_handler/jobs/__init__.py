"""Jobs: requests, descriptions, and their control with S3 Control."""

from typing import TYPE_CHECKING, Any

from s3batch_handler.core._lazy_exports import import_public

if TYPE_CHECKING:
    from s3batch_handler.jobs._async_waiting import async_wait_for_job
    from s3batch_handler.jobs._aws_clients import s3control_client
    from s3batch_handler.jobs._boto3_waiters import job_waiter, list_jobs_paginator
    from s3batch_handler.jobs._cancel_above import cancel_above
    from s3batch_handler.jobs._control import JobControl, S3Control
    from s3batch_handler.jobs._events import JobEvent, job_events_pattern, parse_job_event
    from s3batch_handler.jobs._job import Job, JobFailure, JobPage, JobSpec
    from s3batch_handler.jobs._status import JobStatus, Progress
    from s3batch_handler.jobs._waiting import wait_for_job
    from s3batch_handler.jobs.files._job_file import JobFile, read_job_file
    from s3batch_handler.jobs.listing._filter import ObjectFilter
    from s3batch_handler.jobs.listing._objects import list_objects

__all__ = [
    "Job",
    "JobControl",
    "JobEvent",
    "JobFailure",
    "JobFile",
    "JobPage",
    "JobSpec",
    "JobStatus",
    "ObjectFilter",
    "Progress",
    "S3Control",
    "async_wait_for_job",
    "cancel_above",
    "job_events_pattern",
    "job_waiter",
    "list_jobs_paginator",
    "list_objects",
    "parse_job_event",
    "read_job_file",
    "s3control_client",
    "wait_for_job",
]

_MODULES = {
    "Job": "_job",
    "JobControl": "_control",
    "JobEvent": "_events",
    "JobFailure": "_job",
    "JobFile": "files._job_file",
    "JobPage": "_job",
    "JobSpec": "_job",
    "JobStatus": "_status",
    "ObjectFilter": "listing._filter",
    "Progress": "_status",
    "S3Control": "_control",
    "async_wait_for_job": "_async_waiting",
    "cancel_above": "_cancel_above",
    "job_events_pattern": "_events",
    "job_waiter": "_boto3_waiters",
    "list_jobs_paginator": "_boto3_waiters",
    "list_objects": "listing._objects",
    "parse_job_event": "_events",
    "read_job_file": "files._job_file",
    "s3control_client": "_aws_clients",
    "wait_for_job": "_waiting",
}


def __getattr__(name: str) -> Any:
    return import_public(__name__, name, _MODULES)
