"""Find patterns in text objects, and report how many there are and on which lines."""

import io
import re
from typing import BinaryIO, cast

import boto3
from aws_lambda_powertools import Logger, Metrics
from pydantic import BaseModel, Field, Json
from s3batch_handler import Task, task_handler

logger = Logger(service="{{cookiecutter.project_slug}}")
metrics = Metrics(namespace="S3Batch", service="{{cookiecutter.project_slug}}")
s3 = boto3.client("s3")

PATTERNS = {
    "access-key": re.compile(r"\bAKIA[0-9A-Z]{16}\b"),
    "email": re.compile(r"[^\s@]@[^\s@]+\.\w"),
}
LINES_SHOWN = 5  # a message in a report may have 1,024 characters


class Arguments(BaseModel, extra="forbid"):
    """User arguments of the job. S3 sends strings, and pydantic converts them.

    ``{"patterns": "{\\"todo\\": \\"TODO|FIXME\\"}", "encoding": "latin-1"}``
    """

    patterns: Json[dict[str, re.Pattern[str]]] = Field(default=PATTERNS, min_length=1)
    encoding: str = "utf-8"


class Found(BaseModel):
    """Where a pattern was found."""

    lines: int = 0
    """Number of lines."""
    first: list[int] = []
    """Numbers of the first lines, counted from 1."""


class Scan(BaseModel):
    """The message of each object in the completion report, as JSON."""

    lines: int = 0
    found: dict[str, Found] = {}


@logger.inject_lambda_context
@metrics.log_metrics
@task_handler(arguments=Arguments, logger=logger, metrics=metrics)
def handler(task: Task[Arguments]) -> Scan:
    """Search an object line by line. Only a line has to fit into the function's memory.

    Content that is not text in the job's encoding raises UnicodeDecodeError, a permanent failure.
    """
    arguments = task.job.arguments
    scan = Scan()
    body = cast("BinaryIO", s3.get_object(**task.location)["Body"])
    for number, line in enumerate(io.TextIOWrapper(body, arguments.encoding), 1):
        scan.lines = number
        for name, pattern in arguments.patterns.items():
            if pattern.search(line.rstrip("\n")):
                found = scan.found.setdefault(name, Found())
                found.lines += 1
                found.first += [number] if found.lines <= LINES_SHOWN else []
    metrics.add_metric("LinesFound", "Count", sum(found.lines for found in scan.found.values()))
    return scan
