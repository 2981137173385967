"""Read the YAML and JSON of job files as :class:`Node`.

Scalars stay the text of the file: YAML 1.1 reads ``ON`` as true, ``012345678901`` as an octal
number and ``2.0`` as a number, where S3 Control expects text.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from s3batch_handler.core._sanitize import one_line
from s3batch_handler.jobs._job_file_nodes import MAX_VALUES, Node, Path, Problem, Problems

try:
    import yaml  # type: ignore[import-untyped]
except ModuleNotFoundError as error:
    from s3batch_handler.core._extras import raise_missing

    raise_missing(error, "A job file in YAML or JSON")

_STANDARD_TAGS: Final = {
    f"tag:yaml.org,2002:{name}"
    for name in ("str", "int", "float", "bool", "null", "timestamp", "value", "map", "seq", "merge")
}


def read_yaml(text: str) -> Node:
    """Read YAML.

    Raises:
        Problems: The text is not valid YAML, has a tag, or has the same member twice.
    """
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        return Node({}, 1) if root is None else _Reader().node(root, (), 1)
    except yaml.MarkedYAMLError as error:
        raise Problems(_syntax_problem(error)) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        problem = f"the character {error.character:#x} is not allowed; delete it or escape it"
        raise Problems(Problem((), problem, line)) from error
    except RecursionError as error:
        problem = "values are nested too deeply, or an alias contains itself"
        raise Problems(Problem((), problem)) from error


def read_json(text: str) -> Node:
    """Read JSON. It is read as YAML then, because Python's parser does not return positions.

    Raises:
        Problems: The text is not valid JSON, or has the same member twice.
    """
    try:
        json.loads(text)
    except ValueError as error:
        line = getattr(error, "lineno", None)
        what = getattr(error, "msg", None) or str(error)
        raise Problems(Problem((), f"this is not valid JSON: {what}", line)) from error
    except RecursionError as error:
        raise Problems(Problem((), "values are nested too deeply")) from error
    without_tabs = text.replace("\t", " ")  # a tab is never part of a string in valid JSON
    without_controls = _NOT_OF_YAML.sub(lambda char: f"\\u{ord(char[0]):04x}", without_tabs)
    return read_yaml(_ESCAPES.sub(_joined, without_controls))


_NOT_OF_YAML: Final = re.compile(r"[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
"""Characters of JSON strings that YAML does not allow, or reads as the end of a line."""


_ESCAPES: Final = re.compile(
    r"\\(?:u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})|.)", re.IGNORECASE | re.DOTALL
)


def _joined(escape: re.Match[str]) -> str:
    r"""Return ``\U0001f600`` for the two halves of a character, and other escapes unchanged."""
    if escape[1] is None:
        return escape[0]
    high, low = int(escape[1], 16), int(escape[2], 16)
    return f"\\U{0x10000 + (high - 0xD800) * 0x400 + low - 0xDC00:08x}"


def _syntax_problem(error: Any) -> Problem:
    mark = error.problem_mark or error.context_mark
    parts = [part for part in (error.problem, error.context) if part]
    what = one_line(", ".join(parts))
    if "'\\t'" in what:
        what = "a tab begins a value; indent with spaces"
    return Problem((), f"this is not valid YAML: {what}", mark.line + 1 if mark else None)


class _Reader:
    def __init__(self) -> None:
        self._count = 0

    def node(self, node: Any, path: Path, line: int) -> Node:
        self._count += 1
        if self._count > MAX_VALUES:
            problem = f"more than {MAX_VALUES:,} values, with those that aliases repeat"
            raise Problems(Problem((), problem, line))
        if node.tag not in _STANDARD_TAGS:
            tag = node.tag.replace("tag:yaml.org,2002:", "!!")
            problem = f"the tag {tag} is not supported; write the value without a tag"
            raise Problems(Problem(path, problem, line))
        if isinstance(node, yaml.MappingNode):
            return Node(self._members(node, path), line)
        if isinstance(node, yaml.SequenceNode):
            return Node(
                [
                    self.node(item, (*path, number), item.start_mark.line + 1)
                    for number, item in enumerate(node.value)
                ],
                line,
            )
        is_null = node.tag == "tag:yaml.org,2002:null"
        return Node(None if is_null else node.value, line)

    def _members(self, mapping: Any, path: Path) -> dict[str, Node]:
        own: dict[str, Node] = {}
        merged: dict[str, Node] = {}
        for key, value in mapping.value:
            line = key.start_mark.line + 1
            if key.tag == "tag:yaml.org,2002:merge":
                for source in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                    merged = {**self.node(source, path, line).members, **merged}
                continue
            if not isinstance(key, yaml.ScalarNode):
                raise Problems(Problem(path, "the name of a member must be text", line))
            name = key.value
            if name in own:
                first = own[name].line
                problem = f"it occurs twice, first on line {first}; delete one of the two"
                raise Problems(Problem((*path, name), problem, line))
            own[name] = self.node(value, (*path, name), line)
        return {**merged, **own}
