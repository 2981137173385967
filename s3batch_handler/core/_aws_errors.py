"""Classify errors of AWS, which are recognized by the shape of botocore's ClientError.

botocore is not imported. The codes are in ``_aws_error_table.py``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Final

from s3batch_handler.core._aws_error_table import (
    CODE_RESULTS,
    HTTP_STATUSES,
    MESSAGE_RULES,
    ORIGINAL_STATUSES,
    REASON_KEYS,
    REASON_LIST_PARTS,
    REASON_LISTS,
    REQUEST_ID_HEADERS,
    RESPONSE_ATTRIBUTES,
    SUCCESS_CODES,
    TEMPORARY_PARTS,
    UNPROCESSED,
)
from s3batch_handler.core._inspection import (
    MAX_EXAMINED,
    as_http_status,
    as_mapping,
    read_attribute,
)
from s3batch_handler.core._model import ResultCode


def aws_error_code(error: BaseException) -> str | None:
    """Return the error code of a botocore ClientError, such as ``NoSuchKey``."""
    aws = AwsError.from_exception(error)
    return aws.code if aws is not None else None


class AwsError:
    """An error that AWS returned, as botocore's ClientError and similar exceptions hold it.

    Attributes:
        code: ``NoSuchKey``; a text is empty if the exception does not have it.
        status: The status of the HTTP response; ``None`` if it is not known.
        reasons: The codes of a call that failed for several reasons, as DynamoDB's transactions do.
    """

    def __init__(self, exception: BaseException, response: Mapping[str, object]) -> None:
        error = as_mapping(response.get("Error"))
        metadata = as_mapping(response.get("ResponseMetadata"))
        self.code = str(error.get("Code") or "")
        self.message = str(error.get("Message") or "")
        self.status = as_http_status(metadata.get("HTTPStatusCode"))
        if not self.code and "Error" in response and self.status is not None and self.status >= 300:
            # The body is not an error of AWS, for example a proxy's HTML page. botocore does the
            # same for an empty body.
            self.code = str(self.status)
            self.message = self.message or _reason_phrase(self.status)
        # If a 5xx response has no body, as for HEAD, botocore leaves the request ID in the headers.
        headers = as_mapping(metadata.get("HTTPHeaders"))
        known = (metadata.get("RequestId"), *map(headers.get, REQUEST_ID_HEADERS))
        self.request_id = str(next(filter(None, known), ""))
        self.host_id = str(metadata.get("HostId") or "")
        self.operation = str(read_attribute(exception, "operation_name") or "")
        listed = [*islice(_listed_reasons(response), MAX_EXAMINED)]
        self.reasons = listed or _reasons_in_message(self.message)

    @classmethod
    def from_message(cls, code: str, message: str) -> AwsError:
        """Create the error that a message of another library quotes."""
        return cls(Exception(), {"Error": {"Code": code, "Message": message}})

    @classmethod
    def from_exception(cls, exception: BaseException) -> AwsError | None:
        """Read an exception; return ``None`` if it does not have the shape of a ClientError."""
        response = read_attribute(exception, "response")
        if isinstance(response, Mapping) and isinstance(response.get("Error"), Mapping):
            return cls(exception, response)
        return None


def _reason_phrase(status: int) -> str:
    from http import HTTPStatus  # not loaded by the import of this package

    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def aws_responses(exception: BaseException) -> Iterator[Mapping[str, object]]:
    """Yield the responses of AWS that an exception holds."""
    for name in RESPONSE_ATTRIBUTES:
        response = read_attribute(exception, name)
        if isinstance(response, Mapping):
            yield response


# ---------------------------------------------------------------- rules


def result_by_response(exception: BaseException) -> ResultCode | None:
    """Classify by AWS's response, if the exception has one."""
    for response in aws_responses(exception):
        aws = AwsError(exception, response)
        result = combine_results(map(result_by_aws_code, aws.reasons))
        result = result or _result_by_original_status(response)
        result = result or _result_by_message(aws) or result_by_aws_code(aws.code)
        result = result or result_by_status(aws.status)
        if result is not None:
            return result
    return None


