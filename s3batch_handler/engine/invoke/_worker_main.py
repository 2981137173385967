"""The child process in which a function runs: loaded once, called once at a time, many calls.

It has four pipes, apart from the standard streams, which belong to the function:

========  =========  ===================================================================
pipe      direction  what is in it
========  =========  ===================================================================
tasks     in         frames (see :func:`frame`): first a :class:`Setup`, then batches of tasks
results   out        lines ``["kind","text"]``: first ``ready``, then one for each task
lifeline  in         nothing; a byte asks to stop; its end says that the parent is gone
cord      in         nothing at all; its end, on Linux, is for the kernel to act on
========  =========  ===================================================================

Tasks come in batches, for speed; each result leaves as it is made, in the order of the tasks. So
whatever ends the process, the parent knows the task that was running, and those not yet begun.
A batch that takes long is given back (``rest``), so that idle workers can have it.
"""

from __future__ import annotations

import fcntl
import json
import marshal
import os
import signal
import struct
import sys
import threading
import time
from contextlib import suppress
from json.encoder import encode_basestring_ascii
from typing import TYPE_CHECKING, Any, BinaryIO, Final, TypedDict, cast

from s3batch_handler.core._errors import InvalidFunction
from s3batch_handler.core._sanitize import sanitize
from s3batch_handler.engine.invoke._answer import FUNCTION_ERROR, INVALID_ANSWER, to_texts
from s3batch_handler.engine.invoke._function_loader import load_function
from s3batch_handler.engine.invoke._lambda_environment import Environment
from s3batch_handler.engine.invoke._lambda_logging import logging_as_in_lambda

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from io import TextIOWrapper

READY: Final = "ready"
UNUSABLE: Final = "unusable"
REST: Final = "rest"

BATCH_SECONDS: Final = 0.1
"""How long a worker keeps a batch: the time in which a job reacts to what its tasks do."""


class Setup(TypedDict):
    """What a worker is told once."""

    spec: str
    timeout: float
    instance: str


Batch = tuple[str, dict[str, Any], list[tuple[str, str, str | None]]]
"""Schema version, the job as spelled in events, and of each task: bucket, encoded key, version."""


def frame(value: Any) -> bytes:
    """Pack a value for the way from the parent to a worker: one interpreter, one version."""
    # marshal takes a third of JSON's time; it is not for data from strangers, and gets none:
    # what comes back, from a process in which anybody's code runs, is JSON.
    content = marshal.dumps(value)
    return _LENGTH.pack(len(content)) + content


_LENGTH: Final = struct.Struct("<Q")


def main() -> None:
    """Be a worker. The last four arguments are the numbers of the four pipes' ends."""
    pipes = tasks, results, lifeline, cord = [*map(int, sys.argv[-4:])]
    sys.argv[1:] = []
    for pipe in pipes:
        os.set_inheritable(pipe, False)  # the function's own subprocesses shall not hold them
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    cast("TextIOWrapper", sys.stdout).reconfigure(line_buffering=True)  # a kill loses no prints
    state = _State()
    _watch(lifeline, state)
    _hang_on(cord)

    def after_fork() -> None:  # the function's children are none of our workers
        state.forked = True
        os.close(results)

    os.register_at_fork(after_in_child=after_fork)
    try:
        with os.fdopen(tasks, "rb") as frames:
            _work(frames, results, state)
    except BrokenPipeError:  # the parent is gone
        os._exit(1)


class _State:
    """What happens beside the tasks."""

    stop = False
    forked = False


def _watch(lifeline: int, state: _State) -> None:
    """Follow the lifeline, in a thread: the function may keep the main thread for long."""

    def watch() -> None:
        while os.read(lifeline, 1):
            state.stop = True
        os.killpg(os.getpgrp(), signal.SIGKILL)  # with whatever the function has started

    threading.Thread(target=watch, name="s3batch lifeline", daemon=True).start()


