"""Names of ``typing_extensions`` that run without the package; type checkers see the real ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import override
else:

    def override(method):
        """Return the method unchanged: ``typing.override`` exists since Python 3.12."""
        return method


__all__ = ["override"]
