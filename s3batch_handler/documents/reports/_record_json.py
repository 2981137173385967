"""Read the JSON files beside a report, which others may write: ``job.json`` and ``run.json``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

from pydantic import ValidationError

from s3batch_handler.core._aws_errors import aws_error_code
from s3batch_handler.core._errors import ReportError
from s3batch_handler.core._validation import explain_error

if TYPE_CHECKING:
    from collections.abc import Callable

    from s3batch_handler.documents.reports._report import Report

_Record = TypeVar("_Record")


def read_record(
    report: Report, name: str, validate: Callable[[Any], _Record], *, limit: int, refusal: str
) -> _Record | None:
    """Return what a JSON file beside a report contains; ``None`` if there is no such file.

    Its texts may have lone surrogates, as paths have.

    Args:
        report: The report.
        name: The name of the file.
        validate: Returns the record for the value of the JSON, or raises ``ValueError``.
        limit: The most bytes that the file may have.
        refusal: What the error says of a file that is not valid.

    Raises:
        ReportError: The file is not valid. The text names its location and the problem.
    """
    try:
        content = report.read_beside(name, limit=limit + 1)
    except Exception as error:
        if aws_error_code(error) not in _NOT_VISIBLE:
            raise
        return None
    if content is None:
        return None
    start = f"{report.location_beside(name)}: {refusal}"
    try:
        return validate(_parse(content, limit=limit))
    except ValidationError as error:
        problem = explain_error(error, whole="")
        raise ReportError(f"{start}: {problem}; remove it") from None
    except (ValueError, RecursionError) as error:
        raise ReportError(f"{start}: {error}; remove it") from error


def _parse(content: bytes, *, limit: int) -> Any:
    if len(content) > limit:
        raise ValueError(f"more than {limit:,} bytes")
    return json.loads(content.decode("utf-8", "surrogatepass"), parse_constant=_refuse)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


_NOT_VISIBLE: Final = {"AccessDenied", "403"}  # S3's answer if the caller may not list the bucket
