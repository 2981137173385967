"""The limits of S3 Batch Operations for manifests.

Sources: S3 User Guide, "Specifying a manifest", "Invoke AWS Lambda function" and "S3 Batch
Operations" (objects of a job), "Creating object key names" (bytes of a key), "Retaining multiple
versions of objects" (version IDs).
"""

from __future__ import annotations

from typing import Final

MAX_KEY_BYTES: Final = 1024
"""The most bytes of a key in UTF-8, decoded."""

MAX_KEY_CHARACTERS: Final = 1024
"""The most characters of the key of a line as it is written: also of a JSON payload."""

MAX_VERSION_ID_BYTES: Final = 1024

MAX_OBJECTS: Final = {
    "LambdaInvoke": 20_000_000_000,
    "S3ComputeObjectChecksum": 4_000_000_000,
    "S3DeleteObjectTagging": 20_000_000_000,
    "S3InitiateRestoreObject": 4_000_000_000,
    "S3PutObjectAcl": 20_000_000_000,
    "S3PutObjectCopy": 20_000_000_000,
    "S3PutObjectLegalHold": 20_000_000_000,
    "S3PutObjectRetention": 20_000_000_000,
    "S3PutObjectTagging": 20_000_000_000,
    "S3ReplicateObject": 20_000_000_000,
    "S3UpdateObjectEncryption": 20_000_000_000,
}
"""The most objects of a job, by operation.

AWS lists 20 billion for copies, tags, Object Lock, Lambda, ACLs, encryption and replication, and 4
billion for everything else.
"""
