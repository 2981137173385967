"""Objects that change, and copies and uploads that fail."""

from __future__ import annotations

import concurrent.futures
import concurrent.futures.process
import http.client
import http.server
import multiprocessing
import multiprocessing.pool
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import boto3
import boto3.exceptions
import boto3.s3.transfer
import pytest
import s3transfer.exceptions
from typing_extensions import override

from s3batch_handler.core._classification import classify

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from s3batch_handler.core._model import ResultCode
from tests.support.exceptions import (
    PERMANENT,
    REMOTE_TRACEBACK,
    TEMPORARY,
    chain,
    client_error,
    code_of,
    foreign,
    loopback,
    raised,
    s3,
)

SIZE = 20 * 2**20  # more than s3transfer reads at a time


@contextmanager
def changing_object() -> Iterator[Any]:
    """Serve an object that is replaced before it is read: each condition gets 412."""

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
    """s3transfer requests all parts of one ETag; the next attempt reads the new object."""
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
def test_condition_in_the_users_own_request_is_permanent(call: Callable[[Any], object]) -> None:
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
def test_errors_that_s3transfer_quotes_in_the_text_of_a_copy(
    codes: list[str], expected: ResultCode | None
) -> None:
    """Errors of annotations that could not be copied are in the text only."""
    failed = {code: client_error(code, operation="PutObjectAnnotation") for code in codes}

    error = s3transfer.exceptions.S3CopyFailedError(f"Failed to copy annotations. Errors: {failed}")

    assert code_of(error) is expected


UPLOAD_FAILED = (
    "Failed to upload a to b/k: An error occurred ({}) when calling the PutObject operation"
)


def test_failed_upload_from_another_process(subtests: pytest.Subtests) -> None:
    """A process pool replaces the chain with a traceback, whose text has the code."""
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


def test_failed_upload_in_a_real_process_pool(tmp_path: Path) -> None:
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


def test_chain_of_a_failed_upload_comes_before_its_text() -> None:
    """Only the chain has the HTTP status and the request ID."""
    cause = client_error("NeverHeardOfIt", 503)
    error = chain(boto3.exceptions.S3UploadFailedError(UPLOAD_FAILED.format("AccessDenied")), cause)

    assert classify(error) == (TEMPORARY, cause)


def test_error_of_the_common_runtime(subtests: pytest.Subtests) -> None:
    """Its text begins with the name of the error: see awscrt/exceptions.py."""
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
    """boto3 translates it into the ClientError of a user's own condition."""
    original = foreign("awscrt.S3ResponseError", "awscrt.AwsCrtError")(f"{name}: in words")

    error = chain(client_error("PreconditionFailed", 412), original)

    assert code_of(error) is expected
