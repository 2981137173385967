"""All exceptions of botocore, s3transfer and Powertools."""

from __future__ import annotations

import importlib
import importlib.resources
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aws_lambda_powertools.utilities.idempotency.exceptions
import boto3
import boto3.exceptions
import boto3.s3.transfer
import botocore.exceptions
import botocore.loaders
import botocore.model
import botocore.parsers
import botocore.stub
import pytest
import s3transfer.exceptions
from botocore.client import Config
from botocore.retries import standard

if TYPE_CHECKING:
    from collections.abc import Iterator
from tests.support.exceptions import (
    PERMANENT,
    TEMPORARY,
    chain,
    classes_of,
    client_error,
    code_of,
    loopback,
    ok,
    raised,
    s3,
)

BOTOCORE_TEMPORARY = {
    "CapacityNotAvailableError": "its own retry quota is used up",
    "ChecksumError": "the body was damaged",
    "ConnectTimeoutError": "network",
    "ConnectionClosedError": "network",
    "ConnectionError": "network",
    "CredentialRetrievalError": "the source of credentials did not respond",
    "EndpointConnectionError": "network",
    "FlexibleChecksumError": "the body was damaged",
    "HTTPClientError": "network; botocore tries it again too",
    "IncompleteReadError": "network",
    "MetadataRetrievalError": "the source of credentials did not respond",
    "ProxyConnectionError": "network",
    "ReadTimeoutError": "network",
    "ResponseStreamingError": "network",
    "SSLError": "network, unless a certificate is behind it: see below",
}
BOTOCORE_UNDECIDED = {
    "ClientError": "its response decides; here it has none",
    "EventStreamError": "its response decides; here it has none",
    "ImminentRemovalWarning": "a warning",
    "MissingServiceIdError": "a bug in a service model, of AttributeError's family",
    "UndefinedModelAttributeError": "a bug in a service model",
    "UnseekableStreamError": "hides another failure",
    "UnsupportedTLSVersionWarning": "a warning",
    "WaiterError": "depends on the resource that was waited for",
}
BOTOCORE_PERMANENT = frozenset(
    """
    AliasConflictParameterError ApiVersionNotFoundError AwsChunkedWrapperError
    BaseEndpointResolverError BotoCoreError ConfigNotFound ConfigParseError DataNotFoundError
    EndpointProviderError EndpointResolutionError EndpointVariantError InfiniteLoopConfigError
    InvalidChecksumConfigError InvalidConfigError InvalidDNSNameError InvalidDefaultsMode
    InvalidEndpointConfigurationError InvalidEndpointDiscoveryConfigurationError
    InvalidExpressionError InvalidHostLabelError InvalidIMDSEndpointError
    InvalidIMDSEndpointModeError InvalidMaxRetryAttemptsError InvalidProxiesConfigError
    InvalidRegionError InvalidRetryConfigurationError InvalidRetryModeError
    InvalidS3AddressingStyleError InvalidS3UsEast1RegionalEndpointConfigError
    InvalidSTSRegionalEndpointsConfigError LoginAuthorizationCodeError LoginError
    LoginInsufficientPermissions LoginRefreshRequired LoginTokenLoadError MD5UnavailableError
    MissingDependencyException MissingParametersError NoAuthTokenError NoCredentialsError
    NoRegionError OperationNotPageableError PaginationError ParamValidationError
    PartialCredentialsError ProfileNotFound RangeError RefreshWithMFAUnsupportedError SSOError
    SSOTokenLoadError ServiceNotInRegionError StubAssertionError StubResponseError
    TokenRetrievalError UnStubbedResponseError UnauthorizedSSOTokenError UnknownClientMethodError
    UnknownCredentialError UnknownEndpointError UnknownEndpointResolutionBuiltInName
    UnknownFIPSEndpointError UnknownKeyError UnknownParameterError UnknownRegionError
    UnknownServiceError UnknownServiceStyle UnknownSignatureVersionError UnknownTokenProviderError
    UnsupportedOutpostResourceError UnsupportedS3AccesspointConfigurationError UnsupportedS3ArnError
    UnsupportedS3ConfigurationError UnsupportedS3ControlArnError
    UnsupportedS3ControlConfigurationError UnsupportedServiceProtocolsError
    UnsupportedSignatureVersionError ValidationError WaiterConfigError
    """.split()  # noqa: SIM905  86 quotation marks would hide the names
)

