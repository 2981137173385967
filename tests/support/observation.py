"""Tasks, a Powertools Logger and Metrics to observe them with."""

from __future__ import annotations

import io
import json
import uuid
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import (
    AmazonCloudWatchEMFProvider,
)

from s3batch_handler.core._model import JobRef, Outcome, ResultCode, Task
from s3batch_handler.handler._observability import Observer

SUCCEEDED = Outcome(ResultCode.SUCCEEDED, "fine")
TEMPORARY = Outcome(ResultCode.TEMPORARY_FAILURE, "SlowDown calling GetObject")
PERMANENT = Outcome(ResultCode.PERMANENT_FAILURE, "not a photo")
KEYS = {"job_id", "task", "bucket", "key", "version_id"}


def task(key: str = "a b.jpg", **fields: Any) -> Task:
    job = JobRef(id="job-1", arguments={"password": "hunter2"})
    return Task(**{"id": "AAAA" * 300, "bucket": "photos", "key": key, "job": job, **fields})


def failure(error: BaseException) -> BaseException:
    """Return an exception with the traceback of a function."""
    try:
        raise error
    except BaseException as raised:
        return raised


class Log:
    """A Powertools Logger and the JSON lines it wrote."""

    def __init__(self, **options: Any) -> None:
        self._stream = io.StringIO()
        # Powertools keeps one logger per service name and process.
        self.logger = Logger(service=f"test-{uuid.uuid4()}", stream=self._stream, **options)
        self.observer = Observer(logger=self.logger)

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._stream.getvalue().splitlines()]


def new_metrics() -> Metrics:
    """Create Metrics with their own data; usually all in a process share it."""
    provider = AmazonCloudWatchEMFProvider(
        namespace="Photos",
        service="thumbnails",
        metric_set={},
        dimension_set={},
        metadata_set={},
        default_dimensions={},
    )
    return Metrics(provider=provider)
