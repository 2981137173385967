"""Save the object of a task, and create it again for later deliveries."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from s3batch_handler.core._model import Task
    from s3batch_handler.testing.faults._aws_calls import Call


class StoredObject:
    """The object of a task, if it exists in moto's S3 or in a server on this machine.

    A handler may delete or move its object, so the object is created again before each delivery.
    """

    def __init__(self, task: Task[Any, Any]) -> None:
        self._task = task
        self._s3: Any = None
        self._content: dict[str, Any] = {}
        self._etag = ""

    def save(self, call: Call) -> None:
        """Save the object before the handler's first call about it, if it exists."""
        if self._s3 is not None or not (call.names_object and call.is_served):
            return
        self._s3 = call.client
        with suppress(ClientError):
            stored = call.request("GetObject", {**self._task.location})
            self._content = {
                "Body": stored["Body"].read(),
                "ContentType": stored["ContentType"],
                "Metadata": stored["Metadata"],
            }
            self._etag = stored["ETag"]

    def restore(self) -> None:
        """Create the object again, if the handler has deleted or changed it."""
        if not self._content or self._task.version_id is not None:
            return
        with suppress(ClientError):
            if self._s3.head_object(**self._task.location)["ETag"] == self._etag:
                return
        self.copy_to(self._task.key)

    def copy_to(self, key: str) -> None:
        """Create another object with the same content."""
        if self._content:
            self._s3.put_object(Bucket=self._task.bucket, Key=key, **self._content)
