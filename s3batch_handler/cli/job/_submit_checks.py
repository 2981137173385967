"""What ``s3batch job submit`` checks before it creates a job that would fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from s3batch_handler.cli._errors import InvalidArgument
from s3batch_handler.jobs._arns import split_function

if TYPE_CHECKING:
    from s3batch_handler.cli.job._aws_services import AwsServices
    from s3batch_handler.jobs._job import JobSpec


def check_function(spec: JobSpec, services: AwsServices) -> None:
    """Check that S3 can invoke the function, if its configuration can be read.

    Lambda Developer Guide: durable functions are invoked by a qualified ARN; a function with tenant
    isolation is invoked with a tenant ID, for which CreateJob has no member.

    Raises:
        InvalidArgument: Every task would fail.
    """
    invoke = spec.operation.lambda_invoke
    if invoke is None or invoke.function_arn is None:
        return
    name = invoke.function_arn
    configuration = services.function(name)
    if configuration.get("TenancyConfig"):
        raise InvalidArgument(
            f"function {name} uses tenant isolation (TenancyConfig): S3 Batch Operations sends no "
            "tenant ID, so every task would fail. Use a function without tenant isolation"
        )
    if configuration.get("DurableConfig") and ":" not in split_function(name)[1]:
        raise InvalidArgument(
            f"function {name} is a durable function: Lambda invokes it only by a version or an "
            f"alias. Add one, as in {name}:1"
        )


def check_manifest(spec: JobSpec, services: AwsServices, *, is_etag_option: bool) -> None:
    """Check that a manifest still has the ETag of the request, if the manifest can be read.

    The ETag of ``--etag``, of a job file or of a cloned job may be old.

    Raises:
        InvalidArgument: The job would fail, when S3 reads its manifest.
    """
    if spec.manifest is None:
        if is_etag_option:
            raise InvalidArgument(
                "--etag: the job has no manifest, S3 generates one. Omit the option"
            )
        return
    try:
        etag = services.etag_of_manifest(spec)
    except FileNotFoundError as error:
        raise InvalidArgument(
            f"manifest {error.filename} does not exist, so the job would fail. "
            "Pass another one with --manifest"
        ) from error
    except Exception:  # without permission to read it, or an ARN of another kind
        return
    expected = spec.manifest.location.etag
    if etag == expected:
        return
    manifest = spec.manifest.location.object
    remedy = (
        "Check what is in it, and pass its new ETag"
        if is_etag_option
        else f"Pass --manifest s3://{manifest.bucket}/{manifest.key} to use it as it is now"
    )
    raise InvalidArgument(
        f"the manifest has changed: its ETag is {etag}, not {expected}, so the job would fail. "
        f"{remedy}"
    )
