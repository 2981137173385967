"""The findings of a check."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from s3batch_handler.documents.manifests.check._codes import CODES

if TYPE_CHECKING:
    from s3batch_handler.documents.manifests.check._codes import Severity


class Finding(NamedTuple):
    """One problem of a manifest.

    Attributes:
        line: The number of the line, from 1; ``None`` if the whole manifest is concerned.
        severity: ``error`` for what AWS is documented to refuse or what cannot name an object,
            ``warning`` for what is valid but probably not intended.
        code: The kind of the problem, such as ``EmptyVersionId``; docs/manifests.md lists all.
        message: What is wrong, with the value.
        fix: What to do.
    """

    line: int | None
    severity: Severity
    code: str
    message: str
    fix: str

    @property
    def is_error(self) -> bool:
        """Return whether the job, or a task of it, would fail."""
        return self.severity == "error"


def finding(code: str, line: int | None, message: str, fix: str | None = None) -> Finding:
    """Create a finding of a known code."""
    known = CODES[code]
    return Finding(line, known.severity, code, message, known.fix if fix is None else fix)
