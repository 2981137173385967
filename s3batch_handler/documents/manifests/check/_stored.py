"""Check the encryption and the ETag of a manifest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from s3batch_handler.core._sanitize import short_repr
from s3batch_handler.documents.manifests.check._finding import finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from s3batch_handler.documents.manifests.check._finding import Finding


def encryption_findings(head: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield what is wrong with the encryption of a manifest.

    Args:
        head: The response of HeadObject for the manifest.
    """
    encryption = head.get("ServerSideEncryption")
    if encryption in ("aws:kms", "aws:kms:dsse"):
        yield finding("EncryptedManifest", None, f"the manifest is encrypted with {encryption}")
    elif head.get("SSECustomerAlgorithm"):
        yield finding("EncryptedManifest", None, "the manifest is encrypted with SSE-C")


def etag_findings(actual: str, expected: str) -> Iterator[Finding]:
    """Yield a finding if the ETag of a manifest differs from the ETag in a job."""
    actual, expected = actual.strip('"'), expected.strip('"')
    if actual != expected:
        text = f"the ETag is {short_repr(expected)}, but the manifest has {actual!r}"
        yield finding("StaleETag", None, text)
