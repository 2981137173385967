"""All policy documents of a job."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from s3batch_handler.policies._caller import caller_statements
from s3batch_handler.policies._function import (
    function_resource_policy,
    function_role_statements,
    function_role_trust,
)
from s3batch_handler.policies._job import JobAccess, PolicyOptions
from s3batch_handler.policies._job_role import job_role_statements, job_role_trust
from s3batch_handler.policies._resources import UNKNOWN_REGION
from s3batch_handler.policies._statements import (
    MAX_MANAGED_POLICY,
    Document,
    policy_document,
    policy_size,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from s3batch_handler.policies._job import Request
    from s3batch_handler.policies._resources import Function


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPolicies:
    """The policy documents of a job.

    Attributes:
        job_role_arn: The role that the request of the job names.
        function_role, function_trust: ``None`` if the job invokes no function.
        function_policy: The policy of a function in another account, otherwise ``None``.
        notes: What a person should know about the documents.
    """

    job_role_arn: str
    trust: Document
    permissions: Document
    caller: Document
    function: Function | None
    function_trust: Document | None
    function_role: Document | None
    function_policy: Document | None
    notes: tuple[str, ...]

    def to_json(self) -> Document:
        """Return the documents as one object."""
        function = {"trust": self.function_trust, "permissions": self.function_role}
        return {
            "job_role": {"trust": self.trust, "permissions": self.permissions},
            "caller": self.caller,
            "function_role": function if self.function_role else None,
            "function_policy": self.function_policy,
        }


def job_policies(request: Request, options: PolicyOptions | None = None) -> JobPolicies:
    """Create the policies for a request of CreateJob.

    Raises:
        IncompleteJob: The request and the options do not say what a policy has to name.
    """
    job = JobAccess.of_request(request, options or PolicyOptions())
    job.notes.extend(_unused_options(job))
    permissions = policy_document(job_role_statements(job))
    caller = policy_document(caller_statements(job))
    function = job.function
    function_role = function and policy_document(function_role_statements(job, function))
    documents = {"job role": permissions, "caller": caller, "function's role": function_role}
    if f":{UNKNOWN_REGION}:" in str(documents):
        job.notes.append("the Region is not known, so ARNs contain a *: pass --region")
    for name, document in documents.items():
        size = policy_size(document) if document else 0
        if size > MAX_MANAGED_POLICY:
            job.notes.append(
                f"the policy of the {name} has {size:,} characters, more than the "
                f"{MAX_MANAGED_POLICY:,} of a managed policy: name fewer buckets, or split it"
            )
    return JobPolicies(
        job_role_arn=job.role,
        trust=job_role_trust(job),
        permissions=permissions,
        caller=caller,
        function=function,
        function_trust=function_role_trust() if function else None,
        function_role=function_role,
        function_policy=function and function_resource_policy(job, function),
        notes=tuple(dict.fromkeys(job.notes)),
    )


def _unused_options(job: JobAccess) -> Iterator[str]:
    """Yield notes on options that this operation does not use."""
    options = job.options
    if job.function is None:
        if options.function_reads or options.function_writes or options.function_keys:
            yield "the job invokes no function, so the options for the function have no effect"
        return
    if options.objects and not options.function_reads:
        yield "only the function uses the objects: allow it to with --function-reads"
    if options.source_key or options.target_key:
        yield "only the function uses the objects: name their KMS key with --function-kms-key"
