"""Errors of AWS by their code, status and message."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import boto3
import boto3.exceptions
import boto3.s3.transfer
import botocore.exceptions
import botocore.loaders
import botocore.model
import botocore.parsers
import botocore.stub
import pytest
from botocore.client import Config

from s3batch_handler.core import _aws_error_table as aws
from s3batch_handler.core._error_text import describe
from tests.support.exceptions import (
    PERMANENT,
    SLOW_DOWN,
    TEMPORARY,
    client_error,
    code_of,
    loopback,
    raised,
    s3,
)

if TYPE_CHECKING:
    from s3batch_handler.core._model import ResultCode


def test_aws_code_counts_more_than_its_status(subtests: pytest.Subtests) -> None:
    """The code decides: S3 sends RequestTimeout with status 400, SQS RequestThrottled with 403."""
    for status in [None, 400, 403, 404, 503]:
        with subtests.test(status=status):
            for codes, expected in [
                (aws.TEMPORARY_CODES, TEMPORARY),
                (aws.PERMANENT_CODES, PERMANENT),
            ]:
                for code in (code for group in codes.values() for code in group):
                    assert code_of(client_error(code, status)) is expected, code


def test_codes_that_a_pattern_decides_are_not_listed() -> None:
    codes = [code for group in aws.TEMPORARY_CODES.values() for code in group]

    assert not [code for code in codes for part in aws.TEMPORARY_PARTS if part in code.lower()]


def test_each_code_is_in_the_table_once() -> None:
    codes = [
        code.lower()
        for part in (aws.TEMPORARY_CODES, aws.PERMANENT_CODES)
        for group in part.values()
        for code in group
    ]

    assert len(codes) == len(set(codes))


def test_unknown_aws_code_is_classified_by_its_status(subtests: pytest.Subtests) -> None:
    for status, expected in [
        (200, None),
        (304, None),
        (400, PERMANENT),
        (404, PERMANENT),
        (408, TEMPORARY),
        (412, PERMANENT),
        (425, TEMPORARY),
        (429, TEMPORARY),
        (500, TEMPORARY),
        (501, PERMANENT),
        (503, TEMPORARY),
        (505, PERMANENT),
        (599, TEMPORARY),
        (600, None),
        (None, None),
    ]:
        with subtests.test(status=status):
            assert code_of(client_error("NeverHeardOfIt", status)) is expected


@pytest.mark.parametrize(
    "code", ["throttlingException", "SLOWDOWN", "KMS.ThrottlingException", "SubThrottled"]
)
def test_codes_are_recognized_in_any_case(code: str) -> None:
    """Event streams use camel case, and services spell throttling differently."""
    assert code_of(client_error(code, 400)) is TEMPORARY


def test_head_object_of_a_missing_key() -> None:
    """A response to HEAD has no body, so botocore uses the status as the code."""
    error = client_error("404", 404, message="Not Found", operation="HeadObject")

    assert code_of(error) is PERMANENT
    assert describe(error) == "404 calling HeadObject: Not Found"


def test_request_id_of_a_response_without_a_body() -> None:
    """botocore creates an error from the status, and the ID is only in the headers."""
    with loopback(SLOW_DOWN) as url:
        error = raised(lambda: s3(url).head_object(Bucket="b", Key="k"))

    assert describe(error) == (
        "503 calling HeadObject: Service Unavailable (request id 7QXEXAMPLE)"
    )


def test_error_of_a_real_response_is_described_with_its_request_id() -> None:
    """AWS Support asks for the request ID."""
    with loopback(SLOW_DOWN) as url:
        error = raised(lambda: s3(url).get_object(Bucket="b", Key="k"))

    assert code_of(error) is TEMPORARY
    assert describe(error) == (
        "SlowDown calling GetObject: Please reduce your request rate. "
        "(HTTP 503, request id 7QXEXAMPLE)"
    )


def test_modeled_exception_is_an_aws_error() -> None:
    """``client.exceptions.NoSuchKey`` is a class that is created at run time."""
    client = s3("http://127.0.0.1:9")
    with botocore.stub.Stubber(client) as stub:
        stub.add_client_error("get_object", "NoSuchKey", "Gone.", 404)
        error = raised(lambda: client.get_object(Bucket="b", Key="k"))

    assert type(error).__name__ == "NoSuchKey"
    assert code_of(error) is PERMANENT
    assert describe(error) == "NoSuchKey calling GetObject: Gone. (HTTP 404)"


def test_aws_error_is_recognized_by_its_attributes() -> None:
    """Another AWS library may have its own class."""

    class AwsError(Exception):
        response: ClassVar = {"Error": {"Code": "SlowDown"}}

    assert code_of(AwsError()) is TEMPORARY
    assert describe(AwsError()) == "SlowDown"


def test_malformed_aws_error_raises_nothing(subtests: pytest.Subtests) -> None:
    for response in [
        {},
        {"Error": None},
        {"Error": {}},
        {"Error": {"Code": None}, "ResponseMetadata": None},
        {"Error": {"Code": 7}, "ResponseMetadata": {"HTTPStatusCode": "many"}},
        {"Error": "text"},
        "text",
    ]:
        with subtests.test(response=response):
            error = RuntimeError("odd")
            error.response = response  # type: ignore[attr-defined]

            assert code_of(error) is None
            assert describe(error)


def test_temporary_code_with_a_permanent_status(subtests: pytest.Subtests) -> None:
    for code, status in [
        ("APICallRateForCustomerExceeded", 400),
        ("ClientLimitExceededException", 400),
        ("ConcurrentAccess", 400),
        ("ConcurrentOperationException", 400),
        ("FederationSourceRetryableException", 400),
        ("OperationInProgressFailure", 400),
        ("OverLimit", 403),
        ("RateLimitExceededException", 400),
        ("Redirect", 307),
        ("307", 307),
        ("ReportInProgress", 404),
        ("ResourcePropagationDelayException", 428),
        ("TooManyInvalidationsInProgress", 400),
        ("TooManyUpdates", 400),
        ("INTERNAL_SERVER_EXCEPTION", 400),
    ]:
        with subtests.test(code=code):
            assert code_of(client_error(code, status)) is TEMPORARY


def test_code_with_a_prefix_is_classified_without_it(subtests: pytest.Subtests) -> None:
    """A whole code in the tables comes first; an unknown code is classified by its status."""
    for code, status, expected in [
        ("AWS.SimpleQueueService.QueueDeletedRecently", 400, TEMPORARY),
        ("KMS.DependencyTimeoutException", 400, TEMPORARY),
        ("KMS.KeyUnavailableException", 400, TEMPORARY),
        ("KMS.DisabledException", 400, PERMANENT),
        ("KMS.AccessDeniedException", 503, PERMANENT),
        ("InvalidInstanceID.NotFound", 400, PERMANENT),
        ("AWS.SimpleQueueService.NonExistentQueue", 400, PERMANENT),
        ("AWS.SimpleQueueService.NonExistentQueue", 500, TEMPORARY),
        ("Limit.307", 400, PERMANENT),
        (".QueueDeletedRecently", 400, PERMANENT),
        ("QueueDeletedRecently.", 400, PERMANENT),
    ]:
        with subtests.test(code=code):
            assert code_of(client_error(code, status)) is expected


def test_failed_model_is_classified_by_its_own_status(subtests: pytest.Subtests) -> None:
    """SageMaker, Bedrock and MWAA pass on the status of the service that they called."""
    for original, expected in [
        (500, TEMPORARY),
        (503, TEMPORARY),
        (429, TEMPORARY),
        (400, PERMANENT),
        (None, PERMANENT),
        ("503", PERMANENT),
    ]:
        for code, status, member in [
            ("ModelError", 424, "OriginalStatusCode"),
            ("ModelErrorException", 424, "originalStatusCode"),
            ("RestApiServerException", 400, "RestApiStatusCode"),
        ]:
            with subtests.test(original=original, code=code):
                error = client_error(code, status)
                error.response[member] = original  # type: ignore[literal-required]

                assert code_of(error) is expected


def test_original_status_of_a_real_client() -> None:
    """botocore copies the members of a modeled error into the response."""
    body = b'{"Message": "x", "OriginalMessage": "x", "OriginalStatusCode": 503}'
    head = "HTTP/1.1 424 Failed Dependency\r\nx-amzn-ErrorType: ModelError\r\n"
    head += f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"

    with loopback(head.encode() + body) as url:
        client = boto3.client(
            "sagemaker-runtime",
            endpoint_url=url,
            region_name="us-east-1",
            aws_access_key_id="a",
            aws_secret_access_key="s",
            config=Config(retries={"total_max_attempts": 1}),
        )
        error = raised(lambda: client.invoke_endpoint(EndpointName="e", Body=b"x"))

    assert isinstance(error, botocore.exceptions.ClientError)
    assert code_of(error) is TEMPORARY


@pytest.mark.parametrize("operation", ["get_object", "head_object"])
def test_redirect_of_a_new_bucket_is_temporary(operation: str) -> None:
    """botocore looks for the region of the bucket, and gives up if it knows that region already.

    A response to HEAD has no body, so the status is all that is left of the code.
    """
    body = b"<Error><Code>Redirect</Code></Error>" if operation == "get_object" else b""
    head = f"HTTP/1.1 307 Temporary Redirect\r\nContent-Length: {len(body)}\r\n"
    head += "x-amz-bucket-region: us-east-1\r\nConnection: close\r\n\r\n"

    with loopback(head.encode() + body) as url:
        error = raised(lambda: getattr(s3(url), operation)(Bucket="b", Key="k"))

    assert isinstance(error, botocore.exceptions.ClientError)
    assert code_of(error) is TEMPORARY


def test_restore_that_is_in_progress_is_permanent() -> None:
    """A restore takes hours: the exact code comes before the pattern ``InProgress``."""
    assert code_of(client_error("RestoreAlreadyInProgress", 409)) is PERMANENT


@pytest.mark.parametrize("code", ["ProvisionedConcurrencyConfigNotFoundException", "TooManyTags"])
def test_code_with_a_similar_word_is_classified_by_its_status(code: str) -> None:
    assert code_of(client_error(code, 404)) is PERMANENT


LAMBDA_NOT_READY = [
    ("CodeArtifactUserDeletedException", 409),
    ("CodeArtifactUserPendingException", 409),
    ("EFSIOException", 410),
    ("EFSMountConnectivityException", 408),
    ("EFSMountTimeoutException", 408),
    ("ENINotReadyException", 502),
    ("ResourceNotReadyException", 502),
    ("SnapStartNotReadyException", 409),
    ("SnapStartRegenerationFailureException", 409),
    ("SnapStartTimeoutException", 408),
]
LAMBDA_STAYS = [
    ("CodeArtifactUserFailedException", 409),
    ("DurableExecutionAlreadyStartedException", 409),
    ("EFSMountFailureException", 403),
    ("ResourceNotFoundException", 404),
    ("RuntimeVersionDeletedException", 409),
]


def test_lambda_function_that_cannot_be_called_now(subtests: pytest.Subtests) -> None:
    """A task may call another function, which may be ready a minute later."""
    for code, status, expected in [
        *((*each, TEMPORARY) for each in LAMBDA_NOT_READY),
        *((*each, PERMANENT) for each in LAMBDA_STAYS),
    ]:
        with subtests.test(code=code):
            modeled = {
                shape.get("error", {}).get("code", name): shape.get("error", {}).get(
                    "httpStatusCode"
                )
                for name, shape in botocore.loaders.Loader()
                .load_service_model("lambda", "service-2")["shapes"]
                .items()
            }

            assert modeled[code] == status
            assert code_of(client_error(code, status, operation="Invoke")) is expected


CONFLICT = "The operation cannot be performed at this time. "
STATE = f"{CONFLICT}The function is currently in the following state: "


def test_conflict_of_lambda_is_classified_by_its_message(subtests: pytest.Subtests) -> None:
    """The same code means a function that is not ready, or a name that exists already."""
    for message, expected in [
        (f"{STATE}Pending", TEMPORARY),
        (f"{STATE}Inactive", TEMPORARY),
        (f"{STATE}Failed", PERMANENT),
        (f"{CONFLICT}An update is in progress for resource: arn:aws:lambda:…", TEMPORARY),
        ("Function already exist: f", PERMANENT),
    ]:
        with subtests.test(message=message):
            assert (
                code_of(client_error("ResourceConflictException", 409, message=message)) is expected
            )


@pytest.mark.parametrize(
    ("operation", "message", "expected"),
    [
        ("Invoke", "not now", TEMPORARY),
        ("InvokeWithResponseStream", "not now", TEMPORARY),
        ("Invoke", f"{STATE}Failed", PERMANENT),
        ("CreateFunction", "not now", PERMANENT),
    ],
)
def test_conflict_of_an_invocation_is_temporary(
    operation: str, message: str, expected: ResultCode
) -> None:
    """An invocation creates nothing, so no name can exist already."""
    error = client_error("ResourceConflictException", 409, message=message, operation=operation)

    assert code_of(error) is expected


EXPIRED = (
    "Signature expired: 20240101T000000Z is now earlier than 20240101T000500Z "
    "(20240101T001000Z - 5 min.)"
)
TOO_EARLY = (
    "Signature not yet current: 20240101T001000Z is still later than 20240101T000500Z "
    "(20240101T000000Z + 5 min.)"
)
WRONG = "The request signature we calculated does not match the signature you provided."


def test_expired_signature_is_temporary_and_a_wrong_one_permanent(
    subtests: pytest.Subtests,
) -> None:
    """Lambda may freeze an environment between signing and sending; services share one code."""
    for message, expected in [(EXPIRED, TEMPORARY), (TOO_EARLY, TEMPORARY), (WRONG, PERMANENT)]:
        for code in ["InvalidSignatureException", "SignatureDoesNotMatch"]:
            with subtests.test(message=message, code=code):
                assert code_of(client_error(code, 403, message=message)) is expected


def test_expired_presigned_url_is_temporary() -> None:
    """The next attempt creates a new one."""
    error = client_error("AccessDenied", 403, message="Request has expired")

    assert code_of(error) is TEMPORARY


@pytest.mark.parametrize(
    "code",
    ["BadDigest", "IncompleteBody", "XAmzContentChecksumMismatch", "XAmzContentSHA256Mismatch"],
)
def test_incomplete_body_is_temporary(code: str) -> None:
    """S3 sends status 400, as for a request that is wrong."""
    assert code_of(client_error(code, 400, operation="PutObject")) is TEMPORARY
