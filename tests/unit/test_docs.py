"""The documentation matches the code."""

from __future__ import annotations

import ast
import re
from itertools import chain
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import boto3
import click
import pytest
from click.testing import CliRunner
from moto import mock_aws

from s3batch_handler.cli._commands import s3batch
from s3batch_handler.core import _errors as errors
from s3batch_handler.documents.files._folder import open_folder
from s3batch_handler.documents.reports._writer import ReportWriter
from s3batch_handler.handler._options import DEFAULTS
from s3batch_handler.handler._types import HandlerOptions
from s3batch_handler.testing import make_context, make_event
from tests.support.command_reference import command_reference
from tests.support.package import PACKAGE, modules
from tests.support.reports import FAILED, entry, write

if TYPE_CHECKING:
    from collections.abc import Iterator


def snippets(page: Path) -> list[str]:
    return re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Mock S3 with the bucket and the objects that snippets use."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "local")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket="bucket")
        s3.put_object(Bucket="bucket", Key="a b.txt", Body=b"one\ntwo\n")
        s3.put_object(Bucket="bucket", Key="empty.txt", Body=b"")
        yield s3


def test_the_example_of_the_readme_works(project: Path, aws: Any) -> None:
    """It is a complete function, and does what the text says."""
    namespace: dict[str, Any] = {}
    exec(snippets(project / "README.md")[0], namespace)

    response = namespace["handler"](make_event("a b.txt", "empty.txt", "none.txt"), make_context())

    assert [
        (result["resultCode"], result["resultString"]) for result in response["results"][:2]
    ] == [
        ("Succeeded", '{"bytes":8,"lines":2}'),
        ("PermanentFailure", "empty"),
    ]
    assert response["results"][2]["resultString"].startswith("NoSuchKey calling GetObject")


def test_the_snippets_of_the_page_on_handlers_run(
    project: Path, aws: Any, monkeypatch: Any
) -> None:
    monkeypatch.setenv("POWERTOOLS_TRACE_DISABLED", "1")
    for snippet in snippets(project / "docs" / "handlers.md"):
        exec(compile(snippet, "handlers.md", "exec"), {"__name__": "snippet"})


def test_the_snippets_of_the_page_on_reports_run(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for job_id in ("1", "2"):
        writer = ReportWriter(open_folder(tmp_path / "s3batch-reports"), job_id=job_id)
        write(writer, (entry(), FAILED, 200, "PermanentFailure", "bad"))
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, Any] = {"__name__": "snippet"}

    for snippet in snippets(project / "docs" / "reports.md"):
        exec(compile(snippet, "reports.md", "exec"), namespace)


def test_the_snippets_of_the_page_on_manifests_run(
    project: Path, aws: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.create_bucket(Bucket="my-photos")
    for key, size in {"2024/large.jpg": 5_000_000, "2024/small.jpg": 1}.items():
        aws.put_object(Bucket="my-photos", Key=key, Body=bytes(size))
    (tmp_path / "manifest.csv").write_text("my-photos,a\nmy-photos,b\nmy-photos,c\nmy-photos,d\n")
    monkeypatch.chdir(tmp_path)

    for snippet in snippets(project / "docs" / "manifests.md"):
        exec(compile(snippet, "manifests.md", "exec"), {"__name__": "snippet"})

    assert len(list((tmp_path / "parts").iterdir())) == 4
    assert (tmp_path / "photos.csv").read_text() == "my-photos,2024/large.jpg\n"


def test_the_manifest_command_of_the_page_on_deployment_works(
    project: Path, aws: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.create_bucket(Bucket="my-photos")
    for key in ("2024/a b.txt", "2025/c.txt"):
        aws.put_object(Bucket="my-photos", Key=key, Body=b"")
    monkeypatch.chdir(tmp_path)

    page = (project / "docs" / "deploy.md").read_text()
    command = re.search(r"^s3batch (manifest create .*)$", page, re.MULTILINE)
    assert command is not None
    CliRunner().invoke(s3batch, command[1].split(), catch_exceptions=False)

    assert (tmp_path / "manifest.csv").read_text() == "my-photos,2024/a%20b.txt\n"


def test_every_option_of_the_decorator_is_in_the_table_with_its_default(project: Path) -> None:
    """The table has no other rows."""
    _, table = (project / "docs" / "handlers.md").read_text().split("## All options")
    rows = [line.split("|") for line in table.splitlines() if line.startswith("| `")]
    options = {"arguments": None, "payload": None, **DEFAULTS}

    documented = {
        name: row[2].strip(" `") for row in rows for name in re.findall(r"`(\w+)`", row[1])
    }

    assert HandlerOptions.__annotations__.keys() == DEFAULTS.keys()
    assert documented == {
        name: "" if value is None else str(value) for name, value in options.items()
    }


def error_classes() -> set[str]:
    return {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.S3BatchError)
    }


def test_every_error_is_drawn_in_the_tree() -> None:
    """The docstring of the module shows each error under its base class."""
    for name in error_classes():
        assert re.search(rf"\b{name}\b", errors.__doc__ or ""), name


def rows(page: str, heading: str) -> dict[str, list[str]]:
    """Return the rows of the table below a heading, by the names in their first cells."""
    table = page.split(f"## {heading}")[1].split("\n## ", maxsplit=1)[0]
    lines = [line.strip("| ").split("|") for line in table.splitlines() if line.startswith("| `")]
    names = [re.findall(r"`(\w+)`", cells[0]) for cells in lines]
    assert len({*chain(*names)}) == len([*chain(*names)]), "a name is listed twice"
    return {
        name: [cell.strip() for cell in cells]
        for found, cells in zip(names, lines, strict=True)
        for name in found
    }


def test_every_error_is_in_the_reference(project: Path) -> None:
    """The table has its exit code and what to do about it."""
    listed = rows((project / "docs" / "reference.md").read_text(), "Errors")

    assert listed.keys() == {*error_classes(), "InvalidArgument"}
    assert {name for name, cells in listed.items() if cells[2] == "2"} == {
        "InvalidFunction",
        "ProjectError",
        "JobFileError",
        "InvalidArgument",
    }
    assert all(cells[1] and cells[3] for cells in listed.values())


def test_every_environment_variable_is_in_the_reference(project: Path) -> None:
    """These are the variables in the code of the package, read or set."""
    spelled = {
        name
        for path in modules()
        for name in variables(ast.parse((PACKAGE / path).read_text(encoding="utf-8")))
    }

    listed = rows((project / "docs" / "reference.md").read_text(), "Environment variables")

    assert listed.keys() == spelled
    assert len(spelled) > 15


VARIABLE = re.compile(r"\b(?:(?:AWS|S3BATCH)_[A-Z0-9_]+|TMPDIR|NO_PROXY|no_proxy)\b")


def variables(tree: ast.AST) -> Iterator[str]:
    """Find the variables in texts outside of docstrings, and in calls of ``os.environ``."""
    docstrings = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(text)) if id(node) not in docstrings:
                yield from VARIABLE.findall(text)
            case (
                ast.Subscript(value=mapping, slice=ast.Constant(value=str(name)))
                | ast.Call(func=mapping, args=[ast.Constant(value=str(name)), *_])
            ) if re.search(r"\bos\.(environ(\.\w+)?|getenv)$", ast.unparse(mapping)):
                yield name


