"""Read the JSON of job files as :class:`Node`."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

from s3batch_handler.jobs.files._nodes import Node, Path, Problem, Problems

if TYPE_CHECKING:
    from collections.abc import Iterator


def read_json(text: str) -> Node:
    """Read JSON. Numbers are read as text, as they are written.

    Raises:
        Problems: The text is not valid JSON, or has the same member twice.
    """
    try:
        json.loads(text)  # which returns no positions
        return _Reader(text).value((), 1)
    except json.JSONDecodeError as error:
        problem = f"this is not valid JSON: {error.msg}"
        raise Problems(Problem((), problem, error.lineno)) from error
    except RecursionError as error:
        raise Problems(Problem((), "values are nested too deeply")) from error
    except ValueError as error:  # a number with too many digits
        raise Problems(Problem((), f"this is not valid JSON: {error}")) from error


_PART: Final = re.compile(r'[{}\[\],:]|"(?:[^"\\]|\\.)*"|[^\s{}\[\],:"]+')


class _Reader:
    """Reads a text that is valid JSON."""

    def __init__(self, text: str) -> None:
        self._parts = self._read_parts(text)
        self._line = 1

    def _read_parts(self, text: str) -> Iterator[str]:
        end = 0
        for part in _PART.finditer(text):
            self._line += text.count("\n", end, part.start())
            end = part.start()
            yield part[0]

    def value(self, path: Path, line: int | None = None, part: str = "") -> Node:
        part = part or next(self._parts)
        line = line or self._line
        if part == "{":
            return Node(self._members(path), line)
        if part == "[":
            return Node(self._items(path), line)
        if part == "null":
            return Node(None, line)
        return Node(json.loads(part) if part.startswith('"') else part, line)

    def _members(self, path: Path) -> dict[str, Node]:
        members: dict[str, Node] = {}
        for part in self._parts:
            if part == "}":
                break
            if part == ",":
                continue
            name, line = json.loads(part), self._line
            if name in members:
                problem = f"it occurs twice, first on line {members[name].line}; delete one of them"
                raise Problems(Problem((*path, name), problem, line))
            next(self._parts)  # the colon
            members[name] = self.value((*path, name), line)
        return members

    def _items(self, path: Path) -> list[Node]:
        items: list[Node] = []
        for part in self._parts:
            if part == "]":
                break
            if part != ",":
                items.append(self.value((*path, len(items)), part=part))
        return items
