"""Find lines of a manifest whose objects do not exist, with many requests at once.

Source: S3 API Reference, "HeadObject": 404 for an object that does not exist, 405 for a delete
marker, 403 without s3:ListBucket. The response to a HEAD request has no body, so the code
of an error is its HTTP status.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from s3batch_handler.core._aws_errors import AwsError, aws_error_code
from s3batch_handler.core._error_text import describe
from s3batch_handler.core._keys import is_utf8
from s3batch_handler.core._sanitize import short_repr
from s3batch_handler.documents.manifests.check._finding import finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from s3batch_handler.core._model import ObjectRef
    from s3batch_handler.documents.manifests._manifest import ManifestEntry
    from s3batch_handler.documents.manifests.check._finding import Finding

REQUESTS_AT_ONCE: Final = 64


def object_findings(
    entries: Iterable[tuple[int, ManifestEntry]],
    head_object: Callable[..., Any],
    *,
    requests_at_once: int = REQUESTS_AT_ONCE,
) -> Iterator[Finding | None]:
    """Yield a finding for each entry whose object does not exist, and ``None`` for the others.

    Args:
        entries: The entries with their lines. JSON payloads are not objects, and are skipped.
        head_object: The method of an S3 client.
        requests_at_once: The number of parallel requests.

    Raises:
        Exception: What ``head_object`` raises if S3 did not respond, for example without
            credentials.
    """
    waiting: deque[Any] = deque()
    with ThreadPoolExecutor(requests_at_once) as pool:
        try:
            for line, entry in entries:
                waiting.append(pool.submit(partial(_finding, head_object, line, entry)))
                if len(waiting) >= 2 * requests_at_once:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _finding(head_object: Callable[..., Any], line: int, entry: ManifestEntry) -> Finding | None:
    item = entry.object
    if item.key.startswith("{") or not is_utf8(item.key):
        return None
    try:
        head_object(**item.location)
    except Exception as error:
        if aws_error_code(error) is None:
            raise
        return _finding_of_error(error, line, item)
    return None


def _finding_of_error(error: Exception, line: int, item: ObjectRef) -> Finding:
    aws = AwsError.from_exception(error)
    status = aws.status if aws is not None else None
    name = f"{short_repr(item.key)} in {short_repr(item.bucket)}"
    if item.version_id is not None:
        name = f"version {short_repr(item.version_id)} of {name}"
    if status == 404:
        return finding("ObjectNotFound", line, f"{name} does not exist")
    if status == 405:
        return finding("ObjectNotFound", line, f"{name} is a delete marker")
    if status == 400 and item.version_id is not None:
        return finding("ObjectNotFound", line, f"S3 does not accept the version ID: {name}")
    reason = "access denied" if status == 403 else describe(error)
    return finding("ObjectNotChecked", line, f"{reason}: {name}")
