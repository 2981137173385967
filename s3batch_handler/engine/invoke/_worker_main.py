"""The main function of a worker process, which loads a function and calls it for many tasks.

A worker has three pipes, because the standard streams belong to the function, and memory that it
shares with its parent:

=======  =========  ======================================================================
name     direction  content
=======  =========  ======================================================================
batches  in         a line of JSON with the :data:`Setup`, then a :data:`Batch` in each line,
                    with the bytes of its plain lines after it
results  out        lines ``["ready",""]``, then ``["batch ended","n"]`` for each batch
life     in         nothing; when the parent closes it, or ends, the worker is killed
memory   out        the answers: see :mod:`._answer_memory`
=======  =========  ======================================================================

Tasks are sent in batches, for speed, and each answer is in the memory before the next task starts.
So if the process ends, the parent knows which task was running and which had not started. The
worker returns the rest of a batch that takes long, so that idle workers can run it.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import sys
import threading
from contextlib import suppress
from time import monotonic  # the function may replace time.monotonic
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

from s3batch_handler.core._errors import InvalidFunction
from s3batch_handler.core._sanitize import sanitize
from s3batch_handler.engine.invoke._answer import (
    FUNCTION_ERROR,
    INVALID_FUNCTION_RESPONSE,
    to_texts,
)
from s3batch_handler.engine.invoke._answer_memory import AnswerWriter
from s3batch_handler.engine.invoke._answer_records import json_record, record_of
from s3batch_handler.engine.invoke._events import EventTemplate
from s3batch_handler.engine.invoke._function_loader import load_function
from s3batch_handler.engine.invoke._lambda_environment import Environment
from s3batch_handler.engine.invoke._lambda_logging import logging_as_in_lambda

if TYPE_CHECKING:
    from io import TextIOWrapper

    from s3batch_handler.engine.invoke._events import Entry

READY: Final = "ready"
LOAD_ERROR: Final = "load error"
BATCH_ENDED: Final = "batch ended"

BATCH_SECONDS: Final = 0.1
"""Seconds that a worker works on a batch. A job reacts faster to results of short batches."""


Setup = tuple[str, float, str]
"""The spec of the function, the timeout of a call, and the ID of the environment."""

Batch = tuple[str, dict[str, Any], "list[Entry] | None", int]
"""The fields of the :class:`EventTemplate`; entries, or ``None`` and the size of plain lines."""


def main() -> None:
    """Run a worker. The last four arguments are the file descriptors of the pipes and memory."""
    files = batches, results, life, memory = [*map(int, sys.argv[-4:])]
    sys.argv[1:] = []
    for file in files:
        os.set_inheritable(file, False)  # or else subprocesses of the function keep them open
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C
    cast("TextIOWrapper", sys.stdout).reconfigure(line_buffering=True)  # print before a kill
    _kill_at_end_of(life)
    state = _State()

    def after_fork() -> None:  # the function's child processes are not workers
        if not state.is_forked:  # in their own child processes the number is another file
            os.close(results)
        state.is_forked = True

    os.register_at_fork(after_in_child=after_fork)
    try:
        with os.fdopen(batches, "rb") as lines:
            _work(lines, results, AnswerWriter(memory), state)
    except BrokenPipeError:  # the parent has ended
        os._exit(1)


class _State:
    """A flag that a fork changes."""

    is_forked = False


def _kill_at_end_of(life: int) -> None:
    """Kill this process, and all that the function started, when the parent closes the pipe.

    A thread does that. It cannot run while the function holds the interpreter, as in a loop in C,
    so the kernel is asked for it, too. Only Linux can send another signal than SIGIO.
    """

    def follow() -> None:
        while os.read(life, 1):
            pass
        os.killpg(os.getpgrp(), signal.SIGKILL)

    threading.Thread(target=follow, name="s3batch life", daemon=True).start()
    with suppress(AttributeError, OSError):
        fcntl.fcntl(life, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(life, fcntl.F_SETOWN, -os.getpgrp())
        fcntl.fcntl(life, fcntl.F_SETFL, fcntl.fcntl(life, fcntl.F_GETFL) | os.O_ASYNC)


def _work(lines: BinaryIO, results: int, answers: AnswerWriter, state: _State) -> None:
    spec, timeout, environment_id = json.loads(next(lines))
    loaded: list[Environment] = []
    with logging_as_in_lambda(
        os.environ,
        stream=lambda: sys.stdout,
        request_id=lambda: loaded[0].request_id if loaded else "",
    ):
        try:
            function = load_function(spec)
        except InvalidFunction as error:
            _send(results, LOAD_ERROR, str(error))
            return
        environment = Environment(
            function, variables=os.environ, timeout=timeout, environment_id=environment_id
        )
        loaded.append(environment)
        _send(results, READY, "")
        for line in lines:
            version, job, entries, size = json.loads(line)
            template = EventTemplate(version, job)
            answers.next_batch()
            if entries is None:
                _run_lines(lines.read(size), template, environment, answers, state)
            else:
                _run_entries(entries, template, environment, answers, state)
            _send(results, BATCH_ENDED, str(answers.count))


def _run_lines(
    lines: bytes,
    template: EventTemplate,
    environment: Environment,
    answers: AnswerWriter,
    state: _State,
) -> None:
    """Call the function for plain lines, without JSON where it would change nothing."""
    deadline = monotonic() + BATCH_SECONDS
    for line in lines.decode().split("\n"):
        start = monotonic()
        if not answers.may_start(late=start > deadline):
            return
        bucket, key, *version = line.split(",")
        entry = (bucket, key, version[0] if version else None)
        kind, text = environment.invoke_directly(template, entry)
        microseconds = int((monotonic() - start) * 1e6)
        if state.is_forked:  # the function forked, and its child process returned, too
            os._exit(0)
        if kind in _FAILED_CALLS:
            _log_failure(kind, entry, text)
        answers.add(record_of(kind, text), microseconds)


def _run_entries(
    entries: list[Entry],
    template: EventTemplate,
    environment: Environment,
    answers: AnswerWriter,
    state: _State,
) -> None:
    """Call the function for entries, with JSON in both directions."""
    deadline = monotonic() + BATCH_SECONDS
    for entry in entries:
        start = monotonic()
        if not answers.may_start(late=start > deadline):
            return
        kind, text = to_texts(environment.invoke(template, entry))
        microseconds = int((monotonic() - start) * 1e6)
        if state.is_forked:
            os._exit(0)
        if kind in _FAILED_CALLS:
            _log_failure(kind, entry, text)
        answers.add(json_record(kind, text), microseconds)


def _log_failure(kind: str, entry: Entry, text: str) -> None:
    """Write a failed call to the log, but not to sys.stderr: the function may have replaced it."""
    line = f"{kind}: s3://{entry[0]}/{entry[1]}: {text}"
    with suppress(OSError):
        os.write(_STDERR, sanitize(line, len(line)).encode() + b"\n")


_FAILED_CALLS: Final = (FUNCTION_ERROR, INVALID_FUNCTION_RESPONSE)
_STDERR: Final = 2


def _send(results: int, kind: str, text: str) -> None:
    line = f"{json.dumps([kind, text])}\n".encode()
    while line:
        line = line[os.write(results, line) :]