def test_the_search_for_variables_finds_all_forms() -> None:
    code = '''
        """A docstring about AWS_NOTHING."""
        value = os.environ["ONE"] or os.environ.get("TWO", "x") or os.getenv("THREE")
        say("TMPDIR names another place", {"AWS_FOUR": "false"}, given.get("AWS_FIVE"))
    '''

    found = set(variables(ast.parse(dedent(code))))

    assert found == {"ONE", "TWO", "THREE", "TMPDIR", "AWS_FOUR", "AWS_FIVE"}


def test_every_folder_is_in_the_architecture(project: Path) -> None:
    """The picture of the layers shows every folder of the package."""
    page = (project / "docs" / "architecture.md").read_text()

    for folder in {module.parent for module in modules()} - {Path()}:
        assert f"{folder.name}/" in page, folder


def test_the_command_reference_is_up_to_date(project: Path) -> None:
    """Run ``scripts/command-reference`` to update it."""
    assert (project / "docs" / "commands.md").read_text() == command_reference()


def test_commands_in_documentation_use_existing_options(project: Path) -> None:
    """Each option in an example is an option of that command."""
    pages = [project / "README.md", *(project / "docs").glob("*.md")]
    lines = re.findall(
        r"\bs3batch (run|invoke|event|init|serve|doctor|(?:job|report|manifest) \w+)\b([^\n`]*)",
        "".join(map(Path.read_text, pages)),
    )

    for name, rest in lines:
        command: click.Command | None = s3batch
        for part in name.split():
            assert isinstance(command, click.Group)
            command = command.get_command(click.Context(command), part)
        assert command is not None, name
        options = {"--help"}
        for param in command.params:
            options |= {*param.opts, *param.secondary_opts}
        shown = {*re.findall(r"(?<=\s)--?\w[\w-]*", re.split("[|#]", rest)[0])}
        assert shown <= options, f"s3batch {name}{rest}"
    assert len(lines) > 10


def test_links_between_pages_exist(project: Path) -> None:
    """A renamed page must be renamed everywhere."""
    pages = [project / "README.md", *(project / "docs").glob("*.md")]
    for page in pages:
        for link in re.findall(r"\]\(([^)#]+)", page.read_text()):
            if "://" not in link:
                assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_links_to_headings_exist(project: Path) -> None:
    """A renamed heading must be renamed in each link."""
    pages = [project / "README.md", *(project / "docs").glob("*.md")]
    for page in pages:
        for link, anchor in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", page.read_text()):
            target = page.parent / link if link else page
            headings = re.findall(r"^#+ (.*)$", target.read_text(), re.MULTILINE)
            anchors = {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in headings}
            assert anchor in anchors, f"{page.name}: {link}#{anchor}"
