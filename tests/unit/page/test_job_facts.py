"""The facts of a job and its configuration, also from a ``job.json`` that others have written."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3batch_handler.jobs._job import Job
from s3batch_handler.page._configuration import configuration
from s3batch_handler.page._job_facts import job_facts, known_history

if TYPE_CHECKING:
    from collections.abc import Mapping

    from s3batch_handler.page._document import JobFacts

DESCRIBED: dict[str, Any] = {
    "JobId": "1",
    "JobArn": "arn:aws:s3:eu-west-1:123456789012:job/1",
    "Status": "Complete",
    "Priority": 10,
    "CreationTime": "2026-11-30T12:00:00+00:00",
    "SuspendedDate": "2026-11-30T12:01:00+00:00",
    "TerminationDate": "2026-11-30T13:00:00+00:00",
    "Operation": {
        "LambdaInvoke": {
            "FunctionArn": "arn:aws:lambda:eu-west-1:123456789012:function:thumbnails",
            "InvocationSchemaVersion": "2.0",
            "UserArguments": {"target": "small", "api_token": "abc123"},
        }
    },
    "Manifest": {
        "Spec": {"Format": "S3BatchOperations_CSV_20180820", "Fields": ["Bucket", "Key"]},
        "Location": {"ObjectArn": "arn:aws:s3:::photos/m.csv", "ETag": "e"},
    },
    "Report": {"Enabled": True, "Bucket": "arn:aws:s3:::reports", "ReportScope": "AllTasks"},
}


def facts_of(description: Mapping[str, Any], **tags: str) -> JobFacts:
    return job_facts(description, job_id="1", origin="aws", tags=tags, report=None)


def settings_of(description: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    return {group["title"]: dict(group["facts"]) for group in configuration(description)}


def test_a_described_job_has_its_account_and_its_times() -> None:
    """The description of boto3, with times that are not text."""
    facts = facts_of(Job.from_description(DESCRIBED).to_description())

    assert (facts["region"], facts["account_id"]) == ("eu-west-1", "123456789012")
    assert (facts["operation"], facts["priority"]) == ("LambdaInvoke", 10)
    assert facts["created"] == "2026-11-30T12:00:00+00:00"
    assert [change["status"] for change in known_history(DESCRIBED)] == [
        "New",
        "Suspended",
        "Complete",
    ]


def test_the_tag_of_a_redrive_is_the_job_that_it_redrives() -> None:
    facts = facts_of({}, **{"s3batch:redrive-of": "0", "team": "media"})

    assert (facts["redrive_of"], facts["tags"]) == ("0", {"team": "media"})


def test_the_settings_are_grouped_without_credentials() -> None:
    settings = settings_of(DESCRIBED)

    assert settings["Operation"]["Argument target"] == "small"
    assert settings["Operation"]["Argument api_token"] == "***"
    assert settings["Manifest"]["Location"] == "s3://photos/m.csv"
    assert settings["Manifest"]["Fields"] == "Bucket, Key"
    assert settings["Report"]["Bucket"] == "s3://reports"
    assert "abc123" not in json.dumps(configuration(DESCRIBED))


def test_the_settings_of_other_operations_are_shown_with_their_paths() -> None:
    copy = {"TargetResource": "arn:aws:s3:::copies", "NewObjectTagging": [{"Key": "a"}]}

    settings = settings_of({"Operation": {"S3PutObjectCopy": copy}})

    assert settings["Operation"] == {
        "Operation": "S3PutObjectCopy",
        "TargetResource": "arn:aws:s3:::copies",
        "NewObjectTagging 1.Key": "a",
    }


def test_a_generated_manifest_has_its_filter() -> None:
    generator = {"SourceBucket": "arn:aws:s3:::photos", "Filter": {"CreatedAfter": "2026"}}

    settings = settings_of({"ManifestGenerator": {"S3JobManifestGenerator": generator}})

    assert settings["Manifest"]["Filter.CreatedAfter"] == "2026"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from([*DESCRIBED, "x"]), inner),
    max_leaves=10,
)
PARTS = st.sampled_from([*DESCRIBED, "Local", "FailureReasons", "StatusUpdateReason"])
LOCAL = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(("Measured", "MergedReports", "Selection", "Handler", "Manifest"), JSON),
)


@given(st.dictionaries(PARTS, JSON | LOCAL))
def test_a_record_with_other_types_is_no_error(description: dict[str, Any]) -> None:
    """Others may write to the bucket of a report."""
    facts = facts_of(description)
    settings = configuration(description)

    assert json.loads(json.dumps([facts, settings])) is not None
    assert all(isinstance(value, str) for group in settings for _, value in group["facts"])


@pytest.mark.parametrize("priority", [10**400, -(10**400), 2**53, True, 1.5])
def test_a_priority_that_browsers_cannot_read_is_left_out(priority: object) -> None:
    assert facts_of({"Priority": priority})["priority"] is None


def test_a_time_that_browsers_cannot_read_is_left_out() -> None:
    description = {"CreationTime": "2026-11-30T12:00+00:00:01", "TerminationDate": "20261130T12Z"}

    facts = facts_of(description)

    assert (facts["created"], facts["ended"]) == (None, "2026-11-30T12:00:00+00:00")


ADDRESS = "http://ann:hunter2@127.0.0.1:9000/x?X-Amz-Signature=hunter2"


def test_no_fact_has_credentials() -> None:
    """A saved page is sent to others."""
    description = {
        "Description": f"from {ADDRESS}",
        "Operation": {"LambdaInvoke": {"FunctionArn": ADDRESS, "UserArguments": {"u": ADDRESS}}},
        "Manifest": {"Location": {"ObjectArn": ADDRESS}},
        "ManifestGenerator": {"S3JobManifestGenerator": {"SourceBucket": ADDRESS}},
        "StatusUpdateReason": "password=hunter2",
        "FailureReasons": [{"FailureCode": "JobAborted", "FailureReason": f"at {ADDRESS}"}],
        "Local": {
            "Handler": ADDRESS,
            "EndpointUrl": ADDRESS,
            "Source": ADDRESS,
            "Selection": {"password": "hunter2"},
        },
    }

    facts = facts_of(description, api_key="hunter2", source=ADDRESS, team="media")
    settings = configuration(description)

    assert "hunter2" not in json.dumps([facts, settings])
    assert "http://ann:***@127.0.0.1:9000/x" in json.dumps(settings)
    assert facts["tags"]["team"] == "media"
    assert facts["tags"]["api_key"] == "***"


def test_settings_that_are_no_credentials_are_shown() -> None:
    arn = "arn:aws:s3:::photos/manifests/2026.csv"
    location = {"ObjectArn": arn, "ETag": "ace535e3d08e38500124a44c6bef1c0f"}
    role = "arn:aws:iam::123456789012:role/batch-operations"

    settings = settings_of({"Manifest": {"Location": location}, "RoleArn": role})

    assert settings["Manifest"]["Location"] == "s3://photos/manifests/2026.csv"
    assert settings["Manifest"]["ETag"] == location["ETag"]
    assert settings["Job"]["Role"] == role


def test_many_tags_are_cut() -> None:
    facts = facts_of({}, **{f"{n:03}{'n' * 9999}": "v" * 9999 for n in range(999)})

    assert len(facts["tags"]) == 50
    assert len(json.dumps(facts)) < 500_000


def test_a_huge_record_is_cut() -> None:
    huge = {
        "Operation": {"LambdaInvoke": {"UserArguments": {f"n{n}": "x" * 9999 for n in range(999)}}}
    }

    (group,) = configuration(huge)

    assert len(group["facts"]) <= 100
    assert all(len(value) <= 4001 for _, value in group["facts"])
