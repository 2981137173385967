"""Descriptions of exceptions for reports and logs."""

from __future__ import annotations

import re
from typing import Final

from s3batch_handler.core._aws_errors import AwsError, aws_responses
from s3batch_handler.core._classification import classify
from s3batch_handler.core._errors import TaskFailure
from s3batch_handler.core._inspection import (
    MAX_EXAMINED,
    exception_chain,
    iterate_leaves,
    read_attribute,
)
from s3batch_handler.core._redaction import LONGEST_TEXT, redact, short_text
from s3batch_handler.core._sanitize import truncate

_SHORT: Final = 300  # characters of one message if several messages share a report's row
_MAX_LEAVES: Final = 3


def describe(error: BaseException, source: BaseException | None = None) -> str:
    """Return what failed, in words that help to fix it: type, message, AWS request ID.

    ::

        ValueError: not a photo
        SlowDown calling GetObject: Please reduce your request rate. (HTTP 503, request id 7QX…)
        S3UploadFailedError: Failed to upload a to b/a, caused by SlowDown calling PutObject: …

    A TaskFailure is described by its text alone. If it has no text, the exception that it was
    raised from is described instead.

    Args:
        error: The exception.
        source: The exception in its chain that decided, see :class:`Classification`. It is named
            after the outer one. By default, it is the first one that the built-in tables know.
    """
    outer = _with_text(error)
    if source is None or source is error or source is outer:
        source = classify(outer).source
    source = _with_text(source or outer)
    return _description(outer) if source is outer else _description_of_both(outer, source)


def _with_text(error: BaseException) -> BaseException:
    """Return the first exception in a chain that is not a TaskFailure without a text."""
    for exception in exception_chain(error):
        if not isinstance(exception, TaskFailure) or short_text(exception):
            return exception
    return error


def _description(exception: BaseException, limit: int = LONGEST_TEXT) -> str:
    if isinstance(exception, TaskFailure):
        return short_text(exception, limit) or type(exception).__name__
    if isinstance(exception, BaseExceptionGroup):
        return _description_of_group(exception)
    aws = AwsError.from_exception(exception)
    if aws is not None and aws.code:
        call = f"{aws.code} calling {aws.operation}" if aws.operation else aws.code
        message = truncate(redact(aws.message, 2 * limit), limit)
        return _join(call, message) + _request_details(aws)
    text = _name_and_text(exception, short_text(exception, limit))
    last = next((AwsError(exception, response) for response in aws_responses(exception)), None)
    return text + _request_details(last) if last is not None and last.code else text


def _description_of_group(group: BaseExceptionGroup[BaseException]) -> str:
    leaves = list(iterate_leaves([group]))
    texts = [_description(_with_text(leaf), _SHORT) for leaf in leaves[:_MAX_LEAVES]]
    if len(leaves) > len(texts):
        texts.append(f"and {len(leaves) - len(texts):,} more")
    errors = "1 error" if len(leaves) == 1 else f"{len(leaves):,} errors"
    if len(leaves) == MAX_EXAMINED:
        errors = f"at least {errors}"
    message = str(read_attribute(group, "message") or "")
    own = _name_and_text(group, truncate(redact(message, 2 * _SHORT), _SHORT))
    return f"{own} ({errors}: {'; '.join(texts)})"


def _description_of_both(outer: BaseException, source: BaseException) -> str:
    """Describe two exceptions of a chain, without what the outer one quotes of the inner."""
    text, inner = short_text(outer), short_text(source)
    quoted = re.search(rf"(?<!\w){re.escape(inner)}(?!\w)", text) if inner else None
    if quoted is not None and quoted.end() < len(text):
        return _name_and_text(outer, text)
    if quoted is not None:
        text = text[: quoted.start()].rstrip(" :,;-")
    return f"{_name_and_text(outer, truncate(text, _SHORT))}, caused by {_description(source)}"


def _request_details(aws: AwsError) -> str:
    details = []
    if aws.status is not None and str(aws.status) != aws.code:
        details.append(f"HTTP {aws.status}")
    if aws.request_id:
        details.append(f"request id {aws.request_id}")
    return f" ({', '.join(details)})" if details else ""


def _name_and_text(exception: BaseException, text: str) -> str:
    return _join(type(exception).__name__, text)


def _join(name: str, text: str) -> str:
    return f"{name}: {text}" if text else name
