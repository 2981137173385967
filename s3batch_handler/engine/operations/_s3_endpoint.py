"""The limit of parallel requests to an S3, which all jobs of the process share."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakValueDictionary

from s3batch_handler.engine.invoke._call_threads import Stopped
from s3batch_handler.engine.operations._request_pace import RequestPace

if TYPE_CHECKING:
    from collections.abc import Iterator


class S3Endpoint:
    """The requests to an S3 that are in flight.

    Args:
        pace: Decides when the next request may start.
    """

    def __init__(self, pace: RequestPace) -> None:
        self._pace = pace
        self._changed = threading.Condition()

    @contextmanager
    def request(self, stopped: threading.Event) -> Iterator[float]:
        """Wait until a request may start; it ends with the block. Yield the time of its start.

        Raises:
            Stopped: The job was stopped while the request waited.
        """
        with self._changed:
            while not self._pace.may_start():
                if stopped.is_set():
                    raise Stopped
                self._changed.wait(min(self._pace.pause() or _TICK, _TICK))
            start = self._pace.start()
        try:
            yield start
        finally:
            with self._changed:
                self._pace.end()
                self._changed.notify()

    def succeeded(self, start: float) -> None:
        """Count a request that S3 has accepted."""
        with self._changed:
            self._pace.succeeded(start)

    def throttled(self, start: float, retry_after: float) -> None:
        """Pause all requests, and send fewer afterwards: see :class:`RequestPace`."""
        with self._changed:
            self._pace.throttled(start, retry_after)

    def unreachable(self, start: float) -> None:
        """Pause all requests."""
        with self._changed:
            self._pace.unreachable(start)


def shared_endpoint(s3: Any, limit: int) -> S3Endpoint:
    """Return the endpoint of a client. Clients with the same URL and limit share it."""
    key = s3.meta.endpoint_url, limit
    with _LOCK:
        endpoint = _ENDPOINTS.get(key)
        if endpoint is None:
            _ENDPOINTS[key] = endpoint = S3Endpoint(RequestPace(limit))
        return endpoint


_TICK: Final = 0.25  # seconds
_LOCK: Final = threading.Lock()
_ENDPOINTS: Final[WeakValueDictionary[tuple[str, int], S3Endpoint]] = WeakValueDictionary()
