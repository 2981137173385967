"""Hypothesis strategies: events, keys, contexts, results, exceptions, manifests and reports."""

from s3batch_handler.core._extras import raise_missing

try:
    from s3batch_handler.testing._document_strategies import (
        ManifestFile,
        ReportFiles,
        manifests,
        reports,
        rows,
    )
    from s3batch_handler.testing._event_strategies import contexts, events, tasks
    from s3batch_handler.testing._exception_strategies import exceptions
    from s3batch_handler.testing._object_strategies import buckets, keys, objects, version_ids
    from s3batch_handler.testing._result_strategies import results
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
