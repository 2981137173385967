"""Run one job on this machine: its tasks, their retries, and its completion report."""

from __future__ import annotations

from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol, cast

from s3batch_handler.core._defaults import DEFAULT_MAX_REDRIVES
from s3batch_handler.core._errors import (
    InvalidFunction,
    ManifestError,
    ReportNotWritten,
    StateError,
    WorkersLost,
)
from s3batch_handler.documents.manifests._plain_lines import PlainLines
from s3batch_handler.engine.invoke._answer import NotRun, ServiceError
from s3batch_handler.engine.invoke._events import EventTemplate
from s3batch_handler.engine.invoke._invoker import AnsweredLines, LinesInvoker
from s3batch_handler.engine.run._cancellation import RunControl, on_first_interrupt
from s3batch_handler.engine.run._journal import Journal, QueuedTask, queued_tasks
from s3batch_handler.engine.run._ledger import Ledger
from s3batch_handler.engine.state._failure_codes import BAD_MANIFEST, NO_FUNCTION
from s3batch_handler.jobs._failure_threshold import S3_THRESHOLD

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from s3batch_handler.core._model import JobRef
    from s3batch_handler.documents.manifests._manifest import ManifestEntry
    from s3batch_handler.documents.reports._rows import TaskStatus
    from s3batch_handler.engine.invoke._invoker import Invoker, LineAnswers, Stop
    from s3batch_handler.engine.run._ledger import JobResult
    from s3batch_handler.engine.run._run_observer import RunObserver
    from s3batch_handler.engine.run._run_progress import RunProgress
    from s3batch_handler.jobs._failure_threshold import FailureThreshold


@dataclass(frozen=True, kw_only=True, slots=True)
class JobSettings:
    """The settings of a job that is run.

    Attributes:
        job: The job as the function sees it.
        schema_version: The schema version of the events.
        max_redrives: Retries of a task that fails temporarily.
        total: The number of entries, if it is known.
        threshold: How many tasks may fail before the job ends.
        can_resume: Whether the caller keeps the journal, to run the rest of the job later.
    """

    job: JobRef
    schema_version: str = "1.0"
    max_redrives: int = DEFAULT_MAX_REDRIVES
    total: int | None = None
    threshold: FailureThreshold = S3_THRESHOLD
    can_resume: bool = False


class CompletionReport(Protocol):
    """Where the rows of the tasks are written at the end of a job.

    Attributes:
        statuses: The statuses of tasks that get a row.
    """

    @property
    def statuses(self) -> Collection[TaskStatus]: ...

    def write(self, rows: Callable[[TaskStatus], Iterable[bytes]]) -> str | None:
        """Write the report from the rows of each status, and return its location if it has one.

        Raises:
            StateError: The rows cannot be read.
            ReportNotWritten: It could not be written, or only to another place.
        """
        ...


def run_job(
    tasks: Iterable[PlainLines | ManifestEntry],
    invoker: Invoker,
    settings: JobSettings,
    *,
    report: CompletionReport | None = None,
    on_progress: Callable[[RunProgress], None] | None = None,
    journal: Journal | None = None,
    control: RunControl | None = None,
    observer: RunObserver | None = None,
) -> JobResult:
    """Run a job: each task once, those that fail temporarily again, then write the report.

    Retries come after the first pass, in up to ``max_redrives`` passes over the tasks that still
    fail temporarily; AWS does not publish how many it makes, or when. The job fails as soon as more
    tasks have failed permanently than ``settings.threshold`` tolerates, by default half of at least
    1,000, or if its report cannot be written.

    Ctrl-C (or a ``KeyboardInterrupt`` from ``on_progress``) cancels the job: running tasks get a
    short time to end, and the report lists the finished tasks. A second Ctrl-C, at least one second
    after the first, interrupts immediately. ``control`` also cancels the job, or pauses it.

    Other threads can read how the job runs in ``observer``.

    A paused or interrupted job continues if this is called again with the same journal and tasks.

    Memory does not grow with the manifest. The ``invoker`` is closed in any case.

    Raises:
        ManifestError: An entry cannot be read, and this call has not run a task yet. No report is
            written. Later, such an error fails the job.
        InvalidFunction: The function cannot be called, and this call has not run a task yet.
        WorkersLost: The workers cannot be reached, and the job can be resumed, or this call has not
            run a task yet. Otherwise the job fails.
        StateError: The journal cannot be used.
    """
    with ExitStack() as stack:
        journal = journal or stack.enter_context(Journal())
        ledger = Ledger(
            journal,
            control or RunControl(),
            reported=() if report is None else report.statuses,
            total=settings.total,
            threshold=settings.threshold,
            workers=lambda: invoker.workers,
            on_progress=on_progress,
            observer=observer,
        )
        if observer is not None:
            observer.invoker = invoker
        stack.enter_context(on_first_interrupt(ledger.cancel))
        with closing(invoker):
            if not ledger.is_over:
                template = EventTemplate.of(settings.job, settings.schema_version)

                def stop() -> bool:
                    ledger.commit_if_due()
                    return ledger.should_stop()

                invoke = partial(_invoke_all, invoker, template, stop=stop)
                _run_tasks(ledger, tasks, invoke, settings)
        location = _write_report(report, ledger, journal) if ledger.conclude() else None
        return ledger.result(settings.job.id, report=location)


