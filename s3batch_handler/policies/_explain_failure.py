"""Explain a message that does not say who was denied what, with what the job file says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from s3batch_handler.policies._caller import caller_statements
from s3batch_handler.policies._explanation import (
    CALLER,
    FUNCTION_ROLE,
    JOB_ROLE,
    UNKNOWN,
    Explanation,
)
from s3batch_handler.policies._failure_messages import Failure, actions_of_call
from s3batch_handler.policies._job_role import (
    generator_statements,
    job_role_statements,
    job_role_trust,
    manifest_arn,
    report_arn,
)
from s3batch_handler.policies._operations import operation_statements
from s3batch_handler.policies._resources import IncompleteJob
from s3batch_handler.policies._statements import allow, merge

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Iterable

    from s3batch_handler.policies._failure_messages import Message
    from s3batch_handler.policies._job import JobAccess
    from s3batch_handler.policies._statements import Document, Statement


def explain_failure(
    message: Message, found: re.Match[str], job: JobAccess | None
) -> Explanation | None:
    """Explain a known message; ``None`` if it names a call that is not known."""
    if message.failure is Failure.CALL:
        return _call(found["call"], job)
    return _EXPLAIN[message.failure](job)


def _role_statement(
    job: JobAccess | None, failure: Failure, statements: Iterable[Statement], *hints: str
) -> Explanation:
    return Explanation(
        what=_sentence(failure),
        who=JOB_ROLE,
        principal=job.role if job else "",
        where="a policy of the role of the job" + (f", {job.role}" if job else ""),
        statements=_documents(statements),
        hints=(*hints, *_without_file(job)),
    )


def _sentence(failure: Failure) -> str:
    return f"{failure.value[0].upper()}{failure.value[1:]}"


def _documents(statements: Iterable[Statement]) -> tuple[Document, ...]:
    return tuple(statement.to_json() for statement in merge(statements))


def _without_file(job: JobAccess | None) -> list[str]:
    return [] if job else ["with the job file (-f FILE), the statement names its resources"]


def _manifest(job: JobAccess | None) -> Explanation:
    arn = manifest_arn(job) if job and job.manifest else "arn:aws:s3:::MANIFEST-BUCKET/KEY"
    statements = [allow("ReadManifests", ["s3:GetObject", "s3:GetObjectVersion"], arn)]
    if job and job.has_inventory:
        names = ("ReadManifests", "ReadInventoryFiles", "DecryptInventory")
        statements = [one for one in _role_statements(job) if one.sid in names]
    return _role_statement(
        job,
        Failure.MANIFEST,
        statements,
        "the bucket policy of the manifest may deny it, or have to allow it in another account",
        "S3 cannot read a CSV manifest that is encrypted with a KMS key",
    )


def _role_statements(job: JobAccess) -> list[Statement]:
    try:
        return [*job_role_statements(job)]
    except IncompleteJob:  # the buckets of the objects, which are not needed here
        return []


def _assume(job: JobAccess | None) -> Explanation:
    trust: Document = {
        "Effect": "Allow",
        "Principal": {"Service": "batchoperations.s3.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    if job:
        (trust,) = job_role_trust(job)["Statement"]
    return Explanation(
        what=_sentence(Failure.ROLE),
        who=JOB_ROLE,
        principal=job.role if job else "",
        where="the trust policy of the role of the job" + (f", {job.role}" if job else ""),
        statements=(trust,),
        hints=(
            "the role has to exist, in the account of the job",
            (
                "a condition on aws:SourceArn or aws:SourceAccount denies it if S3 does not send "
                "the key: use StringEqualsIfExists"
            ),
        ),
    )


def _report(job: JobAccess | None) -> Explanation:
    arn = report_arn(job) if job and job.report else "arn:aws:s3:::REPORT-BUCKET/PREFIX/job-*"
    return _role_statement(
        job,
        Failure.REPORT,
        [allow("WriteReports", "s3:PutObject", arn)],
        "a bucket with a default retention of Object Lock cannot have reports",
        "ExpectedBucketOwner of the report has to be the account of the bucket",
        "the bucket policy may deny it, for example requests without a KMS key: S3 encrypts "
        "reports with its own keys",
    )


def _generated(job: JobAccess | None) -> Explanation:
    actions = ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", "s3:PutObjectAcl"]
    statements = [allow("SaveGeneratedManifest", actions, "arn:aws:s3:::MANIFEST-BUCKET/PREFIX/*")]
    if job:
        names = ("SaveGeneratedManifest", "EncryptGeneratedManifest")
        found = [one for one in generator_statements(job) if one.sid in names]
        statements = found or statements
    return _role_statement(
        job,
        Failure.GENERATED_MANIFEST,
        statements,
        "a bucket in another account needs s3:PutObjectAcl, and a bucket policy that allows it",
    )


def _other_account(job: JobAccess | None) -> Explanation:
    return Explanation(
        what=_sentence(Failure.OTHER_ACCOUNT),
        who=CALLER,
        principal="",
        where="the job: RoleArn" + (f", {job.role}" if job else ""),
        hints=("CreateJob accepts only a role of the account in which the job is created",),
    )


def _key(job: JobAccess | None) -> Explanation:
    return Explanation(
        what=_sentence(Failure.KEY),
        who=UNKNOWN,
        principal="",
        where="the key policy, and a policy of who sent the request",
        statements=_documents(
            [allow("UseKey", "kms:Decrypt", "arn:aws:kms:REGION:ACCOUNT:key/KEY-ID")]
        ),
        hints=(
            "writing needs kms:GenerateDataKey",
            "the key has to exist in the Region of the bucket, and to be enabled",
            *_without_file(job),
        ),
    )


def _object(job: JobAccess | None) -> Explanation:
    hints = [
        (
            "S3 says which permission is missing only within an account or an organization: the "
            "bucket may be in another one, and then needs a bucket policy that allows the role"
        ),
        (
            "an object that does not exist is denied, too, unless s3:ListBucket is allowed on its "
            "bucket"
        ),
        "the bucket policy, the key policy of the objects or Object Ownership may deny it",
    ]
    statements: list[Statement] = []
    if job and job.function:
        hints = [
            "with HTTP status 200 in the report, the role of the function lacks the permission",
        ]
    if job:
        try:
            statements = [*operation_statements(job)]
        except IncompleteJob as error:
            hints.insert(0, str(error))
    return _role_statement(job, Failure.OBJECT, statements, *hints)


_EXPLAIN: Final[dict[Failure, Callable[[JobAccess | None], Explanation]]] = {
    Failure.MANIFEST: _manifest,
    Failure.ROLE: _assume,
    Failure.REPORT: _report,
    Failure.GENERATED_MANIFEST: _generated,
    Failure.OTHER_ACCOUNT: _other_account,
    Failure.KEY: _key,
    Failure.OBJECT: _object,
}


def _call(call: str, job: JobAccess | None) -> Explanation | None:
    actions = actions_of_call(call)
    if not actions:
        return None
    if call in _CALLS_OF_CALLERS:
        return _call_of_caller(call, actions, job)
    who = FUNCTION_ROLE if job and job.function else UNKNOWN
    hints = ["the message does not say the resource: the code that makes the call knows it"]
    if "s3:ListBucket" in actions and len(actions) > 1:
        hints.append(
            "without s3:ListBucket on the bucket, S3 answers 403 for an object that does not exist"
        )
    name = "the role of the function" if who == FUNCTION_ROLE else "who calls it"
    return Explanation(
        what=f"The call {call} was denied",
        who=who,
        principal="",
        where=f"a policy of {name}, or the policy of the bucket or key in another account",
        statements=_documents(
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
        statements=_documents(statements),
        hints=tuple(_without_file(job)),
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
