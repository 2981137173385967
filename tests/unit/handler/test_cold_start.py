"""What a handler imports in Lambda: the standard library alone, and no slow module of it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.support.package import PACKAGE

# Each of these makes all cold starts slower by milliseconds.
SLOW = {
    "argparse",
    "ast",
    "asyncio",
    "concurrent.futures",
    "ctypes",
    "dataclasses",
    "decimal",
    "difflib",
    "hashlib",
    "http",
    "inspect",
    "ipaddress",
    "logging",
    "multiprocessing",
    "pathlib",
    "pickle",
    "random",
    "socket",
    "sqlite3",
    "ssl",
    "subprocess",
    "tempfile",
    "traceback",
    "urllib.parse",
    "urllib.request",
    "uuid",
    "zoneinfo",
}

# Parts of this package: not for Lambda, only for failed tasks, or only for an option.
NOT_NEEDED = {
    f"s3batch_handler.{name}"
    for name in (
        *("cli", "documents", "engine", "jobs", "local_aws", "testing"),
        *("core._classification", "core._error_text", "core._logged_exceptions"),
        *("core._aws_error_table", "core._quoted_input_table", "core._redaction"),
        *("handler._event_loop", "handler._function_checks", "handler._idempotency"),
        *("handler._isolation", "handler._models", "handler._pydantic_values", "handler._tracing"),
    )
}

HANDLER = """
from s3batch_handler import Task, task_handler

@task_handler
def handler(task: Task) -> str:
    return task.key
"""

INVOCATION = f"""
{HANDLER}
class Context:
    def get_remaining_time_in_millis(self):
        return 60_000

assert handler({{
    "invocationSchemaVersion": "2.0",
    "invocationId": "invocation",
    "job": {{"id": "job", "userArguments": {{}}}},
    "tasks": [{{"taskId": "1", "s3Key": "a%20b+c", "s3VersionId": None, "s3Bucket": "photos"}}],
}}, Context())["results"][0]["resultString"] == "a b c"
"""


@pytest.mark.parametrize(
    ("code", "slow"),
    [
        ("from s3batch_handler import *", SLOW),
        (HANDLER, SLOW | {"typing", "signal"}),
        # ctypes is for the timer of the operating system.
        (INVOCATION, (SLOW | {"typing", "signal"}) - {"ctypes"}),
    ],
    ids=["import", "decorator", "invocation"],
)
def test_a_handler_loads_the_standard_library_alone(code: str, slow: set[str]) -> None:
    """Neither pydantic nor ``typing_extensions``, boto3 or Powertools is loaded."""
    loaded = set(_run(f"{code}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"))
    added = loaded - set(_run("import json, sys\nprint(json.dumps(sorted(sys.modules)))"))

    foreign = {
        name
        for name in added
        if name.partition(".")[0] not in {*sys.stdlib_module_names, "s3batch_handler"}
    }
    assert not foreign
    assert not {name for name in added if _is_or_is_in(name, slow | NOT_NEEDED)}


WITHOUT_OTHER_PACKAGES = """
import sys

class StandardLibraryAlone:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in {*sys.stdlib_module_names, "s3batch_handler", "__main__"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, StandardLibraryAlone())
"""

RESULTS = """
import dataclasses, datetime, enum, json, uuid
from s3batch_handler import Outcome, PermanentFailure, ResultCode, task_handler

@dataclasses.dataclass
class Size:
    width: int
    made: datetime.date

class Throttled(Exception):
    response = {
        "Error": {"Code": "SlowDown", "Message": "Please reduce your request rate."},
        "ResponseMetadata": {"HTTPStatusCode": 503},
    }
    operation_name = "GetObject"

class WithSchema:
    __get_pydantic_core_schema__ = None

def throttled():
    raise Throttled("An error occurred (SlowDown)")

def refused():
    raise PermanentFailure("not a photo")

async def later():
    return {"done": True}

