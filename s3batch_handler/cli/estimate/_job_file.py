"""What a job file says about a job that is estimated."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import click

from s3batch_handler.cli._errors import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Mapping

    from s3batch_handler.cli.job._aws_services import AwsServices


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFacts:
    """The facts of a job file that an estimate needs; ``None`` for what it does not say.

    Attributes:
        operation: The name of the operation.
        manifest: The ``s3://`` URL of the manifest.
        generates_manifest: Whether S3 generates the manifest.
        function: The name or ARN of the function.
        storage_class: The storage class that objects are copied to.
        restore_tier: ``BULK`` or ``STANDARD``.
        requests: Requests for each object, besides those of the operation itself.
    """

    operation: str
    manifest: str | None
    generates_manifest: bool
    function: str | None
    storage_class: str | None
    restore_tier: str | None
    requests: Mapping[str, Decimal]


def read_facts(path: str, *, variables: Mapping[str, str], profile: str | None) -> JobFacts:
    """Read the facts of a job file.

    Raises:
        JobFileError: It is not valid.
        InvalidArgument: It cannot be read.
    """
    from s3batch_handler.jobs import read_job_file  # a slow import

    try:
        request = read_job_file(path, variables=variables, profile=profile).request
    except OSError as error:
        raise InvalidArgument(f"--file {path}: {error.strerror}. Name a job file") from error
    ((operation, settings),) = request["Operation"].items()
    return JobFacts(
        operation=operation,
        manifest=_manifest(request),
        generates_manifest="ManifestGenerator" in request,
        function=settings.get("FunctionArn"),
        storage_class=settings.get("StorageClass"),
        restore_tier=settings.get("GlacierJobTier"),
        requests=_requests(settings),
    )


def _manifest(request: Mapping[str, Any]) -> str | None:
    if "Manifest" not in request:
        return None
    arn: str = request["Manifest"]["Location"]["ObjectArn"]
    return "s3://" + arn.split(":::", 1)[-1]


def _requests(settings: Mapping[str, Any]) -> dict[str, Decimal]:
    """Return the requests to KMS: one for each object, unless a bucket key saves them."""
    encrypts = "SSEAwsKmsKeyId" in settings and not settings.get("BucketKeyEnabled")
    return {"KMS": Decimal(1)} if encrypts else {}


def function_settings(name: str | None, services: AwsServices) -> tuple[int | None, str | None]:
    """Return memory and architecture of a function in AWS; ``None`` if they cannot be read."""
    configuration = services.function(name) if name else {}
    architectures = configuration.get("Architectures") or [None]
    return configuration.get("MemorySize"), architectures[0]


def check_count(facts: JobFacts, path: str) -> None:
    """Check that the number of objects can be counted.

    Raises:
        UsageError: S3 generates the manifest when the job runs.
    """
    if facts.manifest is None:
        raise click.UsageError(
            f"Missing option --objects: S3 generates the manifest of {path}. Pass how many objects "
            "match, and --generated-manifest with the objects in the bucket."
        )
