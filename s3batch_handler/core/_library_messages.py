"""Messages for exceptions of libraries whose own text consists of input."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from s3batch_handler.core._patterns import MASK

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_MAX_PROBLEMS: Final = 5


def _pydantic_message(error: Any) -> str:
    """Describe a ValidationError of pydantic 1 or 2: fields and problems, without input."""
    if hasattr(error, "error_count"):
        title = error.title
        problems = error.errors(include_url=False, include_context=False, include_input=False)
    else:
        title, problems = error.model.__name__, error.errors()
    count = len(problems)
    lines = [f"{_field(problem['loc'])}{_problem(problem)}" for problem in problems[:_MAX_PROBLEMS]]
    if count > len(lines):
        lines.append(f"and {count - len(lines)} more")
    return f"{count} validation error{'' if count == 1 else 's'} for {title}: {'; '.join(lines)}"


def _field(location: tuple[int | str, ...]) -> str:
    # The step before "[key]" is a key of a dictionary, which is input.
    safe = [
        MASK if following == "[key]" else step
        for step, following in zip(location, (*location[1:], None), strict=True)
    ]
    steps = [f"[{step}]" if isinstance(step, int) else f".{step[:64]}" for step in safe]
    path = "".join(steps).lstrip(".")
    return f"{path}: " if path and path != "__root__" else ""


def _problem(problem: Mapping[str, Any]) -> str:
    if problem["type"] == "union_tag_invalid":  # its message has the tag
        return "The tag is not one of the expected ones"
    return str(problem["msg"])


def _jsonschema_message(error: Any) -> str:
    return f"{error.json_path} does not satisfy {error.validator!r} of the schema"


def _yaml_message(error: Any) -> str:
    mark = error.problem_mark or error.context_mark
    place = f", line {mark.line + 1}, column {mark.column + 1}" if mark is not None else ""
    return f"{error.problem or error.context or 'not valid YAML'}{place}"


def _configparser_message(error: Any) -> str:
    lines = [number for number, _ in getattr(error, "errors", ())] or [getattr(error, "lineno", 0)]
    return f"cannot parse line {', '.join(map(str, lines[:_MAX_PROBLEMS]))}"


def _interpolation_message(error: Any) -> str:
    return f"cannot interpolate option {error.option!r} in section {error.section!r}"


MESSAGES_WITHOUT_INPUT: Final[Mapping[str, Callable[[Any], str]]] = {
    "pydantic_core.ValidationError": _pydantic_message,
    "pydantic.ValidationError": _pydantic_message,  # version 1
    "jsonschema.ValidationError": _jsonschema_message,
    "yaml.MarkedYAMLError": _yaml_message,
    "configparser.ParsingError": _configparser_message,
    "configparser.InterpolationError": _interpolation_message,
}
"""Functions that return the message of an exception, by its class."""
