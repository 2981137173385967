"""``S3PutObjectLegalHold``: set or remove the legal hold of each object."""

from __future__ import annotations

from typing import TYPE_CHECKING

from s3batch_handler.engine.operations._base import call_for_each

if TYPE_CHECKING:
    from s3batch_handler.engine.operations._base import S3Operation, Store
    from s3batch_handler.jobs._operations import PutObjectLegalHold


def put_object_legal_hold(settings: PutObjectLegalHold, store: Store) -> S3Operation:
    """Set or remove the legal hold."""
    return call_for_each(store, "put_object_legal_hold", LegalHold=settings.legal_hold.to_boto3())
