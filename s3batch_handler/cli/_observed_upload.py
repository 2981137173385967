"""The ETag of an uploaded object, from S3's response to the upload itself."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(slots=True)
class Upload:
    """What S3 responded to the latest upload; ``None`` if there was none.

    Attributes:
        etag: The ETag without quotes. For a multipart upload, it is not the MD5 of the content.
        version_id: The version, in a bucket with versions.
    """

    etag: str | None = None
    version_id: str | None = None


@contextmanager
def observed_upload(s3: Any) -> Iterator[Upload]:
    """Observe the uploads of a client while the block runs.

    boto3's ``upload_fileobj`` does not return S3's response. A HeadObject afterwards would need
    another permission, and would have the ETag of a manifest that another process wrote meanwhile.
    """
    upload = Upload()

    def keep(parsed: dict[str, Any], **_: Any) -> None:
        if "ETag" in parsed:
            upload.etag = parsed["ETag"].strip('"')
            upload.version_id = parsed.get("VersionId")

    names = [f"after-call.s3.{operation}" for operation in _UPLOADS]
    for name in names:
        s3.meta.events.register(name, keep)
    try:
        yield upload
    finally:
        for name in names:
            s3.meta.events.unregister(name, keep)


_UPLOADS: Final = ("PutObject", "CompleteMultipartUpload")
