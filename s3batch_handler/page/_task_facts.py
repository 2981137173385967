"""Tasks and groups of failures for a page, with the credentials in their messages replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from s3batch_handler.core._redaction import redact
from s3batch_handler.core._sanitize import truncate

if TYPE_CHECKING:
    from s3batch_handler.documents.reports._failed_pages import FailedPage
    from s3batch_handler.documents.reports._failure_groups import FailureGroup
    from s3batch_handler.documents.reports._rows import ReportRow
    from s3batch_handler.documents.reports._run_record import TaskFacts
    from s3batch_handler.page._document import FailedTasks, Failures


def failures_of(group: FailureGroup) -> Failures:
    """Return a group of failures with its examples."""
    return {
        "code": group.error_code,
        "message": _message(group.message),
        "count": group.count,
        "examples": [
            {
                "bucket": row.bucket,
                "key": row.key,
                "version_id": row.version_id,
                "message": _message(row.message),
            }
            for row in group.examples
        ],
    }


def failed_task(row: ReportRow) -> TaskFacts:
    """Return a task that has failed."""
    return {
        "bucket": row.bucket,
        "key": row.key,
        "version_id": row.version_id,
        "status": "failed",
        "code": row.error_code,
        "http_status": row.http_status,
        "message": _message(row.message),
        "seconds": None,
    }


def page_of_failed_tasks(page: FailedPage, *, total: int) -> FailedTasks:
    """Return a page of failed tasks, of which a job has ``total``."""
    return {
        "rows": [*map(failed_task, page.rows)],
        "total": total,
        "searched": page.searched,
        "next": page.next,
    }


def redacted_task(task: TaskFacts) -> TaskFacts:
    """Return a task with the credentials in its message replaced."""
    return {**task, "message": _message(task["message"])}


def _message(text: str) -> str:
    """Return a message without credentials: reports of AWS have what functions returned."""
    return truncate(redact(text, _MAX_MESSAGE), _MAX_MESSAGE)


_MAX_MESSAGE: Final = 4000  # AWS's reports have up to 1,024 characters
