"""Without a library, in the form of AWS's samples."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote_plus

from benchmarks.functions import do_nothing


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    task = event["tasks"][0]
    code, message = "Succeeded", ""
    try:
        message = do_nothing(task["s3Bucket"], unquote_plus(task["s3Key"]))
    except Exception as error:
        code, message = "PermanentFailure", str(error)
    return {
        "invocationSchemaVersion": event["invocationSchemaVersion"],
        "treatMissingKeysAs": "PermanentFailure",
        "invocationId": event["invocationId"],
        "results": [{"taskId": task["taskId"], "resultCode": code, "resultString": message}],
    }
