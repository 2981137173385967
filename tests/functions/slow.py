"""A function that may take too long, with somebody to watch its time and without."""

import os
import time
from typing import Any

from s3batch_handler import Task, task_handler


def work(key: str) -> str:
    if key == "too slow":
        time.sleep(60)
    return f"done by {os.getpid()}"


@task_handler(time_reserve=9)  # of 12 seconds: busy machines need more than one to answer in
def guarded(task: Task) -> str:
    return work(task.key)


def unguarded(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Written by hand, in the way of AWS's samples."""
    (task,) = event["tasks"]
    return {
        "invocationSchemaVersion": event["invocationSchemaVersion"],
        "treatMissingKeysAs": "PermanentFailure",
        "invocationId": event["invocationId"],
        "results": [
            {
                "taskId": task["taskId"],
                "resultCode": "Succeeded",
                "resultString": work(task["s3Key"].replace("+", " ")),
            }
        ],
    }
