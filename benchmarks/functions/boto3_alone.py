"""Without a library, with a client of S3, which most functions create."""

from __future__ import annotations

import boto3

from benchmarks.functions import hand_written

s3 = boto3.client("s3", region_name="us-east-1")
handler = hand_written.handler
