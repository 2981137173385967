"""Suggestions for words that a user may have mistyped."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import click

from s3batch_handler.core._typing import override

if TYPE_CHECKING:
    from collections.abc import Iterable


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return a sentence with the known words that are similar; empty if there are none."""
    originals = {each.lower(): each for each in known}
    similar = [repr(originals[name]) for name in get_close_matches(word.lower()[:100], originals)]
    if not similar:
        return ""
    return f" Did you mean {' or '.join(similar)}?"


class Choice(click.Choice[Any]):
    """A choice whose error suggests the value that was meant."""

    @override
    def get_invalid_choice_message(self, value: Any, ctx: click.Context | None) -> str:
        message = super().get_invalid_choice_message(value, ctx)
        known = (self.normalize_choice(choice, ctx) for choice in self.choices)
        return message + suggestion(str(value), known)
