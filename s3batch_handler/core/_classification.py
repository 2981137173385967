"""Which exceptions are worth another try, and what to say of them: exception → ``ResultCode``.

:func:`classify` decides and :func:`describe` puts into words; what both know about other people's
exceptions stands in the tables at the end of this file, and in ``docs/classification.md``.

Exceptions are recognised by their shape and their name. Nothing of botocore, urllib3, requests,
httpx or aiohttp is imported for it: who uses none of them pays for none.
"""

from __future__ import annotations

import errno
import functools
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain, islice
from typing import Final, NamedTuple, TypeAlias

from s3batch_handler.core._errors import OutOfTime, PermanentFailure, TaskFailure, TemporaryFailure
from s3batch_handler.core._model import ResultCode
from s3batch_handler.core._redaction import class_names, redact, text_of

Classify: TypeAlias = Callable[[BaseException], ResultCode | None]
"""Says what an exception means for its task; ``None`` where it has no opinion."""


class Verdict(NamedTuple):
    """What an exception means, and which one in its chain decided; neither if nobody knows."""

    code: ResultCode | None
    about: BaseException | None


def classify(
    error: BaseException,
    *,
    classify: Classify | None = None,
    retry_on: tuple[type[BaseException], ...] = (),
    give_up_on: tuple[type[BaseException], ...] = (),
) -> Verdict:
    """Say what an exception means for the task it ended.

    The exception itself is looked at first, then what it was raised from (its ``__cause__``, else
    its ``__context__`` unless suppressed), and so on inwards: the first opinion decides. Of each
    exception this is asked, in order:

    1. Is it a TaskFailure? Its ``code``.
    2. What does the user's ``classify`` say? If it raises or gives no ResultCode, that is logged,
       and no opinion.
    3. Is it one of ``retry_on``: temporary; one of ``give_up_on``: permanent.
    4. What does the built-in table say?
    5. Is it a group, or does it list the exceptions of a batch? Permanent if any of them is,
       temporary if all of them are.
    """
    return _Classification(classify, retry_on, give_up_on).verdict(error)


def is_explained(verdict: Verdict) -> bool:
    """Return whether a log needs no traceback: S3 retries the task, or AWS sent an error code."""
    if verdict.about is None:
        return False
    return verdict.code is ResultCode.TEMPORARY_FAILURE or all(
        any(AwsError(leaf, answer).code for answer in _answers(leaf))
        for leaf in leaves_of(verdict.about)
    )


def leaves_of(exception: BaseException) -> list[BaseException]:
    """Return the exceptions in a group and in its groups, or the exception itself."""
    return [*_leaves(_members(exception))] or [exception]


def aws_error_code(error: BaseException) -> str | None:
    """Give the error code of a botocore ClientError (``NoSuchKey``), known by its shape."""
    aws = AwsError.of(error)
    return aws.code if aws is not None else None


class AwsError:
    """What botocore's ClientError, and whatever is built like it, tells about a failed call.

    Attributes:
        code: ``NoSuchKey``; all texts are empty where it does not tell.
        status: Of the HTTP response; ``None`` where it does not tell.
        reasons: Codes of a call that failed for several reasons, as DynamoDB's transactions do.
    """

    def __init__(self, exception: BaseException, response: Mapping[str, object]) -> None:
        error = _mapping(response.get("Error"))
        metadata = _mapping(response.get("ResponseMetadata"))
        self.code = str(error.get("Code") or "")
        self.message = str(error.get("Message") or "")
        self.status = _as_status(metadata.get("HTTPStatusCode"))
        if not self.code and "Error" in response and self.status is not None and self.status >= 300:
            # The body is not an error of AWS, for example a proxy's HTML page. botocore does the
            # same for an empty body.
            self.code = str(self.status)
            self.message = self.message or _reason_phrase(self.status)
        # If a 5xx response has no body, as for HEAD, botocore leaves the request ID in the headers.
        headers = _mapping(metadata.get("HTTPHeaders"))
        known = (metadata.get("RequestId"), *map(headers.get, REQUEST_ID_HEADERS))
        self.request_id = str(next(filter(None, known), ""))
        self.host_id = str(metadata.get("HostId") or "")
        self.operation = str(_attribute(exception, "operation_name") or "")
        self.reasons = [*islice(_listed_reasons(response), _MOST)] or _quoted_reasons(self.message)

    @classmethod
    def quoted(cls, code: str, message: str) -> AwsError:
        """Build the error that a text quotes."""
        return cls(Exception(), {"Error": {"Code": code, "Message": message}})

    @classmethod
    def of(cls, exception: BaseException) -> AwsError | None:
        """Read an exception; ``None`` if it is not built like that."""
        response = _attribute(exception, "response")
        if isinstance(response, Mapping) and isinstance(response.get("Error"), Mapping):
            return cls(exception, response)
        return None


def _reason_phrase(status: int) -> str:
    from http import HTTPStatus  # not loaded by the import of this package

    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def describe(error: BaseException, about: BaseException | None = None) -> str:
    """Say in words a person can act on what failed: type, message, AWS request id.

    ::

        ValueError: not a photo
        SlowDown calling GetObject: Please reduce your request rate. (HTTP 503, request id 7QX…)
        S3UploadFailedError: Failed to upload a to b/a, caused by SlowDown calling PutObject: …

    If an exception deeper in the chain decided, it is named, too, after the outer one. ``about`` is
    the one that decided, as a :class:`Verdict` has it; without it, the first one that the built-in
    table knows (an AWS error, a time-out) is taken for it. A TaskFailure is described by its text
    alone; where it has none, what it was raised from is described instead.
    """
    speaker = _speaker(error)
    if about is None or about is error or about is speaker:
        about = _Classification().verdict(speaker).about
    about = _speaker(about or speaker)
    if about is speaker:
        return _words(speaker)
    return _caused_by(speaker, about)


# ---------------------------------------------------------------- deciding


class _Classification:
    """One call of :func:`classify`: who is asked, and what was said so far."""

    def __init__(
        self,
        classify: Classify | None = None,
        retry_on: tuple[type[BaseException], ...] = (),
        give_up_on: tuple[type[BaseException], ...] = (),
    ) -> None:
        self._classify = classify
        self._retry_on = retry_on
        self._give_up_on = give_up_on
        self._complained = False
        self._depth = 0
        self._opinions: dict[int, ResultCode | None] = {}

    def verdict(self, error: BaseException) -> Verdict:
        """Give the first opinion in a chain of exceptions, and the exception it is about."""
        for exception in _chain(error):
            code = self._opinion(exception)
            if code is not None:
                return Verdict(code, exception)
        return Verdict(None, None)

    def _opinion(self, exception: BaseException) -> ResultCode | None:
        # Leaves of a group often share a context, and a context may lead back to the group:
        # remembering makes the first cheap and the second finite.
        identity = id(exception)
        if identity not in self._opinions:
            self._opinions[identity] = None
            self._opinions[identity] = self._first_opinion(exception)
        return self._opinions[identity]

    def _first_opinion(self, exception: BaseException) -> ResultCode | None:
        if isinstance(exception, TaskFailure):
            return _as_code(_attribute(exception, "code")) or _code_of_class(exception)
        code = self._asked(exception)
        if code is not None:
            return code
        if isinstance(exception, self._retry_on):
            return ResultCode.TEMPORARY_FAILURE
        if isinstance(exception, self._give_up_on):
            return ResultCode.PERMANENT_FAILURE
        members = _members(exception)
        if members:
            return self._together(members)
        return _by_table(exception)

    def _asked(self, exception: BaseException) -> ResultCode | None:
        if self._classify is None:
            return None
        try:
            answer: object = self._classify(exception)
        except OutOfTime:
            raise
        except BaseException as error:  # a user's function must not hide the failure
            self._complain(
                "classify=%s raised %s", _callable_name(self._classify), _named(error, _text(error))
            )
            return None
        if answer is not None and not isinstance(answer, ResultCode):
            self._complain(
                "classify=%s returned %s, not a ResultCode",
                _callable_name(self._classify),
                type(answer).__name__,
            )
        return _as_code(answer)

    def _complain(self, problem: str, *details: object) -> None:
        if self._complained:
            return
        self._complained = True
        import logging  # 3 ms that a start need not wait for

        logging.getLogger("s3batch_handler").warning(
            f"{problem}; it counts as no opinion",  # noqa: G004  only literals
            *details,
        )

    def _together(self, members: Iterable[BaseException]) -> ResultCode | None:
        if self._depth == _DEEPEST:
            return None
        self._depth += 1
        try:
            return _agreed(self.verdict(leaf).code for leaf in _leaves(members))
        finally:
            self._depth -= 1


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Give an exception and what it was raised from, outermost first, each of them once."""
    seen: set[int] = set()
    exception: BaseException | None = error
    while exception is not None and id(exception) not in seen and len(seen) < _LONGEST_CHAIN:
        seen.add(id(exception))
        yield exception
        exception = _raised_from(exception)


def _raised_from(exception: BaseException) -> BaseException | None:
    """Return what an exception was raised from, also if it comes from another process."""
    if exception.__cause__ is not None or exception.__suppress_context__:
        inner = exception.__cause__
    else:
        inner = exception.__context__
    if inner is None or _is_a(inner, *REMOTE_TRACEBACKS):
        kept = (_attribute(exception, name) for name in CAUSES)
        return next((cause for cause in kept if isinstance(cause, BaseException)), None)
    return inner


def _members(exception: BaseException) -> tuple[BaseException, ...]:
    """Return the members of an exception group or of a batch error; ``()`` for other exceptions."""
    if isinstance(exception, BaseExceptionGroup):
        return exception.exceptions
    name = next(filter(MEMBERS_OF.__contains__, class_names(exception)), None)
    children = _attribute(exception, MEMBERS_OF[name] if name else MEMBERS)
    if isinstance(children, dict):
        children = [*children.values()]
    if not isinstance(children, list | tuple):
        return ()
    # Powertools stores tuples of sys.exc_info(): class, exception, traceback.
    flat = chain.from_iterable(each if isinstance(each, tuple) else (each,) for each in children)
    return tuple(each for each in flat if isinstance(each, BaseException))


def _leaves(members: Iterable[BaseException]) -> Iterator[BaseException]:
    """Yield the exceptions in nested groups that are not groups themselves, at most 1,000."""
    waiting = [*reversed([*members])]
    opened: set[int] = set()  # a batch may contain itself
    found = 0
    while waiting and found < _MOST and len(opened) < _MOST:
        exception = waiting.pop()
        members = _members(exception)
        if not members:
            found += 1
            yield exception
        elif id(exception) not in opened:
            opened.add(id(exception))
            waiting.extend(reversed(members[:_MOST]))


_LONGEST_CHAIN: Final = 50_000
_MOST: Final = 1000
"""The most exceptions that are examined in a chain, and in a group: the task's time is limited.

