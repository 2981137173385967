"""The values of a job file, each with its line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Path: TypeAlias = tuple[int | str, ...]
"""The members and positions in lists that lead to a value."""


@dataclass(frozen=True, slots=True)
class Node:
    """A value of a file, and its line.

    Attributes:
        value: A scalar is the text that the file has, also a number or ``ON``: which type it has
            depends on the member. ``None`` is null.
        line: The line of the value, or of the member that has it; ``None`` if it is not in a file.
    """

    value: str | list[Node] | dict[str, Node] | None
    line: int | None = None

    @property
    def members(self) -> dict[str, Node]:
        """Return the members of a mapping; none of other values."""
        return self.value if isinstance(self.value, dict) else {}

    def value_at(self, position: int, step: int | str) -> Node | None:
        """Return the item of a list if it is at ``step``, or the value of the tag ``step``."""
        if step == position:
            return self
        key = self.members.get("Key")  # the models read tag sets as mappings
        is_tag = key is not None and key.value == step
        return self.members.get("Value", self) if is_tag else None

    def line_of(self, path: Path) -> int | None:
        """Return the line of a value, or of the last part of its path that exists."""
        node, line = self, self.line
        for step in path:
            child: Node | None = None
            if isinstance(node.value, dict):
                child = node.value.get(str(step))
            elif isinstance(node.value, list):
                found = (item.value_at(at, step) for at, item in enumerate(node.value))
                child = next((each for each in found if each is not None), None)
            if child is None:
                break
            node, line = child, child.line or line
        return line

    def scalars(self, path: Path = ()) -> Iterator[tuple[Path, str, int | None]]:
        """Yield path, text and line of each text in the value."""
        if isinstance(self.value, dict):
            for name, child in self.value.items():
                yield from child.scalars((*path, name))
        elif isinstance(self.value, list):
            for number, child in enumerate(self.value):
                yield from child.scalars((*path, number))
        elif self.value is not None:
            yield path, self.value, self.line

    @classmethod
    def of(cls, value: object) -> Node:
        """Return a node for a value of Python, which has no line."""
        if isinstance(value, dict):
            return cls({str(name): cls.of(member) for name, member in value.items()})
        if isinstance(value, (list, tuple)):
            return cls([cls.of(item) for item in value])
        if isinstance(value, bool):
            return cls("true" if value else "false")
        return cls(None if value is None else str(value))


def merged(base: Node, changes: Node) -> Node:
    """Return a value with the members of another one, which take precedence.

    Mappings are merged, other values replaced. A member that is null in ``changes`` is removed.
    """
    if not (isinstance(base.value, dict) and isinstance(changes.value, dict)):
        return changes
    members = dict(base.value)
    for name, change in changes.value.items():
        if name not in members:
            members[name] = change
        elif change.value is None:
            del members[name]
        else:
            members[name] = merged(members[name], change)
    return Node(members, base.line)


def path_text(path: Path) -> str:
    """Return a path as text: ``Manifest.Spec.Fields[0]``."""
    steps = [f"[{step}]" if isinstance(step, int) else f".{step}" for step in path]
    return "".join(steps).removeprefix(".")


# ---------------------------------------------------------------- problems


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is wrong in a job file.

    Attributes:
        path: The member; empty if it is a problem of the whole file.
        text: What is wrong, and what to write.
        line: The line, if it is known before the members are checked.
        meant: The member that was probably meant, which is not reported as missing.
    """

    path: Path
    text: str
    line: int | None = None
    meant: Path | None = None


class Problems(Exception):
    """What is wrong with a text. Caught by the reader of job files, which knows the file."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__(*problems)
        self.problems = problems


MAX_VALUES: Final = 20_000
"""The most values of a file, with those that aliases repeat."""


def kind_of(value: object) -> str:
    """Return in words what a value of a file is."""
    if value is None:
        return "null"
    names: Mapping[type, str] = {dict: "a mapping", list: "a list"}
    return names.get(type(value), "text")
