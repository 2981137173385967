"""The timeout and the runtime of a function, as deployed or as a template names them."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Final

from s3batch_handler.cli.doctor._check import error, ok, skipped, warning
from s3batch_handler.cli.doctor._versions import END_OF_SUPPORT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from s3batch_handler.cli.doctor._check import Check
    from s3batch_handler.cli.doctor._handler import LoadedHandler


def check_timeout(
    name: str, timeout: float | None, handler: LoadedHandler | None
) -> Iterator[Check]:
    """Compare the timeout of a function with the ``time_reserve`` of its handler.

    Args:
        name: The name of the check.
        timeout: Seconds; ``None`` if the timeout is not known.
        handler: The handler; ``None`` if it is not known.
    """
    if timeout is None:
        yield skipped(name, "cannot tell: the timeout is not known")
        return
    reserve = handler.time_reserve if handler is not None else None
    if reserve is None:
        if timeout <= _DEFAULT_TIMEOUT:
            yield warning(name, f"{timeout:g} s, Lambda's default", _RAISE_TIMEOUT)
        else:
            yield ok(name, f"{timeout:g} s")
        return
    left = timeout - reserve
    message = f"{timeout:g} s, of which time_reserve={reserve:g} s"
    if left <= 0:
        yield error(name, f"{message} leaves no time for a task", _RAISE_TIMEOUT)
    elif left < reserve or timeout <= _DEFAULT_TIMEOUT:
        yield warning(name, f"{message} leaves {left:g} s for a task", _RAISE_TIMEOUT)
    else:
        yield ok(name, f"{message} leaves {left:g} s for a task")
    limit = handler.task_timeout if handler is not None else None
    if limit is not None and 0 < left < limit:
        yield warning(
            name,
            f"task_timeout={limit:g} s is longer than the {left:g} s that a task has",
            "raise Timeout, or lower task_timeout",
        )


_DEFAULT_TIMEOUT: Final = 3
_RAISE_TIMEOUT: Final = "raise Timeout of the function, such as to 60, or lower time_reserve"


def check_runtime(name: str, runtime: str) -> Check:
    """Check the runtime of a function against the versions of Python that are supported."""
    found = re.fullmatch(r"python(\d+)\.(\d+)", runtime)
    if found is None:
        return skipped(name, f"{runtime}: this package does not run there")
    version = (int(found[1]), int(found[2]))
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    if version < min(END_OF_SUPPORT):
        return error(name, f"{runtime} is too old for s3batch-handler", "set Runtime to python3.13")
    if f"python{here}" != runtime:
        return ok(name, f"{runtime}; here it is {here}, so build binary packages with sam build")
    return ok(name, f"{runtime}, as here")
