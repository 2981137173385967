r"""Answers as records: how a worker process writes them, and how its parent reads and checks them.

The record of a success is its message as a cell of the report, which the parent adds to the line of
the task. All other records are ``\0`` and JSON: the two texts of :func:`~._answer.to_texts`.
"""

from __future__ import annotations

import json
import re
from json.encoder import encode_basestring_ascii
from typing import Final

from s3batch_handler.core._model import Outcome, ResultCode
from s3batch_handler.core._sanitize import MAX_RESULT_STRING
from s3batch_handler.documents.files._csv_rows import csv_cell
from s3batch_handler.engine.invoke._answer import (
    FUNCTION_ERROR,
    INVALID_FUNCTION_RESPONSE,
    Answer,
    from_texts,
)
from s3batch_handler.engine.invoke._function_errors import is_function_error

# ---------------------------------------------------------------- in the worker


def record_of(kind: str, text: str) -> bytes:
    """Return the record of an answer."""
    if kind == _SUCCEEDED and len(text) <= MAX_RESULT_STRING and text.isprintable():
        return csv_cell(text).encode()
    return json_record(kind, text)


def json_record(kind: str, text: str) -> bytes:
    """Return the record of an answer as JSON, also if it is a success."""
    return f'\0["{kind}",{encode_basestring_ascii(text)}]'.encode()


_SUCCEEDED: Final = ResultCode.SUCCEEDED.value

# ---------------------------------------------------------------- in the parent


class InvalidRecord(Exception):
    """A record is not from this module: the function has written to the memory."""


def read_records(data: bytes, count: int) -> tuple[list[bytes], dict[int, Answer]]:
    """Split records and check them.

    Returns:
        All records, of which those of successes are cells, and the other answers by their index.

    Raises:
        InvalidRecord: They are not ``count`` records.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise InvalidRecord("not UTF-8") from error
    records = data.split(b"\n")
    if records.pop() or len(records) != count:
        raise InvalidRecord("another number of records")
    others: dict[int, Answer] = {}
    if '"' in text or "," in text or "\0" in text:
        for index, each in enumerate(text.split("\n")[:-1]):
            if each.startswith("\0"):
                others[index] = _answer_of(each)
            elif not (_CELL.fullmatch(each) and len(each) <= _MAX_CELL and each.isprintable()):
                raise InvalidRecord("not a cell")
    elif max(map(len, records)) > _MAX_BYTES or not text.replace("\n", "").isprintable():
        raise InvalidRecord("not a cell")
    return records, others


_CELL: Final = re.compile(r'[^",]*|"(?:[^"]|"")*"')
_MAX_CELL: Final = 2 * MAX_RESULT_STRING + 2  # characters, all of them quotes
_MAX_BYTES: Final = 4 * MAX_RESULT_STRING


def message_of(cell: bytes) -> str:
    """Return the message in a cell."""
    text = cell.decode()
    return text[1:-1].replace('""', '"') if text.startswith('"') else text


def success_of(cell: bytes) -> Outcome:
    """Return the answer that a cell stands for."""
    return Outcome(ResultCode.SUCCEEDED, message_of(cell))


def _answer_of(record: str) -> Answer:
    """Return the answer in a record that is not a cell.

    Raises:
        InvalidRecord: It has another form.
    """
    try:
        kind, text = json.loads(record[1:])
        if not isinstance(kind, str) or not isinstance(text, str):
            raise InvalidRecord("not texts")
        if kind not in _KINDS or (
            kind == FUNCTION_ERROR and not is_function_error(json.loads(text))
        ):
            raise InvalidRecord("not an answer")
    except (ValueError, TypeError, RecursionError) as error:
        raise InvalidRecord(f"not an answer: {error}") from error
    if kind == FUNCTION_ERROR and not (text.isascii() and text.isprintable()):
        raise InvalidRecord("not JSON as a worker writes it")
    return from_texts(kind, text)


_KINDS: Final = frozenset([*ResultCode, FUNCTION_ERROR, INVALID_FUNCTION_RESPONSE])
