"""How the tasks of a job get to S3, in the place of a function: right here, one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeGuard

from s3batch_handler.core._keys import is_directory_bucket, is_utf8
from s3batch_handler.core._model import Outcome, ResultCode
from s3batch_handler.engine.invoke._answer import NotRun, Refused
from s3batch_handler.engine.operations._base import CannotRun, RefusedObject, refusal_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from s3batch_handler.core._model import JobRef
    from s3batch_handler.documents._manifest import ManifestEntry
    from s3batch_handler.engine.invoke._answer import Answer
    from s3batch_handler.engine.operations._base import S3Operation


class OnS3:
    """Does an operation of S3's: see :class:`~s3batch_handler.engine.invoke._invoker.Invoker`.

    Args:
        operation: What to do with an object.
        name: What it is called: ``S3PutObjectCopy``.
    """

    def __init__(self, operation: S3Operation, name: str) -> None:
        self._operation = operation
        self._name = name
        self._has_succeeded = False

    def invoke_all(
        self,
        job: JobRef,  # noqa: ARG002  for functions
        schema_version: str,  # noqa: ARG002  for functions
        entries: Iterable[ManifestEntry],
        *,
        stop: Callable[[], bool],
    ) -> Iterator[tuple[ManifestEntry, Answer]]:
        """Do it for one entry after the other.

        Raises:
            CannotRun: This S3 cannot do it.
        """
        for entry in entries:
            if stop():
                yield entry, NotRun()
                return
            yield entry, self._answer(entry)

    def close(self) -> None:
        """Nothing to end."""

    def _answer(self, entry: ManifestEntry) -> Answer:
        answer = _impossible(entry, self._name) or self._done(entry)
        if isinstance(answer, Outcome):
            self._has_succeeded |= answer.code is ResultCode.SUCCEEDED
        elif self._is_not_implemented(answer):
            raise CannotRun(f"{self._name} is not implemented here: {answer.reason}")
        return answer

    def _is_not_implemented(self, answer: Answer) -> TypeGuard[Refused]:
        """Return whether this S3 does not support the call: no call has succeeded so far."""
        return (
            isinstance(answer, Refused)
            and answer.http_status == 501
            and not isinstance(answer, RefusedObject)
            and not self._has_succeeded
        )

    def _done(self, entry: ManifestEntry) -> Answer:
        try:
            return self._operation(entry.object)
        except CannotRun:
            raise
        except Exception as error:  # noqa: BLE001  clients and imitations of S3 raise anything
            return refusal_of(error)


def _impossible(entry: ManifestEntry, name: str) -> Refused | None:
    """Say what is wrong with a task before S3 is asked."""
    if not is_utf8(entry.object.key):
        return Refused(400, "InvalidURI", "Couldn't parse the specified URI.")
    if is_directory_bucket(entry.bucket) and name != "S3PutObjectCopy":
        return Refused(400, "InvalidRequest", f"{name} is not supported for directory buckets")
    return None
