"""Parse the JSON files beside a report, which others may write: ``job.json`` and ``run.json``."""

from __future__ import annotations

import json
from typing import Any, NoReturn


def parse_record(content: bytes, *, limit: int) -> Any:
    """Return the value of a JSON document. Its texts may have lone surrogates, as paths have.

    Raises:
        ValueError: It is not JSON, or has more than ``limit`` bytes.
        RecursionError: It is nested too deeply.
    """
    if len(content) > limit:
        raise ValueError(f"more than {limit:,} bytes")
    return json.loads(content.decode("utf-8", "surrogatepass"), parse_constant=_refuse)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
