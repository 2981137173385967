"""Assertions on the results of tasks: outcomes, rows of a report, and responses."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from s3batch_handler.core._model import ObjectRef, Outcome, ResultCode, short_id
from s3batch_handler.core._payload import parse_event, parse_response
from s3batch_handler.testing._comparisons import differences

if TYPE_CHECKING:
    from collections.abc import Iterator

    from s3batch_handler.documents.reports._rows import ReportRow

    Results: TypeAlias = Outcome | ReportRow | Iterable[ReportRow] | Mapping[str, Any]
    """What a test gets: from ``handler.run``, from a report, or the response of a handler."""


def assert_succeeded(
    results: Results,
    *,
    message: str | re.Pattern[str] | None = None,
    event: Mapping[str, Any] | None = None,
) -> None:
    """Check that all tasks succeeded.

    Args:
        results: An outcome, a row, the rows of a report, or the response of a handler.
        message: The message of each task, or a pattern that is searched in it.
        event: The event of a response. With it, each task of the event must have one result, and a
            failure of the assertion names keys instead of task IDs.

    Raises:
        AssertionError: A task has another result, or there is none. The text shows each such task.
    """
    __tracebackhide__ = True
    _check(results, ResultCode.SUCCEEDED, message, event)


def assert_failed(
    results: Results,
    *,
    code: str | None = None,
    message: str | re.Pattern[str] | None = None,
    event: Mapping[str, Any] | None = None,
) -> None:
    """Check that all tasks failed.

    Args:
        results: An outcome, a row, the rows of a report, or the response of a handler.
        code: The code of each task: a :class:`ResultCode`, or another error code of a report.
            Default: any failure.
        message: The message of each task, or a pattern that is searched in it.
        event: As for :func:`assert_succeeded`.

    Raises:
        AssertionError: A task has another result, or there is none. The text shows each such task.
    """
    __tracebackhide__ = True
    _check(results, code, message, event)


def _check(
    results: Results,
    code: str | None,
    message: str | re.Pattern[str] | None,
    event: Mapping[str, Any] | None,
) -> None:
    __tracebackhide__ = True
    read = [*_read(results, event)]
    if not read:
        raise AssertionError("there are no results of tasks")
    different = [result for result in read if not result.is_as(code, message)]
    if different:
        lines = [f"unexpected result of {len(different)} of {len(read)} tasks"]
        for result in different[:_MAX_TASKS]:
            lines += ["", *result.explain(code, message)]
        if len(different) > _MAX_TASKS:
            lines += ["", f"… and {len(different) - _MAX_TASKS} more"]
        raise AssertionError("\n".join(lines))


_MAX_TASKS: Final = 10
"""The most tasks that the text of a failed assertion shows."""


class _Result(NamedTuple):
    """The result of one task: its code, or any failure where the expected code is ``None``."""

    name: str
    code: str
    message: str

    def is_as(self, code: str | None, message: str | re.Pattern[str] | None) -> bool:
        return self._has_code(code) and self._has_message(message)

    def explain(self, code: str | None, message: str | re.Pattern[str] | None) -> Iterator[str]:
        """Yield lines with the result, and how it differs from the expected one."""
        yield self.name
        expected = "" if self._has_code(code) else f", expected {code or 'a failure'}"
        yield f"  code:    {self.code}{expected}"
        yield f"  message: {self.message}"
        if isinstance(message, re.Pattern):
            if not self._has_message(message):
                yield f"  expected a match of: {message.pattern}"
        elif not self._has_message(message):
            yield "  difference (- expected, + actual):"
            yield from (f"    {line}" for line in differences(message or "", self.message))

    def _has_code(self, code: str | None) -> bool:
        return self.code == code if code is not None else self.code != ResultCode.SUCCEEDED

    def _has_message(self, message: str | re.Pattern[str] | None) -> bool:
        if isinstance(message, re.Pattern):
            return message.search(self.message) is not None
        return message is None or self.message == message


def _read(results: Any, event: Mapping[str, Any] | None) -> Iterator[_Result]:
    """Read the results of tasks.

    Raises:
        TypeError: The value is not one of :data:`Results`.
    """
    if isinstance(results, Outcome):
        yield _Result("the task", results.code, results.message)
    elif isinstance(results, Mapping) and "results" in results:
        yield from _of_response(results, event)
    elif _is_row(results):
        yield _of_row(results)
    elif isinstance(results, Iterable) and not isinstance(results, str | Mapping):
        for row in results:
            if not _is_row(row):
                raise TypeError(_EXPECTED.format(f"a {type(row).__name__} in a list"))
            yield _of_row(row)
    else:
        raise TypeError(_EXPECTED.format(f"a {type(results).__name__}"))


def _is_row(value: object) -> bool:
    """Return whether a value is a row of a report, whose module needs pydantic."""
    return isinstance(value, ObjectRef) and hasattr(value, "status")


_EXPECTED: Final = (
    "got {}, expected the outcome of handler.run(task), rows of a report, or the response of a "
    "handler"
)


def _of_row(row: Any) -> _Result:
    code = ResultCode.SUCCEEDED if row.status == "succeeded" else row.error_code or "failed"
    return _Result(_name(row), code, row.message)


def _of_response(response: Mapping[str, Any], event: Mapping[str, Any] | None) -> Iterator[_Result]:
    if event is None:
        for result in response["results"]:
            name = f"task {short_id(result['taskId'])}"
            yield _Result(name, result["resultCode"], result.get("resultString") or "")
        return
    __tracebackhide__ = True
    tasks = parse_event(event).tasks
    ids = [result["taskId"] for result in response["results"]]
    for task in tasks:
        if (count := ids.count(task.id)) != 1:
            raise AssertionError(f"{_name(task)} has {count} results, expected 1")
    for task, outcome in zip(tasks, parse_response(event, response), strict=True):
        yield _Result(_name(task), outcome.code, outcome.message)


def _name(ref: ObjectRef) -> str:
    version = "" if ref.version_id is None else f" (version {ref.version_id})"
    return f"s3://{ref.bucket}/{ref.key}{version}"
