"""The manifest of the failed tasks of a report."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING

from s3batch_handler.documents.reports._redrive import FailedEntries, check_listed_once
from s3batch_handler.engine.manifests._prepared import manifest_of_entries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from s3batch_handler.documents.reports._check import Entries
    from s3batch_handler.documents.reports._job_record import JobRecord
    from s3batch_handler.documents.reports._report import Report
    from s3batch_handler.documents.reports._rows import ReportRow
    from s3batch_handler.engine.manifests._prepared import PreparedManifest


@contextmanager
def manifest_of_failed_tasks(
    report: Report,
    *,
    job: JobRecord | None,
    original: Entries | None = None,
    is_selected: Callable[[ReportRow], bool] = lambda _: True,
    limit: int | None = None,
    save_as: Path | None = None,
) -> Iterator[tuple[PreparedManifest, int]]:
    """Create the manifest of the failed tasks of a report.

    Args:
        report: The report.
        job: What is known about its job.
        original: The manifest of the job, to check that the report belongs to it.
        is_selected: Selects rows of failed tasks.
        limit: The maximum number of tasks in the manifest.
        save_as: As for :func:`manifest_of_entries`.

    Yields:
        The manifest, and the number of tasks that were left out: their version ID is empty.

    Raises:
        ReportError: No task failed, the report lists a task twice, or it is a report of another
            manifest.
    """
    check_listed_once(report, job=job, manifest=original)
    entries = FailedEntries(report, is_selected)
    with manifest_of_entries(
        islice(entries, limit), source=report.location, save_as=save_as
    ) as manifest:
        yield manifest, entries.without_version
