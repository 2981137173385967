"""A worker process, as its parent sees it: its pipes, its pace, its end."""

from __future__ import annotations

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

from s3batch_handler.engine.invoke._lambda_environment import new_instance
from s3batch_handler.engine.invoke._worker_main import BATCH_SECONDS, Batch, frame, parse_results

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from s3batch_handler.documents._manifest import ManifestEntry


class WorkerProcess:
    """One process that loads the function, and calls it: see :mod:`._worker_main`.

    Raises:
        OSError: The system has no room for it.

    Attributes:
        ready: It has loaded the function.
        tasks: What it has been given and has not answered, the running one first.
        answered: How many tasks it has answered.
        since: When the running task began, or when the process did.
        ended: It will say no more.
        killed: By us.
    """

    def __init__(self, spec: str, timeout: float, env: Mapping[str, str], log: int) -> None:
        self.instance = new_instance()
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
            child_inbox, self.inbox, self.results, child_results = pipes[:4]
            child_lifeline, self._lifeline, child_cord, self._cord = pipes[4:]
            for pipe in (self.inbox, self.results):
                os.set_blocking(pipe, False)
            child_pipes = (child_inbox, child_results, child_lifeline, child_cord)
            self._process = subprocess.Popen(  # noqa: S603  our own code
                [sys.executable, "-P", "-c", _BOOT, _HOME, *map(str, child_pipes)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=env,
                pass_fds=child_pipes,
                start_new_session=True,  # out of reach of Ctrl-C, and to be killed as a whole
            )
        except BaseException:
            for pipe in pipes:
                os.close(pipe)
            raise
        for pipe in child_pipes:
            os.close(pipe)
        self.since = time.monotonic()
        self._send(frame({"spec": spec, "timeout": timeout, "instance": self.instance}))

    @property
    def wants_work(self) -> bool:
        """Tell whether it might run dry before we look again; slow tasks go out one by one."""
        return self.ready and not self.ended and len(self.tasks) * 2 < self.batch_size

    def give(self, batch: Batch, tasks: Sequence[ManifestEntry]) -> None:
        if not self.tasks:
            self.since = time.monotonic()
        self.tasks.extend(tasks)
        self._send(frame(batch))

    def _send(self, data: bytes) -> None:
        self.unsent += data
        self.flush()

    def flush(self) -> None:
        """Send what the pipe takes: waiting for it could be for ever, as it may wait for us."""
        try:
            while self.unsent:
                self.unsent = self.unsent[os.write(self.inbox, self.unsent) :]
        except BlockingIOError:
            pass
        except BrokenPipeError:  # it has ended: its results pipe tells, too
            self.unsent = b""

    def receive(self) -> list[tuple[str, str]]:
        """Give all that it has said since, without waiting."""
        data = [self._partial]
        try:
            while chunk := os.read(self.results, 1 << 18):
                data.append(chunk)
        except BlockingIOError:
            self.ended = self.killed
        else:
            self.ended = True
        *lines, self._partial = b"".join(data).split(b"\n")
        if lines and self.ready:  # that it is ready is no answer yet
            self._learn_pace(len(lines))
        try:
            return parse_results(lines)
        except ValueError:  # the function has got hold of the pipe: nothing of it can be trusted
            self.kill()
            self.ended = True
            return []

    def _learn_pace(self, answers: int) -> None:
        """Size its batches by the time that its tasks take; a new task begins now."""
        now = time.monotonic()
        fitting = int(answers * BATCH_SECONDS / 2 / max(now - self.since, 1e-6))
        self.batch_size = max(1, min(fitting, 2 * self.batch_size, _MAX_BATCH))
        self.since = now

    def ask_to_stop(self) -> None:
        """Let it finish the task it does, and give back the others."""
        with suppress(BrokenPipeError):
            os.write(self._lifeline, b"s")

    def close_inbox(self) -> None:
        """Let it end when it has done what it was given."""
        if self.inbox >= 0:
            os.close(self.inbox)
            self.inbox = -1

    def kill(self) -> None:
        """End it, and all that the function has started, at once."""
        self.killed = True
        # Not yet waited for, so the number is still its own. (macOS: no permission for zombies.)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def end(self, tidy_until: float) -> int:
        """Wait for it to end by itself, then see to it; give its exit code."""
        self.close_inbox()
        while not self.ended and (seconds := tidy_until - time.monotonic()) > 0:
            poll = select.poll()
            poll.register(self.results, select.POLLIN)
            poll.poll(math.ceil(seconds * 1000))
            self.receive()
        if not self.killed:
            self.kill()
        os.close(self.results)
        os.close(self._lifeline)
        os.close(self._cord)
        return self._process.returncode


_MAX_BATCH: Final = 2_000
_HOME: Final = str(Path(__file__).resolve().parents[2])

# Not -m: the current directory is for the function to import from, but must not hide a module
# that the worker needs. Our own home goes last, in case this process knows it by other means.
_BOOT: Final = (
    "import sys; sys.path.append(sys.argv[1]); "
    "from s3batch_handler.engine.invoke._worker_main import main; main()"
)
