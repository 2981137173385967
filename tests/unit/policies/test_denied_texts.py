"""Messages about denied requests as people paste them: of services, SDKs, pages and terminals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from s3batch_handler.policies.explain._explain import causes_in, explain

if TYPE_CHECKING:
    from s3batch_handler.policies.explain._explanation import Explanation

ACCOUNT = "123456789012"
JOB = f"arn:aws:sts::{ACCOUNT}:assumed-role/batch/s3-batch-operations_8f1a"
ANN = f"arn:aws:iam::{ACCOUNT}:user/ann"
PHOTO = '"arn:aws:s3:::photos/a b.jpg"'
KEY = f"arn:aws:kms:us-west-2:{ACCOUNT}:key/0d63bd02-afec-4e02-b215-48e1b2054618"
ANYWHERE = (
    "because the resource does not exist in this Region, no resource-based policies allow access, "
    "or a resource-based policy explicitly denies access"
)

DENIED = {
    "identity": (
        (
            f"User: {JOB} is not authorized to perform: s3:GetObject on resource: {PHOTO} "
            f"because no "
            "identity-based policy allows the s3:GetObject action"
        ),
        f"a policy of the job role, arn:aws:iam::{ACCOUNT}:role/batch",
    ),
    "wrapped by a terminal": (
        (
            f"An error occurred (AccessDenied) when calling the PutObject operation:\nUser: {ANN}\n"
            f"is not authorized to perform: s3:PutObject\non resource: {PHOTO}\n"
            "with an explicit deny in a resource control policy"
        ),
        "a resource control policy of the organization",
    ),
    "wrapped within the action": (
        (
            f"User: {ANN} is not authorized\nto perform: iam:PassRole on resource: "
            f"arn:aws:iam::{ACCOUNT}:role/r\nbecause no permissions\nboundary allows the "
            f"iam:PassRole"
        ),
        "the permissions boundary of the caller",
    ),
    "without resource": (
        (
            f"User: {ANN} is not authorized to perform:\ns3:ListJobs because no service "
            f"control policy "
            "allows the s3:ListJobs action"
        ),
        "a service control policy of the organization",
    ),
    "without user": (
        (
            "AccessDeniedException: not authorized to perform: s3:GetObject on resource:\n"
            "arn:aws:s3:::b/k\nwith an explicit deny in a service control policy:\n"
            "arn:aws:organizations::705927066274:policy/o-ysr/service_control_policy/p-ddx"
        ),
        "a service control policy of the organization",
    ),
    "without the word User": (
        (
            f'{ANN} is not authorized to perform: s3:ListBucket on resource: "arn:aws:s3:::photos" '
            "because no session policy allows the s3:ListBucket action (Service: Amazon S3; Status "
            "Code: 403; Error Code: AccessDenied; "
        ),
        "the session policy of the caller",
    ),
    "in JSON": (
        (
            f'{{"message": "User: {ANN} is not authorized to perform: s3:PutObject on resource: '
            '\\"arn:aws:s3:::b/k\\" because no VPC endpoint policy allows the s3:PutObject '
            'action\\n"}'
        ),
        "the policy of the VPC endpoint that the request uses",
    ),
    "a resource with its kind": (
        (
            f"User: {ANN} is not authorized to perform: iam:CreatePolicy on resource: policy mine "
            "because no permissions boundary allows the iam:CreatePolicy action"
        ),
        "the permissions boundary of the caller",
    ),
    "trust": (
        (
            f"User: {ANN} is not authorized to perform:\nsts:AssumeRole because no role trust "
            f"policy "
            "allows the\n sts:AssumeRole action"
        ),
        "the trust policy of the role",
    ),
    "trust denies": (
        (
            f"User: {ANN} is not authorized to perform: sts:AssumeRole with an explicit deny "
            f"in the "
            "role trust policy"
        ),
        "the trust policy of the role",
    ),
    "key of a ciphertext": (
        (
            f"User: {ANN} is not authorized to perform: kms:Decrypt on the resource "
            f"associated with "
            f"this ciphertext {ANYWHERE}"
        ),
        "the key policy",
    ),
    "key that is not found": (
        (
            f"User: {ANN} is not authorized to perform: kms:GenerateDataKey on this resource "
            f"{ANYWHERE} (Service: S3, Status Code: 403, Request ID: 86f5)"
        ),
        "the key policy",
    ),
    "key of variables of a function": (
        (
            "Lambda was unable to decrypt the environment variables because KMS access was "
            "denied. KMS "
            f"Exception: AccessDeniedException KMS Message: User: {ANN} is not authorized to "
            f"perform: "
            "kms:Decrypt on the resource associated with this ciphertext because no identity-based "
            "policy allows the kms:Decrypt action"
        ),
        f"a policy of the caller, {ANN}",
    ),
    "Block Public Access": (
        (
            f"User: {ANN} is not authorized to\nperform: s3:PutObjectAcl on resource: "
            f"{PHOTO}\nbecause "
            "public ACLs are prevented by the BlockPublicAcls setting in S3 Block Public Access."
        ),
        (
            "the ACL or policy that the request sets, which would make objects public, or "
            "the Block "
            "Public Access settings of the bucket and the account"
        ),
    ),
    "disabled key": (
        f"{KEY} is disabled. (Service: AWSKMS; Status Code: 400; Error Code: DisabledException)",
        "the state of the key: enable it, or cancel its deletion",
    ),
    "deleted key": (
        (
            f"An error occurred (KMS.KMSInvalidStateException) when calling the GetObject "
            f"operation: "
            f"{KEY} is pending deletion."
        ),
        "the state of the key: enable it, or cancel its deletion",
    ),
    "missing key": (
        f"An error occurred (KMS.NotFoundException) when calling the PutObject operation: {KEY}",
        "the key policy, and a policy of the sender of the request",
    ),
    "key of another account": (
        (
            "AccessDenied: The AWS KMS key in the request must be owned by the same account as the "
            "bucket. Modify the request to specify a KMS key from the same account."
        ),
        "the job: KMSKeyArn",
    ),
    "Object Lock": (
        "AccessDenied: Access Denied because object protected by object lock.",
        "the retention or the legal hold of the object",
    ),
    "Object Lock and encryption": (
        (
            "AccessDenied: The encryption type for the specified object can't be updated "
            "because that "
            "object is protected by S3 Object Lock."
        ),
        "the retention or the legal hold of the object",
    ),
    "SDK for Java 1": (
        (
            "Access Denied (Service: Amazon S3; Status Code: 403; Error Code: AccessDenied; "
            "Request "
            "ID: ABC; S3 Extended Request ID: def=; Proxy: null)"
        ),
        "a policy of the job role",
    ),
    "SDK for Java 2": (
        "Access Denied (Service: S3, Status Code: 403, Request ID: ABC, Extended Request ID: def=)",
        "a policy of the job role",
    ),
    "SDK for Java 2, without a body": (
        "Forbidden (Service: S3, Status Code: 403, Request ID: ABC)",
        "a policy of the job role",
    ),
    "SDK for Go": (
        (
            "operation error S3: GetObject, https response error StatusCode: 403, RequestID: X, "
            "HostID: Y, api error AccessDenied: Access Denied"
        ),
        (
            "a policy of the principal that calls it, or the policy of the bucket or key in "
            "another account"
        ),
    ),
    "XML": (
        "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>",
        "a policy of the job role",
    ),
    "a call that is not in the table": (
        "An error occurred (AccessDenied) when calling the FrobnicateTeapot operation: no",
        "a policy of the principal that calls it",
    ),
}
"""Texts of the user guides of IAM and S3, of the API references, and of public issues."""


def explanation(text: str) -> Explanation:
    (found,) = explain(causes_in([text]))
    return found.explanation


@pytest.mark.parametrize(("text", "where"), DENIED.values(), ids=DENIED)
def test_the_policy_to_change_is_named(text: str, where: str) -> None:
    """The answer names what to change, however the message was copied."""
    assert explanation(text).where == where


@pytest.mark.parametrize("text", [text for text, _ in DENIED.values() if "explicit deny" in text])
def test_an_explicit_deny_is_recognized_across_line_breaks(text: str) -> None:
    """A statement cannot help against a Deny, so none is printed."""
    assert explanation(text).statements == ()
    assert explanation(text).condition is not None


@pytest.mark.parametrize(
    "text",
    [
        # 403 of S3, but not for a policy
        (
            "The operation is not valid for the object's storage class (Service: Amazon S3; Status "
            "Code: 403; Error Code: InvalidObjectState; Request ID: X)"
        ),
        (
            "The provided token has expired. (Service: Amazon S3; Status Code: 403; Error Code: "
            "ExpiredToken; Request ID: X)"
        ),
        "SignatureDoesNotMatch (Service: S3, Status Code: 403, Request ID: X)",
        # other systems
        "(1045, \"Access denied for user 'root'@'10.0.0.1' (using password: YES)\")",
        "PermissionError: [Errno 13] Permission denied: '/tmp/x'",
        "[Error 5] Access is denied",
        "This page says how to avoid access denied messages.",
    ],
)
def test_other_failures_are_not_taken_for_denied_requests(text: str) -> None:
    """A policy would not help."""
    assert explain(causes_in([text])) == []


def test_messages_one_after_the_other_keep_their_own_policies() -> None:
    """A line without a reason does not get that of the next line."""
    start = f"User: {ANN} is not authorized to perform: s3:GetObject on resource: arn:aws:s3:::"
    text = f"{start}a/1\n{start}b/2 with an explicit deny in a service control policy\n"

    first, second = (one.explanation for one in explain(causes_in([text])))

    assert first.where == f"a policy of the caller, {ANN}"
    assert second.where == "a service control policy of the organization"


@pytest.mark.parametrize("user", ["anonymous", "****/role"])
def test_a_principal_that_is_not_an_arn_is_not_put_into_a_policy(user: str) -> None:
    """IAM would refuse it."""
    text = (
        f"User: {user} is not authorized to perform: s3:GetObject on resource: {PHOTO} because no "
        "resource-based policy allows the s3:GetObject action"
    )

    found = explanation(text)

    assert found.principal == ""
    assert found.statements[0]["Principal"] == {"AWS": "PRINCIPAL-ARN"}


@pytest.mark.parametrize(
    "piece", ["User: ", "arn:aws:", " not authorized to perform: ", "because "]
)
def test_large_texts_take_no_quadratic_time(piece: str) -> None:
    """A megabyte of beginnings of messages is searched without backtracking for long."""
    text = piece * (1_000_000 // len(piece))

    assert explain(causes_in([text])) == []
