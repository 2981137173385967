"""Check the form of values, and say what is wrong without quoting them.

Payloads are checked by the functions here, and users' models by pydantic. Both are explained in
the same words.
"""

from __future__ import annotations

from collections.abc import Mapping

from s3batch_handler.core._sanitize import escape_unprintable_json, safe_line
from s3batch_handler.core._typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from pydantic import ValidationError

    Path = tuple[int | str, ...]
    """Where a value is: the fields and the positions in lists that lead to it."""

    Problem = tuple[Path, str]
    """Where something is wrong, and what."""

    Check = Callable[[Any, Path], Iterator[Problem]]
    """A function that yields the problems of a value, which is at a path."""


# ---------------------------------------------------------------- checks of JSON values


def check_text(value: object, path: Path) -> Iterator[Problem]:
    """Check that a value is text."""
    if not isinstance(value, str):
        yield _unexpected("text", value, path)


def nullable(check: Check) -> Check:
    """Return a check that accepts ``None``, too."""

    def check_nullable(value: object, path: Path) -> Iterator[Problem]:
        if value is not None:
            yield from check(value, path)

    return check_nullable


def one_of(texts: Collection[str]) -> Check:
    """Return a check for one of some texts."""

    def check_choice(value: object, path: Path) -> Iterator[Problem]:
        expected = f"one of {', '.join(texts)}"
        if not isinstance(value, str):
            yield _unexpected(expected, value, path)
        elif value not in texts:
            yield path, f"expected {expected}"

    return check_choice


def list_of(check: Check) -> Check:
    """Return a check for a list, whose items are checked, too."""

    def check_list(value: object, path: Path) -> Iterator[Problem]:
        if not isinstance(value, list | tuple):
            yield _unexpected("a list", value, path)
            return
        for number, item in enumerate(value):
            yield from check(item, (*path, number))

    return check_list


def mapping_of(check: Check) -> Check:
    """Return a check for an object with any fields, whose values are checked, too."""

    def check_mapping(value: object, path: Path) -> Iterator[Problem]:
        if not isinstance(value, Mapping):
            yield _unexpected("an object", value, path)
            return
        for name, item in value.items():
            yield from check_text(name, (*path, str(name)))
            yield from check(item, (*path, str(name)))

    return check_mapping


def object_of(
    fields: Mapping[str, Check], *, optional: Collection[str] = (), exactly: bool = False
) -> Check:
    """Return a check for an object that has ``exactly`` these fields, or others, too."""

    def check_object(value: object, path: Path) -> Iterator[Problem]:
        if not isinstance(value, Mapping):
            yield _unexpected("an object", value, path)
            return
        for name, check in fields.items():
            if name in value:
                yield from check(value[name], (*path, name))
            elif name not in optional:
                yield (*path, name), "missing"
        if exactly:
            for name in value:
                if name not in fields:
                    yield (*path, str(name)), "unknown field"

    return check_object


def _unexpected(expected: str, value: object, path: Path) -> Problem:
    return path, f"expected {expected}, got {json_type(value)}"


def json_type(value: object) -> str:
    """Return the name of a value's type in JSON, or of its class."""
    names = (name for kind, name in _JSON_TYPES.items() if isinstance(value, kind))
    return next(names, type(value).__name__)


_JSON_TYPES: Final[Mapping[type | tuple[type, ...], str]] = {
    type(None): "null",
    bool: "true or false",  # before int, its base class
    (int, float): "a number",
    str: "text",
    (list, tuple): "a list",
    dict: "an object",
}

# ---------------------------------------------------------------- explanations


def explain(problems: Sequence[Problem], *, whole: str) -> str:
    """Return in one line what is wrong and where: ``tasks[0].s3Key: expected text, got null``.

    The line has at most five problems. It does not contain values, because they may be secret or
    hostile.

    Args:
        problems: The problems, at least one.
        whole: What to call the value as a whole; empty if the text before names it.
    """
    lines = [
        f"{name}: {safe_line(text, 300)}" if name else safe_line(text, 300)
        for name, text in ((_as_text(path) or whole, text) for path, text in problems[:5])
    ]
    if len(problems) > len(lines):
        lines.append(f"and {len(problems) - len(lines)} more")
    return "; ".join(lines)


def explain_error(error: ValidationError, *, whole: str) -> str:
    """Return the same line for a validation error of pydantic."""
    problems = error.errors(include_url=False)
    return explain([(each["loc"], _sentence(each)) for each in problems], whole=whole)


def _as_text(path: Path) -> str:
    steps = [f"[{step}]" if isinstance(step, int) else f".{_field_name(step)}" for step in path]
    text = "".join(steps).removeprefix(".")
    return text if len(text) <= 300 else f"{text[:100]}…{text[-100:]}"


def _field_name(name: str) -> str:
    """Return a field name, in quotes if it would look like a path: ``"2.0"``."""
    is_plain = name.replace("-", "").replace("_", "").isalnum()
    short = name if len(name) <= 80 else f"{name[:80]}…"
    if is_plain:
        return short
    import json

    return escape_unprintable_json(json.dumps(short, ensure_ascii=False))


def _sentence(problem: Mapping[str, Any]) -> str:
    kind = problem["type"]
    if kind in _EXPECTED:
        return f"expected {_EXPECTED[kind]}, got {json_type(problem['input'])}"
    if kind == "missing":
        return "missing"
    if kind == "extra_forbidden":
        return "unknown field"
    if kind == "union_tag_invalid":  # pydantic's own message has the value
        context = problem["ctx"]
        return f"expected {context['discriminator']} to be one of {context['expected_tags']}"
    if kind == "union_tag_not_found":
        discriminator = problem["ctx"]["discriminator"]
        if discriminator.endswith("()"):  # a function of the user
            return f"{discriminator} found no model for it"
        return f"expected {discriminator}, which is missing"
    return str(problem["msg"]).removeprefix("Value error, ")


_EXPECTED: Final = {
    "string_type": "text",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
    "int_type": "a number",
    "bool_type": "true or false",
}
