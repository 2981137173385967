"""A server that answers Lambda's Invoke after some time, with little CPU time: see ``fleet``.

``python -m benchmarks.stand_in_server SECONDS`` prints its port. It stops at the end of its input.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import cast

from s3batch_handler.core._typing import override


class _Connection(asyncio.Protocol):
    """One connection; HTTP requests follow each other, each with a Content-Length."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._received = b""

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's has another base class

    @override
    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n") + 4) >= 4:
            head = self._received[:end].lower()
            size = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
            if len(self._received) < end + size:
                return
            body = self._received[end : end + size]
            self._received = self._received[end + size :]
            asyncio.get_running_loop().call_later(self._seconds, self._reply, body)

    def _reply(self, body: bytes) -> None:
        event = json.loads(body)
        result = {"taskId": event["tasks"][0]["taskId"], "resultCode": "Succeeded"}
        answer = {
            "invocationSchemaVersion": event["invocationSchemaVersion"],
            "treatMissingKeysAs": "PermanentFailure",
            "invocationId": event["invocationId"],
            "results": [{**result, "resultString": "done"}],
        }
        content = json.dumps(answer).encode()
        head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "
        self._transport.write(f"{head}{len(content)}\r\n\r\n".encode() + content)


async def main(seconds: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(seconds), "127.0.0.1", 0, backlog=4_096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    try:
        import uvloop

        uvloop.run(main(float(sys.argv[1])))
    except ImportError:
        asyncio.run(main(float(sys.argv[1])))
