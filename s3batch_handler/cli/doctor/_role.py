"""The role that S3 assumes for a job."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final

from s3batch_handler.cli.doctor._check import error, ok, skipped
from s3batch_handler.cli.doctor._connection import failed_request

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from s3batch_handler.cli.doctor._check import Check
    from s3batch_handler.cli.doctor._connection import Connection, FailedRequest

SERVICE: Final = "batchoperations.s3.amazonaws.com"


def check_role(
    connection: Connection, role: str, *, failed: FailedRequest = failed_request
) -> Iterator[Check]:
    """Check that a role exists, and that S3 Batch Operations may assume it.

    Args:
        connection: The account of the role.
        role: The name, path and name, or ARN of the role.
        failed: Returns the result for a request that failed.
    """
    short = role.rpartition("/")[2]
    name = f"role {short}"
    try:
        found = connection.client("iam").get_role(RoleName=short)["Role"]
    except Exception as problem:
        yield failed(name, problem, permission="iam:GetRole", missing="it does not exist")
        return
    policy = found.get("AssumeRolePolicyDocument")
    trusted = is_trusted(policy if isinstance(policy, dict) else {})
    if trusted is None:
        yield skipped(name, "cannot tell: its trust policy has NotAction or NotPrincipal")
    elif trusted:
        yield ok(name, f"it exists, and its trust policy allows {SERVICE}")
    else:
        yield error(
            name,
            f"its trust policy does not allow {SERVICE} to assume it",
            f'add a statement with "Principal": {{"Service": "{SERVICE}"}} and "sts:AssumeRole"',
        )


def is_trusted(policy: Mapping[str, Any]) -> bool | None:
    """Return whether a trust policy allows S3 Batch Operations to assume the role.

    Conditions are not evaluated. ``None`` if a statement has ``NotAction`` or ``NotPrincipal``.
    """
    statements = [each for each in _list(policy.get("Statement")) if isinstance(each, dict)]
    if any({"NotAction", "NotPrincipal"} & each.keys() for each in statements):
        return None
    applying = [each for each in statements if _applies(each)]
    effects = {statement.get("Effect") for statement in applying}
    return "Allow" in effects and not any(
        statement.get("Effect") == "Deny" and not statement.get("Condition")
        for statement in applying
    )


def _applies(statement: Mapping[str, Any]) -> bool:
    principal = statement.get("Principal")
    services = _list(principal.get("Service")) if isinstance(principal, dict) else [principal]
    return bool({SERVICE, "*"} & {*map(str, services)}) and any(
        fnmatchcase("sts:assumerole", str(action).lower().replace("[", "[[]"))
        for action in _list(statement.get("Action"))
    )


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
