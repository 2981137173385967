"""Hypothesis strategies: events, keys, contexts, results, exceptions, manifests and reports."""

from s3batch_handler.core._extras import raise_missing

try:
    from s3batch_handler.testing.strategies._documents import (
        ManifestFile,
        ReportFiles,
        manifests,
        reports,
        rows,
    )
    from s3batch_handler.testing.strategies._events import contexts, events, tasks
    from s3batch_handler.testing.strategies._exceptions import exceptions
    from s3batch_handler.testing.strategies._objects import buckets, keys, objects, version_ids
    from s3batch_handler.testing.strategies._results import results
except ModuleNotFoundError as error:
    raise_missing(error, __name__)

__all__ = [
    "ManifestFile",
    "ReportFiles",
    "buckets",
    "contexts",
    "events",
    "exceptions",
    "keys",
    "manifests",
    "objects",
    "reports",
    "results",
    "rows",
    "tasks",
    "version_ids",
]
