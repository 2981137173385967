"""Files with environment variables."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3batch_handler.cli._env_file import _of_lines, read_env_file
from s3batch_handler.cli._errors import InvalidArgument

if TYPE_CHECKING:
    from pathlib import Path

LINES = r"""
# a comment
  # an indented one

PLAIN=a b
export EXPORTED=1
SPACES=  both sides
EMPTY=
COMMENT=value # a comment
ONLY_A_COMMENT= # a comment
NO_COMMENT=#1 a#b
EQUALS=a=b==
SINGLE='a "b" \n $HOME # no comment'  # a comment
DOUBLE="a 'b' \n\t \"c\" \\ \$HOME \x" # a comment
NOT_EXPANDED=$HOME ${HOME}
TWICE=first
TWICE=second
HOME
export HOME
UNICODE=größe
"""

VALUES = {
    "PLAIN": "a b",
    "EXPORTED": "1",
    "SPACES": "both sides",
    "EMPTY": "",
    "COMMENT": "value",
    "ONLY_A_COMMENT": "",
    "NO_COMMENT": "#1 a#b",
    "EQUALS": "a=b==",
    "SINGLE": r"""a "b" \n $HOME # no comment""",
    "DOUBLE": "a 'b' \n\t \"c\" \\ $HOME \\x",
    "NOT_EXPANDED": "$HOME ${HOME}",
    "TWICE": "second",
    "UNICODE": "größe",
}


@pytest.mark.parametrize("start", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_lines_are_read_as_docker_and_shells_read_them(
    tmp_path: Path, start: str, end: str
) -> None:
    """With quotes, comments and export, and the line ends and byte order mark of Windows."""
    path = tmp_path / "variables.env"
    path.write_bytes((start + LINES.replace("\n", end)).encode())

    assert read_env_file(path) == VALUES


QUOTED = st.text(st.characters(codec="utf-8", exclude_characters="\0'\n"))


@given(st.dictionaries(st.from_regex("[A-Za-z_][A-Za-z0-9_]*", fullmatch=True), QUOTED))
def test_any_value_can_be_written_in_single_quotes(values: dict[str, str]) -> None:
    text = "\n".join(f"{name}='{value}'" for name, value in values.items())

    assert _of_lines(text) == values


def test_quoted_values_are_those_of_a_shell(tmp_path: Path) -> None:
    """A file that a shell can read has the same values here."""
    text = 'A=\'x  y\'\nexport B="it\'s \\"q\\" \\\\ \\$C"\nD=plain # no\n'
    path = tmp_path / "variables.env"
    path.write_text(text)

    shell = subprocess.run(
        ["bash", "-c", f'set -a; . {path}; printf "%s\\n" "$A" "$B" "$D"'],
        capture_output=True,
        text=True,
        check=True,
    )

    assert list(read_env_file(path).values()) == shell.stdout.splitlines()


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("secret value", "line 2: write NAME=VALUE"),
        ("1X=secret", "line 2: write NAME=VALUE"),
        ("A-B=secret", "line 2: write NAME=VALUE"),
        ("=secret", "line 2: write NAME=VALUE"),
        ("A =secret", "line 2: write NAME=VALUE"),
        ("A='secret", "line 2: the quotes of A are not closed"),
        ('A="secret\\"', "line 2: the quotes of A are not closed"),
        ("A='secret' more", "line 2: the quotes of A are not closed"),
        ("A=secret\0", "has a NUL character"),
    ],
)
def test_an_error_has_the_number_of_the_line_and_no_value(
    tmp_path: Path, line: str, says: str
) -> None:
    path = tmp_path / "variables.env"
    path.write_text(f"OK=1\n{line}\n")

    with pytest.raises(InvalidArgument) as problem:
        read_env_file(path)

    assert says in str(problem.value)
    assert "secret" not in str(problem.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "latin.env").write_bytes(b"A=\xff")

    for name, problem in (
        ("none.env", "No such file or directory"),
        (".", "Is a directory"),
        ("latin.env", "not valid UTF-8"),
    ):
        path = tmp_path / name
        with pytest.raises(InvalidArgument, match=f"^--env-file {path}: {problem}"):
            read_env_file(path)


@pytest.mark.parametrize(
    "document",
    [
        {"A": "1", "B": "x", "C": "true", "D": ""},
        {"Function": {"A": 1, "B": "x", "C": True, "D": None}},
        {"Parameters": {"A": 1, "B": "shared"}, "Function": {"B": "x", "C": True, "D": ""}},
    ],
)
def test_the_json_of_sam_is_read(tmp_path: Path, document: object) -> None:
    """Values of the function have precedence; numbers and booleans become text as in sam."""
    path = tmp_path / "env.json"
    path.write_text(json.dumps(document))

    assert read_env_file(path) == {"A": "1", "B": "x", "C": "true", "D": ""}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"A": "secret"\n', ", line 2: not valid JSON"),
        ('{"A": ["secret"]}', ": the value of A is not a string"),
        ('{"A": "secret\\u0000"}', ": the value of A has a character"),
        ('{"A": "secret\\ud800"}', ": the value of A has a character"),
        ('{"A=B": "secret"}', ": 'A=B' is not the name of a variable"),
        ('{"F": {"A": "secret"}, "G": {}}', ": has the functions F, G. Keep one"),
        ('{"F": {"A": "secret"}, "B": "secret"}', ": has variables beside functions"),
        ("[" * 100_000, ", line 1: write NAME=VALUE"),
        ('{"A":' * 100_000, ": not valid JSON"),
    ],
)
def test_an_error_in_json_has_no_value(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "env.json"
    path.write_text(text)

    with pytest.raises(InvalidArgument) as problem:
        read_env_file(path)

    assert says in str(problem.value)
    assert "secret" not in str(problem.value)
