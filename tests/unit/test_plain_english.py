"""Texts are plain English: no phrase has to be read twice, and docstrings begin with a verb."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.package import PACKAGE

if TYPE_CHECKING:
    from collections.abc import Iterator

# Phrase: what to write instead.
PHRASES = {
    r"is none of": "is not one of",
    r"(?<!here )\bis no (?!longer\b|more than\b|less than\b)\w+": "is not a …",
    r"(?<!here )\bare no (?!longer\b)\w+": "are not …",
    r"\bwho(so)?ever\b": "name the person or the program",
    r"\bwho is at\b": "say who does what",
    r"\btells? of\b|\btold of\b": "lists, reports, describes",
    r"to be had\b": "available",
    r"\bgood for\b": "accepted by, used for",
    r"\bfor good\b": "permanently",
    r"\bby and by\b": "gradually",
    r"\bof ours\b|\bof theirs\b": "our, their",
    r"\bis ours\b|\bare ours\b": "say who does it",
    r"\bin vain\b": "without success",
    r"\bstrangers\b": "untrusted sources",
    r"\banew\b": "again",
    r"\blikewise\b": "the same, also",
    r"\bmake do\b": "use",
    r"\bone door\b": "only module that",
    r"\bmade fit\b": "sanitized",
    r"\bat leisure\b": "without a time limit",
    r"\bstands? in the (report|row|log|message|manifest)": "is in the …",
    r"\bcomes? by\b": "say what happens",
    r"\bgoes? on\b|\bgo on\b|\bwent on\b": "continues",
    r"\bno more\b(?! than)": "no longer",
    r"\bthe life of\b": "the statuses of",
    r"\bit does not matter\b": "say what is accepted",
    r"\bso to speak\b|\bas it were\b": "(nothing)",
}

# First words of docstrings that have a usual verb instead. Ruff checks the imperative (D401).
UNUSUAL_VERBS = {"Be", "Give", "Have", "Let", "Look", "Make", "Never", "Say", "Take", "Tell"}


def test_no_text_has_a_phrase_that_is_hard_to_read(project: Path) -> None:
    """A phrase of the list has a plainer alternative, which the message names."""
    found = [
        f"{path}:{number}: write {PHRASES[phrase]!r} in: {line.strip()}"
        for path in _texts(project)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if (phrase := _phrase_in(line))
    ]

    assert not found, "\n".join(found)


def test_docstrings_of_functions_begin_with_a_usual_verb(project: Path) -> None:
    unusual = [
        f"{path}:{node.lineno}: {node.name}: {docstring.splitlines()[0]}"
        for path in _texts(project)
        if path.suffix == ".py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (docstring := ast.get_docstring(node))
        and docstring.split()[0] in UNUSUAL_VERBS
    ]

    assert not unusual, "\n".join(unusual)


def _phrase_in(line: str) -> str | None:
    """Return the first phrase of the list that a line contains."""
    if not _ANY_PHRASE.search(line):
        return None
    return next(phrase for phrase in PHRASES if re.search(phrase, line, re.IGNORECASE))


_ANY_PHRASE = re.compile("|".join(PHRASES), re.IGNORECASE)


def _texts(project: Path) -> Iterator[Path]:
    """Yield the files for people and for maintainers: pages, code, tests, templates, scripts."""
    for pattern in ("*.md", "docs/**/*", "scripts/*", "templates/**/*", "examples/**/*"):
        yield from (path for path in project.glob(pattern) if _is_text(path))
    for folder in (PACKAGE, project / "tests", project / "benchmarks"):
        yield from (path for path in folder.rglob("*.py") if path.name != Path(__file__).name)


def _is_text(path: Path) -> bool:
    return path.is_file() and path.suffix in {".md", ".py", ".yaml", ".toml", ".json", ""}
