"""The handler on this machine: whether it can be imported, in a separate process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from s3batch_handler.cli.doctor._check import error, ok, warning

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from s3batch_handler.cli.doctor._check import Check

IMPORT_LIMIT: Final = 15.0
"""Seconds for the import of a handler. Lambda gives a function 10 s to start."""


class LoadedHandler(NamedTuple):
    """What the import of a handler has shown.

    Attributes:
        time_reserve: The option of ``@task_handler``; ``None`` for a plain function.
        task_timeout: The same.
        seconds: How long the import took.
    """

    time_reserve: float | None
    task_timeout: float | None
    seconds: float


def check_handler(
    spec: str,
    *,
    limit: float = IMPORT_LIMIT,
    variables: Mapping[str, str] = MappingProxyType({}),
) -> tuple[Check, LoadedHandler | None]:
    """Import a handler in a separate process, without calling it.

    Args:
        spec: ``module:name`` or ``path/to/app.py:name``.
        limit: Seconds after which the process is killed.
        variables: Environment variables of the function; those of this process take precedence.
    """
    name = f"handler {spec}"
    start = time.monotonic()
    try:
        answer = _imported(spec, limit, {**variables, **os.environ})
    except subprocess.TimeoutExpired:
        problem = f"its import did not end within {limit:g} s"
        return error(name, problem, "connect to services when they are used, not at import"), None
    except _Ended as ended:
        return error(name, f"its import ended the process with exit code {ended}", _RUN), None
    if "error" in answer:
        return error(name, str(answer["error"]), _RUN), None
    seconds = time.monotonic() - start
    handler = LoadedHandler(answer["time_reserve"], answer["task_timeout"], seconds)
    return _result(name, handler), handler


_RUN: Final = "correct its name, or set what its import needs, such as environment variables"


def _result(name: str, handler: LoadedHandler) -> Check:
    if handler.seconds > _INIT_LIMIT:
        return warning(
            name,
            f"its import takes {handler.seconds:.0f} s; Lambda gives it {_INIT_LIMIT} s",
            "import slow modules in the function that needs them",
        )
    if handler.time_reserve is None:
        return warning(
            name,
            "it can be imported, but was not made with @task_handler",
            "S3 Batch Operations needs a response in its format: see @task_handler",
        )
    return ok(name, f"it can be imported, with time_reserve={handler.time_reserve:g} s")


_INIT_LIMIT: Final = 10


class _Ended(Exception):
    """The process has ended without a result."""


def _imported(spec: str, limit: float, variables: Mapping[str, str]) -> dict[str, float | None]:
    """Return the result of the process that imports a handler.

    Its output is discarded: it may be long, and may contain secrets.
    """
    with tempfile.TemporaryDirectory(prefix="s3batch-doctor-") as folder, _lifeline() as lifeline:
        answer = Path(folder, "answer.json")
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", _MAIN, _PACKAGES, spec, str(answer), str(lifeline)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=variables,
            pass_fds=[lifeline],
            start_new_session=True,
        )
        try:
            code = process.wait(limit)
        finally:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)  # with what the import has started
            process.wait()
        try:
            loaded: dict[str, float | None] = json.loads(answer.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise _Ended(code) from None
    return loaded


# As for workers: modules of the current directory do not hide those that this package needs.
_MAIN: Final = (
    "import sys; sys.path.append(sys.argv.pop(1)); "
    "from s3batch_handler.cli.doctor._import_handler import main; main()"
)
_PACKAGES: Final = str(Path(__file__).resolve().parents[3])


@contextmanager
def _lifeline() -> Iterator[int]:
    """Yield a pipe for another process to read: it ends when this process does, also by Ctrl-C."""
    reader, writer = os.pipe()
    try:
        yield reader
    finally:
        os.close(reader)
        os.close(writer)


# ---------------------------------------------------------------- several checks of one handler


class HandlerImport:
    """The import of a handler, which several checks need: the first of them starts it."""

    def __init__(self, spec: str, *, variables: Mapping[str, str] = MappingProxyType({})) -> None:
        self.spec = spec
        self._variables = variables
        self._lock = threading.Lock()
        self._result: tuple[Check, LoadedHandler | None] | None = None

    def check(self) -> Check:
        return self._imported()[0]

    def handler(self) -> LoadedHandler | None:
        """Return what the import has shown; ``None`` if it failed."""
        return self._imported()[1]

    def _imported(self) -> tuple[Check, LoadedHandler | None]:
        with self._lock:
            if self._result is None:
                self._result = check_handler(self.spec, variables=self._variables)
            return self._result