A list of reasons is read as far as a group.
"""

_DEEPEST: Final = 50
"""The most levels of groups within causes within groups that are examined."""


def _agreed(codes: Iterable[ResultCode | None]) -> ResultCode | None:
    """Combine the verdicts on several reasons: temporary only if every reason is temporary."""
    codes = {*codes}
    if ResultCode.PERMANENT_FAILURE in codes:
        return ResultCode.PERMANENT_FAILURE
    return ResultCode.TEMPORARY_FAILURE if codes == {ResultCode.TEMPORARY_FAILURE} else None


def _code_of_class(failure: TaskFailure) -> ResultCode | None:
    """Return the code of a failure by its class: a subclass may have a ``code`` of its own."""
    if isinstance(failure, TemporaryFailure):
        return ResultCode.TEMPORARY_FAILURE
    return ResultCode.PERMANENT_FAILURE if isinstance(failure, PermanentFailure) else None


def _as_code(value: object) -> ResultCode | None:
    return value if isinstance(value, ResultCode) else None


# ---------------------------------------------------------------- asking the table


def _by_table(exception: BaseException) -> ResultCode | None:
    return _by_itself(exception) or _by_remote_traceback(exception.__cause__)


def _by_itself(exception: BaseException) -> ResultCode | None:
    code = _by_original(exception.__cause__) or _by_answer(exception)
    code = code or _by_sqlstate(exception) or _by_google_reasons(exception)
    if code is not None:
        return code
    name = _known_class(exception)
    if name is not None:
        return _by_class(name, exception)
    return _by_status(_http_status(exception)) or _by_errno(exception) or _by_place(exception)


def _by_remote_traceback(cause: BaseException | None) -> ResultCode | None:
    """Judge by the errors that a process pool quotes: their chain did not leave the process."""
    if cause is None or not _is_a(cause, *REMOTE_TRACEBACKS):
        return None
    return _by_text((), _text(cause, _LONGEST_TRACEBACK))


_LONGEST_TRACEBACK: Final = 100_000  # characters


def _by_original(cause: BaseException | None) -> ResultCode | None:
    """Judge by the awscrt error that boto3 converted to a ClientError, if its text is known."""
    if cause is None or not _is_a(cause, TRANSLATED):
        return None
    return _by_text(TEMPORARY_TEXTS["awscrt.AwsCrtError"], _text(cause))


def _by_answer(exception: BaseException) -> ResultCode | None:
    """Judge by AWS's response, if the exception has one."""
    for answer in _answers(exception):
        aws = AwsError(exception, answer)
        code = _by_reasons(aws) or _by_status_behind(answer)
        code = code or _by_message(aws) or _by_aws_code(aws.code) or _by_status(aws.status)
        if code is not None:
            return code
    return None


def _answers(exception: BaseException) -> Iterator[Mapping[str, object]]:
    for name in ANSWERS:
        answer = _attribute(exception, name)
        if isinstance(answer, Mapping):
            yield answer


def _by_reasons(aws: AwsError) -> ResultCode | None:
    """Judge by the reasons that a response lists."""
    return _agreed(map(_by_aws_code, aws.reasons))


def _by_status_behind(answer: Mapping[str, object]) -> ResultCode | None:
    """Judge by the HTTP status that a service passes on, if that status is temporary."""
    codes = {_by_status(_as_status(answer.get(name))) for name in STATUSES_BEHIND}
    return ResultCode.TEMPORARY_FAILURE if ResultCode.TEMPORARY_FAILURE in codes else None


def _by_message(aws: AwsError) -> ResultCode | None:
    message = aws.message.lower()
    for verdict, codes, texts, operations in MESSAGES.values():
        applies = aws.operation in operations or any(text in message for text in texts)
        if applies and (not codes or aws.code in codes):
            return verdict
    return None


def _by_aws_code(code: str) -> ResultCode | None:
    # Event streams spell codes in camel case, some lists in capitals: INTERNAL_FAILURE.
    code = code.lower().replace("_", "")
    if code in _AWS_CODES:
        return _AWS_CODES[code]
    prefix, _, name = code.rpartition(".")  # KMS.KeyUnavailableException
    if prefix and name in _AWS_CODES and not name.isdecimal():
        return _AWS_CODES[name]
    if any(part in code for part in TEMPORARY_PARTS):
        return ResultCode.TEMPORARY_FAILURE
    return _by_status(int(code)) if re.fullmatch("[1-5][0-9]{2}", code) else None


def _by_class(name: str, exception: BaseException) -> ResultCode | None:
    if name in REPLY_CODES:
        return _by_reply(_attribute(exception, REPLY_CODES[name]))
    if name in BULK_ERRORS:
        return _by_bulk(_attribute(exception, BULK_ERRORS[name]))
    if name == BULK_WRITE_ERROR:
        return _by_bulk_write(_mapping(_attribute(exception, "details")))
    if name in ERROR_NUMBERS:
        return _by_number(exception, *ERROR_NUMBERS[name])
    if name in RETRY_FLAGS:
        wanted = _attribute(exception, RETRY_FLAGS[name]) is True
        return ResultCode.TEMPORARY_FAILURE if wanted else None
    if name == RPC_ERROR:
        return _by_rpc(exception)
    if name == MINIO_ERROR:
        return _by_minio(exception)
    if name in TEMPORARY_TEXTS:
        if name in CHAINED and _raised_from(exception) is not None:
            return None
        return _by_text(TEMPORARY_TEXTS[name], _text(exception))
    code = _CLASSES[name]
    if code is ResultCode.TEMPORARY_FAILURE and _is_about_trust(exception):
        return ResultCode.PERMANENT_FAILURE
    return code


def _by_number(
    exception: BaseException, attribute: str, temporary: tuple[int, ...]
) -> ResultCode | None:
    return _temporary_if(_first(exception, attribute), temporary)


def _by_bulk_write(details: Mapping[str, object]) -> ResultCode | None:
    """Judge by the numbers of all the errors of a bulk write to MongoDB."""
    errors = chain.from_iterable(_entries(details.get(name)) for name in BULK_WRITE_LISTS)
    _, temporary = ERROR_NUMBERS["pymongo.OperationFailure"]
    return _agreed(_temporary_if(each.get("code"), temporary) for each in islice(errors, _MOST))


