"""Names of files that file systems accept."""

from __future__ import annotations

import os
import secrets
from typing import Final

_LONGEST: Final = 255
"""Bytes in a name, with almost every file system. Source: Linux, ``NAME_MAX`` in limits.h."""


def part_name(name: str) -> str:
    """Return a new name for a file or a folder while it is incomplete."""
    return f"{part_start(name)}{secrets.token_hex(_RANDOM // 2)}{_PART}"


def part_start(name: str) -> str:
    """Return the beginning of :func:`part_name`, which is the same each time."""
    return f".{shortened(name, _LONGEST - len('..') - _RANDOM - len(_PART))}."


_PART: Final = ".part"
_RANDOM: Final = 8  # hexadecimal digits


def shortened(name: str, max_bytes: int) -> str:
    """Return as much of the beginning of a name as has at most ``max_bytes``."""
    name = name[:max_bytes]
    while len(os.fsencode(name)) > max_bytes:
        name = name[:-1]
    return name
