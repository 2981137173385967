"""Call a function in this process: for tests and debuggers."""

from __future__ import annotations

import os
from time import monotonic  # the function may replace time.monotonic
from typing import TYPE_CHECKING, Final

from s3batch_handler.core._defaults import DEFAULT_TIMEOUT
from s3batch_handler.engine.invoke._answer import NotRun
from s3batch_handler.engine.invoke._function_errors import process_ended
from s3batch_handler.engine.invoke._invoker import running_call
from s3batch_handler.engine.invoke._lambda_environment import (
    Environment,
    lambda_variables,
    new_environment_id,
)

if TYPE_CHECKING:
    from s3batch_handler.documents.manifests._manifest import ManifestEntry
    from s3batch_handler.engine.invoke._answer import Answer
    from s3batch_handler.engine.invoke._events import EventTemplate
    from s3batch_handler.engine.invoke._function_loader import Function
    from s3batch_handler.engine.invoke._invoker import Answers, Entries, RunningCall, Stop


class InProcess:
    """Calls a function in this process, for one entry after the other. An :class:`Invoker`.

    ``sys.exit()`` in the function ends its call only. Nothing interrupts a call that takes longer
    than the timeout.
    """

    workers: Final = 1

    def __init__(self, function: Function, *, timeout: float = DEFAULT_TIMEOUT) -> None:
        self._environment = Environment(
            function,
            variables=lambda_variables("function", os.environ),
            timeout=timeout,
            environment_id=new_environment_id(),
        )
        self._running: tuple[ManifestEntry, float] | None = None

    def invoke_all(self, template: EventTemplate, entries: Entries, /, *, stop: Stop) -> Answers:
        for entry in entries:
            if stop():
                yield entry, NotRun(), None
                return
            start = monotonic()
            self._running = (entry, start)
            answer: Answer
            try:
                answer = self._environment.invoke(template, entry)
            except SystemExit as ended:
                code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
                answer = process_ended(code, self._environment.request_id)
            finally:
                self._running = None
            yield entry, answer, monotonic() - start

    def running(self) -> list[RunningCall]:
        return [running_call("1", self._running)]

    def close(self) -> None:
        """Return immediately: no call runs."""
