"""What all commands have: help, errors, escaped output."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from rich.text import Text

from s3batch_handler.cli._commands import s3batch as s3batch_command
from tests.support.terminal import terminal

if TYPE_CHECKING:
    from tests.support.shell import Shell


def test_every_command_has_help(s3batch: Shell) -> None:
    overview = s3batch("--help").stdout

    for command in ("run", "invoke", "event", "serve", "job"):
        assert command in overview
        assert s3batch(command, "--help").stdout.startswith(f"Usage: s3batch {command}")


def test_help_has_panels_as_wide_as_the_terminal(s3batch: Shell) -> None:
    line = "unset COLUMNS; s3batch run --help"
    with terminal(
        line, s3batch.folder, s3batch.environment, columns=133, kind="xterm-256color"
    ) as shell:
        shell.expect("╭─.*\x1b.* Objects ")
        assert shell.end() == 0

    lines = [Text.from_ansi(line).plain for line in shell.shown.split("\r\n")]
    assert {len(line) for line in lines if line.startswith("╭")} == {133}


@pytest.mark.parametrize(
    ("line", "kind", "columns"),
    [
        ("NO_COLOR=1 s3batch run --help", "xterm", 133),
        ("s3batch run --help", "dumb", 133),
        ("s3batch run --help | cat", "xterm", 80),
        ("s3batch run --help", "xterm", 40),
    ],
)
def test_help_without_colors_is_plain_text(
    s3batch: Shell, line: str, kind: str, columns: int
) -> None:
    """With ``NO_COLOR``, in a pipe, and in terminals without colors or with few columns."""
    line = f"unset COLUMNS; {line}"
    with terminal(line, s3batch.folder, s3batch.environment, columns=columns, kind=kind) as shell:
        assert shell.end() == 0

    assert "\nObjects:" in shell.shown
    assert not {*shell.shown} & {"\x1b", "│", "╭"}
    assert max(map(len, shell.shown.splitlines())) > 80 or columns <= 80


def test_a_group_without_a_command_shows_its_help(s3batch: Shell) -> None:
    run = s3batch("job")

    assert run.returncode == 2
    assert run.stderr.startswith("Usage: s3batch job")
    assert "\n  submit " in run.stderr


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("rnu", "Did you mean 'run'?"),
        ("job sumbit", "Did you mean 'submit'?"),
        ("summary", "Did you mean 'report summary'?"),
        ("submit", "Did you mean 'job submit'?"),
        ("run --manifset m.csv", "'--manifest'"),
        ("job list --status Actve", "Did you mean 'active'?"),
        ("run app.py --report-scope alltask", "Did you mean 'AllTasks'?"),
        ("init copylarge", "Did you mean 'copy-large'?"),
    ],
)
def test_an_error_suggests_what_was_meant(s3batch: Shell, line: str, meant: str) -> None:
    run = s3batch(*line.split())

    assert meant in run.stderr
    assert run.returncode == 2


def test_nothing_is_suggested_for_other_words(s3batch: Shell) -> None:
    assert s3batch("xyzzy").stderr.endswith("No such command 'xyzzy'.\n")


def test_debug_shows_the_traceback(s3batch: Shell) -> None:
    run = s3batch.line("s3batch --debug run app --manifest none.csv")

    assert "Traceback" in run.stderr
    assert run.returncode == 1


def test_a_missing_package_is_reported_with_the_extra_to_install(s3batch: Shell) -> None:
    (s3batch.folder / "moto.py").write_text("raise ModuleNotFoundError('no moto', name='moto')")
    (s3batch.folder / "photos").mkdir()

    run = s3batch.line("s3batch run app:handler --source photos")

    assert run.returncode == 1
    assert "pip install 's3batch-handler[local]'" in run.stderr


@pytest.mark.parametrize(
    "command",
    [
        "manifest check s3://photos/manifest.csv",
        "manifest create manifest.csv --bucket photos",
        "job export 00000000-0000-0000-0000-000000000000",
    ],
)
def test_a_command_for_aws_asks_for_the_extra_with_boto3_alone(
    s3batch: Shell, command: str
) -> None:
    """A message names the smallest extra: moto is not needed to read from S3."""
    missing = "raise ModuleNotFoundError(\"No module named 'boto3'\", name='boto3')"
    (s3batch.folder / "boto3.py").write_text(missing)

    run = s3batch.line(f"s3batch {command}")

    assert run.returncode == 1
    assert run.stderr.count("pip install") == 1
    assert "No module named 'boto3': pip install 's3batch-handler[aws]'" in run.stderr


def test_untrusted_text_in_errors_is_cut_escaped_and_redacted() -> None:
    """Also in messages of click: no control characters, no lines of their own, no secrets."""
    hostile = "\x1b[2J\x9b\u202e\nError: all is lost " + "x" * 20_000
    commands = [
        ["--{}"],
        ["{}"],
        ["event", "--schema", "{}"],
        ["event", "-a", "{}"],
        ["event", "-a", "{}=1", "-a", "{}=2"],
        ["invoke", "{}.py:x", "{}"],
        ["run", "{}.py:x", "--manifest", "{}"],
        ["--debug", "run", "app.py:x", "--manifest", "{}"],
        ["run", "x.py", "--bucket", "b", "--endpoint-url", "ftp://ann:s3cr3t@{}"],
    ]
    for command in commands:
        result = CliRunner().invoke(s3batch_command, [word.format(hostile) for word in command])

        assert result.exit_code != 0
        assert len(result.output) < 8_000
        assert all(line.isprintable() for line in result.output.splitlines())
        assert not any(line.startswith("Error: all is lost") for line in result.output.splitlines())
        assert "s3cr3t" not in result.output


def test_json_output_has_no_terminal_control_characters(s3batch: Shell) -> None:
    """``event`` and ``invoke`` escape them, so the JSON is the same."""
    key = "a\x9b\u202e\U000e0001ü\U0001f4f7"
    (s3batch.folder / "echo.py").write_text(
        "def handler(event, context):\n"
        "    answer = {'taskId': event['tasks'][0]['taskId'], 'resultCode': 'Succeeded'}\n"
        f"    answer['resultString'] = {key!r}\n"
        "    return {'invocationSchemaVersion': '1.0', 'results': [answer]}\n"
    )

    run = s3batch.line("s3batch event a | s3batch invoke echo.py:handler")

    assert json.loads(run.stdout)["results"][0]["resultString"] == key
    assert all(line.isprintable() for line in run.stdout.splitlines())
    assert r"a\u009b\u202e\udb40\udc01ü" in run.stdout


def test_help_and_version_start_without_pydantic() -> None:
    """They are printed immediately, because commands import what they need."""
    for option in ("--help", "--version"):
        assert not imported(option) & {"pydantic", "rich", "rich_click"}


def test_a_command_without_tables_starts_without_rich() -> None:
    assert not imported("event", "key") & {"rich", "rich_click", "boto3", "duckdb"}


def imported(*arguments: str) -> set[str]:
    """Return the top-level modules that a command imports."""
    run = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "s3batch_handler.cli", *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "s3batch_handler.cli._commands" in run.stderr
    return {*re.findall(r"\| +(\w+)(?=[.\n])", run.stderr)}
