"""The options of ``s3batch smoke`` as a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class SmokeOptions:
    """The options of the command line, by their names."""

    handler: str | None
    stack: str
    bucket: str | None
    outputs: tuple[str, ...]
    version_ids: bool
    arguments: dict[str, str]
    schema: str | None
    timeout: float | None
    env_file: Path | None
    yes: bool
    keep: bool
    save: Path | None
    retry_for: float | None
    as_json: bool
    quiet: bool
