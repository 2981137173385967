"""The pytest plugin: fixtures for events, contexts, jobs, a mock AWS and the time.

pytest imports this module in every session, so the module imports only pytest. The fixtures import
what they need.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from s3batch_handler.testing._clock import FakeClock
    from s3batch_handler.testing._jobs import JobRunner
    from s3batch_handler.testing._mock import MockAws
    from s3batch_handler.testing.events._event_files import EventFactory
    from s3batch_handler.testing.events._factories import LambdaContext

_MARKER = "s3batch_schemas"


def pytest_addoption(pluginmanager: pytest.PytestPluginManager) -> None:
    """Exclude the package from the rewriting of assertions. This is the first hook that runs.

    pytest rewrites all modules of an installed package that has a plugin. The first import would
    take ten times as long, and the code would differ from the code in Lambda.
    """
    rewritten: set[str] = getattr(pluginmanager.rewrite_hook, "_must_rewrite", set())
    rewritten.discard("s3batch_handler")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        f"{_MARKER}: run a test once for each invocation schema, 1.0 and 2.0, with the fixtures "
        "s3batch_event, s3batch_job and s3batch_schema.",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test with the marker once for each schema.

    A test without a fixture that has the schema would run twice in the same way. With the marker on
    the test itself, this is an error; with the marker on its module or class, the test runs once.
    """
    if metafunc.definition.get_closest_marker(_MARKER) is None:
        return
    if "s3batch_schema" in metafunc.fixturenames:
        metafunc.parametrize("s3batch_schema", ["1.0", "2.0"], indirect=True)
    elif any(mark.name == _MARKER for mark in metafunc.definition.own_markers):
        pytest.fail(
            f"{metafunc.definition.nodeid} has the marker {_MARKER}, but uses none of the fixtures "
            "s3batch_event, s3batch_job and s3batch_schema. Use one of them, or remove the marker.",
            pytrace=False,
        )


def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
    """Explain a false ``==`` of outcomes, tasks, rows of a report, or responses."""
    if op != "==" or "s3batch_handler.core._model" not in sys.modules:
        return None
    from s3batch_handler.testing._comparisons import explain_comparison

    return explain_comparison(left, right)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    _replace_child_processes()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call() -> None:
    _replace_child_processes()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown() -> None:
    _replace_child_processes()


def _replace_child_processes() -> None:
    """Replace child processes, so that functions see what fixtures and tests have replaced."""
    if "s3batch_handler.handler._isolation" not in sys.modules:
        return
    from s3batch_handler.handler._isolation import replace_child_processes

    replace_child_processes()


@pytest.fixture
def s3batch_schema(request: pytest.FixtureRequest) -> str:
    """Return the schema version of the test: 2.0, or each one with the marker s3batch_schemas."""
    marker = request.node.get_closest_marker(_MARKER)
    if marker is not None and not hasattr(request, "param"):
        pytest.fail(
            f"The marker {_MARKER} has no effect on tests of unittest.TestCase. Write a function, "
            "or call make_event and run_job with schema_version=, in a self.subTest for each.",
            pytrace=False,
        )
    return str(getattr(request, "param", "2.0"))


@pytest.fixture
def s3batch_event(request: pytest.FixtureRequest, s3batch_schema: str) -> EventFactory:
    """Return a factory of events.

    s3batch_event("a b.txt", user_arguments={"k": "v"}) creates one, and
    s3batch_event.load("events/v1.json") reads one, relative to pytest's root directory.
    """
    from s3batch_handler.testing import EventFactory

    return EventFactory(s3batch_schema, request.config.rootpath)


@pytest.fixture
def s3batch_context() -> Callable[..., LambdaContext]:
    """Return a factory of Lambda contexts.

    The context s3batch_context(timeout=15) has 15 seconds left; the default is 60.
    """
    from s3batch_handler.testing import make_context

    return make_context


@pytest.fixture
def s3batch_job(s3batch_schema: str) -> JobRunner:
    """Return a function that runs a job in this process, without AWS.

    s3batch_job(handler, ["a b.txt"]) returns the rows of its completion report.
    """
    from s3batch_handler.testing import JobRunner

    return JobRunner(s3batch_schema)


@pytest.fixture
def s3batch_aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[MockAws]:
    """Mock AWS with moto, with jobs that run, a Region and credentials.

    s3batch_aws.register("thumbnails", handler) registers a function for jobs. It requires
    s3batch-handler[local].
    """
    from s3batch_handler.testing import mock_s3batch
    from s3batch_handler.testing._mock import aws_variables

    for name, value in aws_variables().items():
        if value is None:
            monkeypatch.delenv(name)
        else:
            monkeypatch.setenv(name, value)
    with mock_s3batch({}) as aws:
        yield aws


@pytest.fixture
def s3batch_clock() -> Iterator[FakeClock]:
    """Yield a clock that handlers and contexts use while the test runs.

    After s3batch_clock.advance(14), 14 seconds less remain. Nothing waits.
    """
    from s3batch_handler.testing import FakeClock

    with FakeClock() as clock:
        yield clock
