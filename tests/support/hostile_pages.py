"""Texts that attack a page, and documents that consist of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from tests.support.page_documents import job_document

if TYPE_CHECKING:
    from s3batch_handler.page._document import JobDocument

ATTACK = "window.attacked = true"

HOSTILE_TEXTS = [
    f"<script>{ATTACK}</script>",
    f"</script><script>{ATTACK}</script>",
    f'"><img src=x onerror="{ATTACK}">',
    f"<!--<script>{ATTACK}",
    f"</title></style><svg onload='{ATTACK}'>",
    f"javascript:{ATTACK}",
    "\u202egpj.exe\u2066 isolated",
    "not UTF-8: \udcff\udc80, half an emoji: \ud83d",
    "\x1b[31mred\x1b[0m\x00\x07\r\nline\u2028line\u2029",
    "x" * 1024,
    "__proto__",
    "constructor",
    "&lt;b&gt; &amp; %3Cb%3E",
]

# These members have a fixed set of values, or are not text.
_FIXED = {"version", "time", "origin", "status", "created", "ended", "history", "live", "next"}


def hostile_document(text: str, **changes: object) -> JobDocument:
    """Return the document of a job in which every free text is the hostile one."""

    def replaced(value: Any, name: str = "") -> Any:
        if name in _FIXED:
            return value
        if isinstance(value, dict):
            return {member: replaced(content, member) for member, content in value.items()}
        if isinstance(value, list | tuple):
            return [replaced(content) for content in value]
        return text if isinstance(value, str) else value

    document = replaced(job_document(**changes))
    document["job"]["tags"] = {text: text}
    return cast("JobDocument", document)
