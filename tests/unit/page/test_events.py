"""Event streams of live pages."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import pytest

from s3batch_handler.core._errors import JobNotFound
from s3batch_handler.page._events import EventStream, EventStreams
from s3batch_handler.page._http import HttpError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class Changing:
    """A document that changes each time that it is read, until it is over."""

    def __init__(self, *values: object) -> None:
        self.values = [*values]
        self.reads = 0

    def __call__(self) -> dict[str, Any]:
        self.reads += 1
        value = self.values.pop(0) if len(self.values) > 1 else self.values[0]
        if isinstance(value, Exception):
            raise value
        return {"value": value, "time": self.reads}


def is_over(document: Any) -> bool:
    return bool(document["value"] == "last")


def stream(streams: EventStreams, read: Callable[[], dict[str, Any]]) -> EventStream:
    body = streams.open("job", read, is_over=is_over).body
    assert isinstance(body, EventStream)
    return body


def events(parts: Iterable[bytes]) -> list[tuple[str, Any]]:
    """Return the names and the data of events, as a browser reads them."""
    found = []
    for block in b"".join(parts).decode("ascii").split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if line[0] != ":")
        if "event" in fields:
            found.append((fields["event"], json.loads(fields["data"])))
    return found


def names_and_values(parts: Iterable[bytes]) -> list[tuple[str, str | None]]:
    return [(name, data.get("value") or data.get("reason")) for name, data in events(parts)]


def test_an_event_is_sent_when_the_document_has_changed_and_at_its_end() -> None:
    """If only the time changes, no event is sent."""
    parts = stream(EventStreams(interval=0.001), Changing("a", "a", "b", "b", "last"))

    assert names_and_values(parts) == [
        ("job", "a"),
        ("job", "b"),
        ("job", "last"),
        ("end", "ended"),
    ]


def test_the_stream_of_a_job_that_has_ended_ends_at_once() -> None:
    assert names_and_values(stream(EventStreams(), Changing("last"))) == [
        ("job", "last"),
        ("end", "ended"),
    ]


def test_the_stream_of_a_job_that_is_deleted_ends() -> None:
    parts = stream(EventStreams(interval=0.001), Changing("a", JobNotFound(job_id="x")))

    assert names_and_values(parts) == [("job", "a"), ("end", "ended")]


def test_a_stream_breaks_if_the_document_cannot_be_read_so_that_the_page_connects_again() -> None:
    parts = stream(EventStreams(interval=0.001), Changing("a", OSError("disk")))

    assert names_and_values(parts) == [("job", "a")]


def test_an_error_of_the_first_document_is_raised() -> None:
    """So the response has the status of the error."""
    with pytest.raises(JobNotFound):
        stream(EventStreams(), Changing(JobNotFound(job_id="x")))


def test_a_comment_is_sent_while_nothing_changes() -> None:
    """Sending it fails if the browser has disconnected."""
    parts = iter(stream(EventStreams(interval=0.001, heartbeat=0.0), Changing("a")))

    received = [next(parts) for _ in range(4)]

    assert received[3].startswith(b":")


def test_a_server_that_ends_sends_the_latest_document_and_the_end() -> None:
    streams = EventStreams(interval=3600)
    parts = stream(streams, Changing("a", "b"))
    received: list[bytes] = []
    is_open = threading.Event()

    def browse() -> None:
        for part in parts:
            received.append(part)
            is_open.set()
        parts.close()

    thread = threading.Thread(target=browse)
    thread.start()
    is_open.wait(60)
    streams.close(timeout=60)
    thread.join(60)

    assert names_and_values(received) == [("job", "a"), ("job", "b"), ("end", "stopped")]


def test_a_server_does_not_wait_long_for_a_browser_that_does_not_read() -> None:
    streams = EventStreams()
    stream(streams, Changing("a"))

    streams.close(timeout=0.01)


def test_the_number_of_streams_is_limited_and_a_closed_one_makes_room() -> None:
    streams = EventStreams(limit=1)
    first = stream(streams, Changing("a"))
    with pytest.raises(HttpError) as caught:
        stream(streams, Changing("a"))
    first.close()

    assert caught.value.status == 503
    assert names_and_values(stream(streams, Changing("last")))


def test_any_text_is_one_line_of_ascii() -> None:
    """Line breaks of any kind, and lone surrogates, are escaped."""
    text = "a\n\nevent: end\ndata: x\r\u2028\u2029\x85 \udc80 \U0001f4f7"
    parts = iter(stream(EventStreams(), Changing(text)))
    next(parts)
    event = next(parts)

    assert event.count(b"\n") == 3
    assert events([event])[0][1]["value"] == text
