"""Server-sent events: streams that send a document each time it has changed."""

from __future__ import annotations

import logging
import threading
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, Self

from s3batch_handler.core._errors import JobNotFound
from s3batch_handler.core._redaction import redacted_text
from s3batch_handler.page._http import HttpError, Response, to_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Document = Mapping[str, Any]

JOB_ENDED: Final = "ended"
STOPPED: Final = "stopped"
"""The reasons of the event ``end``: the job has ended, or the server stops."""
MAX_STREAMS: Final = 100


class EventStreams:
    """The open streams of a server.

    Args:
        interval: The seconds between two documents.
        heartbeat: The seconds after which a comment is sent if nothing has changed. Sending it
            fails if the browser has disconnected.
        limit: The maximum number of streams; each has a thread. Further pages poll.
    """

    def __init__(
        self, *, interval: float = 1.0, heartbeat: float = 15.0, limit: int = MAX_STREAMS
    ) -> None:
        self.interval = interval
        self.heartbeat = heartbeat
        self._limit = limit
        self._open: set[EventStream] = set()
        self._changed = threading.Condition()
        self.closing = threading.Event()

    def open(
        self, name: str, read: Callable[[], Document], *, is_over: Callable[[Document], bool]
    ) -> Response:
        """Open a stream of events.

        Args:
            name: The name of the events.
            read: Returns the document; an exception at the first call is raised here.
            is_over: Whether a document is the last one.

        Raises:
            HttpError: There are too many streams, or the server ends.
        """
        stream = EventStream(self, name, read(), read=read, is_over=is_over)
        with self._changed:
            if len(self._open) >= self._limit or self.closing.is_set():
                text = "The server has too many open event streams"
                raise HttpError(HTTPStatus.SERVICE_UNAVAILABLE, text)
            self._open.add(stream)
        return Response(stream, "text/event-stream")

    def remove(self, stream: EventStream) -> None:
        """Remove a stream that has ended."""
        with self._changed:
            self._open.discard(stream)
            self._changed.notify_all()

    def close(self, *, timeout: float = 2.0) -> None:
        """End all streams after their latest documents, and wait at most ``timeout`` seconds."""
        self.closing.set()
        with self._changed:
            self._changed.wait_for(lambda: not self._open, timeout)


class EventStream:
    """The events of one browser, as the parts of a response."""

    def __init__(
        self,
        streams: EventStreams,
        name: str,
        first: Document,
        *,
        read: Callable[[], Document],
        is_over: Callable[[Document], bool],
    ) -> None:
        self._streams = streams
        self._name = name
        self._read = read
        self._is_over = is_over
        self._parts = self._events(first)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        return next(self._parts)

    def close(self) -> None:
        """End the stream. The server also calls this when the browser has disconnected."""
        self._streams.remove(self)

    def _events(self, document: Document) -> Iterator[bytes]:
        closing, interval = self._streams.closing, self._streams.interval
        yield b"retry: 2000\n\n"
        yield _event(self._name, document)
        sent, sent_at = _without_time(document), time.monotonic()
        while not self._is_over(document):
            is_last = closing.wait(interval)
            try:
                document = self._read()
            except JobNotFound:  # deleted 90 days after its end
                break
            except Exception as error:  # the page connects again
                _LOG.warning("A page cannot be updated: %s", redacted_text(error))
                return
            if (content := _without_time(document)) != sent:
                yield _event(self._name, document)
                sent, sent_at = content, time.monotonic()
            elif time.monotonic() - sent_at >= self._streams.heartbeat:
                yield b": still here\n\n"
                sent_at = time.monotonic()
            if is_last:
                yield _event("end", {"reason": STOPPED})
                return
        yield _event("end", {"reason": JOB_ENDED})


def _event(name: str, document: Document) -> bytes:
    """Return an event. JSON in ASCII has no line breaks, which would end the event."""
    return f"event: {name}\ndata: {to_json(document)}\n\n".encode("ascii")


def _without_time(document: Document) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name != "time"}


_LOG: Final = logging.getLogger("s3batch_handler.page")
