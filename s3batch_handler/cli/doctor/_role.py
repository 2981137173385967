"""The role that S3 assumes for a job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from s3batch_handler.cli.doctor._check import error, ok
from s3batch_handler.cli.doctor._connection import failed_request

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from s3batch_handler.cli.doctor._check import Check
    from s3batch_handler.cli.doctor._connection import Connection

SERVICE: Final = "batchoperations.s3.amazonaws.com"


def check_role(connection: Connection, role: str) -> Iterator[Check]:
    """Check that a role exists, and that S3 Batch Operations may assume it.

    Args:
        connection: The account of the role.
        role: The name, path and name, or ARN of the role.
    """
    short = role.rpartition("/")[2]
    name = f"role {short}"
    try:
        found = connection.client("iam").get_role(RoleName=short)["Role"]
    except Exception as problem:
        yield failed_request(name, problem, permission="iam:GetRole", missing="it does not exist")
        return
    policy = found.get("AssumeRolePolicyDocument")
    if is_trusted(policy if isinstance(policy, dict) else {}):
        yield ok(name, f"it exists, and its trust policy allows {SERVICE}")
    else:
        yield error(
            name,
            f"its trust policy does not allow {SERVICE} to assume it",
            f'add a statement with "Principal": {{"Service": "{SERVICE}"}} and "sts:AssumeRole"',
        )


def is_trusted(policy: Mapping[str, Any]) -> bool:
    """Return whether a trust policy allows S3 Batch Operations to assume the role.

    Conditions are not evaluated.
    """
    statements = [each for each in _list(policy.get("Statement")) if _applies(each)]
    effects = {statement.get("Effect") for statement in statements}
    return "Allow" in effects and not any(
        statement.get("Effect") == "Deny" and not statement.get("Condition")
        for statement in statements
    )


def _applies(statement: Any) -> bool:
    if not isinstance(statement, dict):
        return False
    principal = statement.get("Principal")
    services = _list(principal.get("Service")) if isinstance(principal, dict) else [principal]
    actions = {str(action).lower() for action in _list(statement.get("Action"))}
    return bool(
        {SERVICE, "*"} & {*map(str, services)} and {"sts:assumerole", "sts:*", "*"} & actions
    )


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
