"""Exceptions and what they mean: the rules, the table, and the words for a report."""

from __future__ import annotations

import concurrent.futures
import concurrent.futures.process
import datetime as dt
import enum
import errno
import ftplib
import functools
import http.client
import http.server
import imaplib
import importlib
import importlib.resources
import inspect
import itertools
import json
import logging
import multiprocessing
import multiprocessing.pool
import poplib
import re
import shutil
import smtplib
import socket
import sqlite3
import ssl
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import xmlrpc.client
from contextlib import closing, contextmanager, suppress
from email.message import Message
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

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
import requests
import s3transfer.exceptions
import urllib3
from aws_lambda_powertools.utilities.batch.exceptions import (
    BatchProcessingError,
    SQSFifoCircuitBreakerError,
)
from aws_lambda_powertools.utilities.parameters.base import BaseProvider
from botocore.client import Config
from botocore.retries import standard
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from s3batch_handler.core import _retry_tables as table
from s3batch_handler.core._classification import classify
from s3batch_handler.core._error_text import describe
from s3batch_handler.core._errors import OutOfTime, PermanentFailure, TaskFailure, TemporaryFailure
from s3batch_handler.core._model import ResultCode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

AnyException = TypeVar("AnyException", bound=BaseException)

TEMPORARY = ResultCode.TEMPORARY_FAILURE
PERMANENT = ResultCode.PERMANENT_FAILURE


# ---------------------------------------------------------------- helpers


def code_of(error: BaseException, **options: Any) -> ResultCode | None:
    """Say what an exception means, whatever in its chain has decided."""
    return classify(error, **options).code


def raised(action: Callable[[], object]) -> BaseException:
    """Give the exception that really comes out of a call, with its chain."""
    try:
        action()
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


def chain(*links: AnyException) -> AnyException:
    """Raise each exception from the next: the first one is what comes out."""
    for outer, inner in itertools.pairwise(links):
        outer.__cause__ = inner
    return links[0]


def client_error(
    code: str = "SlowDown",
    status: int | None = None,
    *,
    message: str = "Please reduce your request rate.",
    operation: str = "GetObject",
    request_id: str | None = None,
) -> botocore.exceptions.ClientError:
    metadata: dict[str, Any] = {}
    if status is not None:
        metadata["HTTPStatusCode"] = status
    if request_id is not None:
        metadata["RequestId"] = request_id
    response: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": metadata}
    return botocore.exceptions.ClientError(response, operation)


def foreign(name: str, *bases: str, base: type[Exception] = Exception) -> type[Exception]:
    """Make a class as a library that is not installed here has it: ``httpx._exceptions.X``."""
    parents: tuple[type, ...] = tuple(foreign(each, base=base) for each in bases) or (base,)
    package, _, cls = name.partition(".")
    return type(cls, parents, {"__module__": f"{package}._exceptions"})


def classes_of(module: ModuleType) -> dict[str, type[BaseException]]:
    """Return the exceptions that a module defines itself."""
    return {
        name: cls
        for name, cls in vars(module).items()
        if inspect.isclass(cls)
        and issubclass(cls, BaseException)
        and cls.__module__ == module.__name__
    }


@contextmanager
def loopback(reply: bytes | None, *, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """Serve on loopback: the same bytes to all who call, or, with ``None``, never a word."""
    listener = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def answer(connection: socket.socket) -> None:
        with connection:
            if reply is None:
                over.wait(60)
                return
            try:
                stream = tls.wrap_socket(connection, server_side=True) if tls else connection
                with stream:
                    stream.recv(65536)
                    stream.sendall(reply)
            except OSError:
                pass  # the client hung up: that is what some tests are about

    def serve() -> None:
        answering = []
        while True:
            connection, _ = listener.accept()
            if over.is_set():
                connection.close()
                break
            answering.append(threading.Thread(target=answer, args=(connection,)))
            answering[-1].start()
        for thread in answering:
            thread.join()

    server = threading.Thread(target=serve)
    server.start()
    port = listener.getsockname()[1]
    try:
        yield f"http{'s' if tls else ''}://127.0.0.1:{port}"
    finally:
        over.set()
        socket.create_connection(("127.0.0.1", port)).close()
        server.join()
        listener.close()


@contextmanager
def closed_port() -> Iterator[str]:
    """Give an address that nobody listens on, taken so that nobody else gets it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


def s3(endpoint_url: str, *, timeout: float = 30, **config: Any) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=endpoint_url,
        region_name="us-east-1",
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key="secret",
        config=Config(
            read_timeout=timeout,
            connect_timeout=2,
            retries={"max_attempts": 0},
            s3={"addressing_style": "path"},
            **config,
        ),
    )


SLOW_DOWN = (
    b"HTTP/1.1 503 Slow Down\r\nx-amz-request-id: 7QXEXAMPLE\r\nContent-Type: application/xml\r\n"
    b"Connection: close\r\n\r\n<?xml version='1.0'?><Error><Code>SlowDown</Code>"
    b"<Message>Please reduce your request rate.</Message></Error>"
)
CUT_SHORT = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nConnection: close\r\n\r\nnot all of it"


# ---------------------------------------------------------------- whose opinion counts


@pytest.mark.parametrize("kind", [TemporaryFailure, PermanentFailure])
def test_task_failure_is_what_it_says(kind: type[TaskFailure]) -> None:
    """Who raises a TaskFailure has decided: nobody else is asked."""
    code = code_of(kind("x"), classify=lambda _: ResultCode.SUCCEEDED, retry_on=(kind,))

    assert code is kind.code


def test_subclass_of_a_task_failure_keeps_its_code() -> None:
    class NotAPhoto(PermanentFailure):
        pass

    assert code_of(NotAPhoto()) is PERMANENT


def test_subclass_of_a_task_failure_may_have_a_code_of_its_own(subtests: pytest.Subtests) -> None:
    """An HTTP status in ``code`` does not change what the class says."""
    for own in [429, "busy", None]:
        for kind in [TemporaryFailure, PermanentFailure]:
            with subtests.test(own=own, kind=kind):

                class Refused(kind):  # type: ignore[misc,valid-type]
                    def __init__(self, code: object) -> None:
                        super().__init__("refused")
                        self.code = code

                assert code_of(chain(Refused(own), TimeoutError())) is kind.code


def test_task_failure_without_a_code_leaves_it_to_its_cause() -> None:
    """The base class says nothing, so what it was raised from is asked."""
    error = chain(TaskFailure("which?"), TimeoutError())

    assert code_of(error) is TEMPORARY


def test_classify_comes_before_everything_else() -> None:
    """A user's function knows better than ``retry_on``, ``give_up_on`` and the table."""
    code = code_of(
        TimeoutError(), classify=lambda _: PERMANENT, retry_on=(TimeoutError,), give_up_on=()
    )

    assert code is PERMANENT


def test_classify_may_call_a_failure_a_success() -> None:
    """An object that is gone may be just what the task was to achieve."""

    def gone_is_fine(error: BaseException) -> ResultCode | None:
        return ResultCode.SUCCEEDED if "NoSuchKey" in str(error) else None

    assert code_of(client_error("NoSuchKey"), classify=gone_is_fine) is ResultCode.SUCCEEDED
    assert code_of(client_error("SlowDown"), classify=gone_is_fine) is TEMPORARY


def test_classify_is_asked_once_for_each_exception_of_the_chain() -> None:
    asked: list[BaseException] = []
    shared = OSError("shared")
    error = chain(
        RuntimeError(),
        ExceptionGroup("g", [chain(ValueError(), shared), chain(KeyError(), shared)]),
    )

    code_of(error, classify=asked.append)

    kinds = [type(each) for each in asked]
    assert kinds == [RuntimeError, ExceptionGroup, ValueError, OSError, KeyError]


def test_retry_on_wins_over_give_up_on() -> None:
    """Both by inheritance; a retry is the mistake that costs less."""
    code = code_of(
        FileNotFoundError(), retry_on=(FileNotFoundError,), give_up_on=(LookupError, OSError)
    )

    assert code is TEMPORARY


def test_give_up_on_wins_over_the_table() -> None:
    assert code_of(TimeoutError(), give_up_on=(OSError,)) is PERMANENT


def test_unknown_exception_gets_no_opinion() -> None:
    assert code_of(ValueError("x")) is None


@pytest.mark.parametrize("error", [SystemExit(503), KeyboardInterrupt(), MemoryError()])
def test_exceptions_that_end_programs_get_no_opinion(error: BaseException) -> None:
    """Also where an exit code looks like an HTTP status."""
    assert code_of(error) is None


def bad_classify(_: BaseException) -> ResultCode:
    raise RuntimeError("a bug")


@pytest.mark.parametrize(
    "answer",
    [bad_classify, lambda _: "TemporaryFailure", lambda _: True],
    ids=["raises", "text", "bool"],
)
def test_broken_classify_counts_as_no_opinion(
    answer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged once, however long the chain, and the table decides."""
    error = chain(RuntimeError(), KeyError(), TimeoutError())

    code = code_of(error, classify=answer)

    assert code is TEMPORARY
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("s3batch_handler", logging.WARNING)
    assert "classified by the next rules" in record.getMessage()


def test_warning_about_classify_shows_neither_arguments_nor_answers(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The ``repr`` of a partial has its arguments in it, and an answer may quote the failure."""

    def ask(error: BaseException, password: str) -> Any:
        return f"cannot judge {password}"

    code_of(ValueError(), classify=functools.partial(functools.partial(ask, password="swordfish")))

    (message,) = caplog.messages
    assert "swordfish" not in message
    assert "<locals>.ask returned str, not a ResultCode" in message


def test_classify_that_is_interrupted_stays_interrupted() -> None:
    """What ends a task on time must pass through."""

    def interrupted(_: BaseException) -> None:
        raise OutOfTime

    with pytest.raises(OutOfTime):
        code_of(ValueError(), classify=interrupted)


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, GeneratorExit])
def test_classify_that_exits_has_no_opinion(kind: type[BaseException]) -> None:
    """It does not end the environment: the table decides."""

    def leave(_: BaseException) -> None:
        raise kind

    assert code_of(TimeoutError(), classify=leave) is TEMPORARY


@pytest.mark.parametrize("number", [1_001, 300_000])
def test_group_of_any_size_takes_no_time(number: int) -> None:
    """A thousand of its exceptions decide, and its description counts no more."""
    group = ExceptionGroup("many", [TimeoutError() for _ in range(number)])
    began = time.process_time()

    assert code_of(group) is TEMPORARY
    assert "at least 1,000 errors" in describe(group)
    assert time.process_time() - began < 1


def test_group_that_contains_itself() -> None:
    """It comes to an end."""

    class Endless(ExceptionGroup[Exception]):
        @property
        def exceptions(self) -> tuple[Exception, ...]:  # type: ignore[explicit-override]
            return (self, TimeoutError())

    group = Endless("endless", [TimeoutError()])

    assert code_of(group) is TEMPORARY
    assert describe(group).startswith("Endless: endless")


@pytest.mark.parametrize("depth", [10, 600])
def test_groups_nested_in_causes(depth: int) -> None:
    """However deep, they are classified and described without an error of our own."""
    error: Exception = TimeoutError("slow")
    for _ in range(depth):
        outer = ValueError("outer")
        outer.__cause__ = ExceptionGroup("inner", [error])
        error = outer

    assert code_of(error) in ({TEMPORARY} if depth < 50 else {TEMPORARY, None})
    assert describe(error).startswith("ValueError: outer")


# ---------------------------------------------------------------- chains


