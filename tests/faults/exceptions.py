"""Faults: exceptions, and events that are not valid."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NoReturn

from s3batch_handler import Outcome, PermanentFailure, TemporaryFailure
from s3batch_handler.core._typing import override
from tests.faults.fault import fault, permanent, raises, temporary

if TYPE_CHECKING:
    from s3batch_handler import Task

SECRET = "wJalrXUtnFEMI/K7MDENG"


@fault(permanent("ZeroDivisionError"))
def bug(task: Task) -> None:
    """Raise an exception that nothing classifies."""
    1 / 0  # type: ignore[unused-ignore]


@fault(temporary("SlowDown"))
def throttled(task: Task) -> None:
    """Raise botocore's exception for `503 SlowDown`."""
    _raise_client_error("SlowDown", 503)


@fault(permanent("AccessDenied"))
def access_denied(task: Task) -> None:
    """Raise botocore's exception for `403 AccessDenied`."""
    _raise_client_error("AccessDenied", 403)


@fault(permanent("NoSuchKey"))
def no_such_key(task: Task) -> None:
    """Raise botocore's exception for `404 NoSuchKey`."""
    _raise_client_error("NoSuchKey", 404)


@fault(temporary("ReadTimeoutError"))
def read_timeout(task: Task) -> None:
    """Raise botocore's exception for a response that does not arrive."""
    from botocore.exceptions import ReadTimeoutError

    raise ReadTimeoutError(endpoint_url="https://photos.s3.amazonaws.com/")


@fault(temporary("^not yet$"))
def temporary_failure(task: Task) -> None:
    """Raise TemporaryFailure."""
    raise TemporaryFailure("not yet")


@fault(permanent("^not a photo$"))
def permanent_failure(task: Task) -> None:
    """Raise PermanentFailure."""
    raise PermanentFailure("not a photo")


@fault(permanent("could not be described|Hostile"))
def hostile_text(task: Task) -> None:
    """Raise an exception whose `__str__` and `__repr__` raise SystemExit."""

    class Hostile(Exception):
        @override
        def __str__(self) -> str:
            raise SystemExit

        __repr__ = __str__

    raise Hostile


@fault(permanent("could not be described"))
def slow_text(task: Task) -> None:
    """Raise an exception whose `__str__` sleeps."""

    class Slow(Exception):
        @override
        def __str__(self) -> str:
            time.sleep(30)
            return ""

    raise Slow


@fault(permanent("Hostile"))
def hostile_attributes(task: Task) -> None:
    """Raise an exception whose attributes raise KeyboardInterrupt."""

    class Hostile(Exception):
        def __getattr__(self, name: str) -> NoReturn:
            raise KeyboardInterrupt

    raise Hostile("with attributes")


@fault(permanent("ZeroDivisionError|ValueError"))
def group(task: Task) -> None:
    """Raise an exception group with a temporary and a permanent failure."""
    raise BaseExceptionGroup("parts", [TemporaryFailure("one"), ValueError("two")])


@fault(permanent("first"))
def circular_causes(task: Task) -> None:
    """Raise an exception that is the cause of its cause."""
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first
    raise first


@fault(permanent("x{100}"))
def huge_message(task: Task) -> None:
    """Raise an exception with a message of 10 MB."""
    raise ValueError("x" * 10_000_000)


@fault(permanent(r"password=\*\*\*"))
def secret_in_message(task: Task) -> None:
    """Raise an exception with a password, line breaks and control characters in its message."""
    raise ValueError(f"cannot connect: password={SECRET}\r\nfailed,200,\x1b[2J\u202e\0")


@fault(permanent("Escape"))
def own_base_exception(task: Task) -> None:
    """Raise an exception that is not an Exception."""

    class Escape(BaseException): ...

    raise Escape


@fault(permanent("Done"))
def wrong_result_code(task: Task) -> Outcome:
    """Return an Outcome with a result code that S3 does not know."""
    return Outcome("Done", "finished")  # type: ignore[arg-type]


@fault(raises("InvalidEvent"))
def event_of_another_service(event: Any) -> None:
    """Send an event of another service."""
    event.clear()
    event["Records"] = []


@fault(permanent("UTF-8"))
def key_not_in_utf_8(event: Any) -> None:
    """Send a key that is not valid UTF-8."""
    event["tasks"][0]["s3Key"] = "%FF.jpg"


def _raise_client_error(code: str, status: int) -> NoReturn:
    from botocore.exceptions import ClientError

    metadata: Any = {"HTTPStatusCode": status, "RequestId": "TX234S0F24A06C7"}
    error: Any = {"Code": code, "Message": "Sent by the fault."}
    raise ClientError({"Error": error, "ResponseMetadata": metadata}, "GetObject")
