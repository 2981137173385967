"""``S3ReplicateObject``: replicate each object again by the rules of its bucket."""

from __future__ import annotations

from typing import NoReturn

from s3batch_handler.engine.operations._base import CannotRun


def replicate_object(*_: object) -> NoReturn:
    """Raise, because S3's API has no call that replicates an object."""
    raise CannotRun(
        "S3ReplicateObject is not implemented here: S3 has no call that replicates an object"
    )
