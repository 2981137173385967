"""Read the manifest of a job from S3, or generate it, in full before a task runs."""

from __future__ import annotations

from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING, Final, cast

from s3batch_handler.core._aws_errors import aws_error_code
from s3batch_handler.core._error_text import describe
from s3batch_handler.core._errors import ManifestError
from s3batch_handler.documents.files._s3_folder import S3Folder
from s3batch_handler.documents.manifests._inventory import INVENTORY_FORMAT, parse_inventory
from s3batch_handler.documents.manifests._manifest import MANIFEST_FORMAT, WrongColumnCount
from s3batch_handler.engine.manifests._generator import generate
from s3batch_handler.engine.manifests._prepared import manifest_of_entries, prepared_manifest
from s3batch_handler.engine.state._failure_codes import BAD_MANIFEST, NO_MANIFEST
from s3batch_handler.engine.state._job_failures import FatalJobError, RetryLater

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path
    from typing import Any, BinaryIO

    from s3batch_handler.documents.files._s3_folder import S3Client
    from s3batch_handler.documents.manifests._manifest import ManifestEntry
    from s3batch_handler.engine.manifests._prepared import PreparedManifest
    from s3batch_handler.jobs._job import Job
    from s3batch_handler.jobs._manifests import GeneratedManifest, Manifest, S3ManifestGenerator


class Manifests:
    """Prepares the manifests of jobs.

    Args:
        s3: The client that reads and lists.
        is_transient: Returns whether a job should wait and retry after an error.
    """

    def __init__(self, s3: S3Client, is_transient: Callable[[Exception], bool]) -> None:
        self._s3 = s3
        self._is_transient = is_transient

    @contextmanager
    def read(self, manifest: Manifest, *, save_as: Path) -> Iterator[PreparedManifest]:
        """Read a manifest in full and save it.

        Raises:
            FatalJobError: The manifest has an error, or cannot be read.
            RetryLater: It cannot be read now.
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
                    entries = manifest_of_entries(
                        self._inventory(stream, source), source=source, save_as=save_as
                    )
                else:
                    entries = prepared_manifest(
                        stream, fields=fields, source=source, save_as=save_as
                    )
                yield files.enter_context(entries)
        except ManifestError as error:
            text = _COLUMNS if isinstance(error, WrongColumnCount) else _NOT_FORMATTED
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
            response = self._s3.get_object(**place.location)
        except Exception as error:
            raise self._unreadable(error, source, place.bucket) from error
        body = cast("BinaryIO", response["Body"])
        try:
            _check(response, manifest)
        except FatalJobError:
            body.close()
            raise
        return body

    def _unreadable(self, error: Exception, source: str, bucket: str) -> Exception:
        """Return the error of a job whose manifest, or a part of it, cannot be read."""
        code = aws_error_code(error)
        if code in ("NoSuchKey", "NoSuchVersion"):
            return FatalJobError(NO_MANIFEST, "Manifest object was not found")
        if code == "NoSuchBucket":
            text = f"Invalid manifest was provided. Target bucket {bucket} does not exist."
            return FatalJobError("NoSuchBucket", text)
        if code == "AccessDenied":
            return FatalJobError("AccessDenied", "Reading the manifest is forbidden: AccessDenied")
        if self._is_transient(error):
            return RetryLater(f"{source} cannot be read: {describe(error)}")
        return FatalJobError(NO_MANIFEST, f"Manifest cannot be read: {describe(error)}")

    @contextmanager
    def generated(
        self, job: Job, generator: S3ManifestGenerator, *, save_as: Path
    ) -> Iterator[tuple[PreparedManifest, GeneratedManifest | None]]:
        """List the objects of a generator and save them as a manifest.

        Raises:
            FatalJobError: No object matches, or the bucket cannot be listed.
            RetryLater: The bucket cannot be listed now.
        """
        now = job.creation_time  # a retry after a crash writes the same files
        try:
            with generate(self._s3, generator, job_id=job.job_id, now=now, save_as=save_as) as made:
                yield made
        except FatalJobError as error:
            if self._is_transient(error):
                raise RetryLater(str(error)) from error
            raise


def _check(response: Mapping[str, Any], manifest: Manifest) -> None:
    """Check that the object is the requested manifest, and is encrypted as AWS requires."""
    if response["ETag"].strip('"') != manifest.location.etag:
        raise FatalJobError(NO_MANIFEST, "Etag mismatch reading manifest")
    is_encrypted = response.get("ServerSideEncryption") == "aws:kms"
    if is_encrypted and manifest.spec.format == MANIFEST_FORMAT:  # inventories may be
        raise FatalJobError(BAD_MANIFEST, "Unsupported encryption type SSE_KMS used for manifest")


_COLUMNS: Final = "Unexpected number of task fields"
_NOT_FORMATTED: Final = "Manifest file is not properly formatted"
