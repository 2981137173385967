"""``S3PutObjectRetention``: set the date until which each object cannot be deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from s3batch_handler.engine.operations._base import call_for_each, without_none

if TYPE_CHECKING:
    from s3batch_handler.engine.operations._base import S3Operation, Store
    from s3batch_handler.jobs._operations import PutObjectRetention


def put_object_retention(settings: PutObjectRetention, store: Store) -> S3Operation:
    """Set mode and date; an empty retention removes them, if governance may be bypassed."""
    arguments = without_none(
        Retention=settings.retention.to_boto3(),
        BypassGovernanceRetention=settings.bypass_governance_retention,
    )
    return call_for_each(store, "put_object_retention", **arguments)
