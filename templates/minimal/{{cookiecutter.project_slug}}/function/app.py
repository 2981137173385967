"""A function that processes one object of a job at a time."""

import boto3
from aws_lambda_powertools import Logger, Metrics
from s3batch_handler import PermanentFailure, Task, task_handler

logger = Logger(service="{{cookiecutter.project_slug}}")
metrics = Metrics(namespace="S3Batch", service="{{cookiecutter.project_slug}}")
s3 = boto3.client("s3")  # created once for each execution environment


@logger.inject_lambda_context
@metrics.log_metrics
@task_handler(logger=logger, metrics=metrics)
def handler(task: Task) -> dict[str, int]:
    """Count the lines of an object, as ``wc -l`` does, reading a megabyte at a time.

    The return value appears in the job's completion report.
    """
    response = s3.get_object(**task.location)
    if not response["ContentLength"]:
        raise PermanentFailure("empty")
    lines = sum(chunk.count(b"\n") for chunk in response["Body"].iter_chunks(1024**2))
    metrics.add_metric("Lines", "Count", lines)
    logger.info("counted", extra={"lines": lines})
    return {"bytes": response["ContentLength"], "lines": lines}
