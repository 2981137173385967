"""The engines of a server or a mock: one for each account and Region."""

from __future__ import annotations

import logging
import re
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Final

from s3batch_handler.core._errors import JobError
from s3batch_handler.engine._engine import Engine

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from s3batch_handler.engine.invoke._target import Target


class Engines(ExitStack):
    """The engines of all accounts and Regions, each created at its first request.

    ``limit`` is the most engines: any client can name any account and Region, and each engine uses
    a file, and threads if it has jobs, until the server ends. ``settings`` are those of
    :class:`~s3batch_handler.engine._engine.Engine`.
    """

    def __init__(
        self,
        functions: Mapping[str, Target],
        *,
        limit: int = 100,
        state: Path | None = None,
        **settings: Any,
    ) -> None:
        super().__init__()
        self._functions = functions
        self._limit = limit
        self._state = state
        self._settings = settings
        self._lock = threading.Lock()
        self._engines: dict[tuple[str, str], Engine] = {}

    def get(self, account_id: str, region: str) -> Engine:
        """Return the engine of an account and a Region."""
        key = account_id, region
        with self._lock:
            if key not in self._engines:
                if len(self._engines) >= self._limit:
                    raise JobError(
                        f"This server has jobs of {self._limit} accounts and Regions, the maximum. "
                        "Use one of these, or start another server",
                        code="TooManyRequestsException",
                    )
                state = None if self._state is None else self._state / account_id / region
                engine = Engine(
                    self._functions,
                    account_id=account_id,
                    region=region,
                    state=state,
                    **self._settings,
                )
                self._engines[key] = self.enter_context(engine)
            return self._engines[key]

    def all(self) -> dict[tuple[str, str], Engine]:
        """Return all engines by their account IDs and Regions."""
        with self._lock:
            return dict(self._engines)

    def continue_jobs(self) -> None:
        """Create the engines whose jobs are in the state folder, which continues these jobs."""
        for folder in sorted(self._state.glob("*/*")) if self._state is not None else ():
            account_id, region = folder.parent.name, folder.name
            if is_account_id(account_id) and is_region(region) and folder.is_dir():
                try:
                    self.get(account_id, region)
                except (JobError, OSError) as error:  # requests for these jobs fail with it, too
                    _LOG.warning(
                        "The jobs of account %s in %s cannot be used, all others continue: %s",
                        account_id,
                        region,
                        error,
                    )


def is_account_id(text: str) -> bool:
    """Return whether a text has the form of an account ID."""
    return re.fullmatch("[0-9]{12}", text, re.ASCII) is not None


def is_region(text: str) -> bool:
    """Return whether a text has the form of a Region."""
    return re.fullmatch("[a-z0-9-]{1,32}", text, re.ASCII) is not None


_LOG: Final = logging.getLogger("s3batch_handler.local_aws")
