"""Explanations of the texts that people meet: of IAM, S3, Lambda, KMS, botocore and jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3batch_handler.policies._job import JobAccess, PolicyOptions
from s3batch_handler.policies.explain._denials import KINDS, denials_in
from s3batch_handler.policies.explain._explain import causes_in, explain
from tests.support.policy_jobs import (
    FUNCTION,
    INVENTORY,
    KEY,
    OPERATIONS,
    ROLE,
    generator,
    job_request,
    output,
)

if TYPE_CHECKING:
    from s3batch_handler.policies.explain._explanation import Explanation

SESSION = "arn:aws:sts::123456789012:assumed-role/batch/s3-batch-operations_7f3c4f60"
OF_FUNCTION = "arn:aws:sts::123456789012:assumed-role/thumbnails-role/thumbnails"
ANN = "arn:aws:iam::123456789012:user/ann"
PIPELINE = "arn:aws:sts::123456789012:assumed-role/deploy/session"


def access(name: str = "LambdaInvoke", /, *buckets: str, **members: Any) -> JobAccess:
    return JobAccess.of_request(job_request(name, **members), PolicyOptions(objects=buckets))


def explanations(*texts: str, job: JobAccess | None = None) -> list[Explanation]:
    return [one.explanation for one in explain(causes_in(texts), job)]


def explanation(text: str, job: JobAccess | None = None) -> Explanation:
    (found,) = explanations(text, job=job)
    return found


def denied(principal: str, action: str, resource: str, reason: str = "") -> str:
    return (
        f"User: {principal} is not authorized to perform: {action} on resource: {resource}{reason}"
    )


NO_IDENTITY = " because no identity-based policy allows the {} action"


# ---------------------------------------------------------------- who


@pytest.mark.parametrize(
    ("principal", "action", "resource", "who"),
    [
        (SESSION, "lambda:InvokeFunction", FUNCTION, "job role"),
        (SESSION, "s3:GetObject", "arn:aws:s3:::photos/a.jpg", "job role"),
        (PIPELINE, "lambda:InvokeFunction", FUNCTION, "job role"),
        (OF_FUNCTION, "s3:GetObject", "arn:aws:s3:::photos/a.jpg", "function role"),
        (ANN, "iam:PassRole", ROLE, "caller"),
        (PIPELINE, "s3:CreateJob", "*", "caller"),
        (PIPELINE, "iam:PassRole", ROLE, "caller"),
        (ANN, "s3:GetObject", "arn:aws:s3:::photos/a.jpg", "caller"),
        (PIPELINE, "s3:GetObject", "arn:aws:s3:::photos/a.jpg", "unknown"),
    ],
)
def test_a_message_says_who_was_denied(
    principal: str, action: str, resource: str, who: str
) -> None:
    """S3 and Lambda give the sessions of roles names that show what they are for."""
    text = denied(principal, action, resource, NO_IDENTITY.format(action))

    found = explanation(text, access())

    assert found.who == who
    (statement,) = found.statements
    assert (statement["Action"], statement["Resource"]) == (action, resource)


def test_the_role_of_the_job_file_is_named_with_its_path() -> None:
    """The session of a role does not have the path."""
    role = "arn:aws:iam::123456789012:role/service-role/batch"

    found = explanation(denied(SESSION, "s3:PutObject", "arn:aws:s3:::r/x"), access(RoleArn=role))

    assert found.principal == role
    assert found.where == f"a policy of the job role, {role}"


# ---------------------------------------------------------------- where

OBJECT = '"arn:aws:s3:::photos/a b.jpg"'
GUIDE = "IAM User Guide, Troubleshoot access denied error messages"


@pytest.mark.parametrize(
    ("reason", "where", "statement"),
    [
        (
            "because no identity-based policy allows the s3:GetObject action",
            f"a policy of the job role, {ROLE}",
            {"Resource": "arn:aws:s3:::photos/a b.jpg"},
        ),
        (
            "because no resource-based policy allows the s3:GetObject action",
            "the bucket policy of photos",
            {"Principal": {"AWS": ROLE}, "Resource": "arn:aws:s3:::photos/a b.jpg"},
        ),
        (
            "because no VPC endpoint policy allows the s3:GetObject action",
            "the policy of the VPC endpoint that the request uses",
            {"Principal": {"AWS": ROLE}, "Resource": "arn:aws:s3:::photos/a b.jpg"},
        ),
        (
            "because no service control policy allows the s3:GetObject action",
            "a service control policy of the organization",
            {"Resource": "*"},
        ),
        (
            "because no permissions boundary allows the s3:GetObject action",
            "the permissions boundary of the job role",
            {"Resource": "arn:aws:s3:::photos/a b.jpg"},
        ),
        (
            "because no session policy allows the s3:GetObject action",
            "the session policy of the job role",
            {"Resource": "arn:aws:s3:::photos/a b.jpg"},
        ),
    ],
)
def test_a_message_says_which_kind_of_policy_lacks_a_statement(
    reason: str, where: str, statement: dict[str, Any]
) -> None:
    """The forms are those of the IAM User Guide; S3 quotes the resource."""
    found = explanation(denied(SESSION, "s3:GetObject", OBJECT, f" {reason}"), access())

    assert found.where == where
    assert found.statements == ({"Effect": "Allow", "Action": "s3:GetObject", **statement},)


@pytest.mark.parametrize(
    ("reason", "where"),
    [
        ("an identity-based policy", f"a policy of the job role, {ROLE}"),
        ("a resource-based policy", "the bucket policy of photos"),
        ("a VPC endpoint policy", "the policy of the VPC endpoint that the request uses"),
        ("a service control policy", "a service control policy of the organization"),
        ("a resource control policy", "a resource control policy of the organization"),
        ("a permissions boundary", "the permissions boundary of the job role"),
        ("a session policy", "the session policy of the job role"),
    ],
)
def test_an_explicit_deny_has_no_missing_statement(reason: str, where: str) -> None:
    """A Deny wins over each Allow: a condition in it exempts the role."""
    text = denied(SESSION, "s3:GetObject", OBJECT, f" with an explicit deny in {reason}")

    found = explanation(text, access())

    assert found.where == where
    assert found.statements == ()
    assert found.condition == {"ArnNotEquals": {"aws:PrincipalArn": ROLE}}


def test_the_arn_of_a_denying_policy_is_named() -> None:
    """Newer messages contain it."""
    arn = "arn:aws:organizations::999999999999:policy/o-1/service_control_policy/p-1"
    text = denied(
        ANN,
        "s3:CreateJob",
        "*",
        f" with an explicit deny in a service control policy: {arn}",
    )

    assert explanation(text).hints[0] == f"the statement is in {arn}"


@pytest.mark.parametrize(
    ("action", "resource", "where", "statement"),
    [
        ("kms:Decrypt", KEY, f"the key policy of {KEY}", {"Resource": "*"}),
        (
            "lambda:InvokeFunction",
            FUNCTION,
            f"the resource policy of the function {FUNCTION}",
            {"Resource": FUNCTION},
        ),
        ("sts:AssumeRole", ROLE, f"the trust policy of {ROLE}", {}),
    ],
)
def test_the_policy_of_a_resource_is_named(
    action: str, resource: str, where: str, statement: dict[str, Any]
) -> None:
    """Keys, functions and roles have policies of their own."""
    text = denied(SESSION, action, resource, " because no resource-based policy allows it")

    found = explanation(text)

    assert found.where == where
    assert found.statements[0] == {
        "Effect": "Allow",
        "Principal": {"AWS": ROLE},
        "Action": action,
        **statement,
    }


def test_a_role_that_may_not_be_assumed_has_no_resource_in_its_statement() -> None:
    """Trust policies have none."""
    text = denied(ANN, "sts:AssumeRole", ROLE, " because no role trust policy allows it")

    found = explanation(text)

    assert found.where == f"the trust policy of {ROLE}"
    assert found.statements == (
        {"Effect": "Allow", "Principal": {"AWS": ANN}, "Action": "sts:AssumeRole"},
    )


def test_another_version_of_the_function_is_pointed_out() -> None:
    """Often the policy and the job name different versions."""
    other = FUNCTION.removesuffix(":7")

    found = explanation(denied(SESSION, "lambda:InvokeFunction", other), access())

    assert f"the job names {FUNCTION}" in found.hints


def test_a_message_in_a_row_of_lambda_is_found() -> None:
    """Reports contain the error as JSON, which escapes quotation marks."""
    text = (
        'Lambda returned function error: {"errorMessage": "An error occurred (AccessDenied) when '
        f"calling the GetObject operation: User: {OF_FUNCTION} is not authorized to perform: "
        's3:GetObject on resource: \\"arn:aws:s3:::photos/a.jpg\\" because no identity-based '
        'policy allows the s3:GetObject action", "errorType": "ClientError"}'
    )

    found = explanation(text, access())

    assert found.who == "function role"
    assert found.statements[0]["Resource"] == "arn:aws:s3:::photos/a.jpg"


def test_the_key_of_a_resource_is_matched_literally() -> None:
    """``*`` in a key would allow other objects."""
    text = denied(SESSION, "s3:GetObject", '"arn:aws:s3:::photos/a*b?.jpg"')

    (statement,) = explanation(text).statements

    assert statement["Resource"] == "arn:aws:s3:::photos/a${*}b${?}.jpg"


def test_a_message_without_resource_has_a_placeholder() -> None:
    """Some services do not say it, and an Allow on everything is not an answer."""
    text = f"User: {ANN} is not authorized to perform: s3:GetObject because no policy allows it"

    (statement,) = explanation(text).statements

    assert statement["Resource"] == "RESOURCE-ARN"


def test_block_public_access_needs_no_statement() -> None:
    """S3 User Guide, "Troubleshoot access denied (403 Forbidden) errors"."""
    text = denied(
        SESSION,
        "s3:PutObjectAcl",
        '"arn:aws:s3:::photos/a.jpg"',
        " because public access control lists (ACLs) are prevented by the BlockPublicAcls setting "
        "in S3 Block Public Access",
    )

    found = explanation(text, access("S3PutObjectAcl", "photos"))

    assert found.statements == ()
    assert "Block Public Access" in found.where


# ---------------------------------------------------------------- messages without details


def test_an_unreadable_manifest_names_the_manifest_of_the_job() -> None:
    """FailureReasons of a job say only that reading is forbidden."""
    text = "AccessDenied: Reading the manifest is forbidden: AccessDenied"

    found = explanation(text, access())

    assert found.who == "job role"
    assert found.statements == (
        {
            "Sid": "ReadManifests",
            "Effect": "Allow",
            "Action": ["s3:GetObject", "s3:GetObjectVersion"],
            "Resource": "arn:aws:s3:::lists/manifests/a b.csv",
        },
    )
    assert explanation(text).statements[0]["Resource"] == "arn:aws:s3:::MANIFEST-BUCKET/KEY"


def test_an_unreadable_inventory_names_its_files_too() -> None:
    """S3 reads manifest.json and the files that it lists."""
    job = access("LambdaInvoke", Manifest=INVENTORY)

    (statement,) = explanation("Reading the manifest is forbidden: AccessDenied", job).statements

    assert len(statement["Resource"]) == 2


def test_a_role_that_cannot_be_assumed_needs_its_trust_policy() -> None:
    """The statement is the one that ``s3batch policy`` prints."""
    text = (
        f"Could not assume the IAM role: {ROLE}, Please ensure that a trust policy is attached "
        "that allows batchoperations.s3.amazonaws.com"
    )

    found = explanation(text, access())

    assert found.where == f"the trust policy of the job role, {ROLE}"
    (statement,) = found.statements
    assert statement["Principal"] == {"Service": "batchoperations.s3.amazonaws.com"}


def test_a_report_that_cannot_be_written_names_its_prefix() -> None:
    """It may also be a bucket with Object Lock."""
    text = (
        "The job report could not be written to your report bucket. Please check your permissions."
    )

    found = explanation(text, access())

    assert found.statements[0]["Resource"] == "arn:aws:s3:::reports/of/jobs/job-*"
    assert any("Object Lock" in hint for hint in found.hints)


def test_a_generated_manifest_that_cannot_be_saved_names_its_place() -> None:
    """The text says neither the bucket nor the permission."""
    job = access(
        ManifestGenerator=generator(EnableManifestOutput=True, ManifestOutputLocation=output())
    )

    found = explanation("Error occurred when preparing manifest: Failed to write manifest", job)

    assert found.statements[0]["Resource"] == "arn:aws:s3:::lists/generated/*"


def test_a_role_of_another_account_cannot_be_passed() -> None:
    """No statement allows it: the job needs another role."""
    found = explanation("Cross-account pass role is not allowed", access())

    assert found.statements == ()
    assert ROLE in found.where


S3_ROW = (
    "Access Denied (Service: Amazon S3; Status Code: 403; Error Code: AccessDenied; Request ID: "
    "ABC; S3 Extended Request ID: x/y=; Proxy: null)"
)


@pytest.mark.parametrize("name", [name for name in OPERATIONS if name != "LambdaInvoke"])
def test_a_denied_task_of_an_operation_shows_what_the_operation_needs(name: str) -> None:
    """S3 says no more than AccessDenied about objects of other accounts."""
    found = explanation(S3_ROW, access(name, "photos"))

    assert found.who == "job role"
    assert found.statements
    assert any("bucket policy" in hint for hint in found.hints)


def test_a_denied_call_of_a_function_may_be_that_of_its_code() -> None:
    """Only the HTTP status of the row tells which."""
    found = explanation("AccessDenied: Access Denied", access())

    assert [one["Action"] for one in found.statements] == ["lambda:InvokeFunction"]
    assert "HTTP status 200" in found.hints[0]


def test_a_denied_task_without_a_job_file_says_so() -> None:
    """The operation is not known then."""
    found = explanation(S3_ROW)

    assert found.statements == ()
    assert any("-f FILE" in hint for hint in found.hints)


@pytest.mark.parametrize(
    ("text", "who", "actions"),
    [
        (
            "An error occurred (AccessDenied) when calling the CreateJob operation: Access Denied",
            "caller",
            {"s3:CreateJob", "iam:PassRole"},
        ),
        (
            "An error occurred (403) when calling the HeadObject operation: Forbidden",
            "function role",
            {"s3:GetObject", "s3:ListBucket"},
        ),
        (
            "Error: An error occurred (AccessDenied) when calling the PutObject operation: no",
            "function role",
            {"s3:PutObject"},
        ),
        (
            "An error occurred (AccessDenied) when calling the DescribeJob operation: no",
            "caller",
            {"s3:DescribeJob", "s3:GetJobTagging"},
        ),
    ],
)
def test_a_denied_call_shows_the_actions_that_it_needs(
    text: str, who: str, actions: set[str]
) -> None:
    """boto3 and the AWS CLI name the call, not the action of IAM."""
    found = explanation(text, access())

    assert found.who == who
    listed = [one["Action"] for one in found.statements]
    assert {a for one in listed for a in ([one] if isinstance(one, str) else one)} == actions


def test_a_key_that_may_not_be_used_is_explained() -> None:
    """The text of KMS names no key."""
    text = (
        "An error occurred: The ciphertext refers to a customer master key that does not exist, "
        "does not exist in this region, or you are not allowed to access."
    )

    assert explanation(text).where.startswith("the key policy")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Task timed out after 3.00 seconds",
        "NoSuchKey: The specified key does not exist.",
        "ManifestNotFound: Etag mismatch reading manifest",
    ],
)
def test_other_texts_are_not_explained(text: str) -> None:
    """An invented answer would cost more time than none."""
    assert explanations(text) == []


# ---------------------------------------------------------------- many texts


def test_failures_of_many_objects_are_one_explanation() -> None:
    """A report may have millions of them, each with its own key."""
    texts = [
        denied(SESSION, "s3:GetObject", f'"arn:aws:s3:::photos/2024/{number}.jpg"')
        for number in range(1000)
    ]
    other = denied(SESSION, "s3:GetObject", '"arn:aws:s3:::films/a.mov"')

    many, one = explain(causes_in([*texts, other]))

    assert (many.occurrences, one.occurrences) == (1000, 1)
    assert many.explanation.statements[0]["Resource"] == "arn:aws:s3:::photos/2024/*"
    assert one.explanation.statements[0]["Resource"] == "arn:aws:s3:::films/a.mov"


def test_each_denial_of_a_text_is_explained() -> None:
    """For example a log with several errors."""
    text = "\n".join(
        [
            denied(ANN, "s3:CreateJob", "*"),
            denied(SESSION, "lambda:InvokeFunction", FUNCTION),
        ]
    )

    assert [one.who for one in explanations(text)] == ["caller", "job role"]


# ---------------------------------------------------------------- hostile texts


@given(st.text(max_size=200))
def test_any_text_can_be_explained(text: str) -> None:
    """Texts come from reports, which other people may write."""
    job = access("S3PutObjectTagging", "photos")
    around = denied(SESSION, "s3:GetObject", f'"arn:aws:s3:::photos/{text}"', text)

    for found in explanations(text, around, f"{S3_ROW}{text}", job=job):
        assert found.to_json()


@given(
    principal=st.sampled_from([SESSION, ANN, PIPELINE, OF_FUNCTION]),
    kind=st.sampled_from(KINDS),
    explicit=st.booleans(),
    key=st.text(st.characters(exclude_characters='"\\\n\r', codec="utf-8"), min_size=1),
)
def test_what_a_message_says_is_read_back(
    principal: str, kind: str, explicit: bool, key: str
) -> None:
    """For each kind of policy, and any key."""
    resource = f"arn:aws:s3:::photos/{key}x"
    reason = f"with an explicit deny in a {kind}" if explicit else f"because no {kind} allows it"

    (found,) = denials_in(denied(principal, "s3:GetObject", f'"{resource}"', f" {reason}"))

    assert (found.principal, found.action, found.resource) == (principal, "s3:GetObject", resource)
    assert (found.kind, found.is_explicit) == (kind, explicit)
