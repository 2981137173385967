"""Large completion reports with realistic messages."""

from __future__ import annotations

import hashlib
import json
import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_random = random.Random(1)
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789abcdefghijklmnopqrstuvwxyz"


def _digits(maximum: int) -> str:
    return str(_random.randrange(maximum))


def _hex(length: int) -> str:
    return f"{_random.getrandbits(4 * length):0{length}x}"


def _uuid() -> str:
    return f"{_hex(8)}-{_hex(4)}-{_hex(4)}-{_hex(4)}-{_hex(12)}"


def _letters(length: int) -> str:
    return "".join(_random.choices(_LETTERS, k=length))


def _error(kind: str, text: str) -> str:
    trace = ['  File "/var/task/app.py", line 12, in handler\n    return convert(task)\n']
    fields = {"errorMessage": text, "errorType": kind, "requestId": _uuid(), "stackTrace": trace}
    return f"Lambda returned function error: {json.dumps(fields)}"


_FAILURES: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("200,PermanentFailure", lambda key: f"not a photo: {key}"),
    ("200,PermanentFailure", lambda _: f"cannot identify image file '/tmp/{_uuid()}.jpg'"),
    (
        "200,TemporaryFailure",
        lambda _: (
            f"SlowDown calling GetObject: Please reduce your request rate. "
            f"(HTTP 503, request id {_letters(16)})"
        ),
    ),
    (
        "200,PermanentFailure",
        lambda key: (
            "An error occurred (NoSuchKey) when calling the GetObject operation: "
            f"The specified key does not exist. Key: {key}"
        ),
    ),
    (
        "200,TemporaryFailure",
        lambda _: f"the task needs {_digits(99_999)} ms, more than the {_digits(900)} ms left",
    ),
    (
        "200,PermanentFailure",
        lambda _: _error("ValueError", f"invalid literal for int() with base 10: '{_letters(5)}'"),
    ),
    ("200,PermanentFailure", lambda _: _error("KeyError", f"'width{_digits(9)}'")),
    (
        "200,PermanentFailure",
        lambda _: (
            'Lambda returned function error: {"errorMessage":"2026-11-30T10:2'
            f'{_digits(9)}:00.{_digits(900)}Z {_uuid()} Task timed out after 3.00 seconds"}}'
        ),
    ),
    (
        "403,AccessDenied",
        lambda _: (
            "Access Denied (Service: Amazon S3; Status Code: 403; Error Code: AccessDenied; "
            f"Request ID: {_letters(16)}; S3 Extended Request ID: {_letters(76)}; Proxy: null)"
        ),
    ),
    ("404,NoSuchKey", lambda _: "The specified key does not exist."),
    (
        "200,PermanentFailure",
        lambda _: f"image is {_digits(9999)}x{_digits(9999)} pixels; checksum {_hex(32)}",
    ),
    (
        "500,InternalError",
        lambda _: (
            f"Message {_uuid()} was not delivered to "
            f"arn:aws:sqs:eu-west-1:123456789012:q{_digits(99)} at 2026-11-30 10:2{_digits(9)}:00"
        ),
    ),
)


def _usual_failure(key: str) -> tuple[str, str]:
    codes, message = _random.choice(_FAILURES)
    return codes, message(key)


def _different_failure(_: str) -> tuple[str, str]:
    return "200,PermanentFailure", f"{_random.getrandbits(64):x} is {_letters(9)}".translate(_WORDS)


_WORDS = str.maketrans("0123456789", "ghijklmnop")


def _similar_failure(_: str) -> tuple[str, str]:
    return "200,PermanentFailure", f"only {_digits(10**6)} bytes"


SHAPES: dict[str, tuple[float, Callable[[str], tuple[str, str]]]] = {
    "10 % failed": (0.1, _usual_failure),
    "all succeeded": (0.0, _usual_failure),
    "all failed, similar messages": (1.0, _similar_failure),
    "all failed, different messages": (1.0, _different_failure),
}
"""The share of failed tasks, and the codes and message of each."""


def write_report(folder: Path, rows: int, shape: str = "10 % failed") -> Path:
    """Write a report with two results files for each status."""
    share, failure = SHAPES[shape]
    (folder / "results").mkdir(parents=True)
    results = []
    first = 0
    for status, count in (
        ("succeeded", rows - round(rows * share)),
        ("failed", round(rows * share)),
    ):
        for size in (count // 2, count - count // 2):
            if not size:
                continue
            name, md5 = f"{_hex(40)}.csv", hashlib.md5()
            with (folder / "results" / name).open("wb") as file:
                for line in _lines(status, range(first, first + size), failure):
                    md5.update(line)
                    file.write(line)
            first += size
            results.append(
                {
                    "TaskExecutionStatus": status,
                    "Bucket": "reports",
                    "MD5Checksum": md5.hexdigest(),
                    "Key": f"job-1/results/{name}",
                }
            )
    index = {
        "Format": "Report_CSV_20180820",
        "ReportCreationDate": "2026-11-29T10:20:30.123456789Z",
        "Results": results,
    }
    (folder / "manifest.json").write_text(json.dumps(index))
    return folder


def _lines(
    status: str, numbers: range, failure: Callable[[str], tuple[str, str]]
) -> Iterator[bytes]:
    for n in numbers:
        start = f"my-photos,photos/2024/trip%20{n % 97}/IMG_{n}.jpg,,{status}"
        if status == "succeeded":
            yield f"{start},200,,thumbnails/2024/{n}.jpg\r\n".encode()
        else:
            codes, message = failure(f"photos/2024/trip {n % 97}/IMG_{n}.jpg")
            cell = message.replace('"', '""')
            yield f'{start},{codes},"{cell}"\r\n'.encode()
