"""``S3ReplicateObject``: replicate each object again as its bucket's rules say."""

from __future__ import annotations

from typing import NoReturn

from s3batch_handler.engine.operations._base import CannotRun


def replicate_object(_: object, s3: object) -> NoReturn:  # noqa: ARG001  as all operations
    """Replication is S3's own business: its API has no call for it."""
    raise CannotRun(
        "S3ReplicateObject is not implemented here: S3 has no call that replicates an object"
    )
