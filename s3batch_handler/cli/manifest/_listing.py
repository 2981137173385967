"""The listing of a bucket: parallel, and kept in a folder when it is interrupted."""

from __future__ import annotations

import time
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from s3batch_handler.cli._errors import InvalidArgument
from s3batch_handler.cli.manifest._create_sources import InvalidInput
from s3batch_handler.cli.terminal._output import counted, print_message
from s3batch_handler.cli.terminal._progress_lines import SECONDS_BETWEEN_LINES
from s3batch_handler.cli.terminal._recent_rate import RecentRate
from s3batch_handler.core._error_text import describe
from s3batch_handler.core._errors import ManifestError
from s3batch_handler.documents.files._locations import is_s3_url
from s3batch_handler.engine.manifests._listed_manifest import ListedManifest
from s3batch_handler.engine.manifests._listing_folder import ListingFolder
from s3batch_handler.jobs.listing._key_ranges import without_overlaps
from s3batch_handler.jobs.listing._parallel import ParallelListing
from s3batch_handler.jobs.listing._requests import ListingRequests, Versions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from s3batch_handler.cli.job._aws_services import AwsServices
    from s3batch_handler.cli.manifest._create_options import CreateOptions


class NoObjects(ManifestError):
    """The listing is complete, and no object meets all conditions."""


@contextmanager
def listed_manifest(options: CreateOptions, services: AwsServices) -> Iterator[ListedManifest]:
    """List a bucket, and yield the manifest; its parts are removed if the block succeeds.

    Raises:
        ManifestError: No object was found, or S3 refused a request; the message says where the
            objects that were listed until then are kept.
    """
    bucket = str(options.bucket)
    requests = ListingRequests(
        services.s3_for_many(2 * options.concurrency),
        bucket,
        all_versions=options.selected_versions is not None,
    )
    folder = _open_folder(options, services, requests)
    try:
        listing = ParallelListing(
            requests,
            folder.ranges,
            where=options.where(datetime.fromisoformat(folder.options["started"])),
            versions=_VERSIONS[options.selected_versions],
            sink=folder,
            concurrency=options.concurrency,
        )
        listing.run(while_waiting=_Progress(listing, quiet=options.quiet).update, seconds=0.2)
        _check_not_empty(folder, options)
        fields = ("Bucket", "Key", "VersionId")[: 2 if options.selected_versions is None else 3]
        parts = [*folder.parts(listing.ranges)]
        yield ListedManifest(folder.count, fields, parts, dict(requests.counts))
    except BaseException as error:
        folder.close()
        if isinstance(error, NoObjects) or not folder.pages:
            folder.remove()
            raise
        kept = f"{counted(folder.count, 'object')} kept in {folder.path}: pass --resume to continue"
        if isinstance(error, Exception):
            raise ManifestError(f"{describe(error)}; {kept}", source=options.location) from error
        print_message(f"s3batch: {kept}")
        raise
    if options.where().tags:
        print_message(f"{counted(requests.counts['GetObjectTagging'], 'request')} for tags")
    folder.remove()


def _check_not_empty(folder: ListingFolder, options: CreateOptions) -> None:
    if not folder.count:
        problem = "no objects found: check bucket, prefix and filters"
        raise NoObjects(problem, source=options.source_name)


_VERSIONS: Final = {
    None: None,
    "latest": Versions(),
    "all": Versions(noncurrent=True),
    "noncurrent": Versions(latest=False, noncurrent=True),
}


def _open_folder(
    options: CreateOptions, services: AwsServices, requests: ListingRequests
) -> ListingFolder:
    """Create the folder for what is listed, or open that of an interrupted listing."""
    path = _folder_for(options.location)
    bucket = str(options.bucket)
    known = {**options.of_listing, "endpoint_url": services.connection.get("--endpoint-url")}
    if not path.exists():
        started = {"started": datetime.now(UTC).isoformat()}
        prefixes = without_overlaps(options.prefixes or ("",))
        return ListingFolder.create(path, bucket, prefixes, {**known, **started})
    if not options.resume:
        raise InvalidArgument(
            f"{path}: an interrupted listing is kept there. Continue it with --resume, or delete "
            "the folder"
        )
    try:
        folder = ListingFolder.resume(path, bucket, can_start_anywhere=requests.can_start_anywhere)
    except ManifestError as error:
        raise InvalidInput(error) from error
    for name, value in known.items():
        if folder.options.get(name) != value:
            folder.close()
            option = name.replace("_", "-")
            raise InvalidArgument(
                f"--resume: the listing in {path} has another --{option}. Pass the same options, "
                "or delete the folder"
            )
    if folder.count:
        print_message(f"{counted(folder.count, 'object')} listed before")
    return folder


def _folder_for(location: str) -> Path:
    """Return the folder beside the manifest; for a manifest in S3, in the current folder."""
    path = Path(location.rpartition("/")[2]) if is_s3_url(location) else Path(location).resolve()
    return path.with_name(f".{path.name}.s3batch-listing")


class _Progress:
    """Prints from time to time how many objects are listed."""

    def __init__(self, listing: ParallelListing, *, quiet: bool) -> None:
        self._listing = listing
        self._quiet = quiet
        self._rate = RecentRate()
        self._latest = time.monotonic()

    def update(self) -> None:
        now = time.monotonic()
        listed, selected = self._listing.listed, self._listing.selected
        self._rate.add(now, listed)
        if self._quiet or not listed or now - self._latest < SECONDS_BETWEEN_LINES:
            return
        self._latest = now
        words = [f"{counted(listed, 'object')} listed"]
        if selected != listed:
            words.append(f"{selected:,} selected")
        if rate := self._rate.per_second:
            words.append(f"{rate:,.0f}/s")
        print_message(", ".join(words))
