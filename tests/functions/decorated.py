"""A function with the usual decorators of Powertools around it."""

from aws_lambda_powertools import Logger, Metrics, Tracer

from s3batch_handler import Task, task_handler

logger = Logger(service="thumbnails")
metrics = Metrics(namespace="Photos", service="thumbnails")
tracer = Tracer(service="thumbnails")


@logger.inject_lambda_context
@metrics.log_metrics
@tracer.capture_lambda_handler
@task_handler(logger=logger, metrics=metrics, tracer=tracer)
def handler(task: Task) -> str:
    logger.info("at work")
    return f"done: {task.key}"
