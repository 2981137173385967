"""Save both jobs of a smoke test as they were seen, for a bug report or a test."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from s3batch_handler import __version__
from s3batch_handler.core._redaction import redact
from s3batch_handler.documents.files._local_folder import write_file

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from s3batch_handler.cli.smoke._compare import Comparison
    from s3batch_handler.cli.smoke._job import Observed
    from s3batch_handler.cli.smoke._places import Places

_ACCOUNT = "123456789012"


def save_evidence(
    path: Path,
    comparisons: Sequence[Comparison],
    *,
    request: Mapping[str, Any],
    aws: Observed,
    local: Observed,
    places: Places,
    account_id: str,
) -> None:
    """Write a JSON file with the request, both jobs and all comparisons.

    Account IDs and names of buckets are replaced, and credentials in messages removed.
    """
    document = {
        "created": datetime.now(UTC),
        "s3batch-handler": __version__,
        "request": request,
        "aws": _observed(aws),
        "local": _observed(local),
        "comparisons": [comparison.to_json() for comparison in comparisons],
    }
    text = json.dumps(document, indent=1, default=str)
    text = text.replace(account_id, _ACCOUNT)
    for number, bucket in enumerate(sorted(places.buckets, key=len, reverse=True), 1):
        text = text.replace(bucket, f"bucket-{number}")
    write_file(path, f"{text}\n".encode("ascii"))


def _observed(observed: Observed) -> dict[str, Any]:
    description = {
        name: value for name, value in observed.description.items() if name != "ResponseMetadata"
    }
    return {
        "description": description,
        "statuses": observed.statuses,
        "report": {
            key: [
                redact(line) for line in content.decode("utf-8", "surrogateescape").splitlines(True)
            ]
            for key, content in observed.files.items()
        },
    }
