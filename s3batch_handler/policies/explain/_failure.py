"""Explain a message that does not say who was denied what, with what the job file says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from s3batch_handler.policies._job_role import (
    generator_statements,
    job_role_statements,
    job_role_trust,
    manifest_arn,
    report_arns,
)
from s3batch_handler.policies._operations import operation_statements
from s3batch_handler.policies._resources import IncompleteJob
from s3batch_handler.policies._statements import allow
from s3batch_handler.policies.explain._denied_call import explain_call
from s3batch_handler.policies.explain._explanation import (
    CALLER,
    JOB_ROLE,
    UNKNOWN,
    Explanation,
    documents_of,
    without_file,
)
from s3batch_handler.policies.explain._failure_messages import Failure

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Iterable

    from s3batch_handler.policies._job import JobAccess
    from s3batch_handler.policies._statements import Document, Statement
    from s3batch_handler.policies.explain._failure_messages import Message


def explain_failure(message: Message, found: re.Match[str], job: JobAccess | None) -> Explanation:
    """Explain a known message."""
    failure = message.failure
    if failure is Failure.CALL:
        return explain_call(found["call"], job)
    if failure in _WITHOUT_POLICY:
        where, hint = _WITHOUT_POLICY[failure]
        what = _sentence(failure)
        return Explanation(what=what, who=UNKNOWN, principal="", where=where, hints=(hint,))
    return _EXPLAIN[failure](job)


def _role_statement(
    job: JobAccess | None, failure: Failure, statements: Iterable[Statement], *hints: str
) -> Explanation:
    return Explanation(
        what=_sentence(failure),
        who=JOB_ROLE,
        principal=job.role if job else "",
        where="a policy of the job role" + (f", {job.role}" if job else ""),
        statements=documents_of(statements),
        hints=(*hints, *without_file(job)),
    )


def _sentence(failure: Failure) -> str:
    return f"{failure.value[0].upper()}{failure.value[1:]}"


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
        "the bucket policy of the manifest may deny it; in another account, it must allow it",
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
        where="the trust policy of the job role" + (f", {job.role}" if job else ""),
        statements=(trust,),
        hints=(
            "the role must exist in the account of the job",
            (
                "a condition on aws:SourceArn or aws:SourceAccount denies it if S3 does not send "
                "the key: use StringEqualsIfExists"
            ),
        ),
    )


def _report(job: JobAccess | None) -> Explanation:
    arns = ["arn:aws:s3:::REPORT-BUCKET/PREFIX/job-*"]
    if job and job.report:
        arns = report_arns(job)
    return _role_statement(
        job,
        Failure.REPORT,
        [allow("WriteReports", "s3:PutObject", arns)],
        "S3 cannot write reports to a bucket with default retention (Object Lock)",
        "ExpectedBucketOwner of the report must be the account of the bucket",
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
        where="the key policy, and a policy of the sender of the request",
        statements=documents_of(
            [allow("UseKey", "kms:Decrypt", "arn:aws:kms:REGION:ACCOUNT:key/KEY-ID")]
        ),
        hints=(
            "writing needs kms:GenerateDataKey",
            "the key must exist in the Region of the bucket, and must be enabled",
            *without_file(job),
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
            "with HTTP status 200 in the report, the function role lacks the permission",
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
_WITHOUT_POLICY: Final = {
    Failure.KEY_STATE: (
        "the state of the key: enable it, or cancel its deletion",
        "no policy helps: KMS refuses every use of the key",
    ),
    Failure.KEY_ACCOUNT: (
        "the job: KMSKeyArn",
        "S3 accepts keys of the account of the bucket, unless AWS Support allowed others",
    ),
    Failure.OBJECT_LOCK: (
        "the retention or the legal hold of the object",
        "no policy helps, except s3:BypassGovernanceRetention against governance mode",
    ),
}
"""What to change, and a hint, for failures that a policy does not prevent."""
