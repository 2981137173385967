"""Rules for exceptions that are not errors of AWS: by class, number, status, text or place.

The names are in ``_exception_class_table.py`` and ``_library_error_table.py``. No library is
imported.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from itertools import chain, islice
from typing import Final

from s3batch_handler.core._aws_errors import (
    combine_results,
    mappings_in,
    result_by_code_and_message,
    result_by_response,
    result_by_status,
)
from s3batch_handler.core._exception_class_table import CLASS_RESULTS, UNTRUSTED, UNTRUSTED_TEXTS
from s3batch_handler.core._inspection import (
    MAX_EXAMINED,
    REMOTE_TRACEBACKS,
    as_http_status,
    as_mapping,
    call_method,
    class_in,
    exception_chain,
    has_class,
    raised_from,
    read_attribute,
)
from s3batch_handler.core._library_error_table import (
    BULK_ERRORS,
    BULK_WRITE_ERROR,
    BULK_WRITE_LISTS,
    CRT_ERROR,
    ERROR_NUMBERS,
    GOOGLE_REASONS_IN,
    KNOWN_CLASSES,
    MINIO_ERROR,
    NO_CONNECTION,
    ONLY_WITHOUT_CAUSE,
    PERMANENT_RPC_STATUSES,
    PERMANENT_RPC_TEXTS,
    REPLY_CODES,
    RETRY_FLAGS,
    RPC_ERROR,
    SQLSTATES_IN,
    STATUS_BY_HEADERS,
    STATUS_CLASSES,
    TEMPORARY_ERROR_NUMBERS,
    TEMPORARY_GOOGLE_REASONS,
    TEMPORARY_PLACES,
    TEMPORARY_RPC_STATUSES,
    TEMPORARY_SQLSTATES,
    TEMPORARY_TEXTS,
    UNDECIDED_SQLSTATES,
)
from s3batch_handler.core._model import ResultCode
from s3batch_handler.core._redaction import short_text


def result_by_tables(exception: BaseException) -> ResultCode | None:
    """Classify one exception, without its chain, by the built-in tables."""
    cause = exception.__cause__
    result = _result_by_original(cause) or result_by_response(exception)
    result = result or _result_by_sqlstate(exception) or _result_by_google_reasons(exception)
    if result is None:
        name = class_in(KNOWN_CLASSES, exception)
        if name is not None:
            result = _result_by_class(name, exception)
        else:
            result = result_by_status(_http_status(exception)) or _result_by_errno(exception)
            result = result or _result_by_place(exception)
    return result or _result_by_remote_traceback(cause)


def _result_by_remote_traceback(cause: BaseException | None) -> ResultCode | None:
    """Classify by the errors that a process pool quotes: their chain did not leave the process."""
    if cause is None or not has_class(cause, *REMOTE_TRACEBACKS):
        return None
    return _result_by_text((), short_text(cause, _LONGEST_TRACEBACK))


_LONGEST_TRACEBACK: Final = 100_000  # characters


def _result_by_original(cause: BaseException | None) -> ResultCode | None:
    """Classify by the awscrt error that boto3 converted to a ClientError, if its text is known."""
    if cause is None or not has_class(cause, CRT_ERROR):
        return None
    return _result_by_text(TEMPORARY_TEXTS["awscrt.AwsCrtError"], short_text(cause))


def _result_by_class(name: str, exception: BaseException) -> ResultCode | None:
    """Classify by a class that the tables name."""
    if name in REPLY_CODES:
        return _result_by_reply(read_attribute(exception, REPLY_CODES[name]))
    if name in BULK_ERRORS:
        return _result_by_bulk(read_attribute(exception, BULK_ERRORS[name]))
    if name == BULK_WRITE_ERROR:
        return _result_by_bulk_write(as_mapping(read_attribute(exception, "details")))
    if name in ERROR_NUMBERS:
        attribute, temporary = ERROR_NUMBERS[name]
        return _temporary_if_in(_first(exception, attribute), temporary)
    if name in RETRY_FLAGS:
        is_temporary = read_attribute(exception, RETRY_FLAGS[name]) is True
        return ResultCode.TEMPORARY_FAILURE if is_temporary else None
    if name == RPC_ERROR:
        return _result_by_rpc(exception)
    if name == MINIO_ERROR:
        return _result_by_minio(exception)
    if name in TEMPORARY_TEXTS:
        if name in ONLY_WITHOUT_CAUSE and raised_from(exception) is not None:
            return None
        return _result_by_text(TEMPORARY_TEXTS[name], short_text(exception))
    result = CLASS_RESULTS[name]
    if result is ResultCode.TEMPORARY_FAILURE and _is_untrusted(exception):
        return ResultCode.PERMANENT_FAILURE
    return result


def _is_untrusted(exception: BaseException) -> bool:
    """Return whether a connection failed because a certificate is not trusted.

    Libraries hide that in the chain. httpcore raises its ConnectError ``from None``, and so hides
    it twice.
    """
    links = chain.from_iterable((link, link.__context__) for link in exception_chain(exception))
    if any(link is not None and has_class(link, *UNTRUSTED) for link in links):
        return True
    is_of_library = type(exception).__module__ != "builtins"
    return is_of_library and _contains(short_text(exception), UNTRUSTED_TEXTS)


# ---------------------------------------------------------------- numbers and statuses


def _temporary_if_in(number: object, temporary: tuple[int, ...]) -> ResultCode | None:
    is_temporary = isinstance(number, int) and number in temporary
    return ResultCode.TEMPORARY_FAILURE if is_temporary else None


def _first(exception: BaseException, attribute: str) -> object:
    """Return an attribute, or its first item if it is a tuple: ``args`` begins with a number."""
    value = read_attribute(exception, attribute)
    return next(iter(value), None) if isinstance(value, tuple) else value


def _result_by_bulk_write(details: Mapping[str, object]) -> ResultCode | None:
    """Classify by the numbers of all the errors of a bulk write to MongoDB."""
    errors = chain.from_iterable(mappings_in(details.get(name)) for name in BULK_WRITE_LISTS)
    _, temporary = ERROR_NUMBERS["pymongo.OperationFailure"]
    return combine_results(
        _temporary_if_in(each.get("code"), temporary) for each in islice(errors, MAX_EXAMINED)
    )


def _result_by_sqlstate(exception: BaseException) -> ResultCode | None:
    """Classify by the five characters that databases and ODBC use for an error."""
    name = class_in(SQLSTATES_IN, exception)
    state = _first(exception, SQLSTATES_IN[name]) if name else None
    if not isinstance(state, str) or state in UNDECIDED_SQLSTATES:
        return None
    prefixes = (prefix for each in TEMPORARY_SQLSTATES.values() for prefix in each)
    return ResultCode.TEMPORARY_FAILURE if state.startswith(tuple(prefixes)) else None


def _result_by_rpc(exception: BaseException) -> ResultCode | None:
    """Classify by the status of a gRPC call, which the exception returns from a method."""
    status = read_attribute(call_method(read_attribute(exception, "code")), "name")
    if not isinstance(status, str):
        return None
    if status in TEMPORARY_RPC_STATUSES:
        is_permanent = _contains(short_text(exception), (*UNTRUSTED_TEXTS, *PERMANENT_RPC_TEXTS))
        return ResultCode.PERMANENT_FAILURE if is_permanent else ResultCode.TEMPORARY_FAILURE
    return ResultCode.PERMANENT_FAILURE if status in PERMANENT_RPC_STATUSES else None


def _result_by_minio(exception: BaseException) -> ResultCode | None:
    """Classify by the error code of S3, or else by the HTTP status of the response."""
    code, message = read_attribute(exception, "code"), read_attribute(exception, "message")
    status = read_attribute(read_attribute(exception, "response"), "status")
    return result_by_code_and_message(code, message) or result_by_status(as_http_status(status))


def _result_by_google_reasons(exception: BaseException) -> ResultCode | None:
    """Classify by the reasons in the response of a Google API: 403 may mean a rate limit."""
    name = class_in(GOOGLE_REASONS_IN, exception)
    if name is None:
        return None
    errors = mappings_in(read_attribute(exception, GOOGLE_REASONS_IN[name]))
    reasons = [each.get("reason") for each in islice(errors, MAX_EXAMINED)]
    known = {each.lower().replace("_", "") for each in reasons if isinstance(each, str)}
    temporary = set(map(str.lower, TEMPORARY_GOOGLE_REASONS))
    return ResultCode.TEMPORARY_FAILURE if known and known <= temporary else None


def _result_by_reply(reply: object) -> ResultCode | None:
    """Classify by an SMTP reply, or by one per recipient (RFC 5321, section 4.2.1)."""
    if isinstance(reply, Mapping):  # recipient: (number, text)
        replies = [each[0] for each in reply.values() if isinstance(each, tuple) and each]
        return combine_results(map(_result_by_reply, replies))
    if not isinstance(reply, int) or reply not in (_NO_REPLY, *range(400, 600)):
        return None
    return ResultCode.TEMPORARY_FAILURE if reply < 500 else ResultCode.PERMANENT_FAILURE


_NO_REPLY: Final = -1  # smtplib sets it if it cannot read the reply


def _result_by_bulk(actions: object) -> ResultCode | None:
    """Classify by the HTTP statuses of several actions, each of them {kind: {status: …}}."""
    if not isinstance(actions, list | tuple):
        return None
    results = (as_mapping(each) for action in actions for each in as_mapping(action).values())
    return combine_results(
        result_by_status(as_http_status(result.get("status"))) for result in results
    )


def _http_status(exception: BaseException) -> int | None:
    """Return the status of an HTTP response, from the attribute where its library keeps it.

    ================================  =========================================================
    ``.response.status_code``         requests, httpx and what is built on them
    ``.status_code``                  OpenSearch's client, Powertools
    ``.http_status``                  Stripe
    ``.code``, ``.status``,           urllib, aiohttp, xmlrpc; other errors use these names for
    ``.errcode``                      other numbers, so the exception must also have ``.headers``
    ================================  =========================================================
    """
    status = read_attribute(read_attribute(exception, "response"), "status_code")
    status = status or read_attribute(exception, "status_code")
    status = status or read_attribute(exception, "http_status")
    has_headers = read_attribute(exception, "headers") is not None
    if status is None and (has_headers or has_class(exception, *STATUS_CLASSES)):
        statuses = (as_http_status(read_attribute(exception, name)) for name in STATUS_BY_HEADERS)
        return next(filter(None, statuses), None)
    return as_http_status(status)


def _result_by_errno(exception: BaseException) -> ResultCode | None:
    if not isinstance(exception, OSError):
        return None
    for name, attribute in _OTHER_NUMBERS.items():  # their errno is not a number of errno.h
        if has_class(exception, name):
            again = getattr(sys.modules.get("socket"), attribute, _TRY_AGAIN)
            return ResultCode.TEMPORARY_FAILURE if exception.errno == again else None
    number = exception.errno  # of any type: OSError('a', 'b') has 'a' there
    if number is None:
        text = short_text(exception)
        if text.startswith(_SEVERAL_ADDRESSES) or _QUOTED_CPP_ERROR.search(text):
            return _result_by_text((), text)
    return _result_by_error_number(number) if isinstance(number, int) else None


def _result_by_error_number(number: int) -> ResultCode | None:
    return ResultCode.TEMPORARY_FAILURE if number in TEMPORARY_ERROR_NUMBERS else None


_OTHER_NUMBERS: Final = {"socket.gaierror": "EAI_AGAIN", "socket.herror": "TRY_AGAIN"}
_TRY_AGAIN: Final = 2  # from netdb.h; Python has no name for it
_SEVERAL_ADDRESSES: Final = "Multiple exceptions: "  # asyncio: no address of a host is reachable


def _result_by_place(exception: BaseException) -> ResultCode | None:
    """Classify a general exception, such as ValueError, by the module that raised it."""
    for modules, classes in TEMPORARY_PLACES.values():
        if has_class(exception, *classes) and not {*modules}.isdisjoint(
            _modules_in_traceback(exception)
        ):
            return ResultCode.TEMPORARY_FAILURE
    return None


def _modules_in_traceback(exception: BaseException) -> Iterator[object]:
    step = exception.__traceback__
    while step is not None:
        yield step.tb_frame.f_globals.get("__name__")
        step = step.tb_next


# ---------------------------------------------------------------- texts


def _result_by_text(texts: tuple[str, ...], text: str) -> ResultCode | None:
    """Classify by texts that a message contains, or by the errors that it quotes."""
    if _contains(text, texts):
        return ResultCode.TEMPORARY_FAILURE
    results = [result_by_code_and_message(*each) for each in _QUOTED_ERROR.findall(text)]
    results += [_result_by_cpp_error(*each) for each in _QUOTED_CPP_ERROR.findall(text)]
    results += [_result_by_error_number(int(number)) for number in _QUOTED_NUMBER.findall(text)]
    return combine_results(results)


_QUOTED_ERROR: Final = re.compile(  # the code and the message of a ClientError
    r"An error occurred \(([\w.]+)\) when calling(.*?)(?=An error occurred \(|\Z)", re.DOTALL
)
_QUOTED_CPP_ERROR: Final = re.compile(  # name, HTTP status, code and message; by Apache Arrow
    r"AWS Error ([A-Z_]+)(?: \(HTTP status (\d{3})\))? during \w+ operation: "
    r"(?:Unable to parse ExceptionName: (\w+))?(.*?)(?=AWS Error |\Z)",
    re.DOTALL,
)
_QUOTED_NUMBER: Final = re.compile(r"\[Errno (\d{1,9})\]")  # by an OSError


def _result_by_cpp_error(name: str, status: str, code: str, message: str) -> ResultCode | None:
    """Classify by an error of the AWS SDK for C++, which quotes codes that it does not know."""
    if name == NO_CONNECTION:
        is_untrusted = _contains(message, UNTRUSTED_TEXTS)
        return ResultCode.PERMANENT_FAILURE if is_untrusted else ResultCode.TEMPORARY_FAILURE
    result = result_by_code_and_message(code or name, message)
    return result or result_by_status(int(status) if status else None)


def _contains(text: str, known: tuple[str, ...]) -> bool:
    return any(each in text for each in known)