def test_outermost_opinion_decides() -> None:
    """Who caught a time-out and gave up has the last word."""
    assert code_of(chain(PermanentFailure("no"), TimeoutError())) is PERMANENT


def test_cause_decides_where_the_outer_ones_have_no_opinion() -> None:
    assert code_of(chain(RuntimeError(), ValueError(), client_error("SlowDown"))) is TEMPORARY


def test_context_counts_as_a_cause() -> None:
    """An exception raised in an ``except`` block is about the one being handled."""

    def convert() -> None:
        try:
            raise TimeoutError
        except TimeoutError:
            raise ValueError("could not load")

    assert code_of(raised(convert)) is TEMPORARY


def test_suppressed_context_does_not_count() -> None:
    """``from None`` says: that one has nothing to do with it."""

    def convert() -> None:
        try:
            raise TimeoutError
        except TimeoutError:
            raise ValueError("could not load") from None

    assert code_of(raised(convert)) is None


@pytest.mark.parametrize("attribute", ["__cause__", "__context__"])
def test_circular_chain_ends(attribute: str) -> None:
    first, second = RuntimeError("first"), RuntimeError("second")
    setattr(first, attribute, second)
    setattr(second, attribute, first)

    assert code_of(first) is None
    assert describe(first) == "RuntimeError: first"


def test_very_long_chain_is_followed() -> None:
    links = [RuntimeError() for _ in range(20_000)]

    assert code_of(chain(*links, TimeoutError())) is TEMPORARY


# ---------------------------------------------------------------- groups


def test_group_is_judged_by_its_leaves(subtests: pytest.Subtests) -> None:
    """One leaf that stays fails the task for good; another try needs all of them to agree."""
    for leaves, expected in [
        ([TimeoutError(), client_error("SlowDown")], TEMPORARY),
        ([TimeoutError(), client_error("NoSuchKey")], PERMANENT),
        ([ValueError(), client_error("NoSuchKey")], PERMANENT),
        ([TimeoutError(), ValueError()], None),
        ([chain(ValueError(), TimeoutError())], TEMPORARY),
        ([ExceptionGroup("inner", [TimeoutError()]), TimeoutError()], TEMPORARY),
        ([ExceptionGroup("inner", [PermanentFailure()]), TimeoutError()], PERMANENT),
    ]:
        with subtests.test(leaves=leaves):
            assert code_of(ExceptionGroup("g", leaves)) is expected


def test_undecided_group_leaves_it_to_its_own_chain() -> None:
    error = chain(ExceptionGroup("g", [ValueError()]), TimeoutError())

    assert code_of(error) is TEMPORARY


def test_group_may_be_named_in_the_options() -> None:
    """A user who lists a group class means it, whatever is in it."""

    class AllReplicasFailed(ExceptionGroup[Exception]):
        pass

    error = AllReplicasFailed("g", [client_error("NoSuchKey")])

    assert code_of(error, retry_on=(AllReplicasFailed,)) is TEMPORARY


def test_group_whose_leaf_leads_back_to_it_ends() -> None:
    leaf = ValueError()
    group = ExceptionGroup("g", [leaf, TimeoutError()])
    leaf.__cause__ = group

    assert code_of(group) is None


def test_groups_of_groups_in_contexts_stay_cheap() -> None:
    """Each failed try drags the earlier ones along, in every leaf: that must not explode."""
    group: BaseException | None = None
    for _ in range(60):
        leaves = [ValueError(), KeyError()]
        for leaf in leaves:
            leaf.__context__ = group
        group = ExceptionGroup("g", leaves)
    assert group is not None

    assert code_of(group) is None


leaf_kinds = st.sampled_from([TimeoutError, PermanentFailure, ValueError])
trees = st.recursive(
    leaf_kinds.map(lambda kind: kind()),
    lambda inner: st.lists(inner, min_size=1, max_size=4).map(lambda i: ExceptionGroup("g", i)),
    max_leaves=20,
)


@given(trees)
def test_nesting_of_groups_does_not_matter(error: Exception) -> None:
    """However leaves are grouped, they decide as one flat list of them would."""

    def leaves(error: BaseException) -> list[BaseException]:
        if isinstance(error, BaseExceptionGroup):
            return [leaf for each in error.exceptions for leaf in leaves(each)]
        return [error]

    codes = {code_of(leaf) for leaf in leaves(error)}
    expected = PERMANENT if PERMANENT in codes else TEMPORARY if codes == {TEMPORARY} else None

    assert code_of(error) is expected


# ---------------------------------------------------------------- AWS errors


def test_aws_code_counts_more_than_its_status(subtests: pytest.Subtests) -> None:
    """S3 answers RequestTimeout with 400, SQS RequestThrottled with 403."""
    for status in [None, 400, 403, 404, 503]:
        with subtests.test(status=status):
            for codes, expected in [
                (table.TEMPORARY_CODES, TEMPORARY),
                (table.PERMANENT_CODES, PERMANENT),
            ]:
                for code in (code for group in codes.values() for code in group):
                    assert code_of(client_error(code, status)) is expected, code


def test_no_code_is_listed_that_a_part_of_it_decides() -> None:
    codes = [code for group in table.TEMPORARY_CODES.values() for code in group]

    assert not [code for code in codes for part in table.TEMPORARY_PARTS if part in code.lower()]


def test_no_code_stands_in_the_table_twice() -> None:
    codes = [
        code.lower()
        for part in (table.TEMPORARY_CODES, table.PERMANENT_CODES)
        for group in part.values()
        for code in group
    ]

    assert len(codes) == len(set(codes))


def test_unknown_aws_code_is_judged_by_its_status(subtests: pytest.Subtests) -> None:
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
def test_spelling_of_codes_does_not_matter(code: str) -> None:
    """Event streams write camel case; throttling has a spelling in each service."""
    assert code_of(client_error(code, 400)) is TEMPORARY


def test_head_object_of_a_missing_key() -> None:
    """A HEAD has no body, so botocore makes a code of the status."""
    error = client_error("404", 404, message="Not Found", operation="HeadObject")

    assert code_of(error) is PERMANENT
    assert describe(error) == "404 calling HeadObject: Not Found"


def test_request_id_of_an_answer_without_a_body() -> None:
    """botocore makes an error of the status then, and leaves the id in the headers."""
    with loopback(SLOW_DOWN) as url:
        error = raised(lambda: s3(url).head_object(Bucket="b", Key="k"))

    assert describe(error) == (
        "503 calling HeadObject: Service Unavailable (request id 7QXEXAMPLE)"
    )


def test_code_of_botocore_for_a_real_answer() -> None:
    """From the wire to the words: the request id is what AWS support asks for."""
    with loopback(SLOW_DOWN) as url:
        error = raised(lambda: s3(url).get_object(Bucket="b", Key="k"))

    assert code_of(error) is TEMPORARY
    assert describe(error) == (
        "SlowDown calling GetObject: Please reduce your request rate. "
        "(HTTP 503, request id 7QXEXAMPLE)"
    )


def test_modelled_exception_is_an_aws_error() -> None:
    """``client.exceptions.NoSuchKey`` is a class of its own, made at run time."""
    client = s3("http://127.0.0.1:9")
    with botocore.stub.Stubber(client) as stub:
        stub.add_client_error("get_object", "NoSuchKey", "Gone.", 404)
        error = raised(lambda: client.get_object(Bucket="b", Key="k"))

    assert type(error).__name__ == "NoSuchKey"
    assert code_of(error) is PERMANENT
    assert describe(error) == "NoSuchKey calling GetObject: Gone. (HTTP 404)"


def test_aws_error_is_known_by_its_shape_alone() -> None:
    """Another AWS library may have a class of its own."""

    class AwsError(Exception):
        response: ClassVar = {"Error": {"Code": "SlowDown"}}

    assert code_of(AwsError()) is TEMPORARY
    assert describe(AwsError()) == "SlowDown"


def test_malformed_aws_error_is_survived(subtests: pytest.Subtests) -> None:
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


# ---------------------------------------------------------------- botocore, all of it

