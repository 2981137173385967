"""The fixture ``s3batch_aws``: moto's AWS with settings, for code as users write it."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.nested_pytest import NestedPytest

MACHINE = {
    "AWS_PROFILE": "production",
    "AWS_REGION": "eu-west-1",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:9",
    "AWS_SESSION_TOKEN": "of production",
}


def examples(page: Path) -> list[str]:
    return re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)


def test_the_settings_of_the_machine_have_no_effect(
    nested: NestedPytest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Profiles, endpoints and Regions are those of the mock while the test runs, and come back."""
    for name, value in MACHINE.items():
        monkeypatch.setenv(name, value)

    result = nested.run(
        """
    import boto3

    def test(s3batch_aws):
        assert boto3.client("s3control").meta.region_name == "us-east-1"
        assert boto3.client("sts").get_caller_identity()["Account"] == "123456789012"
    """
    )

    result.assert_outcomes(passed=1)
    assert {name: os.environ[name] for name in MACHINE} == MACHINE


@pytest.mark.slow
def test_clients_that_were_created_first_are_mocked(nested: NestedPytest, project: Path) -> None:
    """The test in the README, whose function creates a client when it is imported, passes."""
    function, test = examples(project / "README.md")[:2]
    (nested.path / "app.py").write_text(function)
    nested.write(
        test
        + """

def test_each_request_is_sent_once(s3batch_aws):
    from app import s3

    requests = []
    s3.meta.events.register("before-send.s3", lambda request, **_: requests.append(request.url))
    s3.create_bucket(Bucket="texts")
    boto3.client("s3").put_object(Bucket="texts", Key="a.txt", Body=b"one")

    assert handler.run(make_task("a.txt", bucket="texts")).message == '{"bytes":3,"lines":0}'
    assert len(requests) == 2
"""
    )

    nested.run_process().assert_outcomes(passed=2)


def test_the_tests_of_the_page_on_tests_pass(nested: NestedPytest, project: Path) -> None:
    """Each example of the page is a module of passing tests."""
    passed = 0
    for example in examples(project / "docs" / "testing.md"):
        result = nested.run(example)
        result.assert_outcomes(passed=result.parseoutcomes()["passed"])
        passed += result.parseoutcomes()["passed"]

    assert passed == 10
