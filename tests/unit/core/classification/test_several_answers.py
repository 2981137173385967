"""Errors that contain the answers to several requests."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

import boto3
import boto3.exceptions
import boto3.s3.transfer
import botocore.exceptions
import botocore.loaders
import botocore.model
import botocore.parsers
import botocore.stub
from aws_lambda_powertools.utilities.batch.exceptions import (
    BatchProcessingError,
    SQSFifoCircuitBreakerError,
)
from aws_lambda_powertools.utilities.parameters.base import BaseProvider
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from s3batch_handler.core._error_text import describe

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

    from s3batch_handler.core._model import ResultCode
from tests.support.exceptions import (
    PERMANENT,
    SLOW_DOWN,
    TEMPORARY,
    client_error,
    code_of,
    foreign,
    loopback,
    raised,
    s3,
)


def waiter_error(response: Any) -> botocore.exceptions.WaiterError:
    return botocore.exceptions.WaiterError("ObjectExists", "it ended", response)


def test_waiter_is_classified_by_its_last_response(subtests: pytest.Subtests) -> None:
    """A state that was not expected does not say whether a retry helps."""
    for response, expected in [
        (client_error("SlowDown", 503).response, TEMPORARY),
        (client_error("Throttling", 400).response, TEMPORARY),
        (client_error("AccessDenied", 403).response, PERMANENT),
        (client_error("404", 404).response, PERMANENT),
        ({"Stacks": [], "ResponseMetadata": {"HTTPStatusCode": 200}}, None),
        ({}, None),
        (None, None),
    ]:
        with subtests.test(response=response):
            assert code_of(waiter_error(response)) is expected


def test_waiter_that_is_throttled() -> None:
    """With a real client."""
    with loopback(SLOW_DOWN) as url:
        error = raised(lambda: s3(url).get_waiter("object_exists").wait(Bucket="b", Key="k"))

    assert isinstance(error, botocore.exceptions.WaiterError)
    assert code_of(error) is TEMPORARY
    assert describe(error).startswith("WaiterError: Waiter ObjectExists failed: ")
    assert describe(error).endswith("(request id 7QXEXAMPLE)")


def test_error_of_powertools_parameters() -> None:
    """Powertools passes on the text only: the chain leads to the response."""

    class Provider(BaseProvider):
        @override
        def _get(self, name: str, **sdk_options: Any) -> str:
            raise client_error("ThrottlingException", 400)

        @override
        def _get_multiple(self, path: str, **sdk_options: Any) -> dict[str, Any]:
            raise client_error("AccessDeniedException", 400)

    provider: Any = Provider()  # type: ignore[no-untyped-call]

    assert code_of(raised(lambda: provider.get("a"))) is TEMPORARY
    assert code_of(raised(lambda: provider.get_multiple("/a"))) is PERMANENT


def transaction_cancelled(
    *codes: str, message: str = "Transaction cancelled"
) -> botocore.exceptions.ClientError:
    """Return what DynamoDB's TransactWriteItems raises."""
    error = client_error("TransactionCanceledException", 400, message=message)
    if codes:
        response: Any = error.response
        response["CancellationReasons"] = [{"Code": code} for code in codes]
    return client_error_of(error.response)


def client_error_of(response: Any) -> botocore.exceptions.ClientError:
    return botocore.exceptions.ClientError(response, "TransactWriteItems")


WRITE: Any = {"Delete": {"TableName": "t", "Key": {"id": {"S": "x"}}}}
PASSING_REASONS = ["ProvisionedThroughputExceeded", "ThrottlingError", "TransactionConflict"]
LASTING_REASONS = [
    "AccessDenied",
    "ConditionalCheckFailed",
    "DuplicateItem",
    "ItemCollectionSizeLimitExceeded",
    "ValidationError",
]


