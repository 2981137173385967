"""Read job files in all formats, and describe what is wrong with them."""

from __future__ import annotations

import sys
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Final, cast

from s3batch_handler.core._errors import JobFileError
from s3batch_handler.core._sanitize import safe_line
from s3batch_handler.jobs.files._nodes import Node, Problem, Problems, path_text

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

    from s3batch_handler.jobs.files._nodes import Path


def parse_job_file(path: str | os.PathLike[str]) -> Node:
    """Return the content of a file; of ``-``, that of standard input, in YAML or JSON.

    Raises:
        JobFileError: The file is not valid YAML, JSON or TOML.
        OSError: The file cannot be read.
    """
    try:
        return _parse(FilePath(path))
    except Problems as error:
        raise error_of(error.problems, str(path)) from error.__cause__


def _parse(path: FilePath) -> Node:
    is_standard_input = str(path) == STANDARD_INPUT
    parse = _read_yaml if is_standard_input else _PARSERS.get(path.suffix.lower())
    if parse is None:
        raise Problems(Problem((), "unknown format; name it .yaml, .yml, .json or .toml"))
    content = _standard_input() if is_standard_input else _content(path)
    if len(content) > MAX_BYTES:
        raise Problems(Problem((), f"it is larger than {MAX_BYTES:,} bytes; is it a job file?"))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Problems(Problem((), "it is not UTF-8; save it as UTF-8", line)) from error
    node = parse(text)
    if not isinstance(node.value, dict):
        raise Problems(Problem((), "expected a mapping of members, such as Operation", 1))
    return node


MAX_BYTES: Final = 128 * 1024
STANDARD_INPUT: Final = "-"


def _content(path: FilePath) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)


def _standard_input() -> bytes:
    if cast("Any", sys.stdin) is None:  # the parent process closed it
        raise Problems(Problem((), "standard input is closed"))
    return sys.stdin.buffer.read(MAX_BYTES + 1)


def _read_yaml(text: str) -> Node:
    from s3batch_handler.jobs.files._yaml import read_yaml  # PyYAML is part of an extra

    return read_yaml(text)


def _read_json(text: str) -> Node:
    from s3batch_handler.jobs.files._json import read_json

    return read_json(text)


def _read_toml(text: str) -> Node:
    from s3batch_handler.jobs.files._toml import read_toml

    return read_toml(text)


_PARSERS: Final[Mapping[str, Callable[[str], Node]]] = {
    ".yaml": _read_yaml,
    ".yml": _read_yaml,
    ".json": _read_json,
    ".toml": _read_toml,
}


def error_of(problems: Iterable[Problem], source: str, node: Node | None = None) -> JobFileError:
    """Return the error for problems, by line, one for each member.

    A problem of the whole file has the first line.
    """
    found: dict[Path, tuple[int | None, str, str]] = {}
    for number, problem in enumerate(problems):
        line = problem.line
        if line is None:
            line = 1 if node is None else node.line_of(problem.path)
        member = safe_line(path_text(problem.path), 300)
        found.setdefault(problem.path or (number,), (line, member, safe_line(problem.text, 600)))
    listed = sorted(found.values(), key=lambda each: each[0] or 0)
    if len(listed) > MAX_PROBLEMS:
        rest = f"and {len(listed) - MAX_PROBLEMS} more problems"
        listed = [*listed[:MAX_PROBLEMS], (None, "", rest)]
    return JobFileError(*listed, source=safe_line(source, 1000))


MAX_PROBLEMS: Final = 20
