"""The reasons of failed tasks and their common forms, as DuckDB computes them.

These expressions in SQL return the same texts as the functions of Python that they are named after.
"""

from __future__ import annotations

from s3batch_handler.documents.files._database import quoted
from s3batch_handler.documents.reports._failure_groups import (
    ERROR_MESSAGE,
    ERROR_TYPE,
    FUNCTION_ERROR,
)
from s3batch_handler.documents.reports._message_patterns import NAME, NAMES, OTHER_DIGITS


def failure_reason(message: str) -> str:
    """Return the SQL of ``failure_reason``."""
    kind = _unquoted(f"regexp_extract({message}, {quoted(ERROR_TYPE)}, 1)")
    text = _unquoted(f"regexp_extract({message}, {quoted(ERROR_MESSAGE)}, 1)")
    return f"""
        CASE WHEN starts_with({message}, {quoted(FUNCTION_ERROR)})
                AND regexp_matches({message}, {quoted(ERROR_MESSAGE)})
            THEN CASE WHEN regexp_matches({message}, {quoted(ERROR_TYPE)})
                THEN {kind} || ': ' ELSE '' END || {text}
            ELSE {message} END
    """


def without_key(message: str, key: str) -> str:
    """Return the SQL of ``without_key``.

    ``key`` is ``NULL`` if it is not valid UTF-8.
    """
    for name in (key, f"split_part({key}, '/', -1)"):
        is_name = f"regexp_matches({name}, {quoted(NAME)})"
        message = f"CASE WHEN {is_name} THEN replace({message}, {name}, '…') ELSE {message} END"
    return message


def without_names(message: str) -> str:
    """Return the SQL of ``without_names``."""
    expression = f"regexp_replace({message}, {quoted(NAMES)}, '…', 'g')"
    for digit in OTHER_DIGITS:
        expression = f"replace({expression}, '{digit}', '0')"
    return expression


def _unquoted(text: str) -> str:
    decoded = f"""coalesce(TRY(json_extract_string('"' || {text} || '"', '$')), {text})"""
    return f"CASE WHEN contains({text}, '\\') THEN {decoded} ELSE {text} END"
