"""A function whose results depend on the keys."""

import os
import sys
from typing import Any

from botocore.exceptions import ClientError

from s3batch_handler import PermanentFailure, Task, TemporaryFailure, task_handler


def throttled() -> ClientError:
    """Return the exception of botocore for a response of S3."""
    metadata: Any = {"HTTPStatusCode": 503, "RequestId": "TX234S0F24A06C7"}
    return ClientError(
        {
            "Error": {"Code": "SlowDown", "Message": "Please reduce your request rate."},
            "ResponseMetadata": metadata,
        },
        "GetObject",
    )


@task_handler
def handler(task: Task) -> dict[str, int | str]:
    match task.key:
        case "not yet.jpg":
            raise TemporaryFailure("the photo is not there yet")
        case "notes.txt":
            raise PermanentFailure("not a photo")
        case "a bug.jpg":
            raise ZeroDivisionError("unexpected")
        case "throttled.jpg":
            raise throttled()
        case "exit.jpg":
            sys.exit("the function wants to leave")
    return {"bucket": task.bucket, "key": task.key, "process": os.getpid()}
