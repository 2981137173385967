"""Without a library, in the form of AWS's samples."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote_plus


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    task = event["tasks"][0]
    message = unquote_plus(task["s3Key"])
    return {
        "invocationSchemaVersion": event["invocationSchemaVersion"],
        "treatMissingKeysAs": "PermanentFailure",
        "invocationId": event["invocationId"],
        "results": [{"taskId": task["taskId"], "resultCode": "Succeeded", "resultString": message}],
    }
