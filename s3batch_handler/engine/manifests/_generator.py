"""Manifests that S3 makes itself: the objects of a bucket that meet a filter.

What a listing tells (key, time, size, storage class) is looked at first. Requests for what it does
not tell (encryption, replication, tags) are made only for the objects that are left then.
"""

from __future__ import annotations

import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from s3batch_handler.core._classification import aws_error_code, describe
from s3batch_handler.core._errors import ManifestError
from s3batch_handler.core._keys import bucket_name
from s3batch_handler.core._model import ObjectRef
from s3batch_handler.documents._inventory import Inventory, write_inventory, write_part
from s3batch_handler.engine.manifests._prepared import listed
from s3batch_handler.jobs._job_failures import FatalJobError
from s3batch_handler.jobs._shapes import GeneratedManifest, ManifestFilter, ManifestLocation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from s3batch_handler.engine.manifests._prepared import PreparedManifest
    from s3batch_handler.jobs._shapes import (
        KeyNameConstraint,
        ManifestEncryption,
        ManifestOutputLocation,
        ObjectEncryptionFilter,
        S3ManifestGenerator,
    )

    _Found = Mapping[str, Any]  # an object of a listing
    _Rule = Callable[[_Found], bool]


@dataclass(frozen=True, slots=True)
class Generated:
    """A manifest that was made for a job.

    Attributes:
        manifest: The lines.
        location: Where S3 has it now; ``None``: nobody asked for that.
    """

    manifest: PreparedManifest
    location: GeneratedManifest | None


@contextmanager
def generate(
    s3: Any, generator: S3ManifestGenerator, *, job_id: str, now: datetime, keep: Path | None = None
) -> Iterator[Generated]:
    """List a bucket, and write the list where the job wants it; ``keep`` is our own file of it.

    Raises:
        FatalJobError: No object meets the filter, or S3 refuses something.
    """
    source = generator.source_bucket
    with ExitStack() as files:
        try:
            objects = matching_objects(s3, generator)
            manifest = files.enter_context(listed(objects, source=source, keep=keep))
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
        yield Generated(manifest, location)


_FAILED: Final = "ManifestGenerationFailed"
_NOT_WRITTEN: Final = "Error occurred when preparing manifest: Failed to write manifest"


def _not_listed(error: Exception, source: str) -> FatalJobError:
    code = aws_error_code(error)
    if code == "NoSuchBucket":
        return FatalJobError(code, f"Source bucket {source} does not exist.")
    if code in ("AccessDenied", "403"):  # HEAD requests get no word from S3, only a number
        return FatalJobError("AccessDenied", f"Listing {source} is forbidden: AccessDenied")
    text = f"Error occurred when preparing manifest: {source}: {describe(error)}"
    return FatalJobError(_FAILED, text)


# ---------------------------------------------------------------- which objects


def matching_objects(s3: Any, generator: S3ManifestGenerator) -> Iterator[ObjectRef]:
    """Give the objects that meet all of the filter, in the order of the listing.

    A filter about replication is for all versions, with their ids, as S3 Batch Replication takes
    them. Without one it is the latest versions, without ids: AWS does not say which it lists.
    """
    asked = generator.filter or ManifestFilter()
    bucket = _Bucket(s3, bucket_name(generator.source_bucket), generator.expected_bucket_owner)
    rules = [*_rules_of_listing(asked), *_rules_with_requests(asked, bucket)]
    versions = _is_about_replication(asked)
    names = asked.key_name_constraint
    prefix = "".join((names and names.match_any_prefix) or ())  # one string at most
    for found in bucket.versions(prefix) if versions else bucket.objects(prefix):
        if all(rule(found) for rule in rules):
            yield ObjectRef.of_valid(
                {
                    "bucket": bucket.name,
                    "key": found["Key"],
                    "version_id": found["VersionId"] if versions else None,
                }
            )


def _is_about_replication(asked: ManifestFilter) -> bool:
    return bool(asked.eligible_for_replication or asked.object_replication_statuses)


