"""Send the requests of parallel tasks to S3, and retry those that S3 refuses or does not answer."""

from __future__ import annotations

import random
import threading
import time
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from s3batch_handler.core._aws_errors import AwsError
from s3batch_handler.core._classification import classify
from s3batch_handler.core._inspection import as_mapping
from s3batch_handler.core._model import ResultCode
from s3batch_handler.engine.invoke._call_threads import Stopped
from s3batch_handler.engine.invoke._lambda_api import retry_after_seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from s3batch_handler.engine.operations._s3_endpoint import S3Endpoint


class S3Requests:
    """A client of S3 with the methods of ``boto3.client("s3")``, for tasks that run in parallel.

    A request waits until the endpoint allows it. It is retried for ``patience`` seconds if S3 is
    throttling or does not respond, for example while it restarts; a few times after another error
    of S3 (5xx). botocore's own retries of such requests are turned off: they would multiply these,
    and know nothing of the other requests.

    Args:
        s3: ``boto3.client("s3")``.
        endpoint: Limits the requests to the same S3.
        patience: Seconds after the first failure of a request until it is not retried any more.

    Attributes:
        stopped: Whether the job was stopped: requests that wait raise :class:`Stopped`.
    """

    def __init__(self, s3: Any, endpoint: S3Endpoint, *, patience: float = 180.0) -> None:
        self._s3 = s3
        self._endpoint = endpoint
        self._patience = patience
        self.stopped = threading.Event()
        # Of two handlers with the same ID, botocore calls one.
        s3.meta.events.register_first(
            "needs-retry.s3", partial(_raise_without_retry, s3), unique_id="s3batch-no-retries"
        )

    def is_stopped(self) -> bool:
        """Return whether the job was stopped."""
        return self.stopped.is_set()

    def __getattr__(self, name: str) -> Any:
        return partial(self._send, getattr(self._s3, name))

    def abort_multipart_upload(self, **arguments: Any) -> Any:
        """Abort an upload, also after the job was stopped."""
        method = self._s3.abort_multipart_upload
        return self._send(method, stopped=threading.Event(), **arguments)

    def _send(
        self, method: Any, /, *, stopped: threading.Event | None = None, **arguments: Any
    ) -> Any:
        stopped = stopped or self.stopped
        first_failure: float | None = None
        tries = 0
        while True:
            try:
                with self._endpoint.request(stopped) as start:
                    return self._try(start, method, arguments)
            except _Retried as retried:
                error, tries = retried.error, tries + 1
                now = time.monotonic()
                first_failure = first_failure or now
                is_over = now - first_failure >= self._patience
                if is_over or (retried.is_error_of_s3 and tries >= _TRIES):
                    raise error from None
            # Requests that failed together do not return together.
            pause = _RANDOM.uniform(0, min(_FIRST_PAUSE * 2**tries, _LONGEST_PAUSE))
            if stopped.wait(pause):
                raise Stopped

    def _try(self, start: float, method: Any, arguments: dict[str, Any]) -> Any:
        try:
            with _without_retries():
                response = method(**arguments)
        except Exception as error:
            aws = AwsError.from_exception(error)
            if aws is None:
                if classify(error).code is not ResultCode.TEMPORARY_FAILURE:
                    raise
                self._endpoint.unreachable(start)
                raise _Retried(error) from error
            if _is_throttling(aws):
                self._endpoint.throttled(start, _retry_after(error))
            elif aws.status in _FROM_PROXIES:
                self._endpoint.unreachable(start)
            elif (aws.status or 0) >= 500 and aws.status != 501:
                raise _Retried(error, is_error_of_s3=True) from error
            else:
                raise
            raise _Retried(error) from error
        self._endpoint.succeeded(start)
        return response


class _Retried(Exception):
    """A request has failed, and is sent again."""

    def __init__(self, error: Exception, *, is_error_of_s3: bool = False) -> None:
        self.error = error
        self.is_error_of_s3 = is_error_of_s3


def _is_throttling(aws: AwsError) -> bool:
    """Return whether S3 wants fewer requests. The response to HEAD has a status only."""
    return aws.status in (429, 503) or aws.code in _THROTTLING


def _retry_after(error: Exception) -> float:
    metadata = as_mapping(as_mapping(getattr(error, "response", None)).get("ResponseMetadata"))
    headers = as_mapping(metadata.get("HTTPHeaders"))
    return retry_after_seconds(str(headers.get("retry-after", "")))


# ---------------------------------------------------------------- botocore's retries


@contextmanager
def _without_retries() -> Iterator[None]:
    """Turn off botocore's retries of the requests that this thread sends."""
    _THREAD.retries_are_off = True
    try:
        yield
    finally:
        _THREAD.retries_are_off = False


def _raise_without_retry(
    s3: Any, *, response: Any, caught_exception: Exception | None, operation: Any, **_: Any
) -> None:
    """Raise the error of a response before botocore retries the request.

    Redirects to another Region are retries for botocore, too. They have statuses below 429.
    """
    if not getattr(_THREAD, "retries_are_off", False):
        return
    if caught_exception is not None:
        raise caught_exception
    if response is not None:
        http, parsed = response
        if http.status_code >= 429 or as_mapping(parsed.get("Error")).get("Code") in _THROTTLING:
            raise s3.exceptions.ClientError(parsed, operation.name)


_THREAD: Final = threading.local()
_THROTTLING: Final = ("SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded")
_FROM_PROXIES: Final = (502, 504)  # S3 behind a proxy does not respond
_TRIES: Final = 4
_FIRST_PAUSE: Final = 0.05  # seconds
_LONGEST_PAUSE: Final = 2.0  # seconds
_RANDOM: Final = random.SystemRandom()
