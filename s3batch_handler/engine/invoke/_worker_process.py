"""A worker process, from the side of its parent: its start, its pipes, its end."""

from __future__ import annotations

import fcntl
import json
import math
import os
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from s3batch_handler.documents.manifests._plain_lines import PlainLines
from s3batch_handler.engine.invoke._answer_memory import AnswerReader, create_memory
from s3batch_handler.engine.invoke._answer_records import InvalidRecord
from s3batch_handler.engine.invoke._lambda_environment import new_environment_id
from s3batch_handler.engine.invoke._worker_batches import WorkerBatches
from s3batch_handler.engine.invoke._worker_main import BATCH_ENDED, LOAD_ERROR, READY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from s3batch_handler.engine.invoke._events import EventTemplate
    from s3batch_handler.engine.invoke._task_queue import Tasks
    from s3batch_handler.engine.invoke._worker_batches import AnsweredPart


class WorkerProcess:
    """A process that loads a function and calls it: see :mod:`._worker_main`.

    Args:
        variables: The environment variables of the process.
        log: The file descriptor for its standard output and standard error.
        name: Its name in its job.

    Raises:
        OSError: The system cannot start another process.

    Attributes:
        environment_id: The ID of its :class:`~._lambda_environment.Environment`.
        batches: Its tasks.
        ready: Whether it has loaded the function.
        load_error: Why the function cannot be loaded.
        loading_since: When it began to load the function.
        unsent: What its pipe did not accept yet.
        ended: Whether all its answers have been read.
        killed: Whether this process has killed it.
        is_damaged: Whether the function has written to the pipe or the memory.
    """

    def __init__(self, variables: Mapping[str, str], log: int, name: str) -> None:
        self.name = name
        self.environment_id = new_environment_id()
        self.ready = self.ended = self.killed = self.is_damaged = False
        self.load_error: str | None = None
        self.loading_since = time.monotonic()
        self.unsent = b""
        self._partial = b""
        files: list[int] = []
        try:
            for _ in range(3):
                files += os.pipe()
            child_input, self.input, self.results, child_results = files[:4]
            child_life, self._life = files[4:]
            files.append(memory := create_memory())
            self._memory = AnswerReader(memory)
            for pipe in (self.input, self.results):
                os.set_blocking(pipe, False)
            with suppress(AttributeError, OSError):  # Linux; room for a whole batch
                fcntl.fcntl(self.input, fcntl.F_SETPIPE_SZ, _BATCH_BYTES)
            child_files = (child_input, child_results, child_life, memory)
            self._process = subprocess.Popen(  # noqa: S603  our own code
                [sys.executable, "-P", "-c", _MAIN, _PACKAGES, *map(str, child_files)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=variables,
                pass_fds=child_files,
                start_new_session=True,  # Ctrl-C does not reach it, and killpg ends its children
            )
        except BaseException:
            for file in files:
                os.close(file)
            raise
        for file in (child_input, child_results, child_life):
            os.close(file)
        self.batches = WorkerBatches(self._memory)

    # -------------------------------------------------------- send

    def load(self, spec: str, timeout: float) -> None:
        """Request that it loads a function, whose calls may take ``timeout`` seconds."""
        self.loading_since = time.monotonic()
        self._send(_line((spec, timeout, self.environment_id)))

    @property
    def wants_work(self) -> bool:
        """Whether it may have no task left soon."""
        return self.ready and not self.ended and self.batches.wants_work

    def send_batch(self, template: EventTemplate, tasks: Tasks) -> None:
        """Send tasks to the worker, after those that it has."""
        self.batches.add(tasks)
        if isinstance(tasks, PlainLines):
            data = b"\n".join(tasks.lines)
            self._send(_line((*template, None, len(data))) + data)
        else:
            self._send(_line((*template, tasks, 0)))

    def _send(self, data: bytes) -> None:
        self.unsent += data
        self.flush()

    def flush(self) -> None:
        """Write as much as the pipe accepts. Do not wait: the worker may wait for this process."""
        try:
            while self.unsent:
                self.unsent = self.unsent[os.write(self.input, self.unsent) :]
        except BlockingIOError:
            pass
        except BrokenPipeError:  # the worker has ended, as its results pipe also shows
            self.unsent = b""

    # -------------------------------------------------------- receive

    def receive(self) -> list[AnsweredPart]:
        """Return the answers that have arrived, without waiting."""
        parts: list[AnsweredPart] = []
        try:
            for kind, text in self._messages():
                parts += self._parts(kind, text)
            parts += self.batches.read_rest() if self.ended else self.batches.look()
        except (ValueError, TypeError, RecursionError, InvalidRecord):
            # The function has written to the pipe or the memory: nothing there can be trusted.
            self.kill()
            self.ended = self.is_damaged = True
        return parts

    def _parts(self, kind: str, text: str) -> list[AnsweredPart]:
        """Return the answers that a message announces.

        Raises:
            ValueError, InvalidRecord: A worker does not send it at this time.
        """
        if kind == BATCH_ENDED:
            return self.batches.end_first(int(text))
        if self.ready or kind not in {READY, LOAD_ERROR}:
            raise InvalidRecord(kind)
        if kind == READY:
            self.ready = True
        else:
            self.load_error = text
        return []

    def _messages(self) -> list[tuple[str, str]]:
        """Return the messages on the results pipe.

        Raises:
            ValueError, TypeError, RecursionError: The function has written to the pipe.
        """
        data = self._partial
        has_exited = self._has_exited()  # before its last messages are read
        try:
            while chunk := os.read(self.results, 1 << 16):
                data += chunk
                if len(data) > _MOST_UNREAD:
                    raise ValueError("more than a worker writes")
        except BlockingIOError:
            self.ended = has_exited
        else:
            self.ended = True
        *lines, self._partial = data.split(b"\n")
        messages = [(kind, text) for kind, text in map(json.loads, lines)]
        if any(not isinstance(text, str) for message in messages for text in message):
            raise ValueError("not a message of a worker")
        return messages

    def _has_exited(self) -> bool:
        """Return whether it has exited, although a child process may keep its pipes open."""
        if self.killed or not hasattr(os, "waitid"):  # macOS before Python 3.13
            return self.killed
        # It stays a zombie, so its ID stays valid.
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
        try:
            return os.waitid(os.P_PID, self._process.pid, flags) is not None
        except ChildProcessError:  # this program ignores SIGCHLD
            return True

    # -------------------------------------------------------- end

    def close_input(self) -> None:
        """Close the pipe for batches, so that it ends after its tasks."""
        if self.input >= 0:
            os.close(self.input)
            self.input = -1

    def kill(self) -> None:
        """Kill it, with all processes that the function has started."""
        self.killed = True
        # No thread has waited for it, so its ID is still valid. (macOS: no permission for zombies.)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def end(self, deadline: float) -> int:
        """Wait until it has ended, kill it at the deadline, and return its exit code."""
        self.close_input()
        while not self.ended and (seconds := deadline - time.monotonic()) > 0:
            poll = select.poll()
            poll.register(self.results, select.POLLIN)
            poll.poll(math.ceil(seconds * 1000))
            self.receive()
        if not self.killed:
            self.kill()
        for pipe in (self.results, self._life):
            os.close(pipe)
        self._memory.close()
        return self._process.returncode


def _line(value: object) -> bytes:
    return json.dumps(value).encode() + b"\n"


_BATCH_BYTES: Final = 1 << 18
_MOST_UNREAD: Final = 1 << 20  # bytes; a message may be the traceback of a function
_PACKAGES: Final = str(Path(__file__).resolve().parents[3])

# Without -m, the current directory is not on the path, where its modules would hide those that the
# worker needs. The folder of this package comes last; it may already be on the path.
_MAIN: Final = (
    "import sys; sys.path.append(sys.argv[1]); "
    "from s3batch_handler.engine.invoke._worker_main import main; main()"
)
