"""``s3batch manifest check``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from s3batch_handler.cli._commands import s3batch as s3batch_command

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

BAD = b"\xef\xbb\xbfBucket,Key\nphotos,a b\n\nphotos,100%\nphotos,c+d\nphotos,e,f\nphotos,g \n"
FIXED = b"photos,a%20b\nphotos,100%\nphotos,c+d\nphotos,e,f\nphotos,g\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a manifest that has many mistakes."""
    (tmp_path / "bad.csv").write_bytes(BAD)
    (tmp_path / "good.csv").write_bytes(b"photos,a\nphotos,b\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def check(*arguments: str, standard_input: bytes | None = None) -> Result:
    command = ["manifest", "check", *arguments]
    return CliRunner().invoke(s3batch_command, command, input=standard_input)


def found(run: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in run.stdout.splitlines()]


def test_json_has_an_object_for_each_finding() -> None:
    """Each has the five members, and an error sets the exit code."""
    run = check("bad.csv", "--json")

    assert run.exit_code == 1
    assert [(each["line"], each["code"]) for each in found(run)] == [
        (1, "ByteOrderMark"),
        (1, "HeaderRow"),
        (2, "UnencodedCharacters"),
        (3, "BlankLine"),
        (4, "InvalidEscape"),
        (5, "AmbiguousPlus"),
        (6, "WrongColumnCount"),
        (7, "TrailingSpaces"),
    ]
    assert {tuple(each) for each in found(run)} == {("line", "severity", "code", "message", "fix")}
    assert found(run)[3] == {
        "line": 3,
        "severity": "error",
        "code": "BlankLine",
        "message": "a blank line",
        "fix": "Remove the line",
    }


def test_a_manifest_without_findings_prints_nothing_as_json() -> None:
    """Scripts read no lines, and exit code 0."""
    run = check("good.csv", "--json")

    assert (run.exit_code, run.stdout) == (0, "")


def test_warnings_alone_are_no_failure() -> None:
    run = check("-", standard_input=b"photos,a+b\n")

    assert run.exit_code == 0
    assert "✓ -: 1 warning in 1 object" in run.stdout


def test_a_finding_about_the_whole_file_has_no_line() -> None:
    run = check("-", "--json", standard_input=b"")

    assert run.exit_code == 1
    assert [(each["line"], each["code"]) for each in found(run)] == [(None, "EmptyManifest")]


def test_people_see_the_first_findings_of_each_code() -> None:
    """A million lines with the same mistake are not a million lines of text."""
    run = check("-", standard_input=b"photos,%\n" * 1234)

    assert run.stdout.count("'%' is not an escape") == 10
    assert "1,224 more of these; --json prints all" in run.stdout
    assert run.stdout.endswith("✗ -: 1,234 errors in 1,234 objects\n")
    assert len(found(check("-", "--json", standard_input=b"photos,%\n" * 1234))) == 1234


def test_control_characters_of_a_key_do_not_reach_the_terminal() -> None:
    """A manifest of a stranger cannot change the title of a terminal."""
    for options in ([], ["--json"]):
        run = check("-", *options, standard_input=b"\x1b]0;t\x07,\x1b[31m%\nph\x1b,%\n")

        assert "\x1b" not in run.output
        assert run.exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.csv"], "none.csv: No such file or directory"),
        (["."], ".: Is a directory"),
        ([""], "the value is empty: name a file"),
        (["s3://photos"], "FILE s3://photos: not the URL of an object"),
        (["good.csv", "--fields", "Bucket,Name"], "Option --fields: unknown field 'Name'"),
        (["good.csv", "--fields", "Bucket"], "Option --fields: field Key is missing"),
        (["good.csv", "--operation", "LambdaInvok"], "Did you mean 'LambdaInvoke'"),
        (["good.csv", "--fix"], "Option --fix needs --to FILE"),
        (["good.csv", "--to", "x.csv"], "Option --to is for --fix only"),
        (["good.csv", "--plus", "space"], "Option --plus is for --fix only"),
        (["good.csv", "--decode-twice"], "Option --decode-twice is for --fix only"),
        (["good.csv", "--fix", "--to", "good.csv"], "this is the manifest itself"),
        (["good.csv", "--fix", "--to", "./good.csv"], "this is the manifest itself"),
        (["good.csv", "--fix", "--to", "none/../good.csv"], "this is the manifest itself"),
        (["good.csv", "--fix", "--to", "."], "this is a folder"),
        (["good.csv", "--fix", "--to", ""], "the value is empty"),
        (["good.csv", "--fix", "--to", "x.json"], "the manifest is a CSV file"),
        (["none.csv", "--fix", "--to", "x.csv"], "none.csv: No such file or directory"),
        (["good.csv", "--fix", "--to", "x.csv", "--fields", "x"], "unknown field 'x'"),
    ],
)
def test_wrong_usage_writes_nothing(folder: Path, arguments: list[str], message: str) -> None:
    """Exit code 2, a message that says what to do, and no file."""
    run = check(*arguments)

    assert run.exit_code == 2
    assert message in run.stderr
    assert run.stdout == ""
    assert sorted(path.name for path in folder.iterdir()) == ["bad.csv", "good.csv"]
    assert (folder / "good.csv").read_bytes() == b"photos,a\nphotos,b\n"


