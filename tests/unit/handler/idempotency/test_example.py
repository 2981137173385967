"""The example ``examples/notify`` sends one message for each object."""

from __future__ import annotations

import runpy
from typing import TYPE_CHECKING, Any

import boto3

from s3batch_handler.testing import make_context, make_event

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_new_job_sends_only_the_missing_messages(
    table: Any, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sqs = boto3.client("sqs")
    queue = sqs.create_queue(QueueName="objects")["QueueUrl"]
    monkeypatch.setenv("QUEUE_URL", queue)
    monkeypatch.setenv("TABLE", table.name)
    handler = runpy.run_path(str(project / "examples" / "notify" / "app.py"))["handler"]

    first = handler(make_event("a", "b", job_id="first"), make_context())
    second = handler(make_event("a", "b", "c", job_id="second"), make_context())

    assert second["results"][0]["resultString"] == first["results"][0]["resultString"]
    received = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    assert sorted(message["Body"] for message in received) == [
        f'{{"Bucket": "bucket", "Key": "{key}"}}' for key in "abc"
    ]