BOTOCORE_TEMPORARY = {
    "CapacityNotAvailableError": "its own retry quota is used up",
    "ChecksumError": "the body was damaged",
    "ConnectTimeoutError": "network",
    "ConnectionClosedError": "network",
    "ConnectionError": "network",
    "CredentialRetrievalError": "whoever hands out credentials did not",
    "EndpointConnectionError": "network",
    "FlexibleChecksumError": "the body was damaged",
    "HTTPClientError": "network; botocore tries it again too",
    "IncompleteReadError": "network",
    "MetadataRetrievalError": "whoever hands out credentials did not",
    "ProxyConnectionError": "network",
    "ReadTimeoutError": "network",
    "ResponseStreamingError": "network",
    "SSLError": "network, unless a certificate is behind it: see below",
}
BOTOCORE_UNDECIDED = {
    "ClientError": "its response decides; here it has none",
    "EventStreamError": "likewise",
    "ImminentRemovalWarning": "a warning",
    "MissingServiceIdError": "a bug in a service model, of AttributeError's family",
    "UndefinedModelAttributeError": "likewise",
    "UnseekableStreamError": "hides another failure",
    "UnsupportedTLSVersionWarning": "a warning",
    "WaiterError": "depends on what was waited for",
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
    """A class that comes with a new botocore has to be thought about: it fails here."""
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
    """What botocore tries again is worth a redrive: its legacy rules, and both standard lists."""
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


RETRYABLE_BUT_PERMANENT = {
    "AccessDeniedException": "In other services a permission is missing: a redrive does not add it",
    "BulkLoadIdNotFoundException": "HTTP 404: the requested load job does not exist",
    "ConflictException": "In most services a name is taken, or a state is wrong",
    "ConstraintViolationException": "The request itself is wrong",
    "InvalidTokenException": "The token itself is wrong; an expired token has other codes",
    "RangeNotSatisfiableException": "HTTP 416: the object is shorter than the range",
    "ServiceQuotaExceededException": "A quota stays exceeded until it is raised or usage decreases",
    "UnprocessableEntityException": "HTTP 422: the input was read, but is not valid",
    "ValidationException": "The request itself is wrong",
}
"""Codes that some service model marks as retryable, and why they are permanent here."""


@functools.cache
def service_models() -> tuple[list[tuple[str, Any]], set[tuple[str, str]]]:
    """Return name and shape of all errors in the models of all services, and all lists of failures.

    They are read once for all tests that need some of them: it takes seconds.
    """
    errors: list[tuple[str, Any]] = []
    failures: set[tuple[str, str]] = set()
    loader = botocore.loaders.Loader()
    for service in loader.list_available_services("service-2"):
        description = loader.load_service_model(service, "service-2")
        shapes = description["shapes"].items()
        errors += ((name, shape) for name, shape in shapes if shape.get("exception"))
        model = botocore.model.ServiceModel(description, service)
        for operation in map(model.operation_model, model.operation_names):
            if operation.output_shape is not None:
                failures |= {*failed_items(operation.output_shape)}
    return errors, failures


def errors_marked_as_retryable() -> Iterator[tuple[str, int]]:
    """Yield code and status from all service models; 400 is what they leave out."""
    for name, shape in service_models()[0]:
        if "retryable" in shape:
            error = shape.get("error", {})
            yield error.get("code", name), error.get("httpStatusCode", 400)


@pytest.mark.slow
def test_errors_that_service_models_mark_as_retryable() -> None:
    """A code that comes with a new botocore is either temporary, or has a reason not to be."""
    errors = {*errors_marked_as_retryable()}

    permanent = {
        code for code, status in errors if code_of(client_error(code, status)) != TEMPORARY
    }

    assert len(errors) > 40
    assert permanent == RETRYABLE_BUT_PERMANENT.keys()


def test_page_lists_what_is_permanent_though_marked_as_retryable() -> None:
    """With the same reasons."""
    page = DOCS.read_text()

    assert names_in("Marked as retryable by AWS, and permanent here") == {*RETRYABLE_BUT_PERMANENT}
    for code, reason in RETRYABLE_BUT_PERMANENT.items():
        assert f"| `{code}` | {reason} |" in page


def modelled_errors() -> Iterator[tuple[str, str, int, str]]:
    """Yield shape name, code, status and documentation of all errors in the service models."""
    for name, shape in service_models()[0]:
        error = shape.get("error", {})
        status = error.get("httpStatusCode", 500 if shape.get("fault") else 400)
        words = " ".join(re.sub("<[^>]+>", "", shape.get("documentation", "")).split())
        yield name, error.get("code", name), status, words


@pytest.mark.slow
def test_code_that_is_sent_counts_and_not_the_name_in_the_model() -> None:
    """SNS sends ``ConcurrentAccess`` for its ConcurrentAccessException.

    ``LimitExceeded`` is the one exception: of IAM, CloudSearch and SES, and about a quota.
    """
    missed = {
        code
        for name, code, status, _ in modelled_errors()
        if code_of(client_error(name, status)) is TEMPORARY
        and code_of(client_error(code, status)) is not TEMPORARY
    }

    assert missed == {"LimitExceeded"}


PROMISES = re.compile(
    r"\btry .{0,60}again|again later|later retry|retr(y|ied)|throttl|rate exceeded|in progress",
    re.IGNORECASE,
)
CHANGE_FIRST = re.compile(
    r"verify|check (the|your|if)|inspect|choose|specify|update the|correct|different|fewer|reduce"
    r"|remove|resolve|fix|without|review|delete|smaller|quota|permission|exist|valid|unique"
    r"|supported|in use|get a new|change the|close one|initialize|reboot",
    re.IGNORECASE,
)
PROMISED_BUT_PERMANENT = {
    "In other services a name is taken, or a state is wrong": {
        "ConditionalCheckFailedException",
        "ConflictException",
        "InvalidResourceStateException",
        "InvalidResourceStateFault",
    },
    "A limit of the account stays exceeded until it is raised or usage decreases": {
        "ApiKeyLimitExceededException",
        "ApiLimitExceededException",
        "ResourceLimitException",
    },
    "The request itself is wrong, or came too late": {
        "ExpiredTradeInTokenException",
        "IdempotentParameterMismatch",
        "IdempotentParameterMismatchException",
        "MultipleRepositoriesInPullRequestException",
        "PipelineExecutionNotStoppableException",
        "StageNotRetryableException",
        "UpdateOutOfSyncException",
    },
    "What the request is about is not there, or not allowed": {
        "NotFoundException",
        "ScanNotFoundException",
        "UnauthorizedException",
    },
    "Somebody has to act before": {
        "BillingViewHealthStatusException",
        "KmsDisabled",
        "KmsKeyDisabledException",
        "SubscriptionRequiredException",
        "TagOptionNotMigratedException",
    },
}
"""Codes whose documentation speaks of a later retry in some service, and why they are permanent."""


@pytest.mark.slow
def test_errors_whose_documentation_promises_that_a_later_retry_may_succeed() -> None:
    """A code that comes with a new botocore is either temporary, or has a reason not to be.

    Documentation that asks to change something first ("verify the name and try again") promises
    nothing for the same request.
    """
    promised = {
        (code, status)
        for _, code, status, words in modelled_errors()
        if PROMISES.search(words) and not CHANGE_FIRST.search(words)
    }

    permanent = {code for code, st in promised if code_of(client_error(code, st)) is not TEMPORARY}

    assert len(promised) > 150
    assert permanent == set().union(*PROMISED_BUT_PERMANENT.values())


def test_page_lists_what_is_permanent_though_a_retry_is_promised() -> None:
    """With the same reasons."""
    for reason, codes in PROMISED_BUT_PERMANENT.items():
        assert set(re.findall(r"`([^`]+)`", row_of(reason))) == codes


def test_code_that_looks_permanent_by_its_status(subtests: pytest.Subtests) -> None:
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


BUSY = re.compile(
    r"(number|limit) of (active|running|outstanding|in-flight)|is already running|another .* run\b"
    r"|(active|running) (sessions?|statements?|executions?|jobs?)|jobs running|in a short period",
    re.IGNORECASE,
)
BUSY_BUT_PERMANENT = {
    "AccountChannelLimitExceededException": "channels stay until somebody deletes them",
    "AttachmentLimitExceeded": "EC2 uses it for a limit of an instance",
    "HumanLoopQuotaExceededException": "people take days",
    "MaxActiveResourcesExceededException": "resource types stay until somebody deletes them",
    "NoUpdateAvailableException": "there is nothing to do",
    "SchedulerRunningException": "a scheduler runs until somebody stops it",
    "TooManyHealthChecks": "health checks stay until somebody deletes them",
    "WorkflowExecutionAlreadyStartedFault": "the same workflow has been started",
}
"""Codes about something that is running or active, and why they are permanent here."""


@pytest.mark.slow
def test_errors_that_too_much_is_running_at_the_moment() -> None:
    """A code that comes with a new botocore is either temporary, or has a reason not to be."""
    busy = {(code, status) for _, code, status, words in modelled_errors() if BUSY.search(words)}

    permanent = {code for code, st in busy if code_of(client_error(code, st)) is not TEMPORARY}

    assert len(busy) > 20
    assert permanent == BUSY_BUT_PERMANENT.keys()


def test_code_with_a_prefix_is_judged_without_it(subtests: pytest.Subtests) -> None:
    """Unless the whole code is in the tables; an unknown one is judged by its status."""
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


def test_model_that_failed_is_judged_by_its_own_status(subtests: pytest.Subtests) -> None:
    """SageMaker, Bedrock and MWAA pass on the status of what they have called."""
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
    """botocore puts the members of a modelled error into the response."""
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
def test_bucket_whose_address_is_not_known_everywhere_yet(operation: str) -> None:
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


def test_restore_that_is_in_progress_stays_permanent() -> None:
    """It takes hours: an exact code counts more than the word ``InProgress`` in it."""
    assert code_of(client_error("RestoreAlreadyInProgress", 409)) is PERMANENT


@pytest.mark.parametrize("code", ["ProvisionedConcurrencyConfigNotFoundException", "TooManyTags"])
def test_code_with_a_similar_word_is_judged_by_its_status(code: str) -> None:
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
    """A task may call another function: one that is not ready yet will be in a minute."""
    for code, status, expected in [
        *((*each, TEMPORARY) for each in LAMBDA_NOT_READY),
        *((*each, PERMANENT) for each in LAMBDA_STAYS),
    ]:
        with subtests.test(code=code):
            modelled = {
                shape.get("error", {}).get("code", name): shape.get("error", {}).get(
                    "httpStatusCode"
                )
                for name, shape in botocore.loaders.Loader()
                .load_service_model("lambda", "service-2")["shapes"]
                .items()
            }

            assert modelled[code] == status
            assert code_of(client_error(code, status, operation="Invoke")) is expected


CONFLICT = "The operation cannot be performed at this time. "
STATE = f"{CONFLICT}The function is currently in the following state: "


def test_conflict_of_lambda_is_told_by_its_message(subtests: pytest.Subtests) -> None:
    """One code stands for a function that is not ready, and for a name that is taken."""
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
def test_conflict_of_a_call_is_about_the_state_of_the_function(
    operation: str, message: str, expected: ResultCode
) -> None:
    """Nothing is created by a call, so no name is taken."""
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


def test_old_signature_is_told_from_a_wrong_one(subtests: pytest.Subtests) -> None:
    """Lambda may freeze an environment between signing and sending; services share one code."""
    for message, expected in [(EXPIRED, TEMPORARY), (TOO_EARLY, TEMPORARY), (WRONG, PERMANENT)]:
        for code in ["InvalidSignatureException", "SignatureDoesNotMatch"]:
            with subtests.test(message=message, code=code):
                assert code_of(client_error(code, 403, message=message)) is expected


def test_presigned_url_that_has_expired() -> None:
    """The next attempt makes a new one."""
    error = client_error("AccessDenied", 403, message="Request has expired")

    assert code_of(error) is TEMPORARY


@pytest.mark.parametrize(
    "code",
    ["BadDigest", "IncompleteBody", "XAmzContentChecksumMismatch", "XAmzContentSHA256Mismatch"],
)
def test_bytes_that_s3_did_not_get_are_sent_again(code: str) -> None:
    """S3 says 400, as for a request that is wrong."""
    assert code_of(client_error(code, 400, operation="PutObject")) is TEMPORARY


# ---------------------------------------------------------------- answers kept elsewhere


def waiter_error(response: Any) -> botocore.exceptions.WaiterError:
    return botocore.exceptions.WaiterError("ObjectExists", "it ended", response)


def test_waiter_is_judged_by_the_last_answer(subtests: pytest.Subtests) -> None:
    """A waiter hides why it ended; a state that was not wanted says nothing of another try."""
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
    """From a real client: the answer is where we look for it."""
    with loopback(SLOW_DOWN) as url:
        error = raised(lambda: s3(url).get_waiter("object_exists").wait(Bucket="b", Key="k"))

    assert isinstance(error, botocore.exceptions.WaiterError)
    assert code_of(error) is TEMPORARY
    assert describe(error).startswith("WaiterError: Waiter ObjectExists failed: ")
    assert describe(error).endswith("(request id 7QXEXAMPLE)")


def test_error_of_powertools_parameters() -> None:
    """Its text is all that Powertools passes on: the chain leads to the answer."""

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


# ---------------------------------------------------------------- several reasons


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
    """In whatever order. An item that had no problem is no reason."""
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


def test_cancelled_transaction_with_a_reason_that_nobody_knows() -> None:
    """It might stay."""
    assert code_of(transaction_cancelled("TransactionConflict", "NeverHeardOfIt")) is PERMANENT


def test_cancelled_transaction_of_a_real_client() -> None:
    """botocore's parser puts the reasons where we look for them."""
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


def test_answer_of_a_batch_in_a_users_exception(subtests: pytest.Subtests) -> None:
    """boto3 raises nothing for it; an exception that carries the answer is understood."""
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


def test_batch_of_powertools_is_judged_by_its_records(subtests: pytest.Subtests) -> None:
    """BatchProcessingError keeps what ``sys.exc_info()`` says of each record."""
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
    """A bulk request is rejected action by action when the cluster is busy."""
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


# ---------------------------------------------------------------- Powertools

POWERTOOLS_TEMPORARY = {
    "IdempotencyAlreadyInProgressError": "a stopped task has left its mark, or it runs twice",
    "IdempotencyInconsistentStateError": "the store changed between two requests",
    "IdempotencyItemAlreadyExistsError": "somebody else was faster: the result is there soon",
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
    """One that comes with a new version of Powertools has to be thought about."""
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


def test_failure_of_the_store_of_powertools() -> None:
    error = chain(
        POWERTOOLS_CLASSES["IdempotencyPersistenceLayerError"]("Failed to save in progress record"),
        client_error("ProvisionedThroughputExceededException", 400),
    )

    assert code_of(error) is TEMPORARY


# ---------------------------------------------------------------- answers that cannot be read


def json_client(url: str) -> Any:
    session: Any = boto3.Session("x", "x", region_name="us-east-1")
    config = Config(retries={"total_max_attempts": 1})
    return session.client("dynamodb", endpoint_url=url, config=config)


def ok(body: bytes) -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode() + body


@pytest.mark.parametrize(
    "answer",
    [
        b"\xff\xfe",
        b"[1]",
        b'{"TableNames": 7}',
        b'"text"',
    ],
)
def test_json_that_botocore_cannot_make_sense_of(answer: bytes) -> None:
    """botocore checks nothing: the error is of whatever Python does with it."""
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
def test_xml_that_botocore_cannot_make_sense_of(answer: bytes) -> None:
    with loopback(ok(answer)) as url:
        error = raised(lambda: s3(url).list_objects_v2(Bucket="b"))

    assert isinstance(error, ValueError)
    assert code_of(error) is TEMPORARY


def test_same_errors_of_a_users_own_parser_get_no_opinion() -> None:
    """What the user's code cannot read is in the object, and stays there."""
    assert code_of(raised(b"\xff".decode)) is None
    assert code_of(raised(lambda: json.loads(b"[")["a"])) is None


def test_answer_that_is_no_xml() -> None:
    """botocore says itself that further retries may succeed."""
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
    """Parsers and event streams raise what is no BotoCoreError; the rest is about wrong models."""
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
    """Bare, without a text: some are decided by what they say, or by what they were raised from."""
    classes = classes_of(s3transfer.exceptions)

    codes = {name: code_of(cls.__new__(cls)) for name, cls in classes.items()}

    assert codes == OTHER_S3TRANSFER


# ---------------------------------------------------------------- objects that change meanwhile

SIZE = 20 * 2**20  # more than s3transfer reads at a time


@contextmanager
def changing_object() -> Iterator[Any]:
    """Serve an object that is another one when it comes to reading it: 412 to every condition."""

    class Request(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(SIZE))
            self.send_header("ETag", '"old"')
            self.end_headers()

        def do_GET(self) -> None:
            body = b"<Error><Code>PreconditionFailed</Code><Message>m</Message></Error>"
            self.send_response(412)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_PUT(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"] or 0))
            self.do_GET()

        def do_POST(self) -> None:
            body = b"<Result><UploadId>u</UploadId></Result>"
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        @override
        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Request) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield s3(f"http://127.0.0.1:{server.server_port}")
        finally:
            server.shutdown()
            thread.join()


def test_object_that_is_replaced_during_download_file(tmp_path: Path) -> None:
    """s3transfer asks for the parts of one ETag; the next try reads the new object."""
    with changing_object() as client:
        error = raised(lambda: client.download_file("b", "k", str(tmp_path / "f")))

    assert isinstance(error, s3transfer.exceptions.S3DownloadFailedError)
    assert code_of(error) is TEMPORARY


def test_object_that_is_replaced_during_a_copy_in_parts() -> None:
    config = boto3.s3.transfer.TransferConfig(multipart_threshold=SIZE // 2)
    with changing_object() as client:
        error = raised(lambda: client.copy({"Bucket": "b", "Key": "k"}, "b", "c", Config=config))

    assert isinstance(error, s3transfer.exceptions.S3CopyFailedError)
    assert code_of(error) is TEMPORARY


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.get_object(Bucket="b", Key="k", IfMatch='"other"'),
        lambda client: client.put_object(Bucket="b", Key="k", Body=b"", IfNoneMatch="*"),
        lambda client: client.copy_object(
            Bucket="b", Key="c", CopySource="b/k", CopySourceIfMatch='"other"'
        ),
    ],
    ids=["get", "put", "copy"],
)
def test_condition_of_the_users_own_stays_unmet(call: Callable[[Any], object]) -> None:
    with changing_object() as client:
        error = raised(lambda: call(client))

    assert code_of(error) is PERMANENT


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        (["SlowDown", "InternalError"], TEMPORARY),
        (["SlowDown", "AccessDenied"], PERMANENT),
        (["NeverHeardOfIt"], None),
    ],
)
def test_errors_that_s3transfer_quotes_of_a_copy(
    codes: list[str], expected: ResultCode | None
) -> None:
    """The errors of annotations that could not be copied are in the text alone."""
    failed = {code: client_error(code, operation="PutObjectAnnotation") for code in codes}

    error = s3transfer.exceptions.S3CopyFailedError(f"Failed to copy annotations. Errors: {failed}")

    assert code_of(error) is expected


