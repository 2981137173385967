"""Read the YAML of job files as :class:`Node`.

Scalars stay the text of the file: YAML 1.1 reads ``ON`` as true, ``012345678901`` as an octal
number and ``2.0`` as a number, where S3 Control expects text.
"""

from __future__ import annotations

from typing import Any, Final

from s3batch_handler.core._sanitize import one_line
from s3batch_handler.jobs.files._nodes import MAX_VALUES, Node, Path, Problem, Problems

try:
    import yaml  # type: ignore[import-untyped]
except ModuleNotFoundError as error:
    from s3batch_handler.core._extras import raise_missing

    raise_missing(error, "A job file in YAML")

_STANDARD_TAGS: Final = {
    f"tag:yaml.org,2002:{name}"
    for name in ("str", "int", "float", "bool", "null", "timestamp", "value", "map", "seq", "merge")
}


def read_yaml(text: str) -> Node:
    """Read YAML, of which JSON is a part.

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


def _syntax_problem(error: Any) -> Problem:
    mark = error.problem_mark or error.context_mark
    parts = [part for part in (error.problem, error.context) if part]
    what = one_line(", ".join(parts))
    if error.problem == "but found another document":
        what = "a file has one document, and this line begins another one; use a file for each job"
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
            raise Problems(Problem((), problem))
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
                    if not isinstance(source, yaml.MappingNode):
                        problem = "expected a mapping or a list of mappings, such as <<: *name"
                        raise Problems(Problem((*path, key.value), problem, line))
                    merged = {**self.node(source, path, line).members, **merged}
                continue
            if not isinstance(key, yaml.ScalarNode):
                raise Problems(Problem(path, "the name of a member must be text", line))
            name = key.value
            if name in own:
                first = own[name].line
                problem = f"it occurs twice, first on line {first}; delete one of them"
                raise Problems(Problem((*path, name), problem, line))
            own[name] = self.node(value, (*path, name), line)
        return {**merged, **own}
