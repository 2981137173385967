"""Job files that are not valid YAML, JSON or TOML: one clear error, with a line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3batch_handler import JobFileError
from s3batch_handler.jobs import read_job_file
from s3batch_handler.jobs.files._formats import MAX_BYTES, parse_job_file
from s3batch_handler.jobs.files._json import read_json
from s3batch_handler.jobs.files._nodes import Node, Problem, Problems, path_text
from s3batch_handler.jobs.files._toml import read_toml
from s3batch_handler.jobs.files._yaml import read_yaml

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def error_of(folder: Path, content: str | bytes, name: str = "job.yaml") -> str:
    """Return the one line of the error for a file, without its folder."""
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(JobFileError) as error:
        read_job_file(path)
    (line,) = error.value.lines
    return line.removeprefix(f"{folder}/")


BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: [", "job.yaml:1: this is not valid YAML: "),
        ("a: b: c", "job.yaml:1: this is not valid YAML: mapping values are not allowed here"),
        (
            "a:\n\tb: c",
            "job.yaml:2: this is not valid YAML: a tab begins a value; indent with spaces",
        ),
        ("Priority: 1\nx: &a 1\nPriority: 2", "job.yaml:3: Priority: it occurs twice, first on"),
        ("Tags:\n  a: 1\n  a: 2\n", "job.yaml:3: Tags.a: it occurs twice, first on line 2"),
        ("Priority: !Ref x", "job.yaml:1: Priority: the tag !Ref is not supported; write the"),
        ("x: !!python/object:os.system {}", "job.yaml:1: x: the tag !!python/object:os.system is"),
        ("x: !!binary aGk=", "job.yaml:1: x: the tag !!binary is not supported"),
        ("? [a]\n: b", "job.yaml:1: the name of a member must be text"),
        ("x: *y", "job.yaml:1: this is not valid YAML: found undefined alias 'y'"),
        ("x: &x [*x]", "job.yaml:1: values are nested too deeply, or an alias contains itself"),
        ("[" * 5000, "job.yaml:1: values are nested too deeply"),
        (BOMB, "job.yaml:1: more than 20,000 values, with those that aliases repeat"),
        ("a: 1\n---\nb: 2\n", "job.yaml:2: this is not valid YAML: a file has one document"),
        ("Tags: {<<: a}", "job.yaml:1: Tags.<<: expected a mapping or a list of mappings"),
        ("- a\n- b\n", "job.yaml:1: expected a mapping of members, such as Operation"),
        ("text", "job.yaml:1: expected a mapping of members, such as Operation"),
        ("a: 1\nb: \x07", "job.yaml:2: the character 0x7 is not allowed"),
        (b"a: 1\nb: \xff", "job.yaml:2: it is not UTF-8; save it as UTF-8"),
        ("a: 1".encode("utf-16"), "job.yaml:1: it is not UTF-8; save it as UTF-8"),
        ("#" * (MAX_BYTES + 1), "job.yaml:1: it is larger than 131,072 bytes; is it a job file?"),
        ("Profiles: prod", "job.yaml:1: Profiles: expected a mapping with a name for each profile"),
        ("Profiles: {prod: [a]}", "job.yaml:1: Profiles.prod: expected a mapping of members, got"),
    ],
)
def test_yaml_that_is_not_a_job_file_is_one_error(
    tmp_path: Path, text: str | bytes, problem: str
) -> None:
    assert error_of(tmp_path, text).startswith(problem)


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("job.json", '{"a": 1,}', "job.json:1: this is not valid JSON: "),
        ("job.json", '{"a": 1,\n "a": 2}', "job.json:2: a: it occurs twice, first on line 1"),
        ("job.json", "[" * 100_000, "job.json:1: values are nested too deeply"),
        ("job.toml", "a = 1\na = 2\n", "job.toml:2: this is not valid TOML: Cannot overwrite"),
        ("job.toml", "a = [1,\n", "job.toml:2: this is not valid TOML: "),
        ("job.toml", "AccountId = 012345678901\n", "job.toml:1: this is not valid TOML: "),
        ("job.toml", f"{'a.' * 3000}b = 1\n", "job.toml:1: values are nested too deeply"),
        ("job.toml", f"a = {'9' * 5000}\n", "job.toml:1: this is not valid TOML: Exceeds"),
        ("job.txt", "", "job.txt:1: unknown format; name it .yaml, .yml, .json or .toml"),
        ("job", "", "job:1: unknown format; name it .yaml, .yml, .json or .toml"),
    ],
)
def test_other_formats_have_the_same_errors(
    tmp_path: Path, name: str, text: str, problem: str
) -> None:
    assert error_of(tmp_path, text, name).startswith(problem)


def test_an_empty_file_lacks_all_members(tmp_path: Path) -> None:
    """All of them are named at once."""
    (tmp_path / "job.yaml").write_text("# nothing\n")

    with pytest.raises(JobFileError) as error:
        read_job_file(tmp_path / "job.yaml")

    members = [member for _, member, _ in error.value.problems]
    assert members == ["Manifest", "Operation", "Report", "RoleArn"]


def test_names_of_members_that_control_a_terminal_are_escaped(tmp_path: Path) -> None:
    path = tmp_path / "job.yaml"
    path.write_text('"\\e[31m\\u202e": 1\n')

    with pytest.raises(JobFileError) as raised:
        read_job_file(path)

    assert str(raised.value).replace("\n", "").isprintable()
    assert "\\x1b[31m" in str(raised.value)


def test_aliases_and_merge_keys_can_be_used(tmp_path: Path) -> None:
    """An own member has precedence over a merged one."""
    path = tmp_path / "job.yaml"
    path.write_text("""
