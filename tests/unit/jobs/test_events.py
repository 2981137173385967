"""Event patterns for rules of EventBridge, and the events that these rules deliver."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws
from moto.events.models import EventPattern

from s3batch_handler import InvalidEvent
from s3batch_handler.jobs import JobEvent, JobStatus, job_events_pattern, parse_job_event
from tests.support.jobs import JOB_ID


def an_event(job_id: str = JOB_ID, status: str = "Complete", **details: Any) -> dict[str, Any]:
    """Return an event of EventBridge, as the S3 User Guide shows the record of CloudTrail."""
    return {
        "version": "0",
        "id": "51bc8145-91cd-4011-a4b8-9c5e4fcd5d52",
        "detail-type": "AWS Service Event via CloudTrail",
        "source": "aws.s3",
        "account": "123456789012",
        "time": "2026-11-03T12:00:00Z",
        "region": "eu-west-1",
        "resources": [],
        "detail": {
            "eventVersion": "1.05",
            "userIdentity": {
                "accountId": "123456789012",
                "invokedBy": "s3.amazonaws.com",
            },
            "eventSource": "s3.amazonaws.com",
            "eventName": "JobStatusChanged",
            "awsRegion": "eu-west-1",
            "eventType": "AwsServiceEvent",
            "readOnly": False,
            "serviceEventDetails": {
                "jobId": job_id,
                "jobArn": f"arn:aws:s3:eu-west-1:123456789012:job/{job_id}",
                "status": status,
                "jobEventId": "b268784cf0a66749f1a05bce259804f5",
                "failureCodes": [],
                "statusChangeReason": [],
                **details,
            },
        },
    }


def matches(pattern: dict[str, Any], event: dict[str, Any]) -> bool:
    """Match an event as moto's EventBridge does."""
    rule: Any = EventPattern.load(json.dumps(pattern))
    matched: bool = rule.matches_event(event)
    return matched


STATUSES = st.sampled_from([*JobStatus])


@given(
    status=STATUSES,
    wanted=st.sets(STATUSES),
    job_id=st.sampled_from(["one", "two"]),
    wanted_id=st.sampled_from(["one", None]),
)
def test_a_pattern_matches_the_events_of_its_job_and_statuses(
    status: JobStatus, wanted: set[JobStatus], job_id: str, wanted_id: str | None
) -> None:
    """No other event matches; without a job or statuses, every one matches."""
    pattern = job_events_pattern(wanted_id, statuses=wanted)

    expected = wanted_id in (None, job_id) and (not wanted or status in wanted)
    assert matches(pattern, an_event(job_id, status)) is expected


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("source", "aws.ec2"),
        ("detail-type", "AWS API Call via CloudTrail"),
        ("eventName", "JobCreated"),
        ("eventSource", "ec2.amazonaws.com"),
    ],
)
def test_a_pattern_matches_no_other_events(member: str, value: str) -> None:
    event = an_event()
    (event if member in event else event["detail"])[member] = value

    assert matches(job_events_pattern(), an_event())
    assert not matches(job_events_pattern(), event)


def test_a_rule_with_the_pattern_delivers_the_event_to_its_target(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The target reads it with ``parse_job_event``."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        session: Any = boto3.Session(region_name="eu-west-1")
        events, sqs = session.client("events"), session.client("sqs")
        queue = sqs.create_queue(QueueName="ended")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
        pattern = job_events_pattern(JOB_ID, statuses=["Complete", "Failed", "Cancelled"])
        events.put_rule(Name="ended", EventPattern=json.dumps(pattern))
        target = {"Id": "queue", "Arn": arn["Attributes"]["QueueArn"]}
        events.put_targets(Rule="ended", Targets=[target])

        for status in ("Active", "Failed"):
            event = an_event(status=status)
            entry = {
                "Source": event["source"],
                "DetailType": event["detail-type"],
                "Detail": json.dumps(event["detail"]),
            }
            events.put_events(Entries=[entry])
        messages = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]

    assert [parse_job_event(json.loads(each["Body"])).status for each in messages] == ["Failed"]


def test_an_event_has_the_reasons_of_a_failure() -> None:
    event = an_event(
        status="Failed", failureCodes=["ManifestNotFound"], statusChangeReason=["no such key"]
    )

    assert parse_job_event(event) == JobEvent(
        job_id=JOB_ID,
        status=JobStatus.FAILED,
        job_arn=f"arn:aws:s3:eu-west-1:123456789012:job/{JOB_ID}",
        event_id="b268784cf0a66749f1a05bce259804f5",
        failure_codes=("ManifestNotFound",),
        reasons=("no such key",),
    )


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        (("detail",), None, "detail: expected an object, got NoneType"),
        (("detail", "eventName"), "PutObject", "detail.eventName: expected JobStatusChanged"),
        (("detail", "serviceEventDetails"), [], "detail.serviceEventDetails: expected an object"),
        (("detail", "serviceEventDetails", "jobId"), 7, "jobId: expected text, got int"),
        (("detail", "serviceEventDetails", "status"), "Done", "'Done' is not a status of a job"),
    ],
)
def test_another_event_is_an_error_that_names_the_field(
    path: tuple[str, ...], value: object, problem: str
) -> None:
    event = deepcopy(an_event())
    parent = event
    for name in path[:-1]:
        parent = parent[name]
    parent[path[-1]] = value

    with pytest.raises(InvalidEvent, match=problem):
        parse_job_event(event)


def test_a_pattern_with_a_status_that_does_not_exist_is_an_error() -> None:
    """The rule would never match."""
    with pytest.raises(ValueError, match="'Completed' is not a valid JobStatus"):
        job_events_pattern(statuses=["Completed"])