REMOTE_TRACEBACK = concurrent.futures.process._RemoteTraceback("…")  # type: ignore[arg-type]
UPLOAD_FAILED = (
    "Failed to upload a to b/k: An error occurred ({}) when calling the PutObject operation"
)


def test_upload_that_failed_in_another_process(subtests: pytest.Subtests) -> None:
    """A process pool replaces the chain with a traceback: the text has the code that is left."""
    for code, rest, expected in [
        ("SlowDown", " (reached max retries: 4): Please reduce your request rate.", TEMPORARY),
        ("503", ": Service Unavailable", TEMPORARY),
        ("AccessDenied", ": Access Denied", PERMANENT),
        ("KMS.DisabledException", ": the key is disabled", PERMANENT),
        ("SignatureDoesNotMatch", ": Signature expired: 20261129 is now earlier", TEMPORARY),
        ("NeverHeardOfIt", ": odd", None),
    ]:
        with subtests.test(code=code):
            error = boto3.exceptions.S3UploadFailedError(UPLOAD_FAILED.format(code) + rest)
            error.__cause__ = REMOTE_TRACEBACK

            assert code_of(error) is expected


def test_upload_that_really_failed_in_another_process(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    answer = b"HTTP/1.1 503 Slow\r\nContent-Length: 41\r\nConnection: close\r\n\r\n"
    answer += b"<Error><Code>SlowDown</Code></Error>".ljust(41)
    context = multiprocessing.get_context("spawn")

    with loopback(answer) as url, concurrent.futures.ProcessPoolExecutor(1, context) as pool:
        error = raised(pool.submit(upload, url, str(tmp_path / "a")).result)

    assert isinstance(error, boto3.exceptions.S3UploadFailedError)
    assert code_of(error) is TEMPORARY


def upload(url: str, path: str) -> None:
    s3(url).upload_file(path, "b", "k")


def test_chain_of_an_upload_counts_more_than_its_text() -> None:
    """Only the chain has the HTTP status, and the request ID for the report."""
    cause = client_error("NeverHeardOfIt", 503)
    error = chain(boto3.exceptions.S3UploadFailedError(UPLOAD_FAILED.format("AccessDenied")), cause)

    assert classify(error) == (TEMPORARY, cause)


def test_error_of_the_common_runtime(subtests: pytest.Subtests) -> None:
    """Its text begins with its name: see awscrt/exceptions.py."""
    for name, expected in [
        ("AWS_ERROR_S3_OBJECT_MODIFIED", TEMPORARY),
        ("AWS_ERROR_S3_SLOW_DOWN", TEMPORARY),
        ("AWS_IO_SOCKET_TIMEOUT", TEMPORARY),
        ("AWS_IO_TLS_BAD_CERTIFICATE", None),
        ("AWS_ERROR_S3_MISSING_ETAG", None),
    ]:
        with subtests.test(name=name):
            error = foreign("awscrt.AwsCrtError")(f"{name}: in words")

            assert code_of(error) is expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("AWS_ERROR_S3_OBJECT_MODIFIED", TEMPORARY),
        ("AWS_ERROR_S3_INVALID_RESPONSE_STATUS", PERMANENT),
    ],
)
def test_object_that_is_replaced_during_a_transfer_of_the_common_runtime(
    name: str, expected: ResultCode
) -> None:
    """boto3 translates both into the ClientError that a user's own condition ends in."""
    original = foreign("awscrt.S3ResponseError", "awscrt.AwsCrtError")(f"{name}: in words")

    error = chain(client_error("PreconditionFailed", 412), original)

    assert code_of(error) is expected


# ---------------------------------------------------------------- real clients, real failures


def read_all(url: str, timeout: float) -> bytes:
    body: bytes = s3(url, timeout=timeout).get_object(Bucket="b", Key="k")["Body"].read()
    return body


def plain_http(url: str, timeout: float) -> bytes:
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=timeout)
    try:
        connection.request("GET", "/")
        return connection.getresponse().read()
    finally:
        connection.close()


CLIENTS: dict[str, Callable[[str, float], object]] = {
    "botocore": read_all,
    "urllib3": lambda url, limit: urllib3.request("GET", url, timeout=limit, retries=False).data,
    "urllib3 with retries": lambda url, limit: (
        urllib3.request("GET", url, timeout=limit, retries=urllib3.Retry(1, backoff_factor=0)).data
    ),
    "requests": lambda url, limit: requests.get(url, timeout=limit).content,
    "urllib": lambda url, limit: urllib.request.urlopen(url, timeout=limit).read(),
    "http.client": plain_http,
}


def test_server_that_never_answers(subtests: pytest.Subtests) -> None:
    for client, get in CLIENTS.items():
        with subtests.test(client=client):
            with loopback(None) as url:
                error = raised(lambda: get(url, 0.2))

            assert code_of(error) is TEMPORARY, describe(error)


def test_server_that_hangs_up(subtests: pytest.Subtests) -> None:
    for client, get in CLIENTS.items():
        with subtests.test(client=client):
            with loopback(b"") as url:
                error = raised(lambda: get(url, 30))

            assert code_of(error) is TEMPORARY, describe(error)


def test_server_that_hangs_up_in_the_middle(subtests: pytest.Subtests) -> None:
    for client, get in CLIENTS.items():
        with subtests.test(client=client):
            with loopback(CUT_SHORT) as url:
                error = raised(lambda: get(url, 30))

            assert code_of(error) is TEMPORARY, describe(error)


DAMAGED = [
    b"\x00\x01garbage\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc",
    b"HTTP/1.1 200 OK\r\nA: " + b"a" * 70_000 + b"\r\n\r\n",
    b"HTTP/9.9 200 OK\r\n\r\n",
]


def test_answer_that_is_damaged(subtests: pytest.Subtests) -> None:
    for answer in DAMAGED:
        for client, get in CLIENTS.items():
            with subtests.test(answer=answer, client=client):
                with loopback(answer) as url:
                    error = raised(lambda: get(url, 30))

                assert code_of(error) is TEMPORARY, describe(error)


@pytest.mark.parametrize("client", ["requests", "urllib3"])
def test_compressed_answer_that_is_damaged(client: str) -> None:
    with loopback(ok(b"abcdef").replace(b"\r\n", b"\r\nContent-Encoding: gzip\r\n", 1)) as url:
        error = raised(lambda: CLIENTS[client](url, 30))

    assert code_of(error) is TEMPORARY, describe(error)


def test_answer_with_two_lengths() -> None:
    """requests raises its InvalidHeader from urllib3's."""
    inner = raised(lambda: urllib3.HTTPResponse(headers={"Content-Length": "1, 2"}))

    assert type(inner) is urllib3.exceptions.InvalidHeader
    assert code_of(inner) is TEMPORARY
    assert code_of(chain(requests.exceptions.InvalidHeader(), inner)) is TEMPORARY


def test_header_of_a_request_that_is_wrong() -> None:
    """requests has one class for the headers of both."""
    error = raised(lambda: requests.get("http://127.0.0.1:1", headers={"a": "b\n\nc"}))

    assert type(error) is requests.exceptions.InvalidHeader
    assert code_of(error) is not TEMPORARY


