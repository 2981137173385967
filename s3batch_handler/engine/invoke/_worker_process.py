"""A worker process, from the side of its parent: its pipes, the size of its batches, its end."""

from __future__ import annotations

import json
import math
import os
import select
import signal
import subprocess
import sys
import time
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from s3batch_handler.engine.invoke._lambda_environment import new_environment_id
from s3batch_handler.engine.invoke._worker_main import BATCH_SECONDS, NOT_STARTED, parse_results

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from s3batch_handler.documents.manifests._manifest import ManifestEntry
    from s3batch_handler.engine.invoke._events import EventTemplate
    from s3batch_handler.engine.invoke._worker_main import Results


class WorkerProcess:
    """A process that loads a function and calls it: see :mod:`._worker_main`.

    Raises:
        OSError: The system cannot start another process.

    Attributes:
        environment_id: The ID of its :class:`~._lambda_environment.Environment`.
        name: Its name in its job.
        ready: Whether it has loaded the function.
        tasks: The tasks that it has received and not answered; the first one is running.
        answered: The number of tasks that it has answered.
        busy_since: The time when it got a task after it had none.
        since: The time when the running task began, or the process.
        ended: Whether all its results have arrived.
        killed: Whether this process has killed it.
    """

    def __init__(
        self,
        spec: str,
        timeout: float,
        variables: Mapping[str, str],
        log: int,
        name: str,
    ) -> None:
        self.name = name
        self.environment_id = new_environment_id()
        self.ready = self.ended = self.killed = False
        self.tasks: deque[ManifestEntry] = deque()
        self.answered = 0
        self.batch_size = 1
        self.unsent = b""
        self._partial = b""
        pipes: list[int] = []
        try:
            for _ in range(4):
                pipes += os.pipe()
            child_batches, self.batches, self.results, child_results = pipes[:4]
            child_control, self._control, child_kill, self._kill = pipes[4:]
            for pipe in (self.batches, self.results):
                os.set_blocking(pipe, False)
            child_pipes = (child_batches, child_results, child_control, child_kill)
            self._process = subprocess.Popen(  # noqa: S603  our own code
                [sys.executable, "-P", "-c", _MAIN, _PACKAGES, *map(str, child_pipes)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=variables,
                pass_fds=child_pipes,
                start_new_session=True,  # Ctrl-C does not reach it, and killpg ends its children
            )
        except BaseException:
            for pipe in pipes:
                os.close(pipe)
            raise
        for pipe in child_pipes:
            os.close(pipe)
        self.since = self.busy_since = time.monotonic()
        self._reported = 0.0  # seconds of all calls since then, as the worker has measured them
        self._send((spec, timeout, self.environment_id))

    @property
    def running(self) -> tuple[ManifestEntry, float] | None:
        """The running task, and when it began, for any thread; ``None`` if it has no task."""
        try:
            return self.tasks[0], self.since
        except IndexError:
            return None

    @property
    def wants_work(self) -> bool:
        """Whether it may have no task left soon. Slow tasks are sent one by one."""
        return self.ready and not self.ended and len(self.tasks) * 2 < self.batch_size

    def send_batch(self, template: EventTemplate, tasks: Sequence[ManifestEntry]) -> None:
        """Send tasks to the worker, after those that it has."""
        if not self.tasks:
            self.since = self.busy_since = time.monotonic()
            self._reported = 0.0
        self.tasks.extend(tasks)
        self._send((*template, tasks))

    def _send(self, value: object) -> None:
        self.unsent += json.dumps(value).encode() + b"\n"
        self.flush()

    def flush(self) -> None:
        """Write as much as the pipe accepts. Do not wait: the worker may wait for this process."""
        try:
            while self.unsent:
                self.unsent = self.unsent[os.write(self.batches, self.unsent) :]
        except BlockingIOError:
            pass
        except BrokenPipeError:  # the worker has ended, as its results pipe also shows
            self.unsent = b""

    def receive(self) -> list[tuple[str, str, int]]:
        """Return the results that have arrived, with the microseconds of calls, without waiting."""
        data = [self._partial]
        try:
            while chunk := os.read(self.results, 1 << 18):
                data.append(chunk)
        except BlockingIOError:
            self.ended = self.killed
        else:
            self.ended = True
        *lines, self._partial = b"".join(data).split(b"\n")
        if not lines:
            return []
        try:
            results = parse_results(lines)
        except ValueError:  # the function has written to the pipe: no result can be trusted
            self.kill()
            self.ended = True
            return []
        if self.ready:  # or else the result is "ready", and no answer
            return self._measured(results)
        return results.rows

    def _measured(self, results: Results) -> list[tuple[str, str, int]]:
        """Set the batch size by the duration of the latest tasks; now the next task begins.

        Return the results with the durations of calls. The function may have written them, so if
        they are longer than possible, each call gets the average of what was measured here.
        """
        answers = len(results.rows) - results.kinds.count(NOT_STARTED)
        if not answers:
            return results.rows
        now = time.monotonic()
        measured, self.since = now - self.since, now
        fitting = int(answers * BATCH_SECONDS / 2 / max(measured, 1e-6))
        self.batch_size = max(1, min(fitting, 2 * self.batch_size, _MAX_BATCH))
        self._reported += results.microseconds / 1e6
        if self._reported > now - self.busy_since:
            self._reported = now - self.busy_since
            average = int(measured / answers * 1e6)
            return [(kind, text, average) for kind, text, _ in results.rows]
        return results.rows

    def request_stop(self) -> None:
        """Request that it stops after the running task, and returns the other tasks."""
        with suppress(BrokenPipeError):
            os.write(self._control, b"s")

    def close_batches(self) -> None:
        """Close the batches pipe, so that it ends after its tasks."""
        if self.batches >= 0:
            os.close(self.batches)
            self.batches = -1

    def kill(self) -> None:
        """Kill it, with all processes that the function has started."""
        self.killed = True
        # No thread has waited for it, so its ID is still valid. (macOS: no permission for zombies.)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def end(self, deadline: float) -> int:
        """Wait until it has ended, kill it at the deadline, and return its exit code."""
        self.close_batches()
        while not self.ended and (seconds := deadline - time.monotonic()) > 0:
            poll = select.poll()
            poll.register(self.results, select.POLLIN)
            poll.poll(math.ceil(seconds * 1000))
            self.receive()
        if not self.killed:
            self.kill()
        for pipe in (self.results, self._control, self._kill):
            os.close(pipe)
        return self._process.returncode


_MAX_BATCH: Final = 2_000
_PACKAGES: Final = str(Path(__file__).resolve().parents[3])

# Without -m, the current directory is not on the path, where its modules would hide those that the
# worker needs. The folder of this package comes last; it may already be on the path.
_MAIN: Final = (
    "import sys; sys.path.append(sys.argv[1]); "
    "from s3batch_handler.engine.invoke._worker_main import main; main()"
)
