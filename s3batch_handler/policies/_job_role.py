"""The policies of the role that S3 assumes for a job."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from s3batch_handler.policies._operations import operation_statements
from s3batch_handler.policies._resources import IncompleteJob, Place, key_resource, object_arn
from s3batch_handler.policies._statements import VERSION, Document, allow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from s3batch_handler.policies._job import JobAccess
    from s3batch_handler.policies._statements import Statement


def job_role_trust(job: JobAccess) -> Document:
    """Create the trust policy of the role of a job.

    AWS does not document whether S3 sends ``aws:SourceAccount``, so the condition applies if it
    does. It does not document ``aws:SourceArn`` for jobs at all.
    """
    return {
        "Version": VERSION,
        "Statement": [
            {
                "Sid": "JobsOfThisAccount",
                "Effect": "Allow",
                "Principal": {"Service": "batchoperations.s3.amazonaws.com"},
                "Action": "sts:AssumeRole",
                "Condition": {"StringEqualsIfExists": {"aws:SourceAccount": job.home.account}},
            }
        ],
    }


def job_role_statements(job: JobAccess) -> Iterator[Statement]:
    """Yield the permissions of the role of a job.

    Raises:
        IncompleteJob: The job does not say what the policy has to name.
    """
    yield from _read_manifest(job)
    yield from generator_statements(job)
    yield from operation_statements(job)
    if job.report:
        # S3 encrypts reports with its own keys, so no KMS key is needed.
        yield allow("WriteReports", "s3:PutObject", report_arns(job))


def manifest_arn(job: JobAccess) -> str:
    """Return the ARN of the manifest; empty if S3 generates it."""
    location = job.manifest.get("Location") or {}
    arn: str = location.get("ObjectArn") or ""
    # Without the Region, a job file completes names to ARNs of the partition aws.
    arn = re.sub(r"^arn:[^:]+:s3:::", f"arn:{job.home.partition}:s3:::", arn)
    return object_arn(arn)


def report_arns(job: JobAccess) -> list[str]:
    """Return the ARNs of the objects of reports: ``prefix/job-ID/…``.

    AWS does not document whether S3 adds a ``/`` to a prefix that ends with one.
    """
    prefix = job.report.get("Prefix")
    place = Place.parse(job.report["Bucket"])
    prefixes = {f"{prefix}/job-", f"{prefix.rstrip('/')}/job-"} if prefix else {"job-"}
    return [place._replace(prefix=each).objects_arn(job.home) for each in sorted(prefixes)]


def canary_manifest_arns(job: JobAccess) -> list[str]:
    """Return the ARNs of the manifests of ``job submit --sample``; none without that option.

    Raises:
        IncompleteJob: S3 generates the manifest, so there is nothing to take a sample of.
    """
    if not job.options.canary:
        return []
    arn = manifest_arn(job)
    if not arn:
        raise IncompleteJob("--canary needs a job with a manifest: S3 generates that of this job")
    stem = arn.removesuffix(".csv").removesuffix("/manifest.json")
    return [f"{stem}-canary-*.csv", f"{stem}-rest-*.csv"]


def _read_manifest(job: JobAccess) -> Iterator[Statement]:
    key = job.options.manifest_key
    if not job.manifest:
        return
    arn = manifest_arn(job)
    if not arn:
        raise IncompleteJob(
            "the job has no Manifest.Location.ObjectArn: add the ARN of the manifest"
        )
    # All samples of the guide allow both, whether or not the job names a version of the manifest.
    actions = ["s3:GetObject", "s3:GetObjectVersion"]
    yield allow("ReadManifests", actions, [arn, *canary_manifest_arns(job)])
    if job.has_inventory:
        yield allow("ReadInventoryFiles", actions, _inventory_files(job, arn))
    elif key:
        raise IncompleteJob(
            "S3 cannot read a CSV manifest that is encrypted with a KMS key: save it with SSE-S3, "
            "and omit --manifest-kms-key"
        )
    if key:
        resource, conditions = key_resource(key, job.home)
        actions = ["kms:Decrypt", "kms:GenerateDataKey"]  # the guide requires both
        yield allow("DecryptInventory", actions, resource, conditions)


def _inventory_files(job: JobAccess, manifest: str) -> list[str]:
    """Return the data files of an inventory: ``…/CONFIG/data/`` beside ``…/CONFIG/DATE/``."""
    if job.options.inventory_files:
        start = f"arn:{job.home.partition}:s3:::"
        return [object_arn(f"{start}{file}") for file in job.options.inventory_files]
    bucket = manifest.partition("/")[0]
    folder, _, _date = manifest.rpartition("/")[0].rpartition("/")
    if folder:
        return [f"{folder}/data/*"]
    job.notes.append(
        f"the inventory is not in a folder of S3 Inventory, so all of {bucket} may be read: "
        "pass --manifest FILE"
    )
    return [f"{bucket}/*"]


def generator_statements(job: JobAccess) -> Iterator[Statement]:
    """Yield what a generated manifest needs."""
    generator = job.generator
    if not generator:
        return
    source = Place.parse(generator["SourceBucket"]).bucket_arn(job.home)
    actions = ["s3:PutInventoryConfiguration"]
    filters = generator.get("Filter") or {}
    if job.operation == "S3ReplicateObject" or filters.get("EligibleForReplication"):
        actions.append("s3:GetReplicationConfiguration")
    yield allow("GenerateManifest", actions, source)
    output = generator.get("ManifestOutputLocation")
    if not output or not generator.get("EnableManifestOutput"):
        return
    prefix = output.get("ManifestPrefix")
    place = Place.parse(output["Bucket"])._replace(
        prefix=f"{prefix.rstrip('/')}/" if prefix else ""
    )
    actions = ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"]
    if output.get("ExpectedManifestBucketOwner", job.home.account) != job.home.account:
        # "Troubleshooting Batch Operations" in the guide: "Failed to write manifest"
        actions.append("s3:PutObjectAcl")
    yield allow("SaveGeneratedManifest", actions, place.objects_arn(job.home))
    encryption = (output.get("ManifestEncryption") or {}).get("SSEKMS") or {}
    if encryption.get("KeyId"):
        resource, conditions = key_resource(encryption["KeyId"], job.home)
        actions = ["kms:Decrypt", "kms:GenerateDataKey"]
        yield allow("EncryptGeneratedManifest", actions, resource, conditions)
