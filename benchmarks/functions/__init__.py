"""Lambda functions that do the same, each with another library, and nothing besides."""

from __future__ import annotations


def do_nothing(bucket: str, key: str) -> str:
    return "done"
