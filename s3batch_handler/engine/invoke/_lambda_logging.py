"""Set up logging as Lambda's Python runtime does, so that a function logs the same lines.

Source: the Python runtime interface client (RIC) 4.0, ``bootstrap.py``; for the log level and the
log format, the Lambda Developer Guide, "Using Lambda advanced logging controls with Python".
"""

from __future__ import annotations

import json
import logging
import time
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from s3batch_handler.core._typing import override

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import TextIO

LOG_FORMAT: Final = "AWS_LAMBDA_LOG_FORMAT"
"""The variable for the format: ``JSON``, or text."""

LOG_LEVEL: Final = "AWS_LAMBDA_LOG_LEVEL"
"""The variable for the level of the root logger: a level of Python, or ``TRACE``."""


@contextmanager
def logging_as_in_lambda(
    variables: Mapping[str, str], stream: Callable[[], TextIO], request_id: Callable[[], str]
) -> Iterator[None]:
    """Add a handler in Lambda's format to the root logger, and set the level of the variables.

    Load the function inside the block, because its module may set the level. The block restores
    the logging configuration at its end.

    Args:
        variables: The environment variables of the function.
        stream: Returns the stream to which a line is written.
        request_id: Returns the request ID of the current call; ``""`` before the first call.
    """
    root, converter = logging.getLogger(), logging.Formatter.converter
    before = root.level
    as_json = variables.get(LOG_FORMAT, "").upper() == "JSON"
    level = _level(variables.get(LOG_LEVEL, ""))
    handler = _LambdaHandler(stream, request_id)
    handler.setFormatter(_JsonFormatter() if as_json else logging.Formatter(*_TEXT_FORMAT))
    if level is not None:
        root.setLevel(level)
        if as_json:  # Lambda drops such lines after the runtime has written them
            handler.setLevel(level)
    logging.Formatter.converter = time.gmtime  # also for handlers that the function adds
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.setLevel(before)
        logging.Formatter.converter = converter


def _level(name: str) -> int | None:
    return logging.getLevelNamesMapping().get("DEBUG" if name == "TRACE" else name.upper())


_TEXT_FORMAT: Final = (
    "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s",
    "%Y-%m-%dT%H:%M:%S",
)


class _LambdaHandler(logging.Handler):
    """Write records, with the request ID of the current call, to the current output stream."""

    def __init__(self, stream: Callable[[], TextIO], request_id: Callable[[], str]) -> None:
        super().__init__()
        self._stream = stream
        self._request_id = request_id

    @override
    def emit(self, record: logging.LogRecord) -> None:
        record.aws_request_id = self._request_id()
        try:
            stream = self._stream()
            stream.write(self.format(record).rstrip("\n") + "\n")
            stream.flush()
        except Exception:  # as logging.StreamHandler does
            self.handleError(record)


class _JsonFormatter(logging.Formatter):
    """Format a record as one line of JSON, with the fields of its ``extra=``."""

    def __init__(self) -> None:
        super().__init__(datefmt="%Y-%m-%dT%H:%M:%SZ")

    @override
    def format(self, record: logging.LogRecord) -> str:
        is_object = isinstance(record.msg, dict) and not record.args
        line: dict[str, Any] = {
            "timestamp": self.formatTime(record, self.datefmt),
            "level": logging.getLevelName(min(50, max(0, record.levelno)) // 10 * 10),
            "message": record.msg if is_object else record.getMessage(),
            "logger": record.name,
        }
        if record.exc_info and record.exc_info[0] is not None:
            kind, error, trace = record.exc_info
            line["stackTrace"] = traceback.format_tb(trace)
            line["errorType"] = kind.__name__
            line["errorMessage"] = str(error)
        line["requestId"] = getattr(record, "aws_request_id", "")
        if record.exc_info:
            line["location"] = f"{record.pathname}:{record.funcName}:{record.lineno}"
        for name, value in vars(record).items():
            if name not in _OWN_ATTRIBUTES and name not in line and value is not None:
                line[name] = value
        return json.dumps(line, ensure_ascii=False, default=str)


_OWN_ATTRIBUTES: Final = {
    *vars(logging.makeLogRecord({})),
    *("message", "asctime", "aws_request_id", "tenant_id"),
}
