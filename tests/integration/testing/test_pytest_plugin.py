"""The pytest plugin, in test runs of its own."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from s3batch_handler import InvalidEvent
from s3batch_handler.testing import load_event
from tests.support.package import PACKAGE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.nested_pytest import NestedPytest

HANDLER = """
    from s3batch_handler import PermanentFailure, task_handler

    @task_handler
    def handler(task):
        if task.key == "bad":
            raise PermanentFailure("not a photo")
        return f"{task.key} {dict(task.job.arguments)}"
"""


def test_a_test_calls_a_handler_with_an_event_and_a_context(nested: NestedPytest) -> None:
    """The factories have the parameters of ``make_event`` and ``make_context``."""
    result = nested.run(
        HANDLER
        + """
    def test(s3batch_event, s3batch_context):
        context = s3batch_context(timeout=15, function_name="thumbnails")
        event = s3batch_event("a b.txt", user_arguments={"k": "v"})

        (result,) = handler(event, context)["results"]

        assert result["resultString"] == "a b.txt {'k': 'v'}"
        assert 10_000 < context.get_remaining_time_in_millis() <= 15_000
        assert context.function_name == "thumbnails"
    """
    )

    result.assert_outcomes(passed=1)


def test_a_job_returns_its_rows(nested: NestedPytest) -> None:
    """Rows are found by status and by key."""
    result = nested.run(
        HANDLER
        + """
    def test(s3batch_job):
        rows = s3batch_job(handler, ["a b.txt", "bad"], bucket="photos")

        assert [row.key for row in rows] == ["a b.txt", "bad"]
        assert [row.key for row in rows.succeeded] == ["a b.txt"]
        assert [row.message for row in rows.failed] == ["not a photo"]
        assert rows.by_key["bad"].location == {"Bucket": "photos", "Key": "bad"}
    """
    )

    result.assert_outcomes(passed=1)


def test_the_marker_runs_a_test_for_both_schemas(nested: NestedPytest) -> None:
    """The events of a test and the jobs that it runs have the schema; its ID names it."""
    result = nested.run(
        """
    import pytest

    def seen(event, context):
        version = event["invocationSchemaVersion"]
        result = {"taskId": event["tasks"][0]["taskId"], "resultCode": "Succeeded"}
        return {
            "invocationSchemaVersion": version,
            "invocationId": event["invocationId"],
            "results": [{**result, "resultString": version}],
        }

    @pytest.mark.s3batch_schemas
    def test_event(s3batch_event, s3batch_schema):
        assert s3batch_event("a")["invocationSchemaVersion"] == s3batch_schema

    @pytest.mark.s3batch_schemas
    def test_job(s3batch_job, s3batch_schema):
        assert s3batch_job(seen, ["a"]).by_key["a"].message == s3batch_schema

    def test_without_marker(s3batch_event, s3batch_job):
        assert s3batch_event("a")["invocationSchemaVersion"] == "2.0"
        assert s3batch_event("a", schema_version="1.0")["invocationSchemaVersion"] == "1.0"
        assert s3batch_job(seen, ["a"], schema_version="1.0").by_key["a"].message == "1.0"
    """,
        "-v",
        "--strict-markers",
    )

    result.assert_outcomes(passed=5)
    result.stdout.fnmatch_lines(["*::test_event?1.0? PASSED*", "*::test_event?2.0? PASSED*"])


def test_the_marker_of_a_module_leaves_tests_without_fixtures_alone(nested: NestedPytest) -> None:
    """Only tests that follow the schema run twice."""
    result = nested.run(
        """
    import pytest

    pytestmark = pytest.mark.s3batch_schemas

    def test_event(s3batch_event): ...

    def test_other(): ...
    """
    )

    result.assert_outcomes(passed=3)


def test_a_marker_without_effect_is_an_error(nested: NestedPytest) -> None:
    """A test that would check one schema only, or the same twice, says what to write instead."""
    unused = nested.run(
        """
    import pytest

    @pytest.mark.s3batch_schemas
    def test(s3batch_context): ...
    """
    )
    of_unittest = nested.run(
        """
    import pytest, unittest

    @pytest.mark.s3batch_schemas
    class Test(unittest.TestCase):
        @pytest.fixture(autouse=True)
        def event(self, s3batch_event): ...

        def test(self): ...
    """
    )

    unused.stdout.fnmatch_lines(["*uses none of the fixtures s3batch_event*"])
    of_unittest.stdout.fnmatch_lines(["*has no effect on tests of unittest.TestCase*"])


def test_event_files_are_accepted_as_they_are(nested: NestedPytest, project: Path) -> None:
    """Every file of our tests that is not about refused events, relative to the root directory."""
    events = nested.path / "events"
    events.mkdir()
    for source in (project / "tests" / "events").glob("*.json"):
        (events / source.name).write_bytes(source.read_bytes())

    result = nested.run(
        """
    import json, pytest
    from pathlib import Path

    EVENTS = sorted(Path(__file__).with_name("events").glob("*.json"))

    @pytest.mark.parametrize("path", EVENTS, ids=lambda path: path.stem)
    def test(path, s3batch_event):
        assert s3batch_event.load(f"events/{path.name}") == json.loads(path.read_text())
    """,
        "-Werror::s3batch_handler.UnexpectedEventWarning",
    )

    result.assert_outcomes(passed=len([*events.iterdir()]))


def test_another_event_is_refused_by_file_and_field(tmp_path: Path) -> None:
    """The message says which file is wrong, and why."""
    (tmp_path / "put.json").write_text(json.dumps({"Records": [{"eventSource": "aws:s3"}]}))
    (tmp_path / "text.json").write_text("{")

    with pytest.raises(InvalidEvent, match=r"put\.json: not an S3 Batch Operations event"):
        load_event(tmp_path / "put.json")
    with pytest.raises(InvalidEvent, match=r"text\.json: "):
        load_event(tmp_path / "text.json")


def test_a_clock_tests_time_limits(nested: NestedPytest) -> None:
    """A task that takes the remaining time is interrupted, and the next one is not started."""
    result = nested.run(
        """
    from s3batch_handler import task_handler
    from s3batch_handler.testing import assert_failed, assert_succeeded

    def test_time_outs(s3batch_clock, s3batch_event, s3batch_context, s3batch_job):
        @task_handler
        def handler(task):
            s3batch_clock.advance(float(task.key))

        event = s3batch_event("5", "9", "0")
        response = handler(event, s3batch_context(timeout=15))

        assert [result["resultString"][:11] for result in response["results"]] == [
            "", "stopped aft", "not started",
        ]
        rows = s3batch_job(handler, ["0", "70"], timeout=60)
        assert [row.key for row in rows.succeeded] == ["0"]
        assert_failed(rows.failed, code="TemporaryFailure")
    """
    )

    result.assert_outcomes(passed=1)


def test_a_failed_assertion_shows_the_test_and_the_task(nested: NestedPytest) -> None:
    """The code of the assertion is not in the output, nor are long IDs."""
    result = nested.run(
        HANDLER
        + """
    from s3batch_handler.testing import assert_succeeded

    def test_assertion(s3batch_job):
        assert_succeeded(s3batch_job(handler, ["a", "bad"]))

    def test_comparison(s3batch_event):
        assert handler(s3batch_event("a")) == handler(s3batch_event("bad"))
    """
    )

    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        [
            ">*assert_succeeded(s3batch_job(handler, [[]*",
            "E*unexpected result of 1 of 2 tasks",
            "E*s3://bucket/bad",
            "E*code:*PermanentFailure, expected Succeeded",
            "E*message: not a photo",
            "E*assert dict == dict (- right, + left)",
            "E*invocationId: AAAAAAAA?* != AAAAAAAA?*",
        ]
    )
    result.stdout.no_fnmatch_line("*_assertions.py*")


def test_tests_of_unittest_use_the_functions_and_fixtures(nested: NestedPytest) -> None:
    """``usefixtures`` and a fixture in the class are pytest's ways to use fixtures there."""
    result = nested.run(
        HANDLER
        + """
    import unittest

    import boto3
    import pytest
    from s3batch_handler.testing import assert_succeeded, make_task, run_job

    @pytest.mark.usefixtures("s3batch_aws")
    class Test(unittest.TestCase):
        @pytest.fixture(autouse=True)
        def fixtures(self, s3batch_clock):
            self.clock = s3batch_clock

        def test_functions(self):
            assert_succeeded(run_job(handler, ["a"]))
            assert_succeeded(handler.run(make_task("a")), message="a {}")

        def test_fixtures(self):
            self.clock.advance(1)
            assert boto3.client("s3").list_buckets()["Buckets"] == []
    """
    )

    result.assert_outcomes(passed=2)