def test_server_that_is_not_there(subtests: pytest.Subtests) -> None:
    for client, get in CLIENTS.items():
        with subtests.test(client=client):
            with closed_port() as url:
                error = raised(lambda: get(url, 30))

            assert code_of(error) is TEMPORARY, describe(error)


@pytest.fixture(scope="module")
def self_signed(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """A server's side of TLS, with a certificate that nobody trusts."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    (folder / "cert.pem").write_bytes(certificate.public_bytes(pem))
    (folder / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


def test_server_that_is_not_trusted(subtests: pytest.Subtests, self_signed: ssl.SSLContext) -> None:
    """A connection error outside, a refused certificate inside: the next try would fail alike."""
    for client in sorted(CLIENTS.keys() - {"http.client"}):
        with subtests.test(client=client):
            with loopback(CUT_SHORT, tls=self_signed) as url:
                error = raised(lambda: CLIENTS[client](url, 30))

            assert code_of(error) is PERMANENT, describe(error)


@pytest.mark.parametrize(("status", "expected"), [(503, TEMPORARY), (404, PERMANENT)])
def test_refused_request_is_judged_by_its_status(status: int, expected: ResultCode) -> None:
    """``raise_for_status()`` of requests, and what urllib raises by itself."""
    reply = f"HTTP/1.1 {status} So\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()

    with loopback(reply) as url:
        from_requests = raised(lambda: requests.get(url, timeout=30).raise_for_status())
        from_urllib = raised(lambda: urllib.request.urlopen(url, timeout=30))

    assert isinstance(from_requests, requests.HTTPError)
    assert isinstance(from_urllib, urllib.error.HTTPError)
    assert code_of(from_requests) is expected
    assert code_of(from_urllib) is expected
    from_urllib.close()


def test_misuse_is_permanent(subtests: pytest.Subtests) -> None:
    for call, expected in [
        (lambda: requests.get("nonsense"), PERMANENT),
        (lambda: requests.get("gopher://x"), PERMANENT),
        (lambda: urllib3.request("GET", "gopher://x"), PERMANENT),
        (lambda: s3("http://127.0.0.1:9").get_object(Bucket="b"), PERMANENT),
        (lambda: s3("http://127.0.0.1:9").get_object(Bucket="no such!", Key="k"), PERMANENT),
    ]:
        with subtests.test(call=call):
            assert code_of(raised(call)) is expected


def test_upload_that_failed_over_an_aws_error(tmp_path: Path) -> None:
    """boto3 hides the code in a text: what lies behind it decides, and is named with its id."""
    file = tmp_path / "a"
    file.write_bytes(b"x")

    with loopback(SLOW_DOWN) as url:
        error = raised(lambda: s3(url).upload_file(str(file), "b", "k"))

    assert isinstance(error, boto3.exceptions.S3UploadFailedError)
    assert code_of(error) is TEMPORARY
    assert describe(error) == (
        f"S3UploadFailedError: Failed to upload {file} to b/k, caused by SlowDown calling "
        "PutObject: Please reduce your request rate. (HTTP 503, request id 7QXEXAMPLE)"
    )


@pytest.mark.parametrize(
    "cls", [boto3.exceptions.RetriesExceededError, s3transfer.exceptions.RetriesExceededError]
)
def test_download_whose_retries_are_used_up(cls: type[Exception]) -> None:
    """s3transfer tries nothing again but time-outs and broken streams."""
    assert code_of(cls(OSError("the last one"))) is TEMPORARY


# ---------------------------------------------------------------- the standard library


def test_network_errno_is_temporary(subtests: pytest.Subtests) -> None:
    for name in [name for name in table.TEMPORARY_ERRNOS if hasattr(errno, name)]:
        with subtests.test(name=name):
            error = OSError(getattr(errno, name), "x")

            assert code_of(error) is TEMPORARY


def test_other_errno_gets_no_opinion(subtests: pytest.Subtests) -> None:
    for error in [
        OSError(errno.ENOENT, "x"),
        OSError(errno.EPERM, "x"),
        OSError(errno.ENOSPC, "x"),
        OSError("just text"),
        OSError(["odd"], "x"),
        socket.gaierror(socket.EAI_NONAME, "no such host"),
    ]:
        with subtests.test(error=error):
            assert code_of(error) is None


def test_lost_connection_of_the_standard_library(subtests: pytest.Subtests) -> None:
    for error in [
        socket.gaierror(socket.EAI_AGAIN, "try again"),
        TimeoutError(),
        concurrent.futures.TimeoutError(),
        ConnectionResetError(),
        BrokenPipeError(),
        ssl.SSLEOFError(),
        ssl.SSLError(1, "[SSL: DECRYPTION_FAILED_OR_BAD_RECORD_MAC]"),
        http.client.IncompleteRead(b""),
        http.client.RemoteDisconnected("x"),
    ]:
        with subtests.test(error=error):
            assert code_of(error) is TEMPORARY


def test_timeout_of_asyncio() -> None:
    import asyncio

    async def too_slow() -> None:
        await asyncio.wait_for(asyncio.Event().wait(), 0.01)

    assert code_of(raised(lambda: asyncio.run(too_slow()))) is TEMPORARY


def test_untrusted_certificate() -> None:
    assert code_of(ssl.SSLCertVerificationError(1, "x")) is PERMANENT


@contextmanager
def speaking(*lines: bytes) -> Iterator[int]:
    """Serve one connection on loopback: a line each time the client has said something."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        accepted: list[socket.socket] = []

        def serve() -> None:
            connection, _ = listener.accept()
            accepted.append(connection)
            with connection, suppress(OSError):
                for line in lines:
                    connection.sendall(line)
                    if not connection.recv(1000):
                        return

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            for connection in accepted:  # the client's end may stay open in a traceback
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            thread.join()


def ftp(port: int) -> None:
    with closing(ftplib.FTP()) as client:
        client.connect("127.0.0.1", port, timeout=30)
        client.login()


def smtp(port: int) -> None:
    with smtplib.SMTP("127.0.0.1", port, timeout=30) as client:
        client.sendmail("a@example.com", ["b@example.com"], "x")


def imap(port: int) -> None:
    client = imaplib.IMAP4("127.0.0.1", port, timeout=30)
    try:
        client.login("a", "b")
    finally:
        client.shutdown()


def pop(port: int) -> None:
    with closing(poplib.POP3("127.0.0.1", port, timeout=30)) as client:
        client.user("a")


def test_server_of_another_protocol(subtests: pytest.Subtests) -> None:
    """What it refuses for now, or a connection that ends, differs from what it refuses for good."""
    for client, lines, expected in [
        (ftp, [b"421 Too many connections\r\n"], TEMPORARY),
        (ftp, [b"530 Not logged in\r\n"], PERMANENT),
        (ftp, [b"220 hello\r\n", b"530 Not logged in\r\n"], PERMANENT),
        (ftp, [b"220 hello\r\n"], TEMPORARY),
        (ftp, [], TEMPORARY),
        (ftp, [b"nonsense\r\n"], TEMPORARY),
        (smtp, [b"421 Too many connections\r\n"], TEMPORARY),
        (smtp, [b"554 Go away\r\n"], PERMANENT),
        (smtp, [b"220 hello\r\n", b"250 ok\r\n", b"451 later\r\n", b"250 ok\r\n"], TEMPORARY),
        (smtp, [b"220 hello\r\n", b"250 ok\r\n", b"550 no\r\n", b"250 ok\r\n"], PERMANENT),
        (
            smtp,
            [b"220 a\r\n", b"250 b\r\n", b"250 c\r\n", b"450 d\r\n", b"250 e\r\n"],
            TEMPORARY,
        ),
        (
            smtp,
            [b"220 a\r\n", b"250 b\r\n", b"250 c\r\n", b"550 d\r\n", b"250 e\r\n"],
            PERMANENT,
        ),
        (smtp, [b"220 hello\r\n"], TEMPORARY),
        (imap, [b"* OK hello\r\n"], TEMPORARY),
        (imap, [b"* BYE too many connections\r\n"], TEMPORARY),
        (pop, [b"+OK hello\r\n"], TEMPORARY),
        (pop, [b"+OK hello\r\n", b"-ERR [IN-USE] mailbox is locked\r\n"], TEMPORARY),
        (pop, [b"+OK hello\r\n", b"-ERR no such user\r\n"], None),
    ]:
        with subtests.test(client=client):
            with speaking(*lines) as port:
                error = raised(lambda: client(port))

            assert code_of(error) is expected, repr(error)


def test_mail_that_several_recipients_refused(subtests: pytest.Subtests) -> None:
    for replies, expected in [
        ([450, 421], TEMPORARY),
        ([450, 550], PERMANENT),
        ([550], PERMANENT),
        ([], None),
        ([-1], TEMPORARY),
        ([250], None),
    ]:
        with subtests.test(replies=replies):
            error = smtplib.SMTPRecipientsRefused(
                {f"{number}@example.com": (reply, b"x") for number, reply in enumerate(replies)}
            )

            assert code_of(error) is expected


def test_other_errors_of_the_standard_library(subtests: pytest.Subtests) -> None:
    for error, expected in [
        (smtplib.SMTPAuthenticationError(454, b"Temporary authentication failure"), TEMPORARY),
        (smtplib.SMTPAuthenticationError(535, b"wrong"), PERMANENT),
        (smtplib.SMTPNotSupportedError("no SMTPUTF8"), None),
        (imaplib.IMAP4.abort("gone"), TEMPORARY),
        (imaplib.IMAP4.readonly("open it again"), TEMPORARY),
        (imaplib.IMAP4.error(b"[UNAVAILABLE] try later"), TEMPORARY),
        (imaplib.IMAP4.error(b"[AUTHENTICATIONFAILED] no"), None),
        (socket.herror(2, "Host name lookup failure"), TEMPORARY),
        (socket.herror(1, "Unknown host"), None),
        (xmlrpc.client.ProtocolError("h/RPC", 503, "Busy", {}), TEMPORARY),
        (xmlrpc.client.ProtocolError("h/RPC", 404, "No", {}), PERMANENT),
        (xmlrpc.client.Fault(503, "of the function, not of HTTP"), None),
        (urllib.error.ContentTooShortError("cut", ("", Message())), TEMPORARY),
        # Its chain is lost on the way from another process.
        (urllib.error.URLError(ConnectionResetError()), TEMPORARY),
        (urllib.error.URLError(socket.gaierror(socket.EAI_AGAIN, "try again")), TEMPORARY),
        (urllib.error.URLError(ssl.SSLCertVerificationError()), PERMANENT),
        (urllib.error.URLError("unknown url type: gopher"), None),
        (urllib.error.HTTPError("http://x", 503, "Busy", None, None), TEMPORARY),  # type: ignore[arg-type]
        (multiprocessing.TimeoutError(), TEMPORARY),
        (subprocess.TimeoutExpired("convert", 60), TEMPORARY),
        (http.client.CannotSendRequest("Request-sent"), TEMPORARY),
        (EOFError("Compressed file ended before the end-of-stream marker was reached"), None),
        (shutil.Error([("a", "b", "[Errno 116] Stale file handle: 'a'")]), TEMPORARY),
        (shutil.Error([("a", "b", "[Errno 2] No such file or directory: 'a'")]), None),
        (foreign("nntplib.NNTPTemporaryError")("400 service discontinued"), TEMPORARY),
        (foreign("nntplib.NNTPTemporaryError")("430 No such article"), None),
        (foreign("nntplib.NNTPPermanentError")("502 no"), PERMANENT),
    ]:
        with subtests.test(error=error):
            assert code_of(error) is expected


@pytest.mark.parametrize("body", [b"", b"<methodResponse><params>"])
def test_answer_of_xml_rpc_that_was_cut_off(body: bytes) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: {len(body)}\r\n\r\n"

    with loopback(head.encode() + body) as url, xmlrpc.client.ServerProxy(url) as server:
        error = raised(lambda: server.add(1, 2))

    assert code_of(error) is TEMPORARY


def test_database_that_is_locked(tmp_path: Path) -> None:
    """Somebody else is writing to it; a table that is missing stays so."""
    with (
        closing(sqlite3.connect(tmp_path / "db")) as writer,
        closing(sqlite3.connect(tmp_path / "db", timeout=0)) as other,
    ):
        writer.execute("CREATE TABLE t (x)")
        writer.execute("BEGIN EXCLUSIVE")
        locked = raised(lambda: other.execute("SELECT * FROM t"))
        writer.rollback()
        missing = raised(lambda: other.execute("SELECT * FROM missing"))

    assert code_of(locked) is TEMPORARY
    assert code_of(missing) is None


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([errno.ECONNREFUSED, errno.ENETUNREACH], TEMPORARY),
        ([errno.ECONNREFUSED, errno.EACCES], None),
    ],
)
def test_host_with_several_addresses_in_asyncio(
    numbers: list[int], expected: ResultCode | None
) -> None:
    """asyncio tells of all of them in one text, without a number of its own."""
    import asyncio

    async def connect() -> None:
        loop = asyncio.get_running_loop()
        addresses = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", n)) for n in numbers]
        with pytest.MonkeyPatch.context() as patch:

            async def resolved(*_: Any, **__: Any) -> Any:
                return addresses

            async def refused(_: Any, address: tuple[str, int]) -> None:
                raise OSError(address[1], f"Connect call failed {address}")

            patch.setattr(loop, "getaddrinfo", resolved)
            patch.setattr(loop, "sock_connect", refused)
            await loop.create_connection(asyncio.Protocol, "example.com", 443)

    error = raised(lambda: asyncio.run(connect()))

    assert isinstance(error, OSError)
    assert str(error).startswith("Multiple exceptions: ")
    assert code_of(error) is expected


