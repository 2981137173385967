"""Variables and profiles of job files."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

from s3batch_handler.core._sanitize import short_repr
from s3batch_handler.jobs.files._nodes import Node, Problem, Problems, kind_of, merged

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from s3batch_handler.jobs.files._nodes import Path

VARIABLES: Final = "Variables"
PROFILES: Final = "Profiles"

NAME: Final = r"[A-Za-z_][A-Za-z0-9_-]*"
_REFERENCE: Final = re.compile(r"\$\$\{|\$\{(?:(" + NAME + r")\})?")


def escape_references(text: str) -> str:
    """Return text in which a ``${`` is a literal one."""
    return text.replace("${", "$${")


def with_profile(file: Node, profile: str | None) -> Node:
    """Return the content of a file with the values of a profile, without ``Profiles``.

    Raises:
        Problems: There is no such profile, or a profile is not a mapping.
    """
    profiles = file.members.get(PROFILES, Node({}))
    if not isinstance(profiles.value, dict):
        problem = "expected a mapping with a name for each profile"
        raise Problems(Problem((PROFILES,), problem, profiles.line))
    for name, each in profiles.value.items():
        if not isinstance(each.value, dict | None):
            problem = f"expected a mapping of members, got {kind_of(each.value)}"
            raise Problems(Problem((PROFILES, name), problem, each.line))
    base = Node({name: node for name, node in file.members.items() if name != PROFILES}, file.line)
    if profile is None:
        return base
    if profile not in profiles.value:
        defined = _choices(profile, profiles.value) or "the file has none"
        problem = f"no profile {short_repr(profile)}; {defined}"
        raise Problems(Problem((PROFILES,), problem, profiles.line))
    return merged(base, Node(profiles.value[profile].members))


def substituted(file: Node, members: Node, values: Mapping[str, str]) -> tuple[Node, list[Problem]]:
    """Return members in which references to variables are replaced, and what is wrong with them.

    A variable may be not defined, or a value may be for a variable that the file does not use.

    Args:
        file: The whole file, with ``Variables`` and all profiles.
        members: The members, with the ``Variables`` of the profile.
        values: Values that take precedence over ``Variables``.

    Raises:
        Problems: The values of variables make the file too long.
    """
    used = {name for _, text, _ in file.scalars() for name in references(text)}
    problems = [
        Problem(
            (), f"no member uses the variable {short_repr(name)}; {_choices(name, used) or _NONE}"
        )
        for name in values
        if name not in used
    ]
    variables = members.members.get(VARIABLES, Node({}))
    rest = Node(
        {name: node for name, node in members.members.items() if name != VARIABLES}, members.line
    )
    substitution = _Substitution(variables, values, problems)
    return substitution.node(rest, ()), problems


_NONE: Final = "delete it"


def references(text: str) -> Iterable[str]:
    """Return the names of the variables that a text refers to."""
    return [found[1] for found in _REFERENCE.finditer(text) if found[1]]


class _Substitution:
    def __init__(self, variables: Node, values: Mapping[str, str], problems: list[Problem]) -> None:
        self._defaults = variables.members
        self._values = dict(values)
        self._problems = problems
        self._open: list[str] = []
        self._characters = 0
        if not isinstance(variables.value, dict):
            problem = f"expected a mapping of names to values, got {kind_of(variables.value)}"
            problems.append(Problem((VARIABLES,), problem, variables.line))
        for name, default in self._defaults.items():
            path = (VARIABLES, name)
            if not re.fullmatch(NAME, name):
                problem = "a name has letters, digits, _ and -, and begins with a letter"
                problems.append(Problem(path, problem, default.line))
            if isinstance(default.value, dict | list):
                problem = f"expected text, got {kind_of(default.value)}"
                problems.append(Problem(path, problem, default.line))

    def node(self, node: Node, path: Path) -> Node:
        if isinstance(node.value, dict):
            return Node(
                {name: self.node(each, (*path, name)) for name, each in node.value.items()},
                node.line,
            )
        if isinstance(node.value, list):
            items = enumerate(node.value)
            return Node([self.node(each, (*path, number)) for number, each in items], node.line)
        if node.value is None:
            return node
        return Node(self._text(node.value, path, node.line), node.line)

    def _text(self, text: str, path: Path, line: int | None) -> str:
        def value(found: re.Match[str]) -> str:
            if found[0] == "$${":
                return "${"
            if found[1] is None:
                problem = "a reference has the form ${name}; write $${ for a literal ${"
                self._problems.append(Problem(path, problem, line))
                return ""
            replaced = self._value(found[1], path, line)
            self._characters += len(replaced)
            if self._characters > MAX_CHARACTERS:
                problem = f"the values of variables have more than {MAX_CHARACTERS:,} characters"
                raise Problems(Problem(path, problem, line))
            return replaced

        return _REFERENCE.sub(value, text)

    def _value(self, name: str, path: Path, line: int | None) -> str:
        if name in self._values:
            return self._values[name]
        problem = ""
        default = self._defaults.get(name)
        if name in self._open:
            problem = f"the variable {name} refers to itself"
        elif default is None:
            others = _choices(name, {**self._defaults, **self._values})
            define = f"define it in {VARIABLES}, or pass a value for it"
            problem = f"the variable {name} is not defined; {others or define}"
        elif not isinstance(default.value, str):
            problem = f"the variable {name} has no value; pass one (--var {name}=VALUE)"
        else:
            self._open.append(name)
            value = self._text(default.value, (VARIABLES, name), default.line)
            self._open.pop()
            self._values[name] = value
            return value
        self._problems.append(Problem(path, problem, line))
        return ""


MAX_CHARACTERS: Final = 1_000_000
"""The most characters with which references are replaced: variables may refer to variables."""


def _choices(name: str, known: Iterable[str]) -> str:
    names = sorted(known)
    close = get_close_matches(name, names, n=1)
    if close:
        return f"did you mean {close[0]}?"
    return f"the file has {', '.join(names[:20])}" if names else ""
