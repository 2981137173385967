"""Run an operation of S3 for the tasks of a job, one by one, instead of invoking a function."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from s3batch_handler.core._keys import is_directory_bucket, is_utf8
from s3batch_handler.core._model import Outcome, ResultCode
from s3batch_handler.engine.invoke._answer import NotRun, ServiceError
from s3batch_handler.engine.invoke._invoker import running_call
from s3batch_handler.engine.operations._base import CannotRun, UnsupportedObject, service_error

if TYPE_CHECKING:
    from s3batch_handler.documents.manifests._manifest import ManifestEntry
    from s3batch_handler.engine.invoke._answer import Answer
    from s3batch_handler.engine.invoke._events import EventTemplate
    from s3batch_handler.engine.invoke._invoker import Answers, Entries, RunningCall, Stop
    from s3batch_handler.engine.operations._base import S3Operation


class S3Invoker:
    """An :class:`~s3batch_handler.engine.invoke._invoker.Invoker` for an operation of S3.

    Args:
        operation: The function that changes one object.
        name: The name of the operation, such as ``S3PutObjectCopy``.
    """

    workers: Final = 1

    def __init__(self, operation: S3Operation, name: str) -> None:
        self._operation = operation
        self._name = name
        self._has_succeeded = False
        self._running: tuple[ManifestEntry, float] | None = None

    def invoke_all(self, _: EventTemplate, entries: Entries, /, *, stop: Stop) -> Answers:
        """Run the operation for one entry after the other: see :meth:`Invoker.invoke_all`.

        Raises:
            CannotRun: This S3 does not support the operation.
        """
        for entry in entries:
            if stop():
                yield entry, NotRun(), None
                return
            start = time.monotonic()
            self._running = (entry, start)
            try:
                answer = self._answer(entry)
            finally:
                self._running = None
            yield entry, answer, time.monotonic() - start

    def running(self) -> list[RunningCall]:
        """Return the object that the operation changes now."""
        return [running_call("1", self._running)]

    def close(self) -> None:
        """Return immediately: there are no processes or connections."""

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
        except CannotRun:
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
