"""Statements of IAM policies: merged, sorted, and written as a policy document."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

Document = dict[str, Any]
"""A policy document, as the JSON that IAM accepts."""

Conditions = Mapping[str, Mapping[str, str]]
"""The keys and values of a condition, by operator: ``{"StringEquals": {"aws:…": "…"}}``."""

VERSION: Final = "2012-10-17"

MAX_MANAGED_POLICY: Final = 6144
"""The most characters of a managed policy, without white space (IAM User Guide, "IAM quotas")."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A statement that allows actions on resources."""

    sid: str
    actions: frozenset[str]
    resources: frozenset[str]
    conditions: Conditions = field(default_factory=dict)

    def to_json(self) -> Document:
        document: Document = {
            "Sid": self.sid,
            "Effect": "Allow",
            "Action": _one_or_more(self.actions),
            "Resource": _one_or_more(self.resources),
        }
        if self.conditions:
            document["Condition"] = {name: {**keys} for name, keys in self.conditions.items()}
        return document


def allow(
    sid: str,
    actions: str | Iterable[str],
    resources: str | Iterable[str],
    conditions: Conditions | None = None,
) -> Statement:
    """Create a statement from one or more actions and resources."""
    return Statement(
        sid=sid,
        actions=frozenset([actions] if isinstance(actions, str) else actions),
        resources=frozenset([resources] if isinstance(resources, str) else resources),
        conditions=conditions or {},
    )


def policy_document(statements: Iterable[Statement]) -> Document:
    """Create a policy document; statements that can be one are merged, and sorted by their Sids."""
    merged = merge(statements)
    return {"Version": VERSION, "Statement": [statement.to_json() for statement in merged]}


def merge(statements: Iterable[Statement]) -> list[Statement]:
    """Merge statements for the same resources, and then those for the same actions."""
    merged = _merge_by(lambda one: (one.resources, _key(one.conditions)), statements)
    merged = _merge_by(lambda one: (one.actions, _key(one.conditions)), merged)
    return _with_unique_sids(sorted(merged, key=lambda one: (one.sid, _key(one.conditions))))


def _with_unique_sids(statements: list[Statement]) -> list[Statement]:
    """Add numbers to equal Sids: IAM requires that each occurs once in a policy."""
    unique: dict[str, Statement] = {}
    for statement in statements:
        sid, number = statement.sid, 1
        while sid in unique:
            number += 1
            sid = f"{statement.sid}{number}"
        unique[sid] = replace(statement, sid=sid)
    return [*unique.values()]


def _merge_by(key: Callable[[Statement], Hashable], statements: Iterable[Statement]) -> list[Any]:
    groups: dict[Hashable, list[Statement]] = {}
    for statement in statements:
        groups.setdefault(key(statement), []).append(statement)
    return [_merged(group) for group in groups.values()]


def _merged(group: list[Statement]) -> Statement:
    return Statement(
        sid="And".join(dict.fromkeys(statement.sid for statement in group)),
        actions=frozenset().union(*(statement.actions for statement in group)),
        resources=frozenset().union(*(statement.resources for statement in group)),
        conditions=group[0].conditions,
    )


def _key(conditions: Conditions) -> str:
    return json.dumps({name: {**keys} for name, keys in conditions.items()}, sort_keys=True)


def _one_or_more(values: frozenset[str]) -> str | list[str]:
    first, *others = sorted(values)
    return [first, *others] if others else first


def policy_size(document: Document) -> int:
    """Return the size of a policy as IAM counts it: its characters without white space."""
    return sum(not char.isspace() for char in json.dumps(document))
