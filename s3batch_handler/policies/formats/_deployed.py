"""The resources that deploy the policies of a job, for any deployment tool."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from s3batch_handler.policies._documents import JobPolicies
    from s3batch_handler.policies._statements import Document

JOB_ROLE: Final = "job-role"
CALLER: Final = "caller"
FUNCTION: Final = "function"

PARTS: Final = (JOB_ROLE, CALLER, FUNCTION)
"""What can be printed alone."""


class Role(NamedTuple):
    """A role with one inline policy."""

    name: str
    """``job`` or ``function``, for names in the code of the deployment tool."""

    role_name: str | None
    """The name of the role in IAM; ``None`` for a name that the deployment tool chooses."""

    path: str
    trust: Document
    permissions: Document


class Policy(NamedTuple):
    """A managed policy, to attach to users, groups or roles."""

    name: str
    description: str
    document: Document


class Permission(NamedTuple):
    """A statement of the resource policy of a function in another account."""

    name: str
    function: str
    principal: str


Resource = Role | Policy | Permission


def resources(policies: JobPolicies, part: str | None) -> Iterator[Resource]:
    """Yield the resources of one part; without a part, those of the account of the job."""
    function = policies.function
    if part in (None, JOB_ROLE):
        path, _, name = policies.job_role_arn.partition(":role/")[2].rpartition("/")
        yield Role("job", name, f"/{path}/" if path else "/", policies.trust, policies.permissions)
    if part in (None, CALLER):
        yield Policy("caller", "Submits the job and reads its report", policies.caller)
    if function is None or policies.function_trust is None or policies.function_role is None:
        return
    if part == FUNCTION or (part is None and policies.function_policy is None):
        yield Role("function", None, "/", policies.function_trust, policies.function_role)
    if part == FUNCTION and policies.function_policy is not None:
        yield Permission("function", function.arn, policies.job_role_arn)
