"""Handlers with ``isolation="process"`` for tests, and functions for them."""

from __future__ import annotations

import os
from typing import Any

from tests.support.handlers import decorate


def isolated(function: Any, **options: Any) -> Any:
    return decorate(**{"isolation": "process", "time_reserve": 0.4, **options})(function)


def process_id(_: object) -> int:
    return os.getpid()


def crash(_: object) -> None:
    os._exit(3)