@given(
    passing=st.lists(st.sampled_from(PASSING_REASONS), max_size=4),
    lasting=st.lists(st.sampled_from(LASTING_REASONS), max_size=2),
    none=st.integers(0, 4),
    data=st.data(),
)
def test_cancelled_transaction_is_temporary_if_every_reason_is(
    passing: list[str], lasting: list[str], none: int, data: st.DataObject
) -> None:
    """In any order. An item without a problem is not a reason."""
    codes = data.draw(st.permutations([*passing, *lasting, *["None"] * none]))

    code = code_of(transaction_cancelled(*codes))
    quoted = code_of(
        transaction_cancelled(
            message="Transaction cancelled, please refer cancellation reasons for specific "
            f"reasons [{', '.join(codes)}]"
        )
    )

    assert code is (TEMPORARY if passing and not lasting else PERMANENT)
    assert quoted is code


def test_cancelled_transaction_with_an_unknown_reason() -> None:
    """The reason may be permanent."""
    assert code_of(transaction_cancelled("TransactionConflict", "NeverHeardOfIt")) is PERMANENT


def test_cancelled_transaction_of_a_real_client() -> None:
    """botocore's parser adds the reasons to the response."""
    session: Any = boto3.Session("x", "x", region_name="us-east-1")
    reply = json.dumps(
        {
            "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
            "Message": "Transaction cancelled",
            "CancellationReasons": [{"Code": "None"}, {"Code": "TransactionConflict"}],
        }
    ).encode()
    head = f"HTTP/1.1 400 Bad\r\nContent-Length: {len(reply)}\r\nConnection: close\r\n\r\n"

    with loopback(head.encode() + reply) as url:
        client = session.client("dynamodb", endpoint_url=url)
        error = raised(lambda: client.transact_write_items(TransactItems=[WRITE]))

    assert type(error).__name__ == "TransactionCanceledException"
    assert code_of(error) is TEMPORARY


def test_response_of_a_batch_in_an_exception_of_the_user(subtests: pytest.Subtests) -> None:
    """boto3 raises nothing for partial failures, so the user raises its response."""
    answers: list[tuple[dict[Any, Any], ResultCode | None]] = [
        ({"Errors": [{"Code": "SlowDown"}, {"Code": "InternalError"}]}, TEMPORARY),
        ({"Errors": [{"Code": "SlowDown"}, {"Code": "AccessDenied"}]}, PERMANENT),
        (
            {
                "Records": [
                    {"ShardId": "1"},
                    {"ErrorCode": "ProvisionedThroughputExceededException"},
                ]
            },
            TEMPORARY,
        ),
        (
            {"RequestResponses": [{"RecordId": "1"}, {"ErrorCode": "ServiceUnavailableException"}]},
            TEMPORARY,
        ),
        ({"Entries": [{"EventId": "1"}, {"ErrorCode": "ThrottlingException"}]}, TEMPORARY),
        ({"Failed": [{"Code": "InternalError"}, {"Code": "NeverHeardOfIt"}]}, None),
        ({"Failed": [{"Code": "InternalError"}, {"Message": "no code"}]}, None),
        ({"Records": "text", "Errors": [None, 7], 5: [{"Code": "SlowDown"}]}, None),
        ({"Errors": [{"SecretId": "a", "ErrorCode": "InternalServiceError"}]}, TEMPORARY),
        ({"Errors": [{"SecretId": "a", "ErrorCode": "AccessDeniedException"}]}, PERMANENT),
        ({"Responses": [{"TableName": "t"}, {"Error": {"Code": "ThrottlingError"}}]}, TEMPORARY),
        ({"Responses": [{"Error": {"Code": "ConditionalCheckFailed"}}]}, PERMANENT),
        ({"Errors": [{"ErrorDetail": {"ErrorCode": "InternalServiceException"}}]}, TEMPORARY),
        ({"ErrorList": [{"Index": 0, "ErrorCode": "INTERNAL_SERVER_EXCEPTION"}]}, TEMPORARY),
        ({"ErrorList": [{"Index": 0, "ErrorCode": "500"}, {"ErrorCode": 429}]}, TEMPORARY),
        ({"UnprocessedFindings": [{"ErrorCode": "InternalException"}]}, TEMPORARY),
        ({"failures": [{"failureCode": "ImageNotFound"}]}, None),
        ({"failures": [{"failureCode": "UpstreamUnavailable"}]}, TEMPORARY),
        ({"failedAccounts": [{"errorCode": "SSM_UNAVAILABLE"}]}, TEMPORARY),
        ({"UserErrors": [{"ErrorCode": "ServiceFailure"}]}, TEMPORARY),
        (
            {"errorEntries": [{"entryId": "1", "errors": [{"errorCode": "ThrottlingException"}]}]},
            TEMPORARY,
        ),
        (
            {"FailedResourcesMap": {"arn": {"StatusCode": 500, "ErrorCode": "InternalException"}}},
            TEMPORARY,
        ),
        (
            {"BulkEmailEntryResults": [{"Status": "SUCCESS"}, {"Status": "TRANSIENT_FAILURE"}]},
            TEMPORARY,
        ),
        (
            {"UnprocessedItems": {"t": [{"PutRequest": {"Item": {"Code": "AccessDenied"}}}]}},
            TEMPORARY,
        ),
        ({"UnprocessedKeys": {"t": {"Keys": [{"id": "1"}]}}}, TEMPORARY),
        ({"UnprocessedKeys": {}, "Responses": {"t": [{"Code": "SlowDown"}]}}, None),
        ({"UnprocessedKeys": [{"Values": ["1"]}], "Errors": [{"Code": "AccessDenied"}]}, PERMANENT),
    ]
    for response, expected in answers:
        with subtests.test(response=response):

            class NotAllDoneError(Exception):
                def __init__(self, answer: dict[Any, Any]) -> None:
                    self.response = {**answer, "ResponseMetadata": {"HTTPStatusCode": 200}}

            assert code_of(NotAllDoneError(response)) is expected


