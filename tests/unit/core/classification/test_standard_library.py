"""Exceptions of the standard library."""

from __future__ import annotations

import concurrent.futures
import concurrent.futures.process
import errno
import ftplib
import http.client
import http.server
import imaplib
import multiprocessing
import multiprocessing.pool
import poplib
import shutil
import smtplib
import socket
import sqlite3
import ssl
import subprocess
import threading
import urllib.error
import urllib.request
import xmlrpc.client
from contextlib import closing, contextmanager, suppress
from email.message import Message
from typing import TYPE_CHECKING, Any

import pytest

from s3batch_handler.core import _library_error_table as libraries

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from s3batch_handler.core._model import ResultCode
from tests.support.exceptions import PERMANENT, TEMPORARY, code_of, foreign, loopback, raised


def test_network_errno_is_temporary(subtests: pytest.Subtests) -> None:
    for name in [name for name in libraries.TEMPORARY_ERRNOS if hasattr(errno, name)]:
        with subtests.test(name=name):
            error = OSError(getattr(errno, name), "x")

            assert code_of(error) is TEMPORARY


def test_other_errno_is_not_classified(subtests: pytest.Subtests) -> None:
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
    """Serve one connection on loopback: a line for each request of the client."""
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
    """Temporary refusals and lost connections differ from permanent refusals."""
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


def test_mail_that_is_refused_for_several_recipients(subtests: pytest.Subtests) -> None:
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
def test_incomplete_response_of_xml_rpc(body: bytes) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: {len(body)}\r\n\r\n"

    with loopback(head.encode() + body) as url, xmlrpc.client.ServerProxy(url) as server:
        error = raised(lambda: server.add(1, 2))

    assert code_of(error) is TEMPORARY


def test_locked_sqlite_database(tmp_path: Path) -> None:
    """A lock is temporary; a missing table is permanent."""
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
    """asyncio describes all of them in one text, without a number."""
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
