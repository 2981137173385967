"""The values in requests of live pages: which jobs and tasks, and what an action needs."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from s3batch_handler.jobs._status import JobStatus
from s3batch_handler.page._http import HttpError
from s3batch_handler.page._source import FailedQuery, JobQuery

if TYPE_CHECKING:
    from collections.abc import Mapping

    from s3batch_handler.page._http import Request


def job_query(request: Request) -> JobQuery:
    """Return which jobs a request asks for.

    Raises:
        HttpError: A parameter is not valid.
    """
    query = request.query()
    statuses = [status for status in query.get("status", ()) if status in set(JobStatus)]
    if len(statuses) < len(query.get("status", ())):
        raise HttpError(HTTPStatus.BAD_REQUEST, "status is not a status of jobs, such as Active")
    return JobQuery(
        statuses=statuses,
        search=_one(query, "search"),
        after=_one(query, "after") or None,
        limit=_limit(query),
    )


def failed_query(request: Request) -> FailedQuery:
    """Return which failed tasks a request asks for.

    Raises:
        HttpError: A parameter is not valid.
    """
    query = request.query()
    return FailedQuery(
        search=_one(query, "search"),
        code=_one(query, "code"),
        after=_one(query, "after") or None,
        limit=_limit(query),
    )


def text_in(body: Mapping[str, Any], name: str) -> str:
    """Return a member of the body of an action; ``""`` if it is not given.

    Raises:
        HttpError: It is not a text.
    """
    value = body.get(name) or ""
    if not isinstance(value, str):
        raise HttpError(HTTPStatus.BAD_REQUEST, f"{name} is not a text")
    return value


def _one(query: Mapping[str, list[str]], name: str) -> str:
    """Return the last value of a parameter; ``""`` if it is not given."""
    return query.get(name, [""])[-1]


def _limit(query: Mapping[str, list[str]]) -> int:
    text = _one(query, "limit") or str(_ROWS)
    if not re.fullmatch("[0-9]{1,4}", text, re.ASCII) or not 1 <= int(text) <= _MOST_ROWS:
        raise HttpError(HTTPStatus.BAD_REQUEST, f"limit is not a number from 1 to {_MOST_ROWS}")
    return int(text)


_ROWS: Final = 50
_MOST_ROWS: Final = 500