def _invoke_all(
    invoker: Invoker,
    template: EventTemplate,
    tasks: Iterable[PlainLines | QueuedTask],
    *,
    stop: Stop,
) -> Iterator[LineAnswers]:
    """Call the function for all tasks; plain lines as entries, unless the invoker takes them."""
    if isinstance(invoker, LinesInvoker):
        return invoker.invoke_lines(template, tasks, stop=stop)
    entries = (task for item in tasks for task in queued_tasks(item))
    return invoker.invoke_all(template, entries, stop=stop)


def _run_tasks(
    ledger: Ledger,
    tasks: Iterable[PlainLines | ManifestEntry],
    invoke_all: Callable[[Iterable[PlainLines | QueuedTask]], Iterator[LineAnswers]],
    settings: JobSettings,
) -> None:
    """Run the tasks that have no final answer yet, in passes."""
    max_redrives = settings.max_redrives
    has_run_here = False
    for tries in range(max_redrives + 1):
        without_version = _TasksWithoutVersion(ledger)
        answers = invoke_all(without_version.split_off(ledger.queue(tasks, tries)))
        try:
            for answered in answers:
                if isinstance(answered, AnsweredLines):
                    has_run_here = True
                    ledger.record_lines(answered)
                    without_version.fail_after(answered.lines)
                    continue
                item, answer, seconds = answered
                if not isinstance(answer, NotRun):
                    has_run_here = True
                    (task,) = queued_tasks(item)
                    ledger.record(task, answer, seconds, is_last_try=tries == max_redrives)
                    without_version.fail_after(item)
            without_version.fail_rest()
        except (InvalidFunction, ManifestError) as error:
            if not has_run_here:
                raise
            code = NO_FUNCTION if isinstance(error, InvalidFunction) else BAD_MANIFEST
            ledger.fail(code, str(error))
        except WorkersLost as error:
            ledger.commit()
            if settings.can_resume or not has_run_here:
                raise
            ledger.fail("WorkersLost", str(error))
        ledger.commit()


class _TasksWithoutVersion:
    """The tasks of a pass with an empty version ID, which fail without being run.

    They are known to fail when they are read, possibly thousands of tasks before their neighbors
    are run. Each is held back until the task before it has been run, so that failures and successes
    are counted in the same proportion as in the manifest.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._latest = -1  # the number of the task that was yielded last, until it has run
        self._after: dict[int, list[QueuedTask]] = {}  # by the number of the task before them
        self._due: list[QueuedTask] = []

    def split_off(
        self, tasks: Iterable[PlainLines | QueuedTask]
    ) -> Iterator[PlainLines | QueuedTask]:
        """Yield the tasks that can be run; keep the others."""
        for item in tasks:
            if isinstance(item, PlainLines):
                self._latest = item.first + len(item) - 1
                yield item
            elif item.version_id != "":
                self._latest = item.number
                yield item
            elif self._ledger.should_stop():
                return
            else:
                self._keep(item)

    def _keep(self, task: QueuedTask) -> None:
        queue = self._due if self._latest < 0 else self._after.setdefault(self._latest, [])
        queue.append(task)
        if len(queue) >= _MOST_HELD:  # limits the memory
            self._fail(queue)

    def fail_after(self, item: PlainLines | ManifestEntry) -> None:
        """Record the failure of the tasks after those that have been run."""
        if isinstance(item, PlainLines):
            numbers = range(item.first, item.first + len(item))
        else:
            number = cast("QueuedTask", item).number
            numbers = range(number, number + 1)
        if self._latest in numbers:
            self._latest = -1
        if self._after:
            for number in [each for each in self._after if each in numbers]:
                self._fail(self._after.pop(number))
        if self._due:
            self._fail(self._due)

    def fail_rest(self) -> None:
        """Record the failure of the tasks after no other task, at the end of a pass."""
        if not self._ledger.should_stop():
            self._fail(self._due)

    def _fail(self, tasks: list[QueuedTask]) -> None:
        for task in tasks:
            if self._ledger.is_over:
                break
            self._ledger.record(task, _NO_VERSION, is_last_try=True)
        tasks.clear()


_MOST_HELD: Final = 1_000
_NO_VERSION: Final = ServiceError(400, "InvalidRequest", "Task failed due to missing VersionId")
"""As in AWS's example report."""


def _write_report(report: CompletionReport | None, ledger: Ledger, journal: Journal) -> str | None:
    """Write the report and return its location. If it cannot be written, the job fails."""
    if report is None or not ledger.has_run:  # AWS writes no report without tasks either
        return None
    try:
        return report.write(journal.rows)
    except StateError:
        raise
    except Exception as error:  # disks, networks and clients raise anything
        ledger.fail_for_report(error)
        return error.kept if isinstance(error, ReportNotWritten) else None