def _temporary_if(number: object, temporary: tuple[int, ...]) -> ResultCode | None:
    known = isinstance(number, int) and number in temporary
    return ResultCode.TEMPORARY_FAILURE if known else None


def _by_sqlstate(exception: BaseException) -> ResultCode | None:
    """Judge by the five characters that databases and ODBC use for an error."""
    name = next(filter(SQLSTATES_IN.__contains__, class_names(exception)), None)
    state = _first(exception, SQLSTATES_IN[name]) if name else None
    if not isinstance(state, str) or state in UNDECIDED_SQLSTATES:
        return None
    prefixes = (prefix for each in TEMPORARY_SQLSTATES.values() for prefix in each)
    return ResultCode.TEMPORARY_FAILURE if state.startswith(tuple(prefixes)) else None


def _first(exception: BaseException, attribute: str) -> object:
    """Return an attribute, or its first item if it is a tuple: ``args`` begins with a number."""
    value = _attribute(exception, attribute)
    return next(iter(value), None) if isinstance(value, tuple) else value


def _by_rpc(exception: BaseException) -> ResultCode | None:
    """Judge by the status of a gRPC call, which the exception returns from a method."""
    status = _attribute(_called(_attribute(exception, "code")), "name")
    if not isinstance(status, str):
        return None
    if status in TEMPORARY_RPC_STATUSES:
        stays = _mentions(_text(exception), (*UNTRUSTED_TEXTS, *PERMANENT_RPC_TEXTS))
        return ResultCode.PERMANENT_FAILURE if stays else ResultCode.TEMPORARY_FAILURE
    return ResultCode.PERMANENT_FAILURE if status in PERMANENT_RPC_STATUSES else None


def _by_minio(exception: BaseException) -> ResultCode | None:
    """Judge by the error code of S3, or else by the HTTP status of the response."""
    code = _attribute(exception, "code")
    verdict = _by_code_and_message(code, _attribute(exception, "message"))
    status = _attribute(_attribute(exception, "response"), "status")
    return verdict or _by_status(_as_status(status))


def _by_code_and_message(code: object, message: object) -> ResultCode | None:
    if not isinstance(code, str) or not code:
        return None
    words = message if isinstance(message, str) else ""
    return _by_message(AwsError.quoted(code, words)) or _by_aws_code(code)


def _by_google_reasons(exception: BaseException) -> ResultCode | None:
    """Judge by the reasons in the answer of a Google API: 403 may mean a rate limit."""
    name = next(filter(GOOGLE_REASONS_IN.__contains__, class_names(exception)), None)
    errors = _attribute(exception, GOOGLE_REASONS_IN[name]) if name else None
    reasons = [each.get("reason") for each in islice(_entries(errors), _MOST)]
    known = {each.lower().replace("_", "") for each in reasons if isinstance(each, str)}
    return ResultCode.TEMPORARY_FAILURE if known and known <= _GOOGLE_REASONS else None


def _by_reply(reply: object) -> ResultCode | None:
    """Judge by an SMTP reply, or by one per recipient (RFC 5321, section 4.2.1)."""
    if isinstance(reply, Mapping):  # recipient: (number, text)
        replies = [each[0] for each in reply.values() if isinstance(each, tuple) and each]
        return _agreed(map(_by_reply, replies))
    if not isinstance(reply, int) or reply not in (_NO_REPLY, *range(400, 600)):
        return None
    return ResultCode.TEMPORARY_FAILURE if reply < 500 else ResultCode.PERMANENT_FAILURE


_NO_REPLY: Final = -1  # smtplib sets it if it cannot read the reply


def _by_bulk(actions: object) -> ResultCode | None:
    """Judge by the HTTP statuses of several actions, each of them {kind: {status: …}}."""
    if not isinstance(actions, list | tuple):
        return None
    results = (_mapping(each) for action in actions for each in _mapping(action).values())
    return _agreed(_by_status(_as_status(result.get("status"))) for result in results)


def _by_text(texts: tuple[str, ...], text: str) -> ResultCode | None:
    """Judge by texts that a message contains, or by the AWS and system errors that it quotes."""
    if _mentions(text, texts):
        return ResultCode.TEMPORARY_FAILURE
    quoted = [_by_code_and_message(*each) for each in _QUOTED_ERROR.findall(text)]
    quoted += [_by_cpp_error(*each) for each in _QUOTED_CPP_ERROR.findall(text)]
    quoted += [_by_error_number(int(number)) for number in _QUOTED_NUMBER.findall(text)]
    return _agreed(quoted)


_QUOTED_ERROR: Final = re.compile(  # the code and the message of a ClientError
    r"An error occurred \(([\w.]+)\) when calling(.*?)(?=An error occurred \(|\Z)", re.DOTALL
)
_QUOTED_CPP_ERROR: Final = re.compile(  # name, HTTP status, code and message; by Apache Arrow
    r"AWS Error ([A-Z_]+)(?: \(HTTP status (\d{3})\))? during \w+ operation: "
    r"(?:Unable to parse ExceptionName: (\w+))?(.*?)(?=AWS Error |\Z)",
    re.DOTALL,
)
_QUOTED_NUMBER: Final = re.compile(r"\[Errno (\d{1,9})\]")  # by an OSError


def _by_cpp_error(name: str, status: str, code: str, message: str) -> ResultCode | None:
    """Judge by an error of the AWS SDK for C++, which quotes codes that it does not know."""
    if name == NO_CONNECTION:
        untrusted = _mentions(message, UNTRUSTED_TEXTS)
        return ResultCode.PERMANENT_FAILURE if untrusted else ResultCode.TEMPORARY_FAILURE
    verdict = _by_code_and_message(code or name, message)
    return verdict or _by_status(int(status) if status else None)


def _mentions(text: str, known: tuple[str, ...]) -> bool:
    return any(each in text for each in known)


def _by_status(status: int | None) -> ResultCode | None:
    if status is None or status < 400:
        return None
    if status in HTTP_STATUSES:
        return HTTP_STATUSES[status][0]
    return ResultCode.PERMANENT_FAILURE if status < 500 else ResultCode.TEMPORARY_FAILURE


def _http_status(exception: BaseException) -> int | None:
    """Find the status of a refused HTTP request, wherever its library keeps it.

    ================================  =========================================================
    ``.response.status_code``         requests, httpx and what is built on them
    ``.status_code``                  OpenSearch's client, Powertools
    ``.http_status``                  Stripe
    ``.code``, ``.status``,           urllib, aiohttp, xmlrpc; other errors use these names for
    ``.errcode``                      other numbers, so the exception must also have ``.headers``
    ================================  =========================================================
    """
    status = _attribute(_attribute(exception, "response"), "status_code")
    status = status or _attribute(exception, "status_code") or _attribute(exception, "http_status")
    has_headers = _attribute(exception, "headers") is not None
    if status is None and (has_headers or _is_a(exception, *WITH_STATUS)):
        statuses = (_as_status(_attribute(exception, name)) for name in STATUS_BY_HEADERS)
        return next(filter(None, statuses), None)
    return _as_status(status)


def _by_errno(exception: BaseException) -> ResultCode | None:
    if not isinstance(exception, OSError):
        return None
    for name, attribute in _OTHER_NUMBERS.items():  # their errno is not a number of errno.h
        if _is_a(exception, name):
            again = getattr(sys.modules.get("socket"), attribute, _TRY_AGAIN)
            return ResultCode.TEMPORARY_FAILURE if exception.errno == again else None
    number = exception.errno  # anything: OSError('a', 'b') has 'a' there
    if number is None and _text(exception).startswith(_MANY_ADDRESSES):
        return _by_text((), _text(exception))
    if number is None and _QUOTED_CPP_ERROR.search(_text(exception)):
        return _by_text((), _text(exception))
    return _by_error_number(number) if isinstance(number, int) else None


def _by_error_number(number: int) -> ResultCode | None:
    return ResultCode.TEMPORARY_FAILURE if number in _TEMPORARY_NUMBERS else None


_OTHER_NUMBERS: Final = {"socket.gaierror": "EAI_AGAIN", "socket.herror": "TRY_AGAIN"}
_TRY_AGAIN: Final = 2  # from netdb.h; Python has no name for it
_MANY_ADDRESSES: Final = "Multiple exceptions: "  # asyncio: no address of a host is reachable


