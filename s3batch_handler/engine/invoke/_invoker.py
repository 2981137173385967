"""What calls a function for the tasks of a job; the plainest of them does so right here."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, Protocol

from s3batch_handler.core._payload import job_to_json
from s3batch_handler.engine.invoke._answer import Answer, NotRun
from s3batch_handler.engine.invoke._lambda_environment import (
    Environment,
    exited,
    lambda_variables,
    new_instance,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from s3batch_handler.core._model import JobRef
    from s3batch_handler.documents._manifest import ManifestEntry
    from s3batch_handler.engine.invoke._function_loader import Function

DEFAULT_TIMEOUT: Final = 60.0
"""Seconds that a call may take when nobody says otherwise; Lambda's own default is 3, too few."""


class Invoker(Protocol):
    """Calls the function for the tasks of a job."""

    def invoke_all(
        self,
        job: JobRef,
        schema_version: str,
        entries: Iterable[ManifestEntry],
        *,
        stop: Callable[[], bool],
    ) -> Iterator[tuple[ManifestEntry, Answer]]:
        """Call the function once for each entry; give each entry back with its answer.

        Entries are taken as they are needed, and come back in any order. Once ``stop()`` is true
        no task is begun any more: what was taken comes back as :class:`NotRun`.
        """
        ...

    def close(self) -> None:
        """End what still runs."""
        ...


class InProcess:
    """Calls a function right here: for tests of it, with breakpoints and nothing in between.

    What ends a worker process (``sys.exit()``) is an answer here too; what hangs, hangs.
    """

    def __init__(self, function: Function, *, timeout: float = DEFAULT_TIMEOUT) -> None:
        self._environment = Environment(
            function,
            variables=lambda_variables("function", os.environ),
            timeout=timeout,
            instance=new_instance(),
        )

    def invoke_all(
        self,
        job: JobRef,
        schema_version: str,
        entries: Iterable[ManifestEntry],
        *,
        stop: Callable[[], bool],
    ) -> Iterator[tuple[ManifestEntry, Answer]]:
        """Call the function for one entry after the other: see :meth:`Invoker.invoke_all`."""
        spelled_job = job_to_json(schema_version, job)
        for entry in entries:
            if stop():
                yield entry, NotRun()
                return
            try:
                answer = self._environment.invoke(schema_version, spelled_job, *entry)
            except SystemExit as ended:
                code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
                yield entry, exited(code, self._environment.request_id)
            else:
                yield entry, answer

    def close(self) -> None:
        """Nothing to end."""
