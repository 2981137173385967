"""Set tags and locks of a copy again, because some stores ignore them when they copy.

Ceph 16 ignores the tags of CopyObject and CreateMultipartUpload and the locks of CopyObject, and
loses the tags of the original if the copy gets other metadata (seen with version 16.2.15).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

from s3batch_handler.engine.operations._base import without_none

if TYPE_CHECKING:
    from collections.abc import Mapping

    from s3batch_handler.core._model import ObjectRef


def with_tags_of(s3: Any, item: ObjectRef, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters of CopyObject with the tags of the original, unless there are others.

    The tags are read before the object is copied, because it may be copied onto itself.
    """
    if "TaggingDirective" in arguments:
        return arguments
    payer = without_none(RequestPayer=arguments.get("RequestPayer"))
    tags = s3.get_object_tagging(**item.location, **payer).get("TagSet", [])
    if not tags:
        return arguments
    text = urlencode([(tag["Key"], tag["Value"]) for tag in tags])
    return {**arguments, "TaggingDirective": "REPLACE", "Tagging": text}


def set_ignored_arguments(
    s3: Any, target: Mapping[str, str], version_id: str | None, arguments: Mapping[str, Any]
) -> None:
    """Set what CopyObject may have ignored.

    Args:
        s3: The client.
        target: Bucket and key of the copy.
        version_id: The version of the copy, if there is one.
        arguments: The parameters of CopyObject.
    """
    payer = arguments.get("RequestPayer")
    copy = {**target, **without_none(VersionId=version_id, RequestPayer=payer)}
    if arguments.get("TaggingDirective") == "REPLACE":
        pairs = parse_qsl(arguments["Tagging"], keep_blank_values=True)
        tags = [{"Key": key, "Value": value} for key, value in pairs]
        s3.put_object_tagging(**copy, Tagging={"TagSet": tags})
    mode = arguments.get("ObjectLockMode")
    if mode is not None:
        retention = {"Mode": mode, "RetainUntilDate": arguments.get("ObjectLockRetainUntilDate")}
        s3.put_object_retention(**copy, Retention=without_none(**retention))
    hold = arguments.get("ObjectLockLegalHoldStatus")
    if hold is not None:
        s3.put_object_legal_hold(**copy, LegalHold={"Status": hold})
