"""``template.yaml``, and the policies for other deployment tools."""

from __future__ import annotations

import json
import re
import tomllib
from string import Template
from typing import Any

import pytest
from moto.events.models import EventPattern

from s3batch_handler.jobs._status import JobStatus
from tests.support.policies import PLACEHOLDERS, POLICIES, load_template, policy
from tests.support.sam_cli import PROJECT


@pytest.fixture(scope="module")
def template() -> Any:
    return load_template()


# ---------------------------------------------------------------- permissions


@pytest.mark.parametrize(
    ("role", "name"), [("FunctionRole", "function-role"), ("JobRole", "job-role")]
)
def test_the_policies_are_those_of_the_template(template: Any, role: str, name: str) -> None:
    """Deployments with CDK or Terraform give the roles exactly the same permissions."""
    properties = template["Resources"][role]["Properties"]

    assert [one["PolicyDocument"] for one in properties["Policies"]] == [policy(name)]
    assert properties["AssumeRolePolicyDocument"] == policy(f"{name}-trust")


def test_the_policy_of_the_bucket_is_that_of_the_template(template: Any) -> None:
    """It is for tools without an option that requires TLS."""
    properties = template["Resources"]["JobBucketPolicy"]["Properties"]

    assert properties["PolicyDocument"] == policy("job-bucket")


@pytest.mark.parametrize("name", ["function-role", "job-role"])
def test_role_policies_have_no_wildcard_actions_or_resources(name: str) -> None:
    """Every resource names its bucket or function."""
    for statement in policy(name)["Statement"]:
        assert "*" not in str(statement["Action"])
        assert statement["Resource"].count("${") >= 2
        assert re.search(r"^[^*]+(/\*|:\*)?$", statement["Resource"])


def test_only_s3_can_assume_the_job_role() -> None:
    """It must be for this account if S3 sends an account, which AWS does not document."""
    (statement,) = policy("job-role-trust")["Statement"]

    assert statement["Principal"] == {"Service": "batchoperations.s3.amazonaws.com"}
    assert statement["Condition"] == {"StringEqualsIfExists": {"aws:SourceAccount": "${account}"}}


def test_events_of_jobs_reach_the_topic(template: Any) -> None:
    """EventBridge cannot publish to a topic whose policy has a condition for it; CloudWatch can."""
    statements = template["Resources"]["NotificationsPolicy"]["Properties"]["PolicyDocument"]

    conditions = {
        statement["Principal"]["Service"]: "Condition" in statement
        for statement in statements["Statement"]
        if statement["Effect"] == "Allow"
    }

    assert conditions == {"events.amazonaws.com": False, "cloudwatch.amazonaws.com": True}


def test_the_topic_refuses_requests_without_tls(template: Any) -> None:
    """SNS's best practices recommend it; AWS services always use TLS."""
    statements = template["Resources"]["NotificationsPolicy"]["Properties"]["PolicyDocument"]

    (denied,) = [one for one in statements["Statement"] if one["Effect"] == "Deny"]

    assert (denied["Principal"], denied["Action"]) == ("*", "sns:Publish")
    assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


@pytest.mark.parametrize("status", JobStatus)
def test_the_rule_matches_jobs_that_end_or_wait(status: JobStatus, template: Any) -> None:
    """The event is the example of the User Guide; the rule does not match jobs that continue."""
    rule = template["Resources"]["JobChanges"]["Properties"]
    event: Any = {
        "source": "aws.s3",
        "detail-type": "AWS Service Event via CloudTrail",
        "detail": {
            "eventSource": "s3.amazonaws.com",
            "eventName": "JobStatusChanged",
            "eventType": "AwsServiceEvent",
            "serviceEventDetails": {"jobId": "d6e5", "status": status.value, "failureCodes": []},
        },
    }

    matches = EventPattern.load(json.dumps(rule["EventPattern"])).matches_event(event)

    assert matches == (status.is_final or status is JobStatus.SUSPENDED)


def test_a_parameter_that_changes_the_function_publishes_a_version(template: Any) -> None:
    """SAM compares only the template, so the description of the version contains the parameters."""
    function = template["Resources"]["CompressFunction"]
    properties = dict(function["Properties"])
    description = set(re.findall(r"\$\{(\w+)\}", properties.pop("VersionDescription")))
    del properties["ReservedConcurrentExecutions"]  # applies to all versions

    used = set(re.findall(r"\$\{(\w+)\}", str(properties))) & template["Parameters"].keys()

    assert used == description == {"Runtime", "Architecture", "LogLevel"}


def test_the_caller_may_use_all_resources_only_for_two_actions() -> None:
    """CreateJob and ListJobs have no resource; every other action is limited to one."""
    for_all = {
        statement["Action"]
        for statement in policy("caller")["Statement"]
        if statement["Resource"] == "*"
    }

    assert for_all == {"s3:CreateJob", "s3:ListJobs"}


def test_the_caller_can_create_and_change_only_jobs_that_invoke_functions() -> None:
    """Otherwise callers could confirm or cancel copy jobs of others.

    A job that is made with tags needs PutJobTagging before it exists, so that key may be missing.
    """
    changing = [
        statement
        for statement in policy("caller")["Statement"]
        if re.search("s3:(Create|Update|Put|Delete)Job", str(statement["Action"]))
    ]

    assert [statement["Condition"] for statement in changing] == [
        {"StringEquals": {"s3:RequestJobOperation": "LambdaInvoke"}},
        {"StringEqualsIfExists": {"s3:ExistingJobOperation": "LambdaInvoke"}},
    ]


def test_the_caller_can_pass_one_role_only() -> None:
    """Otherwise callers would have the permissions of every role of the account."""
    (passing,) = [one for one in policy("caller")["Statement"] if "iam:" in str(one["Action"])]

    assert passing["Action"] == "iam:PassRole"
    assert passing["Resource"] == "${job_role_arn}"
    assert "Condition" not in passing  # CreateJob does not send iam:PassedToService


def test_the_placeholders_of_the_policies_are_listed() -> None:
    """The page on deployment explains each of them, and no others."""
    page = PROJECT.joinpath("docs", "deploy.md").read_text()
    used = {
        name
        for path in POLICIES.glob("*.json")
        for name in Template(path.read_text()).get_identifiers()
    }

    listed = re.findall(r"^\| `\$\{(\w+)\}` \|", page, re.MULTILINE)

    assert set(listed) == used == set(PLACEHOLDERS)


# ---------------------------------------------------------------- environments


def test_environments_of_samconfig_are_separate_stacks(template: Any) -> None:
    """Each has its own stack, and uses only existing parameters."""
    config = tomllib.loads(PROJECT.joinpath("samconfig.toml").read_text())
    del config["version"]

    assert list(config) == ["default", "dev", "prod"]
    assert len({one["global"]["parameters"]["stack_name"] for one in config.values()}) == 3
    for environment in config.values():
        overrides = environment["deploy"]["parameters"].get("parameter_overrides", "")
        assert {one.partition("=")[0] for one in overrides.split()} <= template["Parameters"].keys()
