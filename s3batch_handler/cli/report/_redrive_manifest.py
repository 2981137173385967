"""The manifest of the failed tasks of a report, for ``report redrive``, ``run`` and ``submit``."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import click

from s3batch_handler.cli._completers import complete_files
from s3batch_handler.cli._manifest_files import open_manifest
from s3batch_handler.cli._options import not_empty
from s3batch_handler.cli.terminal._output import counted, print_message
from s3batch_handler.core._sanitize import escape_unprintable
from s3batch_handler.documents.reports._job_record import JobRecord, read_job_record
from s3batch_handler.engine.manifests._failed_tasks import manifest_of_failed_tasks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from s3batch_handler.cli._s3 import HasClient
    from s3batch_handler.cli.report._location import FoundReport
    from s3batch_handler.documents.reports._check import Entries
    from s3batch_handler.documents.reports._rows import ReportRow
    from s3batch_handler.engine.manifests._prepared import PreparedManifest


def manifest_options(
    text: str,
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Create ``--manifest`` and ``--fields``, for :func:`open_original`; ``text`` is the help."""
    manifest: Callable[[Any], Any] = click.option(
        "--manifest",
        metavar="FILE|s3://…",
        type=not_empty,
        shell_complete=complete_files,
        help=text,
    )
    fields: Callable[[Any], Any] = click.option(
        "--fields", metavar="NAMES", help="Columns of --manifest.  [default: as in its first line]"
    )
    return lambda command: manifest(fields(command))


def record_of(found: FoundReport, *, with_tags: bool = False) -> JobRecord | None:
    """Return what is known about the job of a report: from DescribeJob, or from ``job.json``.

    Without ``with_tags``, a job that was described has no tags: reading them may take a request.
    """
    if found.job is None:
        return read_job_record(found.report)
    tags = found.read_tags() if with_tags else {}
    return JobRecord.from_description(found.job.to_description(), tags)


def warn_of_unknown_arguments(found: FoundReport, record: JobRecord | None) -> None:
    """Print a message if it is not known whether the job of a report has user arguments."""
    if record is None or not record.has_operation:
        job = f"job {found.report.job_id}" if found.report.job_id else "the job"
        print_message(
            f"s3batch: the user arguments of {escape_unprintable(job)} are not known. If it had "
            "some, pass --arguments again"
        )


@contextmanager
def redrive_manifest(
    found: FoundReport,
    *,
    original: Entries | None = None,
    is_selected: Callable[[ReportRow], bool] = lambda _: True,
    limit: int | None = None,
    save_as: Path | None = None,
) -> Iterator[tuple[PreparedManifest, int]]:
    """Create the manifest of the failed tasks of a report: see :func:`manifest_of_failed_tasks`.

    Print a message if tasks were left out.
    """
    with manifest_of_failed_tasks(
        found.report,
        job=record_of(found),
        original=original,
        is_selected=is_selected,
        limit=limit,
        save_as=save_as,
    ) as (manifest, left_out):
        if left_out:
            print_message(
                f"s3batch: left out: {counted(left_out, 'task')} without a version ID in a "
                "manifest with version IDs: S3 fails such a task each time"
            )
        yield manifest, left_out


@contextmanager
def open_original(
    location: str | None, fields: str | None, s3: HasClient
) -> Iterator[Entries | None]:
    """Open the manifest of the job that wrote a report, if its location is given."""
    with ExitStack() as stack:
        if location is None:
            yield None
        else:
            manifest = stack.enter_context(open_manifest(location, fields, s3, save_as=None))
            yield manifest.entries
