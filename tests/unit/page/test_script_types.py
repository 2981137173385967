"""The types of the documents for the scripts of the page: the same as in Python."""

from __future__ import annotations

import json
import re
from types import NoneType, UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints

import pytest
from typing_extensions import is_typeddict

from s3batch_handler.documents.reports import _run_record
from s3batch_handler.page import _document
from s3batch_handler.page._assets import FOLDER

TYPES: Final = {**vars(_run_record), **vars(_document)}
DOCUMENTS: Final = sorted(
    name for name, kind in TYPES.items() if is_typeddict(kind) and name != "RunRecord"
)
SCRIPT_TYPES: Final = (FOLDER / "types.d.ts").read_text()


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_scripts_know_the_members_of_each_document(name: str) -> None:
    """A document has the same members for the scripts as in Python, with the same types."""
    documented = re.search(
        rf"^interface {name} {{\n(.*?)^}}", SCRIPT_TYPES, re.MULTILINE | re.DOTALL
    )

    members = dict(
        re.findall(r"^  (\w+): (.*);$", documented[1] if documented else "", re.MULTILINE)
    )

    assert members == {
        member: script_type(kind)
        for member, kind in get_type_hints(TYPES[name], localns=TYPES).items()
    }


@pytest.mark.parametrize("name", ["ActionName", "Origin"])
def test_the_scripts_know_the_names(name: str) -> None:
    """Actions and origins have the same names for the scripts as in Python."""
    assert f"type {name} = {literal_type(TYPES[name])};" in SCRIPT_TYPES


def test_the_scripts_know_no_other_document() -> None:
    """All documents of the scripts exist in Python."""
    assert sorted(re.findall(r"^interface (\w+)", SCRIPT_TYPES, re.MULTILINE)) == DOCUMENTS


NAMED: Final[dict[Any, str]] = {
    str: "string",
    int: "number",
    float: "number",
    NoneType: "null",
    _document.ActionName: "ActionName",
    _document.Origin: "Origin",
}


def script_type(kind: Any) -> str:
    """Return the type in TypeScript that the JSON of a type has."""
    if kind in NAMED:
        return NAMED[kind]
    origin = get_origin(kind)
    if origin is Literal:
        return literal_type(kind)
    parts = [script_type(part) for part in get_args(kind)]
    if origin in (Union, UnionType):
        return " | ".join(parts)
    if origin is tuple:
        return f"[{', '.join(parts)}]"
    if origin is list:
        return f"{parts[0]}[]"
    if origin is dict:
        return f"Record<{parts[0]}, {parts[1]}>"
    assert is_typeddict(kind)
    return str(kind.__name__)


def literal_type(kind: Any) -> str:
    return " | ".join(json.dumps(value) for value in get_args(kind))
