"""What a job on this machine reads and writes: its S3, manifest, report and log."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NamedTuple, Protocol, cast

from s3batch_handler.cli._options import UsageProblem
from s3batch_handler.cli._output import say
from s3batch_handler.cli._progress import show_listed
from s3batch_handler.core._sanitize import printable
from s3batch_handler.documents._inventory import read_inventory
from s3batch_handler.documents._report import ReportScope, ReportWriter
from s3batch_handler.documents._storage import LocalFolder, bucket_and_key, is_s3_url, open_folder
from s3batch_handler.engine.manifests._prepared import (
    PreparedManifest,
    manifest_of_entries,
    manifest_of_objects,
    prepared_manifest,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from s3batch_handler.cli.run._run_options import RunOptions
    from s3batch_handler.core._model import ObjectRef
    from s3batch_handler.documents._storage import Folder
    from s3batch_handler.local_aws._folder_server import EmbeddedS3


# ---------------------------------------------------------------- S3


class S3(Protocol):
    """The S3 of a job: AWS's, the one at ``--endpoint-url``, or our own."""

    @property
    def environment(self) -> Mapping[str, str]:
        """Environment variables that tell the function of it."""
        ...

    @property
    def client(self) -> Any:
        """A boto3 client."""
        ...

    def objects(self, bucket: str, prefix: str) -> Iterable[ObjectRef]:
        """List a bucket."""
        ...


class RemoteS3:
    """An S3 that is not our own. boto3 is slow to come, so it comes when it is needed."""

    def __init__(
        self, endpoint_url: str | None, *, profile: str | None = None, region: str | None = None
    ) -> None:
        self._endpoint_url = endpoint_url
        self._profile = profile
        self._region = region

    @property
    def environment(self) -> Mapping[str, str]:
        return {"AWS_ENDPOINT_URL_S3": self._endpoint_url} if self._endpoint_url else {}

    @cached_property
    def client(self) -> Any:
        from s3batch_handler.jobs._aws_clients import create_session, s3_client

        session = create_session(profile=self._profile, region=self._region)
        return s3_client(session, endpoint_url=self._endpoint_url)

    def objects(
        self, bucket: str, prefix: str, *, version_ids: bool = False
    ) -> Iterable[ObjectRef]:
        from s3batch_handler.jobs._aws_clients import list_objects

        return list_objects(self.client, bucket, prefix, version_ids=version_ids)


def save_output(
    server: EmbeddedS3, bucket: str, folder: Path, not_saved: dict[str, int], *, quiet: bool
) -> bool:
    """Save a bucket to its folder; return whether the folder could be written.

    Objects that are saved are subtracted from ``not_saved``, which has the number of each bucket.
    """
    saved = 0
    try:
        for key, is_saved in server.save(bucket, folder):
            if is_saved:
                saved += 1
            else:
                say(f"s3batch: {bucket}: {printable(repr(key))} cannot be a file: left out")
    except OSError as error:
        say(f"s3batch: {bucket} cannot be saved to {printable(str(folder))}: {error.strerror}")
        return False
    finally:
        left = not_saved.pop(bucket, 0) - saved
        if left > 0:
            not_saved[bucket] = left
    if not quiet:
        say(f"{saved:,} objects of {bucket} saved to {printable(str(folder))}")
    return True


def warn_of_loss(lost: Mapping[str, int], deleted: int, options: RunOptions) -> None:
    """Report objects that are lost with the embedded S3, and deletions that spared the files."""
    for bucket, count in lost.items():
        hint = f"--output {bucket}=DIR saves them"
        if options.state is not None:
            hint += ", but not with --state"
        lost_before = " (and those from before the job was resumed)" if options.resume else ""
        say(f"s3batch: {bucket}: {_objects_were(count)} written but not saved{lost_before}; {hint}")
    if deleted and not options.quiet:
        folder = printable(str(options.source))
        bucket = options.bucket_name
        say(f"{bucket}: {_objects_were(deleted)} deleted; the files in {folder} are still there")


def warn_of_unsaved(server: EmbeddedS3) -> None:
    """Report objects that are lost with an embedded S3 because it ends before they are saved."""
    for bucket, count in server.written().items():
        say(f"s3batch: {bucket}: {_objects_were(count)} written but not saved")


def _objects_were(count: int) -> str:
    return "1 object was" if count == 1 else f"{count:,} objects were"


# ---------------------------------------------------------------- manifest


@contextmanager
def given_manifest(
    location: str, fields: str | None, s3: S3, *, keep: Path | None
) -> Iterator[PreparedManifest]:
    """Read a manifest: a file, an ``s3://`` URL, or ``-`` for standard input.

    What is called ``….json`` is an inventory's ``manifest.json``, anything else a CSV manifest.
    """
    check_s3_object(location, "--manifest")
    if location.endswith(".json"):
        if fields:
            raise UsageProblem("--fields goes with CSV manifests: an inventory tells its own")
        entries = read_inventory(location, s3=s3.client if is_s3_url(location) else None)
        with manifest_of_entries(entries, source=location, save_as=keep) as manifest:
            yield manifest
        return
    columns = fields.split(",") if fields else None
    with (
        _open(location, s3) as stream,
        prepared_manifest(stream, fields=columns, source=location, save_as=keep) as manifest,
    ):
        yield manifest


def listed_manifest(
    bucket: str, prefix: str, s3: S3, *, keep: Path | None, quiet: bool
) -> AbstractContextManager[PreparedManifest]:
    """Make a manifest of the objects of a bucket."""
    objects = show_listed(s3.objects(bucket, prefix), quiet=quiet)
    return manifest_of_objects(objects, source=f"s3://{bucket}/{prefix}", save_as=keep)


