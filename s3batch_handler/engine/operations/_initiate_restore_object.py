"""``S3InitiateRestoreObject``: start to restore each object from Glacier.

A task succeeds when S3 has accepted the request, before the object is restored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from s3batch_handler.engine.operations._base import call_for_each, without_none

if TYPE_CHECKING:
    from s3batch_handler.engine.operations._base import S3Operation, Store
    from s3batch_handler.jobs._operations import InitiateRestoreObject


def initiate_restore_object(settings: InitiateRestoreObject, store: Store) -> S3Operation:
    """Restore for a number of days; from Intelligent-Tiering, permanently and without days."""
    tier = settings.glacier_job_tier
    request = without_none(
        Days=settings.expiration_in_days,
        GlacierJobParameters=None if tier is None else {"Tier": tier.capitalize()},
    )
    return call_for_each(store, "restore_object", RestoreRequest=request)
