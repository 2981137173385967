"""Lambda's Invoke with asyncio: one call of a function, and the errors of such a call."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Self

import aiohttp
import yarl

from s3batch_handler.core._redaction import redacted_text
from s3batch_handler.engine.invoke._lambda_api import (
    CallFailed,
    InvokeResponse,
    ReadTimeout,
    Unreachable,
    response_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from s3batch_handler.jobs._signed_calls import SignedCalls


class AsyncLambdaApi:
    """A function in Lambda, called over persistent connections. An asynchronous context manager.

    It refreshes the credentials, without delaying calls, during a long job.

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
                total=None, connect=_CONNECT_SECONDS, sock_read=read_timeout
            ),
            proxy=signed.proxy,
            headers={"Accept-Encoding": "identity"},
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        self._refreshing: asyncio.Task[None] | None = None
        self._refreshes = 0

    async def __aenter__(self) -> Self:
        self._regular_refresh = asyncio.create_task(self._refresh_regularly())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._regular_refresh.cancel()
        await self._session.close()

    async def invoke(self, payload: bytes) -> InvokeResponse:
        """Call the function once and wait for its response.

        If the credentials have expired, for example while the machine was suspended, this refreshes
        them and calls the function again.

        Raises:
            InvokeError: There is no response.
        """
        refreshes = self._refreshes
        try:
            return await self._invoke(payload)
        except CallFailed as error:
            if error.code not in _EXPIRED:
                raise
        if self._refreshes == refreshes:  # not refreshed meanwhile, for other calls
            await self._refresh()
        return await self._invoke(payload)

    async def _invoke(self, payload: bytes) -> InvokeResponse:
        headers = self._signed.headers(payload)
        try:
            async with self._session.post(
                self._url, data=payload, headers=headers, allow_redirects=False
            ) as response:
                body = await response.read()
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise Unreachable(error) from error
        except aiohttp.ClientHttpProxyError as error:  # its text contains the proxy's password
            refusal = f"the proxy responds with {error.status} {error.message}"
            raise Unreachable(ConnectionError(refusal)) from None
        except aiohttp.ServerTimeoutError as error:
            raise ReadTimeout(self._read_timeout) from error
        except (aiohttp.ClientError, OSError) as error:
            raise CallFailed(None, type(error).__name__, f"no response: {error}") from error
        return response_of(response.status, response.headers, body)

    # -------------------------------------------------------- credentials

    async def _refresh_regularly(self) -> None:
        while True:
            await asyncio.sleep(REFRESH_SECONDS)
            await self._refresh()

    async def _refresh(self) -> None:
        """Refresh the credentials once for all calls that wait for it."""
        if self._refreshing is None or self._refreshing.done():
            self._refreshing = asyncio.create_task(self._refresh_once())
        await asyncio.shield(self._refreshing)

    async def _refresh_once(self) -> None:
        try:
            await _in_daemon_thread(self._signed.refresh)
        except Exception as error:  # the present ones may be valid for some minutes
            _LOG.warning("the credentials cannot be refreshed: %s", redacted_text(error))
        self._refreshes += 1


async def _in_daemon_thread(function: Callable[[], None]) -> None:
    """Call a function that may take long. It does not delay the end of the process."""
    loop = asyncio.get_running_loop()
    ended = loop.create_future()

    def end(error: Exception | None) -> None:
        if ended.cancelled():
            return
        if error is None:
            ended.set_result(None)
        else:
            ended.set_exception(error)

    def run() -> None:
        error = None
        try:
            function()
        except Exception as raised:
            error = raised
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(end, error)

    threading.Thread(target=run, name="s3batch credentials", daemon=True).start()
    await ended


def _socket_with_keepalive(address: Any) -> socket.socket:
    """Create a socket that sends something each minute: firewalls drop idle connections."""
    family, kind, protocol, *_ = address
    created = socket.socket(family, kind, protocol)
    created.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name in ("TCP_KEEPIDLE", "TCP_KEEPALIVE"):  # Linux, macOS
        if hasattr(socket, name):
            created.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), 60)
    return created


_LOG: Final = logging.getLogger("s3batch_handler.engine")
_CONNECT_SECONDS: Final = 20.0  # hundreds of TLS handshakes may be in progress
_EXPIRED: Final = ("ExpiredTokenException", "ExpiredToken")
REFRESH_SECONDS: Final = 60.0
"""How often credentials are refreshed, if they expire soon."""
