"""The Hypothesis strategies generate what AWS sends and what buckets contain."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import warnings
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from s3batch_handler import InvalidEvent, ObjectRef, ResultCode, Task, UnexpectedEventWarning
from s3batch_handler.core._keys import is_utf8
from s3batch_handler.core._payload import parse_event
from s3batch_handler.documents import TaskStatus, read_manifest, read_report
from s3batch_handler.testing import make_event, strategies

if TYPE_CHECKING:
    from collections.abc import Callable

    from hypothesis.strategies import SearchStrategy

    from s3batch_handler.testing import LambdaContext
    from s3batch_handler.testing.strategies import ManifestFile, ReportFiles

Event = dict[str, Any]

ONE_EXAMPLE = settings(max_examples=2000, database=None, phases=[Phase.generate])
SHRUNK = settings(ONE_EXAMPLE, phases=[Phase.generate, Phase.shrink])

EVERY_KIND_OF_KEY: dict[str, Callable[[str], object]] = {
    "path": lambda key: "/" in key and key.isascii(),
    "space": lambda key: " " in key,
    "plus": lambda key: "+" in key,
    "percent": lambda key: "%" in key,
    "escape": lambda key: "%20" in key,
    "accent": lambda key: "é" in key,
    "emoji": lambda key: "🌻" in key,
    "line break": lambda key: "\n" in key,
    "leading blank": lambda key: key.startswith(" ") and key.strip(),
    "trailing blank": lambda key: key.endswith(" ") and key.strip(),
    "parent folder": lambda key: "../" in key,
    "leading slash": lambda key: key.startswith("/"),
    "trailing slash": lambda key: key.endswith("/"),
    "1,024 bytes": lambda key: len(key.encode("utf-8", "surrogateescape")) == 1024,
    "JSON": lambda key: key.startswith("{") and json.loads(key),
    "not UTF-8": lambda key: not is_utf8(key),
}


@pytest.mark.parametrize("kind", EVERY_KIND_OF_KEY)
def test_keys_of_every_kind_are_found(kind: str) -> None:
    """A property that fails for one kind of key fails soon."""

    def is_of_kind(key: str) -> bool:
        try:
            return bool(EVERY_KIND_OF_KEY[kind](key))
        except ValueError:  # not JSON
            return False

    find(strategies.keys(), is_of_kind, settings=ONE_EXAMPLE)


@given(strategies.keys())
def test_keys_are_at_most_1024_bytes(key: str) -> None:
    """S3 has no longer keys, and no empty ones."""
    assert 1 <= len(key.encode("utf-8", "surrogateescape")) <= 1024


@given(strategies.keys(only_utf8=True))
def test_keys_can_be_limited_to_valid_utf8(key: str) -> None:
    assert is_utf8(key)


def test_keys_shrink_to_the_character_that_matters() -> None:
    """The example of a failure is short."""
    assert find(strategies.keys(), lambda key: "+" in key, settings=SHRUNK) == "+"
    assert len(find(strategies.keys(), lambda key: not is_utf8(key), settings=SHRUNK)) <= 3


def test_events_shrink_to_the_field_that_matters() -> None:
    """All other fields have their simplest value."""
    event = find(
        strategies.events(), lambda event: "+" in event["tasks"][0]["s3Key"], settings=SHRUNK
    )

    (task,) = event["tasks"]
    assert (task["s3Key"], task["taskId"], task["s3VersionId"]) == ("+", "0", None)


@given(strategies.events(only_documented=True, max_tasks=3))
def test_documented_events_are_accepted_by_a_strict_handler(event: Event) -> None:
    """There is no warning either: warnings are errors here."""
    invocation = parse_event(json.loads(json.dumps(event)), strict=True)

    assert [task.id for task in invocation.tasks] == [task["taskId"] for task in event["tasks"]]


@given(strategies.events(max_tasks=2))
def test_all_events_are_accepted(event: Event) -> None:
    """Unusual forms have the same tasks."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnexpectedEventWarning)
        invocation = parse_event(json.loads(json.dumps(event)))

    assert [task.key for task in invocation.tasks] == [
        unquote_plus(task["s3Key"], errors="surrogateescape") for task in event["tasks"]
    ]


