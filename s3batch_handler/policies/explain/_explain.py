"""Explain the texts of access-denied failures."""

from __future__ import annotations

from dataclasses import replace
from itertools import takewhile
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from s3batch_handler.policies.explain._denial import explain_denial
from s3batch_handler.policies.explain._denials import denials_in, principal_for_policies
from s3batch_handler.policies.explain._failure import explain_failure
from s3batch_handler.policies.explain._failure_messages import known_message

if TYPE_CHECKING:
    import re
    from collections.abc import Hashable, Iterable, Iterator

    from s3batch_handler.policies._job import JobAccess
    from s3batch_handler.policies.explain._denials import Denial
    from s3batch_handler.policies.explain._explanation import Explanation
    from s3batch_handler.policies.explain._failure_messages import Message


class Explained(NamedTuple):
    """An explanation, and the number of texts that it applies to."""

    explanation: Explanation
    occurrences: int


Causes: TypeAlias = "dict[Hashable, tuple[Denial | Failed, int]]"
"""The denied requests in texts, with the number of texts."""


def causes_in(texts: Iterable[str]) -> Causes:
    """Return the denied requests in texts, which are messages of a report, of a program, ….

    Requests that differ only in the key of their object count as one, so memory does not grow with
    the number of texts. Texts that are not known are left out.
    """
    causes: Causes = {}
    for text in texts:
        for key, cause in _causes(text):
            known, count = causes.get(key, (cause, 0))
            causes[key] = _together(known, cause), count + 1
    return causes


def explain(causes: Causes, job: JobAccess | None = None) -> list[Explained]:
    """Explain denied requests, the most frequent first.

    With a job, the statements name its resources.
    """
    explained = [Explained(_explanation(cause, job), count) for cause, count in causes.values()]
    return sorted(explained, key=lambda one: -one.occurrences)


class Failed(NamedTuple):
    """A message that is known, and where it matches."""

    message: Message
    found: re.Match[str]


def _causes(text: str) -> Iterator[tuple[Hashable, Denial | Failed]]:
    denied = False
    for denial in denials_in(text):
        denied = True
        bucket, slash, _key = denial.resource.partition("/")
        of_object = denial.action.startswith("s3:") and ":s3:" in bucket and bucket.count(":::")
        yield (
            (
                principal_for_policies(denial.principal),
                denial.action,
                bucket + slash if of_object else denial.resource,
                denial.kind,
                denial.is_explicit,
                denial.policy,
            ),
            denial,
        )
    known = None if denied else known_message(text)
    if known is not None:
        message, found = known
        yield (message.failure, *found.groups()), Failed(message, found)


def _together(one: Denial | Failed, other: Denial | Failed) -> Denial | Failed:
    """Return one cause for two; of two objects, the common part of their ARNs and a ``*``."""
    if isinstance(one, Failed) or isinstance(other, Failed) or one.resource == other.resource:
        return one
    pairs = takewhile(
        lambda chars: chars[0] == chars[1], zip(one.resource, other.resource, strict=False)
    )
    return replace(one, resource="".join(char for char, _ in pairs).removesuffix("*") + "*")


def _explanation(cause: Denial | Failed, job: JobAccess | None) -> Explanation:
    if isinstance(cause, Failed):
        return explain_failure(cause.message, cause.found, job)
    return explain_denial(cause, job)
