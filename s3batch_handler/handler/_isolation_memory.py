"""The memory limit of a child process that runs tasks."""

from __future__ import annotations

import errno
import os
import re
import resource
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

_PARENT_MEGABYTES: Final = 40
"""The memory that is reserved for the parent process and the system by default."""

_SMALLEST_GROWTH: Final = 512
"""The megabytes that a child may allocate by default, even if the function has less memory.

Linux counts the whole stack of each thread, usually 8 MB, so a lower limit would stop functions
with many threads: each transfer of boto3 has ten. If memory runs out before the limit is reached,
the kernel kills the child.
"""

_MEGABYTE: Final = 1 << 20


def memory_limit(option: int | None, context: object) -> int | None:
    """Return the limit of a child process in megabytes, or ``None``.

    Args:
        option: The ``isolation_memory`` of the handler.
        context: The context of the invocation.

    Raises:
        ValueError: The option is less than what the process already has.
    """
    if sys.platform != "linux":  # other systems do not enforce the limit
        return None
    current = allocated_megabytes()
    if option is not None:
        if option <= current:
            raise ValueError(
                f"isolation_memory is {option:g} MB, but the process has {current} MB after its "
                "imports: set a higher limit"
            )
        return option
    with suppress(Exception):  # no context, or another one
        size = int(context.memory_limit_in_mb)  # type: ignore[attr-defined]
        return max(size - _PARENT_MEGABYTES, current + _SMALLEST_GROWTH)
    return None


def limit_memory(megabytes: int | None) -> None:
    """Limit the memory of this process, and let the kernel choose it first if memory runs out."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
        if megabytes is not None:
            size = int(megabytes * _MEGABYTE)
            hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
            if hard != resource.RLIM_INFINITY:
                size = min(size, hard)
            resource.setrlimit(resource.RLIMIT_DATA, (size, hard))


def lift_memory_limit() -> None:
    """Remove the limit, so that there is memory to answer for a task that has reached it."""
    with suppress(OSError, ValueError):
        hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
        resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an exception says that the process cannot allocate memory."""
    return (
        isinstance(error, MemoryError)
        or (isinstance(error, OSError) and error.errno == errno.ENOMEM)
        or (isinstance(error, RuntimeError) and error.args == ("can't start new thread",))
    )


def allocated_megabytes() -> int:
    """Return the megabytes that count against the limit now."""
    with suppress(OSError):
        status = Path(f"/proc/{os.getpid()}/status").read_text()
        found: Any = re.search(r"^VmData:\s*(\d+) kB", status, re.MULTILINE)
        if found:
            return int(found[1]) // 1024 + 1
    return 0
