"""The examples of the page about waiting run against mocked AWS."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import boto3

from s3batch_handler.testing import mock_s3batch
from tests.integration.local_aws.test_boto3_waiters import create_job, function
from tests.unit.jobs.test_events import an_event

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_the_snippets_of_the_page_run(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """They wait for a job, list it, and create a rule whose function reads an event."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    page = (project / "docs" / "waiting.md").read_text()
    snippets = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    with mock_s3batch({"function": function}):
        session: Any = boto3.Session()
        s3 = session.client("s3")
        place = {"LocationConstraint": "eu-west-1"}
        s3.create_bucket(Bucket="photos", CreateBucketConfiguration=place)
        job_id = create_job(s3, session.client("s3control"), "good", "bad")
        namespace: dict[str, Any] = {"__name__": "snippet", "job_id": job_id}

        for snippet in snippets:
            exec(compile(snippet, "waiting.md", "exec"), namespace)
        rule = session.client("events").describe_rule(Name="s3batch-jobs-ended")
        namespace["lambda_handler"](an_event(job_id), None)

    assert json.loads(rule["EventPattern"])["source"] == ["aws.s3"]
    assert capsys.readouterr().out.splitlines() == [
        "Complete",
        "1 tasks failed",
        f"{job_id} Complete",
        f"{job_id} Complete ()",
    ]