def _by_place(exception: BaseException) -> ResultCode | None:
    """Judge a general exception, such as ValueError, by the module that raised it."""
    for modules, classes in TEMPORARY_PLACES.values():
        if _is_a(exception, *classes) and not {*modules}.isdisjoint(_modules(exception)):
            return ResultCode.TEMPORARY_FAILURE
    return None


def _modules(exception: BaseException) -> Iterator[object]:
    """Yield the names of the modules in an exception's traceback."""
    step = exception.__traceback__
    while step is not None:
        yield step.tb_frame.f_globals.get("__name__")
        step = step.tb_next


def _is_about_trust(exception: BaseException) -> bool:
    """Return whether a connection failed over a certificate: libraries hide that in the chain.

    httpcore raises its ConnectError ``from None``, and so hides it twice.
    """
    links = chain.from_iterable((link, link.__context__) for link in _chain(exception))
    if any(link is not None and _is_a(link, *UNTRUSTED) for link in links):
        return True
    of_a_library = type(exception).__module__ != "builtins"
    return of_a_library and _mentions(_text(exception), UNTRUSTED_TEXTS)


def _known_class(exception: BaseException) -> str | None:
    return next((name for name in class_names(exception) if name in _KNOWN), None)


def _is_a(exception: BaseException, *names: str) -> bool:
    return any(name in names for name in class_names(exception))


def _attribute(thing: object, name: str) -> object:
    """Give an attribute of somebody else's object; ``None`` if there is none, or it fails."""
    try:
        return getattr(thing, name, None)
    except OutOfTime:
        raise
    except BaseException:  # properties may raise anything
        return None


def _called(method: object) -> object:
    """Call a method of somebody else's object; ``None`` if it cannot be called, or fails."""
    try:
        return method() if callable(method) else None
    except OutOfTime:
        raise
    except BaseException:  # as for an attribute
        return None


def _listed_reasons(response: Mapping[str, object]) -> Iterator[str]:
    """Yield the codes of the items that a call did not process, an empty text for each unknown."""
    for name, items in response.items():
        if name in UNPROCESSED and items:
            yield name
        elif name in REASON_LISTS or _is_about_failures(str(name)):
            for item in _entries([*items.values()] if isinstance(items, Mapping) else items):
                codes = [*_codes(item)]
                yield from (code for code in codes if code.lower() not in NO_REASONS)
                if not codes and name not in REASON_LISTS:
                    yield ""


def _codes(item: Mapping[str, object], depth: int = 3) -> Iterator[str]:
    """Yield the codes of an entry, or of the errors that it contains."""
    lowered = {str(key).lower(): value for key, value in item.items()}
    errors = [each for key in lowered if "error" in key for each in _entries(lowered[key])]
    if errors and depth:
        for error in errors:
            yield from _codes(error, depth - 1)
    else:
        code = next(filter(None, map(lowered.get, REASON_KEYS)), None)
        yield from [str(code)] if isinstance(code, str | int) else []


def _entries(value: object) -> Iterator[Mapping[str, object]]:
    """Yield the entries of a list, or the one that stands there without a list."""
    for each in value if isinstance(value, list | tuple) else [value]:
        if isinstance(each, Mapping):
            yield each


def _is_about_failures(name: str) -> bool:
    return any(part in name.lower() for part in REASON_LIST_PARTS)


def _quoted_reasons(message: str) -> list[str]:
    quoted = _QUOTED_REASONS.search(message)
    codes = [code.strip() for code in quoted[1].split(",")] if quoted else []
    return [code for code in codes if code.lower() not in NO_REASONS]


_QUOTED_REASONS: Final = re.compile(r"cancellation reasons for specific reasons \[([^\]]*)\]")


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _as_status(value: object) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool) and 100 <= value <= 599:
        return int(value)
    return None


# ---------------------------------------------------------------- words

_LONGEST: Final = 2000  # characters of a message; a report keeps half of that
_SHORT: Final = 300  # where several messages share a report's row
_LEAVES_SHOWN: Final = 3


def _speaker(error: BaseException) -> BaseException:
    """Give the exception that has something to say: a TaskFailure may have been raised bare."""
    for exception in _chain(error):
        if not isinstance(exception, TaskFailure) or _text(exception):
            return exception
    return error


def _words(exception: BaseException, limit: int = _LONGEST) -> str:
    if isinstance(exception, TaskFailure):
        return _text(exception, limit) or type(exception).__name__
    if isinstance(exception, BaseExceptionGroup):
        return _words_of_group(exception)
    aws = AwsError.of(exception)
    if aws is not None and aws.code:
        return _words_of_aws(aws, limit)
    words = _named(exception, _text(exception, limit))
    kept = next((AwsError(exception, answer) for answer in _answers(exception)), None)
    return words + _marks(kept) if kept is not None and kept.code else words


def _callable_name(function: object) -> str:
    """Return a name for a log line: a ``repr`` may show arguments of a partial, or attributes."""
    while isinstance(function, functools.partial):
        function = function.func
    name = _attribute(function, "__qualname__")
    return name if isinstance(name, str) else type(function).__name__


def _named(exception: BaseException, text: str) -> str:
    name = type(exception).__name__
    return f"{name}: {text}" if text else name


def _words_of_aws(aws: AwsError, limit: int) -> str:
    words = f"{aws.code} calling {aws.operation}" if aws.operation else aws.code
    if aws.message:
        words += f": {_cut(redact(aws.message, 2 * limit), limit)}"
    return words + _marks(aws)


def _marks(aws: AwsError) -> str:
    marks = []
    if aws.status is not None and str(aws.status) != aws.code:
        marks.append(f"HTTP {aws.status}")
    if aws.request_id:
        marks.append(f"request id {aws.request_id}")
    return f" ({', '.join(marks)})" if marks else ""


def _words_of_group(group: BaseExceptionGroup[BaseException]) -> str:
    leaves = list(_leaves([group]))
    words = [_words(_speaker(leaf), _SHORT) for leaf in leaves[:_LEAVES_SHOWN]]
    if len(leaves) > len(words):
        words.append(f"and {len(leaves) - len(words):,} more")
    errors = "1 error" if len(leaves) == 1 else f"{len(leaves):,} errors"
    if len(leaves) == _MOST:
        errors = f"at least {errors}"
    message = str(_attribute(group, "message") or "")
    about = _named(group, _cut(redact(message, 2 * _SHORT), _SHORT))
    return f"{about} ({errors}: {'; '.join(words)})"


def _caused_by(outer: BaseException, decider: BaseException) -> str:
    """Name two exceptions of a chain; what the outer one quotes of the inner is not said twice."""
    text, core = _text(outer), _text(decider)
    taken = re.search(rf"(?<!\w){re.escape(core)}(?!\w)", text) if core else None
    if taken is not None and taken.end() < len(text):
        return _named(outer, text)
    if taken is not None:
        text = text[: taken.start()].rstrip(" :,;-")
    return f"{_named(outer, _cut(text, _SHORT))}, caused by {_words(decider)}"


def _text(exception: BaseException, limit: int = _LONGEST) -> str:
    try:
        return _cut(text_of(exception, 2 * limit), limit)
    except OutOfTime:
        raise
    except BaseException:  # the task has failed already
        return "(its text cannot be shown)"


def _cut(text: str, limit: int) -> str:
    text = text[: 2 * limit].strip()
    return text if len(text) <= limit else f"{text[:limit]}…"


# ---------------------------------------------------------------- the table
#
# The keys are the reasons, so that no name stands here without one. A test compares these names
# with docs/classification.md, and with what botocore itself tries again.

_TEMPORARY: Final = ResultCode.TEMPORARY_FAILURE
_PERMANENT: Final = ResultCode.PERMANENT_FAILURE

ANSWERS: Final = ("response", "last_response")
"""Attributes that hold AWS's response: of ClientError, and of botocore's WaiterError."""

STATUSES_BEHIND: Final = ("OriginalStatusCode", "RestApiStatusCode", "originalStatusCode")
"""Members of AWS's response with the HTTP status of what the service has called.

SageMaker and Bedrock answer with 424 if a model fails, MWAA with 400 if Airflow does.
"""

REQUEST_ID_HEADERS: Final = ("x-amz-request-id", "x-amzn-requestid")

MEMBERS: Final = "child_exceptions"
"""The attribute of Powertools' BatchProcessingError that holds the exceptions of its records."""

MEMBERS_OF: Final[Mapping[str, str]] = {"paramiko.NoValidConnectionsError": "errors"}
"""Other exceptions that hold exceptions, by address in this case, and the attribute."""

