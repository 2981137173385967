"""``S3InitiateRestoreObject``: begin to restore each object from Glacier.

A task is done when S3 has taken the order; when the object is back is nobody's business here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from s3batch_handler.engine.operations._base import SUCCESSFUL, given, look_up

if TYPE_CHECKING:
    from s3batch_handler.core._model import ObjectRef
    from s3batch_handler.engine.invoke._answer import Answer
    from s3batch_handler.engine.operations._base import S3Operation
    from s3batch_handler.jobs._shapes import InitiateRestoreObject


def initiate_restore_object(asked: InitiateRestoreObject, s3: Any) -> S3Operation:
    """Restore for so many days, or for good from Intelligent-Tiering, which takes no days."""
    tier = asked.glacier_job_tier
    request = given(
        Days=asked.expiration_in_days,
        GlacierJobParameters=None if tier is None else {"Tier": tier.capitalize()},
    )

    def restore(item: ObjectRef) -> Answer:
        look_up(s3, item)
        s3.restore_object(**item.location, RestoreRequest=request)
        return SUCCESSFUL

    return restore