# ---------------------------------------------------------------- libraries that are not here


def test_class_is_known_by_its_name(subtests: pytest.Subtests) -> None:
    """The top-level package and the class, or those of anything it inherits from."""
    for cls, expected in [
        # The bases are those of httpx 0.28 and aiohttp 3.12.
        (foreign("httpx.ConnectTimeout", "httpx.TimeoutException"), TEMPORARY),
        (foreign("httpx.ReadTimeout", "httpx.TimeoutException"), TEMPORARY),
        (foreign("httpx.PoolTimeout", "httpx.TimeoutException"), TEMPORARY),
        (foreign("httpx.ConnectError", "httpx.NetworkError"), TEMPORARY),
        (foreign("httpx.ReadError", "httpx.NetworkError"), TEMPORARY),
        (foreign("httpx.RemoteProtocolError", "httpx.ProtocolError"), TEMPORARY),
        (foreign("httpx.LocalProtocolError", "httpx.ProtocolError"), PERMANENT),
        (foreign("httpx.UnsupportedProtocol", "httpx.TransportError"), PERMANENT),
        (foreign("httpx.DecodingError", "httpx.RequestError"), TEMPORARY),
        (foreign("redis.BusyLoadingError", "redis.ConnectionError"), TEMPORARY),
        (foreign("redis.AuthenticationError", "redis.ConnectionError"), PERMANENT),
        (foreign("redis.MasterDownError", "redis.ClusterDownError"), TEMPORARY),
        (foreign("redis.ResponseError", "redis.RedisError"), None),
        (foreign("azure.ServiceRequestTimeoutError", "azure.ServiceRequestError"), TEMPORARY),
        (foreign("azure.ClientAuthenticationError", "azure.HttpResponseError"), None),
        (foreign("google.TransferStalledError", "google.GoogleAPICallError"), TEMPORARY),
        (foreign("psycopg2.DeadlockDetected", "psycopg2.OperationalError"), TEMPORARY),
        (foreign("psycopg2.UniqueViolation", "psycopg2.IntegrityError"), None),
        # The bases are those of PyMongo 4.20, SQLAlchemy 2.1, pika 1.4 and Stripe 16.1.
        (foreign("grpc.FutureTimeoutError"), TEMPORARY),
        (foreign("pyarrow.FlightUnavailableError", "pyarrow.FlightError"), TEMPORARY),
        (foreign("pymongo.AutoReconnect", "pymongo.ConnectionFailure"), TEMPORARY),
        (foreign("pymongo.WaitQueueTimeoutError", "pymongo.ConnectionFailure"), TEMPORARY),
        (foreign("pymongo.InvalidURI", "pymongo.PyMongoError"), None),
        (foreign("sqlalchemy.TimeoutError", "sqlalchemy.SQLAlchemyError"), TEMPORARY),
        (foreign("sqlalchemy.ArgumentError", "sqlalchemy.SQLAlchemyError"), None),
        (foreign("mysql.ReadTimeoutError", "mysql.Error"), TEMPORARY),
        (foreign("pika.StreamLostError", "pika.AMQPConnectionError"), TEMPORARY),
        (foreign("pika.ProbableAuthenticationError", "pika.AMQPConnectionError"), PERMANENT),
        (foreign("pika.UnroutableError", "pika.AMQPError"), None),
        (foreign("stripe.APIConnectionError", "stripe.StripeError"), TEMPORARY),
        (foreign("stripe.CardError", "stripe.StripeError"), None),
        (foreign("aiohttp.ServerDisconnectedError", "aiohttp.ClientConnectionError"), TEMPORARY),
        (foreign("aiohttp.ClientPayloadError", "aiohttp.ClientError"), TEMPORARY),
        (
            foreign("aiohttp.ClientConnectorCertificateError", "aiohttp.ClientConnectionError"),
            PERMANENT,
        ),
        (foreign("s3fs.FileExpired", base=OSError), TEMPORARY),
        (foreign("mylib.ReadTimeout"), None),
    ]:
        with subtests.test(cls=cls):
            assert code_of(cls("x")) is expected


def test_database_server_that_is_away(subtests: pytest.Subtests) -> None:
    """The drivers have one class for it and for wrong passwords, without a number."""
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


def with_attributes(cls: type[Exception], *args: object, **attributes: object) -> Exception:
    """Build an exception of another library with the attributes that it has there."""
    error = cls(*args)
    for name, value in attributes.items():
        setattr(error, name, value)
    return error


def test_error_of_mysql_is_judged_by_its_number(subtests: pytest.Subtests) -> None:
    """The class differs from driver to driver, and the text may quote data."""
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


def test_number_that_another_library_keeps(subtests: pytest.Subtests) -> None:
    """Each library has an attribute of its own for it."""
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


def test_bulk_write_to_mongodb_is_judged_by_every_error(subtests: pytest.Subtests) -> None:
    """Its own number is the same for all of them."""
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


def test_error_of_a_database_is_judged_by_its_sqlstate(subtests: pytest.Subtests) -> None:
    """Whatever the class is called."""
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


def test_rpc_is_judged_by_its_status(subtests: pytest.Subtests) -> None:
    """As the HTTP status that Google maps it to; ABORTED is worth another try."""
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
def test_rpc_that_cannot_succeed_with_a_temporary_status(status: Status, details: str) -> None:
    """The details tell it."""
    assert code_of(rpc_error(lambda: status, details)) is PERMANENT


def throw(error: BaseException) -> Any:
    raise error


def test_status_of_an_rpc_that_cannot_be_read(subtests: pytest.Subtests) -> None:
    """Calling a method of an exception breaks nothing."""
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
    """An interruption comes through, as it does for attributes."""
    with pytest.raises(OutOfTime):
        code_of(rpc_error(lambda: throw(OutOfTime())))


def test_method_of_another_exception_is_not_called() -> None:
    error = with_attributes(foreign("mylib.Error"), "x", code=lambda: throw(AssertionError()))

    assert code_of(error) is None


def test_google_uses_403_for_rate_limits_too(subtests: pytest.Subtests) -> None:
    for errors, expected in [
        ([{"reason": "rateLimitExceeded"}], TEMPORARY),
        ([{"reason": "userRateLimitExceeded"}, {"message": "x"}], TEMPORARY),
        ([{"reason": "RATE_LIMIT_EXCEEDED"}], TEMPORARY),
        ([{"reason": "quotaExceeded"}], PERMANENT),
        ([{"reason": "dailyLimitExceeded"}], PERMANENT),
        ([{"reason": "rateLimitExceeded"}, {"reason": "accessDenied"}], PERMANENT),
        ([{"reason": ["rateLimitExceeded"]}], PERMANENT),
        ([], PERMANENT),
        ("rateLimitExceeded", PERMANENT),
    ]:
        with subtests.test(errors=errors):
            cloud = foreign("google.Forbidden", "google.GoogleAPICallError")
            client = foreign("googleapiclient.HttpError")

            assert code_of(with_attributes(cloud, "x", code=403, errors=errors)) is expected
            assert (
                code_of(with_attributes(client, "x", status_code=403, error_details=errors))
                is expected
            )


def test_error_of_minio(subtests: pytest.Subtests) -> None:
    """It has the code of S3, and a response of urllib3."""
    for code, status, expected in [
        ("SlowDown", 503, TEMPORARY),
        ("RequestTimeout", 400, TEMPORARY),
        ("NoSuchKey", 404, PERMANENT),
        ("XMinioServerNotInitialized", 503, TEMPORARY),
        ("XMinioInvalidObjectName", 400, PERMANENT),
        (None, 503, TEMPORARY),
        (None, None, None),
    ]:
        with subtests.test(code=code):
            cls = foreign("minio.S3Error", "minio.MinioException")
            response = type("HTTPResponse", (), {"status": status})()

            assert code_of(with_attributes(cls, "x", code=code, response=response)) is expected


UNPARSED = "Unable to parse ExceptionName:"


def test_error_of_pyarrow(subtests: pytest.Subtests) -> None:
    """It is an OSError without a number, and names the error of the AWS SDK for C++."""
    for error, expected in [
        (
            "NETWORK_CONNECTION during HeadObject operation: curlCode: 7, Couldn't connect",
            TEMPORARY,
        ),
        ("NETWORK_CONNECTION during HeadObject operation: curlCode: 60, SSL peer cert", PERMANENT),
        ("SLOW_DOWN during ListObjectsV2 operation: Please reduce your request rate.", TEMPORARY),
        ("INTERNAL_FAILURE during PutObject operation: x", TEMPORARY),
        ("SERVICE_UNAVAILABLE during PutObject operation: x", TEMPORARY),
        ("THROTTLING during PutObject operation: x", TEMPORARY),
        ("UNKNOWN (HTTP status 503) during HeadObject operation: No response body.", TEMPORARY),
        ("UNKNOWN (HTTP status 400) during HeadObject operation: No response body.", PERMANENT),
        (f"UNKNOWN (HTTP status 400) during P operation: {UNPARSED} ExpiredToken", TEMPORARY),
        (f"UNKNOWN (HTTP status 503) during P operation: {UNPARSED} NoSuchKey", PERMANENT),
        ("ACCESS_DENIED during HeadObject operation: No response body.", PERMANENT),
        ("NO_SUCH_KEY during GetObject operation: x", PERMANENT),
        ("RESOURCE_NOT_FOUND during GetObject operation: x", None),
        ("[code 135] during GetObject operation: x", None),
    ]:
        with subtests.test(error=error):
            text = f"When reading information for key 'k' in bucket 'b': AWS Error {error}"

            assert code_of(OSError(text)) is expected