@pytest.mark.parametrize("source", ["handler", "async"])
def test_async_tests_call_handlers(nested: NestedPytest, source: str) -> None:
    """An ``async def`` handler runs in a thread, because the loop of the test is running."""
    pytest.importorskip("pytest_asyncio")

    result = nested.run(
        f"""
    import asyncio

    import pytest
    from s3batch_handler import task_handler
    from s3batch_handler.testing import assert_succeeded

    async def later(task):
        await asyncio.sleep(0)
        return task.key

    handler = task_handler(later if {source!r} == "async" else lambda task: task.key)

    @pytest.mark.asyncio
    @pytest.mark.s3batch_schemas
    async def test(s3batch_event, s3batch_context, s3batch_job, s3batch_aws):
        assert_succeeded(handler(s3batch_event("a"), s3batch_context()), message="a")
        assert_succeeded(s3batch_job(handler, ["a"]), message="a")
    """,
        "-p",
        "pytest_asyncio.plugin",
        "-Wignore::s3batch_handler.ThreadTimeLimitWarning",
    )

    result.assert_outcomes(passed=2)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork()")
def test_each_test_and_its_fixtures_have_child_processes_of_their_own(
    nested: NestedPytest,
) -> None:
    """A child process does not see what is replaced in the test's process after its creation."""
    nested.write("""
    import pytest
    from s3batch_handler import task_handler
    from s3batch_handler.testing import make_task

    VALUE = "old"

    @task_handler(isolation="process")
    def handler(task):
        return VALUE

    def value():
        return handler.run(make_task("a")).message

    @pytest.fixture
    def replaced(monkeypatch):
        assert value() == "old"
        yield monkeypatch.setattr(f"{__name__}.VALUE", "new")
        monkeypatch.undo()
        assert value() == "old"

    def test_replaced(replaced):
        assert value() == "new"

    def test_original():
        assert value() == "old"
    """)

    nested.run_process().assert_outcomes(passed=2)


