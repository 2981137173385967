"""Set tags and locks of a copy again, because some stores ignore them when they copy.

Ceph 16 ignores the tags of CopyObject and CreateMultipartUpload and the locks of CopyObject, and
loses the tags of the original if the copy gets other metadata (seen with version 16.2.15).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from s3batch_handler.engine.operations._base import without_none

if TYPE_CHECKING:
    from collections.abc import Mapping

    from s3batch_handler.core._model import ObjectRef
    from s3batch_handler.engine.operations._copy_in_parts import Copied


def set_ignored_arguments(
    s3: Any,
    item: ObjectRef,
    target: Mapping[str, str],
    copied: Copied,
    arguments: Mapping[str, Any],
) -> None:
    """Set what CopyObject may have ignored.

    Args:
        s3: The client.
        item: The original.
        target: Bucket and key of the copy.
        copied: How it was copied.
        arguments: The parameters of CopyObject.
    """
    payer = arguments.get("RequestPayer")
    copy = {**target, **without_none(VersionId=copied.version_id, RequestPayer=payer)}
    if arguments.get("TaggingDirective") == "REPLACE":
        pairs = parse_qsl(arguments["Tagging"], keep_blank_values=True)
        tags = [{"Key": key, "Value": value} for key, value in pairs]
        s3.put_object_tagging(**copy, Tagging={"TagSet": tags})
    elif copied.is_in_parts or arguments.get("MetadataDirective") == "REPLACE":
        of_original = s3.get_object_tagging(**item.location, **without_none(RequestPayer=payer))
        if tags := of_original.get("TagSet", []):
            s3.put_object_tagging(**copy, Tagging={"TagSet": tags})
    mode = arguments.get("ObjectLockMode")
    if mode is not None:
        retention = {"Mode": mode, "RetainUntilDate": arguments.get("ObjectLockRetainUntilDate")}
        s3.put_object_retention(**copy, Retention=without_none(**retention))
    hold = arguments.get("ObjectLockLegalHoldStatus")
    if hold is not None:
        s3.put_object_legal_hold(**copy, LegalHold={"Status": hold})
