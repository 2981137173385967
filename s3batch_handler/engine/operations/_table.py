"""The table of S3's own operations, which a job can do instead of invoking a function.

Each operation has a module with a function of the operation's shape (``jobs/_operations.py``) and
the :class:`~._base.Store` of the objects. It returns an :data:`~._base.S3Operation`, which is
called for each object and returns the result of the task.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from s3batch_handler.engine.operations._base import CannotRun
from s3batch_handler.engine.operations._compute_object_checksum import compute_object_checksum
from s3batch_handler.engine.operations._delete_object_tagging import delete_object_tagging
from s3batch_handler.engine.operations._initiate_restore_object import initiate_restore_object
from s3batch_handler.engine.operations._put_object_acl import put_object_acl
from s3batch_handler.engine.operations._put_object_copy import put_object_copy
from s3batch_handler.engine.operations._put_object_legal_hold import put_object_legal_hold
from s3batch_handler.engine.operations._put_object_retention import put_object_retention
from s3batch_handler.engine.operations._put_object_tagging import put_object_tagging
from s3batch_handler.engine.operations._replicate_object import replicate_object
from s3batch_handler.engine.operations._update_object_encryption import update_object_encryption

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from s3batch_handler.engine.operations._base import S3Operation, Store
    from s3batch_handler.jobs._operations import Operation


def s3_operation(settings: Operation, store: Store) -> S3Operation:
    """Create the operation of a job.

    Raises:
        CannotRun: The operation is not implemented (``NotImplemented``: AWS may add operations, and
            an old boto3 may lack a call), or a parameter is missing.
    """
    make, call = _OPERATIONS.get(settings.name, (None, None))
    if make is None or (call is not None and not hasattr(store.s3, call)):
        raise CannotRun(f"{settings.name} is not implemented here")
    return make(settings.chosen, store)


# The function that creates the operation, and the call of boto3 that it uses, if any.
_OPERATIONS: Final[Mapping[str, tuple[Callable[[Any, Store], S3Operation], str | None]]] = {
    "S3PutObjectCopy": (put_object_copy, "copy_object"),
    "S3PutObjectAcl": (put_object_acl, "put_object_acl"),
    "S3PutObjectTagging": (put_object_tagging, "put_object_tagging"),
    "S3DeleteObjectTagging": (delete_object_tagging, "delete_object_tagging"),
    "S3InitiateRestoreObject": (initiate_restore_object, "restore_object"),
    "S3PutObjectLegalHold": (put_object_legal_hold, "put_object_legal_hold"),
    "S3PutObjectRetention": (put_object_retention, "put_object_retention"),
    "S3ReplicateObject": (replicate_object, None),
    "S3ComputeObjectChecksum": (compute_object_checksum, "get_object"),
    "S3UpdateObjectEncryption": (update_object_encryption, "update_object_encryption"),
}