class _Bucket:
    """A bucket, and what can be asked of it."""

    def __init__(self, s3: Any, name: str, owner: str | None) -> None:
        self.name = name
        self._s3 = s3
        # S3 itself compares the owner: with another one it denies access.
        self._bucket = {"Bucket": name, **({"ExpectedBucketOwner": owner} if owner else {})}

    def objects(self, prefix: str) -> Iterator[_Found]:
        """List the latest versions."""
        return self._pages("list_objects_v2", "Contents", prefix)

    def versions(self, prefix: str) -> Iterator[_Found]:
        """List all versions, without delete markers."""
        return self._pages("list_object_versions", "Versions", prefix)

    def _pages(self, method: str, member: str, prefix: str) -> Iterator[_Found]:
        pages = self._s3.get_paginator(method).paginate(**self._bucket, Prefix=prefix)
        for page in pages:
            yield from page.get(member, ())

    def head(self, found: _Found) -> Mapping[str, Any] | None:
        """Ask for what no listing tells; ``None``: the object has gone meanwhile."""
        try:
            answer: Mapping[str, Any] = self._s3.head_object(**self._bucket, **_location(found))
        except Exception as error:
            code = aws_error_code(error)
            if code in _GONE:
                return None
            if code in ("400", "InvalidRequest"):
                # So S3 answers for an object that is encrypted with a customer's own key (SSE-C).
                return {"SSECustomerAlgorithm": "AES256"}
            raise
        return answer

    def tags(self, found: _Found) -> Mapping[str, str]:
        """Ask for the tags: none, if the object has gone meanwhile."""
        try:
            answer = self._s3.get_object_tagging(**self._bucket, **_location(found))
        except Exception as error:
            if aws_error_code(error) in _GONE:
                return {}
            raise
        return {tag["Key"]: tag["Value"] for tag in answer["TagSet"]}

    def replication_rules(self) -> list[Mapping[str, Any]]:
        """Give the rules that are in force."""
        try:
            answer = self._s3.get_bucket_replication(**self._bucket)
        except Exception as error:
            if aws_error_code(error) == "ReplicationConfigurationNotFoundError":
                return []
            raise
        rules = answer["ReplicationConfiguration"]["Rules"]
        return [rule for rule in rules if rule["Status"] == "Enabled"]


_GONE: Final = ("404", "NoSuchKey", "NoSuchVersion")


def _location(found: _Found) -> dict[str, str]:
    version = found.get("VersionId")
    if version is None or (version == "null" and found["IsLatest"]):
        return {"Key": found["Key"]}  # a bucket that never had versions may know no "null"
    return {"Key": found["Key"], "VersionId": version}


# ---------------------------------------------------------------- what a listing tells


def _rules_of_listing(asked: ManifestFilter) -> Iterator[_Rule]:
    if asked.created_after is not None:
        after = _in_utc(asked.created_after)
        yield lambda found: found["LastModified"] > after
    if asked.created_before is not None:
        before = _in_utc(asked.created_before)
        yield lambda found: found["LastModified"] < before
    if (more := asked.object_size_greater_than_bytes) is not None:
        yield lambda found: found["Size"] > more
    if (less := asked.object_size_less_than_bytes) is not None:
        yield lambda found: found["Size"] < less
    if classes := asked.match_any_storage_class:
        yield lambda found: found.get("StorageClass", "STANDARD") in classes
    if asked.key_name_constraint is not None:
        yield from _rules_of_names(asked.key_name_constraint)


def _in_utc(when: datetime) -> datetime:
    """Take a time without a zone for UTC, as botocore does."""
    return when if when.tzinfo is not None else when.replace(tzinfo=UTC)


def _rules_of_names(names: KeyNameConstraint) -> Iterator[_Rule]:
    """Prefixes need no rule: nothing else is listed."""
    if suffixes := names.match_any_suffix:
        yield lambda found: found["Key"].endswith(suffixes)
    if substrings := names.match_any_substring:
        yield lambda found: any(substring in found["Key"] for substring in substrings)


# ---------------------------------------------------------------- what takes requests


