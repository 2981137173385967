"""A task while it is observed."""

from __future__ import annotations

from s3batch_handler.core._typing import TYPE_CHECKING

if TYPE_CHECKING:
    from s3batch_handler.core._model import Outcome


class Observation:
    """A task that is observed. Set ``outcome`` before the ``with`` block ends."""

    outcome: Outcome | None = None