BOTOCORE_CLASSES = classes_of(botocore.exceptions)


def test_every_exception_class_of_botocore(subtests: pytest.Subtests) -> None:
    """It fails for a class of a new botocore that has not been classified."""
    for name in sorted(BOTOCORE_CLASSES):
        with subtests.test(name=name):
            cls = BOTOCORE_CLASSES[name]
            error = cls.__new__(cls)  # constructors want too many different things

            code = code_of(error)

            if name in BOTOCORE_TEMPORARY:
                assert code is TEMPORARY
            elif name in BOTOCORE_UNDECIDED:
                assert code is None
            else:
                assert name in BOTOCORE_PERMANENT
                assert code is PERMANENT


STANDARD: Any = standard  # its lists are private


def codes_in_retry_rules(rules: object) -> Iterator[str]:
    if isinstance(rules, dict):
        if "service_error_code" in rules:
            yield rules["service_error_code"]
        for value in rules.values():
            yield from codes_in_retry_rules(value)


def test_every_code_that_botocore_retries_is_temporary() -> None:
    """This covers botocore's legacy rules and both lists of its standard mode."""
    rules = importlib.resources.files("botocore.data").joinpath("_retry.json").read_bytes()
    codes = {
        *codes_in_retry_rules(json.loads(rules)),
        *STANDARD.ThrottledRetryableChecker._THROTTLED_ERROR_CODES,
        *STANDARD.TransientRetryableChecker._TRANSIENT_ERROR_CODES,
    }

    refused = {code for code in codes if code_of(client_error(code, 400)) is not TEMPORARY}

    assert len(codes) > 15
    assert refused == set()


def test_every_status_that_botocore_retries_is_temporary() -> None:
    statuses = [
        *STANDARD.TransientRetryableChecker._TRANSIENT_STATUS_CODES,
        *STANDARD.ThrottlingStatusCodeChecker._THROTTLING_STATUS_CODES,
    ]

    assert {code_of(client_error("?", status)) for status in statuses} == {TEMPORARY}


def test_every_class_that_botocore_retries_is_temporary() -> None:
    for cls in STANDARD.TransientRetryableChecker._TRANSIENT_EXCEPTION_CLS:
        assert code_of(cls.__new__(cls)) is TEMPORARY


POWERTOOLS_TEMPORARY = {
    "IdempotencyAlreadyInProgressError": "a stopped task left a record, or the task runs twice",
    "IdempotencyInconsistentStateError": "the store changed between two requests",
    "IdempotencyItemAlreadyExistsError": "another process was faster; its result follows",
    "IdempotencyItemNotFoundError": "the record has just expired",
    "IdempotencyPersistenceConnectionError": "network",
    "IdempotencyPersistenceConsistencyError": "Powertools replaces such a record next time",
}
POWERTOOLS_PERMANENT = {
    "IdempotencyInvalidStatusError",
    "IdempotencyKeyError",
    "IdempotencyModelTypeError",
    "IdempotencyNoSerializationModelError",
    "IdempotencyPersistenceConfigError",
    "IdempotencyValidationError",
}
POWERTOOLS_UNDECIDED = {
    "BaseError": "of all of them",
    "IdempotencyPersistenceLayerError": "raised from what failed in the store",
}
POWERTOOLS_CLASSES = classes_of(aws_lambda_powertools.utilities.idempotency.exceptions)


def test_every_exception_of_powertools_idempotency(subtests: pytest.Subtests) -> None:
    """It fails for an exception of a new Powertools that has not been classified."""
    for name in sorted(POWERTOOLS_CLASSES):
        with subtests.test(name=name):
            code = code_of(POWERTOOLS_CLASSES[name]("x"))

            if name in POWERTOOLS_TEMPORARY:
                assert code is TEMPORARY
            elif name in POWERTOOLS_PERMANENT:
                assert code is PERMANENT
            else:
                assert name in POWERTOOLS_UNDECIDED
                assert code is None