def save_manifest(manifest: PreparedManifest, location: str, s3: S3) -> None:
    """Save a manifest as a file or as an ``s3://`` object: whole, or not at all."""
    if is_s3_url(location):
        folder, name = _object(location, s3)
    else:
        path = Path(location).resolve()  # a link stays one, wherever it leads
        folder, name = open_folder(path.parent), path.name
    manifest.save(folder, name)


def check_s3_object(location: str, option: str) -> None:
    """Refuse what looks like an ``s3://`` URL and is none of an object."""
    if _LIKE_S3.match(location) and not _S3_OBJECT.match(location):
        raise UsageProblem(f"{option} {location}: write s3://bucket/key")


_LIKE_S3: Final = re.compile(r"s3:/", re.IGNORECASE)
_S3_OBJECT: Final = re.compile(r"s3://[^/]+/(?!(.*/)?\.\.?(/|$)).*[^/]$")


def _open(location: str, s3: S3) -> BinaryIO:
    if is_s3_url(location):
        folder, name = _object(location, s3)
        return folder.read(name)
    if location != "-":
        return Path(location).open("rb")
    if cast("Any", sys.stdin) is None:  # closed by whoever started us
        raise UsageProblem("--manifest -: there is no standard input")
    return sys.stdin.buffer


def _object(location: str, s3: S3) -> tuple[Folder, str]:
    """Give an object's bucket and its key, as it stands: ``a//b`` is another key than ``a/b``."""
    bucket, key = bucket_and_key(location)
    return open_folder(f"s3://{bucket}", s3=s3.client), key


# ---------------------------------------------------------------- report and log

DEFAULT_REPORTS: Final = "s3batch-reports"


def new_report(
    location: str | None, scope: str, job_id: str, s3: S3, *, keep_here: bool
) -> ReportWriter | None:
    """Begin a report; none without a location.

    With ``keep_here`` it stays on this machine if S3 does not take it after all the work.
    """
    if location is None:
        return None
    fallback = None
    folder = open_folder(location, s3=s3.client if is_s3_url(location) else None)
    if isinstance(folder, LocalFolder):
        for names in ("job-*/*", "job-*/results/*"):
            folder.remove_leftovers(names)
    if is_s3_url(location):
        next(folder.subfolders("job-"), None)  # better to know now than after all the work
        fallback = open_folder(DEFAULT_REPORTS) if keep_here else None
    return ReportWriter(folder, job_id=job_id, scope=ReportScope(scope), fallback=fallback)


def check_writable(folder: Path, option: str) -> None:
    """Find out whether a folder can be written to: now, not after all the work."""
    place = folder
    while not place.exists() and place != place.parent:
        place = place.parent
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        raise UsageProblem(f"{option} {folder}: cannot write there: {error.strerror}") from error


def check_file(path: Path, option: str) -> None:
    """Find out whether a file can be written, or written anew: now, not after all the work."""
    if _LIKE_S3.match(str(path)):
        raise UsageProblem(f"{option} {path}: that is no file")
    if str(path) == "-":
        raise UsageProblem(f"{option} -: name a file; standard output takes no manifest")
    if path.is_dir():
        raise UsageProblem(f"{option} {path}: that is a folder")
    if path.exists() and not path.is_file():  # /dev/null, say: the file would take its place
        raise UsageProblem(f"{option} {path}: that is no regular file")
    check_writable(path.parent, option)


class FunctionLog(NamedTuple):
    """What the function prints to.

    Attributes:
        stream: ``None`` is standard error.
        path: ``None`` as well, then.
        is_asked_for: It is the user's file, to be kept even without a line in it.
    """

    stream: BinaryIO | None = None
    path: Path | None = None
    is_asked_for: bool = False

    @property
    def location(self) -> str | None:
        """Where to read it, if there is anything to read."""
        if self.path is None or self.stream is None:
            return None
        written = os.fstat(self.stream.fileno()).st_size  # even if somebody has moved it away
        return str(self.path) if written or self.is_asked_for else None


@contextmanager
def function_log(
    location: str | None, report: str | None, job_id: str, *, quiet: bool
) -> Iterator[FunctionLog]:
    """Open what the function prints to.

    Without a ``location`` it lies beside the report, and is kept only if there is something in it.
    """
    if location is None and report is not None and not is_s3_url(report):
        path = Path(report, f"job-{job_id}.log")
        new_folder = not path.parent.exists()
        with _open_log(path) as stream:
            log = FunctionLog(stream, path)
            try:
                yield log
            finally:
                _keep_unless_empty(log, path, new_folder=new_folder, quiet=quiet)
    elif location is None or location == "-":
        yield FunctionLog()
    else:
        with _open_log(Path(location)) as stream:
            yield FunctionLog(stream, Path(location), is_asked_for=True)


def _open_log(path: Path) -> BinaryIO:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("ab")  # several processes write to it
    except OSError as error:
        raise UsageProblem(f"--log {path}: cannot write there: {error.strerror}") from error


def _keep_unless_empty(log: FunctionLog, path: Path, *, new_folder: bool, quiet: bool) -> None:
    if log.location is not None:
        if not quiet:
            say(f"the function's log is {printable(log.location)}")
        return
    with suppress(OSError):  # it has been moved away; or the report is in the folder now
        path.unlink()
        if new_folder:
            path.parent.rmdir()
