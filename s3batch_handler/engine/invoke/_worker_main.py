"""The main function of a worker process, which loads a function and calls it for many tasks.

A worker has four pipes, because the standard streams belong to the function:

=======  =========  ======================================================================
pipe     direction  content
=======  =========  ======================================================================
batches  in         lines of JSON: first a :data:`Setup`, then a :data:`Batch` in each line
results  out        lines ``["kind","text",microseconds]``: ``ready``, then one for each task
control  in         a byte stops the worker after the running task; the end kills the worker
kill     in         nothing; at its end, the kernel kills the worker (Linux only)
=======  =========  ======================================================================

Tasks are sent in batches, for speed. Each result is sent immediately, in the order of the tasks. So
if the process ends, the parent knows which task was running and which had not started. The worker
returns the rest of a batch that takes long (``not started``), so that idle workers can run it.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import sys
import threading
from contextlib import suppress
from json.encoder import encode_basestring_ascii
from time import monotonic  # the function may replace time.monotonic
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NamedTuple, cast

from s3batch_handler.core._errors import InvalidFunction
from s3batch_handler.core._sanitize import sanitize
from s3batch_handler.engine.invoke._answer import (
    FUNCTION_ERROR,
    INVALID_FUNCTION_RESPONSE,
    to_texts,
)
from s3batch_handler.engine.invoke._events import EventTemplate
from s3batch_handler.engine.invoke._function_errors import is_function_error
from s3batch_handler.engine.invoke._function_loader import load_function
from s3batch_handler.engine.invoke._lambda_environment import Environment
from s3batch_handler.engine.invoke._lambda_logging import logging_as_in_lambda

if TYPE_CHECKING:
    from collections.abc import Sequence
    from io import TextIOWrapper

READY: Final = "ready"
LOAD_ERROR: Final = "load error"
NOT_STARTED: Final = "not started"

BATCH_SECONDS: Final = 0.1
"""Seconds that a worker works on a batch. A job reacts faster to results of short batches."""


Setup = tuple[str, float, str]
"""The spec of the function, the timeout of a call, and the ID of the environment."""

Batch = tuple[str, dict[str, Any], list[tuple[str, str, str | None]]]
"""The fields of the :class:`EventTemplate`, and the entries of the tasks."""


def main() -> None:
    """Run a worker. The last four arguments are the file descriptors of the pipes."""
    pipes = batches, results, control, kill = [*map(int, sys.argv[-4:])]
    sys.argv[1:] = []
    for pipe in pipes:
        os.set_inheritable(pipe, False)  # or else subprocesses of the function keep them open
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C
    cast("TextIOWrapper", sys.stdout).reconfigure(line_buffering=True)  # print before a kill
    state = _State()
    _follow_control_pipe(control, state)
    _kill_at_end_of(kill)

    def after_fork() -> None:  # the function's child processes are not workers
        state.is_forked = True
        os.close(results)

    os.register_at_fork(after_in_child=after_fork)
    try:
        with os.fdopen(batches, "rb") as lines:
            _work(lines, results, state)
    except BrokenPipeError:  # the parent has ended
        os._exit(1)


class _State:
    """Flags that other threads and processes change."""

    should_stop = False
    is_forked = False


def _follow_control_pipe(control: int, state: _State) -> None:
    """Read the control pipe in a thread, because the function may keep the main thread busy."""

    def follow() -> None:
        while os.read(control, 1):
            state.should_stop = True
        os.killpg(os.getpgrp(), signal.SIGKILL)  # with all processes that the function started

    threading.Thread(target=follow, name="s3batch control", daemon=True).start()


def _kill_at_end_of(kill: int) -> None:
    """Request that the kernel kills this process group when the parent closes the pipe, or ends.

    The thread of the control pipe cannot run while the function holds the interpreter, as in a loop
    in C. Only Linux can send another signal than SIGIO.
    """
    with suppress(AttributeError, OSError):
        fcntl.fcntl(kill, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(kill, fcntl.F_SETOWN, -os.getpgrp())
        fcntl.fcntl(kill, fcntl.F_SETFL, fcntl.fcntl(kill, fcntl.F_GETFL) | os.O_ASYNC)


def _work(lines: BinaryIO, results: int, state: _State) -> None:
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
            _run_batch(json.loads(line), environment, results, state)


def _run_batch(batch: Batch, environment: Environment, results: int, state: _State) -> None:
    template, entries = EventTemplate(*batch[:2]), batch[2]
    deadline = monotonic() + BATCH_SECONDS
    for index, entry in enumerate(entries):
        start = monotonic()
        if state.should_stop or (start > deadline and index):
            _send(results, NOT_STARTED, str(len(entries) - index))
            return
        kind, text = to_texts(environment.invoke(template, entry))
        microseconds = int((monotonic() - start) * 1e6)
        if state.is_forked:  # the function forked, and its child process returned, too
            os._exit(0)
        if kind in (FUNCTION_ERROR, INVALID_FUNCTION_RESPONSE):
            _log(f"{kind}: s3://{entry[0]}/{entry[1]}: {text}")
        _send(results, kind, text, microseconds)


def _log(line: str) -> None:
    """Write one line to the log, but not to sys.stderr, which the function may have replaced."""
    with suppress(OSError):
        os.write(_STDERR, sanitize(line, len(line)).encode() + b"\n")


_STDERR: Final = 2


def _send(results: int, kind: str, text: str, microseconds: int = 0) -> None:
    line = f'["{kind}",{encode_basestring_ascii(text)},{microseconds}]\n'.encode()
    sent = os.write(results, line)
    while sent < len(line):
        sent += os.write(results, line[sent:])


class Results(NamedTuple):
    """Results that a worker has sent.

    Attributes:
        rows: The kind, the text and the microseconds of each result.
        kinds: The kinds alone.
        microseconds: The sum.
    """

    rows: list[tuple[str, str, int]]
    kinds: tuple[str, ...]
    microseconds: int


def parse_results(lines: Sequence[bytes]) -> Results:
    """Parse the lines that a worker has sent, at least one.

    Raises:
        ValueError: They are not from this module: the function has written to the pipe.
    """
    try:
        rows = json.loads(b"[" + b",".join(lines) + b"]")
        # The columns are checked at once: a loop over the rows would take longer than parsing them.
        if {*map(type, rows)} != {list}:
            raise ValueError("not a result of a worker")
        kinds, texts, microseconds = zip(*rows, strict=True)
        total = sum(microseconds)  # not an integer if one of them is not
        if ({*map(type, kinds)}, {*map(type, texts)}, type(total)) != ({str}, {str}, int):
            raise ValueError("not a result of a worker")
        if min(microseconds) < 0 or total > _MAX_MICROSECONDS:
            raise ValueError("calls of a worker took an impossible time")
        for kind in _CHECKS.keys() & {*kinds}:
            if not all(_CHECKS[kind](text) for each, text, _ in rows if each == kind):
                raise ValueError(f"not a text of a worker for {kind}")
    except (RecursionError, TypeError) as error:
        raise ValueError(f"not a result of a worker: {error}") from error
    return Results(rows, kinds, total)


def _is_error(payload: str) -> bool:
    return is_function_error(json.loads(payload))


def _is_count(text: str) -> bool:
    return text.isdecimal() and len(text) <= _MAX_DIGITS


_CHECKS: Final = {FUNCTION_ERROR: _is_error, NOT_STARTED: _is_count}
_MAX_DIGITS: Final = 9
_MAX_MICROSECONDS: Final = 2**53  # 285 years; larger numbers may not fit into a float
