"""What tests share."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Event = dict[str, Any]


@pytest.fixture(scope="session")
def project() -> Path:
    """The directory that holds ``pyproject.toml``, ``README.md`` and the rest."""
    return Path(__file__).parents[1]


@pytest.fixture
def load_event() -> Callable[[str], Event]:
    """Reads ``tests/events/NAME``: a payload as S3 Batch Operations sends it, anew at each call."""

    def load(name: str) -> Event:
        event: Event = json.loads(Path(__file__).with_name("events").joinpath(name).read_text())
        return event

    return load