# ---------------------------------------------------------------- the repaired copy


def test_a_repaired_copy_keeps_what_is_not_clear(folder: Path) -> None:
    """What is left is reported with the lines of the copy; the source is not changed."""
    run = check("bad.csv", "--fix", "--to", "fixed.csv", "--json")

    assert (folder / "fixed.csv").read_bytes() == FIXED
    assert (folder / "bad.csv").read_bytes() == BAD
    assert run.exit_code == 1
    assert [(each["line"], each["code"]) for each in found(run)] == [
        (2, "InvalidEscape"),
        (3, "AmbiguousPlus"),
        (4, "WrongColumnCount"),
    ]
    assert run.stderr == (
        "s3batch: repaired: 1 ByteOrderMark, 1 HeaderRow, 1 UnencodedCharacters, 1 BlankLine, "
        "1 TrailingSpaces\ns3batch: written: fixed.csv (fields Bucket,Key)\n"
    )


def test_a_copy_in_which_everything_is_repaired_passes(folder: Path) -> None:
    """Then the exit code is 0, and that of another check of the copy, too."""
    (folder / "bad.csv").write_bytes(b"\xef\xbb\xbfBucket,Key\nphotos,a b\n\nphotos,a%20b\n")

    run = check("bad.csv", "--fix", "--to", "fixed.csv", "--duplicates")

    assert (folder / "fixed.csv").read_bytes() == b"photos,a%20b\n"
    assert run.exit_code == 0
    assert check("fixed.csv", "--duplicates", "--json").stdout == ""


def test_a_good_manifest_is_copied(folder: Path) -> None:
    """The copy is written all the same, so a script can use it."""
    run = check("good.csv", "--fix", "--to", "copy.csv", "--duplicates")

    assert (folder / "copy.csv").read_bytes() == (folder / "good.csv").read_bytes()
    assert run.exit_code == 0
    assert run.stderr.startswith("s3batch: nothing had to be repaired\n")


def test_standard_input_can_be_repaired(folder: Path) -> None:
    run = check("-", "--fix", "--to", "new.csv", "--plus", "literal", standard_input=BAD)

    assert (folder / "new.csv").read_bytes() == FIXED.replace(b"c+d", b"c%2Bd")
    assert run.exit_code == 1


def test_a_header_names_the_columns_of_the_copy(folder: Path) -> None:
    """The job needs these columns, and the check of the copy uses them."""
    (folder / "bad.csv").write_bytes(b"Key,Size,Bucket\na b,7,photos\n")

    run = check("bad.csv", "--fix", "--to", "fixed.csv")

    assert (folder / "fixed.csv").read_bytes() == b"a%20b,7,photos\n"
    assert run.exit_code == 0
    assert "(fields Key,Ignore,Bucket)" in run.stderr


@pytest.mark.parametrize("content", [b"", b"Bucket,Key\n\n", b"\x1f\x8bxyz"])
def test_no_copy_is_written_without_an_object(folder: Path, content: bytes) -> None:
    """What is wrong with the source is reported."""
    run = check("-", "--fix", "--to", "new.csv", "--json", standard_input=content)

    assert run.exit_code == 1
    assert {each["code"] for each in found(run)} <= {"EmptyManifest", "HeaderRow", "Compressed"} | {
        "BlankLine"
    }
    assert "no copy is written" in run.stderr
    assert not (folder / "new.csv").exists()
