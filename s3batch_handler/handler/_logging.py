"""Log lines about tasks, without credentials."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from functools import partial

from s3batch_handler.core._errors import TaskFailure
from s3batch_handler.core._sanitize import escape_surrogates
from s3batch_handler.core._typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterator

    from s3batch_handler.core._model import Task


def log_keys(task: Task[Any, Any]) -> dict[str, str | None]:
    """Return the keys for log lines of a task, without user arguments, which may be secret."""
    return {
        "job_id": task.job.id,
        "task": _short_hash(task.id),
        "bucket": escape_surrogates(task.bucket),
        "key": escape_surrogates(task.key),
        "version_id": task.version_id,
    }


def _short_hash(task_id: str) -> str:
    """Return 12 hex digits for a task ID, because IDs of S3 exceed a thousand characters."""
    import hashlib  # loads OpenSSL, which is slow

    return hashlib.blake2s(task_id.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()


def cause_text(error: BaseException, message: str) -> str:
    """Return the description of the cause of a TaskFailure, unless its message contains it."""
    cause = error.__cause__
    if not isinstance(error, TaskFailure) or cause is None:
        return ""
    from s3batch_handler.core._error_text import describe  # only failures need it

    words = describe(cause)
    return "" if words in message else f", caused by {words}"


def log_with(error: BaseException | None, log: Callable[..., None]) -> None:
    """Log an exception without credentials.

    A redacted copy is raised and handled while it is logged, because a Powertools Logger with a
    buffer (3.37) logs the exception that is being handled, not the one in ``exc_info``.
    """
    if error is None:
        log(exc_info=None)
        return
    from s3batch_handler.core._logged_exceptions import redact_exception  # only failures need it

    shown = redact_exception(error)
    exc_info = type(shown), shown, shown.__traceback__
    if shown is error:
        log(exc_info=exc_info)
        return
    context = shown.__context__
    try:
        raise shown
    except type(shown):
        shown.__context__, shown.__traceback__ = context, exc_info[2]
        log(exc_info=exc_info)


@contextmanager
def log_exceptions(action: str) -> Iterator[None]:
    """Catch and log the exceptions in the block."""
    try:
        yield
    except Exception as error:
        with suppress(Exception):
            warn = own_logger().warning
            log_with(error, partial(warn, "%s failed; the task is not affected", action))


def own_logger() -> logging.Logger:
    import logging  # 3 ms

    return logging.getLogger("s3batch_handler")