def combine_results(results: Iterable[ResultCode | None]) -> ResultCode | None:
    """Return permanent if any result is permanent, and temporary if all are temporary."""
    results = {*results}
    if ResultCode.PERMANENT_FAILURE in results:
        return ResultCode.PERMANENT_FAILURE
    return ResultCode.TEMPORARY_FAILURE if results == {ResultCode.TEMPORARY_FAILURE} else None


def _result_by_original_status(response: Mapping[str, object]) -> ResultCode | None:
    """Classify by the HTTP status that a service passes on, if that status is temporary."""
    results = {result_by_status(as_http_status(response.get(name))) for name in ORIGINAL_STATUSES}
    return ResultCode.TEMPORARY_FAILURE if ResultCode.TEMPORARY_FAILURE in results else None


def _result_by_message(aws: AwsError) -> ResultCode | None:
    message = aws.message.lower()
    for result, codes, texts, operations in MESSAGE_RULES.values():
        applies = aws.operation in operations or any(text in message for text in texts)
        if applies and (not codes or aws.code in codes):
            return result
    return None


def result_by_aws_code(code: str) -> ResultCode | None:
    """Classify by an error code of AWS in any spelling, or by a code that is an HTTP status."""
    # Event streams spell codes in camel case, some lists in capitals: INTERNAL_FAILURE.
    code = code.lower().replace("_", "")
    if code in CODE_RESULTS:
        return CODE_RESULTS[code]
    prefix, _, name = code.rpartition(".")  # KMS.KeyUnavailableException
    if prefix and name in CODE_RESULTS and not name.isdecimal():
        return CODE_RESULTS[name]
    if any(part in code for part in TEMPORARY_PARTS):
        return ResultCode.TEMPORARY_FAILURE
    return result_by_status(int(code)) if re.fullmatch("[1-5][0-9]{2}", code) else None


def result_by_code_and_message(code: object, message: object) -> ResultCode | None:
    """Classify by a code and a message that another client of AWS keeps or quotes."""
    if not isinstance(code, str) or not code:
        return None
    text = message if isinstance(message, str) else ""
    return _result_by_message(AwsError.from_message(code, text)) or result_by_aws_code(code)


def result_by_status(status: int | None) -> ResultCode | None:
    """Classify by an HTTP status: 5xx is temporary, 4xx is permanent, with a few exceptions."""
    if status is None or status < 400:
        return None
    if status in HTTP_STATUSES:
        return HTTP_STATUSES[status][0]
    return ResultCode.PERMANENT_FAILURE if status < 500 else ResultCode.TEMPORARY_FAILURE


# ---------------------------------------------------------------- several reasons


def _listed_reasons(response: Mapping[str, object]) -> Iterator[str]:
    """Yield the codes of the items that a call did not process, an empty text for each unknown."""
    for name, items in response.items():
        if name in UNPROCESSED and items:
            yield name
        elif name in REASON_LISTS or any(part in str(name).lower() for part in REASON_LIST_PARTS):
            for item in mappings_in([*items.values()] if isinstance(items, Mapping) else items):
                codes = [*_codes(item)]
                yield from (code for code in codes if code.lower() not in SUCCESS_CODES)
                if not codes and name not in REASON_LISTS:
                    yield ""


def _codes(item: Mapping[str, object], depth: int = 3) -> Iterator[str]:
    """Yield the codes of an entry, or of the errors that it contains."""
    lowered = {str(key).lower(): value for key, value in item.items()}
    errors = [each for key in lowered if "error" in key for each in mappings_in(lowered[key])]
    if errors and depth:
        for error in errors:
            yield from _codes(error, depth - 1)
    else:
        code = next(filter(None, map(lowered.get, REASON_KEYS)), None)
        yield from [str(code)] if isinstance(code, str | int) else []


def mappings_in(value: object) -> Iterator[Mapping[str, object]]:
    """Yield the mappings in a list, or the value itself if it is a mapping."""
    for each in value if isinstance(value, list | tuple) else [value]:
        if isinstance(each, Mapping):
            yield each


def _reasons_in_message(message: str) -> list[str]:
    quoted = _QUOTED_REASONS.search(message)
    codes = [code.strip() for code in quoted[1].split(",")] if quoted else []
    return [code for code in codes if code.lower() not in SUCCESS_CODES]


_QUOTED_REASONS: Final = re.compile(r"cancellation reasons for specific reasons \[([^\]]*)\]")
