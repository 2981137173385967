"""The names of members in job files: which structures have them, and which was probably meant."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final, get_args

from s3batch_handler.jobs._job import JobSpec
from s3batch_handler.jobs._structures import Structure

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def may_be_new_operation(name: str, known: Iterable[str]) -> bool:
    """Return whether an operation may be newer than this package, and is not a typing error."""
    return name.startswith("S3") and name.isalnum() and not get_close_matches(name, known)


def meant_member(name: str, known: tuple[str, ...]) -> str | None:
    """Return the member here that was probably meant: one with another spelling."""
    spellings = {_plain_name(each): each for each in known}
    plain = _plain_name(name)
    if plain not in spellings and _places_of(plain):
        return None
    close = get_close_matches(plain, spellings, n=1)
    return spellings[close[0]] if close else None


def describe_unknown(name: str, known: tuple[str, ...], meant: str | None) -> str:
    if meant is not None:
        return f"there is no such member; did you mean {meant}?"
    places = _places_of(_plain_name(name))
    if 0 < len(places) <= _MAX_PLACES:
        return f"there is no such member here; it belongs to {' or '.join(places)}"
    if not known:
        return "there is no such member; delete it"
    return f"there is no such member; the members here are {', '.join(known)}"


_MAX_PLACES: Final = 3


def _plain_name(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")


def _places_of(plain_name: str) -> list[str]:
    """Return the paths of the structures that have a member."""
    return [*_places(JobSpec, (), plain_name)]


def _places(model: type[Structure], path: tuple[str, ...], plain_name: str) -> Iterator[str]:
    for name, field in model.fields_by_name().items():
        if path and _plain_name(name) == plain_name:
            yield ".".join(path)
        structure = structure_in(field.annotation)
        if structure is not None:
            yield from _places(structure, (*path, name), plain_name)


def structure_in(annotation: Any) -> type[Structure] | None:
    """Return the structure in the annotation of a field, such as ``tuple[Grant, ...] | None``."""
    if isinstance(annotation, type) and issubclass(annotation, Structure):
        return annotation
    found = (structure_in(argument) for argument in get_args(annotation))
    return next((each for each in found if each is not None), None)
