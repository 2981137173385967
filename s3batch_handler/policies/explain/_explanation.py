"""An explanation of a denied request: what is missing, and where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from s3batch_handler.policies._statements import merge

if TYPE_CHECKING:
    from collections.abc import Iterable

    from s3batch_handler.policies._job import JobAccess
    from s3batch_handler.policies._statements import Document, Statement

JOB_ROLE: Final = "job role"
CALLER: Final = "caller"
FUNCTION_ROLE: Final = "function role"
UNKNOWN: Final = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why a request was denied, and what would allow it.

    Attributes:
        what: What was denied, in a sentence.
        who: The job role, the caller, the function role, or unknown.
        principal: The ARN of who was denied; empty if it is not known.
        where: The policy to change.
        statements: The statements that are missing there; empty if a statement denies the request.
        condition: For such a statement, a condition that exempts the principal.
        hints: What else may be the cause, or what to do.
    """

    what: str
    who: str
    principal: str
    where: str
    statements: tuple[Document, ...] = ()
    condition: Document | None = None
    hints: tuple[str, ...] = ()

    def to_json(self) -> Document:
        return {
            "what": self.what,
            "who": self.who,
            "principal": self.principal or None,
            "where": self.where,
            "statements": [*self.statements],
            "condition": self.condition,
            "hints": [*self.hints],
        }


def documents_of(statements: Iterable[Statement]) -> tuple[Document, ...]:
    """Return statements as JSON; those that can be one are merged."""
    return tuple(statement.to_json() for statement in merge(statements))


def without_file(job: JobAccess | None) -> list[str]:
    """Return a hint if the job is not known."""
    return [] if job else ["with the job file (-f FILE), the statement names its resources"]
