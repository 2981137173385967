"""When a failed call of a remote function is tried again."""

from __future__ import annotations

import logging
import random
import threading
import time
from typing import Final

from s3batch_handler.core._errors import InvalidFunction
from s3batch_handler.core._redaction import redacted_text
from s3batch_handler.engine.invoke._lambda_api import CallFailed, InvokeError, Unreachable


class TryRules:
    """The rules for all calls of a function.

    Args:
        name: The function, for errors.
        backoff: Seconds before the second try, at most.
        patience: Seconds that a call waits for a server, or for a function to be ready.

    Attributes:
        has_responded: Whether the server has responded to any call.
    """

    def __init__(self, name: str, *, backoff: float, patience: float) -> None:
        self.name = name
        self.backoff = backoff
        self.patience = patience
        self.has_responded = False
        self._not_announced = threading.Lock()  # acquired once, by the first call that waits

    def announce(self, error: InvokeError) -> None:
        """Log once that calls wait."""
        if self._not_announced.acquire(blocking=False):
            text = "%s: %s; waiting up to %g seconds"
            _LOG.warning(text, self.name, redacted_text(error), self.patience)


class CallTries:
    """The tries of one call.

    Attributes:
        failures: The tries that have failed, without those that only waited.
    """

    def __init__(self, rules: TryRules) -> None:
        self._rules = rules
        self._tried = 0
        self._waiting_since: float | None = None
        self.failures = 0

    def pause_after(self, error: InvokeError) -> float:
        """Return the seconds before the next try.

        Raises:
            InvalidFunction: The calls for all tasks will fail.
            InvokeError: This call has failed.
        """
        rules = self._rules
        if isinstance(error, Unreachable):
            if rules.has_responded:
                self._wait(error)
            elif self._tried + 1 >= _FIRST_TRIES:
                raise InvalidFunction(f"{rules.name}: {error}") from error
        elif not isinstance(error, CallFailed):
            raise error
        else:
            rules.has_responded = True
            if error.affects_all_tasks:
                raise InvalidFunction(f"{rules.name}: {error}") from error
            if error.is_not_ready:
                self._wait(error)
            else:
                self.failures += 1
                if self.failures >= error.tries:
                    raise error
        # A random pause, so that calls that failed together do not return together.
        pause = _RANDOM.uniform(0, min(rules.backoff * 2**self._tried, _MAX_PAUSE))
        self._tried += 1
        return pause

    def _wait(self, error: InvokeError) -> None:
        """Note since when the call waits.

        Raises:
            InvalidFunction: It has waited for ``patience`` seconds.
        """
        now = time.monotonic()
        if self._waiting_since is None:
            self._rules.announce(error)
            self._waiting_since = now
        elif now - self._waiting_since >= self._rules.patience:
            waited = f"waited {self._rules.patience:g} seconds for it"
            raise InvalidFunction(f"{self._rules.name}: {error} ({waited})") from error


_LOG: Final = logging.getLogger("s3batch_handler.engine")
_FIRST_TRIES: Final = 3  # of a server that has not responded yet
_MAX_PAUSE: Final = 10.0  # seconds
_RANDOM: Final = random.SystemRandom()
