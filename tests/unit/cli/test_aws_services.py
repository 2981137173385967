"""ARNs, Regions and polling of ``s3batch job``, without requests."""

from __future__ import annotations

import pytest

from s3batch_handler.cli.job._aws_services import AwsServices
from s3batch_handler.jobs._arns import function_arn, role_arn


def test_the_name_of_a_function_is_completed_with_account_and_region_of_the_job() -> None:
    services = AwsServices(account_id="123456789012", region="cn-north-1")
    arns = {
        "f": "arn:aws-cn:lambda:cn-north-1:123456789012:function:f",
        "f:PROD": "arn:aws-cn:lambda:cn-north-1:123456789012:function:f:PROD",
        "function:f": "arn:aws-cn:lambda:cn-north-1:123456789012:function:f",
        "my-function:7": "arn:aws-cn:lambda:cn-north-1:123456789012:function:my-function:7",
        "cn-north-1:f:1": "arn:aws-cn:lambda:cn-north-1:123456789012:function:f:1",
        "999999999999:f": "arn:aws-cn:lambda:cn-north-1:999999999999:function:f",
        "999999999999:function:f:1": "arn:aws-cn:lambda:cn-north-1:999999999999:function:f:1",
        "cn-northwest-1:999999999999:function:f": (
            "arn:aws-cn:lambda:cn-northwest-1:999999999999:function:f"
        ),
        "arn:aws:lambda:us-east-1:1:function:f": "arn:aws:lambda:us-east-1:1:function:f",
    }

    assert {name: function_arn(name, services) for name in arns} == arns


def test_the_name_of_a_role_is_completed_with_or_without_its_path() -> None:
    services = AwsServices(account_id="123456789012", region="us-gov-west-1")
    arns = {
        "batch": "arn:aws-us-gov:iam::123456789012:role/batch",
        "service-role/batch": "arn:aws-us-gov:iam::123456789012:role/service-role/batch",
        "arn:aws:iam::1:role/x": "arn:aws:iam::1:role/x",
    }

    assert {name: role_arn(name, services) for name in arns} == arns


@pytest.mark.parametrize(
    ("variables", "region"),
    [
        ({"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-2"}, "eu-west-1"),
        ({"AWS_DEFAULT_REGION": "eu-west-2"}, "eu-west-2"),
        ({}, "us-east-1"),
    ],
)
def test_the_region_is_found_as_in_the_aws_cli(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], region: str
) -> None:
    """The option comes first, then AWS_REGION, then AWS_DEFAULT_REGION."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert AwsServices().region == region
    assert AwsServices(region="eu-west-3").region == "eu-west-3"


def test_aws_is_polled_less_often_than_other_endpoints(monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS throttles frequent requests."""
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)

    assert AwsServices(region="eu-west-1").poll == 30
    assert AwsServices(region="eu-west-1", endpoint_url="http://127.0.0.1:1").poll == 1
