"""The grammar of a response, written from AWS's documentation without the code of this package.

Source: S3 User Guide, "Invoke AWS Lambda function": the fields and the three result codes. A report
keeps 1,024 characters of a text, and Lambda accepts 6 MB.
"""

from __future__ import annotations

import json
from typing import Any

CODES = {"Succeeded", "TemporaryFailure", "PermanentFailure"}


def violations(event: Any, response: object) -> list[str]:
    """Return how a response of ``@task_handler`` violates the grammar."""
    try:
        text = json.dumps(response, allow_nan=False)
    except (TypeError, ValueError) as error:
        return [f"not JSON: {error!r}"]
    read: Any = json.loads(text)
    fields = {"invocationSchemaVersion", "treatMissingKeysAs", "invocationId", "results"}
    if not isinstance(read, dict) or read.keys() != fields:
        return [f"fields: {text[:200]}"]
    found = []
    if read["invocationSchemaVersion"] != event["invocationSchemaVersion"]:
        found.append("invocationSchemaVersion")
    if read["invocationId"] != event["invocationId"]:
        found.append("invocationId")
    if read["treatMissingKeysAs"] not in CODES:
        found.append("treatMissingKeysAs")
    results = read["results"]
    if not isinstance(results, list) or not all(isinstance(result, dict) for result in results):
        return [*found, "results"]
    if [result.get("taskId") for result in results] != [task["taskId"] for task in event["tasks"]]:
        found.append("taskId: not one result for each task, in order")
    for result in results:
        if result.keys() != {"taskId", "resultCode", "resultString"}:
            found.append(f"fields of a result: {sorted(result)}")
        elif result["resultCode"] not in CODES:
            found.append("resultCode")
        elif not _is_message(result["resultString"]):
            found.append("resultString")
    if len(text) > 6 * 1024 * 1024:
        found.append("larger than 6 MB")
    return found


def _is_message(text: object) -> bool:
    """Return whether a text is one line that fits into a report and can be written as UTF-8."""
    if not isinstance(text, str) or len(text) > 1024 or len(text.splitlines()) > 1:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
