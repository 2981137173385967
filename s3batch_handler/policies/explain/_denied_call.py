"""Explain a call of the API of AWS that was denied, when only its name is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from s3batch_handler.policies._caller import caller_statements
from s3batch_handler.policies._statements import allow
from s3batch_handler.policies.explain._explanation import (
    CALLER,
    FUNCTION_ROLE,
    UNKNOWN,
    Explanation,
    documents_of,
    without_file,
)
from s3batch_handler.policies.explain._failure_messages import actions_of_call

if TYPE_CHECKING:
    from s3batch_handler.policies._job import JobAccess


def explain_call(call: str, job: JobAccess | None) -> Explanation:
    """Explain a call of the API that was denied.

    There are no statements if its actions are not known.
    """
    actions = actions_of_call(call)
    if not actions:
        return Explanation(
            what=f"The call {call} was denied",
            who=UNKNOWN,
            principal="",
            where="a policy of the principal that calls it",
            hints=("the Service Authorization Reference of AWS lists the actions that it needs",),
        )
    if call in _CALLS_OF_CALLERS:
        return _call_of_caller(call, actions, job)
    who = FUNCTION_ROLE if job and job.function else UNKNOWN
    hints = ["the message does not name the resource: look at the code that makes the call"]
    if "s3:ListBucket" in actions and len(actions) > 1:
        hints.append(
            "without s3:ListBucket on the bucket, S3 answers 403 for an object that does not exist"
        )
    name = "the function role" if who == FUNCTION_ROLE else "the principal that calls it"
    return Explanation(
        what=f"The call {call} was denied",
        who=who,
        principal="",
        where=f"a policy of {name}, or the policy of the bucket or key in another account",
        statements=documents_of(
            allow(_sid(action), action, _placeholder(action)) for action in actions
        ),
        hints=tuple(hints),
    )


def _call_of_caller(call: str, actions: tuple[str, ...], job: JobAccess | None) -> Explanation:
    statements = [allow(_sid(action), action, _placeholder(action)) for action in actions]
    if job:
        statements = [one for one in caller_statements(job) if one.actions & {*actions}]
    return Explanation(
        what=f"The call {call} was denied",
        who=CALLER,
        principal="",
        where="a policy of the user or role that calls it",
        statements=documents_of(statements),
        hints=tuple(without_file(job)),
    )


_CALLS_OF_CALLERS: Final = frozenset(
    [
        *("CreateJob", "ListJobs", "DescribeJob", "UpdateJobStatus", "UpdateJobPriority"),
        *("PutJobTagging", "GetJobTagging", "DeleteJobTagging"),
    ]
)
_WITHOUT_RESOURCE: Final = frozenset(["s3:CreateJob", "s3:ListJobs"])


def _sid(action: str) -> str:
    return action.partition(":")[2]


def _placeholder(action: str) -> str:
    service, _, name = action.partition(":")
    if action in _WITHOUT_RESOURCE:
        return "*"
    if "Job" in name:
        return "arn:aws:s3:REGION:ACCOUNT:job/*"
    if service == "s3":
        return "arn:aws:s3:::BUCKET" if name.startswith("ListBucket") else "arn:aws:s3:::BUCKET/*"
    return {
        "lambda": "arn:aws:lambda:REGION:ACCOUNT:function:NAME",
        "kms": "arn:aws:kms:REGION:ACCOUNT:key/KEY-ID",
        "iam": "arn:aws:iam::ACCOUNT:role/NAME",
        "sts": "arn:aws:iam::ACCOUNT:role/NAME",
        "s3express": "arn:aws:s3express:REGION:ACCOUNT:bucket/BUCKET",
    }[service]
