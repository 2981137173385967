"""``s3batch event`` and ``s3batch invoke``: one event for a function."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from s3batch_handler.core._payload import parse_event

if TYPE_CHECKING:
    from tests.support.shell import Shell

CRASHING = Path(__file__).parents[2] / "functions" / "crashing.py"


def test_an_event_is_piped_to_invoke(s3batch: Shell) -> None:
    answer = s3batch.line(
        "s3batch event 'year 2024/a+b.jpg' -a target=x | s3batch invoke app.py:handler"
    )

    (result,) = json.loads(answer.stdout)["results"]
    assert json.loads(result["resultString"]) == {"key": "year 2024/a+b.jpg", "target": "x"}
    assert "this is a log line" in answer.stderr
    assert answer.returncode == 0


def test_a_failed_task_exits_with_1_and_prints_the_response(s3batch: Shell) -> None:
    event = s3batch("event", "fail").stdout

    answer = s3batch("invoke", "app:handler", "-", stdin=event)

    assert json.loads(answer.stdout)["results"][0]["resultCode"] == "PermanentFailure"
    assert answer.returncode == 1


def test_an_isolated_function_runs_in_the_process_of_the_command(s3batch: Shell) -> None:
    """So the debugger can be used in it, and the function can end the command."""
    answer = s3batch.line(
        f"s3batch event exit_process | s3batch invoke {shlex.quote(str(CRASHING))}:handler"
    )

    assert answer.returncode == 3


def test_what_cannot_be_invoked_is_one_clear_line(s3batch: Shell) -> None:
    cases = [
        ("app:handler", "not json", "not valid JSON", 2),
        ("app:handler", "{}", "not an S3 Batch Operations event", 1),
        ("app:nothing", "{}", "app has no 'nothing'", 2),
    ]
    for handler, event, message, code in cases:
        run = s3batch("invoke", handler, "-", stdin=event)

        assert message in run.stderr
        assert run.returncode == code
        assert "Traceback" not in run.stderr


def test_an_invalid_response_is_printed_with_the_problem(s3batch: Shell) -> None:
    event = s3batch("event").stdout

    answer = s3batch("invoke", "app:not_an_answer", "-", stdin=event)

    assert json.loads(answer.stdout) == json.loads(event)
    assert "results: missing" in answer.stderr
    assert answer.returncode == 1


@pytest.mark.parametrize("schema", ["1.0", "2.0"])
def test_events_have_the_documented_form_of_both_schemas(s3batch: Shell, schema: str) -> None:
    made = s3batch(
        *("event", "a b.txt", "c.txt", "--schema", schema),
        *("--bucket", "photos", "--version-id", "null", "--job-id", "job-1"),
    )

    invocation = parse_event(json.loads(made.stdout), strict=True)
    assert invocation.schema_version == schema
    assert invocation.job.id == "job-1"
    assert [(task.bucket, task.key, task.version_id) for task in invocation.tasks] == [
        ("photos", "a b.txt", "null"),
        ("photos", "c.txt", "null"),
    ]


@pytest.mark.parametrize("code", ["SystemExit(0)", "SystemExit", "asyncio.CancelledError"])
def test_a_function_that_raises_a_base_exception_exits_with_1(s3batch: Shell, code: str) -> None:
    """There is no response."""
    (s3batch.folder / "ending.py").write_text(
        f"import asyncio\ndef handler(event, context):\n    raise {code}\n"
    )

    run = s3batch("invoke", "ending.py", "--bucket", "photos", "--key", "a")

    assert (run.returncode, run.stdout) == (1, "")
    assert code.partition("(")[0].rpartition(".")[2] in run.stderr


def test_an_exception_of_click_in_a_function_exits_with_1(s3batch: Shell) -> None:
    """2 means wrong usage of s3batch."""
    (s3batch.folder / "clicking.py").write_text(
        "import click\ndef handler(event, context):\n    raise click.UsageError('theirs')\n"
    )

    run = s3batch("invoke", "clicking.py", "--bucket", "photos", "--key", "a")

    assert run.returncode == 1
    assert run.stderr == "s3batch: UsageError: theirs\n"


README_FUNCTION = re.compile(r"```python\n(.*?@task_handler\n.*?)```", re.DOTALL)


def test_the_function_of_the_readme_runs_without_aws(s3batch: Shell, project: Path) -> None:
    """``--source`` and ``--key``: no event, no account, no credentials."""
    found = README_FUNCTION.search((project / "README.md").read_text())
    assert found is not None
    (s3batch.folder / "readme.py").write_text(found[1])
    (s3batch.folder / "photos").mkdir()
    (s3batch.folder / "photos" / "a b.txt").write_text("two\nlines\n")

    run = s3batch.line("s3batch invoke readme.py:handler --source photos --key 'a b.txt'")

    (result,) = json.loads(run.stdout)["results"]
    assert (run.returncode, run.stderr) == (0, "")
    assert json.loads(result["resultString"]) == {"bytes": 10, "lines": 2}


def test_source_serves_the_objects_of_an_event(s3batch: Shell) -> None:
    """Objects that the function writes are counted."""
    (s3batch.folder / "photos").mkdir()
    (s3batch.folder / "photos" / "a").write_text("text")
    (s3batch.folder / "writer.py").write_text(
        "import boto3\nfrom s3batch_handler import Task, task_handler\n"
        "@task_handler\ndef handler(task: Task) -> str:\n"
        "    s3 = boto3.client('s3')\n"
        "    s3.copy_object(Bucket='mine', Key='b', CopySource={'Bucket': 'mine', 'Key': 'a'})\n"
        "    return 'done'\n"
    )

    run = s3batch.line(
        "s3batch event a --bucket mine | s3batch invoke writer.py --source photos --bucket mine"
    )

    assert run.returncode == 0, run.stderr
    assert run.stderr == "s3batch: mine: 1 object was written but not saved\n"


def test_user_arguments_with_key_reach_the_function(s3batch: Shell) -> None:
    run = s3batch("invoke", "app.py", "--bucket", "photos", "--key", "a", "-a", "target=x")

    (result,) = json.loads(run.stdout)["results"]
    assert json.loads(result["resultString"]) == {"key": "a", "target": "x"}


def test_wrong_options_are_refused_before_the_call(s3batch: Shell) -> None:
    (s3batch.folder / "event.json").write_text("{}")
    cases = [
        (
            ["event.json", "--key", "a", "--bucket", "b"],
            "--key and EVENT cannot be combined: choose one.",
        ),
        (["--key", "a"], "Option --key needs --source or --bucket."),
        (["--bucket", "photos"], "Option --bucket needs --key or --source."),
        (["event.json", "-a", "a=b"], "Option --arguments needs --key."),
        (["event.json", "--schema", "2.0"], "Option --schema needs --key."),
        (["none.json"], "does not exist"),
        (["--source", "none", "--key", "a"], "does not exist"),
    ]
    for arguments, message in cases:
        run = s3batch("invoke", "app.py", *arguments)

        assert (run.returncode, run.stdout) == (2, "")
        assert message in run.stderr


def test_a_url_or_arn_excludes_source_and_pdb(s3batch: Shell) -> None:
    """The function runs in another process, which cannot reach the local S3."""
    for option in (["--source", "."], ["--pdb"]):
        run = s3batch("invoke", "http://127.0.0.1:9", *option)

        assert run.returncode == 2
        assert f"{option[0]} and a URL or ARN as HANDLER cannot be combined" in run.stderr