def test_powertools_batch_is_classified_by_its_records(subtests: pytest.Subtests) -> None:
    """BatchProcessingError has the ``sys.exc_info()`` of each record."""
    batches: list[tuple[list[Exception], ResultCode | None]] = [
        ([TimeoutError(), client_error("SlowDown")], TEMPORARY),
        ([TimeoutError(), client_error("NoSuchKey")], PERMANENT),
        ([TimeoutError(), ValueError()], None),
        ([ExceptionGroup("g", [TimeoutError()])], TEMPORARY),
        ([SQSFifoCircuitBreakerError(), TimeoutError()], TEMPORARY),
        ([], None),
    ]
    for children, expected in batches:
        with subtests.test(children=children):
            error = BatchProcessingError(
                "all failed", [(type(each), each, None) for each in children]
            )

            assert code_of(error) is expected
            assert code_of(ExceptionGroup("g", [error, TimeoutError()])) is expected or not children


def test_bulk_request_of_opensearch(subtests: pytest.Subtests) -> None:
    """A busy cluster rejects actions of a bulk request one by one."""
    for package in ["elasticsearch", "opensearchpy"]:
        for statuses, expected in [
            ([429, 503], TEMPORARY),
            ([429, 409], PERMANENT),
            ([429, "N/A"], None),
            ([], None),
        ]:
            with subtests.test(package=package, statuses=statuses):
                error = foreign(f"{package}.BulkIndexError")("2 document(s) failed to index.")
                error.errors = [{"index": {"_id": "1", "status": status}} for status in statuses]  # type: ignore[attr-defined]

                assert code_of(error) is expected


def test_batch_that_contains_itself_ends() -> None:
    error = BatchProcessingError("all failed", [(TimeoutError, TimeoutError(), None)])
    error.child_exceptions.append((BatchProcessingError, error, None))

    assert code_of(error) is TEMPORARY


def test_batch_whose_exception_leads_back_to_it_ends() -> None:
    child = ValueError()
    error = BatchProcessingError("all failed", [(ValueError, child, None)])
    child.__cause__ = error

    assert code_of(error) is None


def test_long_list_of_failures_is_read_in_part() -> None:
    class Endless(list[Any]):
        @override
        def __iter__(self) -> Iterator[Any]:
            return itertools.repeat({"Code": "SlowDown"})

    assert code_of(client_error_of({"Errors": Endless()})) is TEMPORARY


def test_list_of_failures_that_contains_itself() -> None:
    failures: list[Any] = [{"Code": "SlowDown"}]
    failures[0]["Errors"] = failures

    assert code_of(client_error_of({"Errors": failures})) is TEMPORARY
