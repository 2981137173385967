"""``s3batch completion``: bash, zsh and fish complete commands, options and values."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import click
import pytest

from s3batch_handler.cli._commands import s3batch as s3batch_command
from tests.support.completion import complete, environment, need
from tests.support.terminal import terminal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.shell import Shell

JOB_ID = "11111111-2222-3333-4444-555555555555"
HOSTILE = ["$(touch pwned)", "`touch pwned`", "*", "a,b", "a b", "\x1b[2J", "a\nplain,b", "é"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a function, and with reports of jobs, most of which have hostile names."""
    (tmp_path / "app.py").touch()
    for name in (JOB_ID, *HOSTILE):
        (tmp_path / "s3batch-reports" / f"job-{name}").mkdir(parents=True)
    return tmp_path


@pytest.mark.parametrize(
    ("shell", "line", "expected"),
    [
        ("bash", "s3batch ru", ["run"]),
        ("bash", "s3batch job des", ["describe"]),
        ("bash", "s3batch run --save", ["--save-manifest"]),
        ("bash", "s3batch init co", ["copy-large"]),
        ("bash", "s3batch job list --status act", ["active"]),
        ("bash", "s3batch completion ", ["bash", "fish", "zsh"]),
        ("bash", "s3batch job describe ", [JOB_ID]),
        ("bash", "s3batch report rows 1", [JOB_ID]),
        ("fish", "s3batch job describe ", [JOB_ID]),
    ],
)
def test_commands_options_and_values_are_completed(
    folder: Path, shell: str, line: str, expected: list[str]
) -> None:
    """Names with characters that a shell may expand are left out."""
    found = complete(shell, line, folder)

    assert sorted(each.partition("\t")[0] for each in found) == expected
    assert not (folder / "pwned").exists()


def test_fish_shows_whole_descriptions(folder: Path) -> None:
    found = complete("fish", "s3batch j", folder)

    assert found == ["job\tCreate and control jobs, in AWS or in s3batch serve."]


@pytest.mark.parametrize(
    ("shell", "start"),
    [
        ("bash", "bash --norc --noprofile -i"),
        ("zsh", "zsh -f -i"),
    ],
)
def test_the_tab_key_completes(folder: Path, shell: str, start: str) -> None:
    """Also the files for HANDLER, which the shell finds itself."""
    need(shell)
    lines = ["PS1='ready> '", f'eval "$(s3batch completion {shell})"']
    if shell == "zsh":
        lines.insert(1, "autoload -U compinit && compinit -u -D")

    with terminal(start, folder, environment(folder)) as typed:
        typed.type("; ".join([*lines, "echo set up"]) + "\n")
        typed.expect(r"\nset up\r?\n")
        typed.expect("ready> ")
        typed.type("s3batch init copy\t")
        typed.expect("copy-large ")
        typed.type("\x15s3batch job desc\t1\t")
        typed.expect(JOB_ID)
        typed.type("\x15s3batch run ap\t")
        typed.expect(r"app\.py")
        typed.type("\x15exit\n")
        typed.end()


def parameters(command: click.Command, parent: click.Context | None = None) -> Iterator[str]:
    """Yield the parameters that are files or reports and complete nothing."""
    context = click.Context(command, parent, command.name)
    for parameter in command.params:
        value = parameter.make_metavar(context)
        is_location = re.search(r"FILE|DIR|HANDLER|LOCATION", value) and not {*value} & {*"=@"}
        if is_location and not parameter.shell_complete(context, "a/"):
            yield f"{context.command_path} {value}"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            subcommand = command.get_command(context, name)
            assert subcommand is not None
            yield from parameters(subcommand, context)


def test_every_file_and_folder_is_completed() -> None:
    assert [*parameters(s3batch_command)] == [], "add shell_complete=complete_files"


def test_the_script_is_all_that_is_printed(s3batch: Shell) -> None:
    for shell in ("bash", "zsh", "fish"):
        run = s3batch("completion", shell)

        assert "_S3BATCH_COMPLETE" in run.stdout
        assert (run.returncode, run.stderr) == (0, "")


def test_another_shell_is_wrong_usage(s3batch: Shell) -> None:
    run = s3batch("completion", "fsh")

    assert run.returncode == 2
    assert "Did you mean 'fish'" in run.stderr


def test_completion_prints_no_error(folder: Path, s3batch: Shell) -> None:
    """Neither of the options before, nor of a folder that cannot be read, nor of the service."""
    (folder / "s3batch-reports" / f"job-{JOB_ID}" / "job.json").write_text("{")
    line = "s3batch job describe --region r --profile none --endpoint-url nonsense "
    variables = {"_S3BATCH_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": "9"}

    run = s3batch(**{**variables, "AWS_CONFIG_FILE": os.devnull})

    assert (run.stdout.split(), run.stderr) == ([f"plain,{JOB_ID}"], "")
