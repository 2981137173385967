"""Exceptions of databases and RPCs."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any

import pytest

from s3batch_handler.core._errors import OutOfTime
from tests.support.exceptions import PERMANENT, TEMPORARY, code_of, foreign, with_attributes

if TYPE_CHECKING:
    from s3batch_handler.core._model import ResultCode


def test_unreachable_database_server(subtests: pytest.Subtests) -> None:
    """Drivers use one class for it and for wrong passwords, without a number."""
    for package, text, expected in [
        ("psycopg", 'connection to server at "127.0.0.1" failed: Connection refused', TEMPORARY),
        ("psycopg", "server closed the connection unexpectedly", TEMPORARY),
        ("psycopg2", "FATAL:  the database system is starting up", TEMPORARY),
        ("psycopg2", "could not receive data from server: Connection lost", TEMPORARY),
        ("psycopg", "the connection is closed", TEMPORARY),
        ("psycopg2", 'FATAL:  password authentication failed for user "a"', None),
    ]:
        with subtests.test(package=package):
            error = foreign(f"{package}.OperationalError", f"{package}.DatabaseError")(text)

            assert code_of(error) is expected


def test_mysql_error_is_classified_by_its_number(subtests: pytest.Subtests) -> None:
    """The class depends on the driver, and the text may quote data."""
    for cls in [
        foreign("MySQLdb.OperationalError", "MySQLdb.Error"),
        foreign("mysql.InternalError", "mysql.Error"),
        foreign("mysql.DatabaseError", "mysql.Error"),
        foreign("pymysql.InterfaceError", "pymysql.Error"),
    ]:
        for number, expected in [
            *((number, TEMPORARY) for number in (0, 1040, 1205, 1213, 2003, 2006, 2013, 3572)),
            *((number, None) for number in (1045, 1062, 1064, 1153, -1, True, "1213", None)),
        ]:
            with subtests.test(cls=cls, number=number):
                assert code_of(cls(number, "Duplicate entry 'Deadlock found'")) is expected
                assert code_of(cls()) is None


def test_mysql_number_of_other_libraries(subtests: pytest.Subtests) -> None:
    """Each library has its own attribute for it."""
    numbers: list[tuple[type[Exception], dict[str, Any], ResultCode | None]] = [
        (foreign("pymongo.ExecutionTimeout", "pymongo.OperationFailure"), {"code": 50}, TEMPORARY),
        (foreign("pymongo.WriteError", "pymongo.OperationFailure"), {"code": 112}, TEMPORARY),
        (foreign("pymongo.OperationFailure"), {"code": 16500}, TEMPORARY),
        (foreign("pymongo.OperationFailure"), {"code": 18}, None),
        (foreign("pymongo.DuplicateKeyError", "pymongo.OperationFailure"), {"code": 11000}, None),
        (foreign("pymongo.OperationFailure"), {"code": None}, None),
        (foreign("pika.ConnectionClosed"), {"reply_code": 320}, TEMPORARY),
        (foreign("pika.ConnectionClosed"), {"reply_code": 403}, None),
        (foreign("pika.ChannelClosed"), {"reply_code": 405}, TEMPORARY),
        (foreign("pika.ChannelClosed"), {"reply_code": 404}, None),
        (foreign("paramiko.ChannelException", "paramiko.SSHException"), {"code": 4}, TEMPORARY),
        (foreign("paramiko.ChannelException", "paramiko.SSHException"), {"code": 1}, None),
        (foreign("kafka.KafkaTimeoutError", "kafka.KafkaError"), {"retriable": True}, TEMPORARY),
        (foreign("kafka.MessageSizeTooLargeError", "kafka.KafkaError"), {"retriable": False}, None),
        (foreign("stripe.APIError", "stripe.StripeError"), {"http_status": 503}, TEMPORARY),
        (foreign("stripe.APIError", "stripe.StripeError"), {"http_status": 429}, TEMPORARY),
        (foreign("stripe.CardError", "stripe.StripeError"), {"http_status": 402}, PERMANENT),
        (foreign("twilio.TwilioRestException"), {"status": 429, "code": 20429}, TEMPORARY),
        (foreign("twilio.TwilioRestException"), {"status": 503, "code": None}, TEMPORARY),
        (foreign("twilio.TwilioServiceException"), {"status": 503, "code": 20503}, TEMPORARY),
        (foreign("twilio.TwilioRestException"), {"status": 404, "code": 20404}, PERMANENT),
        (foreign("azure.CosmosHttpResponseError"), {"status_code": 449}, TEMPORARY),
    ]
    for cls, attributes, expected in numbers:
        with subtests.test(cls=cls):
            assert code_of(with_attributes(cls, "x", **attributes)) is expected


def test_mongodb_bulk_write_is_classified_by_all_its_errors(subtests: pytest.Subtests) -> None:
    """Its own number is always the same."""
    for details, expected in [
        ({"writeErrors": [{"code": 16500}, {"code": 16500}]}, TEMPORARY),
        ({"writeErrors": [], "writeConcernErrors": [{"code": 91}]}, TEMPORARY),
        ({"writeErrors": [{"code": 16500}, {"code": 11000}]}, None),
        ({"writeErrors": [{"code": 16500}], "writeConcernErrors": [{"code": 100}]}, None),
        ({"writeErrors": [{}]}, None),
        ({"writeErrors": []}, None),
        ({}, None),
        (None, None),
    ]:
        with subtests.test(details=details):
            cls = foreign("pymongo.BulkWriteError", "pymongo.OperationFailure")

            assert code_of(with_attributes(cls, "x", code=65, details=details)) is expected


def test_database_error_is_classified_by_its_sqlstate(subtests: pytest.Subtests) -> None:
    """The name of its class is not important."""
    for name, base, attribute in [
        ("asyncpg.LockNotAvailableError", "asyncpg.PostgresError", "sqlstate"),
        ("psycopg.SomeError", "psycopg.Error", "sqlstate"),
        ("psycopg2.SomeError", "psycopg2.Error", "pgcode"),
        ("pyodbc.OperationalError", "pyodbc.Error", "args"),
    ]:
        for state, expected in [
            *(
                (state, TEMPORARY)
                for state in ("08000", "08006", "40001", "40P01", "53100", "53300")
            ),
            *(
                (state, TEMPORARY)
                for state in ("55P03", "57014", "57P01", "57P03", "25P03", "HYT00")
            ),
            *((state, None) for state in ("08P01", "23505", "28P01", "40002", "42601", "53400")),
            *((state, None) for state in ("57P04", "55006", "", None, 40001)),
        ]:
            with subtests.test(name=name, state=state):
                cls = foreign(name, base)

                error = (
                    cls(state)
                    if attribute == "args"
                    else with_attributes(cls, "x", **{attribute: state})
                )

                assert code_of(error) is expected


class Status(enum.Enum):
    """Names and values as ``grpc.StatusCode`` has them."""

    OK = (0, "ok")
    CANCELLED = (1, "cancelled")
    UNKNOWN = (2, "unknown")
    INVALID_ARGUMENT = (3, "invalid argument")
    DEADLINE_EXCEEDED = (4, "deadline exceeded")
    NOT_FOUND = (5, "not found")
    ALREADY_EXISTS = (6, "already exists")
    PERMISSION_DENIED = (7, "permission denied")
    RESOURCE_EXHAUSTED = (8, "resource exhausted")
    FAILED_PRECONDITION = (9, "failed precondition")
    ABORTED = (10, "aborted")
    OUT_OF_RANGE = (11, "out of range")
    UNIMPLEMENTED = (12, "unimplemented")
    INTERNAL = (13, "internal")
    UNAVAILABLE = (14, "unavailable")
    DATA_LOSS = (15, "data loss")
    UNAUTHENTICATED = (16, "unauthenticated")


def rpc_error(code: object, text: str = "x") -> Exception:
    return with_attributes(foreign("grpc._InactiveRpcError", "grpc.RpcError"), text, code=code)


def test_rpc_is_classified_by_its_status(subtests: pytest.Subtests) -> None:
    """Like the HTTP status that Google maps it to; ABORTED is temporary."""
    for status in Status:
        with subtests.test(status=status):
            temporary = (
                "UNKNOWN DEADLINE_EXCEEDED RESOURCE_EXHAUSTED ABORTED INTERNAL UNAVAILABLE"
                " DATA_LOSS"
            )
            undecided = "OK CANCELLED"

            expected = TEMPORARY if status.name in temporary.split() else PERMANENT
            expected_or_none = None if status.name in undecided.split() else expected

            assert code_of(rpc_error(lambda: status)) is expected_or_none


@pytest.mark.parametrize(
    ("status", "details"),
    [
        (Status.RESOURCE_EXHAUSTED, "CLIENT: Received message larger than max (9 vs. 4)"),
        (Status.INTERNAL, "Exception serializing request!"),
        (Status.UNAVAILABLE, "OPENSSL_internal:CERTIFICATE_VERIFY_FAILED: self signed certificate"),
    ],
)
def test_permanent_rpc_failure_with_a_temporary_status(status: Status, details: str) -> None:
    """The details of the status decide."""
    assert code_of(rpc_error(lambda: status, details)) is PERMANENT


def throw(error: BaseException) -> Any:
    raise error


def test_status_of_an_rpc_that_cannot_be_read(subtests: pytest.Subtests) -> None:
    """A method of an exception may raise."""
    for code in [
        None,
        Status.UNAVAILABLE,
        14,
        lambda: None,
        lambda: 14,
        lambda: "UNAVAILABLE",
        lambda _: Status.UNAVAILABLE,
        lambda: throw(ValueError()),
        lambda: throw(SystemExit()),
        lambda: throw(KeyboardInterrupt()),
    ]:
        with subtests.test(code=code):
            assert code_of(rpc_error(code)) is None


def test_status_of_an_rpc_is_read_within_the_time_limit() -> None:
    """An interruption passes through, as it does for attributes."""
    with pytest.raises(OutOfTime):
        code_of(rpc_error(lambda: throw(OutOfTime())))


def test_method_of_another_exception_is_not_called() -> None:
    error = with_attributes(foreign("mylib.Error"), "x", code=lambda: throw(AssertionError()))

    assert code_of(error) is None
