"""A function in the form of AWS's samples, with typical errors."""

import os
import time
from typing import Any
from urllib.parse import unquote_plus


def handler(event: dict[str, Any], context: object) -> Any:
    (task,) = event["tasks"]
    key = unquote_plus(task["s3Key"])
    match key:
        case "a bug":
            raise ZeroDivisionError("unexpected")
        case "exit":
            os._exit(3)
        case "nonsense":
            return {"statusCode": 200}
        case "too slow":
            time.sleep(60)
    results = [{"taskId": task["taskId"], "resultCode": "Succeeded", "resultString": f"did {key}"}]
    return {
        "invocationSchemaVersion": event["invocationSchemaVersion"],
        "treatMissingKeysAs": "PermanentFailure",
        "invocationId": event["invocationId"],
        "results": [] if key == "forgotten" else results,
    }
