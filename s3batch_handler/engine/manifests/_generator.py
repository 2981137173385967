"""Generate manifests: list the objects of a bucket that match a filter.

The filter is applied to the listing first (key, time, size, storage class). Only for the remaining
objects, requests are made for what a listing lacks (encryption, replication, tags).
"""

from __future__ import annotations

import tempfile
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from s3batch_handler.core._aws_errors import aws_error_code
from s3batch_handler.core._error_text import describe
from s3batch_handler.core._errors import ManifestError
from s3batch_handler.core._keys import bucket_name
from s3batch_handler.core._model import ObjectRef
from s3batch_handler.documents.manifests._inventory import Inventory, write_inventory, write_part
from s3batch_handler.engine.manifests._prepared import manifest_of_objects
from s3batch_handler.engine.state._job_failures import FatalJobError
from s3batch_handler.jobs._manifests import GeneratedManifest, ManifestFilter, ManifestLocation
from s3batch_handler.jobs.listing._objects import list_bucket
from s3batch_handler.jobs.listing._tags import GONE, location_of, tags_of_object

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from s3batch_handler.engine.manifests._prepared import PreparedManifest
    from s3batch_handler.jobs._manifests import (
        ManifestOutputLocation,
        ObjectEncryptionFilter,
        S3ManifestGenerator,
    )

    _Found = Mapping[str, Any]  # an object of a listing
    _Rule = Callable[[_Found], bool]


@contextmanager
def generate(
    s3: Any,
    generator: S3ManifestGenerator,
    *,
    job_id: str,
    now: datetime,
    save_as: Path | None = None,
) -> Iterator[tuple[PreparedManifest, GeneratedManifest | None]]:
    """List a bucket, save the list as ``save_as``, and write it to S3 if the job requests that.

    Yields:
        The manifest, and where it is in S3.

    Raises:
        FatalJobError: No object matches the filter, or S3 refuses a request.
    """
    source = generator.source_bucket
    with ExitStack() as files:
        try:
            objects = matching_objects(s3, generator)
            manifest = files.enter_context(
                manifest_of_objects(objects, source=source, save_as=save_as)
            )
        except ManifestError as error:
            text = "Manifest generation found no keys matching the filter criteria"
            raise FatalJobError(_FAILED, text) from error
        except Exception as error:
            raise _not_listed(error, source) from error
        location = None
        if generator.enable_manifest_output:
            try:
                location = _write(s3, generator, manifest, job_id=job_id, now=now)
            except Exception as error:
                raise FatalJobError(_FAILED, f"{_NOT_WRITTEN} ({describe(error)})") from error
        yield manifest, location


_FAILED: Final = "ManifestGenerationFailed"
_NOT_WRITTEN: Final = "Error occurred when preparing manifest: Failed to write manifest"


def _not_listed(error: Exception, source: str) -> FatalJobError:
    code = aws_error_code(error)
    if code == "NoSuchBucket":
        return FatalJobError(code, f"Source bucket {source} does not exist.")
    if code in ("AccessDenied", "403"):  # responses to HEAD have a status only
        return FatalJobError("AccessDenied", f"Listing {source} is forbidden: AccessDenied")
    text = f"Error occurred when preparing manifest: {source}: {describe(error)}"
    return FatalJobError(_FAILED, text)


# ---------------------------------------------------------------- objects


def matching_objects(s3: Any, generator: S3ManifestGenerator) -> Iterator[ObjectRef]:
    """Yield the objects that match all members of the filter, in the order of the listing.

    A filter about replication lists all versions, with their IDs, as S3 Batch Replication does.
    Otherwise the latest versions are listed, without IDs: AWS does not document what it lists.
    """
    criteria = generator.filter or ManifestFilter()
    bucket = _Bucket(s3, bucket_name(generator.source_bucket), generator.expected_bucket_owner)
    rules = [*_rules_of_listing(criteria), *_rules_with_requests(criteria, bucket)]
    versions = _is_about_replication(criteria)
    names = criteria.key_name_constraint
    prefix = "".join((names and names.match_any_prefix) or ())  # one string at most
    for found in bucket.objects(prefix, all_versions=versions):
        if all(rule(found) for rule in rules):
            yield ObjectRef(
                bucket=bucket.name,
                key=found["Key"],
                version_id=found["VersionId"] if versions else None,
            )


