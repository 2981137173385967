"""Texts for reports, logs and terminals, without credentials and without input that is quoted.

``docs/handlers.md`` lists what is removed. The run time is linear in the length of the text.
Patterns are compiled when the first failure needs them, so that a cold start is not slower.
"""

from __future__ import annotations

from itertools import islice
from typing import Final

from s3batch_handler.core._errors import OutOfTime
from s3batch_handler.core._inspection import class_names, exception_chain
from s3batch_handler.core._known_secrets import mask_known_secrets
from s3batch_handler.core._library_messages import MESSAGES_WITHOUT_INPUT
from s3batch_handler.core._named_secrets import mask_named_secrets
from s3batch_handler.core._quoted_input import (
    mask_before_sentences,
    mask_quoted_input,
    mask_sentences_of_schema,
)
from s3batch_handler.core._sanitize import truncate

LONGEST_TEXT: Final = 2000
"""The most characters of one exception in a report or a log line."""


def redact(text: str, longest: int | None = None) -> str:
    """Replace credentials in a text by ``***``, but keep their names.

    Only the first ``longest`` characters are read.

    ::

        https://b.s3.amazonaws.com/k?AWSAccessKeyId=***&Signature=***&Expires=1767225600
        postgresql://ann:***@db/photos
        {'Authorization': '***', 'Accept': 'text/html'}

    It removes the values of parameters, fields, headers and options that are named like
    credentials, in plain, URL-encoded, HTML-escaped and JSON-escaped text; passwords in addresses;
    tokens that are known by their form; and input that some libraries quote in their messages.
    """
    return mask_known_secrets(mask_named_secrets(mask_quoted_input(text, longest)))


def redacted_text(error: BaseException, longest: int = 10_000) -> str:
    """Return ``str(error)`` without credentials and without quoted input.

    Only the first ``longest`` characters are read. Exceptions of ``str()`` are not caught.
    """
    for cls, name in zip(type(error).__mro__, class_names(error), strict=True):
        if name in MESSAGES_WITHOUT_INPUT:
            return redact(MESSAGES_WITHOUT_INPUT[name](error), longest)
        if "__str__" in vars(cls):
            break
    text = str(error)
    classes = {name for each in islice(exception_chain(error), 10) for name in class_names(each)}
    if "jsonschema.ValidationError" in classes:
        text = mask_before_sentences(text, of_jsonschema=True)
    if "schema.SchemaError" in classes:
        text = mask_sentences_of_schema(text, is_known=True)
    return redact(text, longest)


def short_text(error: BaseException, limit: int = LONGEST_TEXT) -> str:
    """Return :func:`redacted_text` with at most ``limit`` characters, also if ``str()`` raises."""
    try:
        return truncate(redacted_text(error, 2 * limit), limit)
    except OutOfTime:
        raise
    except BaseException:  # __str__ is code of the user
        return "(its text cannot be shown)"
