"""Processes that tests start."""

from __future__ import annotations

from pathlib import Path


def is_running(pid: int | str) -> bool:
    """Return whether a process exists and has not ended."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"
