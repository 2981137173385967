"""Copy an object that is too large for CopyObject, with a multipart upload."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from s3batch_handler.core._aws_errors import aws_error_code
from s3batch_handler.core._model import Outcome, ResultCode
from s3batch_handler.core._redaction import redacted_text
from s3batch_handler.engine.invoke._call_threads import Stopped
from s3batch_handler.engine.operations._base import error_of_s3, without_none

if TYPE_CHECKING:
    from collections.abc import Mapping

    from s3batch_handler.core._model import ObjectRef
    from s3batch_handler.engine.invoke._answer import Answer
    from s3batch_handler.engine.operations._base import Store


class Copied(NamedTuple):
    """How an object was copied.

    Attributes:
        answer: The result of the task.
        version_id: The version that was created, if there is one.
    """

    answer: Answer
    version_id: str | None = None


def copy_in_parts(
    store: Store, item: ObjectRef, target: Mapping[str, str], arguments: Mapping[str, Any]
) -> Copied:
    """Copy an object as CopyObject with the same arguments would.

    All parts are those of one version: if the object is replaced meanwhile, the copy fails. A
    failed upload is aborted, so that none of its parts remain.

    Args:
        store: The S3 of both objects.
        item: The original.
        target: Bucket and key of the copy.
        arguments: Other parameters of CopyObject, with the tags of the copy.
    """
    s3 = store.s3
    payer = without_none(RequestPayer=arguments.get("RequestPayer"))
    if arguments.get("AnnotationDirective") == "COPY":
        return Copied(error_of_s3(400, "InvalidRequest", _NO_ANNOTATIONS))
    original = s3.head_object(**item.location, ChecksumMode="ENABLED", **payer)
    source: dict[str, Any] = dict(item.location)
    if original.get("VersionId"):
        source["VersionId"] = original["VersionId"]
    created = s3.create_multipart_upload(**target, **_upload_arguments(original, arguments))
    upload = {**target, "UploadId": created["UploadId"], **payer}
    try:
        parts = _copy_parts(store, source, original, upload)
        now = s3.head_object(**source, **payer)
        if now["ETag"] != original["ETag"]:  # older versions of Ceph ignore CopySourceIfMatch
            s3.abort_multipart_upload(**upload)
            return Copied(error_of_s3(412, "PreconditionFailed", _REPLACED))
        version_id = _complete(s3, target, upload, parts, original["ContentLength"])
    except Exception:
        _abort(s3, upload)
        raise
    text = f"Successful (copied in {len(parts):,} parts)"
    return Copied(Outcome(ResultCode.SUCCEEDED, text), version_id)


def _copy_parts(
    store: Store, source: dict[str, Any], original: Mapping[str, Any], upload: dict[str, str]
) -> list[dict[str, Any]]:
    """Copy all parts, several at a time; return what completes the upload."""

    def copy_part(numbered: tuple[int, str]) -> dict[str, Any]:
        number, byte_range = numbered
        if store.is_stopped():
            raise Stopped
        response = store.s3.upload_part_copy(
            **upload,
            PartNumber=number,
            CopySource=source,
            CopySourceRange=byte_range,
            CopySourceIfMatch=original["ETag"],
        )
        result = response["CopyPartResult"]
        checksums = {name: result[name] for name in result if name.startswith("Checksum")}
        return {"PartNumber": number, "ETag": result["ETag"], **checksums}

    pool = ThreadPoolExecutor(_PARTS_AT_A_TIME)
    try:
        ranges = byte_ranges(original["ContentLength"])
        return list(pool.map(copy_part, enumerate(ranges, 1)))
    finally:
        pool.shutdown(cancel_futures=True)  # S3 cannot abort an upload while it copies parts


def byte_ranges(size: int) -> list[str]:
    """Return the ranges of the parts of an object."""
    part = max(_PART_BYTES, -(-size // _MOST_PARTS))
    return [f"bytes={start}-{min(start + part, size) - 1}" for start in range(0, size, part)]


def _complete(
    s3: Any,
    target: Mapping[str, str],
    upload: dict[str, str],
    parts: list[dict[str, Any]],
    size: int,
) -> str | None:
    """Complete the upload; return the version that it creates."""
    try:
        response = s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    except Exception as error:
        if aws_error_code(error) != "NoSuchUpload":
            raise
        # The request is sent again if its response is lost: it may have completed the upload.
        response = s3.head_object(**target)
        if response["ContentLength"] != size or f"-{len(parts)}" not in response["ETag"]:
            raise error from None
    version_id: str | None = response.get("VersionId")
    return version_id


def _abort(s3: Any, upload: dict[str, str]) -> None:
    try:
        s3.abort_multipart_upload(**upload)
    except Exception as error:  # the task fails with the error of the copy
        if aws_error_code(error) != "NoSuchUpload":
            text = "the parts of s3://%s/%s remain: upload %s could not be aborted: %s"
            place = (upload["Bucket"], upload["Key"], upload["UploadId"])
            _LOG.warning(text, *place, redacted_text(error))


# ---------------------------------------------------------------- what the copy has


def _upload_arguments(original: Mapping[str, Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of CreateMultipartUpload.

    CopyObject copies metadata and the algorithm of the checksum, unless it gets others. It copies
    neither the storage class nor permissions, locks and the redirect location (S3 API
    reference, CopyObject).
    """
    shown = {name: value for name, value in arguments.items() if name not in _ONLY_OF_COPIES}
    if arguments.get("MetadataDirective") != "REPLACE":
        shown |= {name: original[name] for name in _METADATA if name in original}
    if "ChecksumAlgorithm" not in shown:
        shown |= _checksum_of(original)
    return {name: value for name, value in shown.items() if value not in ("", {})}


def _checksum_of(original: Mapping[str, Any]) -> dict[str, str]:
    """Return the algorithm of the checksum of an object."""
    for name in original:
        if name.startswith("Checksum") and name != "ChecksumType":
            kind = original.get("ChecksumType")
            return {
                "ChecksumAlgorithm": name.removeprefix("Checksum"),
                **({} if kind is None else {"ChecksumType": kind}),
            }
    return {}


_LOG: Final = logging.getLogger("s3batch_handler.engine")
_PARTS_AT_A_TIME: Final = 4
_PART_BYTES: Final = 128 * 1024**2  # a stopped job waits for the parts that are copied
_MOST_PARTS: Final = 10_000  # S3 User Guide, "Amazon S3 multipart upload limits"
_METADATA: Final = (
    "CacheControl",
    "ContentDisposition",
    "ContentEncoding",
    "ContentLanguage",
    "ContentType",
    "Expires",
    "Metadata",
)
_ONLY_OF_COPIES: Final = (
    "AnnotationDirective",
    "CopySourceIfModifiedSince",
    "CopySourceIfUnmodifiedSince",
    "MetadataDirective",
    "TaggingDirective",
)
_NO_ANNOTATIONS: Final = "AnnotationDirective COPY is not supported for objects over 5 GB"
_REPLACED: Final = "The object was replaced while it was copied in parts"
