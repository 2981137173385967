"""The local engine, which runs jobs of S3 Batch Operations on this machine.

``run/`` runs one job, for ``s3batch run`` and tests. :class:`Engine` keeps the jobs of an account
and runs each one in the same way, for ``s3batch serve`` and ``mock_s3batch``.
"""

from typing import TYPE_CHECKING, Any

from s3batch_handler.core._lazy_exports import import_public

if TYPE_CHECKING:
    from s3batch_handler.engine._engine import Engine

__all__ = [
    "Engine",
]

_MODULES = {
    "Engine": "_engine",
}


def __getattr__(name: str) -> Any:
    return import_public(__name__, name, _MODULES)
