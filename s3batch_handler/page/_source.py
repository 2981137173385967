"""The interface to the jobs that live pages show: those of a server, or the job of one run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection

    from s3batch_handler.page._document import (
        ActionName,
        FailedTasks,
        JobDocument,
        ListDocument,
        ListedJob,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class JobQuery:
    """Which jobs to list.

    Attributes:
        statuses: The statuses of the jobs; none for all.
        search: A text that the ID, the description or the function contains.
        after: The cursor of the page before.
        limit: The maximum number of jobs.
    """

    statuses: Collection[str] = ()
    search: str = ""
    after: str | None = None
    limit: int = 50

    def finds(self, job: ListedJob) -> bool:
        """Return whether the search finds a job, of any status."""
        texts = (job["id"], job["description"] or "", job["function"] or "")
        return self.search.casefold().strip() in "\n".join(texts).casefold()


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedQuery:
    """Which failed tasks to read.

    Attributes:
        search: A text that the key, the code or the message contains, in any case; ``…`` in it
            stands for any text.
        code: The error code; ``""`` for all.
        after: The cursor of the page before.
        limit: The maximum number of rows.
    """

    search: str = ""
    code: str = ""
    after: str | None = None
    limit: int = 50


class JobSource(Protocol):
    """The jobs of live pages, and the actions on them.

    Every method may raise ``JobNotFound``, and ``JobError`` for a request that is refused. Methods
    are called from any thread.
    """

    def jobs(self, query: JobQuery) -> ListDocument:
        """List jobs, the newest first."""
        ...

    def job(self, job_id: str) -> JobDocument:
        """Return the document of a job, without ``live``."""
        ...

    def saved(self, job_id: str) -> JobDocument:
        """Return the document of a job for a page to keep: it has some failed tasks, no ``live``.

        They are those that ``s3batch report html`` selects: some of each group of failures.
        """
        ...

    def actions(self, job_id: str) -> list[ActionName]:
        """Return the names of the actions that the job allows now."""
        ...

    def failed_tasks(self, job_id: str, query: FailedQuery) -> FailedTasks:
        """Read failed tasks of a job."""
        ...

    def confirm(self, job_id: str) -> None:
        """Confirm a job that awaits confirmation."""
        ...

    def cancel(self, job_id: str, reason: str) -> None:
        """Cancel a job."""
        ...

    def set_priority(self, job_id: str, priority: int) -> None:
        """Change the priority of a job."""
        ...

    def redrive(self, job_id: str, query: FailedQuery, token: str) -> str:
        """Create a job for the failed tasks that match, and return its ID.

        Requests with the same token create one job.
        """
        ...