REASON_LISTS: Final = (
    "BulkEmailEntryResults",
    "CancellationReasons",
    "Entries",
    "Records",
    "RequestResponses",
    "Responses",
    "Status",
)
"""Lists in AWS's responses whose entries have a code if they failed."""

REASON_LIST_PARTS: Final = ("error", "fail", "unprocessed", "unsuccessful")
"""A list or a map in AWS's responses with one of these in its name has only entries that failed.

botocore's models have more than 80 such names: ``Errors``, ``FailedEntries``, ``ErrorList``.
botocore raises no exception for a call that succeeds in part. An exception that a user raises for
such a call usually has the response.
"""

REASON_KEYS: Final = (
    "errorcode",
    "code",
    "failurecode",
    "failurereasoncode",
    "statuscode",
    "errorname",
    "errortype",
    "exceptionname",
    "status",
)
"""Keys of the code in such an entry, or in a member of it with ``error`` in its name, in any case.

Glue has ``ErrorDetail.ErrorCode``, Amazon Location has ``Error.Code``.
"""

NO_REASONS: Final = ("none", "success")
"""Codes of entries that have not failed: of DynamoDB's transactions, and of SES."""

UNPROCESSED: Final = (
    "UnprocessedEntries",
    "UnprocessedItems",
    "UnprocessedKeys",
    "UnprocessedRecords",
    "unprocessedResourceKeys",
)
"""Lists and maps of items that AWS asks to send again; without codes."""

TEMPORARY_CODES: Final[Mapping[str, tuple[str, ...]]] = {
    "Too many requests at a time": (
        "APICallRateForCustomerExceeded",
        "APICallRateForCustomerExceededFault",
        "ActiveSessionsExceededException",
        "ActiveStatementsExceededException",
        "ActiveWaitingRequestsExceededException",
        "ActivityWorkerLimitExceeded",
        "AutomationExecutionLimitExceededException",
        "BandwidthLimitExceeded",
        "ClientLimitExceededException",
        "ConnectionLimitExceededException",
        "DescribeAttachmentLimitExceeded",
        "ExecutionLimitExceeded",
        "LimitExceededException",
        "OperationLimitExceeded",
        "OpsMetadataTooManyUpdatesException",
        "OverLimit",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceeded",
        "ProvisionedThroughputExceededException",
        "RateLimitExceededException",
        "ReportGenerationLimitExceeded",
        "RequestLimitExceeded",
        "RequestLimitExceededException",
        "SerialConsoleSessionLimitExceededException",
        "TooManyRequestException",
        "TooManyUpdates",
    ),
    "The service has a problem of its own": (
        "ModelStreamErrorException",
        "RetryLatestCommitFailedException",
        "ServerError",
        "ServerException",
        "ServiceError",
        "ServiceException",
        "ServiceFailure",
        "ServiceFault",
        "ServiceUnavailable",
        "ServiceUnavailableError",
        "ServiceUnavailableException",
        "SoftFailure",
        "TagOperationException",
        "TransientFailure",
        "WAFTagOperationException",
    ),
    "A dependency of the service is not available": (
        "CopyToRegionDisabledFault",
        "DatabaseUnavailableException",
        "DependentServiceUnavailableFault",
        "DirectoryUnavailableException",
        "EC2InstanceUnavailableException",
        "EventBridgeUnavailable",
        "FederationSourceRetryableException",
        "FleetCapacityExceededException",
        "GameSessionFullException",
        "InsufficientCapacityException",
        "KeyUnavailableException",
        "OutOfCapacityException",
        "OutpostOfflineException",
        "S3Exception",
        "SSMUnavailable",
        "SchemaRegistryUnavailableException",
        "SerialConsoleSessionUnavailableException",
        "SnapshotCopyDisabledFault",
        "StreamUnavailable",
        "TLDInMaintenance",
        "UpstreamUnavailable",
        "WAFUnavailableEntityException",
        "XksProxyInvalidResponseException",
    ),
    "The called resource is not ready yet": (
        "CodeArtifactUserDeletedException",
        "CodeArtifactUserPendingException",
        "DatabaseResumingException",
        "FinalizingOrganizationException",
        "QueueDeletedRecently",
        "ResourcePropagationDelayException",
        "SnapStartRegenerationFailureException",
        "StaleTag",
    ),
    "The request, or something behind the service, took too long": (
        "ClientTimeoutException",
        "ConnectorTimeoutException",
        "DependencyTimeoutException",
        "IDPCommunicationError",
        "KafkaTimeoutException",
        "ModelStreamError",
        "ModelTimeoutException",
        "OperationTimeoutException",
        "QueryTimeoutException",
        "RequestTimeout",
        "RequestTimeoutException",
        "StatementTimeoutException",
    ),
    "Somebody else is changing the same thing at this moment": (
        "AccountHasOngoingImportException",
        "AgentsAlreadyRunningAssessmentException",
        "BackfillLimitExceededException",
        "BackupInUseException",
        "ColumnStatisticsTaskRunningException",
        "ConditionalRequestConflict",
        "ConflictingOperation",
        "ConflictingOperationException",
        "CrawlerRunningException",
        "DataRepositoryTaskExecuting",
        "DeploymentAlreadyStartedException",
        "DuplicateRequest",
        "EventDataStoreHasOngoingImportException",
        "GenerationExistsException",
        "IntegrationConflictOperationFault",
        "InvalidClusterParameterGroupState",
        "InvalidEventSubscriptionState",
        "OperationAborted",
        "OperationAbortedException",
        "OptimisticLockException",
        "ReplicatedWriteConflictException",
        "ResourceDataSyncConflictException",
        "RetryableConflictException",
        "RoleModified",
        "ServerlessCacheAlreadyUnderMigrationFault",
        "SessionBusyException",
        "TransactionConflict",
        "TransactionConflictException",
        "WAFOptimisticLockException",
        "WAFServiceLinkedRoleErrorException",
    ),
    "Data was lost or damaged in transit": (
        "BadDigest",
        "ClientDisconnected",
        "EFSIOException",
        "IncompleteBody",
        "XAmzContentChecksumMismatch",
        "XAmzContentSHA256Mismatch",
    ),
    "The credentials are too old, or the clock is wrong: another environment has others": (
        "ExpiredToken",
        "ExpiredTokenException",
        "RequestExpired",
        "RequestInTheFuture",
        "RequestTimeTooSkewed",
        "TokenRefreshRequired",
    ),
    "A new bucket is not known everywhere yet": (
        "307",
        "Redirect",
    ),
}
"""AWS error codes that are worth another try, as they are sent. Case does not matter."""

TEMPORARY_PARTS: Final = (
    "concurrent",
    "inprogress",
    "internal",
    "notready",
    "slowdown",
    "temporar",
    "throttl",
    "toomanyrequests",
)
"""An AWS error code with one of these in it is temporary, unless it is one of PERMANENT_CODES."""


class Wording(NamedTuple):
    """A rule for AWS errors whose message decides, because the code alone is ambiguous.

    Attributes:
        verdict: The result code of an error to which the rule applies.
        codes: The error codes to which the rule applies; empty: all codes.
        texts: The rule applies if the message contains one of these, in any case.
        operations: The rule applies to these operations with any message.
    """

    verdict: ResultCode
    codes: tuple[str, ...]
    texts: tuple[str, ...]
    operations: tuple[str, ...] = ()


MESSAGES: Final[Mapping[str, Wording]] = {
    "The request was signed too long ago, or the clock is wrong": Wording(
        _TEMPORARY,
        (),
        ("signature expired", "signature not yet current", "request has expired"),
    ),
    "Lambda could not prepare the function": Wording(
        _PERMANENT, ("ResourceConflictException",), ("following state: failed",)
    ),
    "Lambda is preparing or updating the function": Wording(
        _TEMPORARY,
        ("ResourceConflictException",),
        ("cannot be performed at this time", "in progress", "following state: pending"),
        ("Invoke", "InvokeAsync", "InvokeWithResponseStream"),
    ),
}
"""Rules for codes that are ambiguous. The first rule that applies decides."""

