"""The completion report of ``s3batch run``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from s3batch_handler.documents.files._folder import open_folder
from s3batch_handler.documents.files._local_folder import LocalFolder
from s3batch_handler.documents.files._locations import is_s3_url
from s3batch_handler.documents.reports._rows import ReportScope, TaskStatus
from s3batch_handler.documents.reports._writer import ReportWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from s3batch_handler.cli._s3 import S3

DEFAULT_REPORTS: Final = "s3batch-reports"


def check_report(location: str, s3: S3) -> None:
    """Check a location in S3 by listing it: an error now, not after the job."""
    if is_s3_url(location):
        next(open_folder(location, s3=s3.client).subfolders("job-"), None)


def new_report(
    location: str | None, scope: str, job_id: str, s3: S3, *, keep_here: bool
) -> ReportWriter | None:
    """Create the writer of a report; ``None`` without a location.

    With ``keep_here``, a report that S3 refuses is saved on this machine.
    """
    if location is None:
        return None
    fallback = None
    folder = open_folder(location, s3=s3.client if is_s3_url(location) else None)
    if isinstance(folder, LocalFolder):
        for names in ("job-*/*", "job-*/results/*"):
            folder.remove_leftovers(names)
    if is_s3_url(location):
        check_report(location, s3)
        fallback = open_folder(DEFAULT_REPORTS) if keep_here else None
    return ReportWriter(folder, job_id=job_id, scope=ReportScope(scope), fallback=fallback)


class FailedRows:
    """Keeps the rows of failed tasks in the journal for a page, and writes no report."""

    statuses: Final = (TaskStatus.FAILED,)

    def write(self, rows: Callable[[TaskStatus], Iterable[bytes]]) -> None:
        """Write no report."""
