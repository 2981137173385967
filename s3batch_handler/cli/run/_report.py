"""The completion report of ``s3batch run``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from s3batch_handler.documents._report import ReportScope, ReportWriter
from s3batch_handler.documents._storage import LocalFolder, is_s3_url, open_folder

if TYPE_CHECKING:
    from s3batch_handler.cli._s3 import S3

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
