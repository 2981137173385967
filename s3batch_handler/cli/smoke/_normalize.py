"""Replace what differs between two runs of the same job: IDs, times, durations."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

RULES: Final = (
    ("host IDs", r"(?i)\b((?:extended request|host) ?id:?) ?[0-9A-Za-z+/=_-]{8,}", r"\1 <host ID>"),
    ("request IDs", r"(?i)\b(request ?id:?) ?\"?[0-9A-Z-]{8,}\"?", r"\1 <request ID>"),
    ("UUIDs", r"(?i)\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b", "<UUID>"),
    (
        "dates and times",
        r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?",
        "<time>",
    ),
    ("durations", r"\b\d+(?:\.\d+)? ?(?:seconds?|ms|milliseconds?|s)\b", "<duration>"),
    ("names of result files", r"\b[0-9a-f]{32,64}\.csv\b", "<hash>.csv"),
)
"""What is replaced in both jobs before they are compared: name, pattern, replacement.

The job ID, the version IDs and the name of the smoke test are replaced before.
"""


def normalize(text: str, labels: Mapping[str, str]) -> str:
    """Return a text with labels in place of IDs, and without what differs in each run."""
    for value in sorted(labels, key=len, reverse=True):
        text = text.replace(value, labels[value])
    for _, pattern, replacement in RULES:
        text = re.sub(pattern, replacement, text)
    return text