def test_error_of_pyarrow_about_several_requests() -> None:
    """Temporary only if each of them is."""
    slow = "AWS Error SLOW_DOWN during UploadPart operation: x"

    assert code_of(OSError(f"{slow}, {slow}")) is TEMPORARY
    assert code_of(OSError(f"{slow}, AWS Error ACCESS_DENIED during P operation: x")) is PERMANENT


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([errno.ECONNREFUSED, errno.EHOSTUNREACH], TEMPORARY),
        ([errno.ECONNREFUSED, errno.EACCES], None),
        ([], None),
    ],
)
def test_host_with_several_addresses_in_paramiko(
    numbers: list[int], expected: ResultCode | None
) -> None:
    """The exception has no number of its own, and a dictionary of errors by address."""
    cls = foreign("paramiko.NoValidConnectionsError", base=OSError)
    errors = {(f"10.0.0.{n}", 22): OSError(n, "x") for n in numbers}

    error = with_attributes(cls, None, "Unable to connect", errors=errors)

    assert code_of(error) is expected


def test_text_of_another_library_decides(subtests: pytest.Subtests) -> None:
    """One class says all."""
    for name, text, expected in [
        ("paramiko.SSHException", "Error reading SSH protocol banner", TEMPORARY),
        ("paramiko.SSHException", "Error reading SSH protocol banner[Errno 104] x", TEMPORARY),
        ("paramiko.SSHException", "Unable to connect to h: [Errno 111] refused", TEMPORARY),
        ("paramiko.SSHException", "Server 'h' not found in known_hosts", None),
        ("minio.InvalidResponseError", "non-XML response; Response code: 502, x", TEMPORARY),
        ("minio.InvalidResponseError", "non-XML response; Response code: 403, x", None),
        ("mysql.PoolError", "Failed getting connection; pool exhausted", TEMPORARY),
        ("mysql.PoolError", "Failed adding connection; queue is full", None),
        ("psycopg2.InterfaceError", "connection already closed", TEMPORARY),
        ("psycopg2.InterfaceError", "can't parse type", None),
        ("asyncpg.InterfaceError", "cannot perform operation: connection is closed", TEMPORARY),
        ("asyncpg.InterfaceError", "the server expects 1 argument, 2 were passed", None),
        ("redis.ResponseError", "BUSY Redis is busy running a script.", TEMPORARY),
        ("redis.ResponseError", "NOREPLICAS Not enough good replicas to write.", TEMPORARY),
        ("redis.ResponseError", "BUSYGROUP Consumer Group name already exists", None),
        ("redis.ResponseError", "WRONGTYPE Operation against a key", None),
        ("redis.LockError", "Unable to acquire lock within the time specified", TEMPORARY),
        ("redis.LockError", "Cannot release an unlocked lock", None),
        ("pika.IncompatibleProtocolError", "StreamLostError: ('Stream lost',)", TEMPORARY),
        ("pika.IncompatibleProtocolError", "ProtocolVersionMismatch: (0, 8)", None),
    ]:
        with subtests.test(name=name):
            assert code_of(foreign(name)(text)) is expected


def test_certificate_that_only_a_text_mentions() -> None:
    """PyMongo keeps no exception of it."""
    cls = foreign("pymongo.ServerSelectionTimeoutError", "pymongo.ConnectionFailure")

    error = cls("h:27017: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed")

    assert code_of(error) is PERMANENT


def test_answer_that_the_parser_of_aiohttp_refused() -> None:
    """aiohttp calls it 400, but the server did not: it has no headers."""
    outer = foreign("aiohttp.ClientResponseError", "aiohttp.ClientError")("400, Bad status line")
    outer.status, outer.headers = 400, None  # type: ignore[attr-defined]
    parser = foreign("aiohttp.HttpProcessingError")
    inner = type("BadStatusLine", (parser,), {"__module__": "aiohttp.http_exceptions"})("x")

    assert code_of(chain(outer, inner)) is TEMPORARY


@pytest.mark.parametrize(("status", "expected"), [(503, TEMPORARY), (404, PERMANENT)])
def test_status_of_google_cloud(status: int, expected: ResultCode) -> None:
    """An error that came by gRPC has neither a response nor headers."""
    error = foreign("google.SomeError", "google.GoogleAPICallError")(f"{status} x")
    error.code, error.response = status, None  # type: ignore[attr-defined]

    assert code_of(error) is expected


@pytest.mark.parametrize(
    ("inner", "expected"),
    [(ConnectionRefusedError(), TEMPORARY), (ssl.SSLCertVerificationError(), PERMANENT)],
)
def test_request_of_azure_that_failed(inner: Exception, expected: ResultCode) -> None:
    """azure-core raises it outside of the except block, and keeps the cause beside."""
    error = foreign("azure.ServiceRequestError", "azure.AzureError")("x")
    error.inner_exception = inner  # type: ignore[attr-defined]

    assert code_of(error) is expected


def test_cause_of_an_exception_from_another_process() -> None:
    """A process pool puts a traceback in the place of the chain."""
    untrusted = ssl.SSLCertVerificationError()
    error = urllib3.exceptions.MaxRetryError(None, "/", untrusted)  # type: ignore[arg-type]
    error.__cause__ = REMOTE_TRACEBACK

    assert code_of(error) is PERMANENT


def test_cause_of_an_exception_of_sqlalchemy_from_another_process() -> None:
    """It keeps the exception of the driver as its ``orig``."""
    error = foreign("sqlalchemy.OperationalError", "sqlalchemy.DBAPIError")("x")
    error.orig = foreign("pymysql.OperationalError", "pymysql.Error")(2013, "x")  # type: ignore[attr-defined]
    error.__cause__ = REMOTE_TRACEBACK

    assert code_of(error) is TEMPORARY


def test_own_exception_from_another_process(subtests: pytest.Subtests) -> None:
    """The traceback of a process pool quotes what the exception was raised from."""
    for kind in [
        vars(multiprocessing.pool)["RemoteTraceback"],
        concurrent.futures.process._RemoteTraceback,
    ]:
        for quoted, expected in [
            (
                "botocore.exceptions.ClientError: An error occurred (SlowDown) when calling",
                TEMPORARY,
            ),
            (
                "botocore.exceptions.ClientError: An error occurred (NoSuchKey) when calling",
                PERMANENT,
            ),
            ("ConnectionResetError: [Errno 104] Connection reset by peer", TEMPORARY),
            ("ZeroDivisionError: division by zero", None),
        ]:
            with subtests.test(kind=kind, quoted=quoted):
                error = ValueError("cannot copy")
                error.__cause__ = kind(
                    f"{'  File …' * 1000}\n{quoted} CopyObject\n\nValueError: cannot copy\n"
                )

                assert code_of(error) is expected


def test_connection_error_of_httpx_over_a_certificate() -> None:
    """httpx has one class for all failures to connect, and httpcore suppresses the context."""
    inner = foreign("httpcore.ConnectError", "httpcore.NetworkError")("x")
    inner.__context__ = ssl.SSLCertVerificationError(1, "x")
    inner.__suppress_context__ = True
    error = chain(foreign("httpx.ConnectError", "httpx.NetworkError")("x"), inner)

    assert code_of(error) is PERMANENT


@pytest.mark.parametrize(("status", "expected"), [(502, TEMPORARY), (403, PERMANENT)])
def test_status_is_found_where_httpx_and_aiohttp_keep_it(status: int, expected: ResultCode) -> None:
    class Response:
        status_code = status

    of_httpx = foreign("httpx.HTTPStatusError")("x")
    of_httpx.response = Response()  # type: ignore[attr-defined]
    of_aiohttp = foreign("aiohttp.ClientResponseError", "aiohttp.ClientError")("x")
    of_aiohttp.status, of_aiohttp.headers = status, {}  # type: ignore[attr-defined]

    assert code_of(of_httpx) is expected
    assert code_of(of_aiohttp) is expected


def test_number_that_is_no_http_status() -> None:
    """Many exceptions have a ``code``: without headers beside it, it means nothing here."""
    error = RuntimeError()
    error.code = 404  # type: ignore[attr-defined]

    assert code_of(error) is None


def test_attribute_that_raises_is_survived() -> None:
    """httpx raises where an exception has no request yet."""

    class HostileError(Exception):
        @property
        def response(self) -> object:
            raise RuntimeError("none was set")

        headers = code = status = response

    assert code_of(HostileError()) is None
    assert describe(HostileError("x")) == "HostileError: x"


# ---------------------------------------------------------------- words

SLOW = "SlowDown calling GetObject: Please reduce your request rate."


def test_words_for_an_exception(subtests: pytest.Subtests) -> None:
    for error, words in [
        (ValueError("text"), "ValueError: text"),
        (ValueError(), "ValueError"),
        (ValueError("  \n"), "ValueError"),
        (KeyError("width"), "KeyError: 'width'"),
        (SystemExit(3), "SystemExit: 3"),
        (PermanentFailure("not a photo"), "not a photo"),
        (PermanentFailure(), "PermanentFailure"),
        (chain(TemporaryFailure("later"), ValueError("x")), "later"),
        (chain(TemporaryFailure(), ValueError("x")), "ValueError: x"),
        (chain(TemporaryFailure(), PermanentFailure(), ValueError("x")), "ValueError: x"),
        (chain(RuntimeError("load"), ValueError("x")), "RuntimeError: load"),
        (client_error(), SLOW),
        (
            client_error(status=503, request_id="ABC"),
            f"{SLOW} (HTTP 503, request id ABC)",
        ),
        (client_error(message="", status=503), "SlowDown calling GetObject (HTTP 503)"),
    ]:
        with subtests.test(error=error):
            assert describe(error) == words


def test_words_name_both_ends_of_a_chain() -> None:
    """What came out, and what it was about; the steps between help nobody."""
    error = chain(RuntimeError("no thumbnail"), KeyError("k"), client_error("SlowDown", 503))

    assert describe(error) == (
        "RuntimeError: no thumbnail, caused by "
        "SlowDown calling GetObject: Please reduce your request rate. (HTTP 503)"
    )


def test_words_are_not_said_twice(subtests: pytest.Subtests) -> None:
    for outer, inner, words in [
        ("load: timed out", "timed out", "RuntimeError: load, caused by TimeoutError: timed out"),
        ("timed out", "timed out", "RuntimeError, caused by TimeoutError: timed out"),
        ("(timed out) while loading", "timed out", "RuntimeError: (timed out) while loading"),
        (
            "untimed out",
            "timed out",
            "RuntimeError: untimed out, caused by TimeoutError: timed out",
        ),
        ("load", "", "RuntimeError: load, caused by TimeoutError"),
    ]:
        with subtests.test(outer=outer):
            error = chain(RuntimeError(outer), TimeoutError(*[inner] if inner else []))

            assert describe(error) == words


def test_words_for_a_failure_raised_by_a_helper() -> None:
    """A TaskFailure that was caught and converted decides, so its text is told."""
    error = chain(RuntimeError("step 3"), PermanentFailure("not a photo"))

    assert describe(error) == "RuntimeError: step 3, caused by not a photo"


