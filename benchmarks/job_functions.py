"""Functions for local jobs, in the form of AWS's samples."""

from __future__ import annotations

import time
from itertools import count
from typing import Any
from urllib.parse import unquote_plus


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Do nothing."""
    task = event["tasks"][0]
    unquote_plus(task["s3Key"])
    return {
        "invocationSchemaVersion": event["invocationSchemaVersion"],
        "treatMissingKeysAs": "PermanentFailure",
        "invocationId": event["invocationId"],
        "results": [{"taskId": task["taskId"], "resultCode": "Succeeded", "resultString": "done"}],
    }


_CALLS = count(1)


def waits_25(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Wait 10 ms in every 400th call, as if each call waited 25 µs for S3."""
    return _waits(400, event, context)


def waits_100(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Wait 10 ms in every hundredth call, as if each call waited 100 µs for S3."""
    return _waits(100, event, context)


def _waits(interval: int, event: dict[str, Any], context: object) -> dict[str, Any]:
    if next(_CALLS) % interval == 0:
        time.sleep(0.01)
    return handler(event, context)


def one_is_slow(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Wait three seconds for the object ``slow``."""
    if event["tasks"][0]["s3Key"] == "slow":
        time.sleep(3)
    return handler(event, context)
