"""With this package."""

from __future__ import annotations

from s3batch_handler import Task, task_handler


@task_handler
def handler(task: Task) -> str:
    return task.key
