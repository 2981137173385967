"""Read events from files, and create events of one schema version."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from s3batch_handler.core._errors import InvalidEvent
from s3batch_handler.core._payload import parse_event
from s3batch_handler.testing.events._factories import make_event

if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike

    from s3batch_handler.core._model import Task


def load_event(path: str | PathLike[str]) -> dict[str, Any]:
    """Read an event of S3 Batch Operations from a JSON file, unchanged.

    The files of ``sam local generate-event s3 batch-invocation``, of AWS's documentation and of
    Powertools are accepted, also where they differ from what AWS documents.

    Raises:
        InvalidEvent: The file is not JSON, or is another event. The text names the file.
    """
    try:
        event: dict[str, Any] = json.loads(Path(path).read_bytes())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the handler warns, if the test calls it
            parse_event(event)
    except (InvalidEvent, ValueError) as error:
        raise InvalidEvent(f"{path}: {error}") from None
    return event


class EventFactory:
    """Creates events of one schema version: the fixture ``s3batch_event``.

    Args:
        schema_version: The schema version of events that do not name another one.
        folder: The directory of relative paths.
    """

    def __init__(self, schema_version: str, folder: Path) -> None:
        self._schema_version = schema_version
        self._folder = folder

    def __call__(
        self,
        *keys: str | Task[Any, Any],
        schema_version: str | None = None,
        bucket: str = "bucket",
        version_id: str | None = None,
        user_arguments: Mapping[str, str] | None = None,
        job_id: str | None = None,
    ) -> dict[str, Any]:
        """Create an event for decoded keys or for tasks, as :func:`make_event` does."""
        return make_event(
            *keys,
            schema_version=schema_version or self._schema_version,
            bucket=bucket,
            version_id=version_id,
            user_arguments=user_arguments,
            job_id=job_id,
        )

    def load(self, path: str | PathLike[str]) -> dict[str, Any]:
        """Read an event from a file, as :func:`load_event` does; its schema remains."""
        return load_event(self._folder / path)
