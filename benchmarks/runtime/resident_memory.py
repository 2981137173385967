"""The resident memory of a process (Linux)."""

from __future__ import annotations

from pathlib import Path


def resident_mib(pid: int | str = "self") -> float:
    """Return the resident memory of a process in MiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise ValueError(f"process {pid} has no resident memory")
