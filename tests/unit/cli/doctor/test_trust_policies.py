"""Whether a trust policy lets S3 Batch Operations assume a role."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from s3batch_handler.cli.doctor._role import SERVICE, is_trusted

if TYPE_CHECKING:
    from pathlib import Path


def a_statement(**changes: Any) -> dict[str, Any]:
    return {
        "Effect": "Allow",
        "Principal": {"Service": SERVICE},
        "Action": "sts:AssumeRole",
        **changes,
    }


@pytest.mark.parametrize(
    "statement",
    [
        a_statement(),
        a_statement(Principal={"Service": ["lambda.amazonaws.com", SERVICE]}),
        a_statement(Action=["sts:TagSession", "sts:AssumeRole"]),
        a_statement(Principal="*", Action="sts:*"),
        a_statement(Action="sts:Assume*"),
        a_statement(Action="STS:assumerol?"),
        a_statement(Action="*"),
    ],
)
def test_policy_that_allows_s3_batch_operations_is_accepted(statement: dict[str, Any]) -> None:
    assert is_trusted({"Statement": [statement]})
    assert is_trusted({"Statement": statement})


@pytest.mark.parametrize(
    "policy",
    [
        {},
        {"Statement": []},
        {"Statement": "text"},
        {"Statement": [a_statement(Effect="Deny")]},
        {"Statement": [a_statement(), a_statement(Effect="Deny")]},
        {"Statement": [a_statement(Principal={"Service": "lambda.amazonaws.com"})]},
        {"Statement": [a_statement(Principal={"AWS": "arn:aws:iam::1:root"})]},
        {"Statement": [a_statement(Action="s3:GetObject")]},
        {"Statement": [a_statement(Action="sts:AssumeRoleWith*")]},
        {"Statement": [a_statement(Action="sts:[a]ssumerole")]},
        {"Statement": [a_statement(), a_statement(Effect="Deny", Action="sts:A*")]},
    ],
)
def test_policy_that_does_not_allow_s3_batch_operations_is_refused(policy: dict[str, Any]) -> None:
    assert is_trusted(policy) is False


@pytest.mark.parametrize(
    "statement",
    [
        {"Effect": "Allow", "Principal": {"Service": SERVICE}, "NotAction": "sts:TagSession"},
        {"Effect": "Deny", "NotPrincipal": {"Service": SERVICE}, "Action": "sts:AssumeRole"},
    ],
)
def test_a_policy_with_not_action_or_not_principal_is_not_judged(statement: Any) -> None:
    assert is_trusted({"Statement": [a_statement(), statement]}) is None


def test_the_documented_policy_is_accepted(project: Path) -> None:
    text = project.joinpath("templates/policies/job-role-trust.json").read_text()

    assert is_trusted(json.loads(text))
