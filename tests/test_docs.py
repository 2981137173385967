"""The documentation says what is so."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from s3batch_handler import errors
from s3batch_handler.handler import HandlerOptions
from s3batch_handler.testing import make_context, make_event
from tests.command_reference import command_reference

if TYPE_CHECKING:
    from pathlib import Path


def snippets(page: Path) -> list[str]:
    return re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Any:
    """S3 with one bucket, as far as snippets need it."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "local")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket="bucket")
        s3.put_object(Bucket="bucket", Key="a b.txt", Body=b"one\ntwo\n")
        s3.put_object(Bucket="bucket", Key="empty.txt", Body=b"")
        yield s3


def test_the_example_of_the_readme(project: Path, aws: Any) -> None:
    """The first thing that anybody reads is a complete function, and does what the text says."""
    namespace: dict[str, Any] = {}
    exec(snippets(project / "README.md")[0], namespace)

    answer = namespace["handler"](make_event("a b.txt", "empty.txt", "none.txt"), make_context())

    assert [(result["resultCode"], result["resultString"]) for result in answer["results"][:2]] == [
        ("Succeeded", '{"bytes":8,"lines":2}'),
        ("PermanentFailure", "empty"),
    ]
    assert answer["results"][2]["resultString"].startswith("NoSuchKey calling GetObject")


def test_the_test_of_the_readme(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The example of a test is one that passes, with the example of a handler."""
    example, test = snippets(project / "README.md")[:2]
    (tmp_path / "app.py").write_text(example)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "app", raising=False)
    namespace: dict[str, Any] = {}
    exec(test, namespace)

    try:
        namespace["test_an_empty_object_is_given_up"]()
    finally:
        sys.modules.pop("app", None)


def test_the_snippets_on_handlers(project: Path, aws: Any, monkeypatch: Any) -> None:
    """Each of them runs as it stands."""
    monkeypatch.setenv("POWERTOOLS_TRACE_DISABLED", "1")
    for snippet in snippets(project / "docs" / "handlers.md"):
        exec(compile(snippet, "handlers.md", "exec"), {"__name__": "snippet"})


def test_every_option_of_the_decorator_is_in_the_table(project: Path) -> None:
    """No option without a line, no line without an option."""
    _, table = (project / "docs" / "handlers.md").read_text().split("## All options")
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]

    documented = {name for row in rows for name in re.findall(r"`(\w+)`", row)}

    assert documented == {"arguments", "payload", *HandlerOptions.__annotations__}


def test_every_error_is_drawn_in_the_tree() -> None:
    """The docstring of ``errors`` shows all of them, where they belong."""
    classes = {
        name: value
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.S3BatchError)
    }

    for name in classes:
        assert re.search(rf"\b{name}\b", errors.__doc__ or ""), name


def test_the_command_reference_is_up_to_date(project: Path) -> None:
    """After a change of an option: ``scripts/command-reference``."""
    assert (project / "docs" / "commands.md").read_text() == command_reference()


def test_links_between_pages_lead_somewhere(project: Path) -> None:
    """A page that was renamed is renamed everywhere."""
    pages = [project / "README.md", *(project / "docs").glob("*.md")]
    for page in pages:
        for link in re.findall(r"\]\(([^)#]+)", page.read_text()):
            if "://" not in link:
                assert (page.parent / link).exists(), f"{page.name}: {link}"
