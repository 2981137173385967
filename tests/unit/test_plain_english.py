"""The pages for users are plain English: no phrases that have to be read twice."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

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


@pytest.mark.parametrize("phrase", PHRASES)
def test_pages_have_no_phrase_that_is_hard_to_read(phrase: str, project: Path) -> None:
    """A phrase of the list has a plainer alternative, which the message names."""
    pages = [*project.glob("*.md"), *project.glob("docs/*.md")]

    found = [
        f"{page.name}:{number}: {line.strip()}"
        for page in pages
        if page.name != "commands.md"  # the help of the commands
        for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1)
        if re.search(phrase, line, re.IGNORECASE)
    ]

    assert not found, f"write {PHRASES[phrase]!r} in:\n" + "\n".join(found)
