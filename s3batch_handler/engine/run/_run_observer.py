"""What other threads can read about a job while it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from s3batch_handler.engine.run._run_statistics import RunSnapshot

if TYPE_CHECKING:
    from s3batch_handler.documents.reports._failure_groups import FailureGroup
    from s3batch_handler.engine.invoke._invoker import Invoker, RunningCall
    from s3batch_handler.engine.run._run_progress import RunProgress


class RunObserver:
    """Holds the latest facts about a run: pass it to ``run_job``, and read it in any thread.

    Attributes:
        counts: The latest progress, at most a fraction of a second old, and the most frequent
            failures of the same moment. There is no progress before the first one.
        statistics: The statistics, recomputed about once a second.
        invoker: The invoker of the run, once it has begun.
    """

    def __init__(self) -> None:
        self.counts: tuple[RunProgress | None, tuple[FailureGroup, ...]] = (None, ())
        self.statistics = RunSnapshot()
        self.invoker: Invoker | None = None

    @property
    def progress(self) -> RunProgress | None:
        """The latest progress."""
        return self.counts[0]

    @property
    def failures(self) -> tuple[FailureGroup, ...]:
        """The most frequent failures."""
        return self.counts[1]

    def running(self) -> list[RunningCall]:
        """Return what each worker does now, the longest running calls first."""
        invoker = self.invoker  # another thread may set it to None at any time
        calls = [] if invoker is None else invoker.running()
        return sorted(calls, key=lambda call: (call.entry is None, -call.seconds))
