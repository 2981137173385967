"""The classification of exceptions, which decides whether S3 retries a task.

``docs/classification.md`` describes the rules. Exceptions of other libraries are recognized by
their shape and by the names of their classes, so that none of these libraries is imported.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple, TypeAlias

from s3batch_handler.core._aws_errors import AwsError, aws_responses, combine_results
from s3batch_handler.core._errors import (
    OutOfTime,
    PermanentFailure,
    TaskCrashed,
    TaskFailure,
    TemporaryFailure,
)
from s3batch_handler.core._inspection import (
    exception_chain,
    group_members,
    iterate_leaves,
    leaf_exceptions,
    read_attribute,
)
from s3batch_handler.core._library_errors import result_by_tables
from s3batch_handler.core._model import ResultCode
from s3batch_handler.core._redaction import short_text

ClassifyFunction: TypeAlias = Callable[[BaseException], ResultCode | None]
"""A user's function for ``classify=``; with ``None``, it leaves the decision to the other rules."""


class Classification(NamedTuple):
    """The result code for an exception, and the exception in its chain that decided.

    Both are ``None`` if no rule applies.
    """

    code: ResultCode | None
    source: BaseException | None


def classify(
    error: BaseException,
    *,
    classify: ClassifyFunction | None = None,
    retry_on: tuple[type[BaseException], ...] = (),
    give_up_on: tuple[type[BaseException], ...] = (),
) -> Classification:
    """Classify the exception that ended a task.

    The rules are applied to the exception itself, then to what it was raised from (its
    ``__cause__``, or its ``__context__`` unless that is suppressed), and so on inwards. The first
    rule that applies decides. For each exception, they are in this order:

    1. A TaskFailure: its ``code``.
    2. The user's ``classify``. If it raises, or returns something other than a ResultCode or
       ``None``, a warning is logged and the next rule is tried.
    3. ``retry_on``: temporary; ``give_up_on``: permanent.
    4. The members of a group, or the exceptions that a batch lists: permanent if any of them is
       permanent, temporary if all are temporary.
    5. The built-in tables.
    """
    return _Classifier(classify, retry_on, give_up_on).classify(error)


def needs_traceback(classification: Classification) -> bool:
    """Return whether a log needs the traceback: S3 does not retry, and AWS sent no error code."""
    if classification.source is None:
        return True
    return classification.code is not ResultCode.TEMPORARY_FAILURE and not all(
        any(AwsError(leaf, response).code for response in aws_responses(leaf))
        for leaf in leaf_exceptions(classification.source)
    )


class _Classifier:
    """The options and the intermediate results of one call of :func:`classify`."""

    def __init__(
        self,
        classify: ClassifyFunction | None,
        retry_on: tuple[type[BaseException], ...],
        give_up_on: tuple[type[BaseException], ...],
    ) -> None:
        self._classify = classify
        self._retry_on = retry_on
        self._give_up_on = give_up_on
        self._has_warned = False
        self._depth = 0
        self._results: dict[int, ResultCode | None] = {}

    def classify(self, error: BaseException) -> Classification:
        for exception in exception_chain(error):
            code = self._classify_one(exception)
            if code is not None:
                return Classification(code, exception)
        return Classification(None, None)

    def _classify_one(self, exception: BaseException) -> ResultCode | None:
        # Leaves of a group often share a context, and a context may lead back to the group: the
        # dictionary makes the first cheap and the second finite.
        identity = id(exception)
        if identity not in self._results:
            self._results[identity] = None
            self._results[identity] = self._first_result(exception)
        return self._results[identity]

    def _first_result(self, exception: BaseException) -> ResultCode | None:
        if isinstance(exception, TaskFailure):
            return _as_result_code(read_attribute(exception, "code")) or _code_of_class(exception)
        code = self._result_of_user(exception)
        if code is not None:
            return code
        if isinstance(exception, self._retry_on):
            return ResultCode.TEMPORARY_FAILURE
        if isinstance(exception, self._give_up_on):
            return ResultCode.PERMANENT_FAILURE
        if isinstance(exception, TaskCrashed):
            return exception.code
        members = group_members(exception)
        if members:
            return self._classify_group(members)
        return result_by_tables(exception)

    def _result_of_user(self, exception: BaseException) -> ResultCode | None:
        """Call the user's function, whose own failure must not hide that of the task."""
        if self._classify is None:
            return None
        try:
            result: object = self._classify(exception)
        except OutOfTime:
            raise
        except BaseException as error:  # as above
            self._warn(f"raised {type(error).__name__}: {short_text(error)}")
            return None
        if result is not None and not isinstance(result, ResultCode):
            self._warn(f"returned {type(result).__name__}, not a ResultCode")
        return _as_result_code(result)

    def _warn(self, problem: str) -> None:
        if self._has_warned or self._classify is None:
            return
        self._has_warned = True
        import logging  # takes 3 ms, so that a cold start does not load it

        logging.getLogger("s3batch_handler").warning(
            "classify=%s %s; the exception is classified by the next rules",
            _callable_name(self._classify),
            problem,
        )

    def _classify_group(self, members: Iterable[BaseException]) -> ResultCode | None:
        if self._depth >= _MAX_DEPTH:
            return None
        self._depth += 1
        try:
            return combine_results(self.classify(leaf).code for leaf in iterate_leaves(members))
        finally:
            self._depth -= 1


_MAX_DEPTH: Final = 50
"""The most levels of groups within causes within groups that are examined."""


def _code_of_class(failure: TaskFailure) -> ResultCode | None:
    """Return the code of a failure by its class: a subclass may have another ``code``."""
    if isinstance(failure, TemporaryFailure):
        return ResultCode.TEMPORARY_FAILURE
    return ResultCode.PERMANENT_FAILURE if isinstance(failure, PermanentFailure) else None


def _as_result_code(value: object) -> ResultCode | None:
    return value if isinstance(value, ResultCode) else None


def _callable_name(function: object) -> str:
    """Return a name for a log line: a ``repr`` may show arguments of a partial, or attributes."""
    while isinstance(function, functools.partial):
        function = function.func
    name = read_attribute(function, "__qualname__")
    return name if isinstance(name, str) else type(function).__name__
