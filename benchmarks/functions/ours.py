"""With this package and its defaults: validation, a time limit, classification of errors."""

from __future__ import annotations

from benchmarks.functions import do_nothing
from s3batch_handler import Task, task_handler


@task_handler
def handler(task: Task) -> str:
    return do_nothing(task.bucket, task.key)