PERMANENT_CODES: Final[Mapping[str, tuple[str, ...]]] = {
    "What the task is about is not there": (
        "NoSuchBucket",
        "NoSuchKey",
        "NoSuchUpload",
        "NoSuchVersion",
        "NotFound",
        "ResourceNotFoundException",
    ),
    "It is not allowed": (
        "AccessDenied",
        "AccessDeniedException",
        "AccountProblem",
        "AllAccessDisabled",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidToken",
        "KMS.DisabledException",
        "SignatureDoesNotMatch",
        "UnauthorizedOperation",
        "UnrecognizedClientException",
    ),
    "The object or item is in the wrong state": (
        "ConditionalCheckFailed",
        "ConditionalCheckFailedException",
        "DuplicateItem",
        "InvalidObjectState",
        "MethodNotAllowed",
        "ObjectAlreadyInActiveTierError",
        "PreconditionFailed",
        "RestoreAlreadyInProgress",
    ),
    "The request itself is wrong": (
        "AuthorizationHeaderMalformed",
        "EntityTooLarge",
        "InvalidArgument",
        "InvalidBucketName",
        "InvalidRange",
        "InvalidRequest",
        "ItemCollectionSizeLimitExceeded",
        "KeyTooLongError",
        "MalformedXML",
        "NotImplemented",
        "PermanentRedirect",
        "ValidationError",
        "ValidationException",
    ),
}
"""AWS error codes that stay as they are, whatever HTTP status comes with them."""

HTTP_STATUSES: Final[Mapping[int, tuple[ResultCode, str]]] = {
    408: (_TEMPORARY, "Request Timeout"),
    425: (_TEMPORARY, "Too Early"),
    429: (_TEMPORARY, "Too Many Requests"),
    449: (_TEMPORARY, "Retry With"),
    501: (_PERMANENT, "Not Implemented"),
    505: (_PERMANENT, "HTTP Version Not Supported"),
}
"""What differs from the rule: 5xx is temporary, 4xx is permanent."""

TEMPORARY_CLASSES: Final[Mapping[str, tuple[str, ...]]] = {
    "Standard library: timeouts, lost connections, damaged responses, temporary errors": (
        "asyncio.IncompleteReadError",
        "builtins.ConnectionError",
        "builtins.TimeoutError",
        "ftplib.error_proto",
        "ftplib.error_temp",
        "http.BadStatusLine",
        "http.ImproperConnectionState",
        "http.IncompleteRead",
        "http.LineTooLong",
        "http.UnknownProtocol",
        "imaplib.abort",
        "multiprocessing.TimeoutError",
        "nntplib.NNTPProtocolError",
        "smtplib.SMTPServerDisconnected",
        "ssl.SSLError",
        "subprocess.TimeoutExpired",
        "urllib.ContentTooShortError",
        "xmlrpc.ResponseError",
    ),
    "botocore, boto3 and s3transfer": (
        "boto3.RetriesExceededError",
        "botocore.CapacityNotAvailableError",
        "botocore.ChecksumError",
        "botocore.ConnectionError",
        "botocore.CredentialRetrievalError",
        "botocore.EndpointDiscoveryRefreshFailed",
        "botocore.FlexibleChecksumError",
        "botocore.HTTPClientError",
        "botocore.IncompleteReadError",
        "botocore.MetadataRetrievalError",
        "botocore.ParserError",
        "botocore.ResponseParserError",
        "s3transfer.RetriesExceededError",
        "s3transfer.S3ValidationError",
    ),
    "s3fs: the object was replaced while it was read": ("s3fs.FileExpired",),
    "Powertools: the same task is running or has just ended; a circuit breaker is open": (
        "aws_lambda_powertools.CircuitBreakerOpenError",
        "aws_lambda_powertools.IdempotencyAlreadyInProgressError",
        "aws_lambda_powertools.IdempotencyInconsistentStateError",
        "aws_lambda_powertools.IdempotencyItemAlreadyExistsError",
        "aws_lambda_powertools.IdempotencyItemNotFoundError",
        "aws_lambda_powertools.IdempotencyPersistenceConnectionError",
        "aws_lambda_powertools.IdempotencyPersistenceConsistencyError",
        "aws_lambda_powertools.SQSFifoCircuitBreakerError",
        "aws_lambda_powertools.SQSFifoMessageGroupCircuitBreakerError",
    ),
    "urllib3": (
        "urllib3.DecodeError",
        "urllib3.EmptyPoolError",
        "urllib3.IncompleteRead",
        "urllib3.InvalidHeader",
        "urllib3.MaxRetryError",
        "urllib3.ProtocolError",
        "urllib3.ProxyError",
        "urllib3.ResponseError",
        "urllib3.SSLError",
        "urllib3.TimeoutError",
    ),
    "requests": (
        "requests.ChunkedEncodingError",
        "requests.ConnectionError",
        "requests.ContentDecodingError",
        "requests.RetryError",
        "requests.Timeout",
    ),
    "httpx and httpcore": (
        "httpcore.NetworkError",
        "httpcore.ProxyError",
        "httpcore.RemoteProtocolError",
        "httpcore.TimeoutException",
        "httpx.DecodingError",
        "httpx.NetworkError",
        "httpx.ProxyError",
        "httpx.RemoteProtocolError",
        "httpx.TimeoutException",
    ),
    "aiohttp": (
        "aiohttp.ClientConnectionError",
        "aiohttp.ClientPayloadError",
        "aiohttp.HttpProcessingError",
    ),
    "redis and valkey": (
        "redis.ClusterDownError",
        "redis.ConnectionError",
        "redis.InvalidResponse",
        "redis.ReadOnlyError",
        "redis.TimeoutError",
        "redis.TryAgainError",
        "valkey.ClusterDownError",
        "valkey.ConnectionError",
        "valkey.InvalidResponse",
        "valkey.ReadOnlyError",
        "valkey.TimeoutError",
        "valkey.TryAgainError",
    ),
    "azure-core": (
        "azure.IncompleteReadError",
        "azure.ServiceRequestError",
        "azure.ServiceResponseError",
    ),
    "Google Cloud": (
        "google.Aborted",
        "google.DataCorruption",
        "google.DataLoss",
        "google.RetryError",
        "google.TransferStalledError",
        "google.TransportError",
        "google.Unknown",
    ),
    "gRPC and Arrow Flight": (
        "grpc.FutureTimeoutError",
        "pyarrow.FlightTimedOutError",
        "pyarrow.FlightUnavailableError",
    ),
    "PyMongo": ("pymongo.ConnectionFailure",),
    "SQLAlchemy: no connection of the pool became free": ("sqlalchemy.TimeoutError",),
    "MySQL Connector/Python": (
        "mysql.ConnectionTimeoutError",
        "mysql.ReadTimeoutError",
        "mysql.WriteTimeoutError",
    ),
    "pika": (
        "pika.AMQPConnectionError",
        "pika.NackError",
    ),
    "Stripe": (
        "stripe.APIConnectionError",
        "stripe.RateLimitError",
    ),
    "psycopg and psycopg2": (
        "psycopg.ConnectionTimeout",
        "psycopg2.AdminShutdown",
        "psycopg2.CannotConnectNow",
        "psycopg2.CrashShutdown",
        "psycopg2.DeadlockDetected",
        "psycopg2.LockNotAvailable",
        "psycopg2.SerializationFailure",
        "psycopg2.TooManyConnections",
        "psycopg_pool.PoolTimeout",
        "psycopg_pool.TooManyRequests",
    ),
}
"""Exceptions of a network that may work again in a minute, with all that inherit from them."""

UNTRUSTED: Final = (
    "aiohttp.ClientConnectorCertificateError",
    "aiohttp.ServerFingerprintMismatch",
    "ssl.SSLCertVerificationError",
    "urllib3.CertificateError",
)
"""A certificate that is not trusted: permanent, also as the cause of a connection error."""

UNTRUSTED_TEXTS: Final = ("CERTIFICATE_VERIFY_FAILED", "certificate verify failed", "curlCode: 60,")
"""The same, in the texts of libraries that keep no exception of it: gRPC, PyMongo, pyarrow."""

PERMANENT_CLASSES: Final[Mapping[str, tuple[str, ...]]] = {
    "A certificate is not trusted": UNTRUSTED,
    "botocore: wrong parameters, no credentials, wrong configuration, and all the rest": (
        "botocore.BotoCoreError",
    ),
    "Powertools: wrong code or configuration, or the record has another payload": (
        "aws_lambda_powertools.IdempotencyInvalidStatusError",
        "aws_lambda_powertools.IdempotencyKeyError",
        "aws_lambda_powertools.IdempotencyModelTypeError",
        "aws_lambda_powertools.IdempotencyNoSerializationModelError",
        "aws_lambda_powertools.IdempotencyPersistenceConfigError",
        "aws_lambda_powertools.IdempotencyValidationError",
        "aws_lambda_powertools.UnexpectedBatchTypeError",
    ),
    "The server reports a permanent error": (
        "ftplib.error_perm",
        "nntplib.NNTPPermanentError",
        "pika.AuthenticationError",
        "pika.ProbableAccessDeniedError",
        "pika.ProbableAuthenticationError",
        "redis.AuthenticationError",
        "redis.AuthorizationError",
        "valkey.AuthenticationError",
        "valkey.AuthorizationError",
    ),
    "The address or the request cannot be right": (
        "aiohttp.InvalidURL",
        "httpcore.LocalProtocolError",
        "httpcore.UnsupportedProtocol",
        "httpx.InvalidURL",
        "httpx.LocalProtocolError",
        "httpx.TooManyRedirects",
        "httpx.UnsupportedProtocol",
        "pika.NoFreeChannels",
        "requests.InvalidSchema",
        "requests.InvalidURL",
        "requests.MissingSchema",
        "requests.TooManyRedirects",
        "requests.URLRequired",
        "urllib3.LocationValueError",
    ),
}
"""Exceptions that come again each time, with all that inherit from them."""

