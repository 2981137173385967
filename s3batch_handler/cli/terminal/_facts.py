"""Facts as text: lines with a name and a value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from s3batch_handler.cli.terminal._output import print_data
from s3batch_handler.core._sanitize import escape_unprintable

if TYPE_CHECKING:
    from collections.abc import Mapping


def print_facts(facts: Mapping[str, Any]) -> None:
    """Print facts as lines with a name and a value."""
    texts = {_title(name): _text(name, value) for name, value in facts.items()}
    width = max(map(len, texts))
    for name, text in texts.items():
        print_data(f"{name:{width}}  {escape_unprintable(text)}")


def _title(name: str) -> str:
    return "ETag" if name == "etag" else f"{name[0].upper()}{name[1:]}"


def _text(name: str, value: Any) -> str:
    if isinstance(value, int):
        return str(value) if name == "seed" else f"{value:,}"
    return value if isinstance(value, str) else ",".join(value or ())
