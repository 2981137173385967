"""The events and the context for the measured functions."""

from __future__ import annotations

from typing import Any

from s3batch_handler.testing import make_event

ENCODED_KEY: dict[str, Any] = {
    "invocationSchemaVersion": "2.0",
    "invocationId": "AAAAAAAAAAHLh5xg" * 8,
    "job": {"id": "f3cc4f60-61f6-4a2b-8a21-d07600c373ce", "userArguments": {"target": "copies"}},
    "tasks": [
        {
            "taskId": "AAAAAAAAAAGrmwZF" * 8,
            "s3Key": "photos/2024/summer%20trip/IMG%2B0001.jpg",
            "s3VersionId": None,
            "s3Bucket": "my-photos",
        }
    ],
}
"""An event with a key that has to be decoded, and short IDs."""

LONG_IDS: dict[str, Any] = make_event(
    "photos/2024/summer/IMG_0001.jpg", bucket="my-photos", user_arguments={"target": "copies"}
)
"""An event with a key that needs no decoding, and IDs as long as those of S3."""


class Context:
    """The part of a Lambda context that the measured functions use."""

    def get_remaining_time_in_millis(self) -> int:
        return 60_000