RESULTS = {
    "text": lambda: "done",
    "nothing": lambda: None,
    "dict": lambda: {"size": 1, uuid.UUID(int=1): [datetime.timedelta(hours=1)]},
    "dataclass": lambda: Size(3, datetime.date(2026, 1, 2)),
    "datetime": lambda: datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC),
    "enum": lambda: enum.Enum("Color", {"RED": "red"})["RED"],
    "outcome": lambda: Outcome(ResultCode.TEMPORARY_FAILURE, "later"),
    "async": later,
    "throttled": throttled,
    "refused": refused,
    "bug": lambda: 1 // 0,
    "object": object,
    "schema": WithSchema,
}
handler = task_handler(lambda task: RESULTS[task.key]())
event = {
    "invocationSchemaVersion": "1.0",
    "invocationId": "invocation",
    "job": {"id": "job"},
    "tasks": [
        {"taskId": key, "s3Key": key, "s3VersionId": None, "s3BucketArn": "arn:aws:s3:::photos"}
        for key in RESULTS
    ],
}
results = handler(event, None)["results"]
print(json.dumps([[each["taskId"], each["resultCode"], each["resultString"]] for each in results]))
"""


def test_handlers_work_without_any_other_package() -> None:
    """All kinds of results and failures are answered; only models need pydantic."""
    results = _run(WITHOUT_OTHER_PACKAGES + RESULTS)

    no_json = "the function ended without an error, but JSON cannot represent its return value "
    missing = "it needs pydantic, which is not installed: pip install 's3batch-handler[models]'"
    assert results == [
        ["text", "Succeeded", "done"],
        ["nothing", "Succeeded", ""],
        ["dict", "Succeeded", '{"size":1,"00000000-0000-0000-0000-000000000001":["PT1H"]}'],
        ["dataclass", "Succeeded", '{"width":3,"made":"2026-01-02"}'],
        ["datetime", "Succeeded", '"2026-01-02T00:00:00Z"'],
        ["enum", "Succeeded", '"red"'],
        ["outcome", "TemporaryFailure", "later"],
        ["async", "Succeeded", '{"done":true}'],
        [
            "throttled",
            "TemporaryFailure",
            "SlowDown calling GetObject: Please reduce your request rate. (HTTP 503)",
        ],
        ["refused", "PermanentFailure", "not a photo"],
        ["bug", "PermanentFailure", "ZeroDivisionError: integer division or modulo by zero"],
        [
            "object",
            "PermanentFailure",
            f"{no_json}(object): Object of type 'object' is not JSON serializable",
        ],
        [
            "schema",
            "PermanentFailure",
            f"{no_json}(WithSchema): {missing}",
        ],
    ]


TOO_MANY_FILES = """
import json, os, resource
from s3batch_handler import task_handler

resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))

@task_handler
def handler(task):
    while True:
        os.dup(0)

event = {
    "invocationSchemaVersion": "2.0",
    "invocationId": "invocation",
    "job": {"id": "job", "userArguments": {}},
    "tasks": [{"taskId": "1", "s3Key": "a", "s3VersionId": None, "s3Bucket": "photos"}],
}
(result,) = handler(event, None)["results"]
os.closerange(3, 64)
print(json.dumps([result["resultCode"], result["resultString"]]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_a_failure_that_cannot_be_classified_is_temporary() -> None:
    """Modules that only failures need cannot be imported if no file can be opened."""
    assert _run(TOO_MANY_FILES) == [
        "TemporaryFailure",
        "OSError, which could not be classified: OSError",
    ]


SLOW_IMPORT = """
import json, sys, time
from s3batch_handler import task_handler

class SlowImport:
    def find_spec(self, name, path=None, target=None):
        if name == "s3batch_handler.core._logged_exceptions":
            time.sleep(60)

sys.meta_path.insert(0, SlowImport())

@task_handler(task_timeout=0.1)
def handler(task):
    while True:
        time.sleep(0.01)

class Context:
    def get_remaining_time_in_millis(self):
        return 3000

event = {
    "invocationSchemaVersion": "2.0",
    "invocationId": "invocation",
    "job": {"id": "job", "userArguments": {}},
    "tasks": [{"taskId": "1", "s3Key": "a", "s3VersionId": None, "s3Bucket": "photos"}],
}
began = time.monotonic()
(result,) = handler(event, Context())["results"]
print(json.dumps([result["resultCode"], time.monotonic() - began]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
def test_a_slow_import_of_modules_for_failures_does_not_delay_the_response() -> None:
    """The failure is logged without a traceback."""
    (code, seconds), log = _run_and_read_log(SLOW_IMPORT)

    assert code == "TemporaryFailure"
    assert seconds < 30  # the import takes 60; a busy machine may pause
    assert "stopped after 0.1 s" in log
    assert "Traceback" not in log


def _is_or_is_in(name: str, packages: set[str]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def _run(program: str) -> Any:
    return _run_and_read_log(program)[0]


def _run_and_read_log(program: str) -> tuple[Any, str]:
    """Run a program in a fresh interpreter; return the JSON that it prints, and its log."""
    path = f"import sys; sys.path.insert(0, {str(PACKAGE.parent)!r})\n"
    run = subprocess.run(
        [sys.executable, "-I", "-c", path + program], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout), run.stderr