UNDECIDED_CLASSES: Final[Mapping[str, tuple[str, ...]]] = {
    "It depends on what was waited for": ("botocore.WaiterError",),
    "The verdict depends on why the persistence layer failed": (
        "aws_lambda_powertools.CircuitBreakerPersistenceError",
        "aws_lambda_powertools.IdempotencyPersistenceLayerError",
    ),
    "The header is one of the request, or, if urllib3 raised it, of the response": (
        "requests.InvalidHeader",
    ),
    "It hides the failure after which the stream was to be sent again": (
        "botocore.UnseekableStreamError",
    ),
}
"""Exceptions without an opinion of their own: what they were raised from decides."""

_LOST_BY_POSTGRES: Final = (
    "Connection refused",
    "Connection reset",
    "Connection timed out",
    "Network is unreachable",
    "No route to host",
    "SSL SYSCALL error",
    "Temporary failure in name resolution",
    "connection already closed",
    "connection has been closed unexpectedly",
    "could not receive data from server",
    "could not send data to server",
    "server closed the connection unexpectedly",
    "terminating connection",
    "the connection is closed",
    "the connection is lost",
    "the database system is",
    "timeout expired",
    "too many clients already",
)

TEMPORARY_TEXTS: Final[Mapping[str, tuple[str, ...]]] = {
    "awscrt.AwsCrtError": (  # names of errors, without the prefix AWS_
        "AUTH_CREDENTIALS_PROVIDER_ECS_SOURCE_FAILURE",
        "AUTH_CREDENTIALS_PROVIDER_HTTP_STATUS_FAILURE",
        "AUTH_CREDENTIALS_PROVIDER_IMDS_SOURCE_FAILURE",
        "AUTH_CREDENTIALS_PROVIDER_STS_SOURCE_FAILURE",
        "ERROR_HTTP_CHANNEL_THROUGHPUT_FAILURE",
        "ERROR_HTTP_CONNECTION_CLOSED",
        "ERROR_HTTP_CONNECTION_MANAGER_ACQUISITION_TIMEOUT",
        "ERROR_HTTP_GOAWAY_RECEIVED",
        "ERROR_HTTP_PROXY_CONNECT_FAILED_RETRYABLE",
        "ERROR_HTTP_RESPONSE_FIRST_BYTE_TIMEOUT",
        "ERROR_HTTP_RST_STREAM_RECEIVED",
        "ERROR_HTTP_SERVER_CLOSED",
        "ERROR_S3EXPRESS_CREATE_SESSION_FAILED",
        "ERROR_S3_INTERNAL_ERROR",
        "ERROR_S3_OBJECT_MODIFIED",
        "ERROR_S3_REQUEST_TIMEOUT",
        "ERROR_S3_REQUEST_TIME_TOO_SKEWED",
        "ERROR_S3_RESPONSE_CHECKSUM_MISMATCH",
        "ERROR_S3_SLOW_DOWN",
        "IO_BROKEN_PIPE",
        "IO_DNS_QUERY_AGAIN",
        "IO_DNS_QUERY_FAILED",
        "IO_MAX_RETRIES_EXCEEDED",
        "IO_SOCKET_CLOSED",
        "IO_SOCKET_CONNECTION_REFUSED",
        "IO_SOCKET_CONNECT_ABORTED",
        "IO_SOCKET_NETWORK_DOWN",
        "IO_SOCKET_NOT_CONNECTED",
        "IO_SOCKET_NO_ROUTE_TO_HOST",
        "IO_SOCKET_TIMEOUT",
    ),
    "asyncpg.InterfaceError": ("connection is closed",),
    "boto3.S3UploadFailedError": (),
    "imaplib.error": ("* BYE", "[INUSE]", "[SERVERBUG]", "[UNAVAILABLE]"),
    "minio.InvalidResponseError": ("Response code: 429", "Response code: 5"),
    "mysql.PoolError": ("pool exhausted",),
    "nntplib.NNTPTemporaryError": ("400 ", "403 "),
    "paramiko.SSHException": (
        "Authentication timeout",
        "EOF during negotiation",
        "Error reading SSH protocol banner",
        "Key-exchange timed out",
        "Negotiation failed",
        "No existing session",
        "SSH session not active",
        "Server connection dropped",
        "Timeout opening channel",
        "transport shut down or saw EOF",
    ),
    "pika.IncompatibleProtocolError": ("StreamLostError",),
    "poplib.error_proto": ("-ERR EOF", "[IN-USE]", "[LOGIN-DELAY]", "[SYS/TEMP]"),
    "psycopg.OperationalError": _LOST_BY_POSTGRES,
    "psycopg2.InterfaceError": _LOST_BY_POSTGRES,
    "psycopg2.OperationalError": _LOST_BY_POSTGRES,
    "redis.LockError": ("Unable to acquire lock",),
    "redis.ResponseError": ("BUSY Redis", "NOREPLICAS"),
    "s3transfer.S3CopyFailedError": ("did not match expected ETag",),
    "s3transfer.S3DownloadFailedError": ("did not match expected ETag",),
    "shutil.Error": (),
    "sqlite3.OperationalError": ("is locked", "locking protocol"),
    "valkey.LockError": ("Unable to acquire lock",),
    "valkey.ResponseError": ("BUSY Valkey", "BUSY Redis", "NOREPLICAS"),
}
"""Exceptions that are temporary if their message contains one of these texts.

If a message quotes errors of AWS (``An error occurred (SlowDown) when calling …``, ``AWS Error
SLOW_DOWN during … operation``) or numbers of the system (``[Errno 104]``), these are judged
together: S3CopyFailedError and ``shutil.Error`` list several failures. s3transfer mentions an ETag
for a condition of its own; users cannot set it.
"""

CHAINED: Final = ("boto3.S3UploadFailedError",)
"""Exceptions whose message counts only if the chain was lost between processes."""

TRANSLATED: Final = "awscrt.S3ResponseError"
"""The error that boto3's CRT transfers convert to a ClientError.

Only the original error shows that an object was replaced during the transfer.
"""

REPLY_CODES: Final[Mapping[str, str]] = {
    "smtplib.SMTPRecipientsRefused": "recipients",
    "smtplib.SMTPResponseException": "smtp_code",
}
"""Exceptions with an SMTP reply, and its attribute: 4xx is temporary, 5xx is permanent."""

_MYSQL_NUMBERS: Final = (
    0,  # the connection is closed, in PyMySQL
    1040,  # too many connections
    1053,  # server shutdown in progress
    1152,  # aborted connection
    1158,  # network: read error, read timeout, write error, write timeout
    1159,
    1160,
    1161,
    1184,  # aborted connection
    1203,  # too many connections of this user
    1205,  # lock wait timeout
    1213,  # deadlock
    1927,  # connection killed, in MariaDB
    2002,  # cannot connect
    2003,
    2006,  # server has gone away
    2013,  # lost connection during the query
    2055,  # lost connection
    3024,  # maximum execution time
    3101,  # rolled back by group replication
    3572,  # lock not available, NOWAIT
    4031,  # disconnected because of inactivity
)

