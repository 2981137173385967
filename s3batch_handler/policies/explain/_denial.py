"""Explain a message of AWS that says who was denied what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from s3batch_handler.policies._resources import object_arn
from s3batch_handler.policies.explain._denials import (
    BLOCK_PUBLIC_ACCESS,
    BOUNDARY,
    ENDPOINT,
    IDENTITY,
    RESOURCE,
    RESOURCE_CONTROL,
    SERVICE_CONTROL,
    SESSION,
    TRUST,
    account_of,
    principal_for_policies,
    role_of,
)
from s3batch_handler.policies.explain._explanation import (
    CALLER,
    FUNCTION_ROLE,
    JOB_ROLE,
    UNKNOWN,
    Explanation,
)

if TYPE_CHECKING:
    from s3batch_handler.policies._job import JobAccess
    from s3batch_handler.policies._statements import Document
    from s3batch_handler.policies.explain._denials import Denial


def explain_denial(denial: Denial, job: JobAccess | None) -> Explanation:
    """Explain a denial; with a job, its roles and its function are known."""
    who = who_of(denial.principal, denial.action, job)
    principal = _principal(denial, job)
    name = NAMES.get(who, "the sender of the request")
    what = f"{name[0].upper()}{name[1:]} is not allowed to call {denial.action}"
    what += f" on {denial.resource}" if denial.resource else ""
    if denial.kind == BLOCK_PUBLIC_ACCESS:
        return Explanation(
            what=f"{what}: Block Public Access denies it",
            who=who,
            principal=principal,
            where="the ACL or policy that the request sets, which would make objects public, or "
            "the Block Public Access settings of the bucket and the account",
        )
    if denial.is_explicit:
        return _explicit(denial, who, principal, what)
    kind = denial.kind or IDENTITY
    return Explanation(
        what=f"{what}: no {kind} allows it" if denial.kind else what,
        who=who,
        principal=principal,
        where=_where(kind, denial, name, principal),
        statements=(_statement(kind, denial, principal),),
        hints=tuple(_hints(kind, denial, principal, job)),
    )


NAMES: Final = {
    JOB_ROLE: "the job role",
    CALLER: "the caller",
    FUNCTION_ROLE: "the function role",
}


def who_of(principal: str, action: str, job: JobAccess | None) -> str:
    """Return who sent a request: the job, its caller, its function, or unknown."""
    role, session = role_of(principal)
    if session.startswith("s3-batch-operations_") or (
        job is not None and role and job.role.endswith(f"/{role}")
    ):
        return JOB_ROLE
    if action in _OF_CALLERS:
        return CALLER
    if action == "lambda:InvokeFunction" and role:
        return JOB_ROLE
    # Lambda names the session of a role after the function.
    if job is not None and job.function is not None and session == job.function.name:
        return FUNCTION_ROLE
    if principal.startswith("arn:") and not role:  # a person, or a user of a pipeline
        return CALLER
    return UNKNOWN


_OF_CALLERS: Final = {
    *("iam:PassRole", "s3:CreateJob", "s3:DescribeJob", "s3:ListJobs", "s3:UpdateJobStatus"),
    *("s3:UpdateJobPriority", "s3:PutJobTagging", "s3:GetJobTagging", "s3:DeleteJobTagging"),
}


def _principal(denial: Denial, job: JobAccess | None) -> str:
    if not denial.principal.startswith("arn:"):  # anonymous, or made unreadable before it was sent
        return ""
    role, _ = role_of(denial.principal)
    if job is not None and role and job.role.endswith(f"/{role}"):
        return job.role  # with its path
    return principal_for_policies(denial.principal)


# ---------------------------------------------------------------- a missing statement


def _where(kind: str, denial: Denial, name: str, principal: str) -> str:
    if kind == RESOURCE:
        return _resource_policy(denial)
    if kind == IDENTITY:
        return f"a policy of {name}" + (f", {principal}" if principal else "")
    return {
        ENDPOINT: "the policy of the VPC endpoint that the request uses",
        SERVICE_CONTROL: "a service control policy of the organization",
        RESOURCE_CONTROL: "a resource control policy of the organization",
        BOUNDARY: f"the permissions boundary of {name}",
        SESSION: f"the session policy of {name}",
        TRUST: f"the trust policy of {denial.resource or 'the role'}",
    }[kind]


def _resource_policy(denial: Denial) -> str:
    service = denial.action.partition(":")[0]
    resource = denial.resource
    if service == "s3":
        bucket = resource.rpartition(":::")[2].partition("/")[0]
        return f"the bucket policy of {bucket}" if bucket else "the bucket policy"
    named = f" of {resource}" if resource else ""
    return {
        "kms": f"the key policy{named}",
        "lambda": f"the resource policy of the function{named.replace(' of ', ' ')}",
        "sts": f"the trust policy{named}",
        "iam": f"the trust policy{named}",
    }.get(service, f"the resource policy{named}")


def _statement(kind: str, denial: Denial, principal: str) -> Document:
    statement: Document = {"Effect": "Allow"}
    if kind in (RESOURCE, ENDPOINT, TRUST):
        statement["Principal"] = {"AWS": principal} if principal else {"AWS": PRINCIPAL}
    statement["Action"] = denial.action
    if kind == SERVICE_CONTROL:
        statement["Resource"] = "*"  # IAM User Guide: the only value for an Allow of these policies
    elif kind == RESOURCE and denial.action.startswith("kms:"):
        statement["Resource"] = "*"  # in a key policy: this key
    elif denial.action != "sts:AssumeRole" or kind not in (RESOURCE, TRUST):
        statement["Resource"] = _resource(denial)
    return statement


PRINCIPAL: Final = "PRINCIPAL-ARN"
"""Stands for an ARN that is not known."""


def _resource(denial: Denial) -> str:
    resource = denial.resource
    if denial.action in ("s3:CreateJob", "s3:ListJobs"):
        return "*"  # IAM defines no resource for them
    if not resource.startswith("arn:"):
        return "RESOURCE-ARN"
    if ":s3:" not in resource:
        return resource
    # The ARN of several objects ends with a *, which matches any text.
    several = resource.endswith("*")
    return f"{object_arn(resource.removesuffix('*'))}*" if several else object_arn(resource)


def _hints(kind: str, denial: Denial, principal: str, job: JobAccess | None) -> list[str]:
    hints = []
    if denial.principal == "anonymous":
        hints.append(
            "the request has no signature: send it with the credentials of a user or role; do not "
            "allow anonymous requests"
        )
    there, here = account_of(denial.resource), account_of(principal)
    if kind == RESOURCE and (not there or there != here):
        hints.append(
            "if the resource is in another account, a policy of the principal must allow the "
            "action, too: AWS names the resource-based policy even if only that one is missing"
        )
    if denial.action == "iam:PassRole":
        hints.append(
            "a condition on iam:PassedToService would deny every job: CreateJob does not send it"
        )
    if denial.action == "lambda:InvokeFunction":
        hints.append(
            "Lambda compares the whole ARN: a policy for the function does not allow its versions "
            "and aliases, nor the reverse"
        )
        function = None if job is None else job.function
        if function is not None and denial.resource not in ("", function.arn):
            hints.append(f"the job names {function.arn}")
    if denial.action == "sts:AssumeRole" and kind == IDENTITY:
        hints.append("the trust policy of the role must allow it, too")
    if denial.action.startswith("kms:") and kind == RESOURCE and not denial.resource:
        hints.append("the key must exist in the Region of the request")
    if denial.action.startswith("kms:") and kind == IDENTITY:
        hints.append("the key policy must allow it, too, or delegate access to IAM policies")
    return hints


# ---------------------------------------------------------------- a statement that denies


def _explicit(denial: Denial, who: str, principal: str, what: str) -> Explanation:
    kind = denial.kind or "policy"
    where = (
        _where(kind, denial, NAMES.get(who, "the sender of the request"), principal)
        if (denial.kind)
        else "the policy with the statement"
    )
    hints = [
        "no other statement can allow it: change the Deny statement that matches the request",
    ]
    if denial.policy:
        hints.insert(0, f"the statement is in {denial.policy}")
    if kind == RESOURCE:
        hints.append(
            "the requests of a job come from S3, so conditions on aws:SourceIp, aws:SourceVpc and "
            "aws:SourceVpce deny them"
        )
    article = "an" if kind == IDENTITY else "a"
    return Explanation(
        what=f"{what}: a statement of {article} {kind} denies it",
        who=who,
        principal=principal,
        where=where,
        condition={"ArnNotEquals": {"aws:PrincipalArn": principal or PRINCIPAL}},
        hints=tuple(hints),
    )
