"""Files with environment variables of a function: ``--env-file``.

Two forms are read: lines ``NAME=VALUE``, as in files for ``docker run --env-file`` and for shells,
and the JSON of ``sam local invoke --env-vars``. Messages have names and line numbers. They have no
values, because values may be secrets.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from s3batch_handler.cli._errors import InvalidArgument
from s3batch_handler.core._keys import is_utf8

if TYPE_CHECKING:
    from pathlib import Path


def read_env_file(path: Path) -> dict[str, str]:
    """Read the environment variables of a file.

    Raises:
        InvalidArgument: The file cannot be read, or a line of it is not valid.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InvalidArgument(f"--env-file {path}: {error.strerror}") from error
    except UnicodeDecodeError:
        raise InvalidArgument(f"--env-file {path}: not valid UTF-8. Convert the file") from None
    if "\0" in text:
        raise InvalidArgument(f"--env-file {path}: has a NUL character. Remove it")
    try:
        return _of_json(text) if text.lstrip().startswith("{") else _of_lines(text)
    except _InvalidFile as error:
        # Not with the cause: a traceback of the parser may show values.
        raise InvalidArgument(f"--env-file {path}{error}") from None


class _InvalidFile(ValueError):
    """What is wrong with a file: the text after its name."""


# ---------------------------------------------------------------- lines


def _of_lines(text: str) -> dict[str, str]:
    variables = {}
    for number, line in enumerate(text.split("\n"), 1):
        content = line.strip()
        if not content or content.startswith("#"):
            continue
        found = _LINE.fullmatch(content)
        if found is None:
            raise _InvalidFile(f", line {number}: write NAME=VALUE")
        name, value = found.groups()
        if value is not None:  # a name alone keeps the variable of this process, as in docker
            variables[name] = _value(value, number, name)
    return variables


_LINE: Final = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)(?:=(.*)|\s*(?:#.*)?)")


def _value(text: str, number: int, name: str) -> str:
    quote = text.strip()[:1]
    if quote not in ("'", '"'):
        return re.split(r"\s+#", text, maxsplit=1)[0].strip()
    found = (_SINGLE if quote == "'" else _DOUBLE).fullmatch(text.strip())
    if found is None:
        raise _InvalidFile(
            f", line {number}: the quotes of {name} are not closed, or text follows them. "
            r"A line break in double quotes is \n, and a double quote is \""
        )
    return found[1] if quote == "'" else _ESCAPE.sub(_unescaped, found[1])


_SINGLE: Final = re.compile(r"'([^']*)'(?:\s+#.*)?")
_DOUBLE: Final = re.compile(r'"((?:[^"\\]|\\.)*)"(?:\s+#.*)?')
_ESCAPE: Final = re.compile(r'\\([nrt"\\$`])')
_CHARACTERS: Final = {"n": "\n", "r": "\r", "t": "\t"}


def _unescaped(match: re.Match[str]) -> str:
    return _CHARACTERS.get(match[1], match[1])


# ---------------------------------------------------------------- JSON


def _of_json(text: str) -> dict[str, str]:
    """Read ``{"Parameters": {NAME: VALUE}, "MyFunction": {NAME: VALUE}}``, or one object alone."""
    try:
        document: dict[str, Any] = json.loads(text)
    except (ValueError, RecursionError) as error:
        line = f", line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise _InvalidFile(f"{line}: not valid JSON") from None
    groups = {name: value for name, value in document.items() if isinstance(value, dict)}
    if not groups:
        return _of_object(document)
    if len(groups) < len(document):
        raise _InvalidFile(": has variables beside functions. Move them to Parameters")
    shared = groups.pop("Parameters", {})
    if len(groups) > 1:
        raise _InvalidFile(f": has the functions {', '.join(groups)}. Keep one")
    variables = _of_object(shared)
    for group in groups.values():  # it has precedence over the parameters
        variables |= _of_object(group)
    return variables


def _of_object(group: dict[str, Any]) -> dict[str, str]:
    variables = {}
    for name, value in group.items():
        if not _NAME.fullmatch(name):
            raise _InvalidFile(f": {name!r} is not the name of a variable")
        if isinstance(value, dict | list):
            raise _InvalidFile(f": the value of {name} is not a string. Quote it")
        text = json.dumps(value) if isinstance(value, bool) else str("" if value is None else value)
        if "\0" in text or not is_utf8(text):
            raise _InvalidFile(f": the value of {name} has a character that variables cannot have")
        variables[name] = text
    return variables


_NAME: Final = re.compile("[A-Za-z_][A-Za-z0-9_]*")
