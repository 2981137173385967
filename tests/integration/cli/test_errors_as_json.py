"""With ``--json``, the error that ends a command is one line of JSON on standard error."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click
import pytest

from s3batch_handler.cli._commands import s3batch as s3batch_command
from s3batch_handler.cli._errors import CommandFailed, print_error
from s3batch_handler.core._errors import JobNotFound

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.shell import Run, Shell


def error_of(run: Run) -> dict[str, Any]:
    assert run.stdout == ""
    (line,) = run.stderr.splitlines()
    document = json.loads(line)
    assert [*document] == ["error"]
    error: dict[str, Any] = document["error"]
    assert error["exit_code"] == run.returncode
    return error


def test_an_error_has_its_type_message_exit_code_and_attributes(s3batch: Shell) -> None:
    s3batch.manifest("b,a", "b", name="wrong.csv")

    error = error_of(s3batch("run", "app.py", "--manifest", "wrong.csv", "--json"))

    assert error == {
        "type": "ManifestError",
        "message": error["message"],
        "exit_code": 1,
        "source": "wrong.csv",
        "line": 2,
    }
    assert error["message"].startswith("wrong.csv, line 2: ")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("run --json --manifset m.csv", "No such option '--manifset'"),
        ("run --json", "Missing argument HANDLER"),
        ("run app.py --json --workers none", "Invalid value for '--workers'"),
        ("run app.py --manifest m.csv --prefix p --json", "cannot be combined"),
        ("jbo --json", "No such command 'jbo'. Did you mean 'job'?"),
        ("init none --json", "'none' is not a starter"),
        ("job submit --json", "Missing option --manifest"),
        ("event --json --schema 3", "'3' is not one of '1.0', '2.0'"),
        ("invoke app.py --json --key k", "Option --key needs"),
    ],
)
def test_wrong_usage_is_a_usage_error(s3batch: Shell, line: str, message: str) -> None:
    error = error_of(s3batch(*line.split()))

    assert (error["type"], error["exit_code"]) == ("UsageError", 2)
    assert message in error["message"]


def test_a_code_and_a_job_id_are_members(capsys: pytest.CaptureFixture[str]) -> None:
    cause = JobNotFound(job_id="job-\x1b[2J1")

    print_error(CommandFailed(cause), as_json=True)

    text = capsys.readouterr().err
    error = json.loads(text)["error"]
    assert (error["type"], error["code"]) == ("JobNotFound", "NoSuchJobException")
    assert error["job_id"] == r"job-\x1b[2J1"
    assert text.rstrip("\n").isprintable()


def test_debug_adds_the_traceback(s3batch: Shell) -> None:
    error = error_of(s3batch("--debug", "run", "app.py", "--manifest", "no.csv", "--json"))

    assert error["type"] == "FileNotFoundError"
    assert error["traceback"].startswith("Traceback")


def test_ctrl_c_is_an_error(
    s3batch: Shell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("s3batch_handler.cli._event.make_event", interrupted)

    run = s3batch("event", "--json")

    assert json.loads(run.stderr.splitlines()[-1])["error"]["type"] == "Aborted"
    assert run.returncode == 130


def test_an_argument_that_looks_like_the_option_is_not_the_option(s3batch: Shell) -> None:
    run = s3batch("event", "--schema", "3", "--", "--json")

    assert run.stderr.startswith("Usage:")


def commands(group: click.Group, *path: str) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, *path, name)
        elif command is not None:
            yield " ".join((*path, name)), command


def test_every_command_has_the_option() -> None:
    without = [
        name
        for name, command in commands(s3batch_command)
        if not any("--json" in param.opts for param in command.params)
    ]

    assert {*without} <= {"completion"}