Operation: {S3DeleteObjectTagging: {}}
Report: &report {Bucket: a-bucket, ReportScope: AllTasks}
Manifest: {Location: {ObjectArn: s3://a-bucket/m.csv}}
RoleArn: batch
Profiles:
  failed:
    Report: {<<: *report, ReportScope: FailedTasksOnly}
""")

    report = read_job_file(path, profile="failed").request["Report"]

    assert (report["Bucket"], report["ReportScope"]) == (
        "arn:aws:s3:::a-bucket",
        "FailedTasksOnly",
    )


def test_a_byte_order_mark_is_ignored(tmp_path: Path) -> None:
    (tmp_path / "job.yaml").write_bytes(b"\xef\xbb\xbfPriority: 1\n")

    assert parse_job_file(tmp_path / "job.yaml").members["Priority"].value == "1"


# ---------------------------------------------------------------- properties

_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.text() | st.integers() | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=20,
)


def texts_of(value: Any) -> Any:
    """Return a value in which scalars are text, as job files are read."""
    if isinstance(value, dict):
        return {name: texts_of(member) for name, member in value.items()}
    if isinstance(value, list):
        return [texts_of(item) for item in value]
    return json.dumps(value) if isinstance(value, (bool, int)) else value


def plain(node: Node) -> Any:
    if isinstance(node.value, dict):
        return {name: plain(member) for name, member in node.value.items()}
    return [plain(item) for item in node.value] if isinstance(node.value, list) else node.value


@given(st.dictionaries(st.text(max_size=50), _VALUES, max_size=4), st.sampled_from([None, 1, "\t"]))
def test_json_is_read_as_python_reads_it(value: dict[str, Any], indent: int | str | None) -> None:
    """It is read without ``json``, which returns no lines."""
    for ascii_only in (True, False):
        text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)

        assert plain(read_json(text)) == texts_of(value)


def read_or_problems(read: Callable[[str], Node], text: str) -> Node | tuple[Problem, ...]:
    """Return the content of a text, or what is wrong; no other exception is allowed."""
    try:
        return read(text)
    except Problems as error:
        return error.problems


@given(st.text(alphabet=st.sampled_from("a-:&*!?[]{},#'\"|>%@`~ \n\t\\=<.0é")))
def test_any_text_is_yaml_or_has_problems(text: str) -> None:
    assert read_or_problems(read_yaml, text)


@given(st.text(alphabet=st.sampled_from("a.[]{},#'\"= \n\t\\0")))
def test_any_text_is_toml_or_has_problems(text: str) -> None:
    """Each value has a line of the text."""
    result = read_or_problems(read_toml, text)

    assert result
    if isinstance(result, Node):
        lines = text.count("\n") + 1
        assert all(1 <= (line or 0) <= lines for _, _, line in result.scalars())


def test_lines_of_toml_are_those_of_keys_and_tables() -> None:
    node = read_toml(
        "a = 1\n"
        "[[b.c]]\n"
        "d = '''\n[x]\n'''\n"
        "[[b.c]]\n"
        "e = [\n  1, # ]\n  2]\n"
        '[b.c.f."g h"]\n'
        "i.j = {k = 1}\n"
    )

    lines = {path_text(path): line for path, _, line in node.scalars()}

    assert lines == {
        "a": 1,
        "b.c[0].d": 3,
        "b.c[1].e[0]": 7,
        "b.c[1].e[1]": 7,
        "b.c[1].f.g h.i.j.k": 11,
    }
