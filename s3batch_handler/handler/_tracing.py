"""Subsegments of tasks in a trace, made with a Powertools ``Tracer``."""

from __future__ import annotations

import threading
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from s3batch_handler.core._sanitize import escape_surrogates
from s3batch_handler.handler._logging import log_exceptions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from s3batch_handler.core._model import Task
    from s3batch_handler.handler._observation import Observation
    from s3batch_handler.handler._types import SubsegmentLike, TracerLike


@contextmanager
def subsegment_of_task(
    tracer: TracerLike, task: Task[Any, Any], observation: Observation
) -> Iterator[None]:
    """Open a subsegment for a task. Calls in the block open their subsegments below it."""
    with ExitStack() as stack:
        subsegment: SubsegmentLike | None = None
        with log_exceptions("opening a subsegment"):
            block = _subsegment_block(tracer.provider)
            subsegment = block.__enter__()
            stack.push(partial(_close, block))
        _open.count += 1
        try:
            yield
        finally:
            _open.count -= 1
            with log_exceptions("annotating a subsegment"):
                if subsegment is not None:  # None outside of a traced invocation
                    if observation.outcome is not None:
                        subsegment.put_annotation("ResultCode", observation.outcome.code.value)
                    subsegment.put_metadata("bucket", escape_surrogates(task.bucket), "s3batch")
                    subsegment.put_metadata("key", escape_surrogates(task.key), "s3batch")


def _close(block: AbstractContextManager[Any], *exc_info: Any) -> None:
    with log_exceptions("closing a subsegment"):
        block.__exit__(*exc_info)


class _OpenSubsegments(threading.local):
    """The open subsegments of tasks in a thread; more than one only in an event loop."""

    count = 0
    parent: Any = None


_open = _OpenSubsegments()

_SUBSEGMENT: Final = "s3batch task"


def _subsegment_block(provider: Any) -> AbstractContextManager[Any]:
    if _open.count:
        return _sibling_subsegment(provider, _open.parent)
    _open.parent = getattr(provider, "get_trace_entity", lambda: None)()
    block: AbstractContextManager[Any] = provider.in_subsegment(_SUBSEGMENT)
    return block


@contextmanager
def _sibling_subsegment(provider: Any, parent: Any) -> Iterator[Any]:
    """Open a subsegment with the same parent as one that is open in this thread.

    The X-Ray SDK keeps one stack of open subsegments per thread, so tasks that alternate in an
    event loop would become each other's children and close each other (aws-xray-sdk-python,
    issue 164). A new thread has a new stack, whose first entity is the parent.
    """
    begun: list[Any] = []

    def begin() -> None:
        with log_exceptions("opening a subsegment"):
            provider.set_trace_entity(parent)
            begun.append(provider.begin_subsegment(_SUBSEGMENT))

    if parent is not None:
        thread = threading.Thread(target=begin)
        thread.start()
        thread.join()
    subsegment = begun[0] if begun else None
    try:
        yield subsegment
    except BaseException:
        if subsegment is not None:
            subsegment.add_fault_flag()
        raise
    finally:
        if subsegment is not None:
            subsegment.close()
            provider.stream_subsegments()  # it may not be sent later
