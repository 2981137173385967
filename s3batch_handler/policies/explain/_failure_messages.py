"""Messages about denied requests that do not say who was denied what.

Each has the source of its text: the S3 User Guide (UG), public issues, or the service itself.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Final, NamedTuple


class Failure(Enum):
    """What failed."""

    MANIFEST = "S3 could not read the manifest"
    ROLE = "S3 could not assume the job role"
    REPORT = "S3 could not write the report"
    GENERATED_MANIFEST = "S3 could not save the generated manifest"
    OTHER_ACCOUNT = "the job role is in another account"
    KEY_STATE = "a KMS key is disabled, or about to be deleted"
    KEY_ACCOUNT = "the new KMS key is in an account whose keys S3 does not accept"
    KEY = "a KMS key could not be used"
    OBJECT_LOCK = "Object Lock protects the object"
    CALL = "a call of the AWS API was denied"
    OBJECT = "S3 denied a request without saying which permission is missing"


class Message(NamedTuple):
    """A text that is known, with the place where it was seen."""

    failure: Failure
    pattern: re.Pattern[str]
    source: str


def _message(failure: Failure, pattern: str, source: str) -> Message:
    return Message(failure, re.compile(pattern, re.IGNORECASE), source)


MESSAGES: Final = (
    _message(
        Failure.MANIFEST,
        r"Reading the manifest is forbidden",
        "FailureReasons; UG, Troubleshooting Batch Operations",
    ),
    _message(
        Failure.ROLE,
        r"Could not assume the (IAM )?role",
        "FailureReasons, as other emulators of S3 have them",
    ),
    _message(
        Failure.REPORT,
        r"job report could not be written",
        "FailureReasons; UG, Troubleshooting Batch Operations",
    ),
    _message(
        Failure.GENERATED_MANIFEST,
        r"Failed to write manifest",
        "FailureReasons; UG, Troubleshooting Batch Operations",
    ),
    _message(
        Failure.OTHER_ACCOUNT,
        r"Cross-account pass role is not allowed",
        "CreateJob; UG, Troubleshooting Batch Operations",
    ),
    _message(
        Failure.KEY_STATE,
        r"KMS\.DisabledException|KMSInvalidStateException|Error Code: DisabledException"
        r"|arn:aws[a-z-]*:kms:\S{1,200} is (?:disabled|pending deletion|pending import)",
        "KMS API reference, errors of Decrypt, which S3 passes on",
    ),
    _message(
        Failure.KEY_ACCOUNT,
        r"KMS key (?:in the request )?must be (?:owned by the same account|from the same "
        r"organization)|account isn.t part of an organization",
        "S3 API reference, UpdateObjectEncryption",
    ),
    _message(
        Failure.KEY,
        r"The ciphertext refers to a customer master key that does not exist"
        r"|KMS\.(?:AccessDenied|NotFound)",
        "KMS Developer Guide, Troubleshooting key access",
    ),
    _message(
        Failure.OBJECT_LOCK,
        r"protected by (?:S3 )?object lock",
        "S3 API reference, UpdateObjectEncryption; DeleteObject of S3",
    ),
    _message(
        Failure.CALL,
        r"An error occurred \((?:AccessDenied|AccessDeniedException|403|Forbidden)\) when\s+"
        r"calling\s+the\s+(?P<call>[A-Za-z0-9]{3,80})\s+operation",
        "botocore's ClientError",
    ),
    _message(
        Failure.CALL,
        r"operation error [A-Za-z0-9 ]{2,40}: (?P<call>[A-Za-z0-9]{3,80}), [^\n]{0,400}"
        r"api error (?:AccessDenied|Forbidden)",
        "AWS SDK for Go v2",
    ),
    # S3 uses 403 for other failures, too: InvalidObjectState, ExpiredToken, …. Databases and pages
    # write "access denied" in other letters.
    _message(
        Failure.OBJECT,
        r"Error Code: (?:403 )?(?:AccessDenied|Forbidden)|\AForbidden \(Service: (?:Amazon )?S3"
        r"|\A403: Task |(?-i:\bAccess Denied\b|\bAccessDenied\b)",
        "completion reports of S3's own operations",
    ),
)
"""The known texts; the first one that occurs in a message counts."""


def known_message(text: str) -> tuple[Message, re.Match[str]] | None:
    """Return the known message that a text contains."""
    for message in MESSAGES:
        found = message.pattern.search(text)
        if found:
            return message, found
    return None


ACTIONS_OF_CALLS: Final = {
    "HeadObject": ("s3:GetObject", "s3:ListBucket"),
    "GetObject": ("s3:GetObject", "s3:ListBucket"),
    "HeadBucket": ("s3:ListBucket",),
    "ListObjects": ("s3:ListBucket",),
    "ListObjectsV2": ("s3:ListBucket",),
    "ListObjectVersions": ("s3:ListBucketVersions",),
    "CopyObject": ("s3:GetObject", "s3:PutObject"),
    "CreateMultipartUpload": ("s3:PutObject",),
    "UploadPart": ("s3:PutObject",),
    "CompleteMultipartUpload": ("s3:PutObject",),
    "UploadPartCopy": ("s3:GetObject", "s3:PutObject"),
    "DeleteObjects": ("s3:DeleteObject",),
    "CreateSession": ("s3express:CreateSession",),
    "CreateJob": ("iam:PassRole", "s3:CreateJob"),
    "Invoke": ("lambda:InvokeFunction",),
    "Decrypt": ("kms:Decrypt",),
    "GenerateDataKey": ("kms:GenerateDataKey",),
    "AssumeRole": ("sts:AssumeRole",),
}
"""S3 User Guide, "Required permissions for Amazon S3 API operations"."""

CALLS_OF_S3: Final = frozenset(
    [
        *("PutObject", "DeleteObject", "GetObjectTagging", "PutObjectTagging", "GetObjectAcl"),
        *("PutObjectAcl", "RestoreObject", "PutObjectRetention", "PutObjectLegalHold"),
        *("GetObjectAttributes", "DeleteObjectTagging", "AbortMultipartUpload"),
        *("ListJobs", "DescribeJob", "UpdateJobStatus", "UpdateJobPriority", "PutJobTagging"),
        *("GetJobTagging", "DeleteJobTagging"),
    ]
)
"""Calls whose action has the same name."""


def actions_of_call(call: str) -> tuple[str, ...]:
    """Return the actions that a call of the API needs; empty if they are not known."""
    if call in ACTIONS_OF_CALLS:
        return ACTIONS_OF_CALLS[call]
    return (f"s3:{call}",) if call in CALLS_OF_S3 else ()