@pytest.mark.slow
def test_pytest_loads_the_plugin_by_its_entry_point(nested: NestedPytest) -> None:
    """It works on several processes, and does not rewrite the modules of an installed package."""
    metadata = nested.path / "installed-1.dist-info"
    metadata.mkdir()
    (nested.path / "s3batch_handler").symlink_to(PACKAGE)  # files that do not exist are ignored
    (metadata / "METADATA").write_text("Name: installed\nVersion: 1\n")
    (metadata / "RECORD").write_text("s3batch_handler/__init__.py,,\n")
    (metadata / "entry_points.txt").write_text("[pytest11]\nother = textwrap\n")
    nested.write(
        HANDLER
        + """
    import sys

    import pytest

    @pytest.mark.s3batch_schemas
    def test_job(s3batch_job):
        assert s3batch_job(handler, ["a b.txt"]).failed == []
        loader = sys.modules["s3batch_handler.handler._decorator"].__loader__
        assert type(loader).__name__ == "SourceFileLoader"
    """
    )

    result = nested.run_process("-n", "2", "--strict-markers", autoload=True)

    result.assert_outcomes(passed=2)


def test_the_plugin_can_be_switched_off(nested: NestedPytest) -> None:
    """Its fixtures are unknown then."""
    nested.write("def test(s3batch_job): ...")

    result = nested.run_process("-p", "no:s3batch", "-p", "no:hypothesispytest", autoload=True)

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*fixture 's3batch_job' not found"])


def test_fixtures_of_the_bare_package_work_without_pydantic(nested: NestedPytest) -> None:
    """So do jobs. Only AWS on this machine needs more: the error says what to install."""
    nested.write(
        HANDLER
        + """
    import sys

    import pytest
    from s3batch_handler.testing import assert_failed, assert_succeeded, make_task

    sys.modules["pydantic"] = sys.modules["pydantic_core"] = None

    @pytest.mark.s3batch_schemas
    def test_event(s3batch_event, s3batch_context):
        event = s3batch_event("a")
        assert_succeeded(handler(event, s3batch_context()), event=event)
        assert_failed(handler.run(make_task("bad")), message="not a photo")

    def test_clock(s3batch_clock, s3batch_event, s3batch_context):
        slow = task_handler(lambda task: s3batch_clock.advance(70))
        assert_failed(slow(s3batch_event("a"), s3batch_context()), code="TemporaryFailure")

    def test_job(s3batch_job):
        assert s3batch_job(handler, ["a", "b"]).succeeded

    def test_aws(s3batch_aws): ...
    """
    )

    result = nested.run_process()

    result.assert_outcomes(passed=4, errors=1)
    result.stdout.fnmatch_lines(
        ["E*s3batch_handler.testing.mock_s3batch needs pydantic*s3batch-handler[[]local[]]*"]
    )


def test_an_unused_plugin_imports_next_to_nothing(nested: NestedPytest) -> None:
    """pytest imports it in every session, also of projects that do not use it."""
    nested.write(
        """
    import sys

    def test():
        loaded = {name for name in sys.modules if name.startswith("s3batch_handler")}
        assert loaded == {
            "s3batch_handler",
            "s3batch_handler.core",
            "s3batch_handler.core._lazy_exports",
            "s3batch_handler.core._typing",
            "s3batch_handler.testing",
            "s3batch_handler.testing._plugin",
        }
        assert not {"asyncio", "boto3", "moto", "pydantic"}.intersection(sys.modules)
    """
    )

    nested.run_process().assert_outcomes(passed=1)