def _is_about_replication(criteria: ManifestFilter) -> bool:
    return bool(criteria.eligible_for_replication or criteria.object_replication_statuses)


class _Bucket:
    """The requests to a bucket."""

    def __init__(self, s3: Any, name: str, owner: str | None) -> None:
        self.name = name
        self._s3 = s3
        # S3 denies access if the owner is another one.
        self._bucket = {"Bucket": name, **({"ExpectedBucketOwner": owner} if owner else {})}

    def objects(self, prefix: str, *, all_versions: bool) -> Iterator[_Found]:
        """List the latest versions, or all versions without delete markers."""
        return list_bucket(self._s3, all_versions=all_versions, **self._bucket, Prefix=prefix)

    def head(self, found: _Found) -> Mapping[str, Any] | None:
        """Return the description of an object, or ``None`` if it was deleted meanwhile."""
        try:
            response: Mapping[str, Any] = self._s3.head_object(**self._bucket, **location_of(found))
        except Exception as error:
            code = aws_error_code(error)
            if code in GONE:
                return None
            if code in ("400", "InvalidRequest"):
                # S3's error for an object with a customer-provided key (SSE-C).
                return {"SSECustomerAlgorithm": "AES256"}
            raise
        return response

    def tags(self, found: _Found) -> Mapping[str, str]:
        """Return the tags of an object; none if it was deleted meanwhile."""
        return tags_of_object(self._s3, found, **self._bucket)

    def replication_rules(self) -> list[Mapping[str, Any]]:
        """Return the enabled rules."""
        try:
            response = self._s3.get_bucket_replication(**self._bucket)
        except Exception as error:
            if aws_error_code(error) == "ReplicationConfigurationNotFoundError":
                return []
            raise
        rules = response["ReplicationConfiguration"]["Rules"]
        return [rule for rule in rules if rule["Status"] == "Enabled"]


# ---------------------------------------------------------------- rules of the listing


def _rules_of_listing(criteria: ManifestFilter) -> Iterator[_Rule]:
    if criteria.created_after is not None:
        after = _in_utc(criteria.created_after)
        yield lambda found: found["LastModified"] > after
    if criteria.created_before is not None:
        before = _in_utc(criteria.created_before)
        yield lambda found: found["LastModified"] < before
    if (more := criteria.object_size_greater_than_bytes) is not None:
        yield lambda found: found["Size"] > more
    if (less := criteria.object_size_less_than_bytes) is not None:
        yield lambda found: found["Size"] < less
    if classes := criteria.match_any_storage_class:
        yield lambda found: found.get("StorageClass", "STANDARD") in classes
    names = criteria.key_name_constraint  # the listing is limited to the prefix
    if names is not None and (suffixes := names.match_any_suffix):
        yield lambda found: found["Key"].endswith(suffixes)
    if names is not None and (substrings := names.match_any_substring):
        yield lambda found: any(substring in found["Key"] for substring in substrings)


def _in_utc(when: datetime) -> datetime:
    """Return a time with its zone; without one it is UTC, as in botocore."""
    return when if when.tzinfo is not None else when.replace(tzinfo=UTC)


# ---------------------------------------------------------------- rules with requests


def _rules_with_requests(criteria: ManifestFilter, bucket: _Bucket) -> Iterator[_Rule]:
    if criteria.eligible_for_replication:
        yield _eligible(bucket)
    statuses = criteria.object_replication_statuses
    (encryption,) = criteria.match_any_object_encryption or (None,)
    if statuses or encryption is not None:

        def matches(found: _Found) -> bool:
            head = bucket.head(found)
            return (
                head is not None
                and (not statuses or _replication_status(head) in statuses)
                and (encryption is None or _is_encrypted(head, encryption))
            )

        yield matches


