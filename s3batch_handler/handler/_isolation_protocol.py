"""Messages between a handler and the child process that runs its tasks.

The child runs code of the user, which may write to any file descriptor, so its messages are
checked and never unpickled. Each task has a random number, which its answer repeats. The code may
also replace functions of modules such as ``json``, so they are imported by name.
"""

from __future__ import annotations

import socket
import struct
from json import dumps as to_json
from json import loads as parse_json
from pickle import HIGHEST_PROTOCOL
from pickle import dumps as to_pickle
from pickle import loads as parse_pickle
from typing import Any, Final, NamedTuple, cast

from s3batch_handler.core._model import JobRef, Outcome, ResultCode, Task, UserArguments
from s3batch_handler.core._sanitize import sanitize
from s3batch_handler.handler._invocation_state import InvocationState

NUMBER_LENGTH: Final = 8
_REQUEST: Final = struct.Struct("!I")  # the length of the pickle
_ANSWER: Final = struct.Struct(f"!{NUMBER_LENGTH}sI")  # the number of the task, the length
_LONGEST_TEXT: Final = 100_000
"""Maximum characters of a text in an answer. A longer message is shortened as for a response."""

_LONGEST_ANSWER: Final = 6_000_000
"""Maximum bytes of an answer, so that it is parsed in time. JSON needs up to 12 for a character."""


class Request(NamedTuple):
    """A task for the child process.

    Attributes:
        number: Random bytes.
        task: ``None`` for a task that the child has inherited, because it cannot be pickled.
        deadline: When the time of the task is over, on the monotonic clock.
        state: The state of the invocation.
    """

    number: bytes
    task: Task[Any, Any] | None
    deadline: float
    state: InvocationState


class Answer(NamedTuple):
    """The result of a task.

    Attributes:
        outcome: The outcome, or ``None`` if the task raised an exception (``unexpected="raise"``).
        exception: The name, the module, the text and the traceback of that exception.
        is_last: Whether the child process should be replaced, because it has no memory left.
    """

    outcome: Outcome | None
    exception: tuple[str, str, str, str] | None = None
    is_last: bool = False


class InvalidAnswer(Exception):
    """The child process sent data that is not the answer to its task."""


def encode_request(request: Request) -> bytes:
    number, task, deadline, state = request
    body = to_pickle((number, _to_plain(task), deadline, tuple(state)), HIGHEST_PROTOCOL)
    return _REQUEST.pack(len(body)) + body


def _to_plain(task: Task[Any, Any] | None) -> object:
    """Return the fields of a task as S3 sends it, because they are pickled ten times as fast."""
    if task is None or task.payload is not None or type(task.job.arguments) is not UserArguments:
        return task
    return task.id, task.bucket, task.key, task.version_id, task.job.id, dict(task.job.arguments)


def _to_task(plain: Any) -> Task[Any, Any] | None:
    if type(plain) is not tuple:
        return cast("Task[Any, Any] | None", plain)
    id_, bucket, key, version_id, job_id, arguments = plain
    job = JobRef(id=job_id, arguments=UserArguments(arguments))
    return Task(id=id_, bucket=bucket, key=key, version_id=version_id, job=job)


def read_request(connection: socket.socket) -> Request:
    """Wait for the next request.

    Raises:
        EOFError: The parent has closed the connection, or ended.
    """
    (length,) = _REQUEST.unpack(_read(connection, _REQUEST.size))
    number, plain, deadline, state = parse_pickle(_read(connection, length))
    return Request(number, _to_task(plain), deadline, InvocationState(*state))


def _read(connection: socket.socket, length: int) -> bytes:
    data = connection.recv(length, socket.MSG_WAITALL)
    while len(data) < length:
        more = connection.recv(length - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def encode_answer(number: bytes, answer: Answer) -> bytes:
    outcome, exception = answer.outcome, answer.exception
    if outcome is not None and len(outcome.message) > _LONGEST_TEXT:
        outcome = outcome._replace(message=sanitize(outcome.message))
    if exception is not None:
        name, module, text, traceback = exception
        exception = name, module, text[:_LONGEST_TEXT], traceback[-_LONGEST_TEXT:]
    body = to_json((outcome, exception, answer.is_last)).encode()
    return _ANSWER.pack(number, len(body)) + body


class AnswerReader:
    """Collects the bytes of the answer to one task."""

    def __init__(self, number: bytes) -> None:
        self._number = number
        self._data = bytearray()

    def feed(self, data: bytes) -> Answer | None:
        """Add received bytes; return the answer when it is complete.

        Raises:
            InvalidAnswer: This is not the answer to the task.
        """
        self._data += data
        if len(self._data) < _ANSWER.size:
            return None
        number, length = _ANSWER.unpack_from(self._data)
        if number != self._number or length > _LONGEST_ANSWER:
            raise InvalidAnswer
        if len(self._data) < _ANSWER.size + length:
            return None
        if len(self._data) > _ANSWER.size + length:
            raise InvalidAnswer
        return _parse_answer(bytes(self._data[_ANSWER.size :]))


def _parse_answer(body: bytes) -> Answer:
    try:
        outcome, exception, is_last = parse_json(body)
        if exception is not None:
            name, module, text, traceback = exception
            if all(type(part) is str for part in exception) and name:
                return Answer(None, (name, module, text, traceback), bool(is_last))
        else:
            code, message = outcome
            if type(message) is str:
                return Answer(Outcome(ResultCode(code), message), None, bool(is_last))
    except (ValueError, TypeError, RecursionError) as error:
        raise InvalidAnswer from error
    raise InvalidAnswer
