"""Run an operation of S3 for the tasks of a job, instead of invoking a function."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from s3batch_handler.core._keys import is_directory_bucket, is_utf8
from s3batch_handler.core._model import Outcome, ResultCode
from s3batch_handler.engine.invoke._answer import NotRun, ServiceError
from s3batch_handler.engine.invoke._call_threads import CallThreads, Stopped, answers_of
from s3batch_handler.engine.invoke._invoker import running_call
from s3batch_handler.engine.operations._base import CannotRun, UnsupportedObject, service_error

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping

    from s3batch_handler.documents.manifests._manifest import ManifestEntry
    from s3batch_handler.engine.invoke._answer import Answer
    from s3batch_handler.engine.invoke._call_threads import TimedAnswer
    from s3batch_handler.engine.invoke._events import EventTemplate
    from s3batch_handler.engine.invoke._invoker import Answers, Entries, RunningCall, Stop
    from s3batch_handler.engine.operations._base import S3Operation
    from s3batch_handler.engine.operations._s3_requests import S3Requests


class S3Invoker:
    """An :class:`~s3batch_handler.engine.invoke._invoker.Invoker` for an operation of S3.

    Without ``requests`` it runs the operation for one object after the other, in the thread of the
    caller and in the order of the entries.

    Args:
        operation: The function that changes one object.
        name: The name of the operation, such as ``S3PutObjectCopy``.
        requests: What the operation sends its requests with, if it runs in threads.
        concurrency: The number of objects at the same time; only with ``requests``.
        grace: Seconds that running tasks have to end when the job is stopped.
    """

    def __init__(
        self,
        operation: S3Operation,
        name: str,
        *,
        requests: S3Requests | None = None,
        concurrency: int = 1,
        grace: float = 2.0,
    ) -> None:
        self.workers: Final = concurrency
        self._operation = operation
        self._name = name
        self._requests = requests
        self._grace = grace
        self._has_succeeded = False
        self._running: Mapping[str, tuple[ManifestEntry, float] | None] = {"1": None}

    def invoke_all(self, _: EventTemplate, entries: Entries, /, *, stop: Stop) -> Answers:
        """Run the operation for each entry: see :meth:`Invoker.invoke_all`.

        Raises:
            CannotRun: This S3 does not support the operation.
        """
        if self._requests is None:
            return self._one_by_one(entries, stop=stop)
        threads = CallThreads(self._timed_answer, size=self.workers)
        self._running = threads.running
        self._requests.stopped = threads.stopped
        return answers_of(threads, iter(entries), stop=stop, grace=self._grace)

    def _one_by_one(self, entries: Entries, *, stop: Stop) -> Answers:
        for entry in entries:
            if stop():
                yield entry, NotRun(), None
                return
            start = time.monotonic()
            self._running = {"1": (entry, start)}
            try:
                answer = self._answer(entry)
            finally:
                self._running = {"1": None}
            yield entry, answer, time.monotonic() - start

    def running(self) -> list[RunningCall]:
        """Return the object that each thread changes now."""
        return [running_call(name, running) for name, running in list(self._running.items())]

    def close(self) -> None:
        """Return immediately: the threads end with :meth:`invoke_all`."""

    def _timed_answer(self, entry: ManifestEntry, _: threading.Event) -> TimedAnswer:
        start = time.monotonic()
        try:
            answer = self._answer(entry)
        except Stopped:
            return NotRun(), None
        return answer, time.monotonic() - start

    def _answer(self, entry: ManifestEntry) -> Answer:
        answer = _error_before_the_call(entry, self._name) or self._run(entry)
        if isinstance(answer, Outcome):
            self._has_succeeded |= answer.code is ResultCode.SUCCEEDED
        elif (
            isinstance(answer, ServiceError)
            and answer.http_status == 501
            and not isinstance(answer, UnsupportedObject)
            and not self._has_succeeded
        ):  # this S3 does not support the call
            raise CannotRun(f"{self._name} is not implemented here: {answer.reason}")
        return answer

    def _run(self, entry: ManifestEntry) -> Answer:
        try:
            return self._operation(entry.object)
        except (CannotRun, Stopped):
            raise
        except Exception as error:  # clients and imitations of S3 raise anything
            return service_error(error)


def _error_before_the_call(entry: ManifestEntry, name: str) -> ServiceError | None:
    """Return why a task fails without a call to S3, or ``None``."""
    if not is_utf8(entry.object.key):
        return ServiceError(400, "InvalidURI", "Couldn't parse the specified URI.")
    if is_directory_bucket(entry.bucket) and name != "S3PutObjectCopy":
        return ServiceError(400, "InvalidRequest", f"{name} is not supported for directory buckets")
    return None