def _rules_with_requests(asked: ManifestFilter, bucket: _Bucket) -> Iterator[_Rule]:
    if asked.eligible_for_replication:
        yield _eligible(bucket)
    statuses = asked.object_replication_statuses
    (encryption,) = asked.match_any_object_encryption or (None,)
    if statuses or encryption is not None:

        def fits(found: _Found) -> bool:
            head = bucket.head(found)
            return (
                head is not None
                and (not statuses or _replication_status(head) in statuses)
                and (encryption is None or _is_encrypted(head, encryption))
            )

        yield fits


def _eligible(bucket: _Bucket) -> _Rule:
    """Make the rule: the bucket replicates the key, or objects of that key and certain tags.

    Tags are asked for only where they decide.
    """
    filters = [_filter_of(rule) for rule in bucket.replication_rules()]

    def is_eligible(found: _Found) -> bool:
        wanted = [tags for prefix, tags in filters if found["Key"].startswith(prefix)]
        if not all(wanted):
            return True  # one of the rules does not look at tags
        return bool(wanted) and _has_any(bucket.tags(found), wanted)

    return is_eligible


def _filter_of(rule: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    """Give the prefix and the tags that a rule of a replication configuration is for."""
    asked = rule.get("Filter", {})
    asked = asked.get("And", asked)
    tags = asked.get("Tags", [asked["Tag"]] if "Tag" in asked else [])
    prefix = asked.get("Prefix", rule.get("Prefix", ""))
    return prefix, dict(map(itemgetter("Key", "Value"), tags))


def _has_any(tags: Mapping[str, str], wanted: Iterable[dict[str, str]]) -> bool:
    return any(each.items() <= tags.items() for each in wanted)


def _replication_status(head: Mapping[str, Any]) -> str:
    status: str = head.get("ReplicationStatus", "NONE")
    return "COMPLETED" if status == "COMPLETE" else status  # S3 says the former, the model has both


def _is_encrypted(head: Mapping[str, Any], asked: ObjectEncryptionFilter) -> bool:
    how = head.get("ServerSideEncryption")
    if asked.sse_c is not None:
        return "SSECustomerAlgorithm" in head
    if asked.not_sse is not None:
        return how is None and "SSECustomerAlgorithm" not in head
    if asked.sse_s3 is not None:
        return how == "AES256"
    kms = asked.sse_kms or asked.dsse_kms
    assert kms is not None  # or the request would have been refused
    if how != ("aws:kms" if kms is asked.sse_kms else "aws:kms:dsse"):
        return False
    bucket_key = asked.sse_kms.bucket_key_enabled if asked.sse_kms is not None else None
    return kms.kms_key_arn in (None, head.get("SSEKMSKeyId")) and bucket_key in (
        None,
        head.get("BucketKeyEnabled", False),
    )


# ---------------------------------------------------------------- writing it out


def _write(
    s3: Any,
    generator: S3ManifestGenerator,
    manifest: PreparedManifest,
    *,
    job_id: str,
    now: datetime,
) -> GeneratedManifest:
    """Keep a manifest in the layout of an inventory; ``manifest.json`` comes last."""
    output = generator.manifest_output_location
    if output is None:
        raise ValueError("EnableManifestOutput needs a ManifestOutputLocation")
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
    answer = s3.put_object(Bucket=target, Key=key, Body=document, **options)
    return GeneratedManifest(
        format=output.manifest_format,
        location=ManifestLocation(
            object_arn=f"arn:aws:s3:::{target}/{key}",
            object_version_id=answer.get("VersionId"),
            etag=answer["ETag"].strip('"'),
        ),
    )


def _put_options(output: ManifestOutputLocation) -> dict[str, str]:
    options = _encryption_options(output.manifest_encryption)
    if output.expected_manifest_bucket_owner is not None:
        options["ExpectedBucketOwner"] = output.expected_manifest_bucket_owner
    return options


def _encryption_options(encryption: ManifestEncryption | None) -> dict[str, str]:
    if encryption is None:
        return {}
    if encryption.sse_kms is not None:
        return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": encryption.sse_kms.key_id}
    return {"ServerSideEncryption": "AES256"}
