"""The sources of a new manifest, apart from the listing of a bucket."""

from __future__ import annotations

import sys
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from s3batch_handler.cli._errors import InvalidArgument
from s3batch_handler.cli._options import bucket_name_of
from s3batch_handler.cli._paths import check_s3_url
from s3batch_handler.cli.terminal._output import counted, print_message
from s3batch_handler.core._errors import ManifestError
from s3batch_handler.core._keys import decode_key, encode_key, is_utf8
from s3batch_handler.documents.files._locations import is_s3_url
from s3batch_handler.documents.manifests._manifest import ManifestEntry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from s3batch_handler.cli.job._aws_services import AwsServices
    from s3batch_handler.cli.manifest._create_options import CreateOptions

    Described = tuple[ManifestEntry, Mapping[str, Any]]


@contextmanager
def open_source(options: CreateOptions, services: AwsServices) -> Iterator[Iterable[ManifestEntry]]:
    """Open the source that the options name, and yield its objects that meet all conditions."""
    if options.keys is not None:
        with _open_lines(options.keys, "--keys") as stream:
            yield _selected(_with_keys(_of_keys(stream, options)), options)
    elif options.objects is not None:
        with _open_lines(options.objects, "--objects") as stream:
            yield _selected(_with_keys(_of_objects(stream, options)), options)
    elif options.source is not None:
        yield _selected(_of_folder(options.source, options), options)
    elif options.inventory is not None:
        yield _selected(_of_inventory(options.inventory, options, services), options)
    else:
        yield _selected(_of_report(options, services), options)


class InvalidInput(ManifestError, InvalidArgument):
    """A file of the input cannot be used: exit code 2."""

    def __init__(self, error: ManifestError) -> None:
        InvalidArgument.__init__(self, str(error))
        self.source, self.line = error.source, error.line


def _with_keys(entries: Iterable[ManifestEntry]) -> Iterator[Described]:
    return ((entry, {"Key": decode_key(entry.encoded_key)}) for entry in entries)


def _selected(found: Iterable[Described], options: CreateOptions) -> Iterator[ManifestEntry]:
    """Yield the objects that meet all conditions.

    Raises:
        InvalidInput: The source cannot be read.
    """
    is_selected = options.where().predicate()
    try:
        for entry, description in found:
            if is_selected(description):
                yield entry
    except ManifestError as error:
        raise InvalidInput(error) from error


@contextmanager
def _open_lines(location: str, option: str) -> Iterator[BinaryIO]:
    if location != "-":
        with ExitStack() as files:
            try:
                stream = files.enter_context(Path(location).open("rb"))
            except OSError as error:
                problem = f"{option} {location}: {error.strerror}. Name a file"
                raise InvalidArgument(problem) from error
            yield stream
    elif cast("Any", sys.stdin) is None:  # the parent process closed it
        raise InvalidArgument(f"{option} -: standard input is closed. Name a file")
    else:
        yield sys.stdin.buffer


def _of_keys(stream: BinaryIO, options: CreateOptions) -> Iterator[ManifestEntry]:
    from s3batch_handler.documents.manifests._key_lines import read_keys

    name = options.source_name
    return read_keys(stream, bucket=options.bucket, null=options.null, source=name)


def _of_objects(stream: BinaryIO, options: CreateOptions) -> Iterator[ManifestEntry]:
    from s3batch_handler.documents.manifests._key_lines import read_objects

    name = options.source_name
    return read_objects(stream, bucket=options.bucket, payload=options.payload, source=name)


def _of_folder(folder: Path, options: CreateOptions) -> Iterator[Described]:
    """Yield the files of a folder, with the keys and the bucket of ``s3batch run --source``."""
    from s3batch_handler.local_aws._folder_listing import files_below

    bucket = bucket_name_of(options.bucket, folder)
    leave_out = [] if is_s3_url(options.location) else [Path(options.location)]
    for key, path in files_below(folder, leave_out=leave_out):
        if not is_utf8(key):
            print_message(f"s3batch: left out: {encode_key(key)}: S3 has keys in UTF-8 only")
        elif not key.endswith("/"):  # a folder that cannot be listed, which was reported
            yield ManifestEntry(bucket, encode_key(key), None), _FileDescription(key, path)


class _FileDescription(dict[str, Any]):
    """The description of a file as of an object: its size and time are read when needed."""

    def __init__(self, key: str, path: Path) -> None:
        super().__init__(Key=key)
        self._path = path

    def __missing__(self, name: str) -> Any:
        status = self._path.stat()
        if name == "Size":
            return status.st_size
        if name == "LastModified":
            return datetime.fromtimestamp(status.st_mtime, UTC)
        raise KeyError(name)


def _of_inventory(
    location: str, options: CreateOptions, services: AwsServices
) -> Iterator[Described]:
    from s3batch_handler.documents.manifests._inventory_objects import inventory_objects

    check_s3_url(location, "--inventory")
    problem = f"--inventory {location}: no such file. Name the manifest.json of an inventory"
    if not is_s3_url(location) and not Path(location).is_file():
        raise InvalidArgument(problem)
    try:
        found = inventory_objects(
            location,
            s3=services.s3 if is_s3_url(location) else None,
            versions=options.selected_versions,
            members=options.where().members,
        )
    except FileNotFoundError as error:
        raise InvalidArgument(problem) from error
    yield from found


def _of_report(options: CreateOptions, services: AwsServices) -> Iterator[Described]:
    """Yield the objects of the tasks of a report, with keys as they are spelled there."""
    from s3batch_handler.cli.report._location import find_report
    from s3batch_handler.documents.reports._rows import TaskStatus

    report = find_report(options.from_report, services=services).report
    statuses = [TaskStatus.FAILED] * options.failed + [TaskStatus.SUCCEEDED] * options.succeeded
    without_version = 0
    for row, entry in report.rows_with_entries(*statuses):
        if entry.version_id == "":
            without_version += 1
        else:
            yield entry, {"Key": row.key}
    if without_version:
        print_message(
            f"s3batch: left out: {counted(without_version, 'task')} without a version ID in a "
            "manifest with version IDs: S3 fails such a task each time"
        )
