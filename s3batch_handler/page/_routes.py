"""The addresses of live pages."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from s3batch_handler.page._answers import Answers
from s3batch_handler.page._html import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

    from s3batch_handler.page._http import Response


@dataclass(frozen=True, slots=True)
class Route:
    """An address.

    Attributes:
        pattern: The whole path; its groups are arguments of the answer.
        answer: The method that answers.
        method: The method of its requests; ``HEAD`` counts as ``GET``.
        is_page: Whether it is a page, which other sites may link to.
    """

    pattern: re.Pattern[str]
    answer: Callable[..., Response]
    method: str = "GET"
    is_page: bool = False


def _at(path: str, answer: Callable[..., Response], **options: Any) -> Route:
    return Route(re.compile(f"{ROOT}{path}", re.ASCII), answer, **options)


_JOB: Final = r"api/jobs/(?P<job_id>[A-Za-z0-9][A-Za-z0-9._-]{0,99})"
ROUTES: Final = (
    Route(re.compile(f"/|{ROOT.removesuffix('/')}"), Answers.redirect, is_page=True),
    _at("", Answers.list_page, is_page=True),
    _at(_JOB.removeprefix("api/"), Answers.job_page, is_page=True),
    _at("assets/(?P<name>[A-Za-z0-9._-]+)", Answers.asset),
    _at("api/jobs", Answers.jobs),
    _at("api/jobs/events", Answers.list_events),
    _at(_JOB, Answers.job),
    _at(f"{_JOB}/events", Answers.job_events),
    _at(f"{_JOB}/failed", Answers.failed),
    _at(f"{_JOB}/saved", Answers.saved),
    _at(f"{_JOB}/confirm", Answers.confirm, method="POST"),
    _at(f"{_JOB}/cancel", Answers.cancel, method="POST"),
    _at(f"{_JOB}/priority", Answers.priority, method="POST"),
    _at(f"{_JOB}/redrive", Answers.redrive, method="POST"),
)


def find_route(path: str) -> tuple[Route, dict[str, str]] | None:
    """Return the route of a path, and the values in the path; ``None`` if nothing has the path."""
    for route in ROUTES:
        if match := route.pattern.fullmatch(path):
            return route, match.groupdict()
    return None
