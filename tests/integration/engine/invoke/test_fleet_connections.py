"""The connections of a fleet: TLS, certificates, proxies, time-outs. As boto3 does it."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from s3batch_handler.core._errors import InvalidFunction
from s3batch_handler.engine.invoke import _async_lambda_api
from tests.support.certificates import Certificate, new_certificate
from tests.support.invoker_calls import invoke, keys
from tests.support.lambda_server import SUCCEEDED, closed_port, done, fleet_at, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", "https://localhost:9")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return new_certificate(tmp_path_factory.mktemp("certificates"))


# ---------------------------------------------------------------- TLS


@pytest.mark.parametrize("variable", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"])
def test_certificates_of_a_company_are_accepted(
    variable: str, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both variables of boto3 name them. Extensions may be missing, also on Python 3.13."""
    monkeypatch.setenv(variable, str(certificate.authority))
    with serving(done, tls=certificate.server) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", server.url)

        assert invoke(fleet_at(concurrency=3), keys(*"abcd")) == dict.fromkeys("abcd", SUCCEEDED)


def test_other_certificates_are_refused(
    certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(done, tls=certificate.server) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", server.url)
        with pytest.raises(InvalidFunction, match="certificate verify failed"):
            invoke(fleet_at(), keys("a"))
        assert server.calls == []


def test_certificates_for_another_host_are_refused(
    certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate.authority))
    with serving(done, tls=certificate.server) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", server.url.replace("127.0.0.1", "localhost"))
        with pytest.raises(InvalidFunction, match=r"Hostname mismatch"):
            invoke(fleet_at(), keys("a"))


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_certificates_that_cannot_be_read_fail_the_job_before_its_first_task(
    content: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The error names the file."""
    path = tmp_path / "company.pem"
    if content is not None:
        path.write_text(content)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(path))

    with pytest.raises(InvalidFunction, match=r"cannot read the certificates in .*company\.pem: "):
        invoke(fleet_at(), keys("a"))


# ---------------------------------------------------------------- proxies


@contextmanager
def proxy(serve: Callable[[socket.socket], None]) -> Iterator[str]:
    """Yield ``host:port`` of a proxy that serves each connection in a thread."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ended = threading.Event()

        def accept() -> None:
            while True:
                connection, _ = listener.accept()
                if ended.is_set():
                    connection.close()
                    return
                threading.Thread(target=serve_and_close, args=(connection,), daemon=True).start()

        def serve_and_close(connection: socket.socket) -> None:
            with connection, suppress(OSError):  # the client has disconnected
                serve(connection)

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}"
        finally:
            ended.set()
            socket.create_connection(listener.getsockname()).close()
            thread.join()


def head_of(connection: socket.socket) -> bytes:
    """Read the request of a client."""
    head = b""
    while b"\r\n\r\n" not in head and (received := connection.recv(4_096)):
        head += received
    return head


@pytest.mark.parametrize("address", ["{}", "http://{}", "http://ann:s%40cret@{}"])
def test_calls_go_through_a_proxy(
    address: str, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its address may lack the scheme, and contain a password."""
    heads: list[bytes] = []

    def connect(client: socket.socket) -> None:
        heads.append(head_of(client))
        target = heads[-1].split()[1].decode()
        host, port = target.split(":")
        with socket.create_connection((host, int(port))) as server:
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=forward, args=(server, client), daemon=True)
            back.start()
            forward(client, server)
            back.join()

    def forward(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):  # one of them has disconnected
            while received := source.recv(65_536):
                target.sendall(received)
            target.shutdown(socket.SHUT_WR)

    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate.authority))
    with serving(done, tls=certificate.server) as server, proxy(connect) as host:
        monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", server.url)
        monkeypatch.setenv("HTTPS_PROXY", address.format(host))

        assert invoke(fleet_at(), keys("a")) == {"a": SUCCEEDED}

    assert heads[0].startswith(b"CONNECT 127.0.0.1:")
    assert (b"Proxy-Authorization: Basic YW5uOnNAY3JldA==" in heads[0]) == ("ann" in address)


def test_a_proxy_that_refuses_connections_fails_the_job(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error does not contain the password."""

    def refuse(client: socket.socket) -> None:
        head_of(client)
        client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")

    with proxy(refuse) as host:
        monkeypatch.setenv("HTTPS_PROXY", f"http://ann:secret@{host}")
        with pytest.raises(InvalidFunction, match="proxy responds with 407 Proxy Auth") as error:
            invoke(fleet_at(), keys("a"))

    assert "secret" not in str(error.value)


def test_a_proxy_that_does_not_respond_fails_the_job(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_async_lambda_api, "_CONNECT_SECONDS", 0.05)
    ended = threading.Event()

    def wait(client: socket.socket) -> None:
        head_of(client)
        ended.wait(60)

    with proxy(wait) as host:
        monkeypatch.setenv("HTTPS_PROXY", host)
        with pytest.raises(InvalidFunction, match="no server responds"):
            invoke(fleet_at(), keys("a"))
        ended.set()


def test_a_proxy_that_is_not_there_fails_the_job(monkeypatch: pytest.MonkeyPatch) -> None:
    with closed_port() as url:
        monkeypatch.setenv("HTTPS_PROXY", url.replace("//", "//ann:secret@"))
        with pytest.raises(InvalidFunction, match="no server responds") as error:
            invoke(fleet_at(), keys("a"))

    assert "secret" not in str(error.value)


@pytest.mark.parametrize("value", ["socks5://ann:secret@127.0.0.1:9", "http://127.0.0.1:x"])
def test_other_proxies_are_refused(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", value)

    with pytest.raises(InvalidFunction, match="HTTPS_PROXY is not the address of an HTTP proxy"):
        invoke(fleet_at(), keys("a"))