def test_words_for_what_the_user_has_decided() -> None:
    """Whoever decided is named: the built-in table, ``retry_on`` or ``classify``."""
    error = chain(RuntimeError("step 3"), KeyError("lock"), ValueError())

    verdict = classify(error, retry_on=(KeyError,))

    assert verdict.source is error.__cause__
    assert describe(error, verdict.source) == "RuntimeError: step 3, caused by KeyError: 'lock'"


def test_words_keep_the_request_behind_what_the_user_has_decided() -> None:
    """An opinion on the outermost exception does not hide the AWS error behind it."""
    error = chain(RuntimeError("copy"), client_error(status=503, request_id="7QXEXAMPLE"))

    verdict = classify(error, give_up_on=(RuntimeError,))

    assert verdict.source is error
    assert "7QXEXAMPLE" in describe(error, verdict.source)


def test_words_for_a_bare_failure_in_a_circle() -> None:
    bare, outer = TemporaryFailure(), RuntimeError("x")
    bare.__cause__, outer.__cause__ = outer, bare

    assert describe(bare) == "RuntimeError: x"
    assert describe(outer) == "RuntimeError: x"


def test_words_for_a_group() -> None:
    """How many, and the first few of them."""
    inner = ExceptionGroup("inner", [KeyError("k"), client_error("SlowDown", 503)])
    error = ExceptionGroup("copying", [TimeoutError("late"), inner, ValueError("a"), OSError("b")])

    assert describe(error) == (
        "ExceptionGroup: copying (5 errors: TimeoutError: late; KeyError: 'k'; "
        "SlowDown calling GetObject: Please reduce your request rate. (HTTP 503); and 2 more)"
    )


def test_words_for_a_group_of_one() -> None:
    error = BaseExceptionGroup("stop", [KeyboardInterrupt()])

    assert describe(error) == "BaseExceptionGroup: stop (1 error: KeyboardInterrupt)"


def test_text_that_cannot_be_had() -> None:
    class HostileError(Exception):
        @override
        def __str__(self) -> str:
            raise RuntimeError("no")

    assert describe(HostileError()) == "HostileError: (its text cannot be shown)"


def test_huge_text_is_cut(subtests: pytest.Subtests) -> None:
    for error in [
        ValueError("x" * 10_000_000),
        client_error(message="x" * 10_000_000),
        PermanentFailure("x" * 10_000_000),
        chain(RuntimeError("x" * 10_000_000), TimeoutError("y" * 10_000_000)),
        ExceptionGroup("x" * 10_000_000, [ValueError("y" * 10_000_000)] * 10_000),
    ]:
        with subtests.test(type=type(error)):
            assert len(describe(error)) < 5_000


def test_cause_is_named_within_what_a_report_keeps() -> None:
    """A long text outside must not push the request id out of the row's 1,024 characters."""
    error = chain(RuntimeError("x" * 5000), client_error(status=503, request_id="7QXEXAMPLE"))

    assert "7QXEXAMPLE" in describe(error)[:1024]


@given(st.text(), st.text())
def test_describe_takes_any_text(outer: str, inner: str) -> None:
    """Whatever stands in a message, there are words, with the type first."""
    error = chain(RuntimeError(outer), TimeoutError(inner))

    assert describe(error).startswith("RuntimeError")


# ---------------------------------------------------------------- the page, and the price

DOCS = Path(__file__).parents[3] / "docs" / "classification.md"


def names_in(title: str) -> set[str]:
    """Give what stands in code marks in a section of the page."""
    section = re.search(
        rf"^##+ {re.escape(title)}$(.*?)(?=^##)", DOCS.read_text(), re.MULTILINE | re.DOTALL
    )
    assert section is not None, title
    return set(re.findall(r"`([^`]+)`", section[1]))


def test_page_and_table_say_the_same(subtests: pytest.Subtests) -> None:
    """Every name and every reason of the table stands in its section of the page, no other."""
    for title, data in [
        ("Temporary codes", table.TEMPORARY_CODES),
        ("Permanent codes", table.PERMANENT_CODES),
        ("Temporary: a network that may work again in a minute", table.TEMPORARY_CLASSES),
        ("Permanent: they come again each time", table.PERMANENT_CLASSES),
        ("No opinion: what they were raised from decides", table.UNDECIDED_CLASSES),
    ]:
        with subtests.test(title=title):
            beside = {*table.TEMPORARY_PARTS, *table.TEMPORARY_ERRNOS, *table.STATUSES_BEHIND}
            beside |= {*table.UNTRUSTED_TEXTS}
            beside |= {"AWS.SimpleQueueService.QueueDeletedRecently", "KMS.KeyUnavailableException"}
            beside |= {"OSError", "socket.gaierror", "EAI_AGAIN", "socket.herror", "TRY_AGAIN"}
            beside |= {
                *table.CAUSES,
                *table.REMOTE_TRACEBACKS,
                "ConcurrentAccess",
                "INTERNAL_FAILURE",
            }

            assert names_in(title) - beside == {name for names in data.values() for name in names}
            for reason, names in data.items():
                row = row_of(reason)
                assert set(re.findall(r"`([^`]+)`", row)) - beside == set(names)
                assert row.split("|")[3].strip(), f"{reason}: no source"


def row_of(first: str) -> str:
    """Return the row of the page that begins with a cell."""
    return next(line for line in DOCS.read_text().splitlines() if line.startswith(f"| {first} |"))


def test_page_has_the_rules_that_look_into_an_exception(subtests: pytest.Subtests) -> None:
    """Each row names what the table names, no more."""
    for title, rows in [
        (
            "Codes whose message decides",
            {why: [name for names in w[1:] for name in names] for why, w in table.MESSAGES.items()},
        ),
        (
            "By what the message says",
            {f"`{name}`": [name, *texts] for name, texts in table.TEMPORARY_TEXTS.items()},
        ),
        (
            "By the number of an error",
            {
                f"`{name}`": [name, where, *map(str, numbers)]
                for name, (where, numbers) in table.ERROR_NUMBERS.items()
            },
        ),
        (
            "By the SQLSTATE of a database",
            {why: [*states] for why, states in table.TEMPORARY_SQLSTATES.items()},
        ),
        (
            "By the status of a gRPC call",
            {
                "temporary": [*table.TEMPORARY_RPC_STATUSES],
                "permanent": [*table.PERMANENT_RPC_STATUSES],
            },
        ),
        (
            "By the reply of a mail server",
            {f"`{name}`": [name, where] for name, where in table.REPLY_CODES.items()},
        ),
        (
            "By the results of a bulk request",
            {f"`{name}`": [name, where] for name, where in table.BULK_ERRORS.items()},
        ),
        (
            "By the module that raised them",
            {why: [*modules, *cls] for why, (modules, cls) in table.TEMPORARY_PLACES.items()},
        ),
    ]:
        with subtests.test(title=title):
            section = DOCS.read_text().split(f"### {title}\n")[1]
            lines = [line for line in section.split("\n#")[0].splitlines() if line.startswith("|")]

            assert len(lines) == len(rows) + 2  # and the head
            for first, names in rows.items():
                assert set(re.findall(r"`([^`]+)`", row_of(first))) == set(names)


def test_page_has_the_lists_of_reasons() -> None:
    section = DOCS.read_text().split("### Several reasons")[1].split("\n#")[0]
    names = set(re.findall(r"`([^`]+)`", section))
    tables = (table.REASON_LISTS, table.REASON_LIST_PARTS, table.REASON_KEYS, table.UNPROCESSED)

    assert names >= {*itertools.chain(*tables)}


def failed_items(output: Any) -> Iterator[tuple[str, str]]:
    """Yield list and key where an output shape has a list of failures with codes."""
    for name, shape in output.members.items():
        about = re.search("error|fail|unprocessed|unsuccessful", name, re.IGNORECASE)
        if about and shape.type_name == "list" and shape.member.type_name == "structure":
            for key, member in shape.member.members.items():
                if re.fullmatch("(error|failure)?code", key, re.IGNORECASE):
                    yield name, key
                elif "error" in key.lower() and member.type_name == "structure":
                    yield from ((name, f"{key}.{k}") for k in member.members if "Code" in k)


def test_list_of_failures_is_not_read_without_end() -> None:
    class Endless(list[Any]):
        @override
        def __iter__(self) -> Iterator[Any]:
            return itertools.repeat({"Code": "SlowDown"})

    assert code_of(client_error_of({"Errors": Endless()})) is TEMPORARY


def test_list_of_failures_that_contains_itself() -> None:
    failures: list[Any] = [{"Code": "SlowDown"}]
    failures[0]["Errors"] = failures

    assert code_of(client_error_of({"Errors": failures})) is TEMPORARY


@pytest.mark.slow
def test_lists_of_failed_items_in_the_models_of_all_services() -> None:
    """A partial failure is understood wherever AWS's answers list codes."""
    _, found = service_models()

    class NotAllDoneError(Exception):
        response: Any

    missed = set()
    for name, path in found:
        entry: Any = "SlowDown"
        for key in reversed(path.split(".")):
            entry = {key: entry}
        error = NotAllDoneError()
        error.response = {name: [entry]}
        if code_of(error) is not TEMPORARY:
            missed.add((name, path))

    assert len(found) > 60
    assert missed == set()


def test_page_has_the_small_tables_too() -> None:
    page = DOCS.read_text()

    assert names_in("HTTP statuses") >= {str(status) for status in table.HTTP_STATUSES}
    for status, (code, words) in table.HTTP_STATUSES.items():
        kind = "temporary" if code is TEMPORARY else "permanent"
        assert f"| `{status}` | {words} | {kind} |" in page
    small = (
        table.TEMPORARY_ERRNOS,
        table.TEMPORARY_PARTS,
        table.ANSWERS,
        [table.MEMBERS],
        [table.TRANSLATED],
        [*table.MEMBERS_OF.values()],
        table.UNTRUSTED_TEXTS,
        itertools.chain(*table.SQLSTATES_IN.items()),
        table.UNDECIDED_SQLSTATES,
        [table.RPC_ERROR, *table.PERMANENT_RPC_TEXTS],
        itertools.chain(*table.GOOGLE_REASONS_IN.items()),
        table.TEMPORARY_GOOGLE_REASONS,
        [table.MINIO_ERROR, table.NO_CONNECTION, table.BULK_WRITE_ERROR],
        table.BULK_WRITE_LISTS,
        itertools.chain(*table.RETRY_FLAGS.items()),
        table.STATUSES_BEHIND,
    )
    for name in itertools.chain(*small):
        assert f"`{name}`" in page
    for name in table.STATUS_BY_HEADERS:
        assert f"`.{name}`" in page


def test_import_brings_in_nobody_elses_library() -> None:
    """AWS errors and time-outs are recognised without the libraries that raise them."""
    heavy = {"botocore", "boto3", "urllib3", "requests", "httpx", "aiohttp", "asyncio", "logging"}
    program = (
        "import sys; import s3batch_handler.core._classification; "
        f"print(sorted({heavy!r} & sys.modules.keys()))"
    )

    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert answer.stdout.strip() == "[]"


def test_the_signature_of_an_address_is_left_out() -> None:
    """Reports are read by many; a presigned address would open the object to all of them."""
    url = "https://b.s3.amazonaws.com/k?X-Amz-Credential=AKIA/x&X-Amz-Signature=abc123&x=1"
    error = ConnectionError(f"HTTPSConnectionPool: Max retries exceeded with url: {url} (Caused…)")

    words = describe(error)

    assert "abc123" not in words
    assert "AKIA" not in words
    assert (
        "https://b.s3.amazonaws.com/k?X-Amz-Credential=***&X-Amz-Signature=***&x=1 (Caused" in words
    )
