"""Jobs: requests, descriptions, and their control with S3 Control."""

from typing import TYPE_CHECKING, Any

from s3batch_handler.core._lazy_exports import import_public

if TYPE_CHECKING:
    from s3batch_handler.jobs._aws_clients import s3control_client
    from s3batch_handler.jobs._control import JobControl, S3Control
    from s3batch_handler.jobs._job import Job, JobFailure, JobPage, JobSpec
    from s3batch_handler.jobs._status import JobStatus, Progress
    from s3batch_handler.jobs._waiting import wait_for_job

__all__ = [
    "Job",
    "JobControl",
    "JobFailure",
    "JobPage",
    "JobSpec",
    "JobStatus",
    "Progress",
    "S3Control",
    "s3control_client",
    "wait_for_job",
]

_MODULES = {
    "Job": "_job",
    "JobControl": "_control",
    "JobFailure": "_job",
    "JobPage": "_job",
    "JobSpec": "_job",
    "JobStatus": "_status",
    "Progress": "_status",
    "S3Control": "_control",
    "s3control_client": "_aws_clients",
    "wait_for_job": "_waiting",
}


def __getattr__(name: str) -> Any:
    return import_public(__name__, name, _MODULES)
