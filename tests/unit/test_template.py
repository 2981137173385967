"""``template.yaml`` and what stands beside it for those who deploy by other means."""

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


# ---------------------------------------------------------------- what the roles may do


@pytest.mark.parametrize(
    ("role", "name"), [("FunctionRole", "function-role"), ("JobRole", "job-role")]
)
def test_the_policies_are_those_of_the_template(template: Any, role: str, name: str) -> None:
    """Who deploys with CDK or Terraform gives the roles the same rights, to the letter."""
    properties = template["Resources"][role]["Properties"]

    assert [one["PolicyDocument"] for one in properties["Policies"]] == [policy(name)]
    assert properties["AssumeRolePolicyDocument"] == policy(f"{name}-trust")


def test_the_policy_of_the_bucket_is_that_of_the_template(template: Any) -> None:
    """It is for those whose tool has no switch for TLS."""
    properties = template["Resources"]["JobBucketPolicy"]["Properties"]

    assert properties["PolicyDocument"] == policy("job-bucket")


@pytest.mark.parametrize("name", ["function-role", "job-role"])
def test_the_roles_are_narrow(name: str) -> None:
    """No action is a pattern, and every resource is named down to its bucket or function."""
    for statement in policy(name)["Statement"]:
        assert "*" not in str(statement["Action"])
        assert statement["Resource"].count("${") >= 2
        assert re.search(r"^[^*]+(/\*|:\*)?$", statement["Resource"])


def test_only_s3_takes_the_job_role() -> None:
    """For this account, if it says for which: that it does is documented nowhere."""
    (statement,) = policy("job-role-trust")["Statement"]

    assert statement["Principal"] == {"Service": "batchoperations.s3.amazonaws.com"}
    assert statement["Condition"] == {"StringEqualsIfExists": {"aws:SourceAccount": "${account}"}}


def test_news_of_jobs_reach_the_topic(template: Any) -> None:
    """EventBridge publishes to no topic whose policy has a condition for it; CloudWatch does."""
    statements = template["Resources"]["NotificationsPolicy"]["Properties"]["PolicyDocument"]

    conditions = {
        statement["Principal"]["Service"]: "Condition" in statement
        for statement in statements["Statement"]
        if statement["Effect"] == "Allow"
    }

    assert conditions == {"events.amazonaws.com": False, "cloudwatch.amazonaws.com": True}


def test_the_topic_refuses_requests_without_tls(template: Any) -> None:
    """As SNS's best practices have it; services always use TLS."""
    statements = template["Resources"]["NotificationsPolicy"]["Properties"]["PolicyDocument"]

    (denied,) = [one for one in statements["Statement"] if one["Effect"] == "Deny"]

    assert (denied["Principal"], denied["Action"]) == ("*", "sns:Publish")
    assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


@pytest.mark.parametrize("status", JobStatus)
def test_there_is_news_of_a_job_that_ends_or_waits(status: JobStatus, template: Any) -> None:
    """The event is as the User Guide shows one; of what goes on by itself there is no news."""
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

    told = EventPattern.load(json.dumps(rule["EventPattern"])).matches_event(event)

    assert told == (status.is_final or status is JobStatus.SUSPENDED)


def test_a_parameter_that_changes_the_function_publishes_a_version(template: Any) -> None:
    """SAM looks at the template alone, so what it refers to stands in the version's text too."""
    function = template["Resources"]["CompressFunction"]
    properties = dict(function["Properties"])
    description = set(re.findall(r"\$\{(\w+)\}", properties.pop("VersionDescription")))
    del properties["ReservedConcurrentExecutions"]  # is of the function, of all its versions

    used = set(re.findall(r"\$\{(\w+)\}", str(properties))) & template["Parameters"].keys()

    assert used == description == {"Runtime", "Architecture", "LogLevel"}


def test_what_has_no_resource_is_all_that_the_caller_has_for_all() -> None:
    """CreateJob and ListJobs know no resource; everything else is for one."""
    for_all = {
        statement["Action"]
        for statement in policy("caller")["Statement"]
        if statement["Resource"] == "*"
    }

    assert for_all == {"s3:CreateJob", "s3:ListJobs"}


def test_the_caller_makes_and_changes_jobs_of_functions_alone() -> None:
    """Else who may run a function could confirm or cancel anybody's copies.

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


def test_the_caller_passes_one_role() -> None:
    """Else who makes jobs would have the rights of every role of the account."""
    (passing,) = [one for one in policy("caller")["Statement"] if "iam:" in str(one["Action"])]

    assert passing["Action"] == "iam:PassRole"
    assert passing["Resource"] == "${job_role_arn}"
    assert "Condition" not in passing  # CreateJob does not send iam:PassedToService


def test_the_placeholders_of_the_policies_are_listed() -> None:
    """The page on deployment explains each of them, and no other."""
    page = PROJECT.joinpath("docs", "deploy.md").read_text()
    used = {
        name
        for path in POLICIES.glob("*.json")
        for name in Template(path.read_text()).get_identifiers()
    }

    listed = re.findall(r"^\| `\$\{(\w+)\}` \|", page, re.MULTILINE)

    assert set(listed) == used == set(PLACEHOLDERS)


# ---------------------------------------------------------------- environments


def test_the_environments_of_samconfig(template: Any) -> None:
    """Each has a stack of its own, and names parameters that there are."""
    config = tomllib.loads(PROJECT.joinpath("samconfig.toml").read_text())
    del config["version"]

    assert list(config) == ["default", "dev", "prod"]
    assert len({one["global"]["parameters"]["stack_name"] for one in config.values()}) == 3
    for environment in config.values():
        overrides = environment["deploy"]["parameters"].get("parameter_overrides", "")
        assert {one.partition("=")[0] for one in overrides.split()} <= template["Parameters"].keys()