def test_unusual_events_are_among_all_events() -> None:
    def is_refused(event: Event) -> bool:
        try:
            parse_event(event, strict=True)
        except InvalidEvent:
            return True
        return False

    event = find(strategies.events(), is_refused, settings=ONE_EXAMPLE)

    assert len(event["tasks"]) == 1


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_events_have_both_schema_versions(version: str) -> None:
    find(
        strategies.events(only_documented=True),
        lambda event: event["invocationSchemaVersion"] == version,
        settings=ONE_EXAMPLE,
    )


@given(strategies.contexts(min_seconds=5, max_seconds=10))
def test_contexts_have_time_left(context: LambdaContext) -> None:
    assert 0 < context.get_remaining_time_in_millis() <= 10_000
    assert 128 <= int(context.memory_limit_in_mb) <= 10_240


@given(strategies.tasks(keys=st.just("a.txt")), strategies.objects(keys=st.just("b.txt")))
def test_tasks_and_objects_may_have_given_keys(task: Task, item: ObjectRef) -> None:
    assert (task.key, item.key) == ("a.txt", "b.txt")
    assert parse_event(make_event(task)).tasks == (task,)


@given(strategies.manifests())
def test_manifests_contain_their_objects(manifest: ManifestFile) -> None:
    """They are written by the csv module, not by the code that reads them."""
    read = list(read_manifest(io.BytesIO(manifest.content), fields=manifest.fields))

    assert read == manifest.objects


@given(strategies.reports())
def test_reports_contain_their_rows(
    tmp_path_factory: pytest.TempPathFactory, files: ReportFiles
) -> None:
    """They are written by the csv module, not by the code that reads them."""
    report = read_report(files.save(tmp_path_factory.mktemp("report")))

    report.verify()
    assert list(report.rows()) == files.rows
    assert report.job_id == files.job_id


@pytest.mark.parametrize("status", TaskStatus)
def test_rows_have_every_status(status: TaskStatus) -> None:
    find(strategies.rows(), lambda row: row.status is status, settings=ONE_EXAMPLE)


@pytest.mark.parametrize(
    "kind",
    [
        "ClientError",
        "ReadTimeoutError",
        "TimeoutError",
        "ConnectionResetError",
        "TemporaryFailure",
        "PermanentFailure",
        "ExceptionGroup",
        "_InvalidPhoto",
    ],
)
def test_exceptions_of_every_kind_are_found(kind: str) -> None:
    find(
        strategies.exceptions(),
        lambda error: type(error).__name__ == kind,
        settings=ONE_EXAMPLE,
    )


RESULTS: dict[str, Callable[[Any], object]] = {
    "nothing": lambda value: value is None,
    "text": lambda value: isinstance(value, str) and value,
    "result code": lambda value: isinstance(value, ResultCode),
    "outcome": lambda value: isinstance(value, tuple) and value[0] in ResultCode,
    "result of AWS": lambda value: isinstance(value, dict) and "resultCode" in value,
    "response": lambda value: isinstance(value, dict) and "results" in value,
    "exception": lambda value: isinstance(value, Exception),
    "model": lambda value: hasattr(value, "model_dump"),
    "bytes": lambda value: isinstance(value, bytes),
}


@pytest.mark.parametrize("kind", RESULTS)
def test_results_of_every_kind_are_found(kind: str) -> None:
    find(
        strategies.results(),
        lambda value: bool(RESULTS[kind](value)),
        settings=ONE_EXAMPLE,
    )


@pytest.mark.parametrize("name", strategies.__all__)
def test_strategies_generate_without_health_checks_or_warnings(name: str) -> None:
    """A user's test needs no settings: warnings are errors here, and so are health checks."""
    if name[0].isupper():
        pytest.skip("a type of generated documents")
    strategy: SearchStrategy[Any] = getattr(strategies, name)()

    @settings(suppress_health_check=[], max_examples=50, database=None)
    @given(strategy)
    def generate(value: Any) -> None: ...

    generate()


def test_importing_the_testing_package_does_not_import_hypothesis() -> None:
    program = "import s3batch_handler.testing as t, sys; t.make_event('a'); print(*sys.modules)"
    modules = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.split()

    assert "hypothesis" not in modules