def _eligible(bucket: _Bucket) -> _Rule:
    """Return the rule whether the bucket replicates an object, by its key and its tags.

    Tags are requested only if they decide.
    """
    filters = [_filter_of(rule) for rule in bucket.replication_rules()]

    def is_eligible(found: _Found) -> bool:
        wanted = [tags for prefix, tags in filters if found["Key"].startswith(prefix)]
        if not all(wanted):
            return True  # a rule without tags matches
        tags = bucket.tags(found) if wanted else {}
        return any(each.items() <= tags.items() for each in wanted)

    return is_eligible


def _filter_of(rule: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    """Return the prefix and the tags of a rule of a replication configuration."""
    conditions = rule.get("Filter", {})
    conditions = conditions.get("And", conditions)
    tags = conditions.get("Tags", [conditions["Tag"]] if "Tag" in conditions else [])
    prefix = conditions.get("Prefix", rule.get("Prefix", ""))
    return prefix, dict(map(itemgetter("Key", "Value"), tags))


def _replication_status(head: Mapping[str, Any]) -> str:
    status = str(head.get("ReplicationStatus", "NONE"))
    return "COMPLETED" if status == "COMPLETE" else status  # S3 returns COMPLETE


def _is_encrypted(head: Mapping[str, Any], criteria: ObjectEncryptionFilter) -> bool:
    algorithm = head.get("ServerSideEncryption")
    if criteria.sse_c is not None:
        return "SSECustomerAlgorithm" in head
    if criteria.not_sse is not None:
        return algorithm is None and "SSECustomerAlgorithm" not in head
    if criteria.sse_s3 is not None:
        return algorithm == "AES256"
    kms = criteria.sse_kms or criteria.dsse_kms
    assert kms is not None  # checked with the request
    if algorithm != ("aws:kms" if kms is criteria.sse_kms else "aws:kms:dsse"):
        return False
    bucket_key = criteria.sse_kms.bucket_key_enabled if criteria.sse_kms is not None else None
    return kms.kms_key_arn in (None, head.get("SSEKMSKeyId")) and bucket_key in (
        None,
        head.get("BucketKeyEnabled", False),
    )


# ---------------------------------------------------------------- output


def _write(
    s3: Any,
    generator: S3ManifestGenerator,
    manifest: PreparedManifest,
    *,
    job_id: str,
    now: datetime,
) -> GeneratedManifest:
    """Write a manifest in the layout of an inventory, with ``manifest.json`` last."""
    output = generator.manifest_output_location
    if output is None:
        raise ValueError("EnableManifestOutput requires a ManifestOutputLocation")
    source, target = bucket_name(generator.source_bucket), bucket_name(output.bucket)
    prefix = f"{output.manifest_prefix}/" if output.manifest_prefix else ""
    folder = f"{prefix}{source}/job-{job_id}"
    options = _put_options(output)
    with tempfile.TemporaryFile(prefix="s3batch-inventory-") as file:
        part = write_part(file, manifest.entries(), key=f"{folder}/data/{job_id}.csv.gz")
        file.seek(0)
        s3.upload_fileobj(file, target, part.key, ExtraArgs=options)
    columns = tuple(manifest.fields or ())
    document = write_inventory(
        Inventory(target, columns, (part,)), source_bucket=source, created=now
    )
    key = f"{folder}/{now:%Y-%m-%dT%H-%MZ}/manifest.json"
    response = s3.put_object(Bucket=target, Key=key, Body=document, **options)
    return GeneratedManifest(
        format=output.manifest_format,
        location=ManifestLocation(
            object_arn=f"arn:aws:s3:::{target}/{key}",
            object_version_id=response.get("VersionId"),
            etag=response["ETag"].strip('"'),
        ),
    )


def _put_options(output: ManifestOutputLocation) -> dict[str, str]:
    options, encryption = {}, output.manifest_encryption
    if output.expected_manifest_bucket_owner is not None:
        options["ExpectedBucketOwner"] = output.expected_manifest_bucket_owner
    if encryption is not None and encryption.sse_kms is not None:
        options |= {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": encryption.sse_kms.key_id}
    elif encryption is not None:
        options["ServerSideEncryption"] = "AES256"
    return options
