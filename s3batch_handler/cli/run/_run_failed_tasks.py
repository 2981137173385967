"""The failed tasks of a run, for its page: from the journal, and after the end from memory."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from s3batch_handler.documents.reports._failed_pages import failed_page, first_byte
from s3batch_handler.documents.reports._row_search import row_search
from s3batch_handler.documents.reports._rows import TaskStatus, read_rows
from s3batch_handler.engine.run._journal_reader import JournalReader
from s3batch_handler.page._embedded_rows import embedded_tasks
from s3batch_handler.page._task_facts import page_of_failed_tasks

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from s3batch_handler.engine.run._ledger import JobResult
    from s3batch_handler.engine.run._run_observer import RunObserver
    from s3batch_handler.page._document import FailedTasks
    from s3batch_handler.page._source import FailedQuery


class RunFailedTasks:
    """The failed tasks of a run.

    Args:
        observer: Has the progress of the job.

    Attributes:
        journal_file: The journal of the job, when it runs.
        kept: Some failed tasks, after the end of the job.
    """

    def __init__(self, observer: RunObserver) -> None:
        self._observer = observer
        self.journal_file: Path | None = None
        self.kept: FailedTasks | None = None

    def keep(self, rows: Iterable[bytes], job: JobResult) -> None:
        """Keep some failed tasks for the end: rows of a report, in chunks."""
        read = (
            row
            for chunk in rows
            for row in read_rows(io.BytesIO(chunk), TaskStatus.FAILED, source="the journal")
        )
        self.kept = embedded_tasks(read, job.failures, failed=job.progress.failed)

    def read(self, query: FailedQuery) -> FailedTasks:
        """Read failed tasks from the journal; after the end, return those that are kept."""
        if self.kept is not None:
            return self.kept
        progress = self._observer.progress
        if self.journal_file is None or progress is None:
            return embedded_tasks((), (), failed=0)
        rows = JournalReader(self.journal_file).failed_from(first_byte(query.after))
        is_selected = row_search(query.search, query.code)
        page = failed_page(rows, is_selected=is_selected, limit=query.limit)
        return page_of_failed_tasks(page, total=progress.failed)

    def some(self, failed: int) -> FailedTasks:
        """Return some of the failed tasks for a page to keep, while the job runs.

        Args:
            failed: The number of failed tasks.
        """
        if self.journal_file is None:
            return embedded_tasks((), (), failed=0)
        rows = JournalReader(self.journal_file).failed_from(0)
        return embedded_tasks((row for _, row in rows), self._observer.failures, failed=failed)