def _hang_on(cord: int) -> None:
    """Let the kernel end this process and what it has started when the cord's other end closes.

    The thread that follows the lifeline cannot do it while a function keeps the interpreter to
    itself, as in a loop in C. Only Linux knows how to send another signal than SIGIO.
    """
    with suppress(AttributeError, OSError):
        fcntl.fcntl(cord, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(cord, fcntl.F_SETOWN, -os.getpgrp())
        fcntl.fcntl(cord, fcntl.F_SETFL, fcntl.fcntl(cord, fcntl.F_GETFL) | os.O_ASYNC)


def _work(frames: BinaryIO, results: int, state: _State) -> None:
    setup: Setup = next(_read(frames))
    loaded: list[Environment] = []
    with logging_as_in_lambda(
        os.environ,
        stream=lambda: sys.stdout,
        request_id=lambda: loaded[0].request_id if loaded else "",
    ):
        try:
            function = load_function(setup["spec"])
        except InvalidFunction as error:
            _send(results, UNUSABLE, str(error))
            return
        environment = Environment(
            function, variables=os.environ, timeout=setup["timeout"], instance=setup["instance"]
        )
        loaded.append(environment)
        _send(results, READY, "")
        batch: Batch
        for batch in _read(frames):
            _do(batch, environment, results, state)


def _do(batch: Batch, environment: Environment, results: int, state: _State) -> None:
    schema_version, job, tasks = batch
    invoke = environment.invoke
    end = time.monotonic() + BATCH_SECONDS
    for index, (bucket, key, version_id) in enumerate(tasks):
        if state.stop or (time.monotonic() > end and index):
            _send(results, REST, str(len(tasks) - index))
            return
        kind, text = to_texts(invoke(schema_version, job, bucket, key, version_id))
        if state.forked:  # the function's child came back here
            os._exit(0)
        if kind in (FUNCTION_ERROR, INVALID_ANSWER):
            _log(f"{kind}: s3://{bucket}/{key}: {text}")
        _send(results, kind, text)


def _log(line: str) -> None:
    """Write a line, and never two, to the log; sys.stderr is the function's, to do as it likes."""
    with suppress(OSError):
        os.write(_STDERR, sanitize(line, len(line)).encode() + b"\n")


_STDERR: Final = 2


def _read(frames: BinaryIO) -> Iterator[Any]:
    while length := frames.read(_LENGTH.size):
        yield marshal.loads(frames.read(*_LENGTH.unpack(length)))  # noqa: S302  see frame()


def _send(results: int, kind: str, text: str) -> None:
    line = f'["{kind}",{encode_basestring_ascii(text)}]\n'.encode()
    sent = os.write(results, line)
    while sent < len(line):
        sent += os.write(results, line[sent:])


def parse_results(lines: Sequence[bytes]) -> list[tuple[str, str]]:
    """Read the lines that a worker has sent.

    Raises:
        ValueError: Somebody else has sent them.
    """
    try:
        results = json.loads(b"[" + b",".join(lines) + b"]")
        for result in results:
            if type(result) is not list or [*map(type, result)] != _TWO_TEXTS:
                raise ValueError("no result of a worker's")
            if result[0] in _CHECKS and not _CHECKS[result[0]](result[1]):
                raise ValueError(f"not what a worker says of {result[0]}")
    except RecursionError as error:
        raise ValueError("deeper than any result of a worker's") from error
    return cast("list[tuple[str, str]]", results)


def _is_error(payload: str) -> bool:
    error = json.loads(payload)
    return isinstance(error, dict) and isinstance(error.get("errorMessage"), str)


def _is_count(text: str) -> bool:
    return text.isdecimal() and len(text) <= _DIGITS


_TWO_TEXTS: Final = [str, str]
_CHECKS: Final = {FUNCTION_ERROR: _is_error, REST: _is_count}
_DIGITS: Final = 9
