"""Lambda's Invoke with asyncio: one call of a function, and the errors of such a call."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any, Final, Self

import aiohttp
import yarl

from s3batch_handler.engine.invoke._lambda_api import (
    CallFailed,
    InvokeResponse,
    ReadTimeout,
    Unreachable,
    response_of,
)

if TYPE_CHECKING:
    from s3batch_handler.jobs._signed_calls import SignedCalls


class AsyncLambdaApi:
    """A function in Lambda, called over persistent connections. A context manager.

    Args:
        signed: Signs the requests.
        read_timeout: Seconds to wait for a response, more than the function's timeout.
    """

    def __init__(self, signed: SignedCalls, *, read_timeout: float) -> None:
        self._signed = signed
        self._url = yarl.URL(signed.url, encoded=True)
        self._read_timeout = read_timeout
        # aiohttp itself would look for a proxy, and for passwords in ~/.netrc, at each call.
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0, ssl=signed.ssl_context, socket_factory=_socket_with_keepalive
            ),
            timeout=aiohttp.ClientTimeout(
                total=None, sock_connect=_CONNECT_SECONDS, sock_read=read_timeout
            ),
            proxy=signed.proxy,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def invoke(self, payload: bytes) -> InvokeResponse:
        """Call the function once and wait for its response.

        Raises:
            InvokeError: There is no response.
        """
        headers = self._signed.headers(payload)
        try:
            async with self._session.post(
                self._url, data=payload, headers=headers, allow_redirects=False
            ) as response:
                body = await response.read()
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise Unreachable(error) from error
        except aiohttp.ServerTimeoutError as error:
            raise ReadTimeout(self._read_timeout) from error
        except (aiohttp.ClientError, OSError) as error:
            raise CallFailed(None, type(error).__name__, f"no response: {error}") from error
        return response_of(response.status, response.headers, body)


def _socket_with_keepalive(address: Any) -> socket.socket:
    """Create a socket that sends something each minute: firewalls drop idle connections."""
    family, kind, protocol, *_ = address
    created = socket.socket(family, kind, protocol)
    created.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name in ("TCP_KEEPIDLE", "TCP_KEEPALIVE"):  # Linux, macOS
        if hasattr(socket, name):
            created.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), 60)
    return created


_CONNECT_SECONDS: Final = 30.0  # hundreds of TLS handshakes may be in progress
