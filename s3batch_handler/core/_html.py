"""Facts as a table for notebooks, which show the result of ``_repr_html_``."""

from __future__ import annotations

from s3batch_handler.core._sanitize import safe_line
from s3batch_handler.core._typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable


def html_table(caption: str, facts: Iterable[tuple[str, object]]) -> str:
    """Return facts as an HTML table; those without a value are left out.

    All text is escaped and truncated, and the table refers to nothing that a browser would load.
    """
    rows = "".join(
        f'<tr><th scope="row" style="{_LEFT}">{_escaped(name)}</th>'
        f'<td style="{_LEFT}">{_escaped(value)}</td></tr>'
        for name, value in facts
        if value not in (None, "")
    )
    return f"<table><caption>{_escaped(caption)}</caption><tbody>{rows}</tbody></table>"


_LEFT: Final = "text-align: left"


def _escaped(value: object) -> str:
    from html import escape  # not needed in Lambda

    return escape(safe_line(str(value)))
