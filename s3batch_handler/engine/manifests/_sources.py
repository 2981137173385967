"""Manifests of jobs: read from S3, or generated, to the last line before anything runs."""

from __future__ import annotations

import re
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING, Final, cast

from s3batch_handler.core._classification import aws_error_code, describe
from s3batch_handler.core._errors import ManifestError
from s3batch_handler.documents._inventory import INVENTORY_FORMAT, parse_inventory
from s3batch_handler.documents._manifest import MANIFEST_FORMAT
from s3batch_handler.documents._storage import S3Folder
from s3batch_handler.engine.manifests._generator import generate
from s3batch_handler.engine.manifests._prepared import copied, prepared
from s3batch_handler.jobs._job_failures import BAD_MANIFEST, NO_MANIFEST, FatalJobError, RetryLater

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path
    from typing import Any, BinaryIO

    from s3batch_handler.documents._manifest import ManifestEntry
    from s3batch_handler.documents._storage import S3Client
    from s3batch_handler.engine.manifests._generator import Generated
    from s3batch_handler.engine.manifests._prepared import PreparedManifest
    from s3batch_handler.jobs._job import Job
    from s3batch_handler.jobs._shapes import Manifest, S3ManifestGenerator


class Manifests:
    """Makes the manifests of jobs ready.

    Args:
        s3: Where they are.
        passes: Says of an error whether it will pass, so that the job can wait for that.
    """

    def __init__(self, s3: S3Client, passes: Callable[[Exception], bool]) -> None:
        self._s3 = s3
        self._passes = passes

    @contextmanager
    def read(self, manifest: Manifest, *, keep: Path) -> Iterator[PreparedManifest]:
        """Read a manifest in full, and keep it.

        Raises:
            FatalJobError: It has a fault, or cannot be had.
            RetryLater: It may be had later.
        """
        is_inventory = manifest.spec.format == INVENTORY_FORMAT
        fields = manifest.spec.fields or ()
        missing = [name for name in ("Bucket", "Key") if name not in fields]
        if missing and not is_inventory:
            text = f"Required fields are missing in the schema: {', '.join(missing)}"
            raise FatalJobError(BAD_MANIFEST, text)
        place = manifest.location.object
        source = f"s3://{place.bucket}/{place.key}"
        try:
            with ExitStack() as files:
                stream = files.enter_context(closing(self._open(manifest, source)))
                if is_inventory:
                    entries = copied(self._inventory(stream, source), source=source, keep=keep)
                else:
                    entries = prepared(stream, fields=fields, source=source, keep=keep)
                yield files.enter_context(entries)
        except ManifestError as error:
            text = _COLUMNS if _WRONG_WIDTH.search(str(error)) else _NOT_FORMATTED
            raise FatalJobError(BAD_MANIFEST, f"{text}: {error}") from error

    def _inventory(self, stream: BinaryIO, source: str) -> Iterator[ManifestEntry]:
        inventory = parse_inventory(stream, source=source)
        parts = S3Folder(self._s3, inventory.destination_bucket)
        try:
            yield from inventory.entries(parts.read)
        except ManifestError:
            raise
        except Exception as error:
            raise self._unreadable(error, source, parts.bucket) from error

    def _open(self, manifest: Manifest, source: str) -> BinaryIO:
        place = manifest.location.object
        try:
            answer = self._s3.get_object(**place.location)
        except Exception as error:
            raise self._unreadable(error, source, place.bucket) from error
        body = cast("BinaryIO", answer["Body"])
        try:
            _check(answer, manifest)
        except FatalJobError:
            body.close()
            raise
        return body

    def _unreadable(self, error: Exception, source: str, bucket: str) -> Exception:
        """Say in AWS's words why S3 does not give a manifest, or a part of one."""
        code = aws_error_code(error)
        if code in ("NoSuchKey", "NoSuchVersion"):
            return FatalJobError(NO_MANIFEST, "Manifest object was not found")
        if code == "NoSuchBucket":
            text = f"Invalid manifest was provided. Target bucket {bucket} does not exist."
            return FatalJobError("NoSuchBucket", text)
        if code == "AccessDenied":
            return FatalJobError("AccessDenied", "Reading the manifest is forbidden: AccessDenied")
        if self._passes(error):
            return RetryLater(f"{source} cannot be read: {describe(error)}")
        return FatalJobError(NO_MANIFEST, f"Manifest cannot be read: {describe(error)}")

    @contextmanager
    def generated(
        self, job: Job, generator: S3ManifestGenerator, *, keep: Path
    ) -> Iterator[Generated]:
        """List what a generator asks for, and keep it.

        Raises:
            FatalJobError: There is nothing, or it cannot be listed.
            RetryLater: It may be later.
        """
        now = job.creation_time  # so that a second try, after a crash, writes the same files
        try:
            with generate(self._s3, generator, job_id=job.job_id, now=now, keep=keep) as made:
                yield made
        except FatalJobError as error:
            if self._passes(error):
                raise RetryLater(str(error)) from error
            raise


def _check(answer: Mapping[str, Any], manifest: Manifest) -> None:
    """See whether the object that S3 gave is the manifest that was meant, and may be one."""
    if answer["ETag"].strip('"') != manifest.location.etag:
        raise FatalJobError(NO_MANIFEST, "Etag mismatch reading manifest")
    is_encrypted = answer.get("ServerSideEncryption") == "aws:kms"
    if is_encrypted and manifest.spec.format == MANIFEST_FORMAT:  # inventories may be
        raise FatalJobError(BAD_MANIFEST, "Unsupported encryption type SSE_KMS used for manifest")


_COLUMNS: Final = "Unexpected number of task fields"
_WRONG_WIDTH: Final = re.compile(r", line \d+: has \d+ columns, expected")
_NOT_FORMATTED: Final = "Manifest file is not properly formatted"
