"""Defaults of settings of the engine, the helpers for tests and the command line."""

from __future__ import annotations

from typing import Final

DEFAULT_MAX_REDRIVES: Final = 3
"""Retries of a task that fails temporarily."""

DEFAULT_TIMEOUT: Final = 60.0
"""Seconds that a call of a function may take. Lambda's own default is 3."""
