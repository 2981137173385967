"""Read the TOML of job files as :class:`Node`."""

from __future__ import annotations

import re
import tomllib
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any, Final

from s3batch_handler.jobs.files._nodes import Node, Path, Problem, Problems

if TYPE_CHECKING:
    from collections.abc import Iterator


def read_toml(text: str) -> Node:
    """Read TOML. Numbers are read as text, as they are written.

    Raises:
        Problems: The text is not valid TOML.
    """
    try:
        document = tomllib.loads(text, parse_float=str)
    except tomllib.TOMLDecodeError as error:
        what, _, place = str(error).partition(" (at ")
        found = re.match(r"line ([0-9]+)", place)
        line = int(found[1]) if found else text.count("\n") + 1
        problem = Problem((), f"this is not valid TOML: {what}", line)
        raise Problems(problem) from error
    except ValueError as error:  # a number with too many digits, which has no position
        raise Problems(Problem((), f"this is not valid TOML: {error}")) from error
    except RecursionError as error:
        raise Problems(Problem((), _TOO_DEEP)) from error
    if _depth(document) > MAX_DEPTH:
        raise Problems(Problem((), _TOO_DEEP))
    lines: dict[Path, int] = {}
    for path, line in _lines(text):
        for length in range(1, len(path) + 1):
            lines.setdefault(path[:length], line)
    return _node(document, (), 1, lines)


MAX_DEPTH: Final = 50
_TOO_DEEP: Final = "values are nested too deeply"


def _depth(document: Any) -> int:
    """Return how deep values are nested, as far as it matters. Keys may have many dots."""
    level, depth = [document], 0
    while level and depth <= MAX_DEPTH:
        depth += 1
        level = [
            item
            for value in level
            if isinstance(value, dict | list)
            for item in (value.values() if isinstance(value, dict) else value)
        ]
    return depth


def _node(value: Any, path: Path, line: int, lines: dict[Path, int]) -> Node:
    line = lines.get(path, line)
    if isinstance(value, dict):
        return Node(
            {name: _node(item, (*path, name), line, lines) for name, item in value.items()}, line
        )
    if isinstance(value, list):
        items = enumerate(value)
        return Node([_node(item, (*path, number), line, lines) for number, item in items], line)
    if isinstance(value, (datetime, date, time)):
        return Node(value.isoformat(), line)
    return Node(Node.of(value).value, line)


# ---------------------------------------------------------------- lines

# tomllib returns no positions. Each statement of a valid document is valid on its own, and none of
# its beginnings is, so the statements are found one after the other.


def _lines(text: str) -> Iterator[tuple[Path, int]]:
    """Yield the path of each value, with the line where its statement begins."""
    tables = _Tables()
    for first, statement, content in _statements(text):
        table = tables.enter(statement, content) if statement.lstrip().startswith("[") else None
        if table is not None:
            yield table, first
            continue
        for path in _paths(content, tables.current):
            yield path, first


def _statements(text: str) -> Iterator[tuple[int, str, dict[str, Any]]]:
    statement, first = "", 0
    for number, line in enumerate(text.split("\n"), 1):
        first = first or number
        statement += f"{line}\n"
        if _may_end(statement):
            try:
                content = tomllib.loads(statement)
            except tomllib.TOMLDecodeError:
                continue
            yield first, statement, content
            statement, first = "", 0


def _may_end(statement: str) -> bool:
    """Return whether a statement may be complete: a cheap check before the expensive one."""
    brackets = statement.count("[") - statement.count("]")
    return brackets <= 0 or any(quote in statement for quote in _QUOTES)


_QUOTES: Final = ('"', "'", "#")


def _paths(content: Any, path: Path) -> Iterator[Path]:
    if isinstance(content, dict):
        for name, item in content.items():
            yield (*path, name)
            yield from _paths(item, (*path, name))


class _Tables:
    """The table to which a statement belongs."""

    def __init__(self) -> None:
        self.current: Path = ()
        self._lengths: dict[Path, int] = {}

    def enter(self, header: str, content: dict[str, Any]) -> Path:
        """Enter the table of a header, such as ``[a.b]`` or ``[[a.b]]``, and return its path."""
        names = [*_names(content)]
        path: Path = ()
        for position, name in enumerate(names, 1):
            path = (*path, name)
            if path in self._lengths and position < len(names):
                path = (*path, self._lengths[path] - 1)
        if header.lstrip().startswith("[["):
            self._lengths[path] = self._lengths.get(path, 0) + 1
            path = (*path, self._lengths[path] - 1)
        self.current = path
        return path


def _names(content: Any) -> Iterator[str]:
    """Yield the names in the content of a header, such as ``{"a": {"b": {}}}``."""
    while isinstance(content, dict) and content:
        ((name, content),) = content.items()
        yield name
