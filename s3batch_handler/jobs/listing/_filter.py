"""Conditions on the objects of a listing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import translate
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    Found = Mapping[str, Any]
    """An object as S3 lists it, with the members of ListObjectsV2 or ListObjectVersions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectFilter:
    """Conditions on objects, which must all be met. A condition with several values needs one.

    Attributes:
        prefixes: Beginnings of the key.
        suffixes: Ends of the key.
        include: Patterns of the whole key, such as ``*/thumbs/*``: ``*`` stands for any text, even
            with slashes, ``?`` for one character, ``[abc]`` for one of these.
        exclude: Patterns of the keys that are left out.
        min_size: The smallest size in bytes.
        max_size: The largest size in bytes.
        newer_than: The object was written after this time, which has a time zone.
        older_than: The object was written before this time, which has a time zone.
        storage_classes: Storage classes, such as ``GLACIER``.
        tags: Tags that the object must all have. A listing does not contain them.
    """

    prefixes: tuple[str, ...] = ()
    suffixes: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    min_size: int | None = None
    max_size: int | None = None
    newer_than: datetime | None = None
    older_than: datetime | None = None
    storage_classes: tuple[str, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()

    @property
    def members(self) -> tuple[str, ...]:
        """Return the members of a listing, other than the key, that the conditions need."""
        needed = {
            "Size": self.min_size is not None or self.max_size is not None,
            "LastModified": self.newer_than is not None or self.older_than is not None,
            "StorageClass": bool(self.storage_classes),
        }
        return tuple(name for name, is_needed in needed.items() if is_needed)

    def predicate(self) -> Callable[[Found], bool]:
        """Return a function that says whether an object meets all conditions, except ``tags``."""
        rules = [*self._rules()]
        if len(rules) == 1:
            return rules[0]
        return lambda found: all(rule(found) for rule in rules)

    def has_tags(self, tags: Mapping[str, str]) -> bool:
        """Return whether an object with these tags meets the condition on tags."""
        return all(tags.get(name) == value for name, value in self.tags)

    def _rules(self) -> Iterator[Callable[[Found], bool]]:
        if prefixes := self.prefixes:
            yield lambda found: found["Key"].startswith(prefixes)
        if suffixes := self.suffixes:
            yield lambda found: found["Key"].endswith(suffixes)
        if self.include:
            included = _any_of(self.include)
            yield lambda found: included(found["Key"]) is not None
        if self.exclude:
            excluded = _any_of(self.exclude)
            yield lambda found: excluded(found["Key"]) is None
        if (least := self.min_size) is not None:
            yield lambda found: found["Size"] >= least
        if (most := self.max_size) is not None:
            yield lambda found: found["Size"] <= most
        if (after := self.newer_than) is not None:
            yield lambda found: found["LastModified"] > after
        if (before := self.older_than) is not None:
            yield lambda found: found["LastModified"] < before
        if self.storage_classes:
            classes = {*self.storage_classes}
            yield lambda found: found.get("StorageClass", _DEFAULT_CLASS) in classes


def _any_of(patterns: tuple[str, ...]) -> Callable[[str], re.Match[str] | None]:
    return re.compile("|".join(map(translate, patterns))).match


_DEFAULT_CLASS: Final = "STANDARD"
