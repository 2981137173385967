"""The threads of an engine that works in the background."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Final, Self

from s3batch_handler.core._errors import StateError
from s3batch_handler.core._redaction import text_of, without_secrets
from s3batch_handler.jobs._job_failures import RetryLater

if TYPE_CHECKING:
    from collections.abc import Callable


class Scheduler:
    """Threads that each look for work of their kind, and do it; none before there is news.

    What cannot be done for now (:class:`RetryLater`, a disk that is full) is looked at again later.

    Args:
        kinds: By name: gives the next piece of work, ``None`` if there is none.
    """

    def __init__(self, **kinds: Callable[[], Callable[[], None] | None]) -> None:
        self._news = threading.Condition()
        self.is_leaving = False
        self._threads = [
            threading.Thread(target=self._work, args=(kind,), name=f"s3batch {name}", daemon=True)
            for name, kind in kinds.items()
        ]

    def look(self) -> None:
        """Let all of them look for work: there is news."""
        with self._news:
            for thread in self._threads:
                if thread.ident is None and not self.is_leaving:
                    thread.start()
            self._news.notify_all()

    def _work(self, next_work: Callable[[], Callable[[], None] | None]) -> None:
        while not self.is_leaving:
            work = None
            try:
                with self._news:
                    work = next_work()
                    if work is None and not self.is_leaving:
                        self._news.wait()
                if work is not None:
                    work()
            except (RetryLater, StateError) as error:
                _LOG.warning("%s; retrying in %d s", text_of(error), _REST)
                self._rest()
            except BaseException as error:  # noqa: BLE001  the thread continues with the next job
                _LOG.error(
                    "a job ended because of an error in s3batch-handler",
                    exc_info=without_secrets(error),
                )
                if work is None:  # nor can the next one be looked for
                    self._rest()

    def _rest(self) -> None:
        with self._news:
            if not self.is_leaving:
                self._news.wait(_REST)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Let them leave what they do as soon as it can be left, and wait for that."""
        with self._news:
            self.is_leaving = True
        self.look()
        for thread in self._threads:
            # Do not join this thread: a function of a job may close the engine.
            if thread.ident not in (None, threading.get_ident()):
                thread.join()


_LOG: Final = logging.getLogger("s3batch_handler.engine")
_REST: Final = 10  # seconds
