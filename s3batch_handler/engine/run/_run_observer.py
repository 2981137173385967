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
        progress: The latest progress, at most a fraction of a second old; ``None`` before the
            first one.
        statistics: The statistics, recomputed about once a second.
        failures: The most frequent failures, as old as the statistics.
        invoker: The invoker of the run, once it has begun.
    """

    def __init__(self) -> None:
        self.progress: RunProgress | None = None
        self.statistics = RunSnapshot()
        self.failures: tuple[FailureGroup, ...] = ()
        self.invoker: Invoker | None = None

    def running(self) -> list[RunningCall]:
        """Return what each worker does now, the longest running calls first."""
        invoker = self.invoker  # another thread may set it to None at any time
        calls = [] if invoker is None else invoker.running()
        return sorted(calls, key=lambda call: (call.entry is None, -call.seconds))