def test_failed_persistence_layer_of_powertools() -> None:
    error = chain(
        POWERTOOLS_CLASSES["IdempotencyPersistenceLayerError"]("Failed to save in progress record"),
        client_error("ProvisionedThroughputExceededException", 400),
    )

    assert code_of(error) is TEMPORARY


def json_client(url: str) -> Any:
    session: Any = boto3.Session("x", "x", region_name="us-east-1")
    config = Config(retries={"total_max_attempts": 1})
    return session.client("dynamodb", endpoint_url=url, config=config)


@pytest.mark.parametrize(
    "answer",
    [
        b"\xff\xfe",
        b"[1]",
        b'{"TableNames": 7}',
        b'"text"',
    ],
)
def test_response_whose_json_botocore_cannot_read(answer: bytes) -> None:
    """botocore does not check it: Python's own errors are raised."""
    with loopback(ok(answer)) as url:
        error = raised(lambda: json_client(url).list_tables())

    assert type(error).__module__ == "builtins"
    assert code_of(error) is TEMPORARY


@pytest.mark.parametrize(
    "answer",
    [
        b"<ListBucketResult><MaxKeys>x</MaxKeys></ListBucketResult>",
        b"<ListBucketResult><Contents><LastModified>x</LastModified></Contents></ListBucketResult>",
    ],
)
def test_response_whose_xml_botocore_cannot_read(answer: bytes) -> None:
    with loopback(ok(answer)) as url:
        error = raised(lambda: s3(url).list_objects_v2(Bucket="b"))

    assert isinstance(error, ValueError)
    assert code_of(error) is TEMPORARY


def test_parser_errors_of_user_code_are_not_classified() -> None:
    """Content that the user's code cannot read does not change."""
    assert code_of(raised(b"\xff".decode)) is None
    assert code_of(raised(lambda: json.loads(b"[")["a"])) is None


def test_response_that_is_not_xml() -> None:
    """botocore itself says that further retries may succeed."""
    session: Any = boto3.Session("x", "x", region_name="us-east-1")
    with loopback(ok(b"Internal Failure")) as url:
        error = raised(lambda: session.client("sns", endpoint_url=url).list_topics())

    assert isinstance(error, botocore.parsers.ResponseParserError)
    assert code_of(error) is TEMPORARY


OTHER_BOTOCORE = {
    "BadIMDSRequestError": None,
    "ChecksumMismatch": TEMPORARY,
    "DuplicateHeader": TEMPORARY,
    "EndpointDiscoveryException": PERMANENT,
    "EndpointDiscoveryRefreshFailed": TEMPORARY,
    "EndpointDiscoveryRequired": PERMANENT,
    "InvalidArnException": None,
    "InvalidHeadersLength": TEMPORARY,
    "InvalidPayloadLength": TEMPORARY,
    "InvalidShapeError": None,
    "InvalidShapeReferenceError": None,
    "NoInitialResponseError": TEMPORARY,
    "NoShapeFoundError": None,
    "OperationNotFoundError": None,
    "ParserError": TEMPORARY,
    "ResponseParserError": TEMPORARY,
    "_RetriesExceededError": None,
}


def test_exceptions_of_botocore_that_are_in_other_modules() -> None:
    """Parsers and event streams raise exceptions that are not a BotoCoreError."""
    modules = [
        importlib.import_module(f"botocore.{path.stem}")
        for path in Path(botocore.__file__).parent.glob("*.py")
        if path.stem not in ("__init__", "exceptions", "crt")
    ]
    classes = {name: cls for module in modules for name, cls in classes_of(module).items()}

    codes = {name: code_of(cls.__new__(cls)) for name, cls in classes.items()}

    assert codes == OTHER_BOTOCORE


OTHER_S3TRANSFER = {
    "FatalError": None,
    "InvalidSubscriberMethodError": None,
    "RetriesExceededError": TEMPORARY,
    "S3CopyFailedError": None,
    "S3DownloadFailedError": None,
    "S3UploadFailedError": None,
    "S3ValidationError": TEMPORARY,
    "TransferNotDoneError": None,
}


def test_exceptions_of_s3transfer() -> None:
    """Without a text. Some are classified by their text or cause."""
    classes = classes_of(s3transfer.exceptions)

    codes = {name: code_of(cls.__new__(cls)) for name, cls in classes.items()}

    assert codes == OTHER_S3TRANSFER
