"""A logger, metrics or tracer that fails does not affect a task."""

from __future__ import annotations

import logging
import math
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from aws_lambda_powertools import Logger
from typing_extensions import override

from s3batch_handler.handler._observability import Observer
from tests.support.observation import PERMANENT, SUCCEEDED, Log, new_metrics, task

if TYPE_CHECKING:
    from collections.abc import Iterator


class Broken:
    """An object with the methods of Powertools, which all fail."""

    def __getattr__(self, name: str) -> Any:
        return self if name == "provider" else self._fail

    def _fail(self, *_: object, **__: object) -> None:
        raise RuntimeError("broken")


class BrokenLater:
    """Opens without an error, and fails at each later step."""

    def thread_safe_get_current_keys(self) -> dict[str, Any]:
        return {}

    def thread_safe_append_keys(self, **_: object) -> None: ...

    def thread_safe_remove_keys(self, keys: object) -> None:
        raise RuntimeError("remove")

    @property
    def provider(self) -> BrokenLater:
        return self

    @contextmanager
    def in_subsegment(self, name: str) -> Iterator[Any]:
        yield self
        raise RuntimeError("close")

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)


@pytest.mark.parametrize("broken", [Broken(), BrokenLater()], ids=["all", "later"])
def test_an_observer_that_fails_does_not_affect_the_task(
    broken: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says what failed."""
    observer = Observer(logger=broken, metrics=broken, tracer=broken)

    with observer.observe(task(), 1.0) as watched:
        watched.outcome = SUCCEEDED
    observer.log_failure(task(), PERMANENT, None)

    problems = {message.split(" failed;")[0] for message in caplog.messages}
    assert problems >= {"removing logger keys", "adding metrics", "logging a failed task"}


def test_a_child_logger_without_a_parent_does_not_affect_the_task(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Powertools refuses its keys."""
    logger = Logger(service=f"orphan-{uuid.uuid4()}", child=True)
    observer = Observer(logger=logger)

    with observer.observe(task(), math.inf) as watched:
        watched.outcome = SUCCEEDED

    assert "setting logger keys failed; the task is not affected" in caplog.messages


def test_a_log_filter_that_fails_does_not_affect_the_task(caplog: pytest.LogCaptureFixture) -> None:
    class FailingFilter(logging.Filter):
        @override
        def filter(self, record: logging.LogRecord) -> bool:
            raise RuntimeError("a bug")

    logger = logging.getLogger(f"failing-{uuid.uuid4()}")
    logger.addFilter(FailingFilter())

    Observer(logger=logger).log_failure(task(), PERMANENT, None)

    assert "logging a failed task failed; the task is not affected" in caplog.messages


def test_exceptions_of_the_task_are_raised_unchanged() -> None:
    error = ValueError("mine")

    observer = Observer(metrics=new_metrics(), tracer=BrokenLater())

    with pytest.raises(ValueError, match="mine") as caught, observer.observe(task(), math.inf):
        raise error

    assert caught.value is error


def test_an_observer_is_active_only_if_it_has_work_per_task(subtests: pytest.Subtests) -> None:
    cases: list[tuple[Any, bool]] = [
        ({}, False),
        ({"logger": logging.getLogger("mine")}, False),
        ({"logger": Log().logger}, True),
        ({"metrics": new_metrics()}, True),
        ({"tracer": BrokenLater()}, True),
    ]
    for options, active in cases:
        with subtests.test(options=options):
            assert Observer(**options).active is active


def test_an_observer_without_options_does_nothing() -> None:
    with Observer().observe(task(), math.inf) as watched:
        watched.outcome = SUCCEEDED

    assert watched.outcome is SUCCEEDED