ERROR_NUMBERS: Final[Mapping[str, tuple[str, tuple[int, ...]]]] = {
    "MySQLdb.Error": ("args", _MYSQL_NUMBERS),
    "mysql.Error": ("args", _MYSQL_NUMBERS),
    "paramiko.ChannelException": ("code", (2, 4)),  # connect failed, resource shortage
    "pika.ChannelClosed": ("reply_code", (405, 506, 541)),  # locked, resources, internal
    "pika.ConnectionClosed": ("reply_code", (320, 506, 541)),  # forced, resources, internal
    "pymongo.OperationFailure": (
        "code",
        (
            6,  # HostUnreachable
            7,  # HostNotFound
            24,  # LockTimeout
            50,  # MaxTimeMSExpired
            89,  # NetworkTimeout
            91,  # ShutdownInProgress
            112,  # WriteConflict
            134,  # ReadConcernMajorityNotAvailableYet
            189,  # PrimarySteppedDown
            262,  # ExceededTimeLimit
            9001,  # SocketException
            10058,  # LegacyNotPrimary
            10107,  # NotWritablePrimary
            11600,  # InterruptedAtShutdown
            11602,  # InterruptedDueToReplStateChange
            13435,  # NotPrimaryNoSecondaryOk
            13436,  # NotPrimaryOrSecondary
            16500,  # RequestRateTooLarge, of Azure Cosmos DB
        ),
    ),
    "pymysql.Error": ("args", _MYSQL_NUMBERS),
}
"""Exceptions with a number, the attribute that holds or begins with it, and temporary numbers.

Other numbers are no opinion. The texts of MySQL depend on the language of the server.
"""

BULK_WRITE_ERROR: Final = "pymongo.BulkWriteError"
"""The exception of PyMongo with several errors, in the lists BULK_WRITE_LISTS of its details."""

BULK_WRITE_LISTS: Final = ("writeErrors", "writeConcernErrors")

SQLSTATES_IN: Final[Mapping[str, str]] = {
    "asyncpg.PostgresError": "sqlstate",
    "psycopg.Error": "sqlstate",
    "psycopg2.Error": "pgcode",
    "pyodbc.Error": "args",
}
"""Exceptions with an SQLSTATE, and the attribute that holds or begins with it."""

TEMPORARY_SQLSTATES: Final[Mapping[str, tuple[str, ...]]] = {
    "The connection failed": ("08",),
    "The transaction was idle or took too long": ("25P03", "25P04"),
    "The transaction was rolled back: a deadlock, a conflict": ("40",),
    "The server lacks resources": ("53",),
    "Somebody else holds the lock": ("55P03",),
    "An operator, a shutdown or a time limit ended the statement": ("57",),
    "ODBC: the connection or the statement timed out": ("HYT",),
}
"""Classes and codes that are worth another try. Others have no opinion."""

UNDECIDED_SQLSTATES: Final = ("08P01", "40002", "53400", "57P04")
"""Exceptions to the rule: a protocol violation, an integrity constraint, a configured limit, a
dropped database."""

RPC_ERROR: Final = "grpc.RpcError"
"""The exceptions of gRPC: their method ``code`` returns a status."""

TEMPORARY_RPC_STATUSES: Final = (
    "ABORTED",
    "DATA_LOSS",
    "DEADLINE_EXCEEDED",
    "INTERNAL",
    "RESOURCE_EXHAUSTED",
    "UNAVAILABLE",
    "UNKNOWN",
)

PERMANENT_RPC_STATUSES: Final = (
    "ALREADY_EXISTS",
    "FAILED_PRECONDITION",
    "INVALID_ARGUMENT",
    "NOT_FOUND",
    "OUT_OF_RANGE",
    "PERMISSION_DENIED",
    "UNAUTHENTICATED",
    "UNIMPLEMENTED",
)

PERMANENT_RPC_TEXTS: Final = ("Exception serializing request", "message larger than max")
"""A temporary status with one of these texts is about the message, and permanent."""

GOOGLE_REASONS_IN: Final[Mapping[str, str]] = {
    "google.GoogleAPICallError": "errors",
    "googleapiclient.HttpError": "error_details",
}
"""Exceptions of Google's clients with a list of errors, each with a ``reason``."""

TEMPORARY_GOOGLE_REASONS: Final = (
    "backendError",
    "badGateway",
    "internalError",
    "jobBackendError",
    "jobInternalError",
    "jobRateLimitExceeded",
    "rateLimitExceeded",
    "userRateLimitExceeded",
)
"""Reasons that are temporary with any HTTP status, in any spelling (``RATE_LIMIT_EXCEEDED``).

``quotaExceeded`` and ``dailyLimitExceeded`` last for hours, so the status decides.
"""

MINIO_ERROR: Final = "minio.S3Error"
"""The exception of the MinIO client that has S3's error code in ``code``."""

NO_CONNECTION: Final = "NETWORK_CONNECTION"
"""The name of the AWS SDK for C++ for a request without a response."""

RETRY_FLAGS: Final[Mapping[str, str]] = {"kafka.KafkaError": "retriable"}
"""Exceptions that say themselves whether to retry, and the attribute that is then true."""

BULK_ERRORS: Final[Mapping[str, str]] = {
    "elasticsearch.BulkIndexError": "errors",
    "opensearchpy.BulkIndexError": "errors",
}
"""Exceptions with a list of actions, each with an HTTP status, and the list's attribute."""

TEMPORARY_PLACES: Final[Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "botocore could not parse the response": (
        ("aiobotocore.parsers", "botocore.eventstream", "botocore.parsers"),
        (
            "builtins.ArithmeticError",
            "builtins.AttributeError",
            "builtins.LookupError",
            "builtins.TypeError",
            "builtins.ValueError",
        ),
    ),
    "The response is not valid XML, or is truncated": (("xmlrpc.client",), ("xml.ExpatError",)),
    "The server closed the connection": (
        ("ftplib", "nntplib", "telnetlib"),
        ("builtins.EOFError",),
    ),
}
"""General exceptions that are temporary if one of these modules is in their traceback."""

CAUSES: Final = ("inner_exception", "orig", "reason")
"""Attributes that hold what an exception was raised from, where its chain does not: of azure-core,
and of SQLAlchemy, urllib and urllib3 if the exception comes from another process."""

REMOTE_TRACEBACKS: Final = (
    "concurrent._RemoteTraceback",
    "joblib._RemoteTraceback",
    "loky._RemoteTraceback",
    "multiprocess.RemoteTraceback",
    "multiprocessing.RemoteTraceback",
)
"""What exceptions from other processes have instead of their chain: a text that quotes it."""

WITH_STATUS: Final = (
    "google.GoogleAPICallError",
    "twilio.TwilioRestException",
    "twilio.TwilioServiceException",
    "urllib.HTTPError",
)
"""Exceptions that hold an HTTP status in ``code`` or ``status``, even without ``headers``."""

STATUS_BY_HEADERS: Final = ("code", "status", "errcode")
"""Attributes that hold an HTTP status if the exception also has ``headers``."""

TEMPORARY_ERRNOS: Final = (
    "EADDRNOTAVAIL",
    "EAGAIN",
    "EBUSY",
    "ECOMM",
    "ECONNABORTED",
    "ECONNREFUSED",
    "ECONNRESET",
    "EDEADLK",
    "EHOSTDOWN",
    "EHOSTUNREACH",
    "EINTR",
    "EMFILE",
    "ENETDOWN",
    "ENETRESET",
    "ENETUNREACH",
    "ENFILE",
    "ENOBUFS",
    "ENOLCK",
    "ENOLINK",
    "ENONET",
    "ENOTCONN",
    "EPIPE",
    "EPROTO",
    "EREMOTEIO",
    "ESHUTDOWN",
    "ESTALE",
    "ETIME",
    "ETIMEDOUT",
)
"""An OSError with one of these numbers is temporary, and ``socket.gaierror`` with ``EAI_AGAIN``."""


def _flat(
    *parts: tuple[ResultCode | None, Mapping[str, tuple[str, ...]]],
) -> dict[str, ResultCode | None]:
    return {name: code for code, part in parts for names in part.values() for name in names}


_AWS_CODES: Final = {
    name.lower(): code
    for name, code in _flat(
        (_TEMPORARY, {**TEMPORARY_CODES, "": UNPROCESSED}), (_PERMANENT, PERMANENT_CODES)
    ).items()
}
_TEMPORARY_NUMBERS: Final = {getattr(errno, name, None) for name in TEMPORARY_ERRNOS}
_CLASSES: Final = _flat(
    (_TEMPORARY, TEMPORARY_CLASSES),
    (_PERMANENT, PERMANENT_CLASSES),
    (None, UNDECIDED_CLASSES),
)
_GOOGLE_REASONS: Final = {reason.lower() for reason in TEMPORARY_GOOGLE_REASONS}
_KNOWN: Final = {
    *_CLASSES,
    *TEMPORARY_TEXTS,
    *REPLY_CODES,
    *BULK_ERRORS,
    *ERROR_NUMBERS,
    *RETRY_FLAGS,
    BULK_WRITE_ERROR,
    RPC_ERROR,
    MINIO_ERROR,
}
