"""A function that may take too long, with and without a time limit."""

import os
import time
from typing import Any

from s3batch_handler import Task, task_handler


def work(key: str) -> str:
    if key == "too slow":
        time.sleep(60)
    return f"done by {os.getpid()}"


@task_handler(
    time_reserve=9
)  # of 12 seconds: a busy machine may need more than one for the response
def guarded(task: Task) -> str:
    return work(task.key)


def unguarded(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Process the event in the form of AWS's samples."""
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
